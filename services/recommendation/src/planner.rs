//! From the order history to drafts: training, ranking, evidence. Over columns in memory, on a
//! blocking thread, never a query per account.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use salient_core::{Error, Estimate, Reason, Result, from_micros};
use salient_learn::{
    history::{AsOf, History},
    neighbours::{Neighbour, Neighbours, Scratch, evidence},
    pairs::{Candidate, PairConfig, PairModel, RankOptions, Source},
    rhythm::Rhythm,
};
use salient_ledger::Ledger;

use crate::{
    catalogue::Product,
    domain::{Contact, Draft, Evidence, Factor, Play, evidence::Fact},
};

/// Drafts kept per account, so that a list can be chosen again when one is dismissed.
pub const PER_ACCOUNT: usize = 4;

/// Similar accounts that evidence counts.
const SIMILAR: usize = 31;

/// A product bought by more accounts than this says little about which accounts are alike, and
/// would make a search for them cost as much as the whole market.
const FREQUENT: usize = 1_000;

/// What counts as lately in evidence, days.
const RECENT_DAYS: f64 = 30.0;

/// Everything the planner looks at.
#[derive(Debug)]
pub struct Book {
    /// Accounts, products and orders, by number.
    pub ledger: Ledger,
    /// Whom to speak to, by account number.
    pub contacts: Vec<Option<Contact>>,
    /// What the account model says, by account number.
    pub scores: Vec<Option<Evidence>>,
}

impl std::ops::Deref for Book {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

/// In which words a failed learning step reaches the caller.
pub fn refusal(error: salient_learn::Error) -> Error {
    match error {
        salient_learn::Error::NotEnoughData { .. } => Error::new(Reason::NotEnoughData, error.to_string()),
        other => Error::internal(other),
    }
}

/// Trains the ranker on what was known before `as_of`.
///
/// # Errors
/// NOT_ENOUGH_DATA with what would be enough.
pub fn train(history: &History, as_of: DateTime<Utc>) -> Result<PairModel> {
    PairModel::train(&history.as_of(as_of.timestamp_micros()), &PairConfig::default()).map_err(refusal)
}

/// Ranks products for every account, as known before `as_of`: the best [`PER_ACCOUNT`] of each by
/// probability times amount to the power of `value_exponent`, together, best first.
///
/// # Errors
/// NOT_ENOUGH_DATA without any order.
pub fn rank(
    model: &PairModel,
    history: &History,
    as_of: DateTime<Utc>,
    value_exponent: f64,
) -> Result<Vec<Candidate>> {
    let options = RankOptions {
        per_account: PER_ACCOUNT,
        explained: PER_ACCOUNT,
        gamma: value_exponent,
        ..RankOptions::default()
    };
    model.rank(&history.as_of(as_of.timestamp_micros()), &options).map_err(refusal)
}

/// The play of a candidate.
#[must_use]
pub fn play(source: Source) -> Play {
    match source {
        Source::Reorder => Play::Reorder,
        Source::CoPurchase => Play::CrossSell,
        Source::GoingQuiet => Play::WinBack,
    }
}

/// Turns candidates into drafts with their evidence.
#[derive(Debug)]
pub struct Drafter<'b> {
    book: &'b Book,
    view: AsOf<'b>,
    products: &'b HashMap<String, Product>,
    policy_models: Vec<String>,
    alike: Neighbours,
    together: Neighbours,
    scratch: Scratch,
    similar: HashMap<u32, Vec<Neighbour>>,
}

impl<'b> Drafter<'b> {
    /// Looks at what was known before `as_of`.
    #[must_use]
    pub fn new(
        book: &'b Book,
        products: &'b HashMap<String, Product>,
        as_of: DateTime<Utc>,
        models: Vec<String>,
    ) -> Self {
        let view = book.history.as_of(as_of.timestamp_micros());
        Self {
            book,
            view,
            products,
            policy_models: models,
            alike: Neighbours::accounts(&view, FREQUENT),
            together: Neighbours::products(&view, usize::MAX),
            scratch: Scratch::default(),
            similar: HashMap::new(),
        }
    }

