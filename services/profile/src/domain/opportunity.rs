//! Opportunities.

use prost_types::Timestamp;
use salient_core::{ProductId, SellerId};
use salient_proto::profile::v1::{Opportunity, opportunity};

use super::{
    Faults, Kind, Record, Refusal,
    record::{AccountRef, cut, fields},
};

impl Record for Opportunity {
    const KIND: Kind = Kind::Opportunity;
    const STAMPED: bool = true;

    fields! {
        own: account, account_key, display_name, stage, state, amount, product, seller, open_time,
             close_time, attribution_token;
        given: update_time;
    }

    fn account(&self) -> Result<AccountRef, Refusal> {
        AccountRef::read(&self.account, self.account_key.as_ref())
    }

    fn set_account(&mut self, account: String) {
        (self.account, self.account_key) = (account, None);
    }

    fn stamp(&mut self, _create_time: Option<Timestamp>, update_time: Option<Timestamp>) {
        self.update_time = update_time;
    }

    fn cut_times(&mut self) {
        cut(&mut self.open_time);
        cut(&mut self.close_time);
    }

    fn fill_defaults(&mut self) {
        if self.state == opportunity::State::Unspecified as i32 {
            self.state = opportunity::State::Open as i32;
        }
    }

    fn check_more(&self, faults: &mut Faults) {
        faults.key("account_key", self.account_key.as_ref());
        faults.past("open_time", self.open_time.as_ref());
        faults.past("close_time", self.close_time.as_ref());
        faults.text("display_name", &self.display_name);
        faults.text("stage", &self.stage);
        faults.text("attribution_token", &self.attribution_token);
        faults.name::<ProductId>("product", &self.product);
        faults.name::<SellerId>("seller", &self.seller);
    }
}
