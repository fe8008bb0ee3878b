//! Between the contract and the domain. Protobuf types stop here.

use salient_core::{Currency, from_micros};
use salient_learn::{
    drift::{Alarm, What},
    propensity::Measured,
    tabular::{Kind, Predictor, Reason, Value, Wording},
};
use salient_proto::scoring::v1 as pb;

pub use salient_ledger::wire::{estimate, time, timestamp};

use crate::{
    declarations,
    domain::{
        Body, Contribution, Grade, GradeBounds, Input, Model, Score, State, SubjectKind, TARGET, Trend,
    },
};

/// A model on the wire.
#[must_use]
pub fn model(from: Model) -> pb::Model {
    let live = from.state == State::Live;
    let of_all = pb::Model {
        name: from.id.name(),
        model_declaration: declarations::name_of(&from.declaration),
        version: from.version,
        as_of: Some(timestamp(from.as_of)),
        base_rate: from.body.base_rate(),
        features: from.body.features(),
        live,
        create_time: Some(timestamp(from.create_time)),
        state: state(from.state).into(),
        pilot_share: from.state.pilot_share(),
        live_time: from.live_time.map(timestamp),
        report: from.body.measured().cloned().map(report),
        ..pb::Model::default()
    };
    match &from.body {
        Body::Orders(body) => pb::Model {
            target: TARGET.to_owned(),
            algorithm: match body.kind() {
                "logistic" => pb::model::Algorithm::LogisticRegression,
                "trees" => pb::model::Algorithm::GradientBoostedTrees,
                _ => pb::model::Algorithm::Blend,
            }
            .into(),
            train_examples: count(body.rows),
            holdout: body.holdout.as_ref().map(|held| pb::Holdout {
                examples: count(held.accounts),
                auc_logistic: held.auc_logistic,
                auc_trees: held.auc_trees,
                auc_blend: held.auc_blend,
                log_loss: held.log_loss,
            }),
            data_fingerprint: body.data.clone(),
            code_fingerprint: body.code.clone(),
            ..of_all
        },
        Body::Declared(body) => pb::Model {
            algorithm: match body.predictor().chosen.kind {
                Kind::Logistic => pb::model::Algorithm::LogisticRegression,
                Kind::Trees => pb::model::Algorithm::GradientBoostedTrees,
                Kind::Blend | Kind::Windows => pb::model::Algorithm::Blend,
                Kind::Bayes => pb::model::Algorithm::NaiveBayes,
                Kind::Rules => pb::model::Algorithm::Rules,
                Kind::Onnx => pb::model::Algorithm::Onnx,
            }
            .into(),
            train_examples: count(body.rows),
            excluded: excluded(body.predictor()),
            segments: body.segments().map(str::to_owned).collect(),
            target: body.question.target.clone(),
            data_fingerprint: body.data.clone(),
            code_fingerprint: body.code.clone(),
            ..of_all
        },
    }
}

fn count(from: usize) -> i64 {
    i64::try_from(from).unwrap_or(i64::MAX)
}

/// What was not learned from, and why.
fn excluded(from: &Predictor) -> Vec<pb::model::Excluded> {
    let refused = from.refused.iter().map(|refused| (refused.column.clone(), refused.why.clone()));
    let allowed = |column: &String| from.config.allow.contains(column);
    let suspects = from.suspects.iter().filter(|suspect| !allowed(&suspect.column));
    let suspects = suspects.map(|suspect| (suspect.column.clone(), suspect.words()));
    refused.chain(suspects).map(|(feature, finding)| pb::model::Excluded { feature, finding }).collect()
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

/// A score of a model about such subjects on the wire, with at most `factors` contributions and without reasons.
#[must_use]
pub fn score(
    from: Score,
    (declaration, kind): (&str, SubjectKind),
    bounds: &GradeBounds,
    factors: usize,
) -> pb::Score {
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
        name: format!("{}/score", kind.name(from.subject)),
        subject: kind.name(from.subject),
        account: from.account.name(),
        model: from.model.name(),
        as_of: Some(timestamp(from.as_of)),
        probability: from.probability,
        expected_value: from.expected.map(estimate),
        bias: from.bias,
        contributions: from.contributions.into_iter().take(factors).map(contribution).collect(),
        base_rate: from.base_rate,
        grade: grade.into(),
        trend: trend.into(),
        earlier_probability: from.earlier.map(|earlier| earlier.probability),
        reasons: Vec::new(),
        model_declaration: declarations::name_of(declaration),
    }
}

fn contribution(from: Contribution) -> pb::Contribution {
    let (value, text_value) = match from.value {
        Some(Input::Number(number)) => (Some(number), None),
        Some(Input::Text(text)) => (None, Some(text)),
        None => (None, None),
    };
    pb::Contribution { feature: from.feature, value, text_value, log_odds: from.log_odds }
}

/// Features of the built-in model that are minor units.
const AMOUNTS: [&str; 3] = ["revenue", "revenue_last_three_periods", "mean_order_amount"];

/// Whether a feature is in minor units: of those that declarations make, sums and means of amounts.
fn is_amount(feature: &str) -> bool {
    AMOUNTS.contains(&feature) || (feature.contains("_amount_") && !feature.contains("_trend_"))
}

/// A reason on the wire, in words; amounts are told in the currency's own unit.
#[must_use]
pub fn reason(from: &Reason, wording: &Wording, currency: Currency) -> pb::ScoreReason {
    let mut told = from.clone();
    // that it is one is of no matter to whoever reads it
    told.column = from.column.strip_prefix("attr_").unwrap_or(&from.column).to_owned();
    if is_amount(&from.column) {
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
        text: told.words(wording),
        base_rate: from.same.map(|same| same.value()),
        examples: from.same.map_or(0, |same| i64::try_from(same.rows).unwrap_or(i64::MAX)),
    }
}

/// Where grades begin, on the wire.
#[must_use]
pub fn bounds(from: GradeBounds) -> pb::GradeBounds {
    pb::GradeBounds { a: from.a, b: from.b, c: from.c }
}
