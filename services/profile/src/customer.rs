//! Everything about a customer in one call.
//!
//! Each part is read only if it is asked for. Nothing here is larger for an account with more
//! history: lists are cut where they are read, by index, and what goes over all of
//! it (stage, trends) was boiled down when the records came; see [`crate::domain::facts`].
//!
//! # How to add a part
//! A field of `Customer` in the contract, its name in [`PARTS`], and its reading in `Asked::who` or
//! `Asked::did`.

use std::collections::HashMap;

use prost_types::FieldMask;
use salient_core::{Error, Mask, Result, TenantId};
use salient_proto::profile::v1::{
    Account, Completeness, Contact, Customer, CustomerConsents, CustomerStage, GetCustomerRequest,
    Opportunity, ProvenanceSummary, SourceRecord, TimelineEntry, Trends, completeness::Question,
    customer_consents::Person, opportunity::State, provenance_summary::Origin, trends,
};
use salient_store::{Connection, Read};
use uuid::Uuid;

use crate::{
    domain::{
        Kind, Record,
        completeness::completeness,
        consent,
        facts::day_of,
        record::timestamp,
        timeline::{Kinds, as_known_at},
        trends::trends as series,
    },
    hierarchy,
    identity::{self, follow},
    profile::Profile,
    segments,
    store::{
        consents,
        facts::{self, Stood},
        identity::contacts_of,
        records, settings,
        timeline::{OPPORTUNITIES, Span, newest},
    },
    timeline,
};

/// What a read mask may name.
pub const PARTS: [&str; 12] = [
    "name",
    "account",
    "provenance",
    "hierarchy",
    "contacts",
    "open_opportunities",
    "timeline",
    "completeness",
    "segments",
    "stage",
    "trends",
    "consents",
];

/// Contacts, and open opportunities, that are shown.
const SHOWN: i64 = 50;
/// Opportunities of a record that are looked at for open ones, the newest first.
const LOOKED_AT: i64 = 1_000;
/// Segments that are shown.
const SEGMENTS: i64 = 100;
/// Entries of the timeline when nobody says how many.
const TIMELINE: i64 = 20;
/// Months of trends when nobody says how many.
const MONTHS: usize = 12;

/// The parts of a customer that a request asks for.
///
/// # Errors
/// `RESOURCE_UNKNOWN` if there is no such account, `FIELD_MASK_INVALID`, or what the store says.
pub async fn get(profile: &Profile, tenant: &TenantId, request: &GetCustomerRequest) -> Result<Customer> {
    let paths = request.read_mask.as_ref().map(|FieldMask { paths }| paths.as_slice()).unwrap_or_default();
    let mask = Mask::parse("read_mask", paths, &PARTS)?;
    let id = Kind::Account.parse("name", &request.name)?;
    let now = profile.clock.now_micros();
    let mut conn = profile.db.read_by_kept_plans().await?;
    let members = identity::members::<Account>(&mut conn, tenant, id).await?;
    let root = *members.first().ok_or_else(|| Error::not_found(&request.name))?;
    let asked = Asked { profile, tenant, request, mask: &mask, members: &members, root, now };
    // on two connections: each waits for the database most of the time
    let (who, did) = tokio::try_join!(asked.who(&mut conn), asked.did())?;
    let Customer { open_opportunities, timeline, segments, stage, trends, .. } = did;
    Ok(Customer { open_opportunities, timeline, segments, stage, trends, ..who })
}

/// A customer, and what is asked for of it.
struct Asked<'a> {
    profile: &'a Profile,
    tenant: &'a TenantId,
    request: &'a GetCustomerRequest,
    mask: &'a Mask,
    /// Its records.
    members: &'a [Uuid],
    /// The one it is named after.
    root: Uuid,
    /// In microseconds.
    now: i64,
}

