//! Insights on the wire.

use salient_core::{AccountId, Estimate, ProductId, from_micros};
use salient_learn::{
    health::{Component, Facts, Health, Kind, Trend},
    need::Forecast,
    potential::{CategoryPotential, Standing},
    price::{Applied, Evidence, Guardrail, Guidance, Prices},
};
use salient_proto::{
    common::v1 as common,
    scoring::v1::{
        self as pb, health as wire, health_part, lifetime_value::Method, potential as peers,
        price_guidance as guided,
    },
};

use super::convert::{estimate, timestamp};
use crate::{
    insight::{
        health::Grade,
        lifetime::{Lifetimes, Model, Outlook, Summary, WEEK_DAYS},
        potential::{Peers, Region},
    },
    store::insights::Source,
};

/// Where an insight comes from, on the wire.
pub fn source(from: &Source) -> pb::InsightSource {
    pb::InsightSource { as_of: Some(timestamp(from.as_of)), model: from.model.name() }
}

/// An amount in minor units of the run's currency, on the wire.
fn amount(from: &Source, minor_units: f64) -> Option<common::Estimate> {
    Some(estimate(Estimate { minor_units, currency: from.currency }))
}

/// A count on the wire.
fn count(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// A lifetime value on the wire.
pub fn lifetime_value(
    account: AccountId,
    from: &Source,
    horizon_days: i32,
    fit: &Lifetimes,
    of: &Summary,
    outlook: &Outlook,
) -> pb::LifetimeValue {
    let method = match fit.model {
        Model::BgNbd(_) => Method::BgNbd,
        Model::ParetoNbd(_) => Method::ParetoNbd,
    };
    let mut report = fit.report.clone();
    if outlook.worth.is_none() && fit.worth.is_ok() {
        report += " The account has paid for nothing yet, and what accounts pay on average has no mean.";
    }
    pb::LifetimeValue {
        name: format!("{}/lifetimeValue", account.name()),
        account: account.name(),
        source: Some(source(from)),
        method: method.into(),
        horizon_days,
        alive_probability: outlook.alive,
        expected_purchases: outlook.purchases,
        expected_value: outlook.worth.and_then(|worth| amount(from, worth * outlook.purchases)),
        purchase_value: outlook.worth.and_then(|worth| amount(from, worth)),
        repeat_purchases: i32::try_from(of.repeats).unwrap_or(i32::MAX),
        age_days: of.age * WEEK_DAYS,
        silent_days: (of.age - of.last) * WEEK_DAYS,
        report,
    }
}

/// A health on the wire.
pub fn health(account: AccountId, from: &Source, health: Health) -> pb::Health {
    let grade = match Grade::of(health.score) {
        Grade::A => wire::Grade::A,
        Grade::B => wire::Grade::B,
        Grade::C => wire::Grade::C,
        Grade::D => wire::Grade::D,
    };
    let trend = match health.trend {
        Trend::Improving => wire::Trend::Improving,
        Trend::Steady => wire::Trend::Steady,
        Trend::Declining => wire::Trend::Declining,
        Trend::NotEnoughInformation => wire::Trend::Unknown,
    };
    pb::Health {
        name: format!("{}/health", account.name()),
        account: account.name(),
        source: Some(source(from)),
        score: health.score,
        grade: grade.into(),
        parts: health.components.into_iter().map(part).collect(),
        missing: health.missing.into_iter().map(|kind| component(kind).into()).collect(),
        trend: trend.into(),
        change: health.change,
    }
}

fn part(from: Component) -> pb::HealthPart {
    let facts = match from.facts {
        Facts::Silence { days, typical_gap_days } => {
            health_part::Facts::Silence(health_part::Silence { days, typical_gap_days })
        }
        Facts::Change { recent, earlier, window_days } => {
            health_part::Facts::Change(health_part::Change { recent, earlier, window_days })
        }
        Facts::Issues { count: issues, open, burden, window_days } => {
            let (count, open) = (count(issues), count(open));
            health_part::Facts::Issues(health_part::Issues { count, open, burden, window_days })
        }
    };
    pb::HealthPart {
        component: component(from.kind).into(),
        value: from.value,
        weight: from.weight,
        points: from.points,
        facts: Some(facts),
    }
}

fn component(kind: Kind) -> wire::Component {
    match kind {
        Kind::Recency => wire::Component::Recency,
        Kind::Frequency => wire::Component::Frequency,
        Kind::Monetary => wire::Component::Monetary,
        Kind::Breadth => wire::Component::Breadth,
        Kind::Support => wire::Component::Support,
        Kind::Usage => wire::Component::Usage,
    }
}

/// Needs on the wire, with their products' codes.
pub fn needs(
    account: AccountId,
    from: &Source,
    horizon_days: i32,
    needs: Vec<(&str, Forecast)>,
) -> pb::ForecastNeedResponse {
    let time = |micros| Some(timestamp(from_micros(micros)));
    let need = |(code, of): (&str, Forecast)| pb::Need {
        product: format!("{}/{code}", ProductId::COLLECTION),
        expected_time: time(of.expected),
        low_time: time(of.low),
        high_time: time(of.high),
        probability: of.probability_within,
        alive_probability: of.alive,
        last_time: time(of.last),
        typical_gap_days: of.typical_gap_days,
        gaps: i32::try_from(of.gaps).unwrap_or(i32::MAX),
        product_gaps: i32::try_from(of.product_gaps).unwrap_or(i32::MAX),
        mean_quantity: of.mean_quantity,
    };
    pb::ForecastNeedResponse {
        source: Some(source(from)),
        account: account.name(),
        horizon_days,
        needs: needs.into_iter().map(need).collect(),
    }
}

/// Price guidance on the wire.
pub fn price_guidance(
    product: &ProductId,
    account: Option<AccountId>,
    from: &Source,
    guidance: Guidance,
) -> pb::PriceGuidance {
    pb::PriceGuidance {
        product: product.name(),
        account: account.map(AccountId::name).unwrap_or_default(),
        source: Some(source(from)),
        prices: Some(prices(from, guidance.prices)),
        evidence: guidance.evidence.map(|of| evidence(from, &of)),
        applied: guidance.applied.into_iter().map(|of| applied(from, &of)).collect(),
        overruled: guidance.overruled.into_iter().map(|of| guardrail(of).into()).collect(),
        testing_allowed: guidance.testing_allowed,
        test_price: guidance.test.and_then(|test| amount(from, test.variant)),
    }
}

fn prices(from: &Source, of: Prices) -> pb::GuidedPrices {
    pb::GuidedPrices {
        floor: amount(from, of.floor),
        target: amount(from, of.target),
        ceiling: amount(from, of.ceiling),
    }
}

fn evidence(from: &Source, of: &Evidence) -> guided::Evidence {
    guided::Evidence {
        deals: count(of.deals),
        accounts: count(of.accounts),
        effective_deals: of.effective_deals,
        own_industry: of.own_group,
        industry_weight: of.group_weight,
        min_quantity: of.quantity.0,
        max_quantity: of.quantity.1,
        lowest: amount(from, of.lowest),
        highest: amount(from, of.highest),
        median: amount(from, of.median),
    }
}

fn applied(from: &Source, of: &Applied) -> guided::Applied {
    guided::Applied {
        guardrail: guardrail(of.guardrail).into(),
        bound: amount(from, of.bound),
        before: of.before.map(|before| prices(from, before)),
        after: Some(prices(from, of.after)),
    }
}

fn guardrail(of: Guardrail) -> guided::Guardrail {
    match of {
        Guardrail::MaxStep => guided::Guardrail::MaxStep,
        Guardrail::ListPrice => guided::Guardrail::ListPrice,
        Guardrail::MinMargin => guided::Guardrail::MinMargin,
        Guardrail::Agreement => guided::Guardrail::Agreement,
    }
}

/// A potential on the wire.
pub fn potential(account: AccountId, from: &Source, of: CategoryPotential) -> pb::Potential {
    let group = |level| match Peers::from(level) {
        Peers::IndustryAndCountry => peers::Peers::IndustryAndCountry,
        Peers::Industry => peers::Peers::Industry,
        Peers::All => peers::Peers::All,
    };
    pb::Potential {
        name: format!("{}/potential", account.name()),
        account: account.name(),
        source: Some(source(from)),
        standing: Some(standing(from, of.standing)),
        peers: group(of.evidence.level).into(),
        peer_accounts: count(of.evidence.peers),
        buying_peers: count(of.evidence.buyers),
        amount_peers: group(of.evidence.spend_level).into(),
        peer_amount: amount(from, of.evidence.spend_quantile),
    }
}

/// How a region stands, on the wire.
pub fn penetration(region: String, from: &Source, of: &Region) -> pb::Penetration {
    pb::Penetration {
        region,
        source: Some(source(from)),
        accounts: count(of.accounts),
        standing: Some(standing(from, of.standing)),
        acquire: of.mix.map(|mix| mix.acquire),
        grow: of.mix.map(|mix| mix.grow),
        retain: of.mix.map(|mix| mix.retain),
    }
}

fn standing(from: &Source, of: Standing) -> pb::Standing {
    pb::Standing {
        actual: amount(from, of.actual),
        potential: amount(from, of.potential),
        gap: amount(from, of.gap),
        penetration: of.penetration,
    }
}
