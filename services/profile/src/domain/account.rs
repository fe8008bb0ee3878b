//! Accounts.

use prost_types::Timestamp;
use salient_proto::profile::v1::Account;

use super::{
    Faults, Kind, Record, Refusal,
    record::{AccountRef, fields},
};

impl Record for Account {
    const KIND: Kind = Kind::Account;
    const STAMPED: bool = true;

    fields! {
        own: display_name, territory, country, industry, attributes;
        given: create_time, update_time;
    }

    fn account(&self) -> Result<AccountRef, Refusal> {
        Ok(AccountRef::Itself)
    }

    fn set_account(&mut self, _account: String) {}

    fn stamp(&mut self, create_time: Option<Timestamp>, update_time: Option<Timestamp>) {
        (self.create_time, self.update_time) = (create_time, update_time);
    }

    fn cut_times(&mut self) {}

    fn check_more(&self, faults: &mut Faults) {
        faults.text("display_name", &self.display_name);
        faults.text("territory", &self.territory);
        faults.text("country", &self.country);
        faults.text("industry", &self.industry);
        for (name, value) in &self.attributes {
            faults.text("attributes", name);
            faults.text("attributes", value);
        }
    }
}
