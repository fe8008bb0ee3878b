//! Mappings that are part of the product.

use super::spec::MappingSpec;
use crate::error::Result;

/// Name and text of each.
const MAPPINGS: [(&str, &str); 7] = [
    ("online_retail", include_str!("../../mappings/online_retail.toml")),
    ("northwind", include_str!("../../mappings/northwind.toml")),
    ("exported_accounts", include_str!("../../mappings/exported_accounts.toml")),
    ("exported_contacts", include_str!("../../mappings/exported_contacts.toml")),
    ("exported_orders", include_str!("../../mappings/exported_orders.toml")),
    ("exported_interactions", include_str!("../../mappings/exported_interactions.toml")),
    ("exported_opportunities", include_str!("../../mappings/exported_opportunities.toml")),
];

/// All of them.
pub(crate) fn all() -> Result<Vec<MappingSpec>> {
    MAPPINGS.iter().map(|(name, text)| super::parse(name, text)).collect()
}

/// Their names, for messages.
pub(crate) fn names() -> String {
    MAPPINGS.map(|(name, _)| name).join(", ")
}
