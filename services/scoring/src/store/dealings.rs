//! What happened between accounts and us, as insights look at it.

use salient_core::{AccountId, Result, TenantId};
use salient_learn::{DAY_US, funnel::Sale};
use salient_store::{Connection, sql};
use uuid::Uuid;

use super::contacts;
use crate::insight::dealings::{Dealings, PERIOD_DAYS, PERIODS};

/// What happened before a moment (microseconds UTC).
///
/// # Errors
/// The store fails.
pub async fn before(conn: &mut impl Connection, tenant: &TenantId, before: i64) -> Result<Dealings> {
    let mut found =
        Dealings { tried: contacts::attempts(conn, tenant, before).await?, ..Dealings::default() };
    let account = AccountId::from_uuid;
    sql("select account, kind, min(event_time) from account_events
         where tenant = $1 and event_time < $2 group by account, kind")
    .bind(tenant)
    .bind(before)
    .for_each(conn, |(record, kind, time): (Uuid, String, i64)| {
        found.firsts.push((account(record), kind, time));
    })
    .await?;
    sql("select o.account, o.event_time, w.event_time from account_events o
         left join account_events w on w.tenant = $1 and w.record = o.record and w.kind = 'won_opportunity'
            and w.event_time < $2
         where o.tenant = $1 and o.kind = 'opportunity' and o.event_time < $2")
    .bind(tenant)
    .bind(before)
    .for_each(conn, |(record, opened, won): (Uuid, i64, Option<i64>)| {
        found.sales.push((account(record), Sale { opened, won }));
    })
    .await?;
    let period = PERIOD_DAYS * DAY_US;
    let since = before.saturating_sub(PERIODS * period);
    sql("select account, kind, event_time, quantity from account_events
         where tenant = $1 and kind in ('support_request', 'usage') and event_time >= $2 and event_time < $3
         order by event_time, record")
    .bind(tenant)
    .bind(since)
    .bind(before)
    .for_each(conn, |(record, kind, time, much): (Uuid, String, i64, Option<f64>)| {
        if kind == "usage" {
            // added up as they come: there may be very many
            let of = (account(record), (before - time - 1) / period);
            *found.usage.entry(of).or_default() += much.unwrap_or(0.0);
        } else {
            found.requests.push((account(record), time));
        }
    })
    .await?;
    Ok(found)
}
