//! What is known about each product at a cutoff.

use crate::{
    account::{self, PairFacts},
    history::AsOf,
};

/// Names of the product features, in column order. "Buyers" are distinct accounts.
pub(super) const NAMES: [&str; 17] = [
    "product_buyers",
    "product_buyers_last_quarter_period",
    "product_buyers_last_half_period",
    "product_buyers_last_period",
    "product_buyers_last_three_periods",
    // First-time buyers per 1,000 accounts active in the same time.
    "product_adoption_last_half_period",
    "product_adoption_last_period",
    "product_adoption_last_three_periods",
    // Share of its buyers that came back for it, shrunk, percent.
    "product_repeat_buyers_percent",
    // Share of later orders of its buyers that held it again, shrunk, percent.
    "product_repurchase_percent",
    "product_unit_price",
    // Buyers in the last half period against the pace of three periods; likewise a whole one.
    "product_trend_short",
    "product_trend",
    "product_days_since_sold",
    "product_days_since_first_sold",
    // Buyers to be expected since it was last sold; high means probably out of stock.
    "product_missing_buyers",
    "product_mean_line_amount",
];
/// Position of the adoption of the last period.
const ADOPTION: usize = 6;
const REPURCHASE: usize = 9;
const LINE_AMOUNT: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Sums {
    buyers: f64,
    in_window: [f64; 4],
    first_in: [f64; 3],
    repeaters: f64,
    repurchases: f64,
    chances: f64,
    quantity: f64,
    amount: f64,
    lines: f64,
    last_days: f64,
    first_days: f64,
}

/// All products at a cutoff.
#[derive(Debug, Clone)]
pub(super) struct Products {
    values: Vec<[f64; NAMES.len()]>,
    /// Mean line amount over everything, minor units.
    pub mean_line_amount: f64,
}

impl Products {
    pub fn of(&self, product: u32) -> &[f64; NAMES.len()] {
        &self.values[product as usize]
    }

    /// First-time buyers of the last period per active account, 0..=1.
    pub fn adoption(&self, product: u32) -> f64 {
        self.of(product)[ADOPTION] / 1000.0
    }

    /// Share of later orders that hold it again, 0..=1.
    pub fn repurchase(&self, product: u32) -> f64 {
        self.of(product)[REPURCHASE] / 100.0
    }

    pub fn line_amount(&self, product: u32) -> f64 {
        self.of(product)[LINE_AMOUNT]
    }

    /// Reads every account once.
    pub fn read(view: &AsOf<'_>, accounts: &[u32], period: f64) -> Self {
        let empty = Sums {
            buyers: 0.0,
            in_window: [0.0; 4],
            first_in: [0.0; 3],
            repeaters: 0.0,
            repurchases: 0.0,
            chances: 0.0,
            quantity: 0.0,
            amount: 0.0,
            lines: 0.0,
            last_days: f64::INFINITY,
            first_days: 0.0,
        };
        let mut sums = vec![empty; view.products()];
        let mut active = [0.0; 3];
        let mut pairs = Vec::new();
        let windows = [0.25, 0.5, 1.0, 3.0].map(|w| w * period);
        for &a in accounts {
            let Some((facts, _)) = account::read(view, a, period, &mut pairs) else { continue };
            for i in 0..3 {
                active[i] += f64::from(u8::from(facts.rhythm.days_since_last < windows[i + 1]));
            }
            pairs.iter().for_each(|p| sums[p.product as usize].add(p, &windows));
        }
        let (r, c, amount, lines) = sums.iter().fold((0.0, 0.0, 0.0, 0.0), |t, s| {
            (t.0 + s.repurchases, t.1 + s.chances, t.2 + s.amount, t.3 + s.lines)
        });
        let usual = if c > 0.0 { r / c } else { 0.05 };
        let mean_line_amount = amount / f64::max(lines, 1.0);
        let values = sums.iter().map(|s| s.features(usual, mean_line_amount, &active, period)).collect();
        Self { values, mean_line_amount }
    }
}

impl Sums {
    fn add(&mut self, p: &PairFacts, windows: &[f64; 4]) {
        self.buyers += 1.0;
        for (i, w) in windows.iter().enumerate() {
            self.in_window[i] += f64::from(u8::from(p.last_days < *w));
        }
        for i in 0..3 {
            self.first_in[i] += f64::from(u8::from(p.first_days < windows[i + 1]));
        }
        self.repeaters += f64::from(u8::from(p.orders > 1));
        self.repurchases += f64::from(p.orders - 1);
        self.chances += f64::from(p.since_first);
        self.quantity += p.quantity;
        self.amount += p.amount;
        self.lines += f64::from(p.orders);
        self.last_days = self.last_days.min(p.last_days);
        self.first_days = self.first_days.max(p.first_days);
    }

    fn features(&self, usual: f64, mean_line: f64, active: &[f64; 3], period: f64) -> [f64; NAMES.len()] {
        let w = &self.in_window;
        let adoption = |i: usize| 1000.0 * self.first_in[i] / f64::max(active[i], 1.0);
        let last = if self.last_days.is_finite() { self.last_days } else { f64::NAN };
        [
            self.buyers,
            w[0],
            w[1],
            w[2],
            w[3],
            adoption(0),
            adoption(1),
            adoption(2),
            100.0 * (self.repeaters + 1.0) / (self.buyers + 10.0),
            100.0 * (self.repurchases + 20.0 * usual) / (self.chances + 20.0),
            self.amount / self.quantity.max(1e-9),
            (w[1] + 0.5) / (w[3] / 6.0 + 0.5),
            (w[2] + 1.0) / (w[3] / 3.0 + 1.0),
            last,
            self.first_days,
            last * w[3] / (3.0 * period),
            (self.amount + mean_line) / (self.lines + 1.0),
        ]
    }
}
