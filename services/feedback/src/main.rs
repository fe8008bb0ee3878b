//! The feedback service as a process.

use std::process::ExitCode;

use salient_events::Parts;
use salient_feedback::{Config, SERVICE, build};
use salient_kit::process;

fn main() -> ExitCode {
    process::run(SERVICE, async |config: Config, process| {
        let listener = process::bind(config.server.listen).await?;
        let bus = config.bus.connect().await?;
        let parts = Parts { clock: config.clock.clock(), bus, lifecycle: process.lifecycle };
        build(&config, parts).await?.serve(listener).await
    })
}
