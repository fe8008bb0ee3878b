//! Finding profiles by what people remember: what a record is found by, and how well it fits.
//!
//! ```text
//! record ─► values ─► words ─► variants          what is typed ─► words ─► lookups
//!                                  └────────── meet in the index ──────────┘
//!                                               candidates ─► fit ─► best first
//! ```
//! The index only proposes: whether a record fits is decided on what it says now ([`fit`]), so that
//! nothing is found by a value that is gone, and the index may lag behind.
//!
//! Two words meet if they are one typing error apart. A word of up to [`LONG`] letters is known by
//! what is left of it without each of its letters, and so is what is typed (the symmetric deletions
//! of Wolf Garbe): a letter too many, too few, another one or two that changed places leave them
//! with one variant in common. Of a longer word an error leaves one half whole. What is not typed to
//! its end is found by its beginning. Variants are hashes, so that the index holds nothing that could
//! be read.

mod fit;
mod words;

use std::borrow::Cow;

use salient_linkage::normalise::address;
use salient_proto::profile::v1::{Account, Contact};

pub use fit::{Fit, Typed};
pub use words::{LONG, Lookups, lookups, variants, word_id, words_of};

/// What kind of text a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// The name of a company.
    Company,
    /// The name of a person.
    Person,
    /// A domain.
    Domain,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
}

/// A value by which a record is found.
#[derive(Clone, Debug)]
pub struct Findable<'r> {
    /// The field that says it.
    pub field: &'static str,
    /// What kind of text it is.
    pub nature: Nature,
    /// The value.
    pub text: Cow<'r, str>,
    /// Where a telephone number without a country code belongs (ISO 3166 alpha-2).
    pub region: Option<String>,
}

/// A record that can be found.
pub trait Found {
    /// The number of its kind in the index.
    const NUMBER: i64;

    /// What it is found by.
    fn findables(&self) -> Vec<Findable<'_>>;
}

fn filled<'r>(country: &str, values: Vec<(&'static str, Nature, Cow<'r, str>)>) -> Vec<Findable<'r>> {
    let region = address::country(country);
    let filled = values.into_iter().filter(|(.., text)| !text.is_empty());
    let findable = filled.map(|(field, nature, text)| {
        let region = region.clone().filter(|_| nature == Nature::Phone);
        Findable { field, nature, text, region }
    });
    findable.collect()
}

impl Found for Account {
    const NUMBER: i64 = 1;

    fn findables(&self) -> Vec<Findable<'_>> {
        let email = self.attributes.get("email").map_or("", String::as_str);
        let values = vec![
            ("display_name", Nature::Company, self.display_name.as_str().into()),
            ("domain", Nature::Domain, self.domain.as_str().into()),
            ("phone", Nature::Phone, self.phone.as_str().into()),
            ("attributes.email", Nature::Email, email.into()),
        ];
        filled(&self.country, values)
    }
}

impl Found for Contact {
    const NUMBER: i64 = 2;

    fn findables(&self) -> Vec<Findable<'_>> {
        // an initial in the name that is shown, and the whole name apart
        let apart = [&self.given_name, &self.family_name]
            .into_iter()
            .any(|part| !self.display_name.contains(part.as_str()));
        let whole = if apart { format!("{} {}", self.given_name, self.family_name) } else { String::new() };
        let values = vec![
            ("display_name", Nature::Person, self.display_name.as_str().into()),
            ("given_name", Nature::Person, whole.trim().to_owned().into()),
            ("email", Nature::Email, self.email.as_str().into()),
            ("phone", Nature::Phone, self.phone.as_str().into()),
        ];
        filled(&self.country, values)
    }
}
