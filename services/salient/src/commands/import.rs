//! `salient import`.

use std::ops::ControlFlow;

use anyhow::Result;
use salient_core::Clock;

use crate::{
    cli, load,
    progress::Telling,
    session::{Session, path},
    settle::settle,
};

/// Reads a file by its mapping, sends it to a running suite, and reports every bad line.
///
/// # Errors
/// The file or the mapping cannot be used, or the suite refuses.
pub async fn run(options: cli::Import) -> Result<()> {
    if options.upload {
        return super::upload::run(&options).await;
    }
    let mut plan =
        salient_mapping::open(&options.file, options.mapping.as_deref(), Clock::system().latest())?;
    if options.dry_run {
        plan.batches(|_| ControlFlow::Continue(()))?;
        print!("{}", plan.report());
        println!("nothing was sent");
        return Ok(());
    }
    let clients = Session::read(&path(options.target.session))?.connect()?;
    let step = Telling::choose(false).step(&format!("importing {}", plan.title()), Some(100));
    let (loaded, plan) = load::load(&clients, plan, &step).await?;
    settle(&clients, &step).await?;
    step.done(&format!("{} lines", loaded.lines));
    print!("{}", plan.report());
    for line in &loaded.refused {
        println!("             {line}");
    }
    if loaded.refused_count > loaded.refused.len() {
        println!("             … and {} more", loaded.refused_count - loaded.refused.len());
    }
    Ok(())
}
