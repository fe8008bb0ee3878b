//! What happened at an account, newest first.

use std::cmp::Reverse;

use salient_core::{Error, Result, TenantId, page};
use salient_proto::profile::v1::{
    Account, Interaction, ListTimelineRequest, Opportunity, Order, TimelineEntry, opportunity, timeline_entry,
};
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::{
        Kind, Record as _,
        record::{timestamp, timestamp_micros},
        timeline::{Kinds, as_known_at},
    },
    identity,
    profile::Profile,
    store::timeline::{self, Entry, Span},
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
    let before = page.key()?.unwrap_or((i64::MAX, Uuid::max()));
    let span = Span {
        account,
        start: start.unwrap_or(i64::MIN),
        end: end.unwrap_or(i64::MAX).min(now.saturating_add(1)),
        before,
        limit: page.limit(),
    };
    let mut conn = profile.db.read().await?;
    let members = identity::members::<Account>(&mut conn, tenant, account).await?;
    if members.is_empty() {
        return Err(Error::not_found(&request.parent));
    }
    let entries = entries(&mut conn, tenant, &members, &kinds, span, now).await?;
    let (entries, next) = page.cut(entries, |entry| (entry.time, entry.id));
    Ok((shown(entries), next))
}

/// The entries of the timeline of an account that is these records, newest first, as known at `now`
/// (microseconds); of each kind and record at most as many as the span says.
pub(crate) async fn entries(
    conn: &mut impl Connection,
    tenant: &TenantId,
    members: &[Uuid],
    kinds: &Kinds,
    span: Span,
    now: i64,
) -> Result<Vec<Entry<timeline_entry::Entry>>> {
    let Some(root) = members.first() else { return Ok(Vec::new()) };
    let states = [opportunity::State::Open, opportunity::State::Won, opportunity::State::Lost];
    let states = states.into_iter().filter(|_| kinds.opportunities).map(|state| state as i32);
    let name = Kind::Account.name(*root);
    let mut entries: Vec<Entry<timeline_entry::Entry>> = Vec::new();
    // what belongs to a record is stored with it, and shown with the profile
    for account in members {
        let span = Span { account: *account, ..span };
        macro_rules! add {
            ($record:ty, $text:expr, $kinds:expr, $entry:expr) => {
                let found = timeline::newest::<$record>(conn, $text, tenant, span, $kinds).await?;
                entries.extend(found.into_iter().map(|entry| {
                    entry.map(|mut record| {
                        record.set_account(name.clone());
                        $entry(record)
                    })
                }));
            };
        }
        add!(Order, timeline::ORDERS, kinds.orders.clone(), timeline_entry::Entry::Order);
        add!(
            Interaction,
            timeline::INTERACTIONS,
            kinds.interactions.clone(),
            timeline_entry::Entry::Interaction
        );
        let known = |opportunity| timeline_entry::Entry::Opportunity(as_known_at(opportunity, now));
        add!(Opportunity, timeline::OPPORTUNITIES, states.clone(), known);
    }
    entries.sort_unstable_by_key(|entry| Reverse((entry.time, entry.id)));
    Ok(entries)
}

/// Entries as they are told.
pub(crate) fn shown(entries: Vec<Entry<timeline_entry::Entry>>) -> Vec<TimelineEntry> {
    let shown =
        |entry: Entry<_>| TimelineEntry { time: Some(timestamp(entry.time)), entry: Some(entry.record) };
    entries.into_iter().map(shown).collect()
}
