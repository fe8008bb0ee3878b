//! What is left of somebody who is erased, and what is taken out of records that speak of them.

use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Account, Contact, Interaction, Opportunity},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What stands in a text that named an erased person.
const ERASED: &str = "erased";
/// Names and addresses shorter than this, in characters, are not looked for in texts: they stand in
/// every other word.
const SHORTEST: usize = 4;

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
#[derive(Clone, Debug)]
pub struct Person {
    key: Option<SourceKey>,
    /// In lower case.
    words: Vec<String>,
}

impl Person {
    /// By the contact's key, and by name, e-mail address and telephone number in free text.
    pub fn of(contact: &Contact) -> Self {
        let words = [&contact.display_name, &contact.email, &contact.phone]
            .into_iter()
            .map(|word| word.trim().to_lowercase())
            .filter(|word| word.chars().count() >= SHORTEST)
            .collect();
        Self { key: contact.source_key.clone(), words }
    }

    /// Whether the record names the person by key.
    pub fn is_named_by(&self, record: &Interaction) -> bool {
        record.contact_key.is_some() && record.contact_key == self.key
    }

    fn stands_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.words.iter().any(|word| text.contains(word.as_str()))
    }
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
        Person::of(&Contact {
            source_key: Some(SourceKey { source: "crm".into(), id: "7".into() }),
            display_name: "Ada Byron".into(),
            email: "Ada@example.org".into(),
            phone: "+44 1".into(),
            ..Contact::default()
        })
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
