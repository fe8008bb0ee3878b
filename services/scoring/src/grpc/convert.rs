//! Between the contract and the domain. Protobuf types stop here.

use salient_learn::account::NAMES;
use salient_proto::scoring::v1 as pb;

pub use salient_ledger::wire::{estimate, time, timestamp};

use crate::domain::{Model, Score, TARGET};

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
        live: from.live,
        create_time: Some(timestamp(from.create_time)),
    }
}

/// A score on the wire, with at most `factors` contributions.
#[must_use]
pub fn score(from: Score, factors: usize) -> pb::Score {
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
    }
}
