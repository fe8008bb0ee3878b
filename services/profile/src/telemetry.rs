//! Readings of machines and products in, days of usage out.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use prost::Message;
use salient_core::{Error, Result, TenantId, page};
use salient_proto::profile::v1::{
    Account, Device, IngestTelemetryRequest, ListDevicesRequest, ListDevicesResponse, ListUsageRequest,
    ListUsageResponse,
};
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::{
        Kind, Refusal,
        batch::Summary,
        record::{AccountRef, timestamp_micros},
        usage::{self, Readings, Series, Tally},
    },
    identity,
    profile::Profile,
    store::{
        dirty, records,
        usage::{self as store, DeviceRow, Span},
    },
    upsert::Request,
};

/// A batch whose readings were looked at and added up. Making it needs no database, so the next one
/// is made while the last one is committed.
#[derive(Debug)]
pub struct Prepared {
    request: Request,
    readings: Readings,
}

impl Prepared {
    /// Looks at every reading. `latest` is the latest time that one may carry.
    pub fn new(tenant: &TenantId, message: IngestTelemetryRequest, latest: DateTime<Utc>) -> Self {
        Self {
            request: Request::new(tenant, "IngestTelemetry", &message.request_id, &message),
            readings: Readings::prepare(message.readings, latest),
        }
    }

    /// The batch's `request_id`.
    pub fn request_id(&self) -> &str {
        self.request.id()
    }
}

/// Takes one batch: adds it to the days of its accounts. A batch that was taken before gets its
/// first answer. `answer` makes the answer of the readings that count and the refused ones.
///
/// # Errors
/// `REQUEST_ID_REUSED`, or what the store says.
pub async fn ingest<A: Message + Default>(
    profile: &Profile,
    prepared: Prepared,
    answer: impl FnOnce(i64, Vec<(usize, Refusal)>) -> A,
) -> Result<A> {
    let Prepared { request, readings } = prepared;
    let tenant = request.tenant();
    let mut tx = profile.db.begin().await?;
    store::take_turn_in_tx(&mut tx, tenant).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    let accounts = records::accounts(&mut tx, tenant, readings.account_refs()).await?;
    let named: HashSet<&str> = readings.devices().collect();
    let devices = store::accounts_of(&mut tx, tenant, named.into_iter()).await?;
    let added = readings.place(&accounts, &devices);
    let touched: HashSet<Uuid> = added.days.keys().map(|place| place.account).collect();
    store::add_in_tx(&mut tx, tenant, added.days).await?;
    dirty::mark_in_tx(&mut tx, tenant, touched).await?;
    let answer = answer(added.taken, added.refused);
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Days of the records of one profile, newest first: those of one series are one day. `span` says
/// what is read of each record; one more day than it asks for may come back, or fewer.
///
/// # Errors
/// What the store says.
pub(crate) async fn days(
    conn: &mut impl Connection,
    tenant: &TenantId,
    members: &[Uuid],
    span: Span<'_>,
) -> Result<Vec<(Series, Uuid, Tally)>> {
    let mut all = Vec::new();
    for account in members {
        all.extend(store::newest(conn, tenant, Span { account: *account, ..span }).await?);
    }
    all.sort_by(usage::newest_first);
    // Every record gave its newest, so the newest of all of them are complete.
    let mut days = usage::meet(all);
    days.truncate(usize::try_from(span.limit).unwrap_or(usize::MAX));
    Ok(days)
}

/// A page of usage, newest day first.
///
/// # Errors
/// `RESOURCE_UNKNOWN` if there is no such account, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListUsageRequest,
) -> Result<ListUsageResponse> {
    let account = Kind::Account.parse("parent", &request.parent)?;
    refuse_nul("device", &request.device)?;
    for metric in &request.metrics {
        refuse_nul("metrics", metric)?;
    }
    let start = request.start_time.as_ref().map_or(i64::MIN, timestamp_micros);
    let end = request.end_time.as_ref().map_or(i64::MAX, timestamp_micros);
    let query = format!("{start} {end} {:?} {:?}", request.metrics, request.device);
    let query = ["usage", tenant.as_str(), request.parent.as_str(), query.as_str()];
    let page = page::page(request.page_size, &request.page_token, &query)?;
    let mut conn = profile.db.read().await?;
    let members = identity::members::<Account>(&mut conn, tenant, account).await?;
    let root = *members.first().ok_or_else(|| Error::not_found(&request.parent))?;
    let span = Span {
        account: root,
        device: &request.device,
        metrics: &request.metrics,
        start,
        end,
        now: profile.clock.now_micros(),
        before: page.key()?.unwrap_or((i64::MAX, Uuid::max())),
        limit: page.limit(),
    };
    let days = days(&mut conn, tenant, &members, span).await?;
    let (days, next_page_token) = page.cut(days, |(series, id, _)| (series.day, *id));
    let name = Kind::Account.name(root);
    let days = days.iter().map(|(series, _, tally)| {
        let day = usage::message(name.clone(), series, tally);
        salient_proto::profile::v1::UsageDay { device: request.device.clone(), ..day }
    });
    Ok(ListUsageResponse { days: days.collect(), next_page_token })
}

