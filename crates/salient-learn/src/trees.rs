//! Gradient-boosted trees (the `forust-ml` crate) behind our own type.

use crate::{
    Error,
    forest::{DEEPEST, Forest},
    model::{Contributions, Learner, Model, Table, check},
};
use forust_ml::{data::Matrix, gradientbooster::GradientBooster, objective::ObjectiveType};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

/// How to grow. The defaults are many shallow, strongly held-back trees: deeper ones promise more
/// than they keep when the best of many candidates is picked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreesLearner {
    /// Number of trees.
    pub trees: usize,
    /// Step of each tree.
    pub learning_rate: f32,
    /// Splits from root to leaf, at most; 6 at most.
    pub max_depth: usize,
    /// Least sum of hessians (about: examples × p × (1 − p)) in a leaf.
    pub min_leaf_weight: f32,
    /// Ridge penalty on the leaves.
    pub l2: f32,
    /// Bins of each column's histogram.
    pub bins: u16,
    /// Share of columns each tree sees.
    pub column_share: f64,
    /// Seed of the column draw.
    pub seed: u64,
}

impl Default for TreesLearner {
    fn default() -> Self {
        Self {
            trees: 100,
            learning_rate: 0.08,
            max_depth: 3,
            min_leaf_weight: 30.0,
            l2: 5.0,
            bins: 63,
            column_share: 0.6,
            seed: 1,
        }
    }
}

/// Fitted trees. Serialises as the JSON text of the booster, which keeps every bit.
#[derive(Debug, Clone)]
pub struct Trees {
    forest: std::sync::Arc<Forest>,
    json: String,
}

impl PartialEq for Trees {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Trees {
    /// From the JSON text of [`Self::to_json`].
    ///
    /// # Errors
    /// [`Error::Invalid`] if the text is not such a model.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        Ok(Self { forest: std::sync::Arc::new(Forest::from_json(json)?), json: json.to_owned() })
    }

    /// The model as JSON text.
    #[must_use]
    pub fn to_json(&self) -> &str {
        &self.json
    }
}

impl Serialize for Trees {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value = serde_json::from_str(&self.json).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Trees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::from_json(&value.to_string()).map_err(D::Error::custom)
    }
}

impl Model for Trees {
    fn log_odds(&self, table: &Table) -> Vec<f64> {
        self.forest.log_odds(table)
    }

    /// Shapley values of the trees (Lundberg, Erion and Lee 2018), in log-odds.
    fn contributions(&self, table: &Table) -> Vec<Contributions> {
        self.forest.contributions(table)
    }
}

impl Learner for TreesLearner {
    type Fitted = Trees;

    fn fit(&self, table: &Table, labels: &[f64]) -> Result<Trees, Error> {
        check(table, labels)?;
        if self.max_depth == 0 || self.max_depth > DEEPEST {
            return Err(Error::invalid(
                "max_depth",
                format!("{}; 1 to {DEEPEST} is accepted", self.max_depth),
            ));
        }
        let mut booster = GradientBooster::default()
            .set_objective_type(ObjectiveType::LogLoss)
            .set_iterations(self.trees)
            .set_learning_rate(self.learning_rate)
            .set_max_depth(self.max_depth)
            .set_min_leaf_weight(self.min_leaf_weight)
            .set_l2(self.l2)
            .set_nbins(self.bins)
            .set_colsample_bytree(self.column_share)
            .set_seed(self.seed)
            .set_initialize_base_score(true)
            .set_tiled_histograms(true)
            .set_parallel(true);
        let fail =
            |e: forust_ml::errors::ForustError| Error::Numerical { method: "boosting", why: e.to_string() };
        let data = Matrix::new(table.data(), table.rows(), table.cols());
        booster.fit(&data, labels, &vec![1.0; labels.len()], None).map_err(fail)?;
        let json = booster.json_dump().map_err(fail)?;
        // What is kept is what comes back from the text, so that a stored version scores alike.
        Trees::from_json(&json)
    }
}
