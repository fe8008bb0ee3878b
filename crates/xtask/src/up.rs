//! `cargo xtask up`: the suite as five processes on private Postgres and Redis.
//!
//! Nothing is restarted by itself: what happens when a service dies is what one
//! wants to see. Its command line is printed; started again, it takes its place.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::install;
use crate::process::{self, Interrupts};
use crate::services::{self, Service};
use crate::suite::Suite;
use crate::workspace::Workspace;

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
    /// Start the services' clocks in the morning of this day (YYYY-MM-DD) instead of now
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
    ensure!(
        !arguments.demo || arguments.day().is_some(),
        "--demo needs --as-of DAY, where the services' clocks start: a day inside the data, \
         2011-11-09 for Online Retail and 2026-05-31 for the model company"
    );
    let workspace = Workspace::find()?;
    install::ensure_servers()?;
    let binaries = match &arguments.binaries {
        Some(binaries) => std::path::absolute(binaries)?,
        None => {
            let demo: &[&str] = if arguments.demo { &["-p", "salient"] } else { &[] };
            services::build(&workspace, !arguments.debug, demo)?
        }
    };
    let directory = workspace.root.join(".salient/up");
    let mut suite = Suite::start(&binaries, &directory, arguments.day()).await?;
    announce(&suite);
    let mut interrupts = Interrupts::new()?;
    let result = serve(&mut suite, &binaries, &arguments, &mut interrupts).await;
    eprintln!("stopping");
    suite.stop();
    result
}

/// On standard error: standard output belongs to the demo.
fn announce(suite: &Suite) {
    eprintln!("{:<16} {:<24} metrics and health", "service", "address");
    for Service { name, listen, admin, .. } in suite.services() {
        eprintln!("{name:<16} {:<24} http://{admin}", format!("http://{listen}"));
    }
    eprintln!("for the commands of salient: export SALIENT_SESSION={}", suite.session().display());
    eprintln!("Ctrl-C stops everything");
}

async fn serve(
    suite: &mut Suite,
    binaries: &Path,
    arguments: &Args,
    interrupts: &mut Interrupts,
) -> Result<ExitCode> {
    if arguments.demo {
        let mut demo = Command::new(binaries.join("salient"));
        demo.args(["demo", "--connect"]).arg(suite.session()).args(arguments.demo_words());
        let ended = process::run(demo, interrupts).await?;
        let once = arguments.demo_arguments.iter().any(|word| word == "--once");
        if once || ended.interrupted || ended.code != 0 {
            return Ok(ExitCode::from(ended.code));
        }
    }
    loop {
        tokio::select! {
            _ = interrupts.next() => return Ok(ExitCode::SUCCESS),
            () = tokio::time::sleep(GLANCE) => report_ended(suite),
        }
    }
}

/// Says once of each service that has ended how to start it again.
fn report_ended(suite: &mut Suite) {
    for (service, status) in suite.ended() {
        let line = service.command();
        let line: Vec<_> = line.iter().map(|word| word.to_string_lossy()).collect();
        eprintln!("{} ended with {status}; the others go on. Again: {}", service.name, line.join(" "));
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
