//! Everything around a service's `main`: flags, configuration, runtime, telemetry, admin server,
//! signals, and a last flush on every way out.

use std::{ffi::OsString, fmt::Display, future::Future, net::SocketAddr, process::ExitCode};

use anyhow::Context;
use clap::{Args, Command, FromArgMatches};
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    admin,
    config::{self, CommonArgs, RuntimeConfig, ServiceConfig},
    lifecycle::Lifecycle,
    telemetry::{self, Metrics},
};

/// What a service's `main` is given.
#[derive(Clone, Debug)]
pub struct Process {
    /// Tasks, readiness, shutdown.
    pub lifecycle: Lifecycle,
    /// The process's metrics.
    pub metrics: Metrics,
}

/// Runs the service `salient-<service>`: reads flags and configuration, starts telemetry and the
/// admin server, and runs `body` until it ends or the process is told to. The exit code is not
/// zero if the configuration is wrong, `body` fails, or a task does.
///
/// `body` builds the service, binds and serves; [`crate::Grpc::serve`] returns when the shutdown
/// has drained it.
pub fn run<C, F, Fut>(service: &'static str, body: F) -> ExitCode
where
    C: ServiceConfig,
    F: FnOnce(C, Process) -> Fut + Send + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    run_from(service, std::env::args_os(), body)
}

/// [`run`] with the command line handed in, the program's name first.
pub fn run_from<C, F, Fut>(
    service: &'static str,
    command_line: impl IntoIterator<Item = OsString>,
    body: F,
) -> ExitCode
where
    C: ServiceConfig,
    F: FnOnce(C, Process) -> Fut + Send + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let command =
        Command::new(service).bin_name(format!("salient-{service}")).version(env!("CARGO_PKG_VERSION"));
    let matches = CommonArgs::augment_args(command).get_matches_from(command_line);
    let args = match CommonArgs::from_arg_matches(&matches) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let config: C = match config::load(service, &args) {
        Ok(config) => config,
        Err(error) => return complain(error),
    };
    if args.print_config {
        return match config::render(&config) {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => complain(error),
        };
    }
    let runtime = match runtime(config.runtime()) {
        Ok(runtime) => runtime,
        Err(error) => return complain(format_args!("the async runtime cannot start: {error}")),
    };
    // The exporter's channel lives on the runtime; the telemetry itself is dropped, and so
    // flushed, outside of it, while its workers still run.
    let telemetry = {
        let _inside = runtime.enter();
        match telemetry::init(config.telemetry(), service) {
            Ok(telemetry) => telemetry,
            Err(error) => return complain(error),
        }
    };
    let metrics = telemetry.metrics().clone();
    let code = runtime.block_on(supervise(service, config, metrics, body));
    drop(telemetry);
    // a blocking call that is still running does not hold the process
    runtime.shutdown_background();
    code
}

async fn supervise<C, F, Fut>(service: &'static str, config: C, metrics: Metrics, body: F) -> ExitCode
where
    C: ServiceConfig,
    F: FnOnce(C, Process) -> Fut + Send + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let life = Lifecycle::from_config(config.server());
    if let Some(address) = config.server().admin {
        match bind(address).await {
            // Not a tracked task: it answers probes to the very end.
            Ok(listener) => drop(tokio::spawn(admin::serve(listener, life.clone(), metrics.clone()))),
            Err(error) => return complain(format_args!("{error:#}")),
        }
    }
    let process = Process { lifecycle: life.clone(), metrics };
    life.spawn(service, body(config, process));
    life.run_until_signal().await
}

/// Listens on `address`.
///
/// # Errors
/// The address is taken or not this machine's; the error names it.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// The async runtime that `config` asks for.
///
/// # Errors
/// The operating system gives no threads.
pub fn runtime(config: &RuntimeConfig) -> std::io::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = config.worker_threads {
        builder.worker_threads(threads.max(1));
    }
    builder.enable_all().build()
}

fn complain(error: impl Display) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}
