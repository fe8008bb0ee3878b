//! Interactions.

use prost_types::Timestamp;
use salient_core::ProductId;
use salient_proto::{common::v1::SourceKey, profile::v1::Interaction};

use super::{
    Faults, Kind, Record, Refusal,
    record::{AccountRef, cut, fields},
};

impl Record for Interaction {
    const KIND: Kind = Kind::Interaction;
    const STAMPED: bool = false;

    fields! {
        own: account, account_key, contact_key, kind, occur_time, product, quantity, summary, reach;
        given: ;
    }

    fn account(&self) -> Result<AccountRef, Refusal> {
        AccountRef::read(&self.account, self.account_key.as_ref())
    }

    fn set_account(&mut self, account: String) {
        (self.account, self.account_key) = (account, None);
    }

    fn person(&self) -> Option<&SourceKey> {
        self.contact_key.as_ref()
    }

    fn stamp(&mut self, _create_time: Option<Timestamp>, _update_time: Option<Timestamp>) {}

    fn cut_times(&mut self) {
        cut(&mut self.occur_time);
    }

    fn check_more(&self, faults: &mut Faults) {
        faults.key("account_key", self.account_key.as_ref());
        faults.past("occur_time", self.occur_time.as_ref());
        faults.text("summary", &self.summary);
        faults.key("contact_key", self.contact_key.as_ref());
        faults.name::<ProductId>("product", &self.product);
        if !self.quantity.is_finite() {
            faults.add("quantity", "a finite number is accepted");
        }
    }
}
