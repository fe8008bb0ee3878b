//! Runs a program that cannot outlive its owner.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::error::{Result, io};

/// Waits in `read` for the end of the owner's pipe. `PR_SET_PDEATHSIG` would
/// not do: it fires when the starting *thread* ends, and test threads end early.
///
/// A background job of a non-interactive shell reads from /dev/null, hence the
/// detour over descriptor 3. The signal from the watcher tells why the server
/// ended: a watcher that saw the pipe close comes to its own end, so that no
/// `sleep` of it is left behind; one that still waits is killed.
const SCRIPT: &str = r#"
remove=$1; signal=$2; grace=$3; log=$4; first=$5; pid=$6; shift 6
exec 3<&0 </dev/null >>"$log" 2>&1
cleanup() { [ -z "$pid" ] || rm -f -- "$pid"; [ -z "$remove" ] || rm -rf -- "$remove"; }
if [ -n "$first" ]; then sh -c "$first" 3<&- || { cleanup; exit 97; }; fi
closed=
trap 'closed=1' USR1
"$@" 3<&- &
server=$!
[ -z "$pid" ] || echo "$server" >"$pid"
(
  trap - USR1
  while read -r _ <&3; do :; done
  kill -s USR1 $$
  kill -s "$signal" "$server"
  left=$((grace * 10))
  while kill -0 "$server"; do
    [ "$left" -gt 0 ] || kill -s KILL "$server"
    sleep 0.1; left=$((left - 1))
  done
) 2>/dev/null &
watcher=$!
while :; do
  wait "$server"; status=$?
  kill -0 "$server" 2>/dev/null || break
done
exec 2>/dev/null # a shell tells of killed jobs
[ -n "$closed" ] || kill -s KILL "$watcher"
wait "$watcher"
cleanup
exit "$status"
"#;

/// What to run, and how to end it.
#[derive(Debug, Clone)]
pub struct GuardSpec {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Environment variables beside the inherited ones.
    pub env: Vec<(String, String)>,
    /// A shell line that must succeed before the program is started.
    pub first: Option<String>,
    /// What stands before the shell, to run all of it as another account.
    pub prefix: Vec<String>,
    /// The working directory.
    pub directory: PathBuf,
    /// Where the program's output goes.
    pub log: PathBuf,
    /// Where the program's process id is written while it runs.
    pub pid_file: Option<PathBuf>,
    /// The signal that asks the program to end, without `SIG`.
    pub signal: &'static str,
    /// After how many seconds it is killed if it has not.
    pub grace_seconds: u32,
    /// A directory to remove when it has ended.
    pub remove: Option<PathBuf>,
}

impl GuardSpec {
    /// Runs `command` in `directory`, ends it with `SIGTERM`, keeps its files.
    #[must_use]
    pub fn new(command: Vec<OsString>, directory: &Path, log: PathBuf) -> Self {
        Self {
            command,
            env: Vec::new(),
            first: None,
            prefix: Vec::new(),
            directory: directory.to_owned(),
            log,
            pid_file: None,
            signal: "TERM",
            grace_seconds: 10,
            remove: None,
        }
    }
}

/// A running program that is stopped when this value is dropped, and when this
/// process ends in whatever way.
#[derive(Debug)]
pub struct Guard {
    shell: Child,
    log: PathBuf,
}

impl Guard {
    /// Starts the program under its watching shell.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub fn start(spec: &GuardSpec) -> Result<Self> {
        let mut line: Vec<OsString> = spec.prefix.iter().map(Into::into).collect();
        line.extend(["/bin/sh", "-c", SCRIPT, "guard"].map(Into::into));
        line.push(spec.remove.clone().unwrap_or_default().into());
        line.push(spec.signal.into());
        line.push(spec.grace_seconds.to_string().into());
        line.push(spec.log.clone().into());
        line.push(spec.first.clone().unwrap_or_default().into());
        line.push(spec.pid_file.clone().unwrap_or_default().into());
        line.extend(spec.command.iter().cloned());
        let mut command = Command::new(&line[0]);
        command
            .args(&line[1..])
            .current_dir(&spec.directory)
            .envs(spec.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C goes to the terminal's foreground group: the owner decides.
            .process_group(0);
        let shell = command.spawn().map_err(io("start", "/bin/sh"))?;
        Ok(Self { shell, log: spec.log.clone() })
    }

    /// The exit status, when the program has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.shell.try_wait().ok().flatten()
    }

    /// The last lines of the program's output.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Waits for the end of a program that something else ends.
    pub fn wait(&mut self) {
        // The pipe stays open meanwhile: its end would ask the program to end.
        while self.ended().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Stops the program and waits until it is gone.
    pub fn stop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell ends by itself: it kills what does not heed the signal.
        let _ = self.shell.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop();
    }
}
