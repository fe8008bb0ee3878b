//! Fields: what a column's text means.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::DateTime;
use md5::{Digest, Md5};

use super::spec::{FieldTable, FieldType, TransformSpec};
use crate::dates::{BadTime, Micros, Times};
use crate::decimal::{Decimal, Notation};
use crate::error::{Cell, Refusal};
use crate::rows::Row;

/// A row of a table together with the rows joined to it.
pub(crate) struct Joined<'a> {
    pub(crate) row: Row<'a>,
    others: &'a [&'a csv::ByteRecord],
}

impl<'a> Joined<'a> {
    pub(crate) fn new(row: Row<'a>, others: &'a [&'a csv::ByteRecord]) -> Self {
        Self { row, others }
    }

    fn cell(&self, place: Place) -> &'a [u8] {
        let record = match place.join {
            0 => self.row.cells,
            join => self.others[join - 1],
        };
        // rows were checked against the header: the cell is there
        record.get(place.column).unwrap_or_default()
    }
}

/// Where a column stands: in the table itself (join 0) or in a joined file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) join: usize,
    pub(crate) column: usize,
}

#[derive(Debug)]
enum Source {
    Column(Place),
    Constant(Vec<u8>),
}

#[derive(Debug)]
enum Transform {
    Trim,
    Upper,
    Lower,
    Integer,
    Hash { modulus: u32, prefix: String, width: usize },
}

/// A field of a mapping, bound to its column.
#[derive(Debug)]
pub(crate) struct Field {
    /// The column, for messages.
    pub(crate) label: String,
    pub(crate) kind: FieldType,
    source: Source,
    nulls: Vec<Vec<u8>>,
    transforms: Vec<Transform>,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    notation: Notation,
    times: Times,
}

impl Field {
    /// Binds a field; the error says what is wrong with its declaration.
    pub(crate) fn bind(spec: &FieldTable, place: Option<Place>, nulls: &[String]) -> Result<Self, String> {
        let (label, source) = match (&spec.column, place, &spec.constant) {
            (Some(column), Some(place), None) => (column.clone(), Source::Column(place)),
            (None, _, Some(text)) => ("constant".to_owned(), Source::Constant(text.clone().into_bytes())),
            _ => return Err("either `column` or `constant` is needed, and not both".to_owned()),
        };
        let transforms = spec.transform.iter().map(transform).collect::<Result<_, _>>()?;
        let sign = |option: Option<char>, what: &str| match option.map(u8::try_from) {
            None => Ok(None),
            Some(Ok(byte)) if byte.is_ascii() && !byte.is_ascii_digit() => Ok(Some(byte)),
            Some(_) => Err(format!("{what} must be one sign such as \",\"")),
        };
        let point = sign(spec.decimal_point, "decimal_point")?.unwrap_or(b'.');
        let group = sign(spec.thousands, "thousands")?;
        if group == Some(point) {
            return Err("thousands and decimal_point are the same sign".to_owned());
        }
        if spec.kind != FieldType::Time && !(spec.formats.is_empty() && spec.time_zone.is_none()) {
            return Err("formats and time_zone belong to type = \"time\"".to_owned());
        }
        Ok(Self {
            label,
            kind: spec.kind,
            source,
            nulls: nulls.iter().map(|null| null.clone().into_bytes()).collect(),
            transforms,
            values: spec.values.iter().map(|(from, to)| (from.clone().into(), to.clone().into())).collect(),
            notation: Notation { point, group },
            times: Times::new(&spec.formats, spec.time_zone.as_deref())?,
        })
    }

    /// The field's text after its transforms.
    pub(crate) fn text<'a>(&'a self, row: &Joined<'a>) -> Cell<Cow<'a, [u8]>> {
        let mut text = Cow::Borrowed(match &self.source {
            Source::Column(place) => row.cell(*place),
            Source::Constant(text) => text,
        });
        if self.nulls.iter().any(|null| *null == *text) {
            return Ok(Cow::Borrowed(b""));
        }
        for transform in &self.transforms {
            text = self.apply(transform, text)?;
        }
        if !self.values.is_empty() && !text.is_empty() {
            text = match self.values.get(&*text) {
                Some(value) => Cow::Borrowed(value),
                None => {
                    let known: Vec<_> = self.values.keys().map(|key| String::from_utf8_lossy(key)).collect();
                    return Err(self.refuse(&text, "not a known value", known.join(", ")));
                }
            };
        }
        Ok(text)
    }

