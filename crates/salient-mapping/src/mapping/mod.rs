//! Mapping files: from what a user writes to what a row can be put through.
//!
//! # A mapping file
//! ```toml
//! name = "webshop"
//! source = "webshop"                  # the system; half of every record's key
//!
//! [[table]]                           # one per file; `file = "orders.csv"` when there are several
//! separator = ";"                     # sniffed when absent
//! encoding = "windows-1252"           # "utf-8" when absent
//! null = ["NULL"]                     # texts that mean nothing
//!
//! [table.fields]                      # what the columns mean
//! customer = "Customer no"            # a column alone, or more about it:
//! total = { column = "Total", type = "decimal", decimal_point = "," }
//! day = { column = "Day", type = "time", formats = ["%d.%m.%Y"], time_zone = "Europe/Berlin" }
//! state = { column = "State", values = { "Lost deal" = "lost", "Sold" = "won" } }
//!
//! [[table.skip]]                      # rules, in order; what they catch is counted and left out
//! when = 'customer is empty'
//! as = "no customer"
//!
//! [table.account]                     # records, made of texts with fields in braces
//! key = "{customer}"
//! display_name = "Customer {customer}"
//! ```
//! Records are `account`, `product`, `contact`, `order`, `interaction`, `opportunity`, `seller`;
//! their keys are the fields of the structs in `spec.rs`. `source` of a record, and `account_source`,
//! `contact_source` and `parent_source` of what it refers to, stand for the mapping's own where rows
//! are of several systems. Conditions are in `condition.rs`, transforms in `field.rs`. A column of a
//! joined file is written `join.column`.
//!
//! # How to add …
//! - a transform: a variant in `field.rs`, named in `transform`;
//! - a record field: in `spec.rs`, `table.rs` and `bind.rs`, and where `read` or `records` makes the
//!   record; the exported tables (`export.rs`, `mappings/exported_*.toml`) should have it too;
//! - a mapping of Salient's own: a file in `mappings/` and a line in `builtin.rs`.

pub(crate) mod bind;
pub(crate) mod builtin;
pub(crate) mod condition;
pub(crate) mod field;
pub(crate) mod spec;
pub(crate) mod table;
pub(crate) mod template;

use std::path::Path;

use self::spec::MappingSpec;
use super::error::{Error, Result};

/// Reads a mapping file.
pub(crate) fn load(path: &Path) -> Result<MappingSpec> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::io(path, source))?;
    parse(&path.display().to_string(), &text)
}

/// Reads the text of a mapping.
pub(crate) fn parse(name: &str, text: &str) -> Result<MappingSpec> {
    let spec: MappingSpec = toml::from_str(text).map_err(|error| Error::Mapping {
        mapping: name.to_owned(),
        at: error.span().map_or_else(
            || "the file".to_owned(),
            |span| format!("line {}", text[..span.start.min(text.len())].matches('\n').count() + 1),
        ),
        problem: error.message().to_owned(),
    })?;
    let wrong = |at: &str, problem: &str| Error::Mapping {
        mapping: name.to_owned(),
        at: at.to_owned(),
        problem: problem.to_owned(),
    };
    if spec.source.is_empty() || spec.source.len() > 64 {
        return Err(wrong("source", "must have 1 to 64 characters"));
    }
    if spec.tables.is_empty() {
        return Err(wrong("table", "at least one [[table]] is needed"));
    }
    if spec.tables.len() > 1 && spec.tables.iter().any(|table| table.file.is_none()) {
        return Err(wrong("table", "with several tables each needs its `file`"));
    }
    Ok(spec)
}
