//! How often and how evenly somebody buys.

use crate::{
    history::{AsOf, DAY_US},
    robust::median,
};

/// Gaps the typical one is taken of: a rhythm of long ago says little.
const RECENT_GAPS: usize = 12;

/// Typical gaps without an order after which most would have come again …
const SILENCE_GAPS: f64 = 3.0;

/// … in steps of so many days, from the least to the most.
const SILENCE_DAYS: (i32, i32, i32) = (30, 90, 360);

/// Buying occasions of ascending times: an order less than a day after the last occasion belongs to it,
/// so that an order split in two does not make the rhythm look faster.
#[must_use]
pub fn occasions(times: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut out: Vec<i64> = Vec::new();
    for time in times {
        if out.last().is_none_or(|&last| time.saturating_sub(last) >= DAY_US) {
            out.push(time);
        }
    }
    out
}

/// The typical gap: the median of the last twelve gaps between occasions, in days. `None` below `least`
/// occasions (and below two).
#[must_use]
pub fn typical_gap(occasions: &[i64], least: usize) -> Option<f64> {
    if occasions.len() < least.max(2) {
        return None;
    }
    let recent = occasions.get(occasions.len().saturating_sub(RECENT_GAPS + 1)..).unwrap_or_default();
    let gap = |(a, b): (&i64, &i64)| b.saturating_sub(*a) as f64 / DAY_US as f64;
    median(&recent.iter().zip(recent.iter().skip(1)).map(gap).collect::<Vec<f64>>())
}

/// Days of silence that say something of customers like these: three times the median over accounts (with
/// three buying occasions or more) of their typical gap, in steps of 30 days, from 90 to 360; 90 where
/// nobody has a rhythm. Not more than a quarter of the time since the first order, if that is 90 or more: of
/// what takes longer there are too few past moments to learn from.
#[must_use]
pub fn silence_days(view: &AsOf<'_>) -> i32 {
    let (step, least, most) = SILENCE_DAYS;
    let steps = |days: f64| days / f64::from(step);
    let gap = |account| typical_gap(&occasions(view.account_orders(account).map(|order| order.time)), 3);
    let gaps: Vec<f64> = view.known_accounts().into_iter().filter_map(gap).collect();
    let days = median(&gaps).map_or(0.0, |gap| SILENCE_GAPS * gap);
    let known =
        view.first_time().map_or(0, |first| view.cutoff().saturating_sub(first)) as f64 / DAY_US as f64;
    // a float to an integer saturates
    let longest = (steps(known / 4.0).floor() as i32).saturating_mul(step).clamp(least, most);
    (steps(days).ceil() as i32).saturating_mul(step).clamp(least, longest)
}

/// The rhythm of a sequence of purchases at a cutoff. Days are floats; purchases on one and the
/// same instant still count apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rhythm {
    /// Number of purchases.
    pub count: u32,
    /// Mean days between neighbours; `None` below two purchases.
    pub mean_gap_days: Option<f64>,
    /// Sample standard deviation of the gaps; `None` below three purchases.
    pub gap_sd_days: Option<f64>,
    /// Days from the last purchase to the cutoff.
    pub days_since_last: f64,
    /// Days from the first purchase to the cutoff.
    pub days_since_first: f64,
}

/// When the next purchase is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Earliest plausible time, microseconds UTC.
    pub from: i64,
    /// Expected time: last purchase + mean gap.
    pub expected: i64,
    /// Latest plausible time.
    pub until: i64,
}

impl Rhythm {
    /// From ascending times before `cutoff` (microseconds UTC); `None` without any.
    #[must_use]
    pub fn of(times: impl IntoIterator<Item = i64>, cutoff: i64) -> Option<Self> {
        let day = |us: i64| us as f64 / DAY_US as f64;
        let mut it = times.into_iter();
        let first = it.next()?;
        // Welford's running mean and variance of the gaps.
        let (mut last, mut n, mut mean, mut m2) = (first, 0_u32, 0.0, 0.0);
        for t in it {
            let gap = day(t - last);
            n += 1;
            let delta = gap - mean;
            mean += delta / f64::from(n);
            m2 += delta * (gap - mean);
            last = t;
        }
        Some(Self {
            count: n + 1,
            mean_gap_days: (n >= 1).then_some(mean),
            gap_sd_days: (n >= 2).then(|| (m2 / f64::from(n - 1)).sqrt()),
            days_since_last: day(cutoff - last),
            days_since_first: day(cutoff - first),
        })
    }

    /// Rhythm of an account's orders; `None` if it has none before the view's cutoff.
    #[must_use]
    pub fn of_account(view: &AsOf<'_>, account: u32) -> Option<Self> {
        Self::of(view.account_orders(account).map(|o| o.time), view.cutoff())
    }

    /// Rhythm of an account's orders that hold `product`.
    #[must_use]
    pub fn of_pair(view: &AsOf<'_>, account: u32, product: u32) -> Option<Self> {
        let times = view
            .account_orders(account)
            .filter(|o| o.products.binary_search(&product).is_ok())
            .map(|o| o.time);
        Self::of(times, view.cutoff())
    }

    /// When the next purchase is due: last + mean gap, give or take `z` standard deviations
    /// (1.28 for four of five). `None` below two purchases; with two, the spread is the gap/2.
    #[must_use]
    pub fn due(&self, cutoff: i64, z: f64) -> Option<Due> {
        let gap = self.mean_gap_days?;
        let spread = z * self.gap_sd_days.unwrap_or(gap / 2.0);
        let last = cutoff - (self.days_since_last * DAY_US as f64).round() as i64;
        let at = |days: f64| last + (days.max(0.0) * DAY_US as f64) as i64;
        Some(Due { from: at(gap - spread), expected: at(gap), until: at(gap + spread) })
    }

    /// Whether an account that used to buy evenly is clearly late: at least `min_count` purchases,
    /// gaps varying no more than 1.25 times their mean, and the time since the last beyond both
    /// twice the mean gap and the mean gap plus two standard deviations, but not so long
    /// (six gaps) that it has plainly left.
    #[must_use]
    pub fn going_quiet(&self, min_count: u32) -> bool {
        let (Some(gap), Some(sd)) = (self.mean_gap_days, self.gap_sd_days) else { return false };
        let since = self.days_since_last;
        self.count >= min_count
            && sd <= 1.25 * gap
            && since > (2.0 * gap).max(gap + 2.0 * sd)
            && since <= 6.0 * gap.max(7.0)
    }
}