    fn apply<'a>(&self, transform: &Transform, text: Cow<'a, [u8]>) -> Cell<Cow<'a, [u8]>> {
        Ok(match transform {
            Transform::Trim => match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
                Cow::Owned(text) => Cow::Owned(text.trim_ascii().to_vec()),
            },
            Transform::Upper if text.iter().any(|byte| byte.is_ascii_lowercase() || !byte.is_ascii()) => {
                Cow::Owned(self.utf8(&text)?.to_uppercase().into_bytes())
            }
            Transform::Lower if text.iter().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) => {
                Cow::Owned(self.utf8(&text)?.to_lowercase().into_bytes())
            }
            Transform::Upper | Transform::Lower => text,
            Transform::Integer => match text {
                Cow::Borrowed(text) => Cow::Borrowed(self.integer_text(text)?),
                Cow::Owned(text) => Cow::Owned(self.integer_text(&text)?.to_vec()),
            },
            Transform::Hash { modulus, prefix, width } => {
                let digest = Md5::digest(&text);
                let number = digest
                    .iter()
                    .fold(0_u64, |rest, byte| ((rest << 8) | u64::from(*byte)) % u64::from(*modulus));
                Cow::Owned(format!("{prefix}{number:0width$}").into_bytes())
            }
        })
    }

    /// "17850.0" as "17850"; leading zeros stay, because they belong to a key.
    fn integer_text<'a>(&self, text: &'a [u8]) -> Cell<&'a [u8]> {
        let (whole, fraction) = match text.iter().position(|byte| *byte == self.notation.point) {
            Some(point) => (&text[..point], &text[point + 1..]),
            None => (text, &b""[..]),
        };
        let digits = whole.strip_prefix(b"-").unwrap_or(whole);
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        if text.is_empty() || (is_number && fraction.iter().all(|byte| *byte == b'0')) {
            return Ok(whole);
        }
        Err(self.refuse(text, "not a whole number", "a whole number like 17850 or 17850.0"))
    }

    /// The field's text as UTF-8.
    pub(crate) fn utf8<'a>(&self, text: &'a [u8]) -> Cell<&'a str> {
        std::str::from_utf8(text).map_err(|_| {
            self.refuse(
                text,
                "not UTF-8",
                "UTF-8; for another encoding set encoding = \"windows-1252\" in the mapping",
            )
        })
    }

    pub(crate) fn integer(&self, row: &Joined<'_>) -> Cell<i64> {
        let text = self.text(row)?;
        Decimal::parse(text.trim_ascii(), self.notation)
            .and_then(Decimal::whole)
            .ok_or_else(|| self.refuse(&text, "not a whole number", "a whole number like 12"))
    }

    pub(crate) fn decimal(&self, row: &Joined<'_>) -> Cell<Decimal> {
        let text = self.text(row)?;
        Decimal::parse(text.trim_ascii(), self.notation).ok_or_else(|| match self.kind {
            FieldType::Integer => self.refuse(&text, "not a whole number", "a whole number like 12"),
            _ => {
                let point = char::from(self.notation.point);
                self.refuse(&text, "not a decimal number", format!("a number like 12{point}50"))
            }
        })
    }

    /// The nearest binary fraction, for what is no money.
    pub(crate) fn float(&self, row: &Joined<'_>) -> Cell<f64> {
        let text = self.text(row)?;
        let digits = text.trim_ascii();
        // a decimal holds fewer digits than the shortest text of some fractions has
        if self.notation == Notation::default()
            && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'))
        {
            let float = self.utf8(digits)?.parse().ok().filter(|float: &f64| float.is_finite());
            if let Some(float) = float {
                return Ok(float);
            }
        }
        self.decimal(row).map(Decimal::approximate)
    }

    /// The field's time, which must not be after `latest`. `memo` holds the last text and its
    /// time: the lines of an order share it.
    pub(crate) fn time(&self, row: &Joined<'_>, latest: Micros, memo: &mut Memo) -> Cell<Micros> {
        let text = self.text(row)?;
        if let Some(time) = memo.time.filter(|_| memo.text == *text) {
            return Ok(time);
        }
        let read = self.times.read(self.utf8(&text)?.trim(), row.row.dates);
        let time = read.map_err(|bad| {
            let problem = match bad {
                BadTime::Unreadable => "not a date or time in a declared format",
                BadTime::NoSuchHour => "this hour does not exist in the time zone: clocks go forward",
                BadTime::TooOld => "a date before 1900",
            };
            self.refuse(&text, problem, self.times.accepted())
        })?;
        if time > latest {
            let now = DateTime::from_timestamp_micros(latest)
                .map(|now| now.format("%Y-%m-%d %H:%M UTC").to_string());
            let accepted = format!("a date not after now ({})", now.unwrap_or_default());
            return Err(self.refuse(&text, "a date in the future", accepted));
        }
        memo.text.clear();
        memo.text.extend_from_slice(&text);
        memo.time = Some(time);
        Ok(time)
    }

    pub(crate) fn refuse(&self, found: &[u8], problem: &str, accepted: impl Into<String>) -> Box<Refusal> {
        Refusal::new(&self.label, found, problem, accepted)
    }
}

/// The last text of a time field and what it meant.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    text: Vec<u8>,
    time: Option<Micros>,
}

fn transform(spec: &TransformSpec) -> Result<Transform, String> {
    match spec {
        TransformSpec::Named(name) => match name.as_str() {
            "trim" => Ok(Transform::Trim),
            "upper" => Ok(Transform::Upper),
            "lower" => Ok(Transform::Lower),
            "integer" => Ok(Transform::Integer),
            other => Err(format!(
                "transform {other:?} is not known; \"trim\", \"upper\", \"lower\", \"integer\" and {{ md5_mod = N }} are"
            )),
        },
        TransformSpec::Hash(hash) if hash.md5_mod == 0 => Err("md5_mod must be at least 1".to_owned()),
        TransformSpec::Hash(hash) => Ok(Transform::Hash {
            modulus: hash.md5_mod,
            prefix: hash.prefix.clone(),
            width: (hash.md5_mod - 1).to_string().len(),
        }),
    }
}
