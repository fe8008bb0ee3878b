//! Who calls: bearer tokens (JWT) with the claims `tenant`, `sub`, `role` and `exp`.
//!
//! A [`Verifier`] turns a token into a [`Caller`]; a [`Signer`] makes tokens for the demo, for
//! tests and for calls between services. Expiry is judged by the system's time, never by a
//! service's clock, which may be replaying another year.

mod signer;
mod verifier;

use std::{fmt, str::FromStr, time::Duration};

use salient_core::{Error, Reason, TenantId};
use salient_proto::common::v1 as proto;
use serde::{Deserialize, Serialize};

pub use signer::Signer;
pub use verifier::Verifier;

/// What a caller is allowed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads and reacts to the plan of the seller that is its subject.
    Seller,
    /// Reads the plans and figures of every seller of the tenant.
    Manager,
    /// Runs training, planning, replays.
    Operator,
    /// Writes customer data.
    Integration,
    /// Another service of the suite.
    Service,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] =
        [Role::Seller, Role::Manager, Role::Operator, Role::Integration, Role::Service];

    /// The role as it stands in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seller => "seller",
            Self::Manager => "manager",
            Self::Operator => "operator",
            Self::Integration => "integration",
            Self::Service => "service",
        }
    }

    /// The role of the contract.
    pub const fn to_proto(self) -> proto::Role {
        match self {
            Self::Seller => proto::Role::Seller,
            Self::Manager => proto::Role::Manager,
            Self::Operator => proto::Role::Operator,
            Self::Integration => proto::Role::Integration,
            Self::Service => proto::Role::Service,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Role::as_str).join(", ");
            Error::new(Reason::TokenInvalid, format!("the role {text:?} is not one of {known}"))
        })
    }
}

/// Who calls, as their token says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Whose data they may see.
    pub tenant: TenantId,
    /// Who they are within the tenant; a seller's is the bare seller id, `s07` of `sellers/s07`.
    pub subject: String,
    /// What they may do.
    pub role: Role,
}

impl Caller {
    /// The seller's id if the caller is one: then they see their own things only.
    pub fn seller(&self) -> Option<&str> {
        (self.role == Role::Seller).then_some(self.subject.as_str())
    }

    /// Whether the caller is a seller, and another than `seller` (a bare id).
    pub fn is_seller_other_than(&self, seller: &str) -> bool {
        self.seller().is_some_and(|own| own != seller)
    }

    /// Refuses a seller who asks for what belongs to another.
    ///
    /// # Errors
    /// `ROLE_INSUFFICIENT`.
    pub fn check_seller(&self, seller: &str) -> Result<(), Error> {
        if self.is_seller_other_than(seller) {
            return Err(Error::new(
                Reason::RoleInsufficient,
                format!("a seller's token reads that seller's own things, not those of sellers/{seller}"),
            ));
        }
        Ok(())
    }
}

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The tenant.
    pub tenant: String,
    /// The subject.
    pub sub: String,
    /// The role.
    pub role: String,
    /// When the token expires, in seconds since 1970.
    pub exp: u64,
    /// Who issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// For whom it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
}

impl Claims {
    /// Claims that expire after `life`, from now by the system's time.
    pub fn lasting(tenant: &TenantId, subject: impl Into<String>, role: Role, life: Duration) -> Self {
        Self {
            tenant: tenant.as_str().to_owned(),
            sub: subject.into(),
            role: role.as_str().to_owned(),
            exp: jsonwebtoken::get_current_timestamp().saturating_add(life.as_secs()),
            iss: None,
            aud: None,
        }
    }

    /// Adds the issuer and the audience, if there are any.
    #[must_use]
    pub fn between(mut self, issuer: Option<String>, audience: Option<String>) -> Self {
        (self.iss, self.aud) = (issuer, audience);
        self
    }
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
