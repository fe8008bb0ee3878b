//! What is known of an account, boiled down to what conditions ask for.
//!
//! Counts and sums are kept by day, so that any window of whole days can be answered without
//! reading the history again; a product keeps the first and the last day on which it was bought.
//! Facts are made anew from the account's records whenever one of them changes: they depend on
//! what the records are, not on the order in which they came. Sums are of integers for the same
//! reason.

use std::collections::BTreeMap;

use prost_types::Timestamp;
use salient_proto::profile::v1::{Account, Opportunity, Order, interaction, opportunity, order};

use super::{record::timestamp_micros, timeline::as_known_at};

mod telemetry;

pub use telemetry::{Metric, MetricDay};

/// Days since something that never happened: longer ago than anything that did.
pub const NEVER: i64 = 1_000_000;

const DAY: i64 = 86_400_000_000;

/// The day of a time in microseconds, counted from 1970-01-01, UTC.
pub fn day_of(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(DAY)).unwrap_or(if micros < 0 { i32::MIN } else { i32::MAX })
}

/// The facts of one account as they are stored: a message, because its encoding leaves out what
/// is zero and keeps small numbers small.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Facts {
    /// What people call the account.
    #[prost(string, tag = "1")]
    pub display_name: String,
    /// Its sales territory.
    #[prost(string, tag = "2")]
    pub territory: String,
    /// Its country.
    #[prost(string, tag = "3")]
    pub country: String,
    /// Its industry.
    #[prost(string, tag = "4")]
    pub industry: String,
    /// The system it came from.
    #[prost(string, tag = "5")]
    pub source: String,
    /// Its id there.
    #[prost(string, tag = "6")]
    pub source_id: String,
    /// Anything else the source knows.
    #[prost(btree_map = "string, string", tag = "7")]
    pub attributes: BTreeMap<String, String>,
    /// The day on which it was first stored.
    #[prost(sint32, tag = "8")]
    pub create_day: i32,
    /// Its contacts.
    #[prost(uint32, tag = "9")]
    pub contacts: u32,
    /// Orders, by day.
    #[prost(message, repeated, tag = "10")]
    pub orders: Vec<OrderDay>,
    /// Products it bought, by id.
    #[prost(message, repeated, tag = "11")]
    pub products: Vec<Bought>,
    /// Interactions, by day.
    #[prost(message, repeated, tag = "12")]
    pub interactions: Vec<InteractionDay>,
    /// Open opportunities, by currency.
    #[prost(message, repeated, tag = "13")]
    pub open: Vec<Open>,
    /// What machines and products reported, by metric.
    #[prost(message, repeated, tag = "14")]
    pub metrics: Vec<Metric>,
}

/// Orders of a day that are alike.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrderDay {
    /// The day.
    #[prost(sint32, tag = "1")]
    pub day: i32,
    /// The contract's kind.
    #[prost(int32, tag = "2")]
    pub kind: i32,
    /// The contract's origin.
    #[prost(int32, tag = "3")]
    pub origin: i32,
    /// Their currency.
    #[prost(string, tag = "4")]
    pub currency: String,
    /// How many.
    #[prost(int64, tag = "5")]
    pub count: i64,
    /// What they add up to, in minor units.
    #[prost(int64, tag = "6")]
    pub amount: i64,
}

/// A product that was bought.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Bought {
    /// Its id, without the collection.
    #[prost(string, tag = "1")]
    pub product: String,
    /// The last day on which it was.
    #[prost(sint32, tag = "2")]
    pub last_day: i32,
}

/// Interactions of a day that are alike.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InteractionDay {
    /// The day.
    #[prost(sint32, tag = "1")]
    pub day: i32,
    /// The contract's kind.
    #[prost(int32, tag = "2")]
    pub kind: i32,
    /// How many.
    #[prost(int64, tag = "3")]
    pub count: i64,
    /// Their quantities, in thousandths; of usage only.
    #[prost(int64, tag = "4")]
    pub thousandths: i64,
}

/// Open opportunities of a currency; those without an amount have none.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Open {
    /// The currency.
    #[prost(string, tag = "1")]
    pub currency: String,
    /// How many.
    #[prost(int64, tag = "2")]
    pub count: i64,
    /// What they add up to, in minor units.
    #[prost(int64, tag = "3")]
    pub amount: i64,
}

/// The last so many days, today included; or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Today.
    pub today: i32,
    /// How many days; none means all.
    pub days: Option<i64>,
}

impl Window {
    pub(super) fn holds(self, day: i32) -> bool {
        self.days.is_none_or(|days| since(self.today, day) < days)
    }
}

fn since(today: i32, day: i32) -> i64 {
    i64::from(today) - i64::from(day)
}

