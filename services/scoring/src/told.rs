//! What records tell: of themselves, and that something happened. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use salient_core::{AccountId, ContactId, InteractionId, OpportunityId, Result};
use salient_proto::profile::v1::{self as profile, interaction, opportunity};

use crate::store::{
    attributes::{Said, Told},
    contacts::person,
    events::AccountEvent,
};

/// The kind of event that an opening of an opportunity is.
const OPENED: &str = "opportunity";
/// Those of its end.
const WON: &str = "won_opportunity";
const LOST: &str = "lost_opportunity";

/// How an opportunity that ended so is called.
pub fn end(kind: &str) -> Option<&'static str> {
    match kind {
        WON => Some("won"),
        LOST => Some("lost"),
        _ => None,
    }
}

fn micros(at: Option<&prost_types::Timestamp>) -> Option<i64> {
    at.map(|at| at.seconds.saturating_mul(1_000_000) + i64::from(at.nanos / 1_000))
}

/// Values of which the first is taken to have held since the subject began.
fn held<const N: usize>(fields: [(&str, &str); N]) -> impl Iterator<Item = (String, Told)> {
    let told = |(name, value): (&str, &str)| (name.to_owned(), Told { value: value.to_owned(), held: true });
    fields.into_iter().map(told).collect::<Vec<_>>().into_iter().filter(|(_, told)| !told.value.is_empty())
}

/// What an account says of itself, as its source had it when it last changed there.
pub fn account(from: &profile::Account, heard: DateTime<Utc>) -> Result<Said> {
    let fields = held([
        ("territory", &from.territory),
        ("country", &from.country),
        ("industry", &from.industry),
        ("city", &from.city),
    ]);
    let own = from.attributes.iter();
    let own = own.map(|(name, value)| (name.clone(), Told { value: value.clone(), held: true }));
    Ok(Said {
        subject: AccountId::parse_field("account", &from.name)?.uuid(),
        known: micros(from.source_update_time.as_ref()).unwrap_or_else(|| heard.timestamp_micros()),
        // the account's fields before attributes of the same name
        values: own.chain(fields).collect(),
    })
}

/// What a contact says of itself, without what names the person.
pub fn contact(from: &profile::Contact, heard: DateTime<Utc>) -> Result<Said> {
    let has = |value: &str| if value.is_empty() { "false" } else { "true" };
    let fields = held([
        ("title", &from.title),
        ("time_zone", &from.time_zone),
        ("city", &from.city),
        ("country", &from.country),
        ("has_email", has(&from.email)),
        ("has_phone", has(&from.phone)),
    ]);
    Ok(Said {
        subject: ContactId::parse_name(&from.name)?.uuid(),
        known: micros(from.source_update_time.as_ref()).unwrap_or_else(|| heard.timestamp_micros()),
        values: fields.collect(),
    })
}

/// What an opportunity says of itself. Whether it is open says its events. Its stage and what it is worth
/// change on the way, and often at the end: they are known from when they are told. Product and seller are
/// taken to be those of its opening until others are told.
pub fn opportunity(from: &profile::Opportunity, heard: DateTime<Utc>) -> Result<Said> {
    let mut values: BTreeMap<String, Told> =
        held([("product", &from.product), ("seller", &from.seller)]).collect();
    let amount = from.amount.as_ref().map_or_else(String::new, |amount| amount.minor_units.to_string());
    for (name, value) in [("stage", from.stage.clone()), ("amount", amount)] {
        if !value.is_empty() {
            values.insert(name.to_owned(), Told { value, held: false });
        }
    }
    let known = micros(from.update_time.as_ref()).unwrap_or_else(|| heard.timestamp_micros());
    Ok(Said { subject: OpportunityId::parse_name(&from.name)?.uuid(), known, values })
}

/// What happened between an account and us.
pub fn interaction(from: &profile::Interaction) -> Result<AccountEvent> {
    let reached = match from.reach() {
        interaction::Reach::Reached => Some(true),
        interaction::Reach::NotReached => Some(false),
        interaction::Reach::Unspecified => None,
    };
    let kind = from.kind();
    let attempt = matches!(kind, interaction::Kind::Call | interaction::Kind::Email);
    Ok(AccountEvent {
        record: InteractionId::parse_name(&from.name)?.uuid(),
        kind: kind_of(kind),
        account: AccountId::parse_field("account", &from.account)?,
        time: micros(from.occur_time.as_ref()).unwrap_or_default(),
        amount: None,
        quantity: Some(from.quantity),
        person: person(from.contact_key.as_ref()),
        reached: reached.filter(|_| attempt),
    })
}

fn kind_of(of: interaction::Kind) -> &'static str {
    match of {
        interaction::Kind::Unspecified => "interaction",
        interaction::Kind::Email => "email",
        interaction::Kind::Call => "call",
        interaction::Kind::Meeting => "meeting",
        interaction::Kind::Web => "web_visit",
        interaction::Kind::Marketing => "marketing_touch",
        interaction::Kind::Support => "support_request",
        interaction::Kind::Usage => "usage",
        interaction::Kind::CompetitorSignal => "competitor_signal",
        interaction::Kind::ChatBot => "chat",
        interaction::Kind::IntentSignal => "intent_signal",
    }
}

/// That an opportunity was opened, and how it ended. What it was worth is told of its end only: at its
/// opening that was not known.
pub fn course(from: &profile::Opportunity) -> Result<Vec<AccountEvent>> {
    let opened = AccountEvent {
        record: OpportunityId::parse_name(&from.name)?.uuid(),
        kind: OPENED,
        account: AccountId::parse_field("account", &from.account)?,
        time: micros(from.open_time.as_ref()).unwrap_or_default(),
        amount: None,
        quantity: None,
        person: None,
        reached: None,
    };
    let ended = match from.state() {
        opportunity::State::Won => Some(WON),
        opportunity::State::Lost => Some(LOST),
        opportunity::State::Open | opportunity::State::Unspecified => None,
    };
    let closed = micros(from.close_time.as_ref()).or_else(|| micros(from.update_time.as_ref()));
    let amount = from.amount.as_ref().map(|amount| amount.minor_units as f64);
    let end = ended.zip(closed).map(|(kind, time)| AccountEvent { kind, time, amount, ..opened.clone() });
    Ok([opened].into_iter().chain(end).collect())
}
