//! Files that are taken in: sent in pieces, read by a worker ([`run`]), told line by line.
//!
//! The pieces wait in the database, so that any replica can read them and a crash loses none; they
//! go when the file was read. A dry run asks the same questions without writing ([`rehearse`]).

mod rehearse;
pub mod run;
mod source;

use chrono::{DateTime, Utc};
use prost::Message as _;
use salient_core::{Error, Reason, Result, TenantId, TransferId, from_micros, page};
use salient_mapping::Format;
use salient_proto::{
    common::v1::{RunStatus, run_status},
    profile::v1::{
        FileFormat, ImportHeader, ImportRequest, ListTransferProblemsRequest, ListTransferProblemsResponse,
        ListTransfersRequest, ListTransfersResponse, Transfer,
    },
};
use salient_store::{Connection, NewRun, Run, runs};
use uuid::Uuid;

use self::source::Part;
use crate::{
    domain::record::{timestamp, timestamp_of},
    profile::Profile,
    store::transfers::{self, Stored},
};

/// Bytes of one piece, at most.
const PIECE: usize = 4 << 20;
/// Bytes in which every column of a text has shown itself.
const HEAD: i64 = 8 << 20;

/// A file on its way in.
#[derive(Clone, Debug)]
pub struct Upload {
    profile: Profile,
    tenant: TenantId,
    most: u64,
    stored: Stored,
}

/// Begins a transfer, or goes on with one. No file may have more than `most` bytes.
///
/// # Errors
/// `FIELD_INVALID` if the mapping is wrong, `REQUEST_ID_REUSED`, or what the store says.
pub async fn begin(profile: &Profile, tenant: &TenantId, header: ImportHeader, most: u64) -> Result<Upload> {
    if !header.mapping.is_empty() {
        salient_mapping::check_mapping(&header.mapping)
            .map_err(|error| Error::field("header.mapping", error.to_string()))?;
    }
    let new = Stored {
        id: TransferId::new(&profile.clock).uuid(),
        header,
        received: 0,
        complete: false,
        batches: 0,
        counts: Transfer::default(),
        latest: salient_core::to_micros(profile.clock.latest()),
        create_time: profile.clock.now_micros(),
    };
    let mut tx = profile.db.begin().await?;
    let stored = transfers::begin_in_tx(&mut tx, tenant, &new).await?;
    tx.commit().await?;
    if stored.header != new.header {
        let what = "used before with another header; a new UUID is accepted";
        return Err(Error::new(Reason::RequestIdReused, what).with_violation("header.request_id", what));
    }
    Ok(Upload { profile: profile.clone(), tenant: tenant.clone(), most, stored })
}

impl Upload {
    /// Takes a piece; what is there already is passed over. With the last piece the work begins.
    ///
    /// # Errors
    /// `FIELD_INVALID` if the piece does not belong here, or the file has not the columns that its
    /// mapping names; `BODY_TOO_LARGE`; or what the store says.
    pub async fn take(&mut self, piece: ImportRequest) -> Result<()> {
        let ImportRequest { offset, data, last, .. } = piece;
        let there = self.stored.received;
        if offset > there {
            let what = format!("the next byte that is missing is {there}; a piece from there on is accepted");
            return Err(Error::field("offset", what));
        }
        if data.len() > PIECE {
            return Err(Error::field("data", format!("at most {PIECE} bytes in one piece are accepted")));
        }
        let known = usize::try_from(there - offset).unwrap_or(usize::MAX).min(data.len());
        let data = &data[known..];
        if self.stored.complete {
            return match data.is_empty() {
                true => Ok(()),
                false => Err(Error::field("offset", format!("the file was complete with {there} bytes"))),
            };
        }
        if data.is_empty() && !last {
            return Ok(());
        }
        if there.unsigned_abs() + data.len() as u64 > self.most {
            let what = format!("the file has more than {} bytes; send it in parts", self.most);
            return Err(Error::new(Reason::BodyTooLarge, what));
        }
        if let Err(error) = self.check(data, last).await {
            if error.is_transient() {
                return Err(error);
            }
            let mut tx = self.profile.db.begin().await?;
            let removed = transfers::remove_in_tx(&mut tx, &self.tenant, self.stored.id, there).await?;
            tx.commit().await?;
            return Err(if removed { error } else { overtaken() });
        }
        self.append(data, last).await
    }

    /// Looks at the columns, as soon as they can be known: of CSV at its beginning, and of all
    /// files when they are there to their end.
    async fn check(&self, data: &[u8], last: bool) -> Result<()> {
        let Stored { id, received, .. } = self.stored;
        let (db, tenant) = (&self.profile.db, &self.tenant);
        let before = match (received, last) {
            (0, _) => 0,
            (_, false) => return Ok(()),
            (received, true) => {
                let head = received.min(HEAD);
                match source::fetch(db, tenant, id, head).await?.format().await? {
                    Some(Format::Csv | Format::JsonLines) => head,
                    _ => received,
                }
            }
        };
        let mut file = source::fetch(db, tenant, id, before).await?;
        file.write(data.to_vec()).await?;
        let part = match data.contains(&b'\n') {
            _ if last => Part::Whole,
            true => Part::Line,
            false => Part::Start,
        };
        let stored = self.stored.clone();
        let looked = tokio::task::spawn_blocking(move || source::look(&stored, file, part));
        looked.await.map_err(source::unread)?
    }

