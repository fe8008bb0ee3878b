//! `cargo xtask test`.

use std::process::ExitCode;

use anyhow::Result;
use salient_testkit::{POSTGRES_URL, Postgres, PostgresOptions, REDIS_URL, Redis, RedisOptions};

use crate::process::{self, Interrupts};
use crate::{install, workspace};

/// What to test.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Handed to `cargo test`: a filter, `-p CRATE`, … Without a package, all are tested
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// Runs `cargo test` beside private servers and leaves nothing running.
pub async fn run(arguments: Args) -> Result<ExitCode> {
    install::ensure_servers()?;
    let postgres = Postgres::start(&PostgresOptions::default())?;
    let redis = Redis::start(&RedisOptions::default())?;

    let mut command = workspace::cargo();
    command.arg("test");
    let one_package = |argument: &String| argument.starts_with("-p") || argument.starts_with("--package");
    if !arguments.arguments.iter().any(one_package) {
        command.arg("--workspace");
    }
    command
        .args(["--no-fail-fast"])
        .args(&arguments.arguments)
        .env(POSTGRES_URL, postgres.url())
        .env(REDIS_URL, redis.url());

    // From here on a Ctrl-C stops the tests, not the cleaning up.
    let ended = process::run(command, &mut Interrupts::new()?).await;
    redis.stop();
    postgres.stop();
    let ended = ended?;
    if ended.interrupted {
        eprintln!("interrupted; Postgres and Redis are stopped");
    }
    Ok(ExitCode::from(ended.code))
}
