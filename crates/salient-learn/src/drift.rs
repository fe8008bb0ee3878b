//! Watching a live model: have its inputs moved, have its scores, does it still keep its promises?
//!
//! [`Published`] is stored with a model version; [`Published::watch`] compares what is live with it
//! and returns [`Alarm`]s. Inputs and scores are compared by the population stability index
//! ([`psi`]) and need no outcomes; AUC and calibration ([`quality`]) follow as outcomes arrive.
//! Every alarm needs two things: a difference that matters (the thresholds) and one that chance
//! does not explain (the confidence), so that few rows keep quiet and many do not nag.
//!
//! **How to add a watch:** add its kind to [`What`] and its tolerance to [`Thresholds`], write the
//! check beside the others, call it in [`Published::watch`], and extend the quiet simulation.

pub mod psi;
pub mod quality;

pub use psi::{Reference, Shift, Stability, Values};
pub use quality::Quality;

use crate::{
    Error,
    words::{count, percent, rows},
};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};
use std::collections::BTreeMap;

/// When to alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Population stability index of an input, chance taken off. Default 0.25, Siddiqi's major
    /// shift: of many inputs a few always move somewhat.
    pub input_psi: f64,
    /// The same of the scores. Default 0.1: they are one, and what is acted on.
    pub scores_psi: f64,
    /// Rows needed, both at publishing and now, before anything alarms. Default 200.
    pub min_rows: u64,
    /// Outcomes of each kind (came true, did not) needed, met or promised, before calibration or
    /// AUC alarm. Default 20.
    pub min_of_each: u64,
    /// Loss of AUC since publishing that is borne. Default 0.05.
    pub auc_drop: f64,
    /// Rise of the expected calibration error since publishing that is borne. Default 0.03.
    pub calibration_rise: f64,
    /// Distance between kept and promised that is borne, as a share of the promised. Default 0.2.
    pub level: f64,
    /// Confidence, two-sided, that a difference is not chance. Default 0.999, as many are looked at.
    pub confidence: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            input_psi: 0.25,
            scores_psi: 0.1,
            min_rows: 200,
            min_of_each: 20,
            auc_drop: 0.05,
            calibration_rise: 0.03,
            level: 0.2,
            confidence: 0.999,
        }
    }
}

impl Thresholds {
    /// # Errors
    /// [`Error::Invalid`] for a tolerance below 0 or a confidence outside 0.5..1.
    pub fn check(&self) -> Result<(), Error> {
        let all = [self.input_psi, self.scores_psi, self.auc_drop, self.calibration_rise, self.level];
        if !all.iter().all(|t| t.is_finite() && *t >= 0.0) {
            return Err(Error::invalid("thresholds", "each tolerance a number from 0"));
        }
        if !(0.5..1.0).contains(&self.confidence) {
            return Err(Error::invalid("confidence", "from 0.5 to below 1"));
        }
        Ok(())
    }

    fn z(&self) -> f64 {
        Normal::standard().inverse_cdf(0.5 + self.confidence / 2.0)
    }
}

/// What an alarm is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The distribution of an input.
    Input {
        /// Its name.
        name: String,
    },
    /// The distribution of the scores.
    Scores,
    /// Promised against kept.
    Calibration,
    /// The order of the scores.
    Auc,
}

/// Something has moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// What has.
    pub what: What,
    /// The value measured: the index, the share kept, the calibration error or the AUC.
    pub value: f64,
    /// The limit it passed, chance at these row counts included.
    pub threshold: f64,
    /// Both in a sentence.
    pub words: String,
}

/// What a model version is compared with, stored when it is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// Inputs by name.
    pub inputs: BTreeMap<String, Reference>,
    /// Scores.
    pub scores: Reference,
    /// Measures on outcomes the model had not seen; `None` if there were none.
    pub quality: Option<Quality>,
}

/// What is live now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Live<'a> {
    /// Inputs by name, one value for each score; one that is not there counts as missing in every
    /// row, one the model does not know is not looked at.
    pub inputs: BTreeMap<&'a str, Values<'a>>,
    /// Scores.
    pub scores: &'a [f64],
    /// Measures on the outcomes that have arrived; of other rows than the scores, as a rule.
    pub quality: Option<&'a Quality>,
}

impl Published {
    /// Compares; inputs first, by name, then scores, calibration and AUC.
    ///
    /// # Errors
    /// [`Error::Invalid`] for unusable thresholds or an input with another number of rows than
    /// there are scores.
    pub fn watch(&self, live: &Live<'_>, thresholds: &Thresholds) -> Result<Vec<Alarm>, Error> {
        thresholds.check()?;
        let n = live.scores.len() as u64;
        if let Some((name, c)) = live.inputs.iter().find(|(_, c)| c.rows() != n) {
            return Err(Error::invalid("input", format!("{name} has {} rows for {n} scores", c.rows())));
        }
        let mut alarms = Vec::new();
        for (name, reference) in &self.inputs {
            let values = live.inputs.get(name.as_str()).copied().unwrap_or(Values::Missing(n));
            alarms.extend(input(name, reference, values, thresholds));
        }
        alarms.extend(scores(&self.scores, live.scores, thresholds));
        if let (Some(before), Some(now)) = (&self.quality, live.quality) {
            alarms.extend(calibration(before, now, thresholds));
            alarms.extend(auc(before, now, thresholds));
        }
        Ok(alarms)
    }
}

