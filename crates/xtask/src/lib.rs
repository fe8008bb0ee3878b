//! The commands of a developer's day.
//!
//! - `cargo xtask test` runs every test against private Postgres and Redis servers;
//! - `cargo xtask lint` checks format, clippy, the contracts and the house rules;
//! - `cargo xtask figures` measures what the issues promise, one JSON line each;
//! - `cargo xtask up` runs the five services as processes of their own.
//!
//! What runs the services as processes, [`suite`], is for the tests across services too.
//!
//! To add a command: a module with `Args` and `run`, and a line in [`Command`].
//! To add a figure: see [`figures`].

mod figures;
mod install;
mod lint;
mod process;
pub mod services;
mod session;
pub mod suite;
mod test;
mod token;
mod up;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", about, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs every test against private Postgres and Redis servers
    Test(test::Args),
    /// Checks format, clippy, the contracts and the house rules
    Lint(lint::Args),
    /// Measures figures and prints one JSON line each
    Figures(figures::Args),
    /// Runs the five services as separate processes on private Postgres and Redis
    Up(up::Args),
}

/// Runs the command of the command line.
#[tokio::main(flavor = "current_thread")]
pub async fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Test(arguments) => test::run(arguments).await,
        Command::Lint(arguments) => lint::run(arguments).await,
        Command::Figures(arguments) => figures::run(arguments).await,
        Command::Up(arguments) => up::run(arguments).await,
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
