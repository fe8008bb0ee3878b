//! What is left of somebody who is erased, and what is taken out of records that speak of them.

use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Account, Contact, Interaction, Merge, Opportunity, OpportunityChange, Review},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::unify::Provenance;

/// What stands in a text that named an erased person.
const ERASED: &str = "erased";
/// Names and addresses shorter than this, in characters, are not looked for in texts: they are words of
/// every day as well.
const SHORTEST: usize = 4;
/// Digits at the end of a telephone number by which it is known in a text, with or without the code of
/// its country.
const PHONE: usize = 9;

/// What is known of the key of somebody who was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buried {
    /// Records of the person are refused.
    Erased,
    /// A new consent was given: the person is taken up again, under this id.
    Readmitted(Uuid),
}

/// What is kept of the key: its SHA-256 with the tenant's salt, each part with its length in front.
pub fn digest(salt: &[u8], key: &SourceKey) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [salt, key.source.as_bytes(), key.id.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// By what records are known to speak of a person.
#[derive(Clone, Debug, Default)]
pub struct Person {
    keys: Vec<SourceKey>,
    /// Names and addresses, in lower case.
    words: Vec<String>,
    /// The last digits of telephone numbers, however they are written.
    digits: Vec<String>,
    /// Everything that a field of the profile says, in lower case.
    values: Vec<String>,
}

impl Person {
    /// By the keys of the person's records, and in free text by names, e-mail addresses and telephone
    /// numbers: of the records, and of what else was said of the profile.
    pub fn of(records: &[Contact], provenance: &[Provenance]) -> Self {
        let mut person = Self {
            keys: records.iter().filter_map(|one| one.source_key.clone()).collect(),
            ..Self::default()
        };
        for record in records {
            let (given, family) = (record.given_name.trim(), record.family_name.trim());
            if !given.is_empty() && !family.is_empty() {
                person.word(&format!("{given} {family}"));
                person.word(&format!("{family}, {given}"));
            }
            person.say("display_name", &record.display_name);
            person.say("email", &record.email);
            person.say("phone", &record.phone);
        }
        for field in provenance {
            for claim in field.rivals.iter().chain([&field.chosen]) {
                person.say(&field.field, &claim.value);
                person.values.push(claim.value.to_lowercase());
            }
        }
        person
    }

    fn say(&mut self, field: &str, value: &str) {
        match field {
            "display_name" | "email" => self.word(value),
            "phone" => {
                self.word(value);
                let digits = digits_of(value);
                if digits.len() >= PHONE {
                    self.digits.push(digits[digits.len() - PHONE..].to_owned());
                }
            }
            _ => {}
        }
    }

    fn word(&mut self, word: &str) {
        let word = word.trim().to_lowercase();
        if word.chars().count() >= SHORTEST && !self.words.contains(&word) {
            self.words.push(word);
        }
    }

    /// The keys of the person's records.
    pub fn keys(&self) -> &[SourceKey] {
        &self.keys
    }

    /// Whether the record names the person by key.
    pub fn is_named_by(&self, record: &Interaction) -> bool {
        record.contact_key.as_ref().is_some_and(|key| self.keys.contains(key))
    }

    /// Whether a text speaks of the person: by a name or an address as whole words, or a telephone
    /// number however it is written.
    pub fn stands_in(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        let digits = digits_of(&lower);
        self.words.iter().any(|word| has_word(&lower, word))
            || self.digits.iter().any(|number| digits.contains(number.as_str()))
    }

    /// Whether any text in a JSON value speaks of the person.
    pub fn stands_in_json(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.stands_in(text),
            Value::Array(values) => values.iter().any(|value| self.stands_in_json(value)),
            Value::Object(fields) => fields.values().any(|value| self.stands_in_json(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Whether a name or an address of the person is anywhere in an encoded message.
    pub fn is_in(&self, message: &[u8]) -> bool {
        let lower = String::from_utf8_lossy(message).to_lowercase();
        self.words.iter().any(|word| lower.contains(word.as_str()))
    }

    /// Whether anything that a field of the profile says is in an encoded message.
    pub fn is_quoted_in(&self, message: &[u8]) -> bool {
        let lower = String::from_utf8_lossy(message).to_lowercase();
        self.values.iter().any(|value| !value.is_empty() && lower.contains(value.as_str()))
    }
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Whether `word` stands in `text` and is no part of a longer word.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

/// A record that may speak of a person.
pub trait Forget {
    /// Takes out what speaks of the person; whether there was anything.
    fn forget(&mut self, person: &Person) -> bool;
}

impl Forget for Interaction {
    fn forget(&mut self, person: &Person) -> bool {
        let named = person.is_named_by(self);
        if !named && !person.stands_in(&self.summary) {
            return false;
        }
        if named {
            self.contact_key = None;
        }
        self.summary.clear();
        true
    }
}

impl Forget for Opportunity {
    fn forget(&mut self, person: &Person) -> bool {
        let named = person.stands_in(&self.display_name);
        if named {
            ERASED.clone_into(&mut self.display_name);
        }
        named
    }
}

impl Forget for OpportunityChange {
    fn forget(&mut self, person: &Person) -> bool {
        let named = person.stands_in(&self.display_name);
        if named {
            ERASED.clone_into(&mut self.display_name);
        }
        named
    }
}

impl Forget for Merge {
    fn forget(&mut self, person: &Person) -> bool {
        let named = person.stands_in(&self.reason);
        if named {
            ERASED.clone_into(&mut self.reason);
        }
        named
    }
}

/// Of a pair of accounts, what is compared with another's.
impl Forget for Review {
    fn forget(&mut self, person: &Person) -> bool {
        let mut named = false;
        for value in self.evidence.iter_mut().flat_map(|field| [&mut field.one, &mut field.other]) {
            if person.stands_in(value) {
                value.clear();
                named = true;
            }
        }
        named
    }
}

impl Forget for Account {
    /// A company that bears its owner's name keeps it.
    fn forget(&mut self, person: &Person) -> bool {
        let before = self.attributes.len();
        self.attributes.retain(|_, value| !person.stands_in(value));
        self.attributes.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Person {
        let record = Contact {
            source_key: Some(SourceKey { source: "crm".into(), id: "7".into() }),
            display_name: "Ada Byron".into(),
            given_name: "Augusta".into(),
            family_name: "King".into(),
            email: "Ada@example.org".into(),
            phone: "+44 20 7946 0018".into(),
            ..Contact::default()
        };
        Person::of(&[record], &[])
    }

    #[test]
    fn a_person_is_known_by_whole_words_and_by_numbers_in_any_form() {
        for text in ["(ada byron)", "to ADA@EXAMPLE.ORG.", "King, Augusta", "call 020 7946-0018 at noon"] {
            assert!(person().stands_in(text), "{text}");
        }
        for text in ["Ada Byronesque", "bada@example.org", "Augusta", "call 7946 0019", ""] {
            assert!(!person().stands_in(text), "{text}");
        }
        assert!(person().is_in(b"\x12\x0fada@example.org\xff"));
        assert!(person().stands_in_json(&serde_json::json!({ "of": ["tea", { "who": "\"Ada Byron\"" }] })));
        assert!(!person().stands_in_json(&serde_json::json!({ "of": ["tea", { "who": "Ada Byrons" }, 1] })));
    }

    #[test]
    fn keys_and_texts_are_taken_out_and_nothing_else() {
        let named = Interaction {
            contact_key: Some(SourceKey { source: "crm".into(), id: "7".into() }),
            summary: "asked for a price".into(),
            product: "products/1".into(),
            ..Interaction::default()
        };
        let mut record = named.clone();
        assert!(record.forget(&person()));
        assert_eq!(record, Interaction { contact_key: None, summary: String::new(), ..named.clone() });
        assert!(!record.forget(&person()));

        let other = SourceKey { source: "crm".into(), id: "8".into() };
        let mut record = Interaction { contact_key: Some(other.clone()), ..named };
        assert!(!record.forget(&person()));
        record.summary = "write to ADA@EXAMPLE.ORG".into();
        assert!(record.forget(&person()));
        assert_eq!((record.contact_key, record.summary.as_str()), (Some(other), ""));

        let mut account = Account { display_name: "Ada Byron Ltd".into(), ..Account::default() };
        account.attributes =
            [("who", "ada byron"), ("what", "tea")].map(|(k, v)| (k.into(), v.into())).into();
        assert!(account.forget(&person()));
        assert_eq!((account.attributes.len(), account.display_name.as_str()), (1, "Ada Byron Ltd"));
    }

    #[test]
    fn a_digest_depends_on_every_part() {
        let key = |source: &str, id: &str| SourceKey { source: source.into(), id: id.into() };
        let digests = [
            digest(b"salt", &key("ab", "c")),
            digest(b"salt", &key("a", "bc")),
            digest(b"pepper", &key("ab", "c")),
        ];
        assert!(digests[0] != digests[1] && digests[0] != digests[2]);
        assert_eq!(digests[0], digest(b"salt", &key("ab", "c")));
    }
}
