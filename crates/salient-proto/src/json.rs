//! Messages as JSON, as the gateway would send them.

use prost::{Message, Name};
use prost_reflect::DynamicMessage;
use serde_json::Value;

use crate::descriptors::pool;

/// The message in the JSON of proto3; null if it is none of a contract.
pub fn to_json<M: Message + Name>(message: &M) -> Value {
    pool()
        .get_message_by_name(&M::full_name())
        .and_then(|of| DynamicMessage::decode(of, message.encode_to_vec().as_slice()).ok())
        .and_then(|message| serde_json::to_value(message).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::profile::v1::Contact;

    #[test]
    fn a_message_is_an_object() {
        let contact = Contact { display_name: "Ada".into(), ..Contact::default() };
        assert_eq!(super::to_json(&contact), serde_json::json!({ "displayName": "Ada" }));
    }
}
