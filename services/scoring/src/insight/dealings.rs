//! What happened between accounts and us besides orders, as far as insights look at it.

use std::collections::{BTreeMap, HashMap};

use salient_core::AccountId;
use salient_learn::{
    DAY_US,
    funnel::Sale,
    health::{Issue, Usage},
};
use salient_ledger::Ledger;

use super::contact_time::Tried;

/// Days over which use is added up.
pub const PERIOD_DAYS: i64 = 30;

/// Such periods that are looked at: what a health and the one before it are made of.
pub const PERIODS: i64 = 12;

/// Kinds of events that are a conversation.
const CONVERSATIONS: [&str; 3] = ["call", "email", "meeting"];

/// Kinds of events that show interest.
const INTEREST: [&str; 4] = ["web_visit", "marketing_touch", "chat", "intent_signal"];

/// What happened before a cutoff, by the accounts' records; times are microseconds UTC.
#[derive(Debug, Default)]
pub struct Dealings {
    /// Attempts to reach somebody.
    pub tried: Vec<Tried>,
    /// The first event of a kind.
    pub firsts: Vec<(AccountId, String, i64)>,
    /// Opportunities.
    pub sales: Vec<(AccountId, Sale)>,
    /// Support requests of the last periods.
    pub requests: Vec<(AccountId, i64)>,
    /// Use by period, 0 being the one that ends at the cutoff.
    pub usage: BTreeMap<(AccountId, i64), f64>,
}

/// What happened with one account.
#[derive(Debug, Default)]
pub struct Dealt {
    /// Its first sign of interest, or conversation.
    pub first: Option<i64>,
    /// Its first conversation.
    pub spoken: Option<i64>,
    /// Its opportunities.
    pub sales: Vec<Sale>,
    requests: Vec<i64>,
    usage: HashMap<i64, f64>,
}

/// The same by account number.
#[derive(Debug, Default)]
pub struct ByAccount {
    of: HashMap<u32, Dealt>,
    /// Whether support requests are recorded anywhere: only then does an account have none.
    support: bool,
}

impl ByAccount {
    /// Brings together what belongs to one profile.
    #[must_use]
    pub fn new(ledger: &Ledger, from: &Dealings) -> Self {
        let numbers: HashMap<AccountId, u32> =
            ledger.accounts.iter().map(|account| account.id).zip(0..).collect();
        let mut of: HashMap<u32, Dealt> = HashMap::new();
        let mut with = |record: AccountId, change: &mut dyn FnMut(&mut Dealt)| {
            // of a record whose account is still on its way nothing is known yet
            if let Some(&number) = numbers.get(&ledger.roots.of(record)) {
                change(of.entry(number).or_default());
            }
        };
        for (record, kind, time) in &from.firsts {
            let spoken = CONVERSATIONS.contains(&kind.as_str());
            if !spoken && !INTEREST.contains(&kind.as_str()) {
                continue;
            }
            let least = |known: Option<i64>| Some(known.map_or(*time, |known| known.min(*time)));
            with(*record, &mut |dealt| {
                dealt.first = least(dealt.first);
                if spoken {
                    dealt.spoken = least(dealt.spoken);
                }
            });
        }
        for (record, sale) in &from.sales {
            with(*record, &mut |dealt| dealt.sales.push(*sale));
        }
        for (record, time) in &from.requests {
            with(*record, &mut |dealt| dealt.requests.push(*time));
        }
        for ((record, period), much) in &from.usage {
            with(*record, &mut |dealt| *dealt.usage.entry(*period).or_default() += much);
        }
        Self { of, support: !from.requests.is_empty() }
    }

    /// Of an account, by number; none if nothing happened.
    #[must_use]
    pub fn of(&self, account: u32) -> Option<&Dealt> {
        self.of.get(&account)
    }

    /// When the first of it happened.
    #[must_use]
    pub fn begin(&self) -> Option<i64> {
        let opened = |dealt: &Dealt| dealt.sales.iter().map(|sale| sale.opened).min();
        self.of.values().flat_map(|dealt| [dealt.first, opened(dealt)]).flatten().min()
    }

    /// Its support requests, if any are recorded at all. When they ended is not told: they count as
    /// ended.
    #[must_use]
    pub fn issues(&self, account: u32) -> Option<Vec<Issue>> {
        let requests = self.of(account).map(|dealt| dealt.requests.as_slice()).unwrap_or_default();
        let issue = |&opened: &i64| Issue { opened, closed: Some(opened), severity: 1.0 };
        self.support.then(|| requests.iter().map(issue).collect())
    }

    /// Its use by period up to a cutoff, if it is measured: from the first to the last that has any.
    #[must_use]
    pub fn usage(&self, account: u32, cutoff: i64) -> Option<Vec<Usage>> {
        let used = &self.of(account)?.usage;
        let (newest, oldest) = (used.keys().min()?, used.keys().max()?);
        let begin = |period: i64| cutoff - period * PERIOD_DAYS * DAY_US;
        let one = |period| Usage {
            from: begin(period + 1),
            until: begin(period),
            events: used.get(&period).copied().unwrap_or(0.0),
        };
        Some((*newest..=*oldest).rev().map(one).collect())
    }
}
