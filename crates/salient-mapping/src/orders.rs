//! Lines become orders. Lines of an order need not follow each other: they are held, 32 bytes
//! each, until the file ends; of a very long file the oldest orders are given away before, so that
//! memory stays bounded.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use prost_types::Timestamp;
use salient_proto::profile::v1::order::{Kind, Origin};
use salient_proto::profile::v1::{Order, OrderLine};

use super::accounts::Accounts;
use super::batch::Batcher;
use super::catalogue::Catalogue;
use super::dates::Micros;
use super::error::{Cell, Refusal};
use super::keys::source_key;
use super::report::{RefusedLine, Report};

/// Lines that are held, at most (128 MiB).
const HELD: usize = 4 << 20;
/// Lines of an order, at most, by the contract.
const ORDER_LINES: usize = 5_000;

/// A line of an order, ready to be held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) order: u32,
    pub(crate) product: u32,
    pub(crate) quantity: i64,
    pub(crate) amount: i64,
    pub(crate) source_line: u32,
}

/// What a line says of its order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) is_return: bool,
    pub(crate) account: u32,
    pub(crate) time: Micros,
    pub(crate) currency: &'a str,
    pub(crate) origin: Origin,
    pub(crate) token: &'a str,
}

#[derive(Debug)]
struct Held {
    key: Box<[u8]>,
    is_return: bool,
    account: u32,
    time: Micros,
    first_line: u64,
    last_line: u64,
    lines: u32,
    /// Currency, origin and token differ for so few orders that they are shared.
    terms: u32,
    sent: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Orders {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    orders: Vec<Held>,
    terms: Vec<(String, Origin, String)>,
    lines: Vec<Line>,
    last: usize,
}

/// Where orders are given to, and what they refer to.
pub(crate) struct Outlet<'a, 'b> {
    pub(crate) source: &'a str,
    pub(crate) file: &'a Arc<str>,
    pub(crate) accounts: &'a mut Accounts,
    pub(crate) catalogue: &'a mut Catalogue,
    pub(crate) report: &'a mut Report,
    pub(crate) batcher: &'a mut Batcher<'b>,
    pub(crate) merge_lines: bool,
}

impl Orders {
    /// The order that a line belongs to. Refused when the line contradicts the order's other
    /// lines, or comes after the order was given away.
    pub(crate) fn order(&mut self, head: &Head<'_>, line: u64, key_field: &str) -> Cell<u32> {
        let same = |held: &Held| *held.key == *head.key && held.is_return == head.is_return;
        if self.orders.get(self.last).is_none_or(|last| !same(last)) {
            let hash = self.hasher.hash_one((head.key, head.is_return));
            match self.table.find(hash, |number| same(&self.orders[*number as usize])) {
                Some(number) => self.last = *number as usize,
                None => {
                    self.last = self.orders.len();
                    self.add(head, line, hash);
                }
            }
        }
        let held = &mut self.orders[self.last];
        if held.account != head.account {
            let problem = format!("the order belongs to another account by line {}", held.first_line);
            return Err(Refusal::new(key_field, head.key, problem, "one account for all lines of an order"));
        }
        if held.sent {
            let problem = format!("the order's other lines, up to line {}, are too far away", held.last_line);
            let accepted = format!("lines of an order at most {} lines apart", HELD / 2);
            return Err(Refusal::new(key_field, head.key, problem, accepted));
        }
        // an order may carry several times: it was placed at the earliest
        held.time = held.time.min(head.time);
        held.last_line = line;
        held.lines += 1;
        Ok(self.last as u32)
    }

    fn add(&mut self, head: &Head<'_>, line: u64, hash: u64) {
        let known = self.terms.iter().rposition(|(currency, origin, token)| {
            currency == head.currency && *origin == head.origin && token == head.token
        });
        let terms = known.unwrap_or_else(|| {
            self.terms.push((head.currency.to_owned(), head.origin, head.token.to_owned()));
            self.terms.len() - 1
        });
        self.orders.push(Held {
            key: head.key.into(),
            is_return: head.is_return,
            account: head.account,
            time: head.time,
            first_line: line,
            last_line: line,
            lines: 0,
            terms: terms as u32,
            sent: false,
        });
        let (orders, hasher) = (&self.orders, &self.hasher);
        self.table.insert_unique(hash, self.last as u32, |number| {
            let order = &orders[*number as usize];
            hasher.hash_one((&*order.key, order.is_return))
        });
    }

    /// Holds a line; when too many are held, gives the older half of them away.
    pub(crate) fn hold(&mut self, line: Line, outlet: &mut Outlet<'_, '_>) {
        self.lines.push(line);
        if self.lines.len() >= HELD {
            let recent = u64::from(line.source_line).saturating_sub(HELD as u64 / 2);
            self.give(recent, outlet);
        }
    }

    /// Gives away all orders.
    pub(crate) fn finish(&mut self, outlet: &mut Outlet<'_, '_>) {
        self.give(u64::MAX, outlet);
    }

