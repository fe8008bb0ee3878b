//! A declared model: one predictor for all, and one for each segment where that is better.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Gathered, Learner, Question, Reading};
use crate::{
    Error,
    drift::{Alarm, Live, Published, Quality, Reference, Thresholds, Values},
    features::{self, Schema},
    frame::{Column, Frame, MISSING},
    metrics::log_loss,
    model::{AnyModel, Contributions},
    onnx::Onnx,
    propensity::{CODE, Judged, Measured},
    report::{Data, Options, Report},
    tabular::{Config, Kind, Predictor, Reason},
};

/// Points of a stored curve.
const POINTS: usize = 50;

/// A trained version of a declaration; all that a stored version needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeclaredModel {
    /// What was asked.
    pub question: Question,
    /// The streams that there were.
    pub schema: Schema,
    /// Nothing at or after this time was used, microseconds UTC.
    pub trained_at: i64,
    /// Examples.
    pub rows: usize,
    /// Share of them that came true.
    pub base_rate: f64,
    /// How it did on the latest cutoff, which it had not seen then; `None` with a single cutoff.
    pub measured: Option<Measured>,
    /// SHA-256 of the examples, hexadecimal.
    pub data: String,
    /// What trained it.
    pub code: String,
    features: Vec<(String, features::Kind)>,
    voices: Voices,
}

/// What a version says of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Calibrated.
    pub probability: f64,
    /// Log-odds of a row nothing is known about.
    pub bias: f64,
    /// What each feature added to the log-odds, in the order of the frame.
    pub contributions: Vec<f64>,
}

/// Who speaks for a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Voices {
    by: Option<String>,
    all: Predictor,
    segments: BTreeMap<String, Predictor>,
}

impl Voices {
    /// For all, and for these segments.
    fn train(
        of: &Gathered,
        teacher: Teacher<'_>,
        by: Option<&str>,
        segments: &BTreeSet<String>,
    ) -> Result<Self, Error> {
        let all = teacher.teach(of)?;
        let mut known = BTreeMap::new();
        if let Some(by) = by {
            for (segment, rows) in
                rows_by(&of.frame, by).into_iter().filter(|(name, _)| segments.contains(name))
            {
                let of = of.select(&rows)?;
                known.insert(segment, teacher.teach(&of)?);
            }
        }
        Ok(Self { by: by.map(str::to_owned), all, segments: known })
    }

    /// The rows of a frame by who speaks for them.
    fn of<'v>(&'v self, frame: &Frame) -> Vec<(&'v Predictor, Vec<usize>)> {
        let mut rest: Vec<bool> = vec![true; frame.rows()];
        let mut found = Vec::new();
        for (segment, rows) in self.by.iter().flat_map(|by| rows_by(frame, by)) {
            if let Some(predictor) = self.segments.get(&segment) {
                rows.iter().for_each(|&row| rest[row] = false);
                found.push((predictor, rows));
            }
        }
        let rest: Vec<usize> = (0..frame.rows()).filter(|&row| rest[row]).collect();
        if !rest.is_empty() {
            found.push((&self.all, rest));
        }
        found
    }

    fn probabilities(&self, frame: &Frame) -> Result<Vec<f64>, Error> {
        let mut told = vec![0.0; frame.rows()];
        for (predictor, rows) in self.of(frame) {
            let probabilities = predictor.probabilities(&frame.select(&rows)?)?;
            rows.into_iter().zip(probabilities).for_each(|(row, p)| told[row] = p);
        }
        Ok(told)
    }
}

/// Who speaks for rows, as the question has it; `brought` is the file of a model that was trained elsewhere.
#[derive(Debug, Clone, Copy)]
struct Teacher<'a> {
    learner: &'a Learner,
    brought: &'a [u8],
    config: &'a Config,
}

impl Teacher<'_> {
    fn teach(&self, of: &Gathered) -> Result<Predictor, Error> {
        let given = |kind, whole, make: &dyn Fn(&Frame) -> Result<AnyModel, Error>| {
            Predictor::given(&of.frame, &of.labels, self.config, (kind, whole), make)
        };
        match self.learner {
            Learner::Best => Predictor::train_at(&of.frame, &of.labels, &of.asked, self.config),
            Learner::Rules(_) => given(Kind::Rules, false, &|_| Ok(AnyModel::Points)),
            Learner::Onnx(_) => {
                given(Kind::Onnx, true, &|frame| Onnx::new(self.brought, frame).map(AnyModel::Onnx))
            }
        }
    }
}

