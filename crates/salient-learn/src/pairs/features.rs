//! Candidates and their features at one cutoff.

use super::{
    PairConfig,
    products::{self, Products},
};
use crate::{
    Error,
    account::{self, AccountFacts, ORDERS, PACE, PairFacts, Weights},
    ease::Ease,
    history::{AsOf, Bought},
    model::Table,
    sparse::Csr,
};
use rayon::prelude::*;

/// Names of what is known about an account and a product it may or may not have bought.
const AFFINITY: [&str; 4] = [
    // EASE score of the product from what the account bought, percent; all of it, and recent.
    "bought_together_percent",
    "bought_together_recently_percent",
    // Both joined, times the root of the product's present adoption: how candidates are found.
    "prospect_score",
    "prospect_rank",
];

/// Names of what is known about a product the account has bought.
const OWN: [&str; 26] = [
    "times_bought",
    "times_bought_last_two_periods",
    "times_bought_last_three_periods",
    "days_since_bought",
    "days_since_first_bought",
    "mean_quantity",
    "mean_line_amount",
    "times_bought_recent_weighted",
    "times_bought_weighted",
    "times_bought_by_order_rank",
    "orders_since_bought",
    "orders_since_first_bought",
    "periods_bought",
    "in_last_order",
    "in_last_three_orders",
    "in_last_five_orders",
    // Share of orders that held it: shrunk to the product's repurchase share; weighted by age in
    // two and four periods; by order rank; after its first purchase. Percent.
    "share_of_orders_percent",
    "share_of_recent_orders_percent",
    "share_of_weighted_orders_percent",
    "share_by_order_rank_percent",
    "share_since_first_percent",
    "gap_of_product_days",
    "overdue_ratio_of_product",
    "days_bought_before_last_order",
    // Times bought less those of the account's most-bought product.
    "behind_favourite",
    // Share × order pace: purchases to expect in the coming period, percent.
    "expected_purchases_percent",
];

/// Number of columns for products new to the account: account, product and affinity.
const NEW_COLS: usize = account::NAMES.len() + products::NAMES.len() + AFFINITY.len();
/// Number of columns for products bought before.
const KNOWN_COLS: usize = NEW_COLS + OWN.len();

/// Names of all features in column order: for products bought before, all of them; for new ones
/// those of account, product and affinity.
#[must_use]
pub fn names(is_new: bool) -> Vec<&'static str> {
    let all = account::NAMES.iter().chain(&products::NAMES).chain(&AFFINITY).chain(&OWN).copied();
    all.take(if is_new { NEW_COLS } else { KNOWN_COLS }).collect()
}

/// One candidate before scoring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub account: u32,
    pub product: u32,
    pub amount: f64,
    pub orders_with_product: u32,
    pub days_since_product: f64,
    pub product_gap_days: f64,
    pub quiet: bool,
}

/// Candidates of one kind with their table, row for row; accounts ascend.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub rows: Vec<Row>,
    pub table: Table,
}

impl Part {
    pub fn labels(&self, bought: &Bought) -> Vec<f64> {
        self.rows.iter().map(|r| f64::from(u8::from(bought.pair(r.account, r.product)))).collect()
    }
}

/// Both kinds at one cutoff: `[known, new]`.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub parts: [Part; 2],
}

/// What a frame is made from; kept while the accounts of a view are worked through in chunks.
pub(super) struct Sources {
    products: Products,
    ease: Ease,
}

impl Sources {
    pub fn read(view: &AsOf<'_>, accounts: &[u32], config: &PairConfig) -> Result<Self, Error> {
        let products = Products::read(view, accounts, config.horizon_days);
        let ease = Ease::fit(&Csr::order_counts(view), config.ease_products, config.ease_lambda)?;
        Ok(Self { products, ease })
    }

    /// Candidates of these accounts, in their order.
    pub fn frame(&self, view: &AsOf<'_>, accounts: &[u32], config: &PairConfig) -> Result<Frame, Error> {
        let chunks: Vec<Builder> = accounts
            .par_chunks(256)
            .map(|chunk| {
                let mut b = Builder::default();
                chunk.iter().for_each(|&a| b.account(self, view, a, config));
                b
            })
            .collect();
        let part = |kind: usize, cols: usize| -> Result<Part, Error> {
            let rows = chunks.iter().flat_map(|b| b.rows[kind].iter().copied()).collect();
            let data: Vec<&[f64]> = chunks.iter().map(|b| b.data[kind].as_slice()).collect();
            Ok(Part { rows, table: Table::from_row_chunks(cols, &data)? })
        };
        Ok(Frame { parts: [part(0, KNOWN_COLS)?, part(1, NEW_COLS)?] })
    }
}

#[derive(Default)]
struct Builder {
    rows: [Vec<Row>; 2],
    data: [Vec<f64>; 2],
    pairs: Vec<PairFacts>,
    // EASE scores from all purchases and from recent ones.
    scores: [Vec<f32>; 2],
    best: Vec<(f64, u32)>,
}

