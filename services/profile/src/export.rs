//! Records as files.

use bytes::Bytes;
use futures::{Stream, stream};
use salient_core::{
    Error, Reason, Result, TenantId,
    filter::{self, Comparison},
    page::{self, Page},
};
use salient_mapping::{
    Format, Table,
    export::{Column, Export},
};
use salient_proto::profile::v1::{
    Account, Contact, ExportKind, ExportRequest, ExportResponse, FileFormat, Interaction, Opportunity, Order,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    domain::{
        record::{AccountRef, timestamp_micros},
        timeline::as_known_at,
    },
    profile::Profile,
    read,
    store::{
        Stored,
        exports::{self, Dated, Profiles},
    },
};

/// Records that are read together.
const RECORDS: i64 = 250;
/// Bytes of one message, about.
const PIECE: usize = 1 << 20;

/// Where an export goes on: after this record, as of this time in microseconds.
type Cursor = (Uuid, i64);

/// Begins an export; it ends early when the service does.
///
/// # Errors
/// `FILTER_INVALID`, `PAGE_TOKEN_INVALID` for a cursor of another export, `FIELD_INVALID`.
pub fn export(
    profile: &Profile,
    tenant: &TenantId,
    request: &ExportRequest,
    shutdown: CancellationToken,
) -> Result<impl Stream<Item = Result<ExportResponse>> + Send + use<>> {
    let writer = match request.kind() {
        ExportKind::Unspecified | ExportKind::Accounts => begin::<Account>(request, Account::RECORDS),
        ExportKind::Contacts => begin::<Contact>(request, Contact::RECORDS),
        ExportKind::Orders => begin::<Order>(request, Order::RECORDS),
        ExportKind::Interactions => begin::<Interaction>(request, Interaction::RECORDS),
        ExportKind::Opportunities => begin::<Opportunity>(request, Opportunity::RECORDS),
        ExportKind::AccountProfiles => begin::<Account>(request, Account::PROFILES),
        ExportKind::ContactProfiles => begin::<Contact>(request, Contact::PROFILES),
    }?;
    let Begun { format, columns, filter, text } = writer;
    let kind = request.kind().as_str_name();
    let query = ["export", tenant.as_str(), kind, request.format().as_str_name(), &request.filter];
    let page = page::page(0, &request.cursor, &query)?;
    let now = profile.clock.now_micros();
    let as_of = request.as_of.as_ref().map_or(now, |time| timestamp_micros(time).min(now));
    let cursor: Option<Cursor> = page.key()?;
    let (after, as_of) = cursor.unwrap_or((Uuid::nil(), as_of));
    let table = Table::try_new(format, columns, cursor.is_none()).map_err(|_| {
        Error::field("cursor", "Parquet is written in one piece; begin anew without a cursor")
    })?;
    let state = Exporting {
        profile: profile.clone(),
        tenant: tenant.clone(),
        kind: request.kind(),
        text,
        filter,
        page: (format != Format::Parquet).then_some(page),
        as_of,
        after,
        table: Some(table),
        records: 0,
        ready: Bytes::new(),
        read: false,
        shutdown,
    };
    Ok(stream::try_unfold(
        state,
        |mut state| async move { Ok(state.next().await?.map(|piece| (piece, state))) },
    ))
}

struct Begun {
    format: Format,
    columns: &'static [Column],
    filter: Vec<Comparison>,
    text: &'static str,
}

fn begin<R: Stored + Export>(request: &ExportRequest, text: &'static str) -> Result<Begun> {
    let filter = filter::parse(&request.filter, R::FIELDS)?;
    let format = match request.format() {
        FileFormat::Unspecified | FileFormat::Csv => Format::Csv,
        FileFormat::Jsonl => Format::JsonLines,
        FileFormat::Parquet => Format::Parquet,
    };
    Ok(Begun { format, columns: <R as Export>::COLUMNS, filter, text })
}

