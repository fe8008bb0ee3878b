//! How often and how evenly somebody buys.

use crate::history::{AsOf, DAY_US};

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