/// Best first, ties by product.
fn by_score(a: &(f64, u32), b: &(f64, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

fn keep_best(best: &mut Vec<(f64, u32)>, keep: usize) {
    if best.len() > keep && keep > 0 {
        best.select_nth_unstable_by(keep - 1, by_score);
    }
    best.truncate(keep);
    best.sort_by(by_score);
}

impl Builder {
    fn account(&mut self, s: &Sources, view: &AsOf<'_>, account: u32, config: &PairConfig) {
        let period = config.horizon_days;
        let mut pairs = std::mem::take(&mut self.pairs);
        if let Some((facts, weights)) = account::read(view, account, period, &mut pairs) {
            let fresh = |p: &PairFacts| (-p.last_days / (3.0 * period)).exp() as f32;
            s.ease.score(pairs.iter().map(|p| (p.product, [1.0, fresh(p)])), &mut self.scores);
            self.bought(s, account, &facts, &weights, &pairs, config);
            self.unbought(s, account, &facts, &pairs, config);
        }
        self.pairs = pairs;
    }

    fn prospect(&self, s: &Sources, product: u32) -> [f64; 3] {
        let (a, b) = s
            .ease
            .slot(product)
            .map_or((0.0, 0.0), |i| (f64::from(self.scores[0][i]), f64::from(self.scores[1][i])));
        let found = (a.max(0.0) + b.max(0.0) + 0.02) * (s.products.adoption(product) + 1e-4).sqrt();
        [100.0 * a, 100.0 * b, 1000.0 * found]
    }

    fn bought(
        &mut self,
        s: &Sources,
        account: u32,
        facts: &AccountFacts,
        w: &Weights,
        pairs: &[PairFacts],
        config: &PairConfig,
    ) {
        let orders = facts.values[ORDERS];
        let share =
            |p: &PairFacts| (f64::from(p.orders) + 2.0 * s.products.repurchase(p.product)) / (orders + 2.0);
        let weighted = |p: &PairFacts, i: usize| p.weighted[i] / (w.aged[i] + 0.3);
        let ranked = |p: &PairFacts| p.by_rank / (w.by_rank + 0.5);
        let mut best = std::mem::take(&mut self.best);
        best.clear();
        best.extend(
            pairs.iter().enumerate().map(|(i, p)| (share(p) + weighted(p, 1) + 0.5 * ranked(p), i as u32)),
        );
        keep_best(&mut best, config.known_candidates);
        let favourite = pairs.iter().map(|p| p.orders).max().unwrap_or(0);
        let quiet = facts.rhythm.going_quiet(config.quiet_min_orders);
        for (rank, &(_, i)) in best.iter().enumerate() {
            let p = &pairs[i as usize];
            let n = f64::from(p.orders);
            let gap = if p.orders > 1 { (p.first_days - p.last_days) / (n - 1.0) } else { f64::NAN };
            let usual = s.products.line_amount(p.product);
            let since = f64::from(p.since_first);
            let own: [f64; OWN.len()] = [
                n,
                f64::from(p.recent[0]),
                f64::from(p.recent[1]),
                p.last_days,
                p.first_days,
                p.quantity / n,
                p.amount / n,
                p.weighted[0],
                p.weighted[1],
                p.by_rank,
                f64::from(p.since_last),
                since,
                f64::from(p.periods),
                f64::from(p.in_last[0]),
                f64::from(p.in_last[1]),
                f64::from(p.in_last[2]),
                100.0 * share(p),
                100.0 * weighted(p, 0),
                100.0 * weighted(p, 1),
                100.0 * ranked(p),
                100.0 * (n - 1.0 + 3.0 * s.products.repurchase(p.product)) / (since + 3.0),
                gap,
                if gap.is_nan() { f64::NAN } else { p.last_days / gap.max(1.0) },
                p.last_days - facts.rhythm.days_since_last,
                n - f64::from(favourite),
                100.0 * share(p) * facts.values[PACE],
            ];
            let affinity = self.prospect(s, p.product);
            self.data[0].extend_from_slice(&facts.values);
            self.data[0].extend_from_slice(s.products.of(p.product));
            self.data[0].extend_from_slice(&affinity);
            self.data[0].push(rank as f64);
            self.data[0].extend_from_slice(&own);
            self.rows[0].push(Row {
                account,
                product: p.product,
                amount: (p.amount + usual) / (n + 1.0),
                orders_with_product: p.orders,
                days_since_product: p.last_days,
                product_gap_days: gap,
                quiet,
            });
        }
        self.best = best;
    }

    fn unbought(
        &mut self,
        s: &Sources,
        account: u32,
        facts: &AccountFacts,
        pairs: &[PairFacts],
        config: &PairConfig,
    ) {
        let mut best = std::mem::take(&mut self.best);
        best.clear();
        let owned = |p: u32| pairs.binary_search_by_key(&p, |f| f.product).is_ok();
        best.extend(s.ease.products().iter().map(|&p| (self.prospect(s, p)[2], p)));
        // Owned products are dropped after a first cut, which saves a search per product.
        keep_best(&mut best, config.new_candidates + pairs.len());
        best.retain(|&(_, p)| !owned(p));
        best.truncate(config.new_candidates);
        let lines = facts.values[ORDERS] * facts.values[14];
        let size = (facts.values[11] / lines.max(1.0) / s.products.mean_line_amount.max(1.0))
            .clamp(0.1, 10.0)
            .sqrt();
        for (rank, &(_, product)) in best.iter().enumerate() {
            let affinity = self.prospect(s, product);
            self.data[1].extend_from_slice(&facts.values);
            self.data[1].extend_from_slice(s.products.of(product));
            self.data[1].extend_from_slice(&affinity);
            self.data[1].push(rank as f64);
            self.rows[1].push(Row {
                account,
                product,
                amount: s.products.line_amount(product) * size,
                orders_with_product: 0,
                days_since_product: f64::NAN,
                product_gap_days: f64::NAN,
                quiet: false,
            });
        }
        self.best = best;
    }
}