    async fn append(&mut self, data: &[u8], last: bool) -> Result<()> {
        let Stored { id, received, .. } = self.stored;
        let mut tx = self.profile.db.begin().await?;
        if !transfers::append_in_tx(&mut tx, &self.tenant, id, received, data, last).await? {
            return Err(overtaken());
        }
        if last {
            let header = &self.stored.header;
            let run = NewRun {
                id,
                tenant: &self.tenant,
                kind: run::KIND,
                request_id: &header.request_id,
                request: header.encode_to_vec(),
                now: self.profile.clock.now(),
            };
            runs::enqueue_in_tx(&mut tx, run).await?;
        }
        tx.commit().await?;
        self.stored.received += i64::try_from(data.len()).unwrap_or_default();
        self.stored.complete = last;
        Ok(())
    }

    /// How far it is.
    ///
    /// # Errors
    /// What the store says.
    pub async fn told(&self) -> Result<Transfer> {
        get(&self.profile, &self.tenant, &TransferId::from_uuid(self.stored.id).name()).await
    }
}

fn overtaken() -> Error {
    Error::field("offset", "another stream has sent this piece meanwhile; ask how far it is")
}

/// The format that was declared; none if the first bytes tell.
fn format(header: &ImportHeader) -> Option<Format> {
    match header.format() {
        FileFormat::Unspecified => None,
        FileFormat::Csv => Some(Format::Csv),
        FileFormat::Jsonl => Some(Format::JsonLines),
        FileFormat::Parquet => Some(Format::Parquet),
    }
}

/// One transfer.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, or what the store says.
pub async fn get(profile: &Profile, tenant: &TenantId, name: &str) -> Result<Transfer> {
    let id = TransferId::parse_name(name)?.uuid();
    let mut conn = profile.db.read().await?;
    let stored = transfers::get(&mut conn, tenant, id).await?.ok_or_else(|| Error::not_found(name))?;
    shown(&mut conn, tenant, stored).await
}

/// A page of transfers, the newest first.
///
/// # Errors
/// `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListTransfersRequest,
) -> Result<ListTransfersResponse> {
    let page = page::page(request.page_size, &request.page_token, &["transfers", tenant.as_str()])?;
    let before = page.key()?.unwrap_or(Uuid::max());
    let mut conn = profile.db.read().await?;
    let rows = transfers::list(&mut conn, tenant, before, page.limit()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| row.id);
    let mut transfers = Vec::with_capacity(rows.len());
    for row in rows {
        transfers.push(shown(&mut conn, tenant, row).await?);
    }
    Ok(ListTransfersResponse { transfers, next_page_token })
}

/// A page of the lines of a transfer that were refused, in the order of the file.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn problems(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListTransferProblemsRequest,
) -> Result<ListTransferProblemsResponse> {
    let id = TransferId::parse_field("parent", &request.parent)?.uuid();
    let query = ["transferProblems", tenant.as_str(), request.parent.as_str()];
    let page = page::page(request.page_size, &request.page_token, &query)?;
    let after = page.key()?.unwrap_or((i64::MIN, 0, 0));
    let mut conn = profile.db.read().await?;
    if transfers::get(&mut conn, tenant, id).await?.is_none() {
        return Err(Error::not_found(&request.parent));
    }
    let rows = transfers::problems(&mut conn, tenant, id, after, page.limit()).await?;
    let (rows, next_page_token) = page.cut(rows, |(place, _)| *place);
    let problems = rows.into_iter().map(|(_, problem)| problem).collect();
    Ok(ListTransferProblemsResponse { problems, next_page_token })
}

async fn shown(conn: &mut impl Connection, tenant: &TenantId, stored: Stored) -> Result<Transfer> {
    let run = runs::get_in(conn, tenant, run::KIND, stored.id).await?;
    Ok(Transfer {
        name: TransferId::from_uuid(stored.id).name(),
        file: stored.header.file,
        request_id: stored.header.request_id,
        dry_run: stored.header.dry_run,
        received_bytes: stored.received,
        complete: stored.complete,
        status: run.map(|run| status(&run)),
        create_time: Some(timestamp(stored.create_time)),
        ..stored.counts
    })
}

fn status(run: &Run) -> RunStatus {
    RunStatus {
        state: run_status::State::try_from(run.state as i32).unwrap_or_default().into(),
        progress: run.progress,
        step: run.step.clone(),
        error: run.error.clone(),
        reason: run.reason.clone(),
        create_time: Some(timestamp_of(run.create_time)),
        end_time: run.end_time.map(timestamp_of),
    }
}

fn latest(stored: &Stored) -> DateTime<Utc> {
    from_micros(stored.latest)
}
