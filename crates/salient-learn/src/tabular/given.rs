//! A model that nobody learned here: rules that people wrote, or one that was trained elsewhere. What is
//! learned is only how much its word is worth.

use super::{BaseRates, Calibration, Candidate, Config, Encoder, Kind, Leak, Predictor, Suspect, check};
use crate::{
    Error,
    frame::Frame,
    metrics::log_loss,
    model::{AnyModel, Model as _},
};

impl Predictor {
    /// A model as it was given, calibrated on examples. `make` gets the frame that is left to it. Columns that
    /// seem to know the outcome and are not allowed are left out, or refused where `whole` says that the
    /// model needs all of them.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] with what is needed, [`Error::Invalid`] when labels do not fit, no column is
    /// left, a column that the model needs knows too much, or what the model says is no number.
    pub fn given(
        frame: &Frame,
        labels: &[f64],
        config: &Config,
        (kind, whole): (Kind, bool),
        make: impl FnOnce(&Frame) -> Result<AnyModel, Error>,
    ) -> Result<Self, Error> {
        check(frame, labels, config)?;
        let mut suspects = config.guard.suspects(frame, labels)?;
        // one rule may well say more than all the others
        suspects.retain(|suspect| !matches!(suspect.leak, Leak::AheadOfAll { .. }));
        let refused = |suspect: &&Suspect| !config.allow.contains(&suspect.column);
        if whole && let Some(suspect) = suspects.iter().find(refused) {
            let why = format!("{}: {}; one that is allowed is accepted", suspect.column, suspect.words());
            return Err(Error::invalid("columns", why));
        }
        let out: Vec<&str> = suspects.iter().filter(refused).map(|of| of.column.as_str()).collect();
        let frame = frame.drop(&out)?;
        let encoder = Encoder::plain(&frame)?;
        let model = make(&frame)?;
        let log_odds = model.log_odds(&encoder.table(&frame)?);
        super::finite(&log_odds)?;
        let calibration = match Calibration::fit(&log_odds, labels) {
            Err(Error::NotEnoughData { .. }) => Calibration::default(),
            other => other?,
        };
        let promised: Vec<f64> = log_odds.iter().map(|&z| calibration.probability(z)).collect();
        let chosen = Candidate { kind, window: 1.0, log_loss: log_loss(labels, &promised) };
        Ok(Self {
            config: config.clone(),
            rows: labels.len(),
            rates: BaseRates::of(&frame, labels),
            refused: Vec::new(),
            suspects,
            chosen,
            candidates: vec![chosen],
            measured: None,
            encoder,
            model,
            calibration,
        })
    }
}
