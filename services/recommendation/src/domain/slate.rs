//! From drafts to a day's list.
//!
//! Eligibility comes before ranking: a draft that may not be shown never competes. Then the best
//! draft of each account, then the best accounts, up to the seller's capacity.

use std::collections::HashSet;

use salient_core::{AccountId, ProductId};

use super::{draft::Draft, suppression::Resting};

/// What keeps drafts off a list.
#[derive(Debug, Default)]
pub struct Rules {
    /// What reactions keep off.
    pub resting: Resting,
    /// Products that must not be recommended.
    pub blocked: HashSet<ProductId>,
    /// Pairs bought since the ranking looked.
    pub just_bought: HashSet<(AccountId, ProductId)>,
    /// Accounts that have an open item elsewhere today, or were done with today.
    pub taken: HashSet<AccountId>,
    /// Accounts where nobody may be contacted.
    pub unreachable: HashSet<AccountId>,
}

impl Rules {
    /// Whether the draft may be shown.
    #[must_use]
    pub fn allow(&self, draft: &Draft) -> bool {
        !self.taken.contains(&draft.account)
            && !self.unreachable.contains(&draft.account)
            && !self.blocked.contains(&draft.product)
            && !self.resting.covers(draft.account, &draft.product)
            && !self.just_bought.contains(&(draft.account, draft.product.clone()))
    }
}

/// A day's list, and how many accounts could have been on it.
#[derive(Debug)]
pub struct Slate<'d> {
    /// The list, best first.
    pub drafts: Vec<&'d Draft>,
    /// Accounts with at least one eligible draft.
    pub eligible_accounts: usize,
}

/// Picks at most `capacity` drafts, one per account.
///
/// Equal worth is broken by probability, then by the order in which the drafts come, so that the
/// same drafts always give the same list.
#[must_use]
pub fn choose<'d>(drafts: &'d [Draft], rules: &Rules, value_exponent: f64, capacity: usize) -> Slate<'d> {
    let mut ranked: Vec<(f64, usize)> = drafts
        .iter()
        .enumerate()
        .filter(|(_, draft)| rules.allow(draft))
        .map(|(index, draft)| (draft.worth(value_exponent), index))
        .collect();
    ranked.sort_by(|(a, i), (b, j)| {
        b.total_cmp(a)
            .then_with(|| drafts[*j].probability.total_cmp(&drafts[*i].probability))
            .then_with(|| i.cmp(j))
    });
    let mut seen = HashSet::new();
    let best: Vec<&Draft> = ranked
        .into_iter()
        .map(|(_, index)| &drafts[index])
        .filter(|draft| seen.insert(draft.account))
        .collect();
    let eligible_accounts = best.len();
    Slate { drafts: best.into_iter().take(capacity).collect(), eligible_accounts }
}
