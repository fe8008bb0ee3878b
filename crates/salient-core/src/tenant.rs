//! Whose data it is.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A tenant: 1 to 63 characters of `a`–`z`, `0`–`9` and `-`. It comes from the caller's
/// credentials, never from a request body, and is the first part of every key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The tenant as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for TenantId {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=63).contains(&text.len()) && text.bytes().all(good) {
            Ok(Self(text.into()))
        } else {
            Err(Error::field("tenant", "1 to 63 characters of a-z, 0-9 and - are accepted"))
        }
    }
}

impl TryFrom<String> for TenantId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::try_from(text.as_str())
    }
}

impl std::str::FromStr for TenantId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::try_from(text)
    }
}

impl From<TenantId> for String {
    fn from(tenant: TenantId) -> Self {
        tenant.as_str().to_owned()
    }
}

impl AsRef<str> for TenantId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_it_says() {
        for good in ["a", "acme", "acme-2", &"x".repeat(63)] {
            assert_eq!(TenantId::try_from(good).unwrap().as_str(), good);
        }
        for bad in ["", "Acme", "a b", "a/b", "ü", &"x".repeat(64)] {
            assert!(TenantId::try_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn is_checked_when_read_from_json() {
        assert_eq!(serde_json::from_str::<TenantId>("\"acme\"").unwrap().as_str(), "acme");
        assert!(serde_json::from_str::<TenantId>("\"Acme\"").is_err());
    }
}