struct Exporting {
    profile: Profile,
    tenant: TenantId,
    kind: ExportKind,
    text: &'static str,
    filter: Vec<Comparison>,
    /// Makes cursors; none for a format that cannot go on.
    page: Option<Page>,
    as_of: i64,
    after: Uuid,
    /// None once it is finished.
    table: Option<Table>,
    records: i64,
    /// What is written and not yet sent.
    ready: Bytes,
    /// Whether all records were read.
    read: bool,
    shutdown: CancellationToken,
}

impl Exporting {
    /// The next piece; none after the last.
    async fn next(&mut self) -> Result<Option<ExportResponse>> {
        while self.ready.is_empty() {
            if self.shutdown.is_cancelled() {
                return Err(Error::unavailable("the service ends"));
            }
            let Some(mut table) = self.table.take() else { return Ok(None) };
            if self.read {
                let rest = table.finish().map_err(Error::internal)?;
                return Ok(Some(self.piece(rest.into(), true)));
            }
            self.fill(&mut table).await?;
            self.ready = table.take().map_err(Error::internal)?.into();
            self.table = Some(table);
        }
        let piece = self.ready.split_to(PIECE.min(self.ready.len()));
        let whole = self.ready.is_empty();
        Ok(Some(self.piece(piece, whole)))
    }

    /// `whole` says whether no record is begun and not ended.
    fn piece(&self, data: Bytes, whole: bool) -> ExportResponse {
        let page = self.page.as_ref().filter(|_| whole);
        ExportResponse {
            data: data.into(),
            records: self.records,
            cursor: page.map(|page| page.next_token(&(self.after, self.as_of))).unwrap_or_default(),
            last: self.table.is_none(),
        }
    }

    /// Reads the next records into the table.
    async fn fill(&mut self, table: &mut Table) -> Result<()> {
        match self.kind {
            ExportKind::Unspecified | ExportKind::Accounts | ExportKind::AccountProfiles => {
                self.fill_with::<Account>(table, |record| record).await
            }
            ExportKind::Contacts | ExportKind::ContactProfiles => {
                self.fill_with::<Contact>(table, |record| record).await
            }
            ExportKind::Orders => self.fill_with::<Order>(table, |record| record).await,
            ExportKind::Interactions => self.fill_with::<Interaction>(table, |record| record).await,
            ExportKind::Opportunities => {
                let as_of = self.as_of;
                self.fill_with::<Opportunity>(table, |record| as_known_at(record, as_of)).await
            }
        }
    }

    async fn fill_with<R: Stored + Export>(
        &mut self,
        table: &mut Table,
        known: impl Fn(R) -> R + Send,
    ) -> Result<()> {
        let mut conn = self.profile.db.read().await?;
        let mut rows: Vec<(Uuid, R)> = Vec::new();
        for filter in read::by_record(&mut conn, &self.tenant, self.filter.clone()).await? {
            let tenant = &self.tenant;
            rows.extend(
                exports::page(&mut conn, self.text, tenant, filter, self.after, self.as_of, RECORDS).await?,
            );
        }
        rows.sort_by_key(|(id, _)| *id);
        rows.truncate(usize::try_from(RECORDS).unwrap_or_default());
        let account = |record: &R| match record.account() {
            Ok(AccountRef::Id(id)) => Some(id),
            _ => None,
        };
        let ids = rows.iter().filter_map(|(_, record)| account(record));
        let keys = exports::account_keys(&mut conn, &self.tenant, ids).await?;
        self.read = rows.is_empty();
        for (id, record) in rows {
            let key = account(&record).and_then(|id| keys.get(&id));
            let record = known(record);
            let mut written = Ok(());
            record.rows(key, &mut |row| {
                if written.is_ok() {
                    written = table.row(row);
                }
            });
            written.map_err(|error| {
                Error::new(Reason::Internal, "a record cannot be written").with_source(error)
            })?;
            self.after = id;
            self.records += 1;
        }
        Ok(())
    }
}
