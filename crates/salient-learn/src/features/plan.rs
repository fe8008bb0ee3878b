//! From a declaration to the list of features it means.

use std::collections::HashMap;

use crate::{
    DAY_US, Error,
    features::{
        declare::{Aggregate, Declaration},
        glob,
        state::{Kind, Schema},
    },
};

/// Longest window in days: a hundred years.
const LONGEST: i32 = 36_500;

/// What a feature is computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Source {
    /// Events of the kind in this slot; the window's place among the plan's.
    Events { aggregate: Aggregate, slot: usize, window: usize },
    /// An attribute.
    Attribute { id: u16, kind: Kind },
    /// A series of the region, or its change over so many microseconds.
    Series { id: u16, change: Option<i64> },
}

/// A feature of a plan.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Feature {
    pub(super) name: String,
    pub(super) source: Source,
}

/// The features that a declaration means for the streams of a schema. Their names and kinds are
/// fixed here, before any row is seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub(super) schema: Schema,
    pub(super) features: Vec<Feature>,
    /// Lengths of the windows, microseconds.
    pub(super) windows: Vec<i64>,
    /// For each kind of event its slot among those that are counted.
    pub(super) slots: Vec<Option<usize>>,
}

impl Plan {
    /// Reads a declaration against a schema.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a window outside 1 to 36,500 days or given twice, a kind that is not
    /// there, a pattern that no feature matches, two features of one name, and when no feature is
    /// left.
    pub fn new(declaration: &Declaration, schema: &Schema) -> Result<Self, Error> {
        check_windows(&declaration.windows)?;
        let slots = slots(declaration, schema)?;
        let mut features = behaviour(declaration, schema, &slots);
        features.extend(attributes(schema));
        features.extend(series(schema, &declaration.windows));
        check_names(&features)?;
        let features = chosen(declaration, features)?;
        let windows = declaration.windows.iter().map(|&w| length(w)).collect();
        Ok(Self { schema: schema.clone(), features, windows, slots })
    }

    /// Kinds of the features, in the order of the columns: what is counted, and series, are numbers.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        let kind = |feature: &Feature| match feature.source {
            Source::Attribute { kind, .. } => kind,
            Source::Events { .. } | Source::Series { .. } => Kind::Number,
        };
        self.features.iter().map(kind).collect()
    }

    /// Names of the features, in the order of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.features.iter().map(|feature| feature.name.as_str())
    }
}

fn length(days: i32) -> i64 {
    i64::from(days) * DAY_US
}

fn check_windows(windows: &[i32]) -> Result<(), Error> {
    for (at, days) in windows.iter().enumerate() {
        if !(1..=LONGEST).contains(days) {
            let why = format!("{days} days; whole days from 1 to {LONGEST} are accepted");
            return Err(Error::invalid("windows", why));
        }
        if windows.iter().take(at).any(|earlier| earlier == days) {
            let why = format!("{days} days stand twice; windows that differ are accepted");
            return Err(Error::invalid("windows", why));
        }
    }
    Ok(())
}

fn slots(declaration: &Declaration, schema: &Schema) -> Result<Vec<Option<usize>>, Error> {
    let Some(wanted) = &declaration.kinds else { return Ok((0..schema.kinds().len()).map(Some).collect()) };
    if let Some(unknown) = wanted.iter().find(|name| !schema.kinds().contains(name)) {
        let why = format!("{unknown} does not occur; accepted are {}", schema.kinds().join(", "));
        return Err(Error::invalid("kinds", why));
    }
    let mut next = 0..;
    Ok(schema.kinds().iter().map(|kind| if wanted.contains(kind) { next.next() } else { None }).collect())
}

fn behaviour(declaration: &Declaration, schema: &Schema, slots: &[Option<usize>]) -> Vec<Feature> {
    let mut features = Vec::new();
    let counted = schema.kinds().iter().zip(slots).filter_map(|(kind, slot)| Some((kind, (*slot)?)));
    for (kind, slot) in counted {
        for aggregate in Aggregate::ALL {
            if !declaration.aggregates.contains(&aggregate) {
                continue;
            }
            let many = if aggregate.is_windowed() { declaration.windows.as_slice() } else { &[0] };
            features.extend(many.iter().enumerate().map(|(window, &days)| Feature {
                name: aggregate.name(kind, days),
                source: Source::Events { aggregate, slot, window },
            }));
        }
    }
    features
}

fn attributes(schema: &Schema) -> impl Iterator<Item = Feature> {
    (0_u16..).zip(schema.attributes()).map(|(id, attribute)| {
        let unit = if attribute.kind == Kind::Date { "_age_days" } else { "" };
        let source = Source::Attribute { id, kind: attribute.kind };
        Feature { name: format!("attr_{}{unit}", attribute.name), source }
    })
}

fn series(schema: &Schema, windows: &[i32]) -> Vec<Feature> {
    let mut features = Vec::new();
    for (id, name) in (0_u16..).zip(schema.series_names()) {
        features
            .push(Feature { name: format!("series_{name}"), source: Source::Series { id, change: None } });
        features.extend(windows.iter().map(|&days| Feature {
            name: format!("series_{name}_change_{days}d"),
            source: Source::Series { id, change: Some(length(days)) },
        }));
    }
    features
}

/// Two kinds or attributes can be called so that their features clash (`order` and `orders`).
fn check_names(features: &[Feature]) -> Result<(), Error> {
    let mut seen = HashMap::new();
    for feature in features {
        if let Some(other) = seen.insert(feature.name.as_str(), feature.source) {
            let why = format!(
                "{} would be the name of two, {other:?} and {:?}; kinds, attributes and series named so that \
                 their features differ are accepted",
                feature.name, feature.source
            );
            return Err(Error::invalid("features", why));
        }
    }
    Ok(())
}

fn chosen(declaration: &Declaration, features: Vec<Feature>) -> Result<Vec<Feature>, Error> {
    if features.is_empty() {
        let why = "nothing is known yet to make one of; subjects with an event or an attribute are accepted";
        return Err(Error::invalid("features", why));
    }
    for (what, patterns) in [("use", &declaration.keep), ("leave", &declaration.leave)] {
        let unmet = |pattern: &&String| !features.iter().any(|f| glob::matches(pattern, &f.name));
        if let Some(pattern) = patterns.iter().find(unmet) {
            let why = format!("{pattern} matches no feature; accepted are patterns on {}", some(&features));
            return Err(Error::invalid(what, why));
        }
    }
    let any = |patterns: &[String], name: &str| patterns.iter().any(|p| glob::matches(p, name));
    let names = some(&features);
    let kept: Vec<Feature> = features
        .into_iter()
        .filter(|f| any(&declaration.keep, &f.name) && !any(&declaration.leave, &f.name))
        .collect();
    if kept.is_empty() {
        let why = format!("no feature is left; accepted is what keeps one of {names}");
        return Err(Error::invalid("features", why));
    }
    Ok(kept)
}

/// The first few names, for a message that can be read.
fn some(features: &[Feature]) -> String {
    let shown: Vec<&str> = features.iter().take(12).map(|f| f.name.as_str()).collect();
    let more = features.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