impl Asked<'_> {
    fn wants(&self, part: &str) -> bool {
        self.mask.contains(part)
    }

    /// The parts that say who it is.
    async fn who(&self, conn: &mut Read) -> Result<Customer> {
        let Self { tenant, root, .. } = *self;
        let mut customer = Customer::default();
        if self.wants("name") {
            customer.name = Kind::Account.name(root);
        }
        if self.wants("account") || self.wants("completeness") {
            let mut found: Vec<_> = records::get::<Account>(conn, tenant, root).await?.into_iter().collect();
            if self.wants("account") {
                follow(conn, tenant, &mut found).await?;
            }
            customer.account = found.pop();
        }
        if self.wants("provenance") {
            customer.provenance = Some(provenance(conn, tenant, root).await?);
        }
        if self.wants("hierarchy") {
            customer.hierarchy = Some(hierarchy::of(conn, tenant, root).await?);
        }
        if ["contacts", "completeness", "consents"].iter().any(|part| self.wants(part)) {
            customer.contacts = of_profile(contacts_of(conn, tenant, self.members, SHOWN).await?, root);
        }
        if self.wants("consents") {
            customer.consents = Some(agreed(conn, tenant, &customer.contacts, self.now).await?);
        }
        if self.wants("completeness") {
            let account = customer.account.as_ref().ok_or_else(|| Error::not_found(&self.request.name))?;
            customer.completeness = Some(known(account, &customer.contacts));
        }
        // read for other parts only
        if !self.wants("account") {
            customer.account = None;
        }
        if !self.wants("contacts") {
            customer.contacts.clear();
        }
        Ok(customer)
    }

    /// The parts that say what it did.
    async fn did(&self) -> Result<Customer> {
        let Self { profile, tenant, request, members, root, now, .. } = *self;
        let conn = &mut profile.db.read_by_kept_plans().await?;
        let span = Span {
            account: root,
            start: i64::MIN,
            end: now.saturating_add(1),
            before: (i64::MAX, Uuid::max()),
            limit: SHOWN,
        };
        let mut customer = Customer::default();
        if self.wants("open_opportunities") {
            let states = match profile.clock.is_system() {
                true => &[State::Open][..],
                // on a clock that replays the past, what is closed by now may have been open
                false => &[State::Open, State::Won, State::Lost],
            };
            customer.open_opportunities = opportunities(conn, tenant, members, span, states).await?;
        }
        if self.wants("timeline") {
            let limit = if request.timeline_size == 0 { TIMELINE } else { request.timeline_size.into() };
            customer.timeline = entries(conn, tenant, members, Span { limit, ..span }).await?;
        }
        if self.wants("segments") {
            let found = segments::of_account(conn, tenant, root, "", SEGMENTS).await?;
            customer.segments = found.into_iter().map(|(_, segment)| segment).collect();
        }
        if self.wants("stage") || self.wants("trends") {
            let stood = facts::of(conn, tenant, &[root]).await?.remove(&root);
            if self.wants("stage") {
                customer.stage = Some(stage(stood.as_ref()));
            }
            if self.wants("trends") {
                let months = usize::try_from(request.trend_months).ok().filter(|months| *months > 0);
                customer.trends = Some(trends_of(stood, now, months.unwrap_or(MONTHS)));
            }
        }
        Ok(customer)
    }
}

async fn provenance(conn: &mut impl Connection, tenant: &TenantId, root: Uuid) -> Result<ProvenanceSummary> {
    let found = identity::profiles::<Account>(conn, tenant, &[root]).await?.remove(&root);
    let Some(found) = found else { return Ok(ProvenanceSummary::default()) };
    let records = found.stakes.into_iter().map(|stake| SourceRecord {
        name: Kind::Account.name(stake.id),
        source_key: Some(stake.member.key),
        update_time: Some(timestamp(stake.member.update_time)),
    });
    let fields = found.provenance.into_iter().map(|entry| {
        let contradicting = entry.rivals.iter().filter(|rival| rival.value != entry.chosen.value).count();
        Origin {
            field: entry.field,
            source_key: entry.chosen.key,
            because: entry.because.to_owned(),
            contradicting_count: i32::try_from(contradicting).unwrap_or(i32::MAX),
        }
    });
    Ok(ProvenanceSummary { records: records.collect(), fields: fields.collect() })
}

