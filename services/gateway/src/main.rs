//! The gateway as a process.

use std::process::ExitCode;

use salient_gateway::{Config, Parts, build};
use salient_kit::process;

fn main() -> ExitCode {
    process::run("gateway", async |config: Config, process| {
        let listener = process::bind(config.server.listen).await?;
        let app = build(&config, Parts { lifecycle: process.lifecycle }).await?;
        app.serve(listener).await
    })
}
