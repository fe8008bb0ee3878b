//! Why a score is what it is, beside how often accounts like this one ordered again.

use super::{Lesson, PropensityModel};
use crate::{
    Error,
    account::NAMES,
    frame::{Column, Frame},
    tabular::{BaseRates, Reason},
};

impl PropensityModel {
    /// Why a score is what it is: of frozen features (`None` where missing) and contributions, both in
    /// the order of [`NAMES`]. None of a version without base rates.
    ///
    /// # Errors
    /// [`Error::Invalid`] if they do not fit the features.
    pub fn reasons(&self, features: &[Option<f64>], contributions: &[f64]) -> Result<Vec<Reason>, Error> {
        let Some(rates) = &self.rates else { return Ok(Vec::new()) };
        let column = |value: &Option<f64>| Column::Number(vec![value.unwrap_or(f64::NAN)]);
        let frame = Frame::new(names(), features.iter().map(column).collect())?;
        rates.reasons(&frame, 0, contributions)
    }
}

fn names() -> Vec<String> {
    NAMES.iter().map(|&name| name.to_owned()).collect()
}

/// How often accounts ordered again, by value, over all cutoffs.
pub(super) fn rates(lessons: &[Lesson]) -> Result<BaseRates, Error> {
    let column = |column: usize| {
        Column::Number(lessons.iter().flat_map(|lesson| lesson.1.table.col(column)).copied().collect())
    };
    let labels: Vec<f64> = lessons.iter().flat_map(|lesson| lesson.2.iter().copied()).collect();
    Ok(BaseRates::of(&Frame::new(names(), (0..NAMES.len()).map(column).collect())?, &labels))
}
