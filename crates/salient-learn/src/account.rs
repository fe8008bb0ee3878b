//! What is known about an account at a cutoff, as named numbers. Shared by [`crate::propensity`]
//! and [`crate::pairs`].
//!
//! A *period* is the horizon the model looks ahead (30 days, say): windows scale with it, so that
//! a business with yearly orders is described as well as one with weekly ones.

use crate::{history::AsOf, rhythm::Rhythm};

/// Names of the account features, in column order. Days are days before the cutoff, amounts are
/// minor units, shares are percent.
pub const NAMES: [&str; 20] = [
    "orders",
    "orders_last_period",
    "orders_last_two_periods",
    "orders_last_three_periods",
    "days_since_last_order",
    "days_since_first_order",
    "mean_gap_days",
    "gap_sd_days",
    // Time since the last order over the mean gap: above 1 the next one is overdue.
    "overdue_ratio",
    // Orders to expect in a period at the (recency-weighted) pace so far.
    "order_pace",
    // Orders counted with a weight that falls to 1/e in two periods.
    "recent_orders",
    "revenue",
    "revenue_last_three_periods",
    "mean_order_amount",
    "products_per_order",
    // Over the last five orders.
    "products_per_recent_order",
    // Share of periods since the first order that saw one, percent.
    "active_periods_percent",
    "products_bought",
    // Share of all order lines that were the first of their product, percent.
    "new_product_percent",
    "new_products_last_three_periods",
];

/// Position of `order_pace`.
pub(crate) const PACE: usize = 9;
/// Position of `orders`.
pub(crate) const ORDERS: usize = 0;

/// One account at a cutoff.
#[derive(Debug, Clone)]
pub(crate) struct AccountFacts {
    pub values: [f64; NAMES.len()],
    pub rhythm: Rhythm,
}

/// What an account has bought of one product at a cutoff.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct PairFacts {
    pub product: u32,
    pub orders: u32,
    pub last_days: f64,
    pub first_days: f64,
    pub quantity: f64,
    pub amount: f64,
    /// Orders in the last two and three periods.
    pub recent: [u32; 2],
    /// Orders weighted by age: to 1/e in two and in four periods.
    pub weighted: [f64; 2],
    /// Orders weighted by 0.8 per order placed since.
    pub by_rank: f64,
    /// Orders placed since the last one with it, and since the first.
    pub since_last: u32,
    pub since_first: u32,
    pub periods: u32,
    last_period: i64,
    /// Of the last one, three and five orders, how many held it.
    pub in_last: [u32; 3],
}

/// Sums over an account's orders that pair shares are taken of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weights {
    pub aged: [f64; 2],
    pub by_rank: f64,
}

/// Reads one account; fills `pairs` (ascending by product). `None` without orders.
pub(crate) fn read(
    view: &AsOf<'_>,
    account: u32,
    period: f64,
    pairs: &mut Vec<PairFacts>,
) -> Option<(AccountFacts, Weights)> {
    pairs.clear();
    let rhythm = Rhythm::of_account(view, account)?;
    let n = view.account_orders(account).len();
    let mut v = [0.0; NAMES.len()];
    let mut weights = Weights::default();
    let (mut lines, mut recent_lines, mut last_seen) = (0.0, 0.0, i64::MIN);
    for (k, order) in view.account_orders(account).enumerate() {
        let age = view.age_days(order.time);
        let rank = n - 1 - k;
        let aged = [(-age / (2.0 * period)).exp(), (-age / (4.0 * period)).exp()];
        let by_rank = 0.8_f64.powi(rank as i32);
        let slot = (age / period) as i64;
        let amount = order.amount() as f64;
        for (i, w) in [1.0, 2.0, 3.0].into_iter().enumerate() {
            v[1 + i] += f64::from(u8::from(age < w * period));
        }
        weights.aged[0] += aged[0];
        weights.aged[1] += aged[1];
        weights.by_rank += by_rank;
        v[11] += amount;
        v[12] += if age < 3.0 * period { amount } else { 0.0 };
        lines += order.products.len() as f64;
        recent_lines += if rank < 5 { order.products.len() as f64 } else { 0.0 };
        v[16] += f64::from(u8::from(slot != last_seen));
        last_seen = slot;
        for (i, &product) in order.products.iter().enumerate() {
            pairs.push(PairFacts {
                product,
                orders: 1,
                last_days: age,
                first_days: age,
                quantity: order.quantities[i],
                amount: order.amounts[i] as f64,
                recent: [u32::from(age < 2.0 * period), u32::from(age < 3.0 * period)],
                weighted: aged,
                by_rank,
                since_last: rank as u32,
                since_first: rank as u32,
                periods: 1,
                last_period: slot,
                in_last: [u32::from(rank < 1), u32::from(rank < 3), u32::from(rank < 5)],
            });
        }
    }
    // A stable sort keeps time order within a product.
    pairs.sort_by_key(|p| p.product);
    pairs.dedup_by(|next, kept| {
        next.product == kept.product && {
            kept.add(next);
            true
        }
    });

    let span = 2.0 * period;
    v[ORDERS] = n as f64;
    v[4] = rhythm.days_since_last;
    v[5] = rhythm.days_since_first;
    v[6] = rhythm.mean_gap_days.unwrap_or(f64::NAN);
    v[7] = rhythm.gap_sd_days.unwrap_or(f64::NAN);
    v[8] = rhythm.mean_gap_days.map_or(f64::NAN, |g| rhythm.days_since_last / g.max(1.0));
    let seen = span * (1.0 - (-rhythm.days_since_first / span).exp());
    v[PACE] = (weights.aged[0] + 0.25) / (seen + period) * period;
    v[10] = weights.aged[0];
    v[13] = v[11] / n as f64;
    v[14] = lines / n as f64;
    v[15] = recent_lines / n.min(5) as f64;
    v[16] *= 100.0 / (rhythm.days_since_first.max(1.0) / period).ceil();
    v[17] = pairs.len() as f64;
    v[18] = 100.0 * pairs.len() as f64 / lines.max(1.0);
    v[19] = pairs.iter().filter(|p| p.first_days < 3.0 * period).count() as f64;
    Some((AccountFacts { values: v, rhythm }, weights))
}

impl PairFacts {
    /// Adds a later order of the same product.
    fn add(&mut self, next: &Self) {
        self.orders += next.orders;
        self.last_days = next.last_days;
        self.quantity += next.quantity;
        self.amount += next.amount;
        self.by_rank += next.by_rank;
        self.since_last = next.since_last;
        self.periods += u32::from(next.last_period != self.last_period);
        self.last_period = next.last_period;
        for i in 0..2 {
            self.recent[i] += next.recent[i];
            self.weighted[i] += next.weighted[i];
        }
        for i in 0..3 {
            self.in_last[i] += next.in_last[i];
        }
    }
}
