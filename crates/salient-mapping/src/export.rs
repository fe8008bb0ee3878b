//! Records laid out in columns. An order has a row a line; everything else has one row.
//!
//! The columns are those that `mappings/exported_*.toml` read: what is written here comes back as
//! the same records, whatever the format and whatever systems they are of.

use std::borrow::Cow;

use chrono::DateTime;
use prost_types::Timestamp;
use salient_proto::common::v1::SourceKey;
use salient_proto::profile::v1::order::{Kind as OrderKind, Origin};
use salient_proto::profile::v1::{Account, Contact, Interaction, Opportunity, Order};

use super::records::{REACHES, STATES, word_of};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: ColumnKind,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Texts.
    Text,
    /// Whole numbers.
    Integer,
    /// Binary fractions.
    Float,
    /// Times, to the microsecond, UTC.
    Time,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// None.
    Empty,
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A binary fraction.
    Float(f64),
    /// Microseconds since 1970, UTC.
    Time(i64),
}

/// A record that can be laid out in columns.
pub trait Export {
    /// The columns.
    const COLUMNS: &'static [Column];

    /// Gives the record's rows to `each`. `account` is the key of the account that it belongs to.
    fn rows<'r>(&'r self, account: Option<&'r SourceKey>, each: &mut dyn FnMut(&[Value<'r>]));
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Text }
}

const fn integer(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Integer }
}

const fn time(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Time }
}

/// An empty text is none, as in the contract.
fn value(text: &str) -> Value<'_> {
    match text {
        "" => Value::Empty,
        text => Value::Text(Cow::Borrowed(text)),
    }
}

fn word<'a>(text: String) -> Value<'a> {
    if text.is_empty() { Value::Empty } else { Value::Text(Cow::Owned(text)) }
}

fn at<'a>(time: Option<&Timestamp>) -> Value<'a> {
    let micros = |time: &Timestamp| time.seconds.saturating_mul(1_000_000) + i64::from(time.nanos) / 1_000;
    time.map_or(Value::Empty, |time| Value::Time(micros(time)))
}

/// Source and id of a key.
fn key(key: Option<&SourceKey>) -> [Value<'_>; 2] {
    [value(key.map_or("", |key| &key.source)), value(key.map_or("", |key| &key.id))]
}

/// The id in a resource name.
fn id(name: &str) -> Value<'_> {
    value(name.split_once('/').map_or("", |(_, id)| id))
}

impl Export for Account {
    const COLUMNS: &'static [Column] = &[
        text("name"),
        text("source"),
        text("source_id"),
        text("display_name"),
        text("territory"),
        text("country"),
        text("industry"),
        text("attributes"),
        text("domain"),
        text("phone"),
        text("street"),
        text("city"),
        text("postal_code"),
        text("parent_source"),
        text("parent_source_id"),
        time("source_update_time"),
        time("create_time"),
        time("update_time"),
    ];

    fn rows<'r>(&'r self, _account: Option<&'r SourceKey>, each: &mut dyn FnMut(&[Value<'r>])) {
        let [source, source_id] = key(self.source_key.as_ref());
        let [parent_source, parent_source_id] = key(self.parent_key.as_ref());
        let attributes = match self.attributes.is_empty() {
            true => String::new(),
            // texts by text can always be written
            false => serde_json::to_string(&self.attributes).unwrap_or_default(),
        };
        each(&[
            value(&self.name),
            source,
            source_id,
            value(&self.display_name),
            value(&self.territory),
            value(&self.country),
            value(&self.industry),
            word(attributes),
            value(&self.domain),
            value(&self.phone),
            value(&self.street),
            value(&self.city),
            value(&self.postal_code),
            parent_source,
            parent_source_id,
            at(self.source_update_time.as_ref()),
            at(self.create_time.as_ref()),
            at(self.update_time.as_ref()),
        ]);
    }
}

impl Export for Contact {
    const COLUMNS: &'static [Column] = &[
        text("name"),
        text("source"),
        text("source_id"),
        text("account_source"),
        text("account_id"),
        text("display_name"),
        text("email"),
        text("phone"),
        text("title"),
        text("time_zone"),
        text("given_name"),
        text("family_name"),
        text("street"),
        text("city"),
        text("postal_code"),
        text("country"),
        time("source_update_time"),
        time("create_time"),
        time("update_time"),
    ];

    fn rows<'r>(&'r self, account: Option<&'r SourceKey>, each: &mut dyn FnMut(&[Value<'r>])) {
        let [source, source_id] = key(self.source_key.as_ref());
        let [account_source, account_id] = key(account);
        each(&[
            value(&self.name),
            source,
            source_id,
            account_source,
            account_id,
            value(&self.display_name),
            value(&self.email),
            value(&self.phone),
            value(&self.title),
            value(&self.time_zone),
            value(&self.given_name),
            value(&self.family_name),
            value(&self.street),
            value(&self.city),
            value(&self.postal_code),
            value(&self.country),
            at(self.source_update_time.as_ref()),
            at(self.create_time.as_ref()),
            at(self.update_time.as_ref()),
        ]);
    }
}

