//! What a learner needs: the label of churn, and the features of an account that may switch.

use super::{Record, parts::Windows, record::Seen};
use crate::{Error, history::DAY_US, rhythm::Rhythm, robust::theil_sen};
use serde::{Deserialize, Serialize};

/// The definition of churn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChurnConfig {
    /// Typical gaps without an order that count as churn. Default 3.
    pub gaps: f64,
    /// Days without an order below which nothing is churn. Default 90.
    pub floor_days: f64,
    /// Fewest buying occasions for a typical gap; at least 2. Default 3.
    pub min_orders: usize,
}

impl Default for ChurnConfig {
    fn default() -> Self {
        Self { gaps: 3.0, floor_days: 90.0, min_orders: 3 }
    }
}

/// What became of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChurnOutcome {
    /// It ordered within the window.
    Stayed,
    /// It did not.
    Churned,
    /// It had been silent for a whole window at the cutoff: nothing was left to lose, and a learner
    /// must not be trained on it.
    AlreadyGone,
}

/// A label with the window it was judged in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChurnLabel {
    /// What became of it.
    pub outcome: ChurnOutcome,
    /// Days of the window: `max(gaps · typical gap, floor)`.
    pub window_days: f64,
    /// The account's typical gap at the cutoff, days.
    pub typical_gap_days: f64,
    /// End of the window, microseconds UTC, not part of it.
    pub until: i64,
}

/// Labels an account: churned if it places no order from `cutoff` on within
/// `max(gaps · own typical gap, floor days)`. The typical gap is the median of the last twelve
/// gaps between buying occasions before the cutoff (orders within a day are one occasion).
/// `known_until` is the time up to which the record is complete (microseconds UTC).
///
/// # Errors
/// [`Error::BeyondCutoff`] if the window reaches past `known_until`, also where an order is
/// already there: to label those alone would make staying look more common than it is;
/// [`Error::NotEnoughData`] below `min_orders`; [`Error::Invalid`] for a config or record out of
/// bounds.
pub fn churned(
    record: &Record,
    cutoff: i64,
    known_until: i64,
    config: &ChurnConfig,
) -> Result<ChurnLabel, Error> {
    let from_zero = |x: f64| x.is_finite() && x >= 0.0;
    if !(from_zero(config.gaps) && from_zero(config.floor_days)) || config.gaps + config.floor_days <= 0.0 {
        return Err(Error::invalid("gaps", "gaps and floor_days must be from 0, one of them above"));
    }
    record.check()?;
    let seen = Seen::at(record, cutoff);
    let last = seen.orders().last();
    let (Some(last), Some(typical_gap_days)) = (last, seen.typical_gap(config.min_orders)) else {
        return Err(Error::NotEnoughData {
            needed: format!("{} buying occasions", config.min_orders.max(2)),
            have: seen.occasions().len().to_string(),
        });
    };
    let window_days = (config.gaps * typical_gap_days).max(config.floor_days);
    let until = cutoff.saturating_add((window_days * DAY_US as f64).round() as i64);
    if until > known_until {
        return Err(Error::BeyondCutoff { until, cutoff: known_until });
    }
    let outcome = if seen.age(last.time) >= window_days {
        ChurnOutcome::AlreadyGone
    } else if record.orders.iter().any(|o| o.time >= cutoff && o.time < until) {
        ChurnOutcome::Stayed
    } else {
        ChurnOutcome::Churned
    };
    Ok(ChurnLabel { outcome, window_days, typical_gap_days, until })
}

/// Names of the features of [`switch_signs`], in order. Days are days before the cutoff; a change
/// is the log of recent over earlier, below 0 where it falls.
pub const SWITCH_NAMES: [&str; 12] = [
    "competitor_signals_recent",
    // Strength of all signals, each halved per half-life.
    "competitor_strength",
    "days_since_competitor_signal",
    "wallet_share",
    // Points of share per year, Theil-Sen.
    "wallet_share_change",
    "orders_change",
    "amount_change",
    "products_change",
    // Silence over the typical gap: above 1 the next order is overdue.
    "overdue_ratio",
    // 1 if an account that used to buy evenly is clearly late.
    "going_quiet",
    "issues_recent",
    "issues_open",
];

