//! A transfer's pieces as a file, and what it is opened with.

use std::{fs::File, io::Write as _};

use salient_core::{Error, Result, TenantId};
use salient_mapping::{Error as MappingError, Format, Plan};
use salient_store::Db;
use uuid::Uuid;

use super::{format, latest};
use crate::store::transfers::{self, Stored};

/// A file without a name: it is gone with the process, however that ends.
#[derive(Debug)]
pub(super) struct Spool(File);

impl Spool {
    pub(super) fn new() -> Result<Self> {
        tempfile::tempfile().map(Self).map_err(Error::unavailable)
    }

    pub(super) async fn write(&mut self, data: Vec<u8>) -> Result<()> {
        let mut file = self.0.try_clone().map_err(Error::unavailable)?;
        let written = tokio::task::spawn_blocking(move || file.write_all(&data));
        written.await.map_err(Error::internal)?.map_err(Error::unavailable)
    }

    /// What it is, if that can be told.
    pub(super) async fn format(self) -> Result<Option<Format>> {
        let told = tokio::task::spawn_blocking(move || salient_mapping::format_of(self.0));
        Ok(told.await.map_err(Error::internal)?.ok())
    }
}

/// The first `size` bytes of a file, from its pieces.
pub(super) async fn fetch(db: &Db, tenant: &TenantId, id: Uuid, size: i64) -> Result<Spool> {
    let mut spool = Spool::new()?;
    let mut start = 0;
    while start < size {
        let piece = transfers::chunk(&mut db.read().await?, tenant, id, start).await?;
        let piece = piece.ok_or_else(|| Error::internal("a piece of the file is gone"))?;
        start += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        spool.write(piece).await?;
    }
    Ok(spool)
}

/// The file with its mapping. Blocks.
pub(super) fn open(stored: &Stored, file: Spool) -> Result<Plan> {
    plan(stored, file.0).map_err(refusal)
}

/// How much of a file is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Its first bytes; perhaps less than a line.
    Start,
    /// Its first line, and perhaps more.
    Line,
    /// What tells its columns, and its end.
    Whole,
}

/// Whether the file has what its mapping names, as far as the part that is there tells it. Blocks.
pub(super) fn look(stored: &Stored, file: Spool, part: Part) -> Result<()> {
    let again = file.0.try_clone().map_err(Error::unavailable)?;
    match plan(stored, file.0) {
        Ok(_) => Ok(()),
        Err(error) if part == Part::Whole => Err(refusal(error)),
        // of a part only what its first line says for sure
        Err(error @ (MappingError::Column { .. } | MappingError::NoMapping { .. })) if part == Part::Line => {
            match salient_mapping::format_of(again) {
                Ok(Format::Csv) => Err(refusal(error)),
                _ => Ok(()),
            }
        }
        Err(error @ MappingError::Mapping { .. }) => Err(refusal(error)),
        Err(_) => Ok(()),
    }
}

fn plan(stored: &Stored, file: File) -> Result<Plan, MappingError> {
    let header = &stored.header;
    let name = if header.file.is_empty() { "the file" } else { &header.file };
    let mapping = Some(header.mapping.as_str()).filter(|mapping| !mapping.is_empty());
    Ok(salient_mapping::open_file(name, file, format(header), mapping, latest(stored))?.tell_refused())
}

/// A reader that ended without a word: a file that nobody thought of.
pub(super) fn unread(error: tokio::task::JoinError) -> Error {
    let what = "the file cannot be read: it is damaged, or has columns of a kind that is not known";
    Error::field("data", what).with_source(error)
}

/// What the caller is told of a file that cannot be used.
pub(super) fn refusal(error: MappingError) -> Error {
    match error {
        MappingError::Io { source, .. } => Error::unavailable(source),
        MappingError::Unreadable { .. } | MappingError::Empty { .. } => {
            Error::field("data", error.to_string())
        }
        MappingError::Column { .. } | MappingError::NoMapping { .. } | MappingError::Mapping { .. } => {
            Error::field("header.mapping", error.to_string())
        }
    }
}
