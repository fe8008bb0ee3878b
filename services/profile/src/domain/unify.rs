//! One profile out of several records.
//!
//! Each field is chosen by itself: a value that a person pinned; else what the most trusted source
//! says; among equally trusted ones the newest by its own system's time, then the most complete,
//! then the first by key. Nothing depends on the order in which records arrived.

use std::{cmp::Reverse, collections::BTreeMap};

use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Account, Contact},
};

use super::{
    Record,
    hierarchy::{PARENT, key_text, parse_key},
    record::timestamp_micros,
};

/// The trust of a source of which nothing was said.
pub const USUAL_TRUST: i32 = 50;

/// What stands before the key of an attribute in the name of its field.
const ATTRIBUTES: &str = "attributes.";

/// A record whose fields can be told apart by name.
pub trait Fields: Record {
    /// Every field that is filled, by name, in the order of the contract.
    fn claims(&self) -> Vec<(String, String)>;
    /// Fills a field; says whether there is such a field.
    fn fill(&mut self, field: &str, value: &str) -> bool;
    /// When the record last changed in its own system, in microseconds.
    fn source_time(&self) -> Option<i64>;
}

macro_rules! texts {
    ($record:ty: $($field:ident),+) => {
        fn text(&mut self, field: &str) -> Option<&mut String> {
            match field {
                $(stringify!($field) => Some(&mut self.$field),)+
                _ => None,
            }
        }

        fn texts(&self) -> Vec<(String, String)> {
            let texts = [$((stringify!($field), &self.$field)),+];
            let filled = texts.into_iter().filter(|(_, value)| !value.is_empty());
            filled.map(|(field, value)| (field.to_owned(), value.clone())).collect()
        }
    };
}

trait Texts {
    fn text(&mut self, field: &str) -> Option<&mut String>;
    fn texts(&self) -> Vec<(String, String)>;
}

impl Texts for Account {
    texts!(Account: display_name, territory, country, industry, domain, phone, street, city, postal_code);
}

impl Texts for Contact {
    texts!(Contact: account, display_name, email, phone, title, time_zone, given_name, family_name, street,
        city, postal_code, country);
}

impl Fields for Account {
    fn claims(&self) -> Vec<(String, String)> {
        let attributes: BTreeMap<_, _> = self.attributes.iter().collect();
        let attributes =
            attributes.into_iter().map(|(key, value)| (format!("{ATTRIBUTES}{key}"), value.clone()));
        let parent = self.parent_key.as_ref().map(|key| (PARENT.to_owned(), key_text(key)));
        self.texts().into_iter().chain(attributes).chain(parent).collect()
    }

    fn fill(&mut self, field: &str, value: &str) -> bool {
        if field == PARENT {
            self.parent_key = parse_key(value);
            return true;
        }
        if let Some(key) = field.strip_prefix(ATTRIBUTES) {
            self.attributes.insert(key.to_owned(), value.to_owned());
            return !key.is_empty();
        }
        self.text(field).map(|text| value.clone_into(text)).is_some()
    }

    fn source_time(&self) -> Option<i64> {
        self.source_update_time.as_ref().map(timestamp_micros)
    }
}

impl Fields for Contact {
    fn claims(&self) -> Vec<(String, String)> {
        self.texts()
    }

    fn fill(&mut self, field: &str, value: &str) -> bool {
        self.text(field).map(|text| value.clone_into(text)).is_some()
    }

    fn source_time(&self) -> Option<i64> {
        self.source_update_time.as_ref().map(timestamp_micros)
    }
}

/// A record of a profile.
#[derive(Clone, Debug)]
pub struct Member<R> {
    /// Its content.
    pub record: R,
    /// Its key in its source.
    pub key: SourceKey,
    /// The trust of its source, 0 to 100.
    pub trust: i32,
    /// When it was last stored, in microseconds.
    pub update_time: i64,
}

/// A value that a person fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The field.
    pub field: String,
    /// Its value.
    pub value: String,
    /// When, in microseconds.
    pub time: i64,
}

/// What one record, or a pin, says of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The value.
    pub value: String,
    /// The record; `None` for a pin.
    pub key: Option<SourceKey>,
    /// When it was stored or pinned, in microseconds.
    pub time: i64,
    /// The trust of the source.
    pub trust: i32,
    source_time: Option<i64>,
}

impl Claim {
    /// The better claim is the greater one.
    fn rank(&self) -> impl Ord + '_ {
        let key = self.key.as_ref().map_or(("", ""), |key| (&key.source, &key.id));
        (self.key.is_none(), self.trust, self.source_time, self.words(), Reverse(key))
    }

    fn words(&self) -> usize {
        self.value.split_whitespace().count()
    }

    /// Why this claim was chosen and not `next`, the best one that says something else.
    fn because(&self, next: Option<&Self>) -> &'static str {
        match next {
            _ if self.key.is_none() => "pinned by a person",
            None => "no record says otherwise",
            Some(next) if self.trust > next.trust => "from a more trusted source",
            Some(next) if self.source_time > next.source_time => "newer in its own system",
            Some(next) if self.words() > next.words() => "more complete",
            Some(_) => "first by key among equals",
        }
    }
}

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The field.
    pub field: String,
    /// What was chosen.
    pub chosen: Claim,
    /// Why.
    pub because: &'static str,
    /// What the other records say, best first.
    pub rivals: Vec<Claim>,
}

