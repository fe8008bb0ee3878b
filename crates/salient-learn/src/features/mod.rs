//! Features from declarations: what was known of a subject at a cutoff, as one row of numbers and
//! categories.
//!
//! A subject (an account, a contact, a lead, an opportunity) has a stream of events and a stream of
//! attributes that became known ([`Subject`]); a region has series of measures that were published
//! ([`Exogenous`]). A [`Declaration`] says which windows, kinds and features count; with the
//! [`Schema`] of the streams it becomes a [`Plan`], which makes a row for each subject and cutoff in
//! one pass over the subjects, one of them in memory at a time.
//!
//! **Point in time.** A row sees events with `time < cutoff`, attributes with `known < cutoff` and
//! measures with `published < cutoff`. The streams are private to their modules and leave them only
//! by [`Subject::before`] and [`Exogenous::as_of`], so nothing here can look further.
//!
//! | name | what it is |
//! |---|---|
//! | `orders_90d` | events in the window |
//! | `orders_people_90d` | different people in them |
//! | `orders_amount_90d`, `orders_quantity_90d` | sums; 0 without any |
//! | `orders_amount_mean_90d` | mean of the amounts; missing without any |
//! | `orders_trend_90d` | ln((now + 1) / (before + 1)), the window against the one before it |
//! | `orders_amount_trend_90d` | the same of the amounts |
//! | `orders_share_90d` | share of the events of all counted kinds; missing without any |
//! | `days_since_last_order`, `days_since_first_order` | days to the cutoff; missing without any |
//! | `order_gap_days`, `order_gap_sd_days` | rhythm over all time, as [`crate::rhythm::Rhythm`] |
//! | `order_gap_ratio` | days since the last in mean gaps |
//! | `attr_industry` | attribute as of the cutoff |
//! | `attr_founded_age_days` | date as its age at the cutoff; negative if it lies ahead |
//! | `series_wheat` | measure of the region |
//! | `series_wheat_change_90d` | its change against what was known that many days before |
//!
//! Amounts and quantities are in the caller's unit (minor units of one currency), times in
//! microseconds UTC. A new attribute, kind or series becomes features without code: it only has to
//! stand in the [`Schema`].
//!
//! **How to add an aggregate:** a variant of [`Aggregate`] with its name, and its value in
//! `tally.rs`; the tests compare every value with a recomputation from the raw rows.

mod build;
mod declare;
mod exogenous;
mod glob;
mod plan;
mod state;
mod tally;

pub use build::{Cell, Row, RowKey};
pub use declare::{Aggregate, Declaration};
pub use exogenous::{Exogenous, Point};
pub use plan::Plan;
pub use state::{Attribute, AttributeSet, Event, Kind, Schema, Seen, Subject, Value};

use crate::{DAY_US, Error};

/// Times lie in the years 1 to 9999: differences of any two of them can be held.
const LATEST: i64 = 253_402_300_800_000_000;

fn check_time(what: &'static str, time: i64) -> Result<(), Error> {
    if (-LATEST..LATEST).contains(&time) {
        return Ok(());
    }
    Err(Error::invalid(what, format!("{time}; microseconds UTC of the years 1 to 9999 are accepted")))
}

fn days(us: i64) -> f64 {
    us as f64 / DAY_US as f64
}
