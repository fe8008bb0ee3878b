//! Health: how an account fares against its own past.
//!
//! Orders, support requests and use are known here. What a tenant does not record drops out and is listed
//! as missing.

use salient_learn::{
    AsOf,
    health::{Config, Health, Order, Record, health},
};

use super::{Found, dealings::ByAccount};

/// How scores are made: the defaults of the algorithm.
#[must_use]
pub fn config() -> Config {
    Config::default()
}

/// The health of an account, by number.
///
/// # Errors
/// Too little is known of it.
pub fn of(view: &AsOf<'_>, dealt: &ByAccount, account: u32) -> Found<Health> {
    let order = |order: salient_learn::history::Order<'_>| Order {
        time: order.time,
        amount: order.amount(),
        products: order.products.to_vec(),
    };
    let record = Record {
        orders: view.account_orders(account).map(order).collect(),
        issues: dealt.issues(account),
        usage: dealt.usage(account, view.cutoff()),
    };
    Ok(health(&record, view.cutoff(), &config())?)
}

/// A score in four steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// As ever, or more.
    A,
    /// Somewhat less.
    B,
    /// Clearly less.
    C,
    /// Hardly anything.
    D,
}

impl Grade {
    /// Of a score from 0 to 100. Who goes on exactly as before has 68.75 by orders alone; who is
    /// silent for two gaps and otherwise as before has 50, for three 40.6.
    #[must_use]
    pub fn of(score: f64) -> Self {
        match score {
            score if score >= 65.0 => Self::A,
            score if score >= 50.0 => Self::B,
            score if score >= 35.0 => Self::C,
            _ => Self::D,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_begin_at_their_bounds() {
        let grades = [100.0, 65.0, 64.9, 50.0, 49.9, 35.0, 34.9, 0.0].map(Grade::of);
        assert_eq!(grades, [Grade::A, Grade::A, Grade::B, Grade::B, Grade::C, Grade::C, Grade::D, Grade::D]);
    }
}
