//! Days of usage, and where devices are.

use std::collections::HashMap;

use salient_core::TenantId;
use salient_proto::profile::v1::Device;
use salient_store::{Connection, Engine, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{
    Kind,
    person::{Forget, Person},
    record::timestamp,
    usage::{Place, Series, Tally},
};

/// Waits until no other transaction adds to the usage of the tenant: what was read of a day is then
/// still true when it is written. Writers of records are not waited for.
///
/// # Errors
/// What the store says.
pub async fn take_turn_in_tx(tx: &mut Tx, tenant: &TenantId) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        sql("select pg_advisory_xact_lock(hashtextextended('profile.usage.' || $1, 0))")
            .bind(tenant)
            .execute(tx)
            .await?;
    }
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    day: i64,
    id: Uuid,
    metric: String,
    unit: String,
    readings: i64,
    total: Vec<u8>,
    least: i64,
    most: i64,
    last: i64,
    first_time: i64,
    last_time: i64,
}

impl Row {
    fn tally(&self) -> Result<Tally> {
        Ok(Tally {
            readings: self.readings,
            sum: total("usage_days", self.id, &self.total)?,
            min: self.least,
            max: self.most,
            last: (self.last_time, self.last),
            first_time: self.first_time,
        })
    }
}

/// A sum of 16 bytes.
pub(super) fn total(table: &'static str, row: Uuid, bytes: &[u8]) -> Result<i128> {
    let bytes = bytes.try_into();
    let bytes = bytes.map_err(|_| Error::inconsistent(table, "total", row, "16 bytes were expected"))?;
    Ok(i128::from_be_bytes(bytes))
}

#[derive(sqlx::FromRow)]
struct Known {
    place: i64,
    #[sqlx(flatten)]
    row: Row,
}

/// Adds to days. The tenant's turn must have been taken.
///
/// # Errors
/// What the store says, or a row that is no day.
pub async fn add_in_tx(tx: &mut Tx, tenant: &TenantId, days: HashMap<Place, Tally>) -> Result<()> {
    let mut days: Vec<(Place, Tally, Uuid)> =
        days.into_iter().map(|(place, tally)| (place.clone(), tally, place.series.id())).collect();
    days.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let known: Vec<Known> = sql("select rows.place, u.day, u.id, u.metric, u.unit, u.readings, u.total,
                u.least, u.most, u.last, u.first_time, u.last_time
         from {rows} cross join usage_days u
         where u.tenant = $1 and u.account_id = rows.account_id and u.device = rows.device
             and u.day = rows.day and u.id = rows.id")
    .bind(tenant)
    .rows(keys(&days).int("place", 0..days.len() as i64))
    .fetch_all(tx)
    .await?;
    for Known { place, row } in known {
        if let Some((_, tally, _)) = usize::try_from(place).ok().and_then(|place| days.get_mut(place)) {
            tally.merge(&row.tally()?);
        }
    }
    sql("insert into usage_days (tenant, account_id, device, day, id, metric, unit, readings, total, least,
             most, last, first_time, last_time)
         select $1, account_id, device, day, id, metric, unit, readings, total, least, most, last, first_time,
             last_time
         from {rows} where true
         on conflict (tenant, account_id, device, day, id) do update set readings = excluded.readings,
             total = excluded.total, least = excluded.least, most = excluded.most, last = excluded.last,
             first_time = excluded.first_time, last_time = excluded.last_time")
    .bind(tenant)
    .rows(
        keys(&days)
            .text("metric", days.iter().map(|(place, ..)| place.series.metric.as_str()))
            .text("unit", days.iter().map(|(place, ..)| place.series.unit.as_str()))
            .int("readings", days.iter().map(|(_, tally, _)| tally.readings))
            .bytes("total", days.iter().map(|(_, tally, _)| tally.sum.to_be_bytes().to_vec()))
            .int("least", days.iter().map(|(_, tally, _)| tally.min))
            .int("most", days.iter().map(|(_, tally, _)| tally.max))
            .int("last", days.iter().map(|(_, tally, _)| tally.last.1))
            .int("first_time", days.iter().map(|(_, tally, _)| tally.first_time))
            .int("last_time", days.iter().map(|(_, tally, _)| tally.last.0)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

fn keys(days: &[(Place, Tally, Uuid)]) -> Rows<'_> {
    Rows::new()
        .uuid("account_id", days.iter().map(|(place, ..)| place.account))
        .text("device", days.iter().map(|(place, ..)| place.device.as_str()))
        .int("day", days.iter().map(|(place, ..)| place.series.day))
        .uuid("id", days.iter().map(|(.., id)| *id))
}

/// Which days are read. Times are in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Span<'q> {
    /// Whose.
    pub account: Uuid,
    /// Of which device; empty for all of them and none together.
    pub device: &'q str,
    /// Of which metrics; empty for all.
    pub metrics: &'q [String],
    /// Days that begin at or after.
    pub start: i64,
    /// Days that begin before.
    pub end: i64,
    /// Measured at or before.
    pub now: i64,
    /// Before this one: its day and its id.
    pub before: (i64, Uuid),
    /// At most this many.
    pub limit: i64,
}

/// Days, newest first.
///
/// # Errors
/// What the store says, or a row that is no day.
pub async fn newest(
    conn: &mut impl Connection,
    tenant: &TenantId,
    span: Span<'_>,
) -> Result<Vec<(Series, Uuid, Tally)>> {
    // a batch without rows would not be asked for at all
    let metrics: Vec<&str> =
        if span.metrics.is_empty() { vec![""] } else { span.metrics.iter().map(String::as_str).collect() };
    let rows: Vec<Row> = sql("select day, id, metric, unit, readings, total, least, most, last, first_time,
                last_time
         from usage_days
         where tenant = $1 and account_id = $2 and device = $3 and day >= $4 and day < $5 and last_time <= $6
           and (day, id) < ($7, $8) and ($9 or metric in (select metric from {rows}))
         order by day desc, id desc limit $10")
    .bind(tenant)
    .bind(span.account)
    .bind(span.device)
    .bind(span.start)
    .bind(span.end)
    .bind(span.now)
    .bind(span.before.0)
    .bind(span.before.1)
    .bind(span.metrics.is_empty())
    .bind(span.limit)
    .rows(Rows::new().text("metric", metrics))
    .fetch_all(conn)
    .await?;
    let day = |row: Row| {
        let tally = row.tally()?;
        Ok((Series { day: row.day, metric: row.metric, unit: row.unit }, row.id, tally))
    };
    rows.into_iter().map(day).collect()
}

/// The accounts of devices, as far as they are known.
///
/// # Errors
/// What the store says.
pub async fn accounts_of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    devices: impl Iterator<Item = &str>,
) -> Result<HashMap<String, Uuid>> {
    let rows: Vec<(String, Uuid)> = sql("select d.device, d.account_id
         from {rows} cross join devices d where d.tenant = $1 and d.device = rows.device")
    .bind(tenant)
    .rows(Rows::new().text("device", devices))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// A device as it is stored.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct DeviceRow {
    /// Its id, as readings name it.
    pub device: String,
    /// Its place in lists.
    pub id: Uuid,
    /// Where it is.
    pub account_id: Uuid,
    /// What people call it.
    pub display_name: String,
    /// Of the catalogue.
    pub product: String,
    /// When this was said, in microseconds.
    pub update_time: i64,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        Self {
            device: row.device,
            account: Kind::Account.name(row.account_id),
            account_key: None,
            display_name: row.display_name,
            product: row.product,
            update_time: Some(timestamp(row.update_time)),
        }
    }
}

impl Forget for DeviceRow {
    fn forget(&mut self, person: &Person) -> bool {
        let named = person.stands_in(&self.display_name);
        if named {
            self.display_name.clear();
        }
        named
    }
}

/// Devices with these ids.
///
/// # Errors
/// What the store says.
pub async fn devices(
    conn: &mut impl Connection,
    tenant: &TenantId,
    devices: impl Iterator<Item = &str>,
) -> Result<HashMap<String, DeviceRow>> {
    let rows: Vec<DeviceRow> =
        sql("select d.device, d.id, d.account_id, d.display_name, d.product, d.update_time
             from {rows} cross join devices d where d.tenant = $1 and d.device = rows.device")
        .bind(tenant)
        .rows(Rows::new().text("device", devices))
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.device.clone(), row)).collect())
}

