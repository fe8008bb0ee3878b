//! `salient up`.

use anyhow::Result;
use salient_core::Clock;

use crate::{
    cli,
    session::path,
    suite::{self, Backing},
};

/// Runs the suite, empty and lasting, until somebody ends it.
///
/// # Errors
/// A store cannot be opened or no port is free.
pub async fn run(options: cli::Up) -> Result<()> {
    let suite = suite::start(&Backing::directory(&options.dir)?, Clock::system()).await?;
    let file = path(None);
    suite.session.write(&file)?;
    for (name, address) in &suite.session.services {
        println!("{name:16} {address}");
    }
    println!("a token for the command line is in {}", file.display());
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = suite.life.soft.cancelled() => {}
    }
    suite.life.finish(std::future::pending()).await;
    Ok(())
}
