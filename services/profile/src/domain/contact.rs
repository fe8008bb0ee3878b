//! Contacts.

use prost_types::Timestamp;
use salient_proto::{common::v1::SourceKey, profile::v1::Contact};

use super::{
    Faults, Kind, Record, Refusal,
    record::{AccountRef, cut, fields},
};

impl Record for Contact {
    const KIND: Kind = Kind::Contact;
    const STAMPED: bool = true;

    fields! {
        own: account, account_key, display_name, email, phone, title, time_zone, given_name, family_name, street,
            city, postal_code, country, source_update_time;
        given: create_time, update_time;
    }

    fn account(&self) -> Result<AccountRef, Refusal> {
        AccountRef::read(&self.account, self.account_key.as_ref())
    }

    fn set_account(&mut self, account: String) {
        (self.account, self.account_key) = (account, None);
    }

    fn person(&self) -> Option<&SourceKey> {
        self.source_key.as_ref()
    }

    fn stamp(&mut self, create_time: Option<Timestamp>, update_time: Option<Timestamp>) {
        (self.create_time, self.update_time) = (create_time, update_time);
    }

    fn cut_times(&mut self) {
        cut(&mut self.source_update_time);
    }

    fn check_more(&self, faults: &mut Faults) {
        faults.key("account_key", self.account_key.as_ref());
        let texts = [
            ("display_name", &self.display_name),
            ("email", &self.email),
            ("phone", &self.phone),
            ("title", &self.title),
            ("time_zone", &self.time_zone),
            ("given_name", &self.given_name),
            ("family_name", &self.family_name),
            ("street", &self.street),
            ("city", &self.city),
            ("postal_code", &self.postal_code),
            ("country", &self.country),
        ];
        for (field, text) in texts {
            faults.text(field, text);
        }
        faults.past("source_update_time", self.source_update_time.as_ref());
    }
}
