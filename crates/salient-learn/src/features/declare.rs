//! What is asked for: windows, kinds, aggregates, and which features to use or leave.

use serde::{Deserialize, Serialize};

/// What is computed of the events of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Number of events in the window.
    Count,
    /// Number of different people in the window.
    People,
    /// Sum of the amounts in the window.
    Amount,
    /// Mean of the amounts in the window; missing without any.
    AmountMean,
    /// Sum of the quantities in the window.
    Quantity,
    /// Log ratio of the count to that of the window before, each plus one.
    Trend,
    /// Log ratio of the amount to that of the window before, each plus one; a negative sum counts
    /// as nothing.
    AmountTrend,
    /// Share of the events of all counted kinds in the window; missing without any.
    Share,
    /// Days since the last event.
    SinceLast,
    /// Days since the first event.
    SinceFirst,
    /// Mean days between neighbours.
    Gap,
    /// Sample standard deviation of the days between neighbours.
    GapSd,
    /// Days since the last in mean gaps: above 1 it is late. Missing when all came at once.
    GapRatio,
}

impl Aggregate {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Count,
        Self::People,
        Self::Amount,
        Self::AmountMean,
        Self::Quantity,
        Self::Trend,
        Self::AmountTrend,
        Self::Share,
        Self::SinceLast,
        Self::SinceFirst,
        Self::Gap,
        Self::GapSd,
        Self::GapRatio,
    ];

    /// Whether there is one for each window, not one for all time.
    #[must_use]
    pub fn is_windowed(self) -> bool {
        !matches!(self, Self::SinceLast | Self::SinceFirst | Self::Gap | Self::GapSd | Self::GapRatio)
    }

    /// Name of the feature; `window` in days, of no matter where there is no window.
    #[must_use]
    pub fn name(self, kind: &str, window: i32) -> String {
        let many = plural(kind);
        match self {
            Self::Count => format!("{many}_{window}d"),
            Self::People => format!("{many}_people_{window}d"),
            Self::Amount => format!("{many}_amount_{window}d"),
            Self::AmountMean => format!("{many}_amount_mean_{window}d"),
            Self::Quantity => format!("{many}_quantity_{window}d"),
            Self::Trend => format!("{many}_trend_{window}d"),
            Self::AmountTrend => format!("{many}_amount_trend_{window}d"),
            Self::Share => format!("{many}_share_{window}d"),
            Self::SinceLast => format!("days_since_last_{kind}"),
            Self::SinceFirst => format!("days_since_first_{kind}"),
            Self::Gap => format!("{kind}_gap_days"),
            Self::GapSd => format!("{kind}_gap_sd_days"),
            Self::GapRatio => format!("{kind}_gap_ratio"),
        }
    }
}

/// `order` to `orders`, `reply` to `replies`, `purchase` to `purchases`, `visit_batch` to
/// `visit_batches`.
fn plural(kind: &str) -> String {
    let vowel = |c: char| "aeiou".contains(c);
    match kind.strip_suffix('y') {
        Some(stem) if stem.ends_with(|c: char| c.is_alphabetic() && !vowel(c)) => format!("{stem}ies"),
        _ if ["s", "x", "z", "ch", "sh"].iter().any(|end| kind.ends_with(end)) => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}

/// Which features to make. Left empty, it makes all it can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Declaration {
    /// Windows before the cutoff, in days: 1 to 36,500.
    pub windows: Vec<i32>,
    /// Kinds of events to count, by name; all of the schema if not given.
    pub kinds: Option<Vec<String>>,
    /// What to compute of the events of each kind.
    pub aggregates: Vec<Aggregate>,
    /// Patterns on names (`*` any run, `?` one character): a feature must match one of these …
    #[serde(rename = "use")]
    pub keep: Vec<String>,
    /// … and none of these.
    pub leave: Vec<String>,
}

impl Default for Declaration {
    fn default() -> Self {
        Self {
            windows: vec![30, 90, 365],
            kinds: None,
            aggregates: Aggregate::ALL.to_vec(),
            keep: vec!["*".to_owned()],
            leave: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plural;

    #[test]
    fn plurals() {
        for (one, many) in [
            ("order", "orders"),
            ("reply", "replies"),
            ("survey", "surveys"),
            ("visit_batch", "visit_batches"),
            ("tax", "taxes"),
            ("purchase", "purchases"),
            ("Anfrage", "Anfrages"),
            ("y", "ys"),
        ] {
            assert_eq!(plural(one), many);
        }
    }
}
