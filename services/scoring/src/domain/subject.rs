//! Whom models are asked about.

use salient_core::{AccountId, ContactId, OpportunityId};
use salient_learn::{Error, features::Schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Whom a model is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// Accounts.
    #[default]
    Account,
    /// Accounts that have not ordered yet.
    Lead,
    /// People at accounts.
    Contact,
    /// Possible sales.
    Opportunity,
}

impl SubjectKind {
    /// The first part of their names.
    #[must_use]
    pub const fn collection(self) -> &'static str {
        match self {
            Self::Account | Self::Lead => AccountId::COLLECTION,
            Self::Contact => ContactId::COLLECTION,
            Self::Opportunity => OpportunityId::COLLECTION,
        }
    }

    /// Several of them, in words.
    #[must_use]
    pub const fn many(self) -> &'static str {
        match self {
            Self::Account => "accounts",
            Self::Lead => "leads",
            Self::Contact => "contacts",
            Self::Opportunity => "opportunities",
        }
    }

    /// The name of one of them.
    #[must_use]
    pub fn name(self, id: Uuid) -> String {
        format!("{}/{id}", self.collection())
    }

    /// The kinds of events with whose first one a subject is asked about no more: whoever returns something has
    /// bought it, whether or not that was told.
    #[must_use]
    pub fn until(self) -> Vec<String> {
        let ends: &[&str] = if self == Self::Lead { &["order", "return"] } else { &[] };
        ends.iter().map(|&kind| kind.to_owned()).collect()
    }

    /// A schema that knows these events, even if none has happened yet: a version that was trained before must
    /// see them come.
    ///
    /// # Errors
    /// A schema that holds no more kinds.
    pub fn seen_to_end(self, mut schema: Schema) -> Result<Schema, Error> {
        self.until().iter().try_for_each(|kind| schema.kind(kind).map(drop))?;
        Ok(schema)
    }
}

/// One of those whom a model is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: Uuid,
    /// The account that it is, or belongs to.
    pub account: AccountId,
    /// That account's number in the ledger.
    pub number: u32,
}