/// Records that belong to any of a profile's records, as belonging to the profile.
fn of_profile<R: Record>(records: impl IntoIterator<Item = R>, root: Uuid) -> Vec<R> {
    let named = records.into_iter().map(|mut record| {
        record.set_account(Kind::Account.name(root));
        record
    });
    named.collect()
}

async fn opportunities(
    conn: &mut impl Connection,
    tenant: &TenantId,
    members: &[Uuid],
    span: Span,
    states: &[State],
) -> Result<Vec<Opportunity>> {
    let now = span.end - 1;
    let mut found = Vec::new();
    for account in members {
        let span = Span { account: *account, limit: LOOKED_AT, ..span };
        let states = states.iter().map(|state| *state as i32);
        found.extend(newest::<Opportunity>(conn, OPPORTUNITIES, tenant, span, states).await?);
    }
    found.sort_unstable_by_key(|entry| std::cmp::Reverse((entry.time, entry.id)));
    let known = found.into_iter().map(|entry| as_known_at(entry.record, now));
    let open = known.filter(|opportunity| opportunity.state() == State::Open);
    Ok(of_profile(open.take(usize::try_from(span.limit).unwrap_or_default()), span.account))
}

async fn entries(
    conn: &mut impl Connection,
    tenant: &TenantId,
    members: &[Uuid],
    span: Span,
) -> Result<Vec<TimelineEntry>> {
    let kinds = Kinds::parse(&[])?;
    let asked = timeline::Asked { kinds: &kinds, person: None, span, now: span.end - 1 };
    let mut found = timeline::entries(conn, tenant, members, asked).await?;
    found.truncate(usize::try_from(span.limit).unwrap_or_default());
    Ok(timeline::shown(found))
}

/// What these contacts agreed to.
async fn agreed(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contacts: &[Contact],
    now: i64,
) -> Result<CustomerConsents> {
    let ids: Result<Vec<Uuid>> =
        contacts.iter().map(|contact| Kind::Contact.parse("name", &contact.name)).collect();
    let ids = ids?;
    let mut said: HashMap<Uuid, Vec<_>> = HashMap::new();
    for (person, consent) in consents::deciding_of_profiles(conn, tenant, &ids, now).await? {
        said.entry(person).or_default().push(consent::status(consent));
    }
    let person = |id| Some(Person { contact: Kind::Contact.name(id), statuses: said.remove(&id)? });
    let people = ids.into_iter().filter_map(person).collect();
    let unknown_permitted = consent::permits_unknown(&settings::get(conn, tenant).await?);
    Ok(CustomerConsents { people, unknown_permitted })
}

fn stage(stood: Option<&Stood>) -> CustomerStage {
    CustomerStage {
        stage: stood.map(|stood| stood.stage.clone()).unwrap_or_default(),
        enter_time: stood.and_then(|stood| stood.stage_time).map(timestamp),
    }
}

fn trends_of(stood: Option<Stood>, now: i64, months: usize) -> Trends {
    let found = series(&stood.map(|stood| stood.facts).unwrap_or_default(), day_of(now), months);
    let orders = found.orders.into_iter().map(|(currency_code, of)| trends::OrderSeries {
        currency_code,
        order_counts: of.counts,
        revenue_minor_units: of.revenue,
        return_counts: of.returns,
        returned_minor_units: of.returned,
    });
    let interactions = found.interactions.into_iter();
    let interactions = interactions.map(|(kind, counts)| trends::InteractionSeries { kind, counts });
    Trends { months: found.months, orders: orders.collect(), interactions: interactions.collect() }
}

fn known(account: &Account, contacts: &[Contact]) -> Completeness {
    let found = completeness(account, contacts);
    let questions = found.questions.into_iter().map(|of| Question {
        subject: of.subject,
        field: of.field.to_owned(),
        question: of.question.to_owned(),
        gain: of.gain,
    });
    Completeness {
        score: found.score,
        account_score: found.account,
        contact_score: found.contact,
        questions: questions.collect(),
    }
}
