//! Why a record is refused.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use prost_types::Timestamp;
use salient_core::{Error, Reason, from_micros, to_micros};
use salient_proto::{Validate, common::v1::SourceKey};

use super::record::timestamp_micros;

/// Faults that are told at most about one record.
const TOLD: usize = 5;

/// Why a record is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Path of the field inside the record.
    pub field: String,
    /// The reason, for programs.
    pub reason: Reason,
    /// What is wrong and what would be accepted.
    pub message: String,
}

impl Refusal {
    /// A field that breaks a rule.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), reason: Reason::FieldInvalid, message: message.into() }
    }

    /// A record that names somebody who was erased. Says nothing of whom.
    pub fn person_erased(field: &str) -> Self {
        Self {
            field: field.to_owned(),
            reason: Reason::PersonErased,
            message:
                "belongs to a person who was erased; records of the person are accepted again after a new \
                      consent of theirs was recorded"
                    .to_owned(),
        }
    }

    /// A field that names an account which does not exist.
    pub fn account_unknown(field: &str, account: &str) -> Self {
        Self {
            field: field.to_owned(),
            reason: Reason::AccountUnknown,
            message: format!(
                "{account} does not exist; an account that was stored before, or stands in the same batch, is accepted"
            ),
        }
    }
}

/// Collects what is wrong with one record.
#[derive(Debug)]
pub struct Faults {
    latest: i64,
    list: Vec<Refusal>,
}

impl Faults {
    /// What is wrong with `record` by the annotations of the contract. `latest` is the latest date
    /// that a record may carry.
    pub fn of(record: &impl Validate, latest: DateTime<Utc>) -> Self {
        let list = match record.validate() {
            Ok(()) => Vec::new(),
            Err(violations) => {
                violations.into_iter().map(|v| Refusal::field(v.field, v.description)).collect()
            }
        };
        Self { latest: to_micros(latest), list }
    }

    /// Adds a fault of `field`.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.list.push(Refusal::field(field, message));
    }

    /// Adds a fault if `text` holds a NUL, which no text column of Postgres takes.
    pub fn text(&mut self, field: &str, text: &str) {
        if text.contains('\0') {
            self.add(field, "text without the character U+0000 is accepted");
        }
    }

    /// [`Faults::text`] for both parts of a key.
    pub fn key(&mut self, field: &str, key: Option<&SourceKey>) {
        for (part, text) in key.into_iter().flat_map(|key| [("source", &key.source), ("id", &key.id)]) {
            if text.contains('\0') {
                self.text(&format!("{field}.{part}"), text);
            }
        }
    }

    /// Adds a fault if `name` is neither empty nor a resource name like `T`'s.
    pub fn name<T: FromStr<Err = Error>>(&mut self, field: &str, name: &str) {
        if name.is_empty() {
            return;
        }
        if let Err(error) = name.parse::<T>() {
            let what = error.violations().first().map_or(error.message(), |v| v.description.as_str());
            self.add(field, what);
        }
    }

    /// Adds a fault if `time` lies in the future.
    pub fn past(&mut self, field: &str, time: Option<&Timestamp>) {
        let Some(micros) = time.map(timestamp_micros).filter(|micros| *micros > self.latest) else {
            return;
        };
        let text = |micros| from_micros(micros).to_rfc3339_opts(SecondsFormat::AutoSi, true);
        self.list.push(Refusal {
            field: field.to_owned(),
            reason: Reason::DateInFuture,
            message: format!(
                "{} is in the future; a time up to {} is accepted",
                text(micros),
                text(self.latest)
            ),
        });
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether something is wrong with `field` or a part of it.
    pub fn touch(&self, field: &str) -> bool {
        self.list.iter().any(|fault| fault.field.starts_with(field))
    }

    /// One refusal that names the first fault and tells of the others; none if nothing is wrong.
    pub fn into_refusal(self) -> Option<Refusal> {
        let mut faults = self.list.into_iter();
        let mut first = faults.next()?;
        let rest = faults.len();
        for (told, fault) in faults.by_ref().take(TOLD).enumerate() {
            let lead = if told == 0 { "; also " } else { ", " };
            first.message.push_str(&format!("{lead}{}: {}", fault.field, fault.message));
        }
        if rest > TOLD {
            first.message.push_str(&format!(" and {} more", rest - TOLD));
        }
        Some(first)
    }
}
