//! The gRPC surface. A handler takes the request apart, makes one call, and converts.

pub mod catalogue;
pub mod convert;
pub mod recommendation;

use salient_core::{Error, Reason, Result, SellerId};
use salient_kit::{Caller, Role};

/// Refuses a seller who asks for another seller's things.
///
/// # Errors
/// ROLE_INSUFFICIENT.
pub fn only_own(caller: &Caller, seller: &SellerId) -> Result<()> {
    if caller.role == Role::Seller && caller.subject != seller.as_str() {
        return Err(Error::new(
            Reason::RoleInsufficient,
            format!("{} is another seller; a seller's token reads sellers/{} only", seller, caller.subject),
        ));
    }
    Ok(())
}
