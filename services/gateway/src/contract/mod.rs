//! What the contract says about each RPC, read from its descriptors.

mod comments;
mod route;
mod template;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

pub use comments::Comments;
pub use route::{Body, Found, Owner, Route, RouteError, Routes};
pub(crate) use template::Part;
pub use template::{Captures, Template, TemplateError};

/// The field at a dotted path, by names of the contract or of JSON.
pub fn field_at(message: &MessageDescriptor, path: &str) -> Option<FieldDescriptor> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let field = message.get_field_by_name(first).or_else(|| message.get_field_by_json_name(first))?;
    match rest {
        None => Some(field),
        Some(_) if field.is_list() || field.is_map() => None,
        Some(rest) => match field.kind() {
            Kind::Message(inner) => field_at(&inner, rest),
            _ => None,
        },
    }
}
