//! Exports of people's data, and the parts that have come in.

use std::collections::BTreeSet;

use salient_core::{PersonExportId, TenantId};
use salient_proto::profile::v1::{PersonExport, person_export::Part};
use salient_store::{Connection, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{Kind, record::timestamp};

/// What an export is begun with. Times are in microseconds.
#[derive(Clone, Debug)]
pub struct NewExport<'a> {
    /// Its id.
    pub id: PersonExportId,
    /// Whose data.
    pub contact: Uuid,
    /// Who asked.
    pub requester: &'a str,
    /// Services whose parts are to come.
    pub services: &'a BTreeSet<String>,
    /// Now.
    pub create_time: i64,
    /// When it is deleted.
    pub expire_time: i64,
}

/// Keeps a new export.
///
/// # Errors
/// What the store says.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, new: &NewExport<'_>) -> Result<()> {
    sql("insert into person_exports (tenant, id, contact, requester, create_time, expire_time)
         values ($1, $2, $3, $4, $5, $6)")
    .bind(tenant)
    .bind(new.id)
    .bind(new.contact)
    .bind(new.requester)
    .bind(new.create_time)
    .bind(new.expire_time)
    .execute(tx)
    .await?;
    sql("insert into person_export_parts (tenant, person_export, service, json)
         select $1, $2, service, '' from {rows}")
    .bind(tenant)
    .bind(new.id)
    .rows(Rows::new().text("service", new.services))
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps a part, unless the export is gone or has it. `now` is in microseconds.
///
/// Parts come in at the same time: whoever holds the export's row sees all that came before, so the
/// last of them completes it.
///
/// # Errors
/// What the store says.
pub async fn report_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    id: PersonExportId,
    service: &str,
    json: &str,
    now: i64,
) -> Result<()> {
    sql("select 1 from person_exports where tenant = $1 and id = $2 {for_update}")
        .bind(tenant)
        .bind(id)
        .execute(tx)
        .await?;
    sql("update person_export_parts set json = $4, report_time = $5
         where tenant = $1 and person_export = $2 and service = $3 and report_time is null")
    .bind(tenant)
    .bind(id)
    .bind(service)
    .bind(json)
    .bind(now)
    .execute(tx)
    .await?;
    sql(
        "update person_exports set complete_time = $3 where tenant = $1 and id = $2 and complete_time is null
         and not exists (select 1 from person_export_parts p
                         where p.tenant = $1 and p.person_export = $2 and p.report_time is null)",
    )
    .bind(tenant)
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// One export that is not over yet at `now` (microseconds).
///
/// # Errors
/// What the store says.
pub async fn get(
    conn: &mut impl Connection,
    tenant: &TenantId,
    id: PersonExportId,
    now: i64,
) -> Result<Option<PersonExport>> {
    let row: Option<(Uuid, String, i64, Option<i64>, i64)> =
        sql("select contact, requester, create_time, complete_time, expire_time from person_exports
             where tenant = $1 and id = $2 and expire_time > $3")
        .bind(tenant)
        .bind(id)
        .bind(now)
        .fetch_optional(conn)
        .await?;
    let Some((contact, requester, create, complete, expire)) = row else { return Ok(None) };
    let rows: Vec<(String, Option<i64>, String)> =
        sql("select service, report_time, json from person_export_parts
         where tenant = $1 and person_export = $2 order by service")
        .bind(tenant)
        .bind(id)
        .fetch_all(conn)
        .await?;
    let (mut parts, mut missing) = (Vec::new(), Vec::new());
    for (service, time, json) in rows {
        match time {
            Some(time) => parts.push(Part { service, report_time: Some(timestamp(time)), json }),
            None => missing.push(service),
        }
    }
    Ok(Some(PersonExport {
        name: id.name(),
        contact: Kind::Contact.name(contact),
        parts,
        missing_services: missing,
        requester,
        create_time: Some(timestamp(create)),
        complete_time: complete.map(timestamp),
        expire_time: Some(timestamp(expire)),
    }))
}

/// Deletes the exports of these contacts, and those of others with a part that `speaks` picks; says
/// how many.
///
/// # Errors
/// What the store says.
pub async fn delete_speaking_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    contacts: &[Uuid],
    speaks: impl Fn(&str) -> bool + Send + Sync,
) -> Result<u64> {
    let mut picked = BTreeSet::new();
    sql("select e.id, e.contact, p.json from person_exports e
         join person_export_parts p on p.tenant = e.tenant and p.person_export = e.id where e.tenant = $1")
    .bind(tenant)
    .for_each(tx, |(id, contact, json): (Uuid, Uuid, String)| {
        if contacts.contains(&contact) || speaks(&json) {
            picked.insert(id);
        }
    })
    .await?;
    let gone: Vec<(Uuid,)> =
        sql("delete from person_exports where tenant = $1 and id in (select id from {rows}) returning id")
            .bind(tenant)
            .rows(Rows::new().uuid("id", picked))
            .fetch_all(tx)
            .await?;
    delete_parts_in_tx(tx, gone).await
}

/// Deletes the exports of all tenants that are over at `now` (microseconds); says how many.
///
/// # Errors
/// What the store says.
pub async fn delete_expired_in_tx(tx: &mut Tx, now: i64) -> Result<u64> {
    let gone: Vec<(Uuid,)> = sql("delete from person_exports where expire_time <= $1 returning id")
        .bind(now)
        .fetch_all(tx)
        .await?;
    delete_parts_in_tx(tx, gone).await
}

/// Ids are unique over all tenants.
async fn delete_parts_in_tx(tx: &mut Tx, exports: Vec<(Uuid,)>) -> Result<u64> {
    let count = exports.len() as u64;
    sql("delete from person_export_parts where person_export in (select id from {rows})")
        .rows(Rows::new().uuid("id", exports.into_iter().map(|(id,)| id)))
        .execute(tx)
        .await?;
    Ok(count)
}
