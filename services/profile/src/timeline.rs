//! What happened at an account, newest first.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashSet},
};

use salient_core::{Error, Result, TenantId, page};
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{
        Account, Contact, Interaction, ListTimelineRequest, Opportunity, Order, TimelineEntry, opportunity,
        timeline_entry,
    },
};
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::{
        Kind, Record as _,
        record::{timestamp, timestamp_micros},
        timeline::{Kinds, as_known_at},
        usage,
    },
    identity,
    profile::Profile,
    store::{
        changes,
        timeline::{self, Entry, Span},
        usage::Span as UsageSpan,
    },
    telemetry,
};

/// A page of an account's timeline, as known at the service's clock, and the token of the next
/// page.
///
/// # Errors
/// `RESOURCE_UNKNOWN` if there is no such account or contact, `FIELD_INVALID`, `PAGE_TOKEN_INVALID`,
/// or what the store says.
pub async fn list(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListTimelineRequest,
) -> Result<(Vec<TimelineEntry>, String)> {
    let account = Kind::Account.parse("parent", &request.parent)?;
    let mut kinds = Kinds::parse(&request.kinds)?;
    let start = request.start_time.as_ref().map(timestamp_micros);
    let end = request.end_time.as_ref().map(timestamp_micros);
    let query = format!("{start:?} {end:?} {kinds:?} {}", request.contact);
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
    let person = match request.contact.as_str() {
        "" => None,
        contact => {
            // only interactions tell whom they were with
            kinds = Kinds { interactions: kinds.interactions, ..Kinds::default() };
            Some(keys_of(&mut conn, tenant, contact).await?)
        }
    };
    let asked = Asked { kinds: &kinds, person: person.as_ref(), span, now };
    let entries = entries(&mut conn, tenant, &members, asked).await?;
    let (entries, next) = page.cut(entries, |entry| (entry.time, entry.id));
    Ok((shown(entries), next))
}

/// What is asked of a timeline.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The kinds of entries.
    pub(crate) kinds: &'a Kinds,
    /// The keys of the person with whom interactions were, if only these are asked for.
    pub(crate) person: Option<&'a HashSet<SourceKey>>,
    /// Of each kind and record at most as many as it says.
    pub(crate) span: Span,
    /// What is known by then counts, microseconds.
    pub(crate) now: i64,
}

/// The entries of the timeline of an account that is these records, newest first.
pub(crate) async fn entries(
    conn: &mut impl Connection,
    tenant: &TenantId,
    members: &[Uuid],
    Asked { kinds, person, span, now }: Asked<'_>,
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
            ($found:expr, $entry:expr) => {
                let found = $found;
                entries.extend(found.into_iter().map(|entry| {
                    entry.map(|mut record| {
                        record.set_account(name.clone());
                        $entry(record)
                    })
                }));
            };
        }
        let orders = kinds.orders.clone();
        add!(
            timeline::newest::<Order>(conn, timeline::ORDERS, tenant, span, orders).await?,
            timeline_entry::Entry::Order
        );
        add!(interactions(conn, tenant, span, kinds, person).await?, timeline_entry::Entry::Interaction);
        let known = |opportunity| timeline_entry::Entry::Opportunity(as_known_at(opportunity, now));
        let states = states.clone();
        add!(
            timeline::newest::<Opportunity>(conn, timeline::OPPORTUNITIES, tenant, span, states).await?,
            known
        );
        if kinds.changes {
            let found = changes::newest(conn, tenant, span).await?;
            entries.extend(found.into_iter().map(|entry| {
                entry.map(|mut change| {
                    change.account.clone_from(&name);
                    timeline_entry::Entry::OpportunityChange(change)
                })
            }));
        }
    }
    if kinds.usage {
        let Span { start, end, before, limit, .. } = span;
        let span = UsageSpan { account: *root, device: "", metrics: &[], start, end, now, before, limit };
        let days = telemetry::days(conn, tenant, members, span).await?;
        entries.extend(days.into_iter().map(|(series, id, tally)| {
            let record = timeline_entry::Entry::Usage(usage::message(name.clone(), &series, &tally));
            Entry { time: series.day, id, record }
        }));
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

/// The keys by which interactions name a person.
async fn keys_of(conn: &mut impl Connection, tenant: &TenantId, contact: &str) -> Result<HashSet<SourceKey>> {
    let stakes = identity::profile::<Contact>(conn, tenant, contact).await?.stakes;
    Ok(stakes.into_iter().map(|stake| stake.member.key).collect())
}

/// Interactions of a span, of one person if `person` has the keys of one.
async fn interactions(
    conn: &mut impl Connection,
    tenant: &TenantId,
    span: Span,
    kinds: &Kinds,
    person: Option<&HashSet<SourceKey>>,
) -> Result<Vec<Entry<Interaction>>> {
    let kinds = kinds.interactions.clone();
    let Some(person) = person else {
        return Ok(timeline::newest(conn, timeline::INTERACTIONS, tenant, span, kinds).await?);
    };
    let mut found = Vec::new();
    for key in person {
        found.extend(with_key(conn, tenant, span, &kinds, key).await?);
    }
    Ok(found)
}

/// Interactions that name a contact by this key.
async fn with_key(
    conn: &mut impl Connection,
    tenant: &TenantId,
    mut span: Span,
    kinds: &BTreeSet<i32>,
    key: &SourceKey,
) -> Result<Vec<Entry<Interaction>>> {
    let wanted = usize::try_from(span.limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    // once, unless another source has a contact with the same id
    loop {
        let read = timeline::newest_with(conn, tenant, span, &key.id, kinds.iter().copied()).await?;
        let is_last = read.len() < wanted;
        if let Some(last) = read.last() {
            span.before = (last.time, last.id);
        }
        found.extend(read.into_iter().filter(|entry| entry.record.contact_key.as_ref() == Some(key)));
        if is_last || found.len() >= wanted {
            return Ok(found);
        }
    }
}
