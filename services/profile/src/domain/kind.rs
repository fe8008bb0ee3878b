//! The kinds of records.

use salient_core::{AccountId, ContactId, InteractionId, OpportunityId, OrderId, Result};
use uuid::Uuid;

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A company.
    Account,
    /// A person at one.
    Contact,
    /// A purchase or a return.
    Order,
    /// Something that happened.
    Interaction,
    /// A possible sale.
    Opportunity,
}

impl Kind {
    /// The collection of the kind's resource names.
    pub const fn collection(self) -> &'static str {
        match self {
            Self::Account => AccountId::COLLECTION,
            Self::Contact => ContactId::COLLECTION,
            Self::Order => OrderId::COLLECTION,
            Self::Interaction => InteractionId::COLLECTION,
            Self::Opportunity => OpportunityId::COLLECTION,
        }
    }

    /// The resource name of the record `id`.
    pub fn name(self, id: Uuid) -> String {
        match self {
            Self::Account => AccountId::from_uuid(id).name(),
            Self::Contact => ContactId::from_uuid(id).name(),
            Self::Order => OrderId::from_uuid(id).name(),
            Self::Interaction => InteractionId::from_uuid(id).name(),
            Self::Opportunity => OpportunityId::from_uuid(id).name(),
        }
    }

    /// The id in a resource name that stands in the field `field`.
    ///
    /// # Errors
    /// `FIELD_INVALID`.
    pub fn parse(self, field: &str, name: &str) -> Result<Uuid> {
        match self {
            Self::Account => AccountId::parse_field(field, name).map(AccountId::uuid),
            Self::Contact => ContactId::parse_field(field, name).map(ContactId::uuid),
            Self::Order => OrderId::parse_field(field, name).map(OrderId::uuid),
            Self::Interaction => InteractionId::parse_field(field, name).map(InteractionId::uuid),
            Self::Opportunity => OpportunityId::parse_field(field, name).map(OpportunityId::uuid),
        }
    }
}