/// Whether an input has moved.
#[must_use]
pub fn input(name: &str, reference: &Reference, now: Values<'_>, thresholds: &Thresholds) -> Option<Alarm> {
    let what = What::Input { name: name.to_owned() };
    moved(what, &format!("input {name}"), &reference.shift(now), thresholds.input_psi, thresholds)
}

/// Whether the scores have moved.
#[must_use]
pub fn scores(reference: &Reference, now: &[f64], thresholds: &Thresholds) -> Option<Alarm> {
    let shift = reference.shift(Values::Numbers(now));
    moved(What::Scores, "the scores", &shift, thresholds.scores_psi, thresholds)
}

fn moved(what: What, name: &str, shift: &Shift, threshold: f64, t: &Thresholds) -> Option<Alarm> {
    if shift.rows.min(shift.reference_rows) < t.min_rows.max(1) {
        return None;
    }
    let limit = shift.limit(threshold, t.confidence);
    (shift.psi > limit).then(|| Alarm {
        what,
        value: shift.psi,
        threshold: limit,
        words: format!(
            "{name} moved: stability index {:.3}, at most {limit:.3} expected of {} now against {} in \
             training; most of it {}, from {} to {}",
            shift.psi,
            rows(shift.rows),
            count(shift.reference_rows),
            shift.most.bin,
            percent(shift.most.before, 1),
            percent(shift.most.now, 1),
        ),
    })
}

/// Whether promises no longer hold: first in the large (as many as promised in all), then, if
/// that is in order, by group. One alarm at most. The interval in the large is the normal one
/// around the promised, which is Wilson's around the kept turned round.
#[must_use]
pub fn calibration(before: &Quality, now: &Quality, t: &Thresholds) -> Option<Alarm> {
    if !enough(now, t) || before.rows < t.min_rows {
        return None;
    }
    let room = (t.level * now.promised).max(t.z() * now.promised_sd);
    let at_publishing = format!(
        "(at publishing {} of {}, {})",
        percent(before.kept, 1),
        percent(before.promised, 1),
        rows(before.rows)
    );
    if (now.kept - now.promised).abs() > room {
        let over = now.kept < now.promised;
        let limit = if over { now.promised - room } else { now.promised + room };
        return Some(Alarm {
            what: What::Calibration,
            value: now.kept,
            threshold: limit,
            words: format!(
                "the model promises too {}: {} promised, {} came true over {} {at_publishing}; \
                 the limit is {}",
                if over { "much" } else { "little" },
                percent(now.promised, 1),
                percent(now.kept, 1),
                rows(now.rows),
                percent(limit, 1),
            ),
        });
    }
    let limit =
        (before.calibration_error + t.calibration_rise).max(now.chance_error + t.z() * now.chance_error_sd);
    (now.calibration_error > limit).then(|| Alarm {
        what: What::Calibration,
        value: now.calibration_error,
        threshold: limit,
        words: format!(
            "promises are right in all but not by group: they miss by {} on average over {}, {} at \
             publishing; the limit is {}",
            percent(now.calibration_error, 1),
            rows(now.rows),
            percent(before.calibration_error, 1),
            percent(limit, 1),
        ),
    })
}

/// Whether the scores order worse than at publishing.
#[must_use]
pub fn auc(before: &Quality, now: &Quality, t: &Thresholds) -> Option<Alarm> {
    let both = |q: &Quality| q.successes.min(q.rows - q.successes.min(q.rows)) >= t.min_of_each.max(2);
    if !both(now) || !both(before) || now.rows.min(before.rows) < t.min_rows {
        return None;
    }
    let (old, new) = (before.auc?, now.auc?);
    let limit = old - t.auc_drop.max(t.z() * before.auc_se?.hypot(now.auc_se?));
    (new < limit).then(|| Alarm {
        what: What::Auc,
        value: new,
        threshold: limit,
        words: format!(
            "the order is worse than at publishing: AUC {new:.3} over {}, {old:.3} over {} at publishing; \
             the limit is {limit:.3}",
            rows(now.rows),
            rows(before.rows),
        ),
    })
}

/// Enough outcomes of each kind to judge promises; those promised count too, or a model that
/// promises much and keeps nothing would never alarm.
fn enough(q: &Quality, t: &Thresholds) -> bool {
    let n = q.rows as f64;
    let yes = (q.successes as f64).max(q.promised * n);
    let no = (n - q.successes as f64).max((1.0 - q.promised) * n);
    q.rows >= t.min_rows.max(1) && yes.min(no) >= t.min_of_each as f64
}
