//! Accounts.

use prost_types::Timestamp;
use salient_proto::{common::v1::SourceKey, profile::v1::Account};

use super::{
    Faults, Kind, Record, Refusal,
    record::{AccountRef, cut, fields},
};

impl Record for Account {
    const KIND: Kind = Kind::Account;
    const STAMPED: bool = true;

    fields! {
        own: display_name, territory, country, industry, attributes, domain, phone, street, city, postal_code,
            source_update_time, parent_key;
        given: create_time, update_time, parent;
    }

    fn account(&self) -> Result<AccountRef, Refusal> {
        Ok(AccountRef::Itself)
    }

    fn set_account(&mut self, _account: String) {}

    fn parent(&self) -> Option<&SourceKey> {
        self.parent_key.as_ref()
    }

    fn set_parent(&mut self, parent: String) {
        self.parent = parent;
    }

    fn stamp(&mut self, create_time: Option<Timestamp>, update_time: Option<Timestamp>) {
        (self.create_time, self.update_time) = (create_time, update_time);
    }

    fn cut_times(&mut self) {
        cut(&mut self.source_update_time);
    }

    fn check_more(&self, faults: &mut Faults) {
        let texts = [
            ("display_name", &self.display_name),
            ("territory", &self.territory),
            ("country", &self.country),
            ("industry", &self.industry),
            ("domain", &self.domain),
            ("phone", &self.phone),
            ("street", &self.street),
            ("city", &self.city),
            ("postal_code", &self.postal_code),
        ];
        for (field, text) in texts {
            faults.text(field, text);
        }
        faults.key("parent_key", self.parent_key.as_ref());
        faults.past("source_update_time", self.source_update_time.as_ref());
        for (name, value) in &self.attributes {
            faults.text("attributes", name);
            faults.text("attributes", value);
        }
    }
}
