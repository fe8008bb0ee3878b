//! Field masks (AIP-161), over the names of a message's own fields.

use std::collections::BTreeSet;

use crate::error::{Error, Reason, Result};

/// A set of top-level fields; either all of them or some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(Option<BTreeSet<String>>);

impl Mask {
    /// Every field.
    #[must_use]
    pub const fn all() -> Self {
        Self(None)
    }

    /// Checks the paths of a request's mask `field` against the names that are accepted.
    /// No path, or the path `*`, means every field.
    pub fn parse(field: &str, paths: &[String], known: &[&str]) -> Result<Self> {
        let accepted = known.join(", ");
        let mut refused: Option<Error> = None;
        for (i, path) in paths.iter().enumerate() {
            if path == "*" || known.contains(&path.as_str()) {
                continue;
            }
            let description = format!("{path} may not be named; accepted are {accepted}");
            let error = refused
                .take()
                .unwrap_or_else(|| Error::new(Reason::FieldMaskInvalid, format!("{field}: {description}")));
            refused = Some(error.with_violation(format!("{field}.paths[{i}]"), description));
        }
        if let Some(error) = refused {
            return Err(error);
        }
        if paths.is_empty() || paths.iter().any(|path| path == "*") {
            return Ok(Self::all());
        }
        Ok(Self(Some(paths.iter().cloned().collect())))
    }

    /// Whether the field is in the mask.
    #[must_use]
    pub fn contains(&self, field: &str) -> bool {
        self.0.as_ref().is_none_or(|fields| fields.contains(field))
    }

    /// Whether it holds every field.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["name", "display_name"];

    fn parse(paths: &[&str]) -> Result<Mask> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        Mask::parse("read_mask", &paths, KNOWN)
    }

    #[test]
    fn no_path_and_a_star_mean_all() {
        assert!(parse(&[]).unwrap().is_all());
        assert!(parse(&["name", "*"]).unwrap().is_all());
        assert!(Mask::all().contains("anything"));
    }

    #[test]
    fn some_fields() {
        let mask = parse(&["name"]).unwrap();
        assert!(mask.contains("name") && !mask.contains("display_name") && !mask.is_all());
    }

    #[test]
    fn unknown_fields_are_named() {
        let error = parse(&["name", "colour"]).unwrap_err();
        assert_eq!(error.reason(), Reason::FieldMaskInvalid);
        assert!(error.message().contains("colour"), "{error}");
        assert!(error.message().contains("display_name"), "{error}");
        assert_eq!(error.violations().len(), 1);
        assert_eq!(error.violations()[0].field, "read_mask.paths[1]");
    }
}
