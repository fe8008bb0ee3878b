//! The conversion funnel, counted.

use chrono::{DateTime, Utc};
use salient_core::TenantId;
use salient_store::{Connection, Result, sql};

/// Counts of recommendations issued in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Funnel {
    /// Issued.
    pub issued: i64,
    /// Shown at least once.
    pub exposed: i64,
    /// Accepted or completed.
    pub accepted: i64,
    /// Dismissed.
    pub dismissed: i64,
    /// Became an opportunity.
    pub opportunity: i64,
    /// Became an order of the product, or a won opportunity.
    pub won: i64,
    /// Window is over.
    pub closed_windows: i64,
}

/// Counts what came of the recommendations issued in `[from, until)`, as known at `now`.
pub async fn count(
    conn: &mut impl Connection,
    tenant: &TenantId,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    seller: &str,
    now: DateTime<Utc>,
) -> Result<Funnel> {
    const COUNTS: &str = "select count(*) as issued,
        count(*) filter (where exists (select 1 from exposures e
            where e.tenant = r.tenant and e.recommendation = r.recommendation)) as exposed,
        count(*) filter (where exists (select 1 from reactions a
            where a.tenant = r.tenant and a.recommendation = r.recommendation
              and a.action in ('accept', 'complete'))) as accepted,
        count(*) filter (where exists (select 1 from reactions a
            where a.tenant = r.tenant and a.recommendation = r.recommendation and a.action = 'dismiss')) as dismissed,
        count(*) filter (where exists (select 1 from outcomes o
            where o.tenant = r.tenant and o.recommendation = r.recommendation
              and o.kind in ('opportunity_created', 'opportunity_won', 'opportunity_lost'))) as opportunity,
        count(*) filter (where exists (select 1 from outcomes o
            where o.tenant = r.tenant and o.recommendation = r.recommendation
              and o.kind in ('order', 'opportunity_won'))) as won,
        count(*) filter (where r.window_end <= $5) as closed_windows
        from recommendations r
        where r.tenant = $1 and r.issue_time >= $2 and r.issue_time < $3 and ($4 = '' or r.seller = $4)";
    sql(COUNTS)
        .bind(tenant)
        .bind(from.map_or(i64::MIN, |at| at.timestamp_micros()))
        .bind(until.map_or(i64::MAX, |at| at.timestamp_micros()))
        .bind(seller)
        .bind(now)
        .fetch_one(conn)
        .await
}
