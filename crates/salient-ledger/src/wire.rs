//! Values of the contracts that both learning services convert.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use salient_core::{Estimate, micros};
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
