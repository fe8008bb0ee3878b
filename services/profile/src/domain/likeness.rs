//! Records as identity resolution sees them, and its reasons in words.

use salient_linkage::{Explanation, Kind, Record};
use salient_proto::profile::v1::{Account, Contact, review};
use uuid::Uuid;

/// How many reasons are told in words.
const REASONS: usize = 3;

/// A record that can be compared with others of its kind.
pub trait Comparable {
    /// Which kind of thing it is.
    const LIKE: Kind;

    /// The record as it is compared. `company` is the name of its account, if it has one.
    fn likeness(&self, id: Uuid, company: &str) -> Record;
}

fn filled<'a>(record: Record, fields: impl IntoIterator<Item = (&'static str, &'a str)>) -> Record {
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .fold(record, |record, (field, value)| record.with(field, value))
}

impl Comparable for Account {
    const LIKE: Kind = Kind::Company;

    fn likeness(&self, id: Uuid, _company: &str) -> Record {
        let attribute = |key: &str| self.attributes.get(key).map_or("", String::as_str);
        let fields = [
            ("name", self.display_name.as_str()),
            ("domain", &self.domain),
            ("phone", &self.phone),
            ("street", &self.street),
            ("city", &self.city),
            ("postal_code", &self.postal_code),
            ("country", &self.country),
            ("tax_id", attribute("tax_id")),
            ("email", attribute("email")),
        ];
        filled(Record::new(id.to_string()), fields)
    }
}

impl Comparable for Contact {
    const LIKE: Kind = Kind::Person;

    fn likeness(&self, id: Uuid, company: &str) -> Record {
        let apart = !self.given_name.is_empty() || !self.family_name.is_empty();
        let fields = [
            ("full_name", if apart { "" } else { self.display_name.as_str() }),
            ("given_name", &self.given_name),
            ("family_name", &self.family_name),
            ("email", &self.email),
            ("phone", &self.phone),
            ("street", &self.street),
            ("city", &self.city),
            ("postal_code", &self.postal_code),
            ("country", &self.country),
            ("company", company),
            ("job_title", &self.title),
        ];
        filled(Record::new(id.to_string()), fields)
    }
}

/// What each field says of a pair, as it is told.
#[must_use]
pub fn evidence(explanation: &Explanation) -> Vec<review::FieldEvidence> {
    let told = explanation.parts.iter().map(|part| review::FieldEvidence {
        field: part.field.clone(),
        one: part.left.clone(),
        other: part.right.clone(),
        level: part.level.clone(),
        weight: part.weight,
    });
    told.collect()
}

/// The strongest reasons for a pair, in words.
#[must_use]
pub fn reason(explanation: &Explanation) -> String {
    let mut parts: Vec<_> = explanation.parts.iter().filter(|part| part.weight > 0.0).collect();
    parts.sort_by(|one, other| other.weight.total_cmp(&one.weight));
    let told: Vec<String> = parts
        .iter()
        .take(REASONS)
        .map(|part| format!("{} {}", part.field.replace('_', " "), part.level))
        .collect();
    format!("{:.1} % likely: {}", explanation.probability * 100.0, told.join(", "))
}
