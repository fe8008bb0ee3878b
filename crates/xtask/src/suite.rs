//! The suite as five processes on private Postgres and Redis servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use salient_testkit::{Guard, GuardSpec, Postgres, PostgresOptions, Redis, RedisOptions};

use crate::services::{Backing, SERVICES, Service, require_program};
use crate::session::Session;
use crate::token::Key;

/// When a replayed day begins, as in the demo of one process.
const MORNING: &str = "08:00:00";
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(20);
/// More than both stages of a service's own shutdown.
const GRACE_SECONDS: u32 = 30;

/// A running suite; everything of it is stopped with [`Suite::stop`] and when this process ends.
#[derive(Debug)]
pub struct Suite {
    // In the order of stopping: the services before what they stand on.
    running: Vec<Running>,
    redis: Redis,
    postgres: Postgres,
    directory: PathBuf,
}

/// A service, and its process while there is one.
#[derive(Debug)]
struct Running {
    service: Service,
    spec: GuardSpec,
    guard: Option<Guard>,
}

impl Running {
    fn of(service: Service, directory: &Path) -> Result<Self> {
        let log = directory.join(format!("{}.log", service.name));
        let _ = fs::remove_file(&log);
        let mut spec = GuardSpec::new(service.command(), directory, log);
        // For one who wants to see what a `kill -9` does.
        spec.pid_file = Some(directory.join(format!("{}.pid", service.name)));
        spec.grace_seconds = GRACE_SECONDS;
        let guard = Some(Guard::start(&spec)?);
        Ok(Self { service, spec, guard })
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let (begin, name) = (Instant::now(), self.service.name);
        let guard = self.guard.as_mut().with_context(|| format!("{name} is not running"))?;
        while !self.service.ready() {
            if let Some(status) = guard.ended() {
                bail!("{name} ended with {status}:\n{}", guard.log_tail(20));
            }
            if begin.elapsed() > PATIENCE {
                bail!("{name} was not ready after {PATIENCE:?}:\n{}", guard.log_tail(20));
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }
}

impl Suite {
    /// Starts everything, with the programs in `binaries` and the services' files in `directory`,
    /// and waits until all are ready. Their clocks start in the morning of the day `as_of`
    /// (YYYY-MM-DD) if one is given.
    ///
    /// # Errors
    /// A program is missing, or something does not start; then nothing is left running.
    pub async fn start(binaries: &Path, directory: &Path, as_of: Option<&str>) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        // The addresses of a suite that is gone would mislead.
        let _ = fs::remove_file(session_in(directory));
        let services: Vec<Service> = SERVICES
            .map(|name| Service::place(name, binaries, directory))
            .into_iter()
            .collect::<Result<_>>()?;
        services.iter().try_for_each(require_program)?;
        let postgres = Postgres::start(&PostgresOptions { directory: None, durable: true })?;
        let redis = Redis::start(&RedisOptions::default())?;
        let mut suite = Self { running: Vec::new(), redis, postgres, directory: directory.to_owned() };
        match suite.start_services(services, as_of).await {
            Ok(()) => Ok(suite),
            Err(error) => {
                suite.stop();
                Err(error)
            }
        }
    }

    async fn start_services(&mut self, services: Vec<Service>, as_of: Option<&str>) -> Result<()> {
        let key = Key::generate()?;
        let as_of = as_of.map(|day| format!("{day}T{MORNING}Z"));
        for service in &services {
            let store = match service.name {
                // It keeps no state of its own.
                "gateway" => String::new(),
                name => self.postgres.named_database(&database(name)).await?,
            };
            let backing = Backing { store, bus: Some(self.redis.url().to_owned()) };
            service.configure(&key, &backing, &services[..4], as_of.as_deref())?;
            self.running.push(Running::of(service.clone(), &self.directory)?);
        }
        for running in &mut self.running {
            running.wait_until_ready()?;
        }
        let session = Session::new(&services, &key, as_of, &self.postgres.url(), self.redis.url())?;
        session.write(&self.session())
    }

    /// The session file by which `salient` finds the suite.
    pub fn session(&self) -> PathBuf {
        session_in(&self.directory)
    }

    /// The services in the order of their starts.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.running.iter().map(|running| &running.service)
    }

    /// What a query answers in the database of a service: rows as lines, columns apart by `|`.
    ///
    /// # Errors
    /// The database refuses the query.
    pub fn query(&self, service: &str, sql: &str) -> Result<String> {
        let url = self.postgres.url();
        let (server, _) = url.rsplit_once('/').context("an address without a database")?;
        Ok(self.postgres.query(&format!("{server}/{}", database(service)), sql)?)
    }

    /// Ends a service as a crash would: `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// It is not running.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        let running = self.find(name)?;
        let mut guard = running.guard.take().with_context(|| format!("{name} is not running"))?;
        let file = running.spec.pid_file.as_deref().context("a service without a process id")?;
        let id = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let killed = Command::new("sh").args(["-c", "kill -s KILL \"$1\"", "kill", id.trim()]).status()?;
        ensure!(killed.success(), "{name} could not be killed");
        guard.wait();
        Ok(())
    }

    /// Starts a service that has ended again, where it was, and waits until it is ready.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self, name: &str) -> Result<()> {
        let running = self.find(name)?;
        running.guard = Some(Guard::start(&running.spec)?);
        running.wait_until_ready()
    }

    /// The services that have ended by themselves since the last call.
    pub fn ended(&mut self) -> Vec<(Service, ExitStatus)> {
        let mut ended = Vec::new();
        for running in &mut self.running {
            if let Some(status) = running.guard.as_mut().and_then(Guard::ended) {
                running.guard = None;
                ended.push((running.service.clone(), status));
            }
        }
        ended
    }

    /// Stops everything and waits until it is gone.
    pub fn stop(self) {
        let _ = fs::remove_file(self.session());
        // The gateway first, then what it calls.
        for running in self.running.into_iter().rev() {
            drop(running.guard);
        }
        self.redis.stop();
        self.postgres.stop();
    }

    fn find(&mut self, name: &str) -> Result<&mut Running> {
        let found = self.running.iter_mut().find(|running| running.service.name == name);
        found.with_context(|| format!("there is no service {name}"))
    }
}

fn database(service: &str) -> String {
    format!("salient_{service}")
}

fn session_in(directory: &Path) -> PathBuf {
    directory.join("session.json")
}
