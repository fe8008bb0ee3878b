//! Training of the pair ranker.

use super::{
    PairConfig, PairModel,
    features::{Frame, Sources},
};
use crate::{
    Error,
    calibrate::{Platt, level},
    history::{AsOf, Bought, DAY_US},
    logistic::LogisticLearner,
    model::{AnyModel, Learner, Model, Table},
    trees::TreesLearner,
};
use rand::{SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// One training cutoff: candidates and what became of them.
struct Lesson {
    cutoff: i64,
    frame: Frame,
    labels: [Vec<f64>; 2],
}

/// Fewest accounts a training cutoff is worth.
const MIN_ACCOUNTS: usize = 30;

impl PairModel {
    /// Learns from what the view shows. Deterministic for equal orders and configuration.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] if no cutoff has 30 accounts, half a horizon of history before it
    /// and a whole horizon after it, or if nothing of a kind came true; others as of the learners.
    pub fn train(view: &AsOf<'_>, config: &PairConfig) -> Result<Self, Error> {
        let h = config.horizon_days;
        if h.is_nan()
            || h <= 0.0
            || config.cutoffs == 0
            || config.cutoff_step.is_nan()
            || config.cutoff_step <= 0.0
        {
            return Err(Error::invalid(
                "pair configuration",
                "horizon, step and number of cutoffs must be positive",
            ));
        }
        let first = view.first_time().unwrap_or(view.cutoff());
        let lag = |k: usize| ((h * (1.0 + k as f64 * config.cutoff_step)) * DAY_US as f64) as i64;
        let days: Vec<i64> = (0..config.cutoffs)
            .map(|k| view.cutoff() - lag(k))
            .filter(|&t| k_is_old_enough(t, first, h))
            .collect();
        let lessons: Vec<Lesson> = days
            .par_iter()
            .map(|&t| Lesson::read(view, t, config))
            .collect::<Result<Vec<Option<Lesson>>, Error>>()?
            .into_iter()
            .flatten()
            .collect();
        let Some(latest) = lessons.first() else {
            return Err(Error::NotEnoughData {
                needed: format!(
                    "{MIN_ACCOUNTS} accounts with orders at least {:.0} days before the as-of day",
                    1.5 * h
                ),
                have: format!("{:.0} days of orders", view.age_days(first)),
            });
        };
        let over = latest.cutoff - (h * DAY_US as f64) as i64;
        let earlier: Vec<&Lesson> = lessons.iter().filter(|l| l.cutoff <= over).collect();
        let all: Vec<&Lesson> = lessons.iter().collect();
        let mut models = Vec::with_capacity(2);
        let mut calibration = [Platt::default(); 2];
        let (mut base_rate, mut training_rows) = ([0.0; 2], [0; 2]);
        for kind in 0..2 {
            if !earlier.is_empty() {
                // Too little of a kind to calibrate on is no reason to fail.
                if let Ok(model) = fit(&earlier, kind, config) {
                    calibration[kind] = calibrate(&model, latest, kind)?;
                }
            }
            models.push(fit(&all, kind, config)?);
            training_rows[kind] = all.iter().map(|l| l.labels[kind].len()).sum();
            base_rate[kind] =
                all.iter().flat_map(|l| &l.labels[kind]).sum::<f64>() / training_rows[kind].max(1) as f64;
        }
        let new = models.pop();
        let known = models.pop();
        let (Some(known), Some(new)) = (known, new) else {
            return Err(Error::Numerical { method: "training", why: "a model is missing".into() });
        };
        Ok(Self {
            config: config.clone(),
            trained_at: view.cutoff(),
            base_rate,
            training_rows,
            models: [known, new],
            calibration,
        })
    }

    pub(super) fn model(&self, kind: usize) -> (&AnyModel, &Platt) {
        (&self.models[kind], &self.calibration[kind])
    }
}

fn k_is_old_enough(cutoff: i64, first: i64, horizon: f64) -> bool {
    (cutoff - first) as f64 >= 0.5 * horizon * DAY_US as f64
}

impl Lesson {
    fn read(view: &AsOf<'_>, cutoff: i64, config: &PairConfig) -> Result<Option<Self>, Error> {
        let then = view.earlier(cutoff)?;
        let bought: Bought = view.outcome(cutoff, config.horizon_days)?.bought();
        let known = then.known_accounts();
        if known.len() < MIN_ACCOUNTS || bought.is_empty() {
            return Ok(None);
        }
        let sources = Sources::read(&then, &known, config)?;
        let chosen: Vec<u32> = if known.len() > config.max_training_accounts {
            let mut rng = ChaCha8Rng::seed_from_u64(config.seed ^ cutoff as u64);
            let mut drawn: Vec<u32> = known.sample(&mut rng, config.max_training_accounts).copied().collect();
            drawn.sort_unstable();
            drawn
        } else {
            known
        };
        let frame = sources.frame(&then, &chosen, config)?;
        let labels = [frame.parts[0].labels(&bought), frame.parts[1].labels(&bought)];
        Ok(Some(Self { cutoff, frame, labels }))
    }
}

fn fit(lessons: &[&Lesson], kind: usize, config: &PairConfig) -> Result<AnyModel, Error> {
    let tables: Vec<&Table> = lessons.iter().map(|l| &l.frame.parts[kind].table).collect();
    let table = Table::stack(&tables)?;
    let labels: Vec<f64> = lessons.iter().flat_map(|l| l.labels[kind].iter().copied()).collect();
    let share = config.tree_share[kind];
    let linear = LogisticLearner { l2: config.l2[kind], signed_log: true };
    let grown = TreesLearner { trees: config.trees, seed: config.seed, ..TreesLearner::default() };
    if share <= 0.0 {
        return Ok(AnyModel::Logistic(linear.fit(&table, &labels)?));
    }
    let trees = grown.fit(&table, &labels)?;
    if share >= 1.0 {
        return Ok(AnyModel::Trees(trees));
    }
    Ok(AnyModel::Blend { logistic: linear.fit(&table, &labels)?, trees, share })
}

/// Platt scaling on the best candidate of each account of a lesson the model has not seen. A list
/// picks accounts by the same score, so what holds given the score holds on the list.
///
/// The general level of that lesson is taken out first: the refit learns it anyway, and correcting
/// it twice would promise too little in a falling and too much in a rising season.
fn calibrate(model: &AnyModel, lesson: &Lesson, kind: usize) -> Result<Platt, Error> {
    let part = &lesson.frame.parts[kind];
    let z = model.log_odds(&part.table);
    let level = level(&z, &lesson.labels[kind]);
    let (mut best, mut label): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut account = None;
    for (i, row) in part.rows.iter().enumerate() {
        if account != Some(row.account) {
            account = Some(row.account);
            best.push(f64::NEG_INFINITY);
            label.push(0.0);
        }
        if let (Some(b), Some(l)) = (best.last_mut(), label.last_mut())
            && z[i] + level > *b
        {
            (*b, *l) = (z[i] + level, lesson.labels[kind][i]);
        }
    }
    match Platt::fit(&best, &label, 20.0) {
        Err(Error::NotEnoughData { .. }) => Ok(Platt::default()),
        other => other,
    }
}