/// The profile that `members` make, with `pins`; the first member gives it its name, its key and
/// its times. Returns where each field comes from, in the order of the contract.
#[must_use]
pub fn unify<R: Fields>(members: &[Member<R>], pins: &[Pin]) -> (R, Vec<Provenance>) {
    let mut fields: Vec<(String, Vec<Claim>)> = Vec::new();
    let mut claim = |field: String, claim: Claim| match fields.iter_mut().find(|(known, _)| *known == field) {
        Some((_, claims)) => claims.push(claim),
        None => fields.push((field, vec![claim])),
    };
    for member in members {
        for (field, value) in member.record.claims() {
            let said = Claim {
                value,
                key: Some(member.key.clone()),
                time: member.update_time,
                trust: member.trust,
                source_time: member.record.source_time(),
            };
            claim(field, said);
        }
    }
    for pin in pins {
        let said =
            Claim { value: pin.value.clone(), key: None, time: pin.time, trust: 100, source_time: None };
        claim(pin.field.clone(), said);
    }
    let mut profile = R::default();
    let mut provenance = Vec::with_capacity(fields.len());
    for (field, mut claims) in fields {
        claims.sort_by(|one, other| other.rank().cmp(&one.rank()));
        let chosen = claims.remove(0);
        profile.fill(&field, &chosen.value);
        let because = chosen.because(claims.iter().find(|claim| claim.value != chosen.value));
        provenance.push(Provenance { field, chosen, because, rivals: claims });
    }
    // in the order of the contract, which is the order in which the profile itself claims
    let order: Vec<String> = profile.claims().into_iter().map(|(field, _)| field).collect();
    provenance.sort_by_key(|entry| order.iter().position(|field| *field == entry.field));
    (profile, provenance)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(source: &str, trust: i32, changed: Option<i64>, name: &str, city: &str) -> Member<Account> {
        let at = |seconds| prost_types::Timestamp { seconds, nanos: 0 };
        let record = Account {
            display_name: name.into(),
            city: city.into(),
            source_update_time: changed.map(at),
            ..Account::default()
        };
        let key = SourceKey { source: source.into(), id: "1".into() };
        Member { record, key, trust, update_time: 0 }
    }

    fn chosen(members: &[Member<Account>], pins: &[Pin], field: &str) -> (String, &'static str) {
        let (_, provenance) = unify(members, pins);
        let entry = provenance.into_iter().find(|entry| entry.field == field).unwrap();
        (entry.chosen.value, entry.because)
    }

    #[test]
    fn trust_then_time_then_completeness() {
        let crm = member("crm", 80, Some(1), "ACME", "");
        let shop = member("shop", 50, Some(9), "Acme Ltd", "Leeds");
        let desk = member("desk", 50, Some(5), "acme limited company", "York");
        let all = [crm.clone(), shop.clone(), desk.clone()];
        let name = |text: &str, because| (text.to_owned(), because);
        assert_eq!(chosen(&all, &[], "display_name"), name("ACME", "from a more trusted source"));
        assert_eq!(chosen(&all, &[], "city"), name("Leeds", "newer in its own system"));
        let silent = [member("a", 50, None, "Acme", ""), member("b", 50, None, "Acme Ltd", "")];
        assert_eq!(chosen(&silent, &[], "display_name"), name("Acme Ltd", "more complete"));
        let pin = Pin { field: "city".into(), value: "Hull".into(), time: 3 };
        assert_eq!(chosen(&all, &[pin], "city"), name("Hull", "pinned by a person"));
        assert_eq!(chosen(&[crm], &[], "display_name"), name("ACME", "no record says otherwise"));
    }

    #[test]
    fn every_rival_is_told() {
        let all = [member("crm", 80, None, "ACME", "Leeds"), member("shop", 50, None, "Acme", "Leeds")];
        let (profile, provenance) = unify(&all, &[]);
        assert_eq!((profile.display_name.as_str(), profile.city.as_str()), ("ACME", "Leeds"));
        let fields: Vec<_> =
            provenance.iter().map(|entry| (entry.field.as_str(), entry.rivals.len())).collect();
        assert_eq!(fields, [("display_name", 1), ("city", 1)]);
        assert_eq!(provenance[1].because, "no record says otherwise");
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_changes_nothing(
            rows in prop::collection::vec((0_i32..3, prop::option::of(0_i64..3), "[a-c]{0,2}( [a-c])?", "[a-b]?"), 1..6),
            turn in 0_usize..6,
        ) {
            let members: Vec<_> = rows
                .iter()
                .enumerate()
                .map(|(number, (trust, time, name, city))| member(&format!("s{number}"), *trust, *time, name, city))
                .collect();
            let mut turned = members.clone();
            turned.rotate_left(turn % members.len());
            prop_assert_eq!(unify(&members, &[]), unify(&turned, &[]));
        }
    }
}
