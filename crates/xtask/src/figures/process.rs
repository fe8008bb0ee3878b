//! `start.<service>.ms` and `idle.<service>.mib`: how long until a service is
//! ready, and how much memory it holds when nothing happens.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Context, Figure, Group};
use crate::services::{Backing, SERVICES, Service, require_program};
use crate::token::Key;

const START_GOAL_MS: f64 = 300.0;
const IDLE_GOAL_MIB: f64 = 40.0;
const RUNS: usize = 11;
const SETTLE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(20);

pub const GROUP: Group = Group { names, measure };

fn names() -> Vec<String> {
    let start = SERVICES.map(|name| format!("start.{name}.ms"));
    let idle = SERVICES.map(|name| format!("idle.{name}.mib"));
    start.into_iter().chain(idle).collect()
}

fn measure(context: &Context, wanted: &[String]) -> Result<Vec<Figure>> {
    let binaries = context.binaries()?;
    let mut figures = Vec::new();
    for name in SERVICES {
        let directory = tempfile::tempdir()?;
        let start = format!("start.{name}.ms");
        if wanted.contains(&start) {
            let runs: Result<Vec<f64>> =
                (0..RUNS).map(|_| Ok(Running::start(name, &binaries, directory.path())?.ready_ms)).collect();
            // The first start makes the database and reads the program from the disk.
            let runs = runs?.split_off(1);
            figures.push(Figure::of_runs(&start, "ms", runs)?.goal(START_GOAL_MS));
        }
        let idle = format!("idle.{name}.mib");
        if wanted.contains(&idle) {
            let running = Running::start(name, &binaries, directory.path())?;
            std::thread::sleep(SETTLE);
            let mib = resident_mib(running.child.id())?;
            figures.push(Figure::of_runs(&idle, "MiB", vec![mib])?.goal(IDLE_GOAL_MIB));
        }
    }
    Ok(figures)
}

/// A ready service, killed when dropped.
pub struct Running {
    child: Child,
    ready_ms: f64,
    /// Where it is.
    pub service: Service,
    /// What signs tokens for it.
    pub key: Key,
}

impl Running {
    fn start(name: &'static str, binaries: &Path, directory: &Path) -> Result<Self> {
        let store = directory.join(format!("{name}.db"));
        Self::start_on(name, binaries, directory, format!("sqlite:{}", store.display()))
    }

    /// Starts a service on a store, with a bus in its process, and waits until it is ready.
    pub fn start_on(name: &'static str, binaries: &Path, directory: &Path, store: String) -> Result<Self> {
        let service = Service::place(name, binaries, directory)?;
        require_program(&service)?;
        let backing = Backing { store, bus: None };
        // The gateway connects on demand: that nobody is there does not hold it up.
        let others = ["profile", "scoring", "recommendation", "feedback"]
            .map(|other| Service::place(other, binaries, directory))
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        let key = Key::generate()?;
        service.configure(&key, &backing, &others, None)?;
        let line = service.command();
        let log = directory.join("log");
        let begin = Instant::now();
        let child = Command::new(&line[0])
            .args(&line[1..])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log)?)
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", service.program.display()))?;
        let mut running = Self { child, ready_ms: 0.0, service, key };
        while !running.service.ready() {
            if let Some(status) = running.child.try_wait()? {
                let log = fs::read_to_string(&log).unwrap_or_default();
                bail!("salient-{name} ended with {status}: {log}");
            }
            if begin.elapsed() > PATIENCE {
                bail!("salient-{name} was not ready after {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        running.ready_ms = begin.elapsed().as_secs_f64() * 1e3;
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn resident_mib(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))
        .context("the resident set is read from /proc, which is there on Linux only")?;
    let kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .context("no VmRSS in /proc")?
        .trim()
        .parse()?;
    Ok(kib / 1024.0)
}
