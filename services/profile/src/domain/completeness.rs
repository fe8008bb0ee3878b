//! How much is known of a customer, and what is worth asking next.
//!
//! Each field counts with a weight, in points:
//! - **what it tells apart**: the bits by which agreement on it speaks for one customer, which is
//!   −log2 of the chance that two customers agree on it, as in the configuration of
//!   `salient-linkage` (a test holds the two together); a field that is not compared has none;
//! - **what is done with it**: [`NEEDED`] points if without it nothing can be done (an account
//!   without a territory is on no seller's list, a contact without telephone and mail cannot be
//!   reached), [`USED`] if it steers what is done (segments by industry and country, the person to
//!   speak to by title, the hour of a call by time zone).
//!
//! What scoring learns from is orders, which nobody can be asked for.
//!
//! The score is the share of all points of the account and of one contact: the one that is known
//! best, because one person to talk to is what a call needs.

use salient_proto::profile::v1::{Account, Contact};

/// Points of a field without which nothing can be done.
const NEEDED: f64 = 20.0;
/// Points of a field that steers what is done.
const USED: f64 = 5.0;
/// Questions that are told.
const QUESTIONS: usize = 5;
/// The question for a person to talk to.
const CONTACT: &str = "contact";

/// A field that may be known.
struct Field<R> {
    name: &'static str,
    /// The bits by which it tells customers apart.
    bits: f64,
    /// What is done with it.
    points: f64,
    question: &'static str,
    is_known: fn(&R) -> bool,
}

impl<R> Field<R> {
    fn weight(&self) -> f64 {
        self.bits + self.points
    }
}

macro_rules! fields {
    ($record:ty: $($name:literal $bits:literal $points:expr, $question:literal, $known:expr;)+) => {
        &[$(Field::<$record> {
            name: $name,
            bits: $bits,
            points: $points,
            question: $question,
            is_known: $known,
        }),+]
    };
}

const ACCOUNT: &[Field<Account>] = fields! { Account:
    "display_name" 12.0 0.0, "What is the company called?", |of| !of.display_name.is_empty();
    "territory" 0.0 NEEDED, "Which territory does it belong to?", |of| !of.territory.is_empty();
    "country" 1.0 USED, "In which country is it?", |of| !of.country.is_empty();
    "industry" 0.0 USED, "What does it do?", |of| !of.industry.is_empty();
    "domain" 13.0 0.0, "What is its web site?", |of| !of.domain.is_empty();
    "phone" 17.0 0.0, "What is its telephone number?", |of| !of.phone.is_empty();
    "street" 11.0 0.0, "What is its street and house number?", |of| !of.street.is_empty();
    "city" 7.0 0.0, "In which town is it?", |of| !of.city.is_empty();
    "postal_code" 9.0 0.0, "What is its postal code?", |of| !of.postal_code.is_empty();
    "attributes.tax_id" 20.0 0.0, "What is its tax or VAT number?",
        |of| of.attributes.get("tax_id").is_some_and(|value| !value.is_empty());
};

const PERSON: &[Field<Contact>] = fields! { Contact:
    "display_name" 10.0 NEEDED, "What is the person called?", |of| !of.display_name.is_empty();
    "email" 20.0 NEEDED, "What is the person's e-mail address?", |of| !of.email.is_empty();
    "phone" 20.0 NEEDED, "What is the person's telephone number?", |of| !of.phone.is_empty();
    "title" 6.0 USED, "What is the person's role?", |of| !of.title.is_empty();
    "time_zone" 0.0 USED, "In which time zone does the person work?", |of| !of.time_zone.is_empty();
};

/// Something worth asking.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The resource whose field it is.
    pub subject: String,
    /// The field.
    pub field: &'static str,
    /// In words.
    pub question: &'static str,
    /// What the answer adds to the score.
    pub gain: f64,
}

/// How much is known of a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Completeness {
    /// 0 to 1, of the account and of the contact that is known best.
    pub score: f64,
    /// The same of the account alone.
    pub account: f64,
    /// The same of that contact alone.
    pub contact: f64,
    /// What to ask next, the greatest gain first.
    pub questions: Vec<Question>,
}

fn total<R>(fields: &[Field<R>]) -> f64 {
    fields.iter().map(Field::weight).sum()
}

fn known<R>(fields: &[Field<R>], of: &R) -> f64 {
    fields.iter().filter(|field| (field.is_known)(of)).map(Field::weight).sum()
}

