//! A group of accounts as a tree, and what its branches add up to.

use std::collections::BTreeMap;

use salient_proto::profile::v1::order;
use uuid::Uuid;

use super::facts::{Facts, Window};

/// Days over which revenue is added up.
const YEAR: i64 = 365;

/// What orders and opportunities add up to, by currency, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Purchases of the last 365 days.
    pub revenue: BTreeMap<String, i64>,
    /// Open opportunities.
    pub open_count: i64,
    /// What they are worth.
    pub open_amounts: BTreeMap<String, i64>,
}

impl Figures {
    /// Those of one account.
    pub fn of(facts: &Facts, today: i32) -> Self {
        let window = Window { today, days: Some(YEAR) };
        let mut figures = Self { open_count: facts.open_count(), ..Self::default() };
        for of in &facts.orders {
            if !figures.revenue.contains_key(&of.currency) {
                let amount = facts.amount(order::Kind::Purchase, &of.currency, window);
                figures.revenue.insert(of.currency.clone(), amount);
            }
        }
        figures.revenue.retain(|_, amount| *amount != 0);
        // an opportunity without an amount has no currency either
        let worth = facts.open.iter().filter(|open| !open.currency.is_empty());
        figures.open_amounts = worth.map(|open| (open.currency.clone(), open.amount)).collect();
        figures
    }

    /// Adds those of another account.
    pub fn add(&mut self, other: &Self) {
        self.open_count += other.open_count;
        for (sums, amounts) in
            [(&mut self.revenue, &other.revenue), (&mut self.open_amounts, &other.open_amounts)]
        {
            for (currency, amount) in amounts {
                let sum = sums.entry(currency.clone()).or_default();
                *sum = sum.saturating_add(*amount);
            }
        }
    }
}

/// An account in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its profile.
    pub id: Uuid,
    /// What people call it.
    pub display_name: String,
    /// The place of what is above it; none at the top.
    pub parent: Option<usize>,
    /// How far below the top.
    pub depth: usize,
    /// Its own figures.
    pub own: Figures,
    /// Its own, and those of everything below it.
    pub rolled_up: Figures,
}

/// Adds up the branches of a tree whose nodes stand after what is above them, and returns their
/// places in the order in which a tree is read: each before those below it.
pub fn roll_up(nodes: &mut [Node]) -> Vec<usize> {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for place in (0..nodes.len()).rev() {
        let own = nodes[place].own.clone();
        nodes[place].rolled_up.add(&own);
        if let Some(parent) = nodes[place].parent {
            let sum = nodes[place].rolled_up.clone();
            nodes[parent].rolled_up.add(&sum);
            below[parent].push(place);
        }
    }
    let mut order = Vec::with_capacity(nodes.len());
    let mut waiting: Vec<usize> = (0..nodes.len()).filter(|place| nodes[*place].parent.is_none()).collect();
    waiting.reverse();
    while let Some(place) = waiting.pop() {
        order.push(place);
        // they were found from the last to the first, and are taken from the end
        waiting.append(&mut below[place]);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::super::facts::{Open, OrderDay};
    use super::*;

    fn facts(currency: &str, amount: i64) -> Facts {
        let day = |day, kind: order::Kind, amount| OrderDay {
            day,
            kind: kind as i32,
            currency: currency.into(),
            count: 1,
            amount,
            ..OrderDay::default()
        };
        Facts {
            orders: vec![
                day(1, order::Kind::Purchase, 1_000_000),
                day(400, order::Kind::Purchase, amount),
                day(401, order::Kind::Return, 5),
            ],
            open: vec![
                Open { currency: String::new(), count: 1, amount: 0 },
                Open { currency: currency.into(), count: 2, amount: 7 },
            ],
            ..Facts::default()
        }
    }

    fn node(number: u128, parent: Option<usize>, own: Figures) -> Node {
        Node {
            id: Uuid::from_u128(number),
            display_name: String::new(),
            parent,
            depth: 0,
            own,
            rolled_up: Figures::default(),
        }
    }

    #[test]
    fn a_year_of_purchases_by_currency() {
        let figures = Figures::of(&facts("GBP", 10), 401);
        assert_eq!(figures.revenue, BTreeMap::from([("GBP".to_owned(), 10)]));
        assert_eq!((figures.open_count, &figures.open_amounts["GBP"]), (3, &7));
        assert_eq!(figures.open_amounts.len(), 1);
        assert!(Figures::of(&facts("GBP", 10), 900).revenue.is_empty());
    }

    #[test]
    fn branches_add_up_and_are_read_from_the_top() {
        let of = |currency: &str, amount| Figures::of(&facts(currency, amount), 401);
        let mut nodes = [
            node(0, None, of("GBP", 1)),
            node(1, Some(0), of("GBP", 10)),
            node(2, Some(0), of("EUR", 100)),
            node(3, Some(1), of("GBP", 1_000)),
        ];
        assert_eq!(roll_up(&mut nodes), [0, 1, 3, 2]);
        let sums = |node: &Node| (node.rolled_up.revenue.clone(), node.rolled_up.open_count);
        let by = |pairs: &[(&str, i64)]| pairs.iter().map(|(key, sum)| ((*key).to_owned(), *sum)).collect();
        assert_eq!(sums(&nodes[0]), (by(&[("EUR", 100), ("GBP", 1_011)]), 12));
        assert_eq!(sums(&nodes[1]), (by(&[("GBP", 1_010)]), 6));
        assert_eq!(sums(&nodes[3]), (by(&[("GBP", 1_000)]), 3));
    }
}
