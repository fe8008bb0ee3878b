//! Records that a row makes by itself: accounts, contacts, interactions, opportunities.

use std::collections::BTreeMap;

use salient_proto::common::v1::Money;
use salient_proto::profile::v1::interaction::{Kind, Reach};
use salient_proto::profile::v1::opportunity::State as Standing;
use salient_proto::profile::v1::{Account, Contact, Interaction, Opportunity};

use super::decimal::currency_digits;
use super::error::{Cell, Refusal};
use super::mapping::field::Joined;
use super::mapping::spec::FieldType;
use super::mapping::table::{AccountMap, ContactMap, InteractionMap, OpportunityMap};
use super::mapping::template::Template;
use super::orders::timestamp;
use super::read::Reader;

/// Bytes of an account's attributes as JSON, at most.
const ATTRIBUTES: usize = 1 << 20;

/// The kinds of interactions.
fn kinds() -> impl Iterator<Item = Kind> {
    (1..).map_while(|number| Kind::try_from(number).ok())
}

/// What a mapping calls a kind: "competitor_signal".
pub(crate) fn word_of(kind: Kind) -> String {
    kind.as_str_name().trim_start_matches("KIND_").to_lowercase()
}

fn kind_of(word: &str) -> Option<Kind> {
    Kind::from_str_name(&format!("KIND_{}", word.to_uppercase()))
        .filter(|kind| *kind != Kind::Unspecified && word_of(*kind) == word)
}

/// What a mapping calls the states of opportunities.
pub(crate) const STATES: [(&str, Standing); 3] =
    [("open", Standing::Open), ("won", Standing::Won), ("lost", Standing::Lost)];

/// What a mapping calls whether somebody was reached.
pub(crate) const REACHES: [(&str, Reach); 2] =
    [("reached", Reach::Reached), ("not_reached", Reach::NotReached)];

impl<'a> Reader<'a> {
    pub(super) fn account(&self, map: &'a AccountMap, key: &[u8], row: &Joined<'_>) -> Cell<Account> {
        let mut attributes = match &map.attributes_json {
            Some(template) => self.attributes(template, row)?,
            None => BTreeMap::new(),
        };
        for (name, template) in &map.attributes {
            if let Some(text) = self.optional(Some(template), row)? {
                attributes.insert(name.clone(), text);
            }
        }
        Ok(Account {
            source_key: self.source_key(key),
            display_name: self.needed(&map.display_name, row)?,
            territory: self.words(map.territory.as_ref(), row)?.into_owned(),
            country: self.words(map.country.as_ref(), row)?.into_owned(),
            industry: self.words(map.industry.as_ref(), row)?.into_owned(),
            attributes,
            domain: self.words(map.domain.as_ref(), row)?.into_owned(),
            phone: self.words(map.phone.as_ref(), row)?.into_owned(),
            street: self.words(map.street.as_ref(), row)?.into_owned(),
            city: self.words(map.city.as_ref(), row)?.into_owned(),
            postal_code: self.words(map.postal_code.as_ref(), row)?.into_owned(),
            parent_key: self.maybe_key(map.parent_source.as_ref(), map.parent.as_ref(), row)?,
            source_update_time: self.maybe_time(map.update_time, row)?,
            ..Account::default()
        })
    }

    fn attributes(&self, template: &'a Template, row: &Joined<'_>) -> Cell<BTreeMap<String, String>> {
        let text = self.text(template, ATTRIBUTES, row)?;
        if text.is_empty() {
            return Ok(BTreeMap::new());
        }
        serde_json::from_slice(&text).map_err(|_| {
            let accepted = "a JSON object of texts like {\"size\": \"small\"}";
            Refusal::new(self.label(template), &text, "no attributes", accepted)
        })
    }

    pub(super) fn contact(&self, map: &'a ContactMap, key: &[u8], row: &Joined<'_>) -> Cell<Contact> {
        let account = self.key_in(map.account_source.as_ref(), &map.account, row)?;
        Ok(Contact {
            source_key: self.source_key(key),
            account_key: self.source_key(&account),
            display_name: self.needed(&map.display_name, row)?,
            email: self.words(map.email.as_ref(), row)?.into_owned(),
            phone: self.words(map.phone.as_ref(), row)?.into_owned(),
            title: self.words(map.title.as_ref(), row)?.into_owned(),
            time_zone: self.words(map.time_zone.as_ref(), row)?.into_owned(),
            given_name: self.words(map.given_name.as_ref(), row)?.into_owned(),
            family_name: self.words(map.family_name.as_ref(), row)?.into_owned(),
            street: self.words(map.street.as_ref(), row)?.into_owned(),
            city: self.words(map.city.as_ref(), row)?.into_owned(),
            postal_code: self.words(map.postal_code.as_ref(), row)?.into_owned(),
            country: self.words(map.country.as_ref(), row)?.into_owned(),
            source_update_time: self.maybe_time(map.update_time, row)?,
            ..Contact::default()
        })
    }

