//! Weather, crop cycle, prices: measures of a region, joined as of their publication.

use std::collections::HashMap;

use crate::{Error, features::check_time};

/// One published measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Dense id of the region.
    pub region: u32,
    /// The series, as handed out by [`super::Schema::series`].
    pub series: u16,
    /// The instant it speaks of, microseconds UTC; ahead of its publication for a forecast.
    pub valid_time: i64,
    /// When it was published, microseconds UTC.
    pub published: i64,
    /// The measure; finite.
    pub value: f64,
}

/// What was the latest from a publication on, until the next one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Latest {
    published: i64,
    valid_time: i64,
    value: f64,
}

/// Series of measures by region.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exogenous {
    /// Ascending by publication.
    latest: HashMap<(u32, u16), Vec<Latest>>,
}

impl Exogenous {
    /// From points in any order; of points alike but for their value the last one counts.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a time outside the years 1 to 9999 and a value that is not finite.
    pub fn new(points: impl IntoIterator<Item = Point>) -> Result<Self, Error> {
        let mut latest: HashMap<(u32, u16), Vec<Latest>> = HashMap::new();
        for Point { region, series, valid_time, published, value } in points {
            check_time("valid_time", valid_time)?;
            check_time("published", published)?;
            if !value.is_finite() {
                let why = format!("{value} in region {region}; finite numbers are accepted");
                return Err(Error::invalid("value", why));
            }
            latest.entry((region, series)).or_default().push(Latest { published, valid_time, value });
        }
        for points in latest.values_mut() {
            carry(points);
        }
        Ok(Self { latest })
    }

    /// The value known at `cutoff` (microseconds UTC), that is `published < cutoff`, of the latest
    /// `valid_time`; of several for that instant the one published last. There is no other way to
    /// the points.
    #[must_use]
    pub fn as_of(&self, region: u32, series: u16, cutoff: i64) -> Option<f64> {
        let points = self.latest.get(&(region, series))?;
        let (seen, _) = points.split_at(points.partition_point(|p| p.published < cutoff));
        seen.last().map(|point| point.value)
    }
}

/// Turns each publication into what was the latest once it was out.
fn carry(points: &mut [Latest]) {
    points.sort_by_key(|point| point.published);
    let mut best: Option<Latest> = None;
    for point in points {
        match best {
            Some(Latest { valid_time, value, .. }) if valid_time > point.valid_time => {
                *point = Latest { published: point.published, valid_time, value };
            }
            _ => best = Some(*point),
        }
    }
}
