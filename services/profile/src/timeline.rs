//! What happened at an account, newest first.

use std::cmp::Reverse;

use salient_core::{Error, Result, TenantId, page};
use salient_proto::profile::v1::{
    Account, Interaction, ListTimelineRequest, Opportunity, Order, TimelineEntry, opportunity, timeline_entry,
};
use uuid::Uuid;

use crate::{
    domain::{
        Kind,
        record::{timestamp, timestamp_micros},
        timeline::{Kinds, as_known_at},
    },
    profile::Profile,
    store::{
        records,
        timeline::{self, Entry, Span},
    },
};

/// A page of an account's timeline, as known at the service's clock, and the token of the next
/// page.
///
/// # Errors
/// `RESOURCE_UNKNOWN` if there is no such account, `FIELD_INVALID`, `PAGE_TOKEN_INVALID`, or what
/// the store says.
pub async fn list(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListTimelineRequest,
) -> Result<(Vec<TimelineEntry>, String)> {
    let account = Kind::Account.parse("parent", &request.parent)?;
    let kinds = Kinds::parse(&request.kinds)?;
    let start = request.start_time.as_ref().map(timestamp_micros);
    let end = request.end_time.as_ref().map(timestamp_micros);
    let query = format!("{start:?} {end:?} {kinds:?}");
    let query = ["timeline", tenant.as_str(), request.parent.as_str(), query.as_str()];
    let page = page::page(request.page_size, &request.page_token, &query)?;

    let now = profile.clock.now_micros();
    let span = Span {
        account,
        start: start.unwrap_or(i64::MIN),
        end: end.unwrap_or(i64::MAX).min(now.saturating_add(1)),
        before: page.key()?.unwrap_or((i64::MAX, Uuid::max())),
        limit: page.limit(),
    };
    let mut conn = profile.db.read().await?;
    if records::get::<Account>(&mut conn, tenant, account).await?.is_none() {
        return Err(Error::not_found(&request.parent));
    }
    let orders = timeline::newest::<Order>(&mut conn, timeline::ORDERS, tenant, span, kinds.orders).await?;
    let interactions =
        timeline::newest::<Interaction>(&mut conn, timeline::INTERACTIONS, tenant, span, kinds.interactions)
            .await?;
    let states = [opportunity::State::Open, opportunity::State::Won, opportunity::State::Lost];
    let states = states.into_iter().filter(|_| kinds.opportunities).map(|state| state as i32);
    let opportunities =
        timeline::newest::<Opportunity>(&mut conn, timeline::OPPORTUNITIES, tenant, span, states).await?;

    let mut entries: Vec<Entry<timeline_entry::Entry>> = Vec::new();
    entries.extend(orders.into_iter().map(|entry| entry.map(timeline_entry::Entry::Order)));
    entries.extend(interactions.into_iter().map(|entry| entry.map(timeline_entry::Entry::Interaction)));
    entries.extend(opportunities.into_iter().map(|entry| {
        entry.map(|opportunity| timeline_entry::Entry::Opportunity(as_known_at(opportunity, now)))
    }));
    entries.sort_unstable_by_key(|entry| Reverse((entry.time, entry.id)));
    let (entries, next) = page.cut(entries, |entry| (entry.time, entry.id));
    let entries = entries
        .into_iter()
        .map(|entry| TimelineEntry { time: Some(timestamp(entry.time)), entry: Some(entry.record) })
        .collect();
    Ok((entries, next))
}
