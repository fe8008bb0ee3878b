//! `cargo xtask up`: the suite as five processes on private Postgres and Redis.
//!
//! Nothing is restarted by itself: what happens when a service dies is what one
//! wants to see. Its command line is printed; started again, it takes its place.

mod session;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use salient_testkit::{Guard, GuardSpec, Postgres, PostgresOptions, Redis, RedisOptions};

use crate::install;
use crate::process::{self, Interrupts};
use crate::services::{self, Backing, SERVICES, Service, require_program};
use crate::token::Key;
use crate::workspace::Workspace;

use session::Session;

const PATIENCE: Duration = Duration::from_secs(30);
/// More than both stages of a service's own shutdown.
const GRACE_SECONDS: u32 = 30;
const GLANCE: Duration = Duration::from_millis(500);

/// How to run the suite.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run `salient demo` against the services once they are ready
    #[arg(long)]
    demo: bool,
    /// Build without optimisation
    #[arg(long)]
    debug: bool,
    /// Use the programs in this directory instead of building them
    #[arg(long, value_name = "DIR", conflicts_with = "debug")]
    binaries: Option<PathBuf>,
    /// Start the services' clocks at the beginning of this day (YYYY-MM-DD) instead of now
    #[arg(long, value_name = "DAY")]
    as_of: Option<String>,
    /// Handed to `salient demo`, for example `--data PATH --as-of DAY --once`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, requires = "demo", value_name = "ARGUMENT")]
    demo_arguments: Vec<String>,
}

impl Args {
    /// The day of the services' clocks, also when only the demo is told it.
    fn day(&self) -> Option<&str> {
        let mut words = self.demo_arguments.iter();
        let told = words.find_map(|word| match word.strip_prefix("--as-of")? {
            "" => Some(None),
            rest => rest.strip_prefix('=').map(Some),
        });
        let told = told.and_then(|day| day.or_else(|| words.next().map(String::as_str)));
        self.as_of.as_deref().or(told)
    }

    /// What the demo is told.
    fn demo_words(&self) -> Vec<&str> {
        let mut words: Vec<&str> = self.demo_arguments.iter().map(String::as_str).collect();
        if let Some(day) = &self.as_of {
            words.extend(["--as-of", day]);
        }
        words
    }
}

/// Starts everything, serves until a Ctrl-C (or the demo's end with `--once`),
/// and stops everything.
pub async fn run(arguments: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    install::ensure_servers()?;
    let binaries = match &arguments.binaries {
        Some(binaries) => std::path::absolute(binaries)?,
        None => services::build(&workspace, !arguments.debug, arguments.demo)?,
    };
    let directory = workspace.root.join(".salient/up");
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    let mut suite = Suite::start(&workspace, &binaries, &directory, &arguments).await?;
    let mut interrupts = Interrupts::new()?;
    let result = suite.serve(&binaries, &arguments, &mut interrupts).await;
    eprintln!("stopping");
    suite.stop();
    result
}

struct Suite {
    // In the order of stopping: the services before what they stand on.
    running: Vec<(Service, Option<Guard>)>,
    redis: Redis,
    postgres: Postgres,
    session: PathBuf,
}

