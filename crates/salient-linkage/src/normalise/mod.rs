//! Raw values to the form in which they are compared.
//!
//! Everything is folded ([`fold`]): Unicode compatibility decomposition, accents removed, small
//! letters. What a normaliser cannot read it drops, because a missing value is no evidence and a
//! misread one is wrong evidence.

pub mod address;
pub mod company;
pub mod contact;
pub mod date;
pub mod person;
pub mod product;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Case folded and accents removed: `"Łódź ÆRØ Straße"` is `lodz aero strasse`.
///
/// Compatibility decomposition (Unicode Standard Annex 15) splits accents off; the letters with a
/// stroke and the ligatures that it does not know follow the transcription of passports (ICAO
/// Doc 9303, part 3), with one letter for one where that is common in mail addresses.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ß' | 'ẞ' => out.push_str("ss"),
            'æ' | 'Æ' => out.push_str("ae"),
            'œ' | 'Œ' => out.push_str("oe"),
            'ø' | 'Ø' => out.push('o'),
            'ł' | 'Ł' => out.push('l'),
            'đ' | 'Đ' | 'ð' | 'Ð' => out.push('d'),
            'þ' | 'Þ' => out.push_str("th"),
            'ı' => out.push('i'),
            'ς' => out.push('σ'),
            _ => out.extend(c.to_lowercase()),
        }
    }
    out
}

/// The folded words of a text; apostrophes do not part words, everything else that is neither
/// letter nor digit does.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let joined =
        if folded.contains(['\'', '’', '`']) { folded.replace(['\'', '’', '`'], "") } else { folded };
    joined.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// The folded words with one space between.
#[must_use]
pub fn squash(text: &str) -> String {
    words(text).join(" ")
}

/// How a raw value becomes values of a compared field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normaliser {
    /// Folded words.
    Text,
    /// A given name.
    GivenName,
    /// A family name.
    FamilyName,
    /// The given part of a full name.
    GivenOfFull,
    /// The family part of a full name.
    FamilyOfFull,
    /// A date, `yyyymmdd`.
    Date,
    /// An e-mail address.
    Email,
    /// A registrable domain.
    Domain,
    /// A registrable domain, unless anyone may have a mailbox there.
    CompanyDomain,
    /// A telephone number, E.164.
    Phone,
    /// The house number of an address line.
    HouseNumber,
    /// The street of an address line.
    Street,
    /// A postal code.
    PostalCode,
    /// A country code.
    Country,
    /// A company's name without its legal form.
    CompanyCore,
    /// A company's legal form.
    LegalForm,
    /// Letters and digits only: tax numbers, article numbers, a model that is a field of its own.
    Identifier,
    /// Model codes in a title.
    ModelCodes,
    /// Words of a title.
    Title,
    /// A price in minor units.
    Price,
}

impl Normaliser {
    /// The normalised values of a raw one, none if it cannot be read. `region` (ISO 3166 alpha-2)
    /// is where telephone numbers without a country code belong.
    #[must_use]
    pub fn apply(self, raw: &str, region: Option<&str>) -> Vec<String> {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let one = match self {
            Self::Text => some(squash(raw)),
            Self::GivenName => person::given_name(raw),
            Self::FamilyName => person::family_name(raw),
            Self::GivenOfFull => person::full_name(raw).0,
            Self::FamilyOfFull => person::full_name(raw).1,
            Self::Date => date::date(raw),
            Self::Email => contact::email(raw),
            Self::Domain => contact::domain(raw),
            Self::CompanyDomain => contact::company_domain(raw),
            Self::Phone => contact::phone(raw, region),
            Self::HouseNumber => address::street(raw).0,
            Self::Street => address::street(raw).1,
            Self::PostalCode => address::postal_code(raw),
            Self::Country => address::country(raw),
            Self::CompanyCore => some(company::company_name(raw).core),
            Self::LegalForm => some(company::company_name(raw).legal_form),
            Self::Identifier => some(squash(raw).replace(' ', "")),
            Self::ModelCodes => return product::model_codes(raw),
            Self::Title => product::title(raw),
            Self::Price => product::price(raw),
        };
        one.into_iter().collect()
    }
}