impl Export for Order {
    const COLUMNS: &'static [Column] = &[
        text("name"),
        text("source"),
        text("source_id"),
        text("account_source"),
        text("account_id"),
        time("order_time"),
        text("kind"),
        text("origin"),
        text("currency_code"),
        text("attribution_token"),
        text("product"),
        integer("quantity"),
        integer("amount_minor_units"),
    ];

    fn rows<'r>(&'r self, account: Option<&'r SourceKey>, each: &mut dyn FnMut(&[Value<'r>])) {
        let [source, source_id] = key(self.source_key.as_ref());
        let [account_source, account_id] = key(account);
        let kind = if self.kind() == OrderKind::Return { "return" } else { "purchase" };
        let origin = match self.origin() {
            Origin::Unspecified => "",
            Origin::SelfService => "self_service",
            Origin::SellerAssisted => "seller_assisted",
            Origin::Offline => "offline",
        };
        let mut row = [
            value(&self.name),
            source,
            source_id,
            account_source,
            account_id,
            at(self.order_time.as_ref()),
            value(kind),
            value(origin),
            value(&self.currency_code),
            value(&self.attribution_token),
            Value::Empty,
            Value::Empty,
            Value::Empty,
        ];
        for line in &self.lines {
            row[10] = id(&line.product);
            row[11] = Value::Integer(line.quantity);
            row[12] = Value::Integer(line.amount_minor_units);
            each(&row);
        }
    }
}

impl Export for Interaction {
    const COLUMNS: &'static [Column] = &[
        text("name"),
        text("source"),
        text("source_id"),
        text("account_source"),
        text("account_id"),
        text("contact_source"),
        text("contact_id"),
        text("kind"),
        time("occur_time"),
        text("product"),
        Column { name: "quantity", kind: ColumnKind::Float },
        text("reach"),
        text("summary"),
    ];

    fn rows<'r>(&'r self, account: Option<&'r SourceKey>, each: &mut dyn FnMut(&[Value<'r>])) {
        let [source, source_id] = key(self.source_key.as_ref());
        let [account_source, account_id] = key(account);
        let [contact_source, contact_id] = key(self.contact_key.as_ref());
        let reach = REACHES.iter().find(|(_, reach)| *reach == self.reach()).map_or("", |(word, _)| word);
        each(&[
            value(&self.name),
            source,
            source_id,
            account_source,
            account_id,
            contact_source,
            contact_id,
            word(word_of(self.kind())),
            at(self.occur_time.as_ref()),
            id(&self.product),
            Value::Float(self.quantity),
            value(reach),
            value(&self.summary),
        ]);
    }
}

impl Export for Opportunity {
    const COLUMNS: &'static [Column] = &[
        text("name"),
        text("source"),
        text("source_id"),
        text("account_source"),
        text("account_id"),
        text("display_name"),
        text("stage"),
        text("state"),
        text("currency_code"),
        integer("amount_minor_units"),
        text("product"),
        text("seller"),
        time("open_time"),
        time("close_time"),
        text("attribution_token"),
        time("update_time"),
    ];

    fn rows<'r>(&'r self, account: Option<&'r SourceKey>, each: &mut dyn FnMut(&[Value<'r>])) {
        let [source, source_id] = key(self.source_key.as_ref());
        let [account_source, account_id] = key(account);
        let state = STATES.iter().find(|(_, state)| *state == self.state()).map_or("open", |(word, _)| word);
        let amount = self.amount.as_ref();
        each(&[
            value(&self.name),
            source,
            source_id,
            account_source,
            account_id,
            value(&self.display_name),
            value(&self.stage),
            value(state),
            value(amount.map_or("", |amount| &amount.currency_code)),
            amount.map_or(Value::Empty, |amount| Value::Integer(amount.minor_units)),
            id(&self.product),
            id(&self.seller),
            at(self.open_time.as_ref()),
            at(self.close_time.as_ref()),
            value(&self.attribution_token),
            at(self.update_time.as_ref()),
        ]);
    }
}

/// A time as text.
pub(crate) fn time_text(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .map(|time| time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
        .unwrap_or_default()
}
