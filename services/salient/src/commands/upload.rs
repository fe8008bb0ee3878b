//! `salient import --upload`: the file itself goes to the suite, which reads it.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use salient_kit::client::retry;
use salient_proto::{
    common::v1::run_status::State,
    profile::v1::{
        FileFormat, GetTransferRequest, ImportHeader, ImportRequest, ListTransferProblemsRequest, Transfer,
    },
};

use super::{
    plan::{fresh_id, stable_id},
    refusal,
};
use crate::{
    cli,
    progress::{Step, Telling},
    session::{Clients, Session, path},
    settle::PATIENCE,
};

/// Bytes of a piece, and pieces in a stream.
const PIECE: u64 = 1 << 20;
const PIECES: usize = 16;
/// Pause between two looks at the work.
const PAUSE: Duration = Duration::from_millis(200);
/// Refused lines that are told one by one.
const TOLD: i32 = 10;

/// Sends the file, waits until the suite has read it, and tells what became of its lines.
///
/// # Errors
/// The file cannot be read, or the suite refuses it.
pub async fn run(options: &cli::Import) -> Result<()> {
    let clients = Session::read(&path(options.target.session.clone()))?.connect()?;
    let header = header(options)?;
    let telling = Telling::choose(false);
    let step = telling.step(&format!("sending {}", header.file), Some(100));
    let transfer = send(&clients, &options.file, header, &step).await?;
    step.done(&format!("{} bytes", transfer.received_bytes));
    let step = telling.step("reading", Some(100));
    let transfer = wait(&clients, &transfer.name, &step).await?;
    step.done(&format!("{} lines", transfer.lines));
    tell(&clients, &transfer).await
}

fn header(options: &cli::Import) -> Result<ImportHeader> {
    let file = &options.file;
    let about = std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mapping = match &options.mapping {
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
        }
        None => String::new(),
    };
    // the same file again is the same transfer, so that a broken upload goes on; a dry run is made anew
    let request_id = match options.dry_run {
        true => fresh_id(),
        false => {
            let changed =
                about.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            stable_id(&format!("{}|{}|{changed:?}|{mapping}", file.display(), about.len()))
        }
    };
    Ok(ImportHeader {
        request_id,
        file: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        format: FileFormat::Unspecified.into(),
        mapping,
        dry_run: options.dry_run,
    })
}

async fn send(clients: &Clients, path: &Path, header: ImportHeader, step: &Step) -> Result<Transfer> {
    let unread = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(unread)?;
    let size = file.metadata().with_context(unread)?.len();
    let first = ImportRequest { header: Some(header), ..ImportRequest::default() };
    let mut transfer = call(clients, vec![first.clone()]).await?;
    while !transfer.complete {
        let mut offset = u64::try_from(transfer.received_bytes).unwrap_or_default();
        file.seek(SeekFrom::Start(offset)).with_context(unread)?;
        let mut messages = vec![first.clone()];
        for _ in 0..PIECES {
            let mut data = Vec::new();
            (&mut file).take(PIECE).read_to_end(&mut data).with_context(unread)?;
            let start = i64::try_from(offset).unwrap_or(i64::MAX);
            offset += data.len() as u64;
            let last = offset >= size;
            messages.push(ImportRequest { header: None, offset: start, data, last });
            if last {
                break;
            }
        }
        transfer = call(clients, messages).await?;
        step.at(offset * 100 / size.max(1));
    }
    Ok(transfer)
}

async fn call(clients: &Clients, messages: Vec<ImportRequest>) -> Result<Transfer> {
    let sent =
        retry(PATIENCE, async || clients.transfer.clone().import(tokio_stream::iter(messages.clone())).await);
    sent.await.map_err(refusal)?.into_inner().transfer.context("the suite answered without a transfer")
}

async fn wait(clients: &Clients, name: &str, step: &Step) -> Result<Transfer> {
    loop {
        let request = || GetTransferRequest { name: name.to_owned() };
        let found = retry(PATIENCE, async || clients.transfer.clone().get_transfer(request()).await);
        let transfer = found.await.map_err(refusal)?.into_inner().transfer.unwrap_or_default();
        let status = transfer.status.clone().unwrap_or_default();
        match status.state() {
            State::Succeeded => return Ok(transfer),
            State::Failed => bail!("{} ({})", status.error, status.reason),
            _ => {
                step.at((status.progress * 100.0) as u64);
                step.note(&status.step);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn tell(clients: &Clients, transfer: &Transfer) -> Result<()> {
    let Transfer { lines, refused, created, updated, unchanged, .. } = transfer;
    println!("{lines:>11}  lines read");
    for (rule, lines) in &transfer.skipped {
        println!("{lines:>11}  left out: {rule}");
    }
    println!(
        "{created:>11}  created\n{updated:>11}  updated\n{unchanged:>11}  unchanged\n{refused:>11}  refused"
    );
    let request = ListTransferProblemsRequest {
        parent: transfer.name.clone(),
        page_size: TOLD,
        page_token: String::new(),
    };
    let answer = clients.transfer.clone().list_transfer_problems(request).await.map_err(refusal)?;
    for problem in answer.into_inner().problems {
        print!("             line {}: {}: {}", problem.line, problem.column, problem.problem);
        match problem.accepted.is_empty() {
            true => println!(),
            false => println!("; found {:?}; accepted: {}", problem.shape, problem.accepted),
        }
    }
    for notice in &transfer.notices {
        println!("       note  {notice}");
    }
    if transfer.dry_run {
        println!("nothing was written");
    }
    Ok(())
}