/// How to read the signs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SwitchConfig {
    /// Days in which a signal or an issue is recent. Default 90.
    pub recent_days: f64,
    /// Days after which a signal counts half. Default 60.
    pub half_life_days: f64,
    /// Days of each of the two windows of change, stretched and cut as for the health score.
    /// Default 182.
    pub window_days: f64,
    /// Days back to which estimates of our share count. Default 730.
    pub share_days: f64,
    /// Fewest buying occasions; at least 2. Default 3.
    pub min_orders: usize,
}

impl Default for SwitchConfig {
    fn default() -> Self {
        Self { recent_days: 90.0, half_life_days: 60.0, window_days: 182.0, share_days: 730.0, min_orders: 3 }
    }
}

/// Features for a learner of switching, on what was known before `cutoff` (microseconds UTC), in
/// the order of [`SWITCH_NAMES`]; NaN where not known.
///
/// # Errors
/// [`Error::Invalid`] for a config or record out of bounds.
pub fn switch_signs(
    record: &Record,
    cutoff: i64,
    config: &SwitchConfig,
) -> Result<[f64; SWITCH_NAMES.len()], Error> {
    let days = [config.recent_days, config.half_life_days, config.window_days, config.share_days];
    if days.iter().any(|d| !d.is_finite() || *d <= 0.0) {
        return Err(Error::invalid("recent_days", "days must be positive"));
    }
    record.check()?;
    let seen = Seen::at(record, cutoff);
    let or_nan = |x: Option<f64>| x.unwrap_or(f64::NAN);
    let [signals, strength, since_signal] = competitor(&seen, config);
    let [share, share_change] = wallet(&seen, config.share_days);
    let windows = Windows::of(&seen, config.window_days, config.min_orders);
    let windows = windows.as_ref();
    let [overdue, quiet] = silence(&seen, cutoff, config.min_orders);
    let [issues, open] = issues(&seen, config.recent_days);
    Ok([
        signals,
        strength,
        since_signal,
        share,
        share_change,
        or_nan(windows.map(|w| w.orders().log_ratio())),
        or_nan(windows.and_then(|w| Some(w.amount()?.log_ratio()))),
        or_nan(windows.and_then(|w| Some(w.products()?.log_ratio()))),
        overdue,
        quiet,
        issues,
        open,
    ])
}

fn competitor(seen: &Seen<'_>, config: &SwitchConfig) -> [f64; 3] {
    let ages = || seen.signals().map(|s| (seen.age(s.time), s.strength));
    let recent = ages().filter(|s| s.0 <= config.recent_days).count() as f64;
    let mut aged: Vec<f64> = ages().map(|(age, s)| s * (-age / config.half_life_days).exp2()).collect();
    aged.sort_by(f64::total_cmp);
    let since = ages().map(|s| s.0).reduce(f64::min).unwrap_or(f64::NAN);
    [recent, aged.iter().sum(), since]
}

/// Latest share and its slope per year; the slope takes three estimates.
fn wallet(seen: &Seen<'_>, days: f64) -> [f64; 2] {
    let mut points: Vec<(f64, f64)> = seen
        .wallet()
        .map(|w| (-seen.age(w.time) / 365.25, w.share))
        .filter(|p| -p.0 * 365.25 <= days)
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let slope = if points.len() < 3 { None } else { theil_sen(&points, 200) };
    [points.last().map_or(f64::NAN, |p| p.1), slope.unwrap_or(f64::NAN)]
}

fn silence(seen: &Seen<'_>, cutoff: i64, min_orders: usize) -> [f64; 2] {
    let known = seen.typical_gap(min_orders).zip(seen.orders().last());
    let Some((gap, last)) = known else { return [f64::NAN; 2] };
    let min_count = u32::try_from(min_orders).unwrap_or(u32::MAX);
    let quiet = Rhythm::of(seen.occasions(), cutoff).is_some_and(|r| r.going_quiet(min_count));
    [seen.age(last.time) / gap, f64::from(u8::from(quiet))]
}

fn issues(seen: &Seen<'_>, days: f64) -> [f64; 2] {
    let Some(all) = seen.issues() else { return [f64::NAN; 2] };
    let all: Vec<_> = all.collect();
    let recent = all.iter().filter(|(i, _)| seen.age(i.opened) <= days).count();
    let open = all.iter().filter(|(_, open)| *open).count();
    [recent as f64, open as f64]
}