/// Writes devices, whole.
///
/// # Errors
/// What the store says.
pub async fn put_devices_in_tx(tx: &mut Tx, tenant: &TenantId, devices: &[DeviceRow]) -> Result<()> {
    sql("insert into devices (tenant, device, id, account_id, display_name, product, update_time)
         select $1, device, id, account_id, display_name, product, update_time from {rows} where true
         on conflict (tenant, device) do update set account_id = excluded.account_id,
             display_name = excluded.display_name, product = excluded.product,
             update_time = excluded.update_time")
    .bind(tenant)
    .rows(
        Rows::new()
            .text("device", devices.iter().map(|row| row.device.as_str()))
            .uuid("id", devices.iter().map(|row| row.id))
            .uuid("account_id", devices.iter().map(|row| row.account_id))
            .text("display_name", devices.iter().map(|row| row.display_name.as_str()))
            .text("product", devices.iter().map(|row| row.product.as_str()))
            .int("update_time", devices.iter().map(|row| row.update_time)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes a person out of the names of devices at accounts; says of how many. The tenant's turn must
/// have been taken.
///
/// # Errors
/// What the store says.
pub async fn forget_in_tx(tx: &mut Tx, tenant: &TenantId, accounts: &[Uuid], person: &Person) -> Result<u64> {
    let mut devices = list_devices_at(tx, tenant, accounts, Uuid::nil(), i64::MAX).await?;
    devices.retain_mut(|device| device.forget(person));
    put_devices_in_tx(tx, tenant, &devices).await?;
    Ok(devices.len() as u64)
}

/// A page of devices.
///
/// # Errors
/// What the store says.
pub async fn list_devices(
    conn: &mut impl Connection,
    tenant: &TenantId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<DeviceRow>> {
    sql("select device, id, account_id, display_name, product, update_time from devices
         where tenant = $1 and id > $2 order by id limit $3")
    .bind(tenant)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// A page of the devices of these accounts.
///
/// # Errors
/// What the store says.
pub async fn list_devices_at(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
    after: Uuid,
    limit: i64,
) -> Result<Vec<DeviceRow>> {
    sql("select device, id, account_id, display_name, product, update_time from devices
         where tenant = $1 and account_id in (select id from {rows}) and id > $2 order by id limit $3")
    .bind(tenant)
    .bind(after)
    .bind(limit)
    .rows(Rows::new().uuid("id", accounts.iter().copied()))
    .fetch_all(conn)
    .await
}