impl Suite {
    async fn start(
        workspace: &Workspace,
        binaries: &Path,
        directory: &Path,
        arguments: &Args,
    ) -> Result<Self> {
        let session = directory.join("session.json");
        // The addresses of a suite that is gone would mislead.
        let _ = fs::remove_file(&session);
        let postgres = Postgres::start(&PostgresOptions { directory: None, durable: true })?;
        let redis = Redis::start(&RedisOptions::default())?;
        let key = Key::generate()?;
        let as_of = arguments.day().map(|day| format!("{day}T00:00:00Z"));

        let mut services = Vec::new();
        for name in SERVICES {
            let service = Service::place(name, binaries, directory)?;
            require_program(&service)?;
            services.push(service);
        }
        let mut running = Vec::new();
        for service in &services {
            let store = match service.name {
                // It keeps no state of its own.
                "gateway" => String::new(),
                name => postgres.named_database(&format!("salient_{name}")).await?,
            };
            let backing = Backing { store, bus: Some(redis.url().to_owned()) };
            service.configure(&key, &backing, &services[..4], as_of.as_deref())?;
            let log = directory.join(format!("{}.log", service.name));
            let _ = fs::remove_file(&log);
            let mut spec = GuardSpec::new(service.command(), &workspace.root, log);
            // For one who wants to see what a `kill -9` does.
            spec.pid_file = Some(directory.join(format!("{}.pid", service.name)));
            spec.grace_seconds = GRACE_SECONDS;
            running.push((service.clone(), Some(Guard::start(&spec)?)));
        }
        let mut suite = Self { running, redis, postgres, session };
        if let Err(error) = suite.wait_until_ready() {
            suite.stop();
            return Err(error);
        }
        let session = Session::new(&services, &key, as_of, &suite.postgres.url(), suite.redis.url())?;
        session.write(&suite.session)?;
        suite.announce();
        Ok(suite)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begin = Instant::now();
        for (service, guard) in &mut self.running {
            let name = service.name;
            while !service.ready() {
                if let Some(guard) = guard
                    && let Some(status) = guard.ended()
                {
                    bail!("{name} ended with {status}:\n{}", guard.log_tail(20));
                }
                if begin.elapsed() > PATIENCE {
                    let log = guard.as_ref().map(|guard| guard.log_tail(20));
                    bail!("{name} was not ready after {PATIENCE:?}:\n{}", log.unwrap_or_default());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    /// On standard error: standard output belongs to the demo.
    fn announce(&self) {
        eprintln!("{:<16} {:<24} metrics and health", "service", "address");
        for (service, _) in &self.running {
            let Service { name, listen, admin, .. } = service;
            eprintln!("{name:<16} {:<24} http://{admin}", format!("http://{listen}"));
        }
        let session = self.session.display();
        eprintln!("for the commands of salient: export SALIENT_SESSION={session}");
        eprintln!("Ctrl-C stops everything");
    }

    async fn serve(
        &mut self,
        binaries: &Path,
        arguments: &Args,
        interrupts: &mut Interrupts,
    ) -> Result<ExitCode> {
        if arguments.demo {
            let mut demo = Command::new(binaries.join("salient"));
            demo.args(["demo", "--connect"]).arg(&self.session).args(arguments.demo_words());
            let ended = process::run(demo, interrupts).await?;
            let once = arguments.demo_arguments.iter().any(|word| word == "--once");
            if once || ended.interrupted || ended.code != 0 {
                return Ok(ExitCode::from(ended.code));
            }
        }
        loop {
            tokio::select! {
                _ = interrupts.next() => return Ok(ExitCode::SUCCESS),
                () = tokio::time::sleep(GLANCE) => self.report_ended(),
            }
        }
    }

    /// Says once of each service that has ended how to start it again.
    fn report_ended(&mut self) {
        for (service, slot) in &mut self.running {
            let Some(status) = slot.as_mut().and_then(Guard::ended) else {
                continue;
            };
            let line: Vec<_> = service.command();
            let line: Vec<_> = line.iter().map(|word| word.to_string_lossy()).collect();
            eprintln!("{} ended with {status}; the others go on. Again: {}", service.name, line.join(" "));
            *slot = None;
        }
    }

    fn stop(self) {
        let _ = fs::remove_file(&self.session);
        // The gateway first, then what it calls.
        for (_, guard) in self.running.into_iter().rev() {
            drop(guard);
        }
        self.redis.stop();
        self.postgres.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Args {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            arguments: Args,
        }
        let words = std::iter::once(&"up").chain(words);
        <Line as clap::Parser>::try_parse_from(words).unwrap().arguments
    }

    #[test]
    fn the_day_of_the_demo_is_the_day_of_the_clocks() {
        assert_eq!(arguments(&["--demo", "--data", "x"]).day(), None);
        let after = arguments(&["--demo", "--data", "x", "--as-of", "2011-11-09", "--once"]);
        assert_eq!(after.day(), Some("2011-11-09"));
        assert_eq!(after.demo_words().len(), 5);
        let joined = arguments(&["--demo", "--data", "x", "--as-of=2011-11-09"]);
        assert_eq!(joined.day(), Some("2011-11-09"));
        let before = arguments(&["--as-of", "2011-11-09", "--demo", "--once"]);
        assert_eq!(before.day(), Some("2011-11-09"));
        assert_eq!(before.demo_words(), ["--once", "--as-of", "2011-11-09"]);
    }
}
