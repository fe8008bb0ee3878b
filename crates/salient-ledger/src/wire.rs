//! Values of the contracts that several services convert.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use salient_core::{Estimate, micros};
use salient_learn::metrics::wilson;
use salient_proto::common::v1 as common;
use salient_store::Run;

/// A time on the wire.
#[must_use]
pub fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: at.timestamp(),
        nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}

/// A time off the wire, cut to microseconds.
#[must_use]
pub fn time(at: &Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?).map(micros)
}

/// An expected amount on the wire.
#[must_use]
pub fn estimate(value: Estimate) -> common::Estimate {
    common::Estimate { currency_code: value.currency.to_string(), minor_units: value.minor_units }
}

/// A share on the wire, with Wilson's 95 % interval.
#[must_use]
pub fn share(count: i64, total: i64) -> common::Share {
    let some = total > 0;
    let interval = wilson(count.unsigned_abs(), total.unsigned_abs(), 0.95);
    common::Share {
        count,
        total,
        value: some.then(|| count as f64 / total as f64),
        low: some.then_some(interval.low),
        high: some.then_some(interval.high),
    }
}

/// Where a run stands, on the wire.
#[must_use]
pub fn status(run: &Run) -> common::RunStatus {
    common::RunStatus {
        state: run.state as i32,
        progress: run.progress,
        step: run.step.clone(),
        error: run.error.clone(),
        reason: run.reason.clone(),
        create_time: Some(timestamp(run.create_time)),
        end_time: run.end_time.map(timestamp),
    }
}