/// Rows by the text in a column; rows without one are left out.
fn rows_by(frame: &Frame, by: &str) -> BTreeMap<String, Vec<usize>> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    if let Some(Column::Category { codes, levels }) = frame.column(by) {
        for (row, &code) in codes.iter().enumerate().filter(|(_, code)| **code != MISSING) {
            if let Some(level) = levels.get(code as usize) {
                found.entry(level.clone()).or_default().push(row);
            }
        }
    }
    found
}

/// The segments whose own model is better on rows that neither had seen, by more than chance: by a
/// standard error of the mean difference of their log losses.
fn better_alone(
    early: &Gathered,
    late: &Gathered,
    by: &str,
    teacher: Teacher<'_>,
) -> Result<BTreeSet<String>, Error> {
    let mut better = BTreeSet::new();
    let all = teacher.teach(early)?;
    let mut tested = rows_by(&late.frame, by);
    for (segment, rows) in rows_by(&early.frame, by) {
        let Some(tested) = tested.remove(&segment) else { continue };
        let (own, test) = (early.select(&rows)?, late.select(&tested)?);
        let own = match teacher.teach(&own) {
            Err(Error::NotEnoughData { .. }) => continue,
            other => other?,
        };
        let loss = |p: Vec<f64>| {
            p.into_iter().zip(&test.labels).map(|(p, y)| log_loss(&[*y], &[p])).collect::<Vec<_>>()
        };
        let (apart, together) =
            (loss(own.probabilities(&test.frame)?), loss(all.probabilities(&test.frame)?));
        let gains: Vec<f64> = together.iter().zip(&apart).map(|(all, own)| all - own).collect();
        let n = gains.len() as f64;
        let mean = gains.iter().sum::<f64>() / n;
        let spread = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / n;
        if mean > (spread / n).sqrt() {
            better.insert(segment);
        }
    }
    Ok(better)
}

impl DeclaredModel {
    /// Trains on examples of one cutoff or several; what was measured is measured on the last one.
    /// `now` are the rows that will be scored first, which later ones are compared with. Texts that name
    /// somebody are not learned ([`Gathered::without_names`]). `brought` is the file of a model that was
    /// trained elsewhere, if the question has one.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] with what is needed; others as of [`Predictor::train_at`].
    pub fn train(
        (reading, brought): (&Reading, &[u8]),
        schema: &Schema,
        (lessons, now): (&Gathered, &Gathered),
        trained_at: i64,
        config: &Config,
    ) -> Result<Self, Error> {
        let (lessons, now) = (&lessons.without_names()?, &now.without_names()?);
        let question = reading.question();
        let config = Config { allow: question.allow.clone(), ..config.clone() };
        let teacher = Teacher { learner: &question.learner, brought, config: &config };
        let by = question.segment_by.as_deref();
        let last = lessons.keys.iter().map(|key| key.cutoff).max();
        let (early, late): (Vec<usize>, Vec<usize>) =
            (0..lessons.keys.len()).partition(|&row| Some(lessons.keys[row].cutoff) < last);
        let (early, late) = (lessons.select(&early)?, lessons.select(&late)?);
        let mut segments = BTreeSet::new();
        let tried = match by {
            Some(by) => better_alone(&early, &late, by, teacher),
            None => Ok(BTreeSet::new()),
        };
        let tested = tried.and_then(|better| {
            segments = better;
            Voices::train(&early, teacher, by, &segments)
        });
        let tested = match tested {
            Ok(voices) => Some(voices),
            // too little before the last cutoff to be measured on it; all of it may be enough to learn from
            Err(Error::NotEnoughData { .. }) => None,
            Err(other) => return Err(other),
        };
        let voices = Voices::train(lessons, teacher, by, &segments)?;
        let measured = match (tested, last) {
            (Some(tested), Some(at)) => Some(measure(&tested, &late, at, (&voices, now), &config)?),
            _ => None,
        };
        let yes: f64 = lessons.labels.iter().sum();
        Ok(Self {
            question: question.clone(),
            schema: schema.clone(),
            trained_at,
            rows: lessons.labels.len(),
            base_rate: yes / lessons.labels.len() as f64,
            measured,
            data: lessons.fingerprint(),
            code: CODE.to_owned(),
            features: reading.features().map(|(name, kind)| (name.to_owned(), kind)).collect(),
            voices,
        })
    }

    /// The predictor for all rows that no segment's own speaks for.
    #[must_use]
    pub fn predictor(&self) -> &Predictor {
        &self.voices.all
    }

    /// Names and kinds of the features that it reads, in the order of its rows.
    #[must_use]
    pub fn features(&self) -> &[(String, features::Kind)] {
        &self.features
    }

