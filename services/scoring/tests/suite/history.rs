//! A history of customers who order in a rhythm and of customers who do not.

use chrono::{DateTime, Days, TimeDelta, Utc};
use salient_core::{AccountId, Clock, OrderId};
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Account, Order, OrderLine},
};

use crate::world::timestamp;

pub const ACCOUNTS: usize = 240;

/// Accounts and their orders.
#[derive(Clone)]
pub struct History {
    pub accounts: Vec<Account>,
    pub orders: Vec<Order>,
}

/// Numbers that come out the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

impl History {
    /// Orders of 210 days before `day`.
    pub fn new(clock: &Clock, day: DateTime<Utc>) -> Self {
        let mut dice = Dice(0x5eed_2011_0601);
        let mut history = Self { accounts: Vec::new(), orders: Vec::new() };
        for number in 0..ACCOUNTS {
            let name = AccountId::new(clock).name();
            let gap = 8 + dice.below(20);
            let mut at = dice.below(gap);
            // one third in a rhythm to the end, one third that stopped, one third by chance
            let end = if number % 3 == 1 { 60 + dice.below(60) } else { 210 };
            while at < end {
                let time = day - Days::new(210) + TimeDelta::days(at as i64) + TimeDelta::hours(10);
                let products: Vec<usize> = (0..=dice.below(3)).map(|_| dice.below(20)).collect();
                history.orders.push(order(clock, &name, history.orders.len(), time, &products));
                at += if number % 3 == 2 { 1 + dice.below(80) } else { gap };
            }
            history.accounts.push(Account {
                name,
                source_key: key(format!("{number:04}")),
                display_name: format!("Account {number:04}"),
                territory: format!("t{}", number % 5),
                country: ["DE", "FR"][number / 2 % 2].into(),
                industry: ["retail", "crafts"][number % 2].into(),
                ..Account::default()
            });
        }
        history
    }

    /// The same accounts with orders that nothing announces: each comes by chance, of all alike.
    pub fn noise(clock: &Clock, day: DateTime<Utc>) -> Self {
        let mut dice = Dice(0x0dd5_2011_0601);
        let mut history = Self { orders: Vec::new(), ..Self::new(clock, day) };
        for account in &history.accounts {
            for back in 1..=210 {
                if dice.below(40) == 0 {
                    let time = day - Days::new(back) + TimeDelta::hours(10);
                    let products = [dice.below(20)];
                    history.orders.push(order(clock, &account.name, history.orders.len(), time, &products));
                }
            }
        }
        history
    }

    /// The accounts that ordered at least once.
    pub fn known(&self) -> usize {
        let names: std::collections::BTreeSet<_> = self.orders.iter().map(|order| &order.account).collect();
        names.len()
    }

    /// One more order for every account, of products that nobody had before.
    pub fn planted(&self, clock: &Clock, time: DateTime<Utc>) -> Vec<Order> {
        let accounts = self.accounts.iter().zip(self.orders.len()..);
        accounts
            .map(|(account, number)| order(clock, &account.name, number, time, &[number % 5 + 90]))
            .collect()
    }
}

fn key(id: String) -> Option<SourceKey> {
    Some(SourceKey { source: "crm".into(), id })
}

fn order(clock: &Clock, account: &str, number: usize, time: DateTime<Utc>, products: &[usize]) -> Order {
    let line = |product: &usize| OrderLine {
        product: format!("products/p{product:02}"),
        quantity: 1 + *product as i64 % 4,
        amount_minor_units: 500 + 100 * *product as i64,
    };
    Order { lines: products.iter().map(line).collect(), ..sale(clock, account, number, time, "p00", 1, 0) }
}

/// An order of one line, for `amount` minor units.
pub fn sale(
    clock: &Clock,
    account: &str,
    number: usize,
    time: DateTime<Utc>,
    product: &str,
    quantity: i64,
    amount: i64,
) -> Order {
    Order {
        name: OrderId::new(clock).name(),
        source_key: key(format!("o{number:06}")),
        account: account.to_owned(),
        order_time: Some(timestamp(time)),
        currency_code: "GBP".into(),
        lines: vec![OrderLine {
            product: format!("products/{product}"),
            quantity,
            amount_minor_units: amount,
        }],
        ..Order::default()
    }
}
