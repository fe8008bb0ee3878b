//! The `salient` command.

use std::process::ExitCode;

use clap::Parser as _;
use salient::{
    cli::{Cli, Command},
    commands, demo,
};
use salient_kit::{config::TelemetryConfig, telemetry};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.into()),
    };
    // a person reads the results; the services speak up when something is wrong
    let filter = std::env::var("SALIENT_LOG").unwrap_or_else(|_| "warn".to_owned());
    let config = TelemetryConfig { filter, ..TelemetryConfig::default() };
    let telemetry = {
        let _inside = runtime.enter();
        match telemetry::init(&config, "salient") {
            Ok(telemetry) => telemetry,
            Err(error) => return complain(&error.into()),
        }
    };
    let outcome = runtime.block_on(run(cli.command));
    drop(telemetry);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(options) => demo::run(options).await,
        Command::Up(options) => commands::up::run(options).await,
        Command::Import(options) => commands::import::run(options).await,
        Command::Export(options) => commands::export::run(options).await,
        Command::Plan(options) => commands::plan::run(options).await,
        Command::React(options) => commands::react::run(options).await,
        Command::Explain(options) => commands::explain::run(options).await,
        Command::Backtest(options) => commands::backtest::run(options).await,
        Command::Events(options) => commands::events::run(options).await,
        Command::Privacy(options) => commands::privacy::run(options).await,
    }
}

fn complain(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