    /// The segments that have a predictor of their own.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.voices.segments.keys().map(String::as_str)
    }

    /// The question as it was read when this version was trained.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it can no longer be read.
    pub fn reading(&self) -> Result<Reading, Error> {
        Reading::new(&self.question, &self.schema).map_err(|wrong| {
            let wrong: Vec<String> = wrong.into_iter().map(|w| format!("{}: {}", w.field, w.why)).collect();
            Error::invalid("question", wrong.join("; "))
        })
    }

    /// What it says of each row; equal bits for equal input.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a frame without its features.
    pub fn score(&self, frame: &Frame) -> Result<Vec<Scored>, Error> {
        let mut told = vec![None; frame.rows()];
        for (predictor, rows) in self.voices.of(frame) {
            let places = places(frame, predictor)?;
            let frame = frame.select(&rows)?;
            let (probabilities, split) = (predictor.probabilities(&frame)?, predictor.contributions(&frame)?);
            for ((row, probability), Contributions { bias, parts }) in
                rows.into_iter().zip(probabilities).zip(split)
            {
                let mut contributions = vec![0.0; frame.names().len()];
                places.iter().zip(parts).for_each(|(&place, part)| contributions[place] = part);
                told[row] = Some(Scored { probability, bias, contributions });
            }
        }
        Ok(told.into_iter().flatten().collect())
    }

    /// Why a row's score is what it is, of contributions in the order of the frame.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a frame without its features.
    pub fn reasons(&self, frame: &Frame, row: usize, contributions: &[f64]) -> Result<Vec<Reason>, Error> {
        let one = frame.select(&[row])?;
        let Some((predictor, _)) = self.voices.of(&one).pop() else { return Ok(Vec::new()) };
        let own: Vec<f64> = places(frame, predictor)?
            .into_iter()
            .map(|at| contributions.get(at).copied().unwrap_or(0.0))
            .collect();
        predictor.rates.reasons(&one, 0, &own)
    }

    /// What it promised of rows whose outcome is known, and what they did.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a frame without its features.
    pub fn judged(&self, rows: &Gathered) -> Result<Judged, Error> {
        Ok(Judged { labels: rows.labels.clone(), probability: self.voices.probabilities(&rows.frame)? })
    }

    /// What has changed since it was trained: inputs and scores now, and the outcomes that have arrived
    /// since. Nothing of a version that was never measured.
    ///
    /// # Errors
    /// As of [`Published::watch`] and [`Self::judged`].
    pub fn watch(
        &self,
        now: &Gathered,
        came: Option<&Gathered>,
        thresholds: &Thresholds,
    ) -> Result<Vec<Alarm>, Error> {
        let Some(measured) = &self.measured else { return Ok(Vec::new()) };
        let now = now.without_names()?;
        let quality = came.map(|rows| self.quality(rows)).transpose()?;
        let scores = self.voices.probabilities(&now.frame)?;
        let inputs = columns(&now.frame).collect();
        measured.reference.watch(&Live { inputs, scores: &scores, quality: quality.as_ref() }, thresholds)
    }

    /// How it did on rows whose outcome is known.
    ///
    /// # Errors
    /// As of [`Self::judged`].
    pub fn quality(&self, rows: &Gathered) -> Result<Quality, Error> {
        let Judged { labels, probability } = self.judged(rows)?;
        Quality::of(&labels, &probability)
    }
}

/// For each column of a predictor its place in a frame.
fn places(frame: &Frame, predictor: &Predictor) -> Result<Vec<usize>, Error> {
    let place = |name: &String| {
        let found = frame.names().iter().position(|known| known == name);
        found.ok_or_else(|| Error::invalid("columns", format!("{name} is absent")))
    };
    predictor.columns().iter().map(place).collect()
}

fn columns(frame: &Frame) -> impl Iterator<Item = (&str, Values<'_>)> {
    frame.names().iter().map(String::as_str).zip(frame.columns().iter().map(Values::from))
}

/// How voices trained before a cutoff did on it, with the inputs and scores that there are now.
fn measure(
    tested: &Voices,
    late: &Gathered,
    at: i64,
    (voices, now): (&Voices, &Gathered),
    config: &Config,
) -> Result<Measured, Error> {
    let probability = tested.probabilities(&late.frame)?;
    let options = Options {
        title: "The latest cutoff, which the version had not seen".into(),
        gates: config.gates.clone(),
        points: POINTS,
        ..Options::default()
    };
    let data = Data { labels: &late.labels, probability: &probability, dimensions: &[] };
    let scores = voices.probabilities(&now.frame)?;
    let inputs = columns(&now.frame).map(|(name, values)| Ok((name.to_owned(), Reference::of(values)?)));
    Ok(Measured {
        at,
        report: Report::of(&data, &options)?,
        reference: Published {
            inputs: inputs.collect::<Result<_, Error>>()?,
            scores: Reference::of(Values::Numbers(&scores))?,
            quality: Some(Quality::of(&late.labels, &probability)?),
        },
    })
}
