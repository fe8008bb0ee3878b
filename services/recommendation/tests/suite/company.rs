//! A small company with customers in a rhythm and customers without one.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, TimeDelta, Utc};
use salient_core::{AccountId, Clock, OrderId};
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Account, Order, OrderLine},
    recommendation::v1::{Product, Seller},
};

use crate::world::timestamp;

pub const ACCOUNTS: usize = 240;
const PRODUCTS: usize = 24;
/// Products of each of four groups of customers.
const GROUP: usize = PRODUCTS / 4;
/// Must not be recommended, though it sells.
pub const BLOCKED: &str = "p01";
/// Is bought, but is not in the catalogue.
pub const UNLISTED: &str = "p08";

/// Accounts and orders; some of the orders come after the day that is planned.
pub struct Company {
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

impl Company {
    /// Orders of 210 days before `day` and of 40 days from it on.
    pub fn new(clock: &Clock, day: DateTime<Utc>) -> Self {
        let mut dice = Dice(0x5eed_2011_0601);
        let mut company = Self { accounts: Vec::new(), orders: Vec::new() };
        for number in 0..ACCOUNTS {
            let name = AccountId::new(clock).name();
            let group = number / 4 % 4 * GROUP;
            let regular = number % 3 != 0;
            let gap = 9 + dice.below(22);
            let mut at = dice.below(gap);
            while at < 250 {
                let mut products = vec![group + number % 3];
                if !regular {
                    products = vec![dice.below(PRODUCTS)];
                }
                for _ in 0..dice.below(3) {
                    products.push(if regular { group + dice.below(GROUP) } else { dice.below(PRODUCTS) });
                }
                products.sort_unstable();
                products.dedup();
                let time = day - Days::new(210) + TimeDelta::days(at as i64) + TimeDelta::hours(10);
                company.orders.push(order(clock, &name, company.orders.len(), time, &products, &mut dice));
                at +=
                    if regular { (gap + dice.below(5)).saturating_sub(2).max(1) } else { 1 + dice.below(60) };
            }
            company.accounts.push(Account {
                name,
                source_key: key(format!("{number:04}")),
                display_name: format!("Account {number:04}"),
                territory: format!("t{}", number % 4),
                ..Account::default()
            });
        }
        company
    }

    /// The territory of each account.
    pub fn territories(&self) -> BTreeMap<&str, &str> {
        self.accounts.iter().map(|account| (account.name.as_str(), account.territory.as_str())).collect()
    }

    /// Orders of an account in `[from, until)`.
    pub fn orders_of(&self, account: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<&Order> {
        let within = |order: &&Order| (from..until).contains(&time_of(order));
        self.orders.iter().filter(|order| order.account == account).filter(within).collect()
    }

    /// What the catalogue says: everything but one product, and one that must not be recommended.
    pub fn products() -> Vec<Product> {
        (0..PRODUCTS)
            .map(|number| format!("p{number:02}"))
            .filter(|code| code != UNLISTED)
            .map(|code| Product {
                name: format!("products/{code}"),
                display_name: format!("Product {code}"),
                category: format!("c{}", code.len()),
                blocked: code == BLOCKED,
            })
            .collect()
    }

    /// One seller with a territory, one with two; the fourth territory is nobody's.
    pub fn sellers() -> Vec<Seller> {
        let seller = |id: &str, territories: &[&str], capacity| Seller {
            name: format!("sellers/{id}"),
            display_name: format!("Seller {id}"),
            territories: territories.iter().map(ToString::to_string).collect(),
            capacity,
        };
        vec![seller("s07", &["t0"], 12), seller("s08", &["t1", "t2"], 0)]
    }
}

pub fn key(id: String) -> Option<SourceKey> {
    Some(SourceKey { source: "crm".into(), id })
}

pub fn time_of(order: &Order) -> DateTime<Utc> {
    let at = order.order_time.unwrap();
    DateTime::from_timestamp(at.seconds, at.nanos as u32).unwrap()
}

fn order(
    clock: &Clock,
    account: &str,
    number: usize,
    time: DateTime<Utc>,
    products: &[usize],
    dice: &mut Dice,
) -> Order {
    let line = |product: &usize, dice: &mut Dice| {
        let quantity = 1 + dice.below(8) as i64;
        OrderLine {
            product: format!("products/p{product:02}"),
            quantity,
            amount_minor_units: quantity * (300 + 50 * *product as i64),
        }
    };
    Order {
        name: OrderId::new(clock).name(),
        source_key: key(format!("o{number:06}")),
        account: account.to_owned(),
        order_time: Some(timestamp(time)),
        currency_code: "GBP".into(),
        lines: products.iter().map(|product| line(product, dice)).collect(),
        ..Order::default()
    }
}