fn open<R>(fields: &[Field<R>], of: &R, subject: &str, whole: f64) -> Vec<Question> {
    let unknown = fields.iter().filter(|field| !(field.is_known)(of));
    unknown
        .map(|field| Question {
            subject: subject.to_owned(),
            field: field.name,
            question: field.question,
            gain: field.weight() / whole,
        })
        .collect()
}

/// How much is known of an account and its contacts.
#[must_use]
pub fn completeness(account: &Account, contacts: &[Contact]) -> Completeness {
    let (of_account, of_contact) = (total(ACCOUNT), total(PERSON));
    let whole = of_account + of_contact;
    // of equals the first
    let best = contacts.iter().rev().max_by(|a, b| known(PERSON, a).total_cmp(&known(PERSON, b)));
    let (account_known, contact_known) =
        (known(ACCOUNT, account), best.map_or(0.0, |best| known(PERSON, best)));
    let mut questions = open(ACCOUNT, account, &account.name, whole);
    match best {
        Some(best) => questions.extend(open(PERSON, best, &best.name, whole)),
        None => questions.push(Question {
            subject: account.name.clone(),
            field: CONTACT,
            question: "Who decides there, and how is this person reached?",
            gain: of_contact / whole,
        }),
    }
    // stable: among equals the order of the tables
    questions.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    questions.truncate(QUESTIONS);
    Completeness {
        score: (account_known + contact_known) / whole,
        account: account_known / of_account,
        contact: contact_known / of_contact,
        questions,
    }
}

#[cfg(test)]
mod tests {
    use salient_linkage::Kind;

    use super::*;

    /// `known` are the fields that are compared under another name.
    fn bits_agree<R>(fields: &[Field<R>], kind: Kind, known: &[(&str, &str)]) {
        let configured = kind.config().fields;
        for field in fields {
            let compared = known.iter().find(|(name, _)| *name == field.name);
            let name = compared.map_or(field.name, |(_, compared)| *compared);
            let chance = configured.iter().find(|of| of.name == name).map_or(1.0, |of| of.chance);
            assert_eq!(field.bits, (-chance.log2()).round().abs(), "{}", field.name);
        }
    }

    #[test]
    fn bits_are_those_of_the_comparison() {
        bits_agree(ACCOUNT, Kind::Company, &[("display_name", "name"), ("attributes.tax_id", "tax_id")]);
        bits_agree(PERSON, Kind::Person, &[("display_name", "family_name"), ("title", "job_title")]);
    }

    fn contact(name: &str) -> Contact {
        Contact { name: format!("contacts/{name}"), display_name: name.into(), ..Contact::default() }
    }

    #[test]
    fn a_person_to_talk_to_is_asked_for_first() {
        let account =
            Account { name: "accounts/1".into(), display_name: "Acme".into(), ..Account::default() };
        let found = completeness(&account, &[]);
        let asked: Vec<_> = found.questions.iter().map(|of| of.field).collect();
        assert_eq!(asked, ["contact", "territory", "attributes.tax_id", "phone", "domain"]);
        assert!(found.score > 0.0 && found.score < 0.1 && found.contact == 0.0);
        // an answer adds what was told
        let talked = completeness(&account, &[contact("ada")]);
        assert_eq!(talked.questions[0].field, "email");
        assert_eq!(talked.questions[0].subject, "contacts/ada");
        let answered = Contact { email: "ada@example.org".into(), ..contact("ada") };
        let better = completeness(&account, &[contact("bob"), answered]);
        assert!((better.score - talked.score - talked.questions[0].gain).abs() < 1e-12);
        assert_eq!(better.questions[0].field, "phone");
    }

    #[test]
    fn who_is_known_whole_is_asked_nothing() {
        let full = |text: &str| text.to_owned();
        let account = Account {
            display_name: full("Acme"),
            territory: full("north"),
            country: full("UK"),
            industry: full("steel"),
            domain: full("acme.example"),
            phone: full("+44 1"),
            street: full("High St 1"),
            city: full("Leeds"),
            postal_code: full("LS1"),
            attributes: [(full("tax_id"), full("GB1"))].into(),
            ..Account::default()
        };
        let contact = Contact {
            email: full("a@b.example"),
            phone: full("+44 2"),
            title: full("Buyer"),
            time_zone: full("Europe/London"),
            ..contact("ada")
        };
        let found = completeness(&account, &[contact]);
        assert_eq!((found.score, found.account, found.contact), (1.0, 1.0, 1.0));
        assert!(found.questions.is_empty());
    }
}
