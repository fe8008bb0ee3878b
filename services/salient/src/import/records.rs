//! Records that a row makes by itself: accounts, contacts, interactions, opportunities.

use std::collections::BTreeMap;

use salient_proto::common::v1::Money;
use salient_proto::profile::v1::interaction::Kind;
use salient_proto::profile::v1::opportunity::State as Standing;
use salient_proto::profile::v1::{Account, Contact, Interaction, Opportunity};

use super::decimal::currency_digits;
use super::error::{Cell, Refusal};
use super::mapping::bind::{AccountMap, ContactMap, InteractionMap, OpportunityMap};
use super::mapping::field::Joined;
use super::mapping::spec::FieldType;
use super::orders::timestamp;
use super::read::Reader;

/// What a mapping calls the kinds of interactions.
const KINDS: [(&str, Kind); 10] = [
    ("email", Kind::Email),
    ("call", Kind::Call),
    ("meeting", Kind::Meeting),
    ("web", Kind::Web),
    ("marketing", Kind::Marketing),
    ("support", Kind::Support),
    ("usage", Kind::Usage),
    ("competitor_signal", Kind::CompetitorSignal),
    ("chat_bot", Kind::ChatBot),
    ("intent_signal", Kind::IntentSignal),
];

/// What a mapping calls the states of opportunities.
const STATES: [(&str, Standing); 3] =
    [("open", Standing::Open), ("won", Standing::Won), ("lost", Standing::Lost)];

impl<'a> Reader<'a> {
    pub(super) fn account(&self, map: &'a AccountMap, key: &[u8], row: &Joined<'_>) -> Cell<Account> {
        let mut attributes = BTreeMap::new();
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
            ..Account::default()
        })
    }

    pub(super) fn contact(&self, map: &'a ContactMap, key: &[u8], row: &Joined<'_>) -> Cell<Contact> {
        let account = self.key(&map.account, row)?;
        Ok(Contact {
            source_key: self.source_key(key),
            account_key: self.source_key(&account),
            display_name: self.needed(&map.display_name, row)?,
            email: self.words(map.email.as_ref(), row)?.into_owned(),
            phone: self.words(map.phone.as_ref(), row)?.into_owned(),
            title: self.words(map.title.as_ref(), row)?.into_owned(),
            time_zone: self.words(map.time_zone.as_ref(), row)?.into_owned(),
            ..Contact::default()
        })
    }

    pub(super) fn interaction(&self, map: &'a InteractionMap, row: &Joined<'_>) -> Cell<Interaction> {
        let key = self.key(&map.key, row)?;
        let account = self.key(&map.account, row)?;
        let contact = self.words(map.contact.as_ref(), row)?;
        let word = self.words(Some(&map.kind), row)?;
        let kind =
            KINDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind).ok_or_else(|| {
                let known = KINDS.map(|(known, _)| known).join(", ");
                let accepted = format!("one of {known}; `values` of the field can map to them");
                Refusal::new(self.label(&map.kind), word.as_bytes(), "not a kind of interaction", accepted)
            })?;
        let quantity = match map.quantity {
            None => 1.0,
            Some(field) => self.quantity(field, row)?,
        };
        Ok(Interaction {
            source_key: self.source_key(&key),
            account_key: self.source_key(&account),
            contact_key: if contact.is_empty() { None } else { self.source_key(contact.as_bytes()) },
            kind: kind.into(),
            occur_time: Some(timestamp(self.time(map.time, row)?)),
            product: self.name("products", map.product.as_ref(), row)?,
            quantity,
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
            _ => field.decimal(row)?.approximate(),
        };
        match decimal < 0.0 {
            true => Err(field.refuse(&text, "a negative quantity", "0 or more")),
            false => Ok(decimal),
        }
    }

    pub(super) fn opportunity(&self, map: &'a OpportunityMap, row: &Joined<'_>) -> Cell<Opportunity> {
        let key = self.key(&map.key, row)?;
        let account = self.key(&map.account, row)?;
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
        let close_time = match map.close_time.map(|close| (close, &self.table.fields[close].1)) {
            Some((close, field)) if !field.text(row)?.is_empty() => Some(timestamp(self.time(close, row)?)),
            _ => None,
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
            close_time,
            attribution_token: self.words(map.attribution_token.as_ref(), row)?.into_owned(),
            ..Opportunity::default()
        })
    }

    fn money(&self, map: &'a OpportunityMap, row: &Joined<'_>) -> Cell<Option<Money>> {
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