    pub(super) fn interaction(&self, map: &'a InteractionMap, row: &Joined<'_>) -> Cell<Interaction> {
        let key = self.key_in(map.source.as_ref(), &map.key, row)?;
        let account = self.key_in(map.account_source.as_ref(), &map.account, row)?;
        let word = self.words(Some(&map.kind), row)?;
        let kind = kind_of(&word).ok_or_else(|| {
            let known: Vec<String> = kinds().map(word_of).collect();
            let accepted = format!("one of {}; `values` of the field can map to them", known.join(", "));
            Refusal::new(self.label(&map.kind), word.as_bytes(), "not a kind of interaction", accepted)
        })?;
        let word = self.words(map.reach.as_ref(), row)?;
        let reach = match (map.reach.as_ref(), REACHES.iter().find(|(known, _)| *known == word)) {
            (_, Some((_, reach))) => *reach,
            (Some(field), None) if !word.is_empty() => {
                let accepted = "reached or not_reached, or nothing; `values` of the field can map to them";
                return Err(Refusal::new(
                    self.label(field),
                    word.as_bytes(),
                    "not whether it reached",
                    accepted,
                ));
            }
            _ => Reach::Unspecified,
        };
        let quantity = match map.quantity {
            None => 1.0,
            Some(field) => self.quantity(field, row)?,
        };
        Ok(Interaction {
            source_key: self.source_key(&key),
            account_key: self.source_key(&account),
            contact_key: self.maybe_key(map.contact_source.as_ref(), map.contact.as_ref(), row)?,
            kind: kind.into(),
            occur_time: Some(timestamp(self.time(map.time, row)?)),
            product: self.name("products", map.product.as_ref(), row)?,
            quantity,
            reach: reach.into(),
            summary: self.words(map.summary.as_ref(), row)?.into_owned(),
            ..Interaction::default()
        })
    }

    /// How much: a count or a measure, no money, so a binary fraction is good enough.
    fn quantity(&self, field: usize, row: &Joined<'_>) -> Cell<f64> {
        let field = &self.table.fields[field].1;
        let text = field.text(row)?;
        if text.is_empty() {
            return Ok(1.0);
        }
        let decimal = match field.kind {
            FieldType::Integer => field.integer(row)? as f64,
            _ => field.float(row)?,
        };
        match decimal < 0.0 {
            true => Err(field.refuse(&text, "a negative quantity", "0 or more")),
            false => Ok(decimal),
        }
    }

    pub(super) fn opportunity(&self, map: &'a OpportunityMap, row: &Joined<'_>) -> Cell<Opportunity> {
        let key = self.key_in(map.source.as_ref(), &map.key, row)?;
        let account = self.key_in(map.account_source.as_ref(), &map.account, row)?;
        let word = self.words(map.state.as_ref(), row)?;
        let state = match (&*word, STATES.iter().find(|(known, _)| *known == word)) {
            (_, Some((_, state))) => *state,
            ("", None) => Standing::Open,
            (word, None) => {
                let label = map.state.as_ref().map_or("state", |state| self.label(state));
                let accepted = "open, won or lost; `values` of the field can map to them";
                return Err(Refusal::new(label, word.as_bytes(), "not a state of an opportunity", accepted));
            }
        };
        Ok(Opportunity {
            source_key: self.source_key(&key),
            account_key: self.source_key(&account),
            display_name: self.needed(&map.display_name, row)?,
            stage: self.words(map.stage.as_ref(), row)?.into_owned(),
            state: state.into(),
            amount: self.money(map, row)?,
            product: self.name("products", map.product.as_ref(), row)?,
            seller: self.name("sellers", map.seller.as_ref(), row)?,
            open_time: Some(timestamp(self.time(map.open_time, row)?)),
            close_time: self.maybe_time(map.close_time, row)?,
            attribution_token: self.words(map.attribution_token.as_ref(), row)?.into_owned(),
            ..Opportunity::default()
        })
    }

    fn money(&self, map: &'a OpportunityMap, row: &Joined<'_>) -> Cell<Option<Money>> {
        if let Some(minor) = map.amount_minor_units {
            if self.table.fields[minor].1.text(row)?.is_empty() {
                return Ok(None);
            }
            let currency_code = self.words(map.currency.as_ref(), row)?.into_owned();
            return Ok(Some(Money { currency_code, minor_units: self.table.fields[minor].1.integer(row)? }));
        }
        let Some(field) = map.amount.map(|amount| &self.table.fields[amount].1) else {
            return Ok(None);
        };
        let text = field.text(row)?;
        if text.is_empty() {
            return Ok(None);
        }
        let currency = self.words(map.currency.as_ref(), row)?;
        let amount = field.decimal(row)?;
        let minor_units = amount.minor_units(1, None, currency_digits(&currency)).filter(|minor| *minor >= 0);
        match minor_units {
            Some(minor_units) => Ok(Some(Money { currency_code: currency.into_owned(), minor_units })),
            None => Err(field.refuse(&text, "a negative or too large amount", "an amount of 0 or more")),
        }
    }
}
