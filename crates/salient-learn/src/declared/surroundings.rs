//! What is measured of regions, and the regions of subjects.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Error,
    features::{Exogenous, Point, Schema},
};

/// A measure of a region that somebody published.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// The series.
    pub series: String,
    /// The region; empty for everywhere.
    pub region: String,
    /// The instant it speaks of, microseconds UTC; ahead of its publication for a forecast.
    pub valid_time: i64,
    /// When it was published, microseconds UTC.
    pub published: i64,
    /// The measure; finite.
    pub value: f64,
}

/// Measures, and for each region of subjects (by id) the names that it goes by, the nearest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surroundings {
    measures: BTreeMap<String, BTreeMap<String, Vec<Measure>>>,
    regions: Vec<Vec<String>>,
}

impl Surroundings {
    /// From measures in any order.
    #[must_use]
    pub fn new(measures: Vec<Measure>, regions: Vec<Vec<String>>) -> Self {
        let mut by: BTreeMap<String, BTreeMap<String, Vec<Measure>>> = BTreeMap::new();
        for measure in measures {
            let of = by.entry(measure.series.clone()).or_default();
            of.entry(measure.region.clone()).or_default().push(measure);
        }
        Self { measures: by, regions }
    }

    /// The series of which something was published before a cutoff, microseconds UTC.
    #[must_use]
    pub fn series(&self, cutoff: i64) -> BTreeSet<&str> {
        let known = |of: &BTreeMap<String, Vec<Measure>>| {
            of.values().flatten().any(|measure| measure.published < cutoff)
        };
        self.measures.iter().filter(|(_, of)| known(of)).map(|(name, _)| name.as_str()).collect()
    }

    /// The series of a schema: of each region what is measured under the nearest of its names; of none that
    /// has no measures, everywhere's.
    ///
    /// # Errors
    /// As of [`Exogenous::new`].
    pub fn exogenous(&self, schema: &Schema) -> Result<Exogenous, Error> {
        let mut points = Vec::new();
        for (series, name) in (0_u16..).zip(schema.series_names()) {
            let Some(of) = self.measures.get(name) else { continue };
            for (region, names) in (0_u32..).zip(&self.regions) {
                let nearest = names.iter().filter(|name| !name.is_empty()).find_map(|name| of.get(name));
                let nearest = nearest.or_else(|| of.get("")).into_iter().flatten();
                points.extend(nearest.map(|from| {
                    let Measure { valid_time, published, value, .. } = *from;
                    Point { region, series, valid_time, published, value }
                }));
            }
        }
        Exogenous::new(points)
    }
}
