//! A mapping file as it is written.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingSpec {
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    #[serde(default)]
    pub(crate) sellers: SellersSpec,
    #[serde(rename = "table")]
    pub(crate) tables: Vec<TableSpec>,
}

/// Sellers that are made because the files have none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SellersSpec {
    pub(crate) per_territory: bool,
    pub(crate) capacity: i32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableSpec {
    pub(crate) file: Option<String>,
    pub(crate) sheet: Option<String>,
    pub(crate) separator: Option<char>,
    #[serde(default)]
    pub(crate) encoding: Encoding,
    #[serde(default)]
    pub(crate) null: Vec<String>,
    #[serde(default, rename = "join")]
    pub(crate) joins: Vec<JoinSpec>,
    pub(crate) fields: BTreeMap<String, FieldSpec>,
    #[serde(default, rename = "skip")]
    pub(crate) skips: Vec<SkipSpec>,
    pub(crate) account: Option<AccountSpec>,
    pub(crate) product: Option<ProductSpec>,
    pub(crate) contact: Option<ContactSpec>,
    pub(crate) order: Option<OrderSpec>,
    pub(crate) interaction: Option<InteractionSpec>,
    pub(crate) opportunity: Option<OpportunitySpec>,
    pub(crate) seller: Option<SellerSpec>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "windows-1252")]
    Windows1252,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinSpec {
    pub(crate) file: String,
    pub(crate) on: String,
    pub(crate) key: Option<String>,
    #[serde(rename = "as")]
    pub(crate) name: String,
}

/// A column's name alone, or a table with more about the field.
#[derive(Clone, Debug)]
pub(crate) struct FieldSpec(pub(crate) FieldTable);

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FieldTable {
    pub(crate) column: Option<String>,
    pub(crate) constant: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: FieldType,
    pub(crate) transform: Vec<TransformSpec>,
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) formats: Vec<String>,
    pub(crate) time_zone: Option<String>,
    pub(crate) decimal_point: Option<char>,
    pub(crate) thousands: Option<char>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FieldType {
    #[default]
    Text,
    Integer,
    Decimal,
    Time,
}

#[derive(Clone, Debug)]
pub(crate) enum TransformSpec {
    Named(String),
    Hash(HashSpec),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HashSpec {
    pub(crate) md5_mod: u32,
    #[serde(default)]
    pub(crate) prefix: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkipSpec {
    pub(crate) when: String,
    #[serde(rename = "as")]
    pub(crate) category: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountSpec {
    pub(crate) key: String,
    pub(crate) source: Option<String>,
    pub(crate) display_name: String,
    pub(crate) territory: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) industry: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) street: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) postal_code: Option<String>,
    /// The key of the account above it.
    pub(crate) parent: Option<String>,
    pub(crate) parent_source: Option<String>,
    pub(crate) update_time: Option<String>,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
    /// A JSON object with more of them.
    pub(crate) attributes_json: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductSpec {
    pub(crate) key: String,
    pub(crate) display_name: String,
    pub(crate) category: Option<String>,
    pub(crate) blocked_when: Option<String>,
    #[serde(default)]
    pub(crate) choose: Choose,
}

/// Which of several names of a product is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Choose {
    #[default]
    #[serde(rename = "most frequent")]
    MostFrequent,
    #[serde(rename = "last")]
    Last,
    #[serde(rename = "first")]
    First,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactSpec {
    pub(crate) key: String,
    pub(crate) source: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) account_source: Option<String>,
    pub(crate) display_name: String,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) time_zone: Option<String>,
    pub(crate) given_name: Option<String>,
    pub(crate) family_name: Option<String>,
    pub(crate) street: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) postal_code: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) update_time: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderSpec {
    pub(crate) key: String,
    pub(crate) source: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) account_source: Option<String>,
    pub(crate) time: String,
    pub(crate) currency: String,
    pub(crate) return_when: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) attribution_token: Option<String>,
    pub(crate) product: String,
    pub(crate) quantity: String,
    pub(crate) unit_price: Option<String>,
    pub(crate) discount: Option<String>,
    pub(crate) amount: Option<String>,
    pub(crate) amount_minor_units: Option<String>,
    /// False: lines of an order that carry the same product stay apart.
    #[serde(default = "yes")]
    pub(crate) merge_lines: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InteractionSpec {
    pub(crate) key: String,
    pub(crate) source: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) account_source: Option<String>,
    pub(crate) contact: Option<String>,
    pub(crate) contact_source: Option<String>,
    pub(crate) kind: String,
    pub(crate) time: String,
    pub(crate) product: Option<String>,
    pub(crate) quantity: Option<String>,
    pub(crate) reach: Option<String>,
    pub(crate) summary: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpportunitySpec {
    pub(crate) key: String,
    pub(crate) source: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) account_source: Option<String>,
    pub(crate) display_name: String,
    pub(crate) stage: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) amount: Option<String>,
    pub(crate) amount_minor_units: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) product: Option<String>,
    pub(crate) seller: Option<String>,
    pub(crate) open_time: String,
    pub(crate) close_time: Option<String>,
    pub(crate) attribution_token: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SellerSpec {
    pub(crate) key: String,
    pub(crate) display_name: String,
    pub(crate) territory: Option<String>,
    #[serde(default)]
    pub(crate) capacity: i32,
}

// A hand-written visitor instead of an untagged enum: its errors name the key that is wrong.
impl<'de> Deserialize<'de> for FieldSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = FieldSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column name, or a table like { column = \"Price\", type = \"decimal\" }")
            }

            fn visit_str<E>(self, column: &str) -> Result<FieldSpec, E> {
                Ok(FieldSpec(FieldTable { column: Some(column.to_owned()), ..FieldTable::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FieldSpec, A::Error> {
                FieldTable::deserialize(MapAccessDeserializer::new(map)).map(FieldSpec)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for TransformSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = TransformSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "\"trim\", \"upper\", \"lower\", \"integer\", or { md5_mod = 36, prefix = \"t\" }",
                )
            }

            fn visit_str<E>(self, name: &str) -> Result<TransformSpec, E> {
                Ok(TransformSpec::Named(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TransformSpec, A::Error> {
                HashSpec::deserialize(MapAccessDeserializer::new(map)).map(TransformSpec::Hash)
            }
        }
        deserializer.deserialize_any(Either)
    }
}
