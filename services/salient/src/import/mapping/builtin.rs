//! Mappings that are part of the product.

use super::spec::MappingSpec;
use crate::import::error::Result;

/// Name and text of each.
const MAPPINGS: [(&str, &str); 2] = [
    ("online_retail", include_str!("../../../mappings/online_retail.toml")),
    ("northwind", include_str!("../../../mappings/northwind.toml")),
];

/// All of them.
pub(crate) fn all() -> Result<Vec<MappingSpec>> {
    MAPPINGS.iter().map(|(name, text)| super::parse(name, text)).collect()
}

/// Their names, for messages.
pub(crate) fn names() -> String {
    MAPPINGS.map(|(name, _)| name).join(", ")
}
