//! Ranking of all accounts at a cutoff.

use super::{
    PairModel, Source,
    features::{Frame, Part, Sources, names},
};
use crate::{
    Error,
    history::AsOf,
    model::{Model, sigmoid},
};
use serde::{Deserialize, Serialize};

/// What to keep of a ranking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankOptions {
    /// Candidates kept per account.
    pub per_account: usize,
    /// Of them, how many carry contributions (the rest have none).
    pub explained: usize,
    /// Largest contributions kept by name; the others are summed up as `other`.
    pub parts: usize,
    /// Order by `probability × amount^gamma`: 0 is by probability, 1 by expected amount.
    pub gamma: f64,
    /// Accounts worked on at a time; bounds memory.
    pub shard: usize,
}

impl Default for RankOptions {
    fn default() -> Self {
        Self { per_account: 20, explained: 3, parts: 8, gamma: 0.0, shard: 20_000 }
    }
}

/// One part of a candidate's log-odds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// Feature name, `base` for the intercept or `other` for the sum of the rest.
    pub feature: String,
    /// The feature's value; `None` where missing, and for `base` and `other`.
    pub value: Option<f64>,
    /// Log-odds it adds.
    pub log_odds: f64,
}

/// A scored (account, product) with the facts that speak for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Account id.
    pub account: u32,
    /// Product id.
    pub product: u32,
    /// Where it comes from.
    pub source: Source,
    /// Chance that the account orders the product within the horizon, calibrated for the best
    /// candidate of an account.
    pub probability: f64,
    /// Line amount to expect if it comes true, minor units; inexact.
    pub amount: f64,
    /// What it was ordered by: `probability × amount^gamma`.
    pub value: f64,
    /// Whether the account has never bought the product.
    pub is_new: bool,
    /// Orders of the account that held the product.
    pub orders_with_product: u32,
    /// Days since the last of them; `None` if new.
    pub days_since_product: Option<f64>,
    /// Mean days between them; `None` below two.
    pub product_gap_days: Option<f64>,
    /// Sums to the log-odds of `probability`; empty beyond [`RankOptions::explained`].
    pub contributions: Vec<Contribution>,
}

impl PairModel {
    /// Ranks products for every account with an order in the view: candidates of an account stand
    /// together, best first, accounts ascending. The view may be later than the training.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] without any order.
    pub fn rank(&self, view: &AsOf<'_>, options: &RankOptions) -> Result<Vec<Candidate>, Error> {
        let accounts = view.known_accounts();
        let sources = Sources::read(view, &accounts, &self.config)?;
        let mut out = Vec::new();
        for shard in accounts.chunks(options.shard.max(1)) {
            let frame = sources.frame(view, shard, &self.config)?;
            self.rank_frame(&frame, options, &mut out);
        }
        Ok(out)
    }

    fn rank_frame(&self, frame: &Frame, options: &RankOptions, out: &mut Vec<Candidate>) {
        let z = [0, 1].map(|kind| {
            let (model, platt) = self.model(kind);
            model
                .log_odds(&frame.parts[kind].table)
                .into_iter()
                .map(|z| platt.log_odds(z))
                .collect::<Vec<_>>()
        });
        // (value, kind, row) of each account; both parts ascend by account.
        let mut at = [0, 0];
        let mut picked: Vec<(Candidate, usize, usize)> = Vec::new();
        let mut explain = [Vec::new(), Vec::new()];
        let mut where_to = [Vec::new(), Vec::new()];
        while let Some(account) =
            (0..2).filter_map(|k| frame.parts[k].rows.get(at[k]).map(|r| r.account)).min()
        {
            picked.clear();
            for kind in 0..2 {
                while let Some(row) = frame.parts[kind].rows.get(at[kind]).filter(|r| r.account == account) {
                    let probability = sigmoid(z[kind][at[kind]]);
                    let finite = |v: f64| (!v.is_nan()).then_some(v);
                    let candidate = Candidate {
                        account,
                        product: row.product,
                        source: if kind == 1 { Source::CoPurchase } else { Source::Reorder },
                        probability,
                        amount: row.amount,
                        value: probability * row.amount.max(1.0).powf(options.gamma),
                        is_new: kind == 1,
                        orders_with_product: row.orders_with_product,
                        days_since_product: finite(row.days_since_product),
                        product_gap_days: finite(row.product_gap_days),
                        contributions: Vec::new(),
                    };
                    picked.push((candidate, kind, at[kind]));
                    at[kind] += 1;
                }
            }
            picked.sort_by(|a, b| b.0.value.total_cmp(&a.0.value).then(a.0.product.cmp(&b.0.product)));
            let staple = picked.iter().position(|p| p.1 == 0 && frame.parts[0].rows[p.2].quiet);
            if let Some(staple) = staple {
                picked[staple].0.source = Source::GoingQuiet;
            }
            for (i, (candidate, kind, row)) in picked.drain(..).take(options.per_account).enumerate() {
                if i < options.explained {
                    explain[kind].push(row);
                    where_to[kind].push(out.len());
                }
                out.push(candidate);
            }
        }
        for kind in 0..2 {
            self.explain(&frame.parts[kind], kind, &explain[kind], &where_to[kind], options.parts, out);
        }
    }

    fn explain(
        &self,
        part: &Part,
        kind: usize,
        rows: &[usize],
        to: &[usize],
        keep: usize,
        out: &mut [Candidate],
    ) {
        let (model, platt) = self.model(kind);
        let names = names(kind == 1);
        let table = part.table.select(rows);
        for (r, (split, &to)) in model.contributions(&table).into_iter().zip(to).enumerate() {
            let mut order: Vec<usize> = (0..split.parts.len()).collect();
            order.sort_by(|&a, &b| split.parts[b].abs().total_cmp(&split.parts[a].abs()).then(a.cmp(&b)));
            let mut list = vec![Contribution {
                feature: "base".into(),
                value: None,
                log_odds: platt.log_odds(split.bias),
            }];
            list.extend(order.iter().take(keep).map(|&c| Contribution {
                feature: names[c].into(),
                value: Some(table.get(r, c)).filter(|v| !v.is_nan()),
                log_odds: platt.slope * split.parts[c],
            }));
            let rest: f64 = order.iter().skip(keep).map(|&c| split.parts[c]).sum();
            list.push(Contribution { feature: "other".into(), value: None, log_odds: platt.slope * rest });
            out[to].contributions = list;
        }
    }
}
