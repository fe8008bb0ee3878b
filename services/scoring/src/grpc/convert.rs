//! Between the contract and the domain. Protobuf types stop here.

use salient_core::{Currency, from_micros};
use salient_learn::{
    account::NAMES,
    drift::{Alarm, What},
    propensity::Measured,
    tabular::{Reason, Value, Wording},
};
use salient_proto::scoring::v1 as pb;

pub use salient_ledger::wire::{estimate, time, timestamp};

use crate::domain::{Grade, GradeBounds, Model, Score, State, TARGET, Trend};

/// A model on the wire.
#[must_use]
pub fn model(from: Model) -> pb::Model {
    let algorithm = match from.body.kind() {
        "logistic" => pb::model::Algorithm::LogisticRegression,
        "trees" => pb::model::Algorithm::GradientBoostedTrees,
        _ => pb::model::Algorithm::Blend,
    };
    pb::Model {
        name: from.id.name(),
        target: TARGET.to_owned(),
        version: from.version,
        algorithm: algorithm.into(),
        as_of: Some(timestamp(from.as_of)),
        train_examples: i64::try_from(from.body.rows).unwrap_or(i64::MAX),
        base_rate: from.body.base_rate,
        holdout: from.body.holdout.map(|held| pb::Holdout {
            examples: i64::try_from(held.accounts).unwrap_or(i64::MAX),
            auc_logistic: held.auc_logistic,
            auc_trees: held.auc_trees,
            auc_blend: held.auc_blend,
            log_loss: held.log_loss,
        }),
        features: NAMES.iter().map(|&name| name.to_owned()).collect(),
        live: from.state == State::Live,
        create_time: Some(timestamp(from.create_time)),
        state: state(from.state).into(),
        pilot_share: from.state.pilot_share(),
        live_time: from.live_time.map(timestamp),
        report: from.body.measured.map(report),
        data_fingerprint: from.body.data,
        code_fingerprint: from.body.code,
    }
}

fn state(from: State) -> pb::model::State {
    match from {
        State::Shadow => pb::model::State::Shadow,
        State::Pilot(_) => pb::model::State::Pilot,
        State::Live => pb::model::State::Live,
        State::Retired => pb::model::State::Retired,
    }
}

fn report(from: Measured) -> pb::ModelReport {
    let all = from.report.overall;
    pb::ModelReport {
        as_of: Some(timestamp(from_micros(from.at))),
        examples: i64::try_from(all.rows).unwrap_or(i64::MAX),
        successes: i64::try_from(all.successes).unwrap_or(i64::MAX),
        auc: all.auc,
        auc_low: all.auc_interval.map(|bounds| bounds.low),
        auc_high: all.auc_interval.map(|bounds| bounds.high),
        calibration_error: all.ece,
        lift: all.lift_top,
        log_loss: all.log_loss,
        gates: from
            .report
            .gates
            .into_iter()
            .map(|gate| pb::model_report::Gate { finding: gate.words, passed: gate.passed })
            .collect(),
        passed: from.report.passed,
    }
}

/// An alarm on the wire.
#[must_use]
pub fn alarm(from: Alarm) -> pb::ModelAlarm {
    let (kind, feature) = match from.what {
        What::Input { name } => (pb::model_alarm::Kind::Input, name),
        What::Scores => (pb::model_alarm::Kind::Scores, String::new()),
        What::Calibration => (pb::model_alarm::Kind::Calibration, String::new()),
        What::Auc => (pb::model_alarm::Kind::Auc, String::new()),
    };
    pb::ModelAlarm {
        kind: kind.into(),
        feature,
        value: from.value,
        threshold: from.threshold,
        finding: from.words,
    }
}

/// A score on the wire, with at most `factors` contributions and without reasons.
#[must_use]
pub fn score(from: Score, bounds: &GradeBounds, factors: usize) -> pb::Score {
    let grade = match bounds.grade(from.probability) {
        Grade::A => pb::score::Grade::A,
        Grade::B => pb::score::Grade::B,
        Grade::C => pb::score::Grade::C,
        Grade::D => pb::score::Grade::D,
    };
    let trend = match from.trend() {
        Trend::Improving => pb::score::Trend::Improving,
        Trend::Steady => pb::score::Trend::Steady,
        Trend::Declining => pb::score::Trend::Declining,
        Trend::Unknown => pb::score::Trend::Unknown,
    };
    pb::Score {
        name: format!("{}/score", from.account.name()),
        account: from.account.name(),
        model: from.model.name(),
        as_of: Some(timestamp(from.as_of)),
        probability: from.probability,
        expected_value: Some(estimate(from.expected)),
        bias: from.bias,
        contributions: from
            .contributions
            .into_iter()
            .take(factors)
            .map(|part| pb::Contribution {
                feature: part.feature,
                value: part.value,
                log_odds: part.log_odds,
            })
            .collect(),
        base_rate: from.base_rate,
        grade: grade.into(),
        trend: trend.into(),
        earlier_probability: from.earlier.map(|earlier| earlier.probability),
        reasons: Vec::new(),
    }
}

/// Features that are minor units.
const AMOUNTS: [&str; 3] = ["revenue", "revenue_last_three_periods", "mean_order_amount"];

/// A reason on the wire, in words; amounts are told in the currency's own unit.
#[must_use]
pub fn reason(from: &Reason, currency: Currency) -> pb::ScoreReason {
    let wording = Wording { subjects: "accounts".into(), outcome: "ordered within 30 days".into() };
    let mut told = from.clone();
    if AMOUNTS.contains(&from.column.as_str()) {
        let unit = 10_f64.powi(currency.digits().cast_signed());
        let in_units = |minor: f64| minor / unit;
        if let Value::Number(value) = &mut told.value {
            *value /= unit;
        }
        told.group = from.group.map(|(low, high)| (low.map(in_units), high.map(in_units)));
    }
    pb::ScoreReason {
        feature: from.column.clone(),
        log_odds: from.log_odds,
        text: told.words(&wording),
        base_rate: from.same.map(|same| same.value()),
        examples: from.same.map_or(0, |same| i64::try_from(same.rows).unwrap_or(i64::MAX)),
    }
}

/// Where grades begin, on the wire.
#[must_use]
pub fn bounds(from: GradeBounds) -> pb::GradeBounds {
    pb::GradeBounds { a: from.a, b: from.b, c: from.c }
}
