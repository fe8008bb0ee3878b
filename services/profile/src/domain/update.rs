//! Which fields of an existing record a batch changes.

use std::collections::BTreeSet;

use salient_core::{Error, Mask, Result};

/// An update mask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UpdateMask {
    /// No mask: every field that is set in the record.
    #[default]
    Set,
    /// `*`: every field, an unset one is cleared.
    All,
    /// These fields, an unset one is cleared.
    Some(BTreeSet<String>),
}

impl UpdateMask {
    /// Reads the paths of a request's mask; `writable` are the fields that may be changed.
    ///
    /// # Errors
    /// `FIELD_MASK_INVALID` with a violation per path that may not be named.
    pub fn parse(paths: &[String], writable: &[&str]) -> Result<Self, Error> {
        if paths.is_empty() {
            return Ok(Self::Set);
        }
        if Mask::parse("update_mask", paths, writable)?.is_all() {
            return Ok(Self::All);
        }
        // the two ways to name an account are one field
        let one = |path: &String| match path.as_str() {
            "account_key" => "account".to_owned(),
            _ => path.clone(),
        };
        Ok(Self::Some(paths.iter().map(one).collect()))
    }

    /// Whether the field is changed; `set` tells whether it is set in the record.
    pub fn takes(&self, field: &str, set: impl FnOnce() -> bool) -> bool {
        match self {
            Self::Set => set(),
            Self::All => true,
            Self::Some(fields) => fields.contains(field),
        }
    }

    /// Whether a record that equals the stored one in every field changes nothing *because* of
    /// that. Under a mask of some fields the others do not count, and comparing whole records
    /// says too little.
    pub fn compares_whole(&self) -> bool {
        !matches!(self, Self::Some(_))
    }
}

#[cfg(test)]
mod tests {
    use salient_core::Reason;

    use super::*;

    fn parse(paths: &[&str]) -> Result<UpdateMask> {
        let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
        UpdateMask::parse(&paths, &["account", "account_key", "email"])
    }

    #[test]
    fn no_mask_takes_what_is_set() {
        let mask = parse(&[]).unwrap();
        assert!(mask.takes("email", || true) && !mask.takes("email", || false));
    }

    #[test]
    fn a_star_takes_everything_and_names_take_themselves() {
        assert!(parse(&["*"]).unwrap().takes("email", || false));
        let mask = parse(&["account_key"]).unwrap();
        assert!(mask.takes("account", || false) && !mask.takes("email", || true));
    }

    #[test]
    fn what_may_not_be_written_is_refused() {
        let error = parse(&["email", "name"]).unwrap_err();
        assert_eq!(error.reason(), Reason::FieldMaskInvalid);
        assert_eq!(error.violations()[0].field, "update_mask.paths[1]");
    }
}
