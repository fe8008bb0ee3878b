//! The checks that generated validation calls. Each appends a violation that says what would be
//! accepted.

use std::{fmt::Display, sync::LazyLock};

use regex::Regex;

use crate::{Path, Violation};

fn report(at: &Path, last: &str, description: String, out: &mut Vec<Violation>) {
    out.push(Violation { field: at.text(last), description });
}

/// A set message.
pub fn required(set: bool, field: &str, at: &Path, out: &mut Vec<Violation>) {
    if !set {
        report(at, field, "is required".into(), out);
    }
}

/// At least `n` elements.
pub fn min_items(len: usize, n: usize, field: &str, at: &Path, out: &mut Vec<Violation>) {
    if len < n {
        report(at, field, format!("must have at least {n} items, has {len}"), out);
    }
}

/// At most `n` elements.
pub fn max_items(len: usize, n: usize, field: &str, at: &Path, out: &mut Vec<Violation>) {
    if len > n {
        report(at, field, format!("must have at most {n} items, has {len}"), out);
    }
}

/// At least `n` characters.
pub fn min_len(value: &str, n: usize, at: &Path, out: &mut Vec<Violation>) {
    if value.len() < n || (!value.is_ascii() && value.chars().count() < n) {
        let text =
            if n == 1 { "must not be empty".into() } else { format!("must have at least {n} characters") };
        report(at, "", text, out);
    }
}

/// At most `n` characters.
pub fn max_len(value: &str, n: usize, at: &Path, out: &mut Vec<Violation>) {
    if value.len() > n && value.chars().count() > n {
        report(at, "", format!("must have at most {n} characters, has {}", value.chars().count()), out);
    }
}

/// A UUID in its usual text form.
pub fn uuid(value: &str, at: &Path, out: &mut Vec<Violation>) {
    let well_formed = value.len() == 36
        && value.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if !well_formed {
        report(at, "", "must be a UUID such as 0197d5a4-6f3e-7c1b-9b0a-4a1d2f3c5e6b".into(), out);
    }
}

/// A pattern, compiled when it is first used.
pub type Pattern = LazyLock<Regex>;

/// Compiles a pattern of the contract.
pub fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("a test compiles every pattern: {error}"))
}

/// The value matches the pattern.
pub fn matches(value: &str, pattern: &Regex, at: &Path, out: &mut Vec<Violation>) {
    if !pattern.is_match(value) {
        report(at, "", format!("must match {}", pattern.as_str()), out);
    }
}

macro_rules! bounds {
    ($($(#[$doc:meta])* $name:ident $op:tt $words:literal)*) => {$(
        $(#[$doc])*
        pub fn $name<T: PartialOrd + Display + Copy>(value: T, bound: T, at: &Path, out: &mut Vec<Violation>) {
            // written so that NaN is refused
            let holds = value $op bound;
            if !holds {
                report(at, "", format!(concat!("must be ", $words, " {}, is {}"), bound, value), out);
            }
        }
    )*};
}

bounds! {
    /// More than the bound.
    gt > "more than"
    /// The bound or more.
    gte >= "at least"
    /// Less than the bound.
    lt < "less than"
    /// The bound or less.
    lte <= "at most"
}

/// A value that the enum defines.
pub fn defined(defined: bool, value: i32, at: &Path, out: &mut Vec<Violation>) {
    if !defined {
        report(at, "", format!("{value} is not a value of this enum"), out);
    }
}

/// None of the listed values.
pub fn not_in(value: i32, refused: &[i32], at: &Path, out: &mut Vec<Violation>) {
    if refused.contains(&value) {
        report(at, "", "must be set to one of the named values".into(), out);
    }
}

/// A time that a calendar has: years 1 to 9999, nanoseconds below a second.
pub fn timestamp(value: &prost_types::Timestamp, at: &Path, out: &mut Vec<Violation>) {
    let in_range = (-62_135_596_800..=253_402_300_799).contains(&value.seconds)
        && (0..1_000_000_000).contains(&value.nanos);
    if !in_range {
        report(at, "", "must be a time between the years 1 and 9999".into(), out);
    }
}
