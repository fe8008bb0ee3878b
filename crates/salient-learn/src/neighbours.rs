//! Accounts alike and products alike, by cosine: the evidence behind "23 of the 31 accounts most
//! like this one bought it too".

use crate::{history::AsOf, sparse::Csr};

/// A neighbour and its cosine in (0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Account or product id.
    pub id: u32,
    /// Cosine similarity of the rows.
    pub similarity: f32,
}

/// Rows, their transpose and their lengths, ready for cosine queries. Entries count as 1.
#[derive(Debug, Clone)]
pub struct Neighbours {
    rows: Csr,
    columns: Csr,
    frequent: usize,
}

/// Working memory of a query; reuse it across queries.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    shared: Vec<f32>,
    touched: Vec<u32>,
}

impl Neighbours {
    /// Over the rows of `bought`. Columns held by more than `frequent` rows are skipped: they say
    /// little and would make a query cost as much as the whole matrix.
    #[must_use]
    pub fn new(bought: Csr, frequent: usize) -> Self {
        Self { columns: bought.transpose(), rows: bought, frequent }
    }

    /// Accounts alike by the products they bought.
    #[must_use]
    pub fn accounts(view: &AsOf<'_>, frequent: usize) -> Self {
        Self::new(Csr::order_counts(view), frequent)
    }

    /// Products alike by the accounts that bought them.
    #[must_use]
    pub fn products(view: &AsOf<'_>, frequent: usize) -> Self {
        Self::new(Csr::order_counts(view).transpose(), frequent)
    }

    /// The `k` rows most like `row`, best first, ties by id; never itself. Cosine of 0/1 rows:
    /// shared / √(size·size), where shared columns that are skipped do not count.
    #[must_use]
    pub fn nearest(&self, row: u32, k: usize, scratch: &mut Scratch) -> Vec<Neighbour> {
        scratch.shared.resize(self.rows.rows(), 0.0);
        let (own, _) = self.rows.row(row as usize);
        for &c in own {
            let (others, _) = self.columns.row(c as usize);
            if others.len() > self.frequent {
                continue;
            }
            for &o in others {
                if scratch.shared[o as usize] == 0.0 {
                    scratch.touched.push(o);
                }
                scratch.shared[o as usize] += 1.0;
            }
        }
        let size = own.len() as f32;
        let mut out: Vec<Neighbour> = scratch
            .touched
            .drain(..)
            .map(|id| {
                let shared = std::mem::take(&mut scratch.shared[id as usize]);
                let other = self.rows.row(id as usize).0.len() as f32;
                Neighbour { id, similarity: shared / (size * other).sqrt() }
            })
            .filter(|n| n.id != row)
            .collect();
        let best = |a: &Neighbour, b: &Neighbour| b.similarity.total_cmp(&a.similarity).then(a.id.cmp(&b.id));
        if out.len() > k && k > 0 {
            out.select_nth_unstable_by(k - 1, best);
        }
        out.truncate(k);
        out.sort_by(best);
        out
    }
}

/// How many of an account's neighbours bought a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NeighbourEvidence {
    /// Neighbours looked at.
    pub neighbours: u32,
    /// Of them, those that ever bought the product.
    pub bought: u32,
    /// Of them, those that bought it in the last `recent_days`.
    pub bought_recently: u32,
}

/// Counts how many of `neighbours` bought `product` before the view's cutoff, ever and within
/// `recent_days` of it.
#[must_use]
pub fn evidence(
    view: &AsOf<'_>,
    neighbours: &[Neighbour],
    product: u32,
    recent_days: f64,
) -> NeighbourEvidence {
    let mut out = NeighbourEvidence { neighbours: neighbours.len() as u32, ..NeighbourEvidence::default() };
    for n in neighbours {
        let last = view.account_orders(n.id).rev().find(|o| o.products.binary_search(&product).is_ok());
        if let Some(order) = last {
            out.bought += 1;
            out.bought_recently += u32::from(view.age_days(order.time) <= recent_days);
        }
    }
    out
}