    /// Gives away the orders whose last line is before `recent`, in the order of their first lines.
    fn give(&mut self, recent: u64, outlet: &mut Outlet<'_, '_>) {
        let leaves = |order: &Held| !order.sent && order.lines > 0 && order.last_line < recent;
        // counting sort of the lines by order, stable
        let mut starts = vec![0_u32; self.orders.len() + 1];
        for line in &self.lines {
            starts[line.order as usize + 1] += 1;
        }
        for order in 0..self.orders.len() {
            starts[order + 1] += starts[order];
        }
        let mut places = starts.clone();
        let mut sorted = vec![0_u32; self.lines.len()];
        for (number, line) in self.lines.iter().enumerate() {
            let place = &mut places[line.order as usize];
            sorted[*place as usize] = number as u32;
            *place += 1;
        }
        let names: Vec<String> = outlet.catalogue.names();
        let mut merged =
            Merged { positions: vec![(u32::MAX, 0); outlet.catalogue.len()], ..Merged::default() };
        for number in 0..self.orders.len() {
            if leaves(&self.orders[number]) && !outlet.batcher.stopped {
                let own = &sorted[starts[number] as usize..starts[number + 1] as usize];
                let lines = own.iter().map(|place| &self.lines[*place as usize]);
                match merged.merge(number as u32, lines, outlet.merge_lines) {
                    Ok(()) => self.send(number, &merged, &names, outlet),
                    Err((problem, accepted)) => {
                        let order = &self.orders[number];
                        let refusal = Refusal::new("order", &order.key, problem, accepted);
                        let refused = RefusedLine::new(outlet.file, order.first_line, *refusal);
                        outlet.batcher.refuse(&refused);
                        outlet.report.refuse(refused);
                    }
                }
            }
        }
        for order in &mut self.orders {
            order.sent |= leaves(order);
        }
        let orders = &self.orders;
        self.lines.retain(|line| !orders[line.order as usize].sent);
    }

    fn send(&self, number: usize, merged: &Merged, products: &[String], outlet: &mut Outlet<'_, '_>) {
        let order = &self.orders[number];
        let (currency, origin, token) = &self.terms[order.terms as usize];
        let counts = match order.is_return {
            true => &mut outlet.report.returns,
            false => &mut outlet.report.purchases,
        };
        counts.lines += u64::from(order.lines);
        counts.orders += 1;
        counts.accounts += u64::from(outlet.accounts.ordered(order.account, order.is_return));
        for line in &merged.lines {
            counts.products += u64::from(outlet.catalogue.ordered(line.product, order.is_return));
        }
        outlet.report.merged_lines += u64::from(order.lines) - merged.lines.len() as u64;
        let mut key = source_key(&order.key, outlet.source);
        // an order with goods in both directions is two records, which need two keys
        if order.is_return && self.has_purchase(&order.key) {
            key.id.push_str("/return");
        }
        let record = Order {
            source_key: Some(key),
            account_key: Some(source_key(outlet.accounts.keys.key(order.account), outlet.source)),
            order_time: Some(timestamp(order.time)),
            kind: if order.is_return { Kind::Return } else { Kind::Purchase }.into(),
            origin: (*origin).into(),
            currency_code: currency.clone(),
            lines: merged
                .lines
                .iter()
                .map(|line| OrderLine {
                    product: products[line.product as usize].clone(),
                    quantity: line.quantity,
                    amount_minor_units: line.amount,
                })
                .collect(),
            attribution_token: token.clone(),
            ..Order::default()
        };
        let lines = merged.lines.iter().map(|line| u64::from(line.source_line)).collect();
        outlet.batcher.order(record, lines, u64::from(order.lines));
    }

    fn has_purchase(&self, key: &[u8]) -> bool {
        let hash = self.hasher.hash_one((key, false));
        let same = |number: &u32| {
            let order = &self.orders[*number as usize];
            *order.key == *key && !order.is_return
        };
        self.table.find(hash, same).is_some()
    }
}

/// Lines of one order, one per product.
#[derive(Default)]
struct Merged {
    lines: Vec<Line>,
    /// For each product the order that last had it, and its place there.
    positions: Vec<(u32, u32)>,
}

impl Merged {
    fn merge<'a>(
        &mut self,
        order: u32,
        lines: impl Iterator<Item = &'a Line>,
        together: bool,
    ) -> Result<(), (String, String)> {
        self.lines.clear();
        for line in lines {
            let position = &mut self.positions[line.product as usize];
            if !together || position.0 != order {
                *position = (order, self.lines.len() as u32);
                self.lines.push(*line);
                continue;
            }
            let known = &mut self.lines[position.1 as usize];
            let sums = known.quantity.checked_add(line.quantity).zip(known.amount.checked_add(line.amount));
            let Some((quantity, amount)) = sums else {
                return Err((
                    "the lines' quantities or amounts add up to too much".to_owned(),
                    "smaller ones".to_owned(),
                ));
            };
            (known.quantity, known.amount) = (quantity, amount);
        }
        if self.lines.len() > ORDER_LINES {
            return Err((
                format!("the order has {} products", self.lines.len()),
                format!("at most {ORDER_LINES} products on an order"),
            ));
        }
        Ok(())
    }
}

/// Microseconds since 1970 as a timestamp.
pub fn timestamp(time: Micros) -> Timestamp {
    Timestamp { seconds: time.div_euclid(1_000_000), nanos: (time.rem_euclid(1_000_000) * 1_000) as i32 }
}
