//! What is wrong with a configuration, in words that let one mend it.

use std::fmt;

use figment::error::Kind;

use super::layers::Origin;

/// Every problem of a configuration.
#[derive(Debug)]
pub struct ConfigError {
    service: String,
    problems: Vec<Problem>,
}

/// One problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, for example `server.listen`; empty when the problem is of no single key.
    pub key: String,
    /// Where the key was set, for example `environment variable SALIENT_PROFILE__SERVER__LISTEN`.
    pub source: String,
    /// What is wrong and what would be accepted.
    pub message: String,
}

impl ConfigError {
    /// An error of `service` with its problems, at least one.
    pub fn new(service: &str, problems: Vec<Problem>) -> Self {
        Self { service: service.to_owned(), problems }
    }

    /// The problems, in the order in which they were found.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration of {} is not usable", self.service)?;
        for problem in &self.problems {
            write!(f, "\n  - {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.is_empty(), self.source.is_empty()) {
            (true, _) => f.write_str(&self.message),
            (false, true) => write!(f, "{}: {}", self.key, self.message),
            (false, false) => write!(f, "{} (from {}): {}", self.key, self.source, self.message),
        }
    }
}

impl Problem {
    /// A problem of no single key.
    pub fn plain(message: impl Into<String>) -> Self {
        Self { key: String::new(), source: String::new(), message: message.into() }
    }

    /// A problem of one key.
    pub fn of(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), source: String::new(), message: message.into() }
    }

    pub(super) fn from_figment(error: &figment::Error, path: &[String], origin: &Origin) -> Self {
        let message = match &error.kind {
            Kind::UnknownField(field, known) => unknown(field, path, known),
            Kind::UnknownVariant(found, known) => {
                let near =
                    nearest(found, known).map(|near| format!(", did you mean {near:?}?")).unwrap_or_default();
                format!("{found:?} is not one of {}{near}", known.join(", "))
            }
            Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
                format!("found {found}, expected {expected}")
            }
            Kind::MissingField(field) => format!("the key {field} is missing"),
            other => other.to_string(),
        };
        Self { key: path.join("."), source: origin.to_string(), message }
    }
}

/// The path of the culprit. For an unknown key figment names the table or the key itself,
/// depending on how it was read; the key is always the last part here.
pub(super) fn path_of(error: &figment::Error) -> Vec<String> {
    let mut path = error.path.clone();
    if let Kind::UnknownField(field, _) = &error.kind
        && path.last() != Some(field)
    {
        path.push(field.clone());
    }
    path
}

fn unknown(field: &str, path: &[String], known: &[&str]) -> String {
    let parent = path.split_last().map(|(_, parent)| parent.join(".")).unwrap_or_default();
    let dot = if parent.is_empty() { "" } else { "." };
    let near =
        nearest(field, known).map(|near| format!(", did you mean {parent}{dot}{near}?")).unwrap_or_default();
    let place = if parent.is_empty() { "at the top".to_owned() } else { format!("in {parent}") };
    format!("unknown key{near} (known {place}: {})", known.join(", "))
}

/// The known word nearest to `word`, if it is near enough to be a slip of the hand.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, a swap of neighbours counted as two.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let cost = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