impl Facts {
    fn orders_in(&self, kind: order::Kind, window: Window) -> impl Iterator<Item = &OrderDay> {
        self.orders.iter().filter(move |of| of.kind == kind as i32 && window.holds(of.day))
    }

    /// How many orders of the kind.
    pub fn order_count(&self, kind: order::Kind, window: Window) -> i64 {
        self.orders_in(kind, window).map(|of| of.count).sum()
    }

    /// What orders of the kind add up to, in minor units.
    pub fn amount(&self, kind: order::Kind, currency: &str, window: Window) -> i64 {
        let alike = self.orders_in(kind, window).filter(|of| of.currency == currency);
        alike.fold(0, |sum, of| sum.saturating_add(of.amount))
    }

    /// The share of returns among all orders; 0 without orders.
    pub fn return_share(&self, window: Window) -> f64 {
        let returns = self.order_count(order::Kind::Return, window);
        share(returns, returns + self.order_count(order::Kind::Purchase, window))
    }

    /// The share of purchases that came in like this; 0 without purchases.
    pub fn origin_share(&self, origin: i32, window: Window) -> f64 {
        let alike = self.orders_in(order::Kind::Purchase, window).filter(|of| of.origin == origin);
        share(alike.map(|of| of.count).sum(), self.order_count(order::Kind::Purchase, window))
    }

    fn purchase_days(&self) -> impl DoubleEndedIterator<Item = i32> {
        self.orders.iter().filter(|of| of.kind == order::Kind::Purchase as i32).map(|of| of.day)
    }

    /// Days since the first purchase.
    pub fn days_since_first_order(&self, today: i32) -> i64 {
        self.purchase_days().next().map_or(NEVER, |day| since(today, day))
    }

    /// Days since the last purchase.
    pub fn days_since_order(&self, today: i32) -> i64 {
        self.purchase_days().next_back().map_or(NEVER, |day| since(today, day))
    }

    /// Days since the last purchase that came after a pause of at least `pause` days.
    pub fn days_since_comeback(&self, pause: i64, today: i32) -> i64 {
        let days: Vec<i32> = self.purchase_days().collect();
        let comeback = days.windows(2).rev().find(|pair| since(pair[1], pair[0]) >= pause.max(1));
        comeback.map_or(NEVER, |pair| since(today, pair[1]))
    }

    /// Days since the product was last bought.
    pub fn days_since_product(&self, product: &str, today: i32) -> i64 {
        let found = self.products.binary_search_by(|bought| bought.product.as_str().cmp(product));
        found.map_or(NEVER, |position| since(today, self.products[position].last_day))
    }

    /// Whether the product was bought.
    pub fn bought(&self, product: &str, window: Window) -> bool {
        let ago = self.days_since_product(product, window.today);
        ago != NEVER && window.days.is_none_or(|days| ago < days)
    }

    fn interactions_of(&self, kind: Option<i32>) -> impl DoubleEndedIterator<Item = &InteractionDay> {
        self.interactions.iter().filter(move |of| kind.is_none_or(|kind| of.kind == kind))
    }

    /// How many interactions of the kind, or of any.
    pub fn interaction_count(&self, kind: Option<i32>, window: Window) -> i64 {
        self.interactions_of(kind).filter(|of| window.holds(of.day)).map(|of| of.count).sum()
    }

    /// Days since the last interaction of the kind, or of any.
    pub fn days_since_interaction(&self, kind: Option<i32>, today: i32) -> i64 {
        self.interactions_of(kind).next_back().map_or(NEVER, |of| since(today, of.day))
    }

    /// The quantities of usage, added up.
    pub fn usage(&self, window: Window) -> f64 {
        let thousandths = self.interactions.iter().filter(|of| window.holds(of.day));
        thousandths.fold(0, |sum: i64, of| sum.saturating_add(of.thousandths)) as f64 / 1_000.0
    }

    /// What was measured of the metric, added up.
    pub fn measured(&self, metric: &str, window: Window) -> f64 {
        telemetry::sum(&self.metrics, metric, window)
    }

    /// How many readings of the metric there were.
    pub fn readings(&self, metric: &str, window: Window) -> i64 {
        telemetry::count(&self.metrics, metric, window)
    }

    /// Open opportunities.
    pub fn open_count(&self) -> i64 {
        self.open.iter().map(|open| open.count).sum()
    }

    /// What open opportunities are worth, in minor units.
    pub fn open_amount(&self, currency: &str) -> i64 {
        self.open.iter().find(|open| open.currency == currency).map_or(0, |open| open.amount)
    }
}

fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Collects the records of one account, in any order.
#[derive(Debug, Default)]
pub struct Collector {
    now: i64,
    due: Option<i64>,
    facts: Facts,
    orders: BTreeMap<(i32, i32, i32, String), (i64, i64)>,
    products: BTreeMap<String, i32>,
    interactions: BTreeMap<(i32, i32), (i64, i64)>,
    open: BTreeMap<String, (i64, i64)>,
    metrics: telemetry::Collector,
}

impl Collector {
    /// Begins with the account itself, first stored at `create_time`. What is dated after `now`
    /// is not known yet. Times are in microseconds.
    pub fn new(account: Account, create_time: i64, now: i64) -> Self {
        let key = account.source_key.unwrap_or_default();
        let facts = Facts {
            display_name: account.display_name,
            territory: account.territory,
            country: account.country,
            industry: account.industry,
            source: key.source,
            source_id: key.id,
            attributes: account.attributes,
            create_day: day_of(create_time),
            ..Facts::default()
        };
        Self { now, facts, ..Self::default() }
    }

    /// Whether something of this time is known; otherwise notes when it will be.
    fn knows(&mut self, time: i64) -> bool {
        if time <= self.now {
            return true;
        }
        self.due = Some(self.due.map_or(time, |due| due.min(time)));
        false
    }

    /// Adds an order of `total` minor units.
    pub fn order(&mut self, time: i64, total: i64, order: &Order) {
        if !self.knows(time) {
            return;
        }
        let day = day_of(time);
        let alike =
            self.orders.entry((day, order.kind, order.origin, order.currency_code.clone())).or_default();
        alike.0 += 1;
        alike.1 = alike.1.saturating_add(total);
        if order.kind != order::Kind::Purchase as i32 {
            return;
        }
        for line in &order.lines {
            let product = line.product.strip_prefix("products/").unwrap_or(&line.product);
            match self.products.get_mut(product) {
                Some(last) => *last = day.max(*last),
                None => drop(self.products.insert(product.to_owned(), day)),
            }
        }
    }

    /// Adds an interaction; `quantity` counts for usage only.
    pub fn interaction(&mut self, time: i64, kind: i32, quantity: f64) {
        if self.knows(time) {
            let alike = self.interactions.entry((day_of(time), kind)).or_default();
            alike.0 += 1;
            // the cast saturates
            alike.1 = alike.1.saturating_add((quantity * 1_000.0).round() as i64);
        }
    }

    /// Adds a day of telemetry: its readings, and what they add up to in millionths.
    pub fn telemetry(&mut self, day: i64, metric: &str, readings: (i64, i128), last_time: i64) {
        if self.knows(last_time) {
            self.metrics.add(day_of(day), metric, readings);
        }
    }

    /// Adds an opportunity.
    pub fn opportunity(&mut self, opportunity: Opportunity) {
        let micros = |time: &Option<Timestamp>| time.as_ref().map(timestamp_micros);
        if !micros(&opportunity.open_time).is_none_or(|time| self.knows(time)) {
            return;
        }
        let closed = micros(&opportunity.close_time).is_none_or(|time| self.knows(time));
        let now = if closed { i64::MAX } else { self.now };
        let opportunity = as_known_at(opportunity, now);
        if opportunity.state == opportunity::State::Open as i32 {
            let amount = opportunity.amount.unwrap_or_default();
            let open = self.open.entry(amount.currency_code).or_default();
            open.0 += 1;
            open.1 = open.1.saturating_add(amount.minor_units);
        }
    }

    /// Says how many contacts there are.
    pub fn contacts(&mut self, count: i64) {
        self.facts.contacts = u32::try_from(count).unwrap_or(u32::MAX);
    }

    /// The facts, and when the next record becomes known that is dated after now.
    pub fn finish(self) -> (Facts, Option<i64>) {
        let Self { due, mut facts, orders, products, mut interactions, open, metrics, .. } = self;
        // a day of a metric is an entry of usage on the timeline
        for day in metrics.days() {
            interactions.entry((day, interaction::Kind::Usage as i32)).or_default().0 += 1;
        }
        facts.metrics = metrics.finish();
        let orders = orders.into_iter().map(|((day, kind, origin, currency), (count, amount))| OrderDay {
            day,
            kind,
            origin,
            currency,
            count,
            amount,
        });
        facts.orders = orders.collect();
        facts.products =
            products.into_iter().map(|(product, last_day)| Bought { product, last_day }).collect();
        let interactions = interactions.into_iter();
        facts.interactions = interactions
            .map(|((day, kind), (count, thousandths))| InteractionDay { day, kind, count, thousandths })
            .collect();
        let open = open.into_iter();
        facts.open = open.map(|(currency, (count, amount))| Open { currency, count, amount }).collect();
        (facts, due)
    }
}
