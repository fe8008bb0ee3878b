//! `salient export`.

use std::{io::Write as _, time::Duration};

use anyhow::{Context as _, Result};
use salient_proto::profile::v1::{ExportKind, ExportRequest, FileFormat};
use tonic::Request;

use super::refusal;
use crate::{
    cli::{self, Format, Kind},
    session::{Session, path},
};

/// A file may be long.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Writes records as a file to the standard output.
///
/// # Errors
/// The suite refuses, or the output is closed.
pub async fn run(options: cli::Export) -> Result<()> {
    let clients = Session::read(&path(options.target.session.clone()))?.connect()?;
    let mut request = Request::new(ExportRequest {
        kind: match options.kind {
            Kind::Accounts => ExportKind::Accounts,
            Kind::Contacts => ExportKind::Contacts,
            Kind::Orders => ExportKind::Orders,
            Kind::Interactions => ExportKind::Interactions,
            Kind::Opportunities => ExportKind::Opportunities,
            Kind::AccountProfiles => ExportKind::AccountProfiles,
            Kind::ContactProfiles => ExportKind::ContactProfiles,
        }
        .into(),
        format: match options.format {
            Format::Csv => FileFormat::Csv,
            Format::Jsonl => FileFormat::Jsonl,
            Format::Parquet => FileFormat::Parquet,
        }
        .into(),
        as_of: options.as_of.map(|time| salient_mapping::timestamp(time.timestamp_micros())),
        filter: options.filter,
        cursor: String::new(),
    });
    request.set_timeout(PATIENCE);
    let mut pieces = clients.transfer.clone().export(request).await.map_err(refusal)?.into_inner();
    let mut output = std::io::stdout().lock();
    let (mut records, mut whole) = (0, false);
    while let Some(piece) = pieces.message().await.map_err(refusal)? {
        output.write_all(&piece.data).context("cannot write to the standard output")?;
        (records, whole) = (piece.records, piece.last);
    }
    output.flush().context("cannot write to the standard output")?;
    anyhow::ensure!(whole, "the suite ended before the file did");
    eprintln!("{records} records");
    Ok(())
}
