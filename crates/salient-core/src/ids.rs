//! Typed ids and AIP-122 resource names.
//!
//! An id that the suite makes is a UUIDv7 behind its own type; an id that the user chooses
//! (a stock code, a seller's number) is text. Both print as their resource name
//! (`accounts/0197…`, `products/85123A`) and are stored bare.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock::Clock,
    error::{Error, Result},
};

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident, $collection:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// A UUIDv7. Prints as its resource name; in JSON it is the bare UUID.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The collection of the resource name.
            pub const COLLECTION: &str = $collection;

            /// A new id at the clock's now; ids of one clock ascend.
            #[must_use]
            pub fn new(clock: &Clock) -> Self {
                Self(clock.uuid())
            }

            /// An id that was made before.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare UUID, as it is stored.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The resource name.
            #[must_use]
            pub fn name(self) -> String {
                self.to_string()
            }

            /// Reads a resource name. The error calls the field `name`.
            pub fn parse_name(name: &str) -> Result<Self> {
                Self::parse_field("name", name)
            }

            /// Reads a resource name that stands in the field `field`.
            pub fn parse_field(field: &str, name: &str) -> Result<Self> {
                parse_uuid(name, $collection).map(Self).ok_or_else(|| {
                    Error::field(field, concat!("a name like ", $collection, "/{uuid} is accepted"))
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($collection, "/{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(name: &str) -> Result<Self> {
                Self::parse_name(name)
            }
        }
    )*};
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident, $collection:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// Chosen by the user: 1 to 128 characters without `/` and control characters.
        /// Prints as its resource name; in JSON it is the bare text. Cheap to clone.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The collection of the resource name.
            pub const COLLECTION: &str = $collection;

            /// Takes a bare id.
            pub fn try_new(id: &str) -> Result<Self> {
                if is_text_id(id) {
                    Ok(Self(id.into()))
                } else {
                    Err(Self::refused("id"))
                }
            }

            /// Reads a resource name. The error calls the field `name`.
            pub fn parse_name(name: &str) -> Result<Self> {
                Self::parse_field("name", name)
            }

            /// Reads a resource name that stands in the field `field`.
            pub fn parse_field(field: &str, name: &str) -> Result<Self> {
                name.strip_prefix(concat!($collection, "/"))
                    .filter(|id| is_text_id(id))
                    .map(|id| Self(id.into()))
                    .ok_or_else(|| Self::refused(field))
            }

            /// The bare id, as it is stored.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The resource name.
            #[must_use]
            pub fn name(&self) -> String {
                self.to_string()
            }

            fn refused(field: &str) -> Error {
                Error::field(
                    field,
                    concat!(
                        "a name like ", $collection,
                        "/{id} is accepted, the id 1 to 128 characters without / and control characters"
                    ),
                )
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($collection, "/{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(name: &str) -> Result<Self> {
                Self::parse_name(name)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(id: String) -> Result<Self> {
                Self::try_new(&id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    )*};
}

id! {
    /// An account: a company that buys, or could.
    AccountId, "accounts";
    /// A person at an account.
    ContactId, "contacts";
    /// A purchase or a return.
    OrderId, "orders";
    /// Something that happened between an account and us.
    InteractionId, "interactions";
    /// A possible sale.
    OpportunityId, "opportunities";
    /// Two profiles that were made one.
    MergeId, "merges";
    /// Two profiles that may be one.
    ReviewId, "reviews";
    /// A comparison of all records of a kind.
    ResolutionRunId, "resolutionRuns";
    /// A file that is taken in.
    TransferId, "transfers";
    /// A trained model.
    ModelId, "models";
    /// One run of scoring.
    ScoringRunId, "scoringRuns";
    /// A comparison of what models promised with what came of it.
    ModelBacktestId, "modelBacktests";
    /// A recommendation.
    RecommendationId, "recommendations";
    /// One run of planning.
    PlanRunId, "planRuns";
    /// A comparison of lists with what happened.
    BacktestId, "backtests";
    /// A policy that ranks and chooses.
    PolicyId, "policies";
    /// What a seller did with a recommendation.
    ReactionId, "reactions";
    /// What came of it.
    OutcomeId, "outcomes";
    /// The erasure of a person.
    ErasureId, "erasures";
    /// Everything that is held about a person.
    PersonExportId, "personExports";
}

text_id! {
    /// A product of the catalogue.
    ProductId, "products";
    /// A seller.
    SellerId, "sellers";
}

fn parse_uuid(name: &str, collection: &str) -> Option<Uuid> {
    let id = name.strip_prefix(collection)?.strip_prefix('/')?;
    // One spelling only: names are compared as text elsewhere.
    let canonical = id.len() == 36 && !id.bytes().any(|b| b.is_ascii_uppercase());
    canonical.then(|| Uuid::try_parse(id).ok()).flatten()
}

fn is_text_id(id: &str) -> bool {
    let mut count = 0;
    let clean = id.chars().all(|c| {
        count += 1;
        c != '/' && !c.is_control()
    });
    clean && (1..=128).contains(&count)
}

/// Reads a resource name that has more than one part: the segments of `pattern` in braces,
/// in order.
///
/// ```
/// let name = "sellers/s07/plans/2011-06-01";
/// let [seller, date] = salient_core::ids::parse_path("name", "sellers/{seller}/plans/{date}", name)?;
/// assert_eq!((seller, date), ("s07", "2011-06-01"));
/// # Ok::<(), salient_core::Error>(())
/// ```
pub fn parse_path<'n, const N: usize>(field: &str, pattern: &str, name: &'n str) -> Result<[&'n str; N]> {
    let refused = || Error::field(field, format!("a name like {pattern} is accepted"));
    let mut found = Vec::with_capacity(N);
    let mut segments = name.split('/');
    for wanted in pattern.split('/') {
        let segment = segments.next().ok_or_else(refused)?;
        if wanted.starts_with('{') {
            if !is_text_id(segment) {
                return Err(refused());
            }
            found.push(segment);
        } else if wanted != segment {
            return Err(refused());
        }
    }
    if segments.next().is_some() {
        return Err(refused());
    }
    found.try_into().map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_reads_back() {
        let clock = Clock::manual("2011-06-01T00:00:00Z".parse().unwrap());
        let id = AccountId::new(&clock);
        assert!(id.name().starts_with("accounts/0130"));
        assert_eq!(AccountId::parse_name(&id.name()).unwrap(), id);
        assert_eq!(format!("{id:?}"), id.name());
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{}\"", id.uuid()));
        assert_eq!(serde_json::from_str::<AccountId>(&json).unwrap(), id);
    }

    #[test]
    fn a_wrong_name_is_refused_with_what_is_accepted() {
        let id = Uuid::from_u128(7);
        let bad = [
            String::new(),
            "accounts".into(),
            "accounts/".into(),
            format!("contacts/{id}"),
            format!("accounts/{}", id.simple()),
            format!("accounts/{{{id}}}"),
            format!("accounts/{id}/score"),
            "accounts/0197A000-0000-7000-8000-000000000000".into(),
        ];
        for name in bad {
            let error = AccountId::parse_field("order.account", &name).unwrap_err();
            assert_eq!(error.violations()[0].field, "order.account");
            assert_eq!(error.violations()[0].description, "a name like accounts/{uuid} is accepted");
        }
    }

    #[test]
    fn text_ids_take_any_characters_but_slash_and_control() {
        for good in ["85123A", "s07", "a b", "é", &"é".repeat(128)] {
            let id = ProductId::try_new(good).unwrap();
            assert_eq!(ProductId::parse_name(&id.name()).unwrap(), id);
            assert_eq!(id.as_str(), good);
        }
        for bad in ["", "a/b", "a\nb", &"x".repeat(129)] {
            assert!(ProductId::try_new(bad).is_err());
            assert!(SellerId::parse_name(&format!("sellers/{bad}")).is_err());
        }
        assert!(SellerId::parse_name("products/s07").is_err());
        assert!(serde_json::from_str::<ProductId>("\"a/b\"").is_err());
    }

    #[test]
    fn paths_of_several_parts() {
        let pattern = "sellers/{seller}/plans/{date}";
        assert!(parse_path::<2>("name", pattern, "sellers/s07/plans").is_err());
        assert!(parse_path::<2>("name", pattern, "sellers//plans/x").is_err());
        assert!(parse_path::<2>("name", pattern, "sellers/s07/plans/x/y").is_err());
        assert!(parse_path::<1>("name", pattern, "sellers/s07/plans/x").is_err());
        assert_eq!(parse_path("name", "accounts/{account}/score", "accounts/a/score").unwrap(), ["a"]);
    }

    proptest! {
        #[test]
        fn any_uuid_reads_back(bits: u128) {
            let id = OrderId::from_uuid(Uuid::from_u128(bits));
            prop_assert_eq!(OrderId::parse_name(&id.name()).unwrap(), id);
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = OrderId::parse_name(&text);
            let _ = OrderId::parse_name(&format!("orders/{text}"));
            let accepted = ProductId::parse_name(&format!("products/{text}"));
            if let Ok(id) = accepted {
                prop_assert_eq!(id.as_str(), text);
            }
        }
    }
}
