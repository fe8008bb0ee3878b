//! Runs programs so that a Ctrl-C ends them and lets this process clean up.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask this process to end. While this lives, and after it,
/// they no longer end it by themselves.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupts {
    /// Takes the signals over.
    pub fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one and returns its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "INT",
            _ = self.terminate.recv() => "TERM",
            _ = self.hangup.recv() => "HUP",
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Its exit code, or 128 and the signal's number, as shells have it.
    pub code: u8,
    /// Whether it was asked to end.
    pub interrupted: bool,
}

/// Runs a program to its end in a process group of its own, to which signals
/// are passed on; what an interrupted group leaves behind is killed.
pub async fn run(command: Command, interrupts: &mut Interrupts) -> Result<Ended> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut command = tokio::process::Command::from(command);
    command.process_group(0).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("start {name}"))?;
    let group = child.id().context("the process has no id")?;
    let mut interrupted = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.with_context(|| format!("wait for {name}"))?,
            signal = interrupts.next() => {
                interrupted = true;
                signal_group(signal, group);
            }
        }
    };
    if interrupted {
        signal_group("KILL", group);
    }
    Ok(Ended { code: code(status), interrupted })
}

/// The code that a shell would report.
pub fn code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// Runs a program and fails unless it succeeds.
pub fn check(command: &mut Command) -> Result<()> {
    let line = line(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("start {line}"))?;
    if !status.success() {
        bail!("{line} ended with {status}");
    }
    Ok(())
}

/// Runs a program, fails unless it succeeds, and returns what it printed.
pub fn read(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {line}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{line} ended with {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn signal_group(signal: &str, group: u32) {
    // There is no safe kill(2) in the standard library; the shell has one.
    let _ = Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"-$2\"", "kill", signal])
        .arg(group.to_string())
        .stderr(Stdio::null())
        .status();
}