    /// The draft of a candidate; `None` for a product that is not in the catalogue or blocked.
    pub fn draft(&mut self, candidate: &Candidate) -> Option<Draft> {
        let code = &self.book.products[candidate.product as usize];
        let product = self.products.get(code).filter(|product| !product.blocked)?;
        let account = &self.book.accounts[candidate.account as usize];
        let score = &self.book.scores[candidate.account as usize];
        let mut facts = Vec::with_capacity(4);
        match candidate.source {
            Source::GoingQuiet => {
                facts.extend(self.rhythm(candidate.account, None).map(Evidence::going_quiet));
                facts.extend(self.rhythm(candidate.account, Some(candidate.product)).map(Evidence::new));
            }
            Source::Reorder => {
                facts.extend(self.rhythm(candidate.account, Some(candidate.product)).map(Evidence::new));
                facts.extend(self.rhythm(candidate.account, None).map(Evidence::new));
            }
            Source::CoPurchase => facts.push(Evidence::new(self.similar_accounts(candidate))),
        }
        facts.extend(score.clone());
        facts.extend(pair_factors(candidate));
        let mut models = self.policy_models.clone();
        if let Some(Evidence { fact: Fact::AccountScore { model, .. }, .. }) = score {
            models.push(model.clone());
        }
        Some(Draft {
            account: account.id,
            account_name: account.name.clone(),
            contact: self.book.contacts[candidate.account as usize].clone(),
            play: play(candidate.source),
            product: product.id.clone(),
            product_name: product.display_name.clone(),
            probability: candidate.probability,
            amount: Estimate { minor_units: candidate.amount, currency: self.book.currency },
            new_to_account: candidate.is_new,
            evidence: facts,
            models,
        })
    }

    fn rhythm(&self, account: u32, product: Option<u32>) -> Option<Fact> {
        let rhythm = match product {
            Some(product) => Rhythm::of_pair(&self.view, account, product),
            None => Rhythm::of_account(&self.view, account),
        }?;
        let due = rhythm.due(self.view.cutoff(), 0.0).map(|due| from_micros(due.expected));
        let last_quantity = product
            .and_then(|product| {
                self.view.account_orders(account).rev().find_map(|order| {
                    let at = order.products.binary_search(&product).ok()?;
                    Some(order.quantities[at].round() as i64)
                })
            })
            .unwrap_or_default();
        Some(Fact::Rhythm {
            product: product.map(|product| format!("products/{}", self.book.products[product as usize])),
            orders: rhythm.count,
            mean_gap_days: rhythm.mean_gap_days,
            days_since_last: rhythm.days_since_last,
            due,
            last_quantity,
        })
    }

    fn similar_accounts(&mut self, candidate: &Candidate) -> Fact {
        let Self { view, alike, scratch, similar, .. } = self;
        let neighbours = similar
            .entry(candidate.account)
            .or_insert_with(|| alike.nearest(candidate.account, SIMILAR, scratch));
        let counts = evidence(view, neighbours, candidate.product, RECENT_DAYS);
        let bought = |account: u32| {
            view.account_orders(account).any(|order| order.products.binary_search(&candidate.product).is_ok())
        };
        let examples = neighbours
            .iter()
            .filter(|neighbour| bought(neighbour.id))
            .take(3)
            .map(|neighbour| self.book.accounts[neighbour.id as usize].name.clone())
            .collect();
        let own: std::collections::BTreeSet<u32> =
            view.account_orders(candidate.account).flat_map(|order| order.products.iter().copied()).collect();
        let shared: usize = neighbours
            .iter()
            .map(|neighbour| {
                let theirs: std::collections::BTreeSet<u32> = view
                    .account_orders(neighbour.id)
                    .flat_map(|order| order.products.iter().copied())
                    .collect();
                own.intersection(&theirs).count()
            })
            .sum();
        let bought_with = self
            .together
            .nearest(candidate.product, SIMILAR, &mut self.scratch)
            .into_iter()
            .filter(|neighbour| own.contains(&neighbour.id))
            .take(3)
            .map(|neighbour| {
                let code = &self.book.products[neighbour.id as usize];
                self.products.get(code).map_or_else(|| code.clone(), |product| product.display_name.clone())
            })
            .collect();
        Fact::SimilarAccounts {
            similar: counts.neighbours,
            bought: counts.bought,
            bought_recently: counts.bought_recently,
            examples,
            overlap: if counts.neighbours == 0 { 0.0 } else { shared as f64 / f64::from(counts.neighbours) },
            bought_with,
        }
    }
}

fn pair_factors(candidate: &Candidate) -> Option<Evidence> {
    let mut factors: Vec<Factor> = candidate
        .contributions
        .iter()
        // the intercept and the sum of the small rest say nothing to a reader
        .filter(|part| part.feature != "base" && part.feature != "other")
        .map(|part| Factor { feature: part.feature.clone(), value: part.value, log_odds: part.log_odds })
        .collect();
    factors.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
    factors.truncate(5);
    (!factors.is_empty()).then(|| Evidence::new(Fact::PairFactors { factors }))
}

/// Accounts of each territory, by number.
#[must_use]
pub fn by_territory(book: &Book) -> HashMap<&str, Vec<u32>> {
    let mut found: HashMap<&str, Vec<u32>> = HashMap::new();
    for (number, account) in (0_u32..).zip(&book.accounts) {
        found.entry(account.territory.as_str()).or_default().push(number);
    }
    found
}
