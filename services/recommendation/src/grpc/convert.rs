//! Between the contract and the domain. Protobuf types stop here.

use salient_core::{AccountId, Error, Estimate, ProductId, Result, SellerId};
pub use salient_ledger::wire::{estimate, time, timestamp};
use salient_proto::recommendation::v1 as pb;

use crate::{
    catalogue::{Product, Seller},
    domain::{Draft, Evidence, Factor, Plan, Play, Recommendation, State, draft::Channel, evidence::Fact},
    policies::Policy,
};

fn play(play: Play) -> pb::Play {
    match play {
        Play::Reorder => pb::Play::Reorder,
        Play::CrossSell => pb::Play::CrossSell,
        Play::WinBack => pb::Play::WinBack,
    }
}

fn state(state: State) -> pb::recommendation::State {
    use pb::recommendation::State as Wire;
    match state {
        State::Issued => Wire::Issued,
        State::Accepted => Wire::Accepted,
        State::Snoozed => Wire::Snoozed,
        State::Dismissed => Wire::Dismissed,
        State::Completed => Wire::Completed,
        State::Expired => Wire::Expired,
    }
}

fn factor(factor: Factor) -> pb::evidence::Factor {
    pb::evidence::Factor { feature: factor.feature, value: factor.value, log_odds: factor.log_odds }
}

fn count(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Evidence on the wire.
#[must_use]
pub fn evidence(evidence: Evidence) -> pb::Evidence {
    use pb::evidence::{AccountScore, Fact as Wire, PairFactors, Rhythm, SimilarAccounts};
    let fact = match evidence.fact {
        Fact::Rhythm { product, orders, mean_gap_days, days_since_last, due, last_quantity } => {
            Wire::Rhythm(Rhythm {
                product: product.unwrap_or_default(),
                orders: count(orders),
                mean_gap_days,
                days_since_last,
                due_time: due.map(timestamp),
                last_quantity,
            })
        }
        Fact::SimilarAccounts { similar, bought, bought_recently, examples, overlap, bought_with } => {
            Wire::SimilarAccounts(SimilarAccounts {
                similar: count(similar),
                bought: count(bought),
                bought_recently: count(bought_recently),
                examples,
                overlap,
                bought_with,
            })
        }
        Fact::AccountScore { probability, base_rate, model, factors } => Wire::AccountScore(AccountScore {
            probability,
            base_rate,
            model,
            factors: factors.into_iter().map(factor).collect(),
        }),
        Fact::PairFactors { factors } => {
            Wire::PairFactors(PairFactors { factors: factors.into_iter().map(factor).collect() })
        }
    };
    pb::Evidence { text: evidence.text, fact: Some(fact) }
}

/// A recommendation on the wire.
#[must_use]
pub fn recommendation(from: Recommendation) -> pb::Recommendation {
    let frozen = from.frozen;
    let Draft {
        account,
        account_name,
        contact,
        play: of,
        product,
        product_name,
        probability,
        amount,
        new_to_account,
        evidence: facts,
        models,
    } = frozen.draft;
    let why = facts.first().map(|fact| fact.text.clone()).unwrap_or_default();
    pb::Recommendation {
        name: from.id.name(),
        seller: from.seller.name(),
        account: account.name(),
        account_display_name: account_name,
        contact: contact.as_ref().map(|contact| contact.id.name()).unwrap_or_default(),
        contact_display_name: contact.map(|contact| contact.name).unwrap_or_default(),
        play: play(of).into(),
        action: of.action().into(),
        product: product.name(),
        product_display_name: product_name,
        channel: match frozen.channel {
            Channel::Call => pb::Channel::Call,
            Channel::Email => pb::Channel::Email,
        }
        .into(),
        window_start_time: Some(timestamp(frozen.window.0)),
        window_end_time: Some(timestamp(frozen.window.1)),
        expire_time: Some(timestamp(frozen.expire_time)),
        amount: Some(estimate(amount)),
        expected_value: Some(estimate(Estimate {
            minor_units: amount.minor_units * probability,
            currency: amount.currency,
        })),
        probability,
        propensity: frozen.propensity,
        policy: frozen.policy,
        models,
        experiment_arms: Default::default(),
        evidence: facts.into_iter().map(evidence).collect(),
        why,
        attribution_token: from.attribution_token,
        rank: count(from.rank),
        issue_time: Some(timestamp(frozen.issue_time)),
        state: state(from.state).into(),
        state_time: Some(timestamp(from.state_time)),
        new_to_account,
    }
}

/// A plan on the wire.
#[must_use]
pub fn plan(from: Plan) -> pb::DailyPlan {
    pb::DailyPlan {
        name: format!("{}/plans/{}", from.seller.name(), from.day),
        seller: from.seller.name(),
        seller_display_name: from.seller_name,
        recommendations: from.recommendations.into_iter().map(recommendation).collect(),
        notices: from.notices,
        book_size: count(from.book_size),
        eligible_accounts: count(from.eligible_accounts),
        policy: from.policy,
        plan_time: Some(timestamp(from.plan_time)),
    }
}

/// A policy on the wire.
#[must_use]
pub fn policy(from: Policy) -> pb::Policy {
    pb::Policy {
        name: from.id.name(),
        version: from.version,
        as_of: Some(timestamp(from.as_of)),
        value_exponent: from.value_exponent,
        train_examples: from.train_examples,
        create_time: Some(timestamp(from.create_time)),
    }
}

impl TryFrom<pb::Product> for Product {
    type Error = Error;

    fn try_from(from: pb::Product) -> Result<Self> {
        Ok(Self {
            id: ProductId::parse_field("name", &from.name)?,
            display_name: from.display_name,
            category: from.category,
            blocked: from.blocked,
        })
    }
}

impl From<Product> for pb::Product {
    fn from(from: Product) -> Self {
        Self {
            name: from.id.name(),
            display_name: from.display_name,
            category: from.category,
            blocked: from.blocked,
        }
    }
}

impl TryFrom<pb::Seller> for Seller {
    type Error = Error;

    fn try_from(from: pb::Seller) -> Result<Self> {
        let capacity = if from.capacity == 0 { crate::catalogue::DEFAULT_CAPACITY } else { from.capacity };
        Ok(Self {
            id: SellerId::parse_field("name", &from.name)?,
            display_name: from.display_name,
            territories: from.territories,
            capacity: u32::try_from(capacity)
                .map_err(|_| Error::field("capacity", "0 to 100 is accepted"))?,
        })
    }
}

impl From<Seller> for pb::Seller {
    fn from(from: Seller) -> Self {
        Self {
            name: from.id.name(),
            display_name: from.display_name,
            territories: from.territories,
            capacity: count(from.capacity),
        }
    }
}

/// An account named in an event of another service.
///
/// # Errors
/// A refusal when it is not a resource name; the event then goes to the dead letters.
pub fn account(name: &str) -> Result<AccountId> {
    AccountId::parse_field("account", name)
}