fn refuse_nul(field: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::field(field, "text without the character U+0000 is accepted"));
    }
    Ok(())
}

/// Says where devices are; one that is wrong is refused by itself.
///
/// # Errors
/// `REQUEST_ID_REUSED`, or what the store says.
pub async fn upsert_devices<A: Message + Default>(
    profile: &Profile,
    request: Request,
    devices: Vec<Device>,
    answer: impl FnOnce(Summary) -> A,
) -> Result<A> {
    let tenant = request.tenant();
    let latest = profile.clock.latest();
    let checked: Vec<_> = devices.iter().map(|device| usage::check_device(device, latest)).collect();
    let mut tx = profile.db.begin().await?;
    store::take_turn_in_tx(&mut tx, tenant).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    let named: Vec<&AccountRef> = checked.iter().filter_map(|account| account.as_ref().ok()).collect();
    let accounts = records::accounts(&mut tx, tenant, named.into_iter()).await?;
    // with a NUL it is no id and was refused; the database would refuse to look for it
    let ids = devices.iter().zip(&checked).filter(|(_, account)| account.is_ok());
    let ids: HashSet<&str> = ids.map(|(device, _)| device.device.as_str()).collect();
    let known = store::devices(&mut tx, tenant, ids.into_iter()).await?;
    let mut summary =
        Summary { created: 0, updated: 0, unchanged: 0, refused: Vec::new(), names: Vec::new() };
    // of two that speak of one device the later one counts
    let mut writes: BTreeMap<String, DeviceRow> = BTreeMap::new();
    for (index, (device, account)) in devices.into_iter().zip(checked).enumerate() {
        let account_id = match account.and_then(|account| accounts.find(&account)) {
            Ok(account) => account.unwrap_or_default(),
            Err(refusal) => {
                summary.refused.push((index, refusal));
                continue;
            }
        };
        let before = writes.get(&device.device).or_else(|| known.get(&device.device));
        let row = DeviceRow {
            id: before.map_or_else(|| profile.clock.uuid(), |before| before.id),
            account_id,
            display_name: device.display_name,
            product: device.product,
            update_time: profile.clock.now_micros(),
            device: device.device,
        };
        match before {
            None => summary.created += 1,
            Some(before) if *before == (DeviceRow { update_time: before.update_time, ..row.clone() }) => {
                summary.unchanged += 1;
                continue;
            }
            Some(_) => summary.updated += 1,
        }
        writes.insert(row.device.clone(), row);
    }
    let writes: Vec<DeviceRow> = writes.into_values().collect();
    store::put_devices_in_tx(&mut tx, tenant, &writes).await?;
    let answer = answer(summary);
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    tx.commit().await?;
    Ok(answer)
}

/// A page of devices, in the order in which they were first told of.
///
/// # Errors
/// `RESOURCE_UNKNOWN` if there is no such account, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list_devices(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListDevicesRequest,
) -> Result<ListDevicesResponse> {
    let query = ["devices", tenant.as_str(), request.account.as_str()];
    let page = page::page(request.page_size, &request.page_token, &query)?;
    let mut conn = profile.db.read().await?;
    let after = page.key()?.unwrap_or(Uuid::nil());
    let rows = match request.account.as_str() {
        "" => store::list_devices(&mut conn, tenant, after, page.limit()).await?,
        name => {
            let account = Kind::Account.parse("account", name)?;
            let members = identity::members::<Account>(&mut conn, tenant, account).await?;
            if members.is_empty() {
                return Err(Error::not_found(name));
            }
            store::list_devices_at(&mut conn, tenant, &members, after, page.limit()).await?
        }
    };
    let (rows, next_page_token) = page.cut(rows, |row| row.id);
    let mut devices: Vec<Device> = rows.into_iter().map(Device::from).collect();
    let at = devices.iter().filter_map(|device| Kind::Account.parse("account", &device.account).ok());
    let roots = crate::store::identity::roots::<Account>(&mut conn, tenant, at);
    let roots = roots.await?;
    for device in &mut devices {
        if let Ok(Some(root)) = Kind::Account.parse("account", &device.account).map(|id| roots.get(&id)) {
            device.account = Kind::Account.name(*root);
        }
    }
    Ok(ListDevicesResponse { devices, next_page_token })
}
