//! Kinds found in texts: numbers, categories, ages of dates.

use crate::{
    DAY_US, Error,
    frame::{Column, Frame, Levels, MISSING, date::microseconds},
};

/// Up to here an `f64` holds every whole number; a longer one names something, it counts nothing.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// How texts are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// Texts that mean "missing", besides the empty one; such as `NA`.
    pub missing: Vec<String>,
    /// Columns that stay categories, whatever they look like.
    pub categorical: Vec<String>,
    /// Up to when dates are aged, microseconds UTC; needed if there are dates.
    pub cutoff: Option<i64>,
}

impl Frame {
    /// From rows of texts. A column whose texts are all numbers is a column of numbers; one whose
    /// texts are all ISO dates becomes `<name>_age_days`, their age at the cutoff in days, missing
    /// if later than it; all else is a category. Texts that only look like numbers stay
    /// categories: with leading zeros (`007`), a plus sign, or too long to be held exactly.
    /// Blanks around a text do not count; a column without any text is one of missing numbers.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a row of another length, a column marked categorical that is not
    /// there, an infinite number, dates without a cutoff, and as [`Frame::new`].
    pub fn from_texts(names: &[&str], rows: &[Vec<&str>], reading: &Reading) -> Result<Self, Error> {
        if let Some((at, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != names.len()) {
            let why = format!("row {at} has {} texts; {} are accepted, one a column", row.len(), names.len());
            return Err(Error::invalid("rows", why));
        }
        if let Some(unknown) = reading.categorical.iter().find(|name| !names.contains(&name.as_str())) {
            let why = format!("{unknown} is absent; accepted are {}", names.join(", "));
            return Err(Error::invalid("categorical", why));
        }
        let (mut given, mut columns) = (Vec::with_capacity(names.len()), Vec::with_capacity(names.len()));
        for (at, name) in names.iter().enumerate() {
            let texts: Vec<Option<&str>> =
                rows.iter().map(|row| row.get(at).and_then(|text| reading.text(text))).collect();
            let (name, column) = reading.column(name, &texts)?;
            given.push(name);
            columns.push(column);
        }
        Self::new(given, columns)
    }
}

impl Reading {
    fn text<'a>(&self, text: &'a str) -> Option<&'a str> {
        let text = text.trim();
        (!text.is_empty() && !self.missing.iter().any(|m| m == text)).then_some(text)
    }

    fn column(&self, name: &str, texts: &[Option<&str>]) -> Result<(String, Column), Error> {
        if self.categorical.iter().any(|c| c == name) {
            return Ok((name.to_owned(), categories(texts)));
        }
        if let Some(values) = all(texts, number) {
            let values = values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect();
            return Ok((name.to_owned(), Column::Number(values)));
        }
        let Some(times) = all(texts, microseconds) else { return Ok((name.to_owned(), categories(texts))) };
        let Some(cutoff) = self.cutoff else {
            let why = format!(
                "{name} holds dates; a cutoff to age them at, or its mark as categorical, is accepted"
            );
            return Err(Error::invalid("cutoff", why));
        };
        let age = |time: Option<i64>| match time.and_then(|time| cutoff.checked_sub(time)) {
            Some(age) if age >= 0 => age as f64 / DAY_US as f64,
            _ => f64::NAN,
        };
        let ages = times.into_iter().map(age).collect();
        Ok((format!("{name}_age_days"), Column::Number(ages)))
    }
}

/// What each text says, if `read` can read all of them.
fn all<T>(texts: &[Option<&str>], read: impl Fn(&str) -> Option<T>) -> Option<Vec<Option<T>>> {
    texts.iter().map(|text| text.map_or(Some(None), |text| read(text).map(Some))).collect()
}

/// A quantity; infinities pass, to be refused by name later.
pub(crate) fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let mut bytes = digits.bytes();
    let padded = bytes.next() == Some(b'0') && bytes.next().is_some_and(|b| b.is_ascii_digit());
    if padded || digits.starts_with('+') {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    let name = value.abs() > EXACT && digits.bytes().all(|b| b.is_ascii_digit());
    (!value.is_nan() && !name).then_some(value)
}

fn categories(texts: &[Option<&str>]) -> Column {
    let mut levels = Levels::default();
    let codes = texts.iter().map(|text| text.map_or(MISSING, |text| levels.code(text))).collect();
    levels.into_column(codes)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_and_what_only_looks_like_one() {
        for (text, value) in [("0", 0.0), ("-1.5", -1.5), ("0.25", 0.25), ("1e3", 1000.0), (".5", 0.5)] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in ["007", "-01", "00", "+49301234", "12345678901234567890", "nan", "1,5", "12 000", "0x1f"]
        {
            assert_eq!(number(text), None, "{text}");
        }
        // long, but a measure
        assert_eq!(number("0.12345678901234567"), Some(0.123_456_789_012_345_67));
        assert_eq!(number("1e999"), Some(f64::INFINITY));
    }
}
