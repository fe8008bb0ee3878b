//! `cargo xtask lint`.

mod contracts;
mod house;

use std::process::ExitCode;

use anyhow::Result;

use crate::workspace::{Workspace, cargo};

/// What to check.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these checks: format, clippy, contracts, house
    #[arg(value_enum)]
    only: Vec<Check>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Check {
    Format,
    Contracts,
    House,
    Clippy,
}

/// Runs every check, also after one failed, and tells which did.
pub async fn run(arguments: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    // The quick ones first.
    let all = [Check::Format, Check::House, Check::Contracts, Check::Clippy];
    let mut failed = Vec::new();
    for check in all {
        if !arguments.only.is_empty() && !arguments.only.contains(&check) {
            continue;
        }
        let (name, result) = match check {
            Check::Format => ("format", format()),
            Check::House => ("house", house::check(&workspace)),
            Check::Contracts => ("contracts", contracts::check(&workspace)),
            Check::Clippy => ("clippy", clippy()),
        };
        match result {
            Ok(()) => eprintln!("lint: {name} is fine"),
            Err(error) => {
                eprintln!("lint: {name} failed: {error:#}");
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("lint failed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

fn format() -> Result<()> {
    crate::process::check(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    let deny = ["--", "-D", "warnings"];
    crate::process::check(cargo().args(["clippy", "--workspace", "--all-targets", "--quiet"]).args(deny))
}
