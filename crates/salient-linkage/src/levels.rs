//! The agreement levels of a pair of records, field by field.

use crate::{
    compare::{COSINE_BINS, Comparator},
    config::{Config, Field},
    record::{MAX_FIELDS, Row},
    terms::Vector,
};
use std::borrow::Cow;

/// A field that one of the two records lacks.
pub(crate) const MISSING: u8 = 15;

/// One record of a pair: its cells and, where the kind compares titles, its vector.
pub(crate) struct Side<'a> {
    pub(crate) row: Row<'a>,
    pub(crate) vector: Option<Cow<'a, Vector>>,
}

/// Agreement levels by field, [`MISSING`] where there is no evidence.
pub(crate) struct Levels {
    pub(crate) level: [u8; MAX_FIELDS],
    /// Cosine of the titles, if both have one.
    pub(crate) cosine: f64,
}

/// Fields with their partners resolved.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    fields: Vec<(Comparator, Option<usize>)>,
}

impl Field {
    /// Names of the field's agreement levels, best first; a field that swaps has one more, after
    /// "else".
    #[must_use]
    pub fn levels(&self) -> Vec<&'static str> {
        let swapped = self.swaps_with.is_some().then_some("swapped");
        self.compare.levels().iter().copied().chain(swapped).collect()
    }
}

impl Comparison {
    pub(crate) fn new(config: &Config) -> Self {
        let partner = |field: &Field| field.swaps_with.as_deref().and_then(|name| config.position(name).ok());
        Self { fields: config.fields.iter().map(|field| (field.compare, partner(field))).collect() }
    }

    pub(crate) fn levels(&self, a: &Side<'_>, b: &Side<'_>) -> Levels {
        let mut out = Levels { level: [MISSING; MAX_FIELDS], cosine: 0.0 };
        for (at, &(compare, _)) in self.fields.iter().enumerate() {
            let (x, y) = (a.row.cell(at), b.row.cell(at));
            if x.is_empty() || y.is_empty() {
                continue;
            }
            out.level[at] = if let (Comparator::Cosine, Some(v), Some(w)) = (compare, &a.vector, &b.vector) {
                out.cosine = v.cosine(w);
                ((1.0 - out.cosine) * COSINE_BINS as f64).clamp(0.0, COSINE_BINS as f64 - 1.0) as u8
            } else {
                compare.best(x, y).0 as u8
            };
        }
        for (at, &(compare, partner)) in self.fields.iter().enumerate() {
            if let Some(partner) = partner
                && out.level[at] > 1
                && out.level[partner] > 1
                && self.swapped(at, partner, &a.row, &b.row)
            {
                // The partner's agreement is the same fact; it must not count twice.
                out.level[at] = compare.levels().len() as u8;
                out.level[partner] = MISSING;
            }
        }
        out
    }

    fn swapped(&self, at: usize, partner: usize, a: &Row<'_>, b: &Row<'_>) -> bool {
        let cells = [(a.cell(at), b.cell(partner)), (a.cell(partner), b.cell(at))];
        let present = cells.iter().all(|(x, y)| !x.is_empty() && !y.is_empty());
        let compare = self.fields[at].0;
        present && cells.iter().any(|(x, y)| x == y) && cells.iter().all(|(x, y)| compare.best(x, y).0 <= 1)
    }
}
