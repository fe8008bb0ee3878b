//! How a version did on what it had not seen: what it is judged, compared and watched by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{AccountTable, Lesson, PULL, PropensityModel};
use crate::{
    Error,
    account::NAMES,
    calibrate::Platt,
    drift::{self, Alarm, Live, Published, Quality, Reference, Thresholds, Values},
    history::{AsOf, DAY_US},
    model::Table,
    report::{Data, Gate, Options, Report},
};

/// Points of a stored curve.
const POINTS: usize = 50;

/// Stored with a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The cutoff measured at, microseconds UTC; everything learned from was over by then.
    pub at: i64,
    /// Measures there, and the gates of [`Gate::published`].
    pub report: Report,
    /// What is compared with what is live: inputs and scores as of the training, outcomes as of `at`.
    pub reference: Published,
}

/// Why nobody may publish what has no [`Measured`].
pub const UNMEASURED: &str = "the history is too short to measure it on a time slice of its own";

impl Measured {
    /// What speaks against publishing it instead of a champion that did like this: gates that it does
    /// not pass, and that it orders or promises worse.
    #[must_use]
    pub fn doubts(&self, champion: Option<&Quality>, thresholds: &Thresholds) -> Vec<String> {
        let failed = self.report.gates.iter().filter(|gate| !gate.passed);
        let mut doubts: Vec<String> = failed.map(|gate| gate.words.clone()).collect();
        if let (Some(before), Some(now)) = (champion, &self.reference.quality) {
            let worse = [drift::auc(before, now, thresholds), drift::calibration(before, now, thresholds)];
            let beside = |alarm: Alarm| format!("beside the live version: {}", alarm.words);
            doubts.extend(worse.into_iter().flatten().map(beside));
        }
        doubts
    }
}

/// What was promised at a cutoff and what came of it, a row for each account.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// 1 if the account ordered within the horizon, 0 if not.
    pub labels: Vec<f64>,
    /// Probability that it would.
    pub probability: Vec<f64>,
}

/// What came of a version at the latest cutoff whose outcome is known.
pub(super) struct Slice {
    at: i64,
    report: Report,
    quality: Quality,
}

impl Slice {
    /// Of log-odds that were not calibrated yet. Each half of the rows is calibrated by the other
    /// half, so that no row's outcome speaks for its own probability.
    pub(super) fn of(at: i64, log_odds: &[f64], labels: &[f64]) -> Result<Self, Error> {
        let half = |odd: usize| -> Result<Platt, Error> {
            let of = |all: &[f64]| all.iter().skip(odd).step_by(2).copied().collect::<Vec<_>>();
            Platt::fit(&of(log_odds), &of(labels), PULL)
        };
        let by_other = [half(1)?, half(0)?];
        let probability: Vec<f64> =
            log_odds.iter().enumerate().map(|(row, &z)| by_other[row % 2].probability(z)).collect();
        let options = Options {
            title: "Orders within the horizon, on the latest cutoff".into(),
            gates: Gate::published(),
            points: POINTS,
            ..Options::default()
        };
        let data = Data { labels, probability: &probability, dimensions: &[] };
        let report = Report::of(&data, &options)?;
        Ok(Self { at, report, quality: Quality::of(labels, &probability)? })
    }

    /// With the inputs and scores that there are when the version is trained.
    pub(super) fn measured(self, table: &Table, scores: &[f64]) -> Result<Measured, Error> {
        let inputs = columns(table).map(|(name, values)| Ok((name.to_owned(), Reference::of(values)?)));
        let reference = Published {
            inputs: inputs.collect::<Result<_, Error>>()?,
            scores: Reference::of(Values::Numbers(scores))?,
            quality: Some(self.quality),
        };
        Ok(Measured { at: self.at, report: self.report, reference })
    }
}

fn columns(table: &Table) -> impl Iterator<Item = (&'static str, Values<'_>)> {
    NAMES.iter().enumerate().map(|(column, &name)| (name, Values::Numbers(table.col(column))))
}

impl PropensityModel {
    /// What it says of accounts as of `at`, and what they did. Of many accounts every so-manyth.
    ///
    /// # Errors
    /// [`Error::BeyondCutoff`] if the horizon from `at` is not over at the view's cutoff;
    /// [`Error::NotEnoughData`] without accounts.
    pub fn judged(&self, view: &AsOf<'_>, at: i64) -> Result<Judged, Error> {
        let horizon = self.config.horizon_days;
        let table = AccountTable::some(&view.earlier(at)?, horizon, self.config.most_accounts)?;
        let labels = table.labels(view, at, horizon)?;
        Ok(Judged { labels, probability: self.probabilities(&table.table) })
    }

    /// What has changed since it was trained: inputs and scores as of the view's cutoff, and the
    /// outcomes of the latest horizon once that began no earlier than the training. Nothing of a version
    /// that was never measured.
    ///
    /// # Errors
    /// As of [`Published::watch`], and [`Error::NotEnoughData`] without accounts.
    pub fn watch(&self, view: &AsOf<'_>, thresholds: &Thresholds) -> Result<Vec<Alarm>, Error> {
        let Some(measured) = &self.measured else { return Ok(Vec::new()) };
        let now = AccountTable::some(view, self.config.horizon_days, self.config.most_accounts)?;
        let scores = self.probabilities(&now.table);
        let at = view.cutoff() - (self.config.horizon_days * DAY_US as f64) as i64;
        let quality = if at < self.trained_at { None } else { Some(self.quality(view, at)?) };
        let inputs: BTreeMap<_, _> = columns(&now.table).collect();
        measured.reference.watch(&Live { inputs, scores: &scores, quality: quality.as_ref() }, thresholds)
    }

    /// What speaks against publishing it instead of `champion`, in words: gates that it does not pass,
    /// and that it orders or promises worse. Both are measured at the same cutoff where the champion
    /// had not seen its outcomes, else each at its own.
    ///
    /// # Errors
    /// As of [`Self::judged`].
    pub fn doubts(
        &self,
        champion: Option<&Self>,
        view: &AsOf<'_>,
        thresholds: &Thresholds,
    ) -> Result<Vec<String>, Error> {
        let Some(measured) = &self.measured else {
            return Ok(vec![UNMEASURED.into()]);
        };
        let before = match champion {
            Some(champion) if champion.trained_at <= measured.at => {
                Some(champion.quality(view, measured.at)?)
            }
            Some(champion) => champion.measured.as_ref().and_then(|of| of.reference.quality.clone()),
            None => None,
        };
        Ok(measured.doubts(before.as_ref(), thresholds))
    }

    fn quality(&self, view: &AsOf<'_>, at: i64) -> Result<Quality, Error> {
        let Judged { labels, probability } = self.judged(view, at)?;
        Quality::of(&labels, &probability)
    }
}

/// SHA-256 of all examples, hexadecimal.
pub(super) fn fingerprint(lessons: &[Lesson]) -> String {
    let mut hash = Sha256::new();
    for (at, of, labels) in lessons {
        hash.update(at.to_le_bytes());
        of.accounts.iter().for_each(|account| hash.update(account.to_le_bytes()));
        for column in 0..NAMES.len() {
            of.table.col(column).iter().for_each(|value| hash.update(value.to_bits().to_le_bytes()));
        }
        labels.iter().for_each(|label| hash.update(label.to_bits().to_le_bytes()));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
