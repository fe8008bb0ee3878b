//! Orders.

use prost_types::Timestamp;
use salient_proto::profile::v1::{Order, order};

use super::{
    Faults, Kind, Record, Refusal,
    record::{AccountRef, cut, fields},
};

impl Record for Order {
    const KIND: Kind = Kind::Order;
    const STAMPED: bool = false;

    fields! {
        own: account, account_key, order_time, kind, origin, currency_code, lines, attribution_token;
        given: ;
    }

    fn account(&self) -> Result<AccountRef, Refusal> {
        AccountRef::read(&self.account, self.account_key.as_ref())
    }

    fn set_account(&mut self, account: String) {
        (self.account, self.account_key) = (account, None);
    }

    fn stamp(&mut self, _create_time: Option<Timestamp>, _update_time: Option<Timestamp>) {}

    fn cut_times(&mut self) {
        cut(&mut self.order_time);
    }

    fn fill_defaults(&mut self) {
        if self.kind == order::Kind::Unspecified as i32 {
            self.kind = order::Kind::Purchase as i32;
        }
    }

    fn check_more(&self, faults: &mut Faults) {
        faults.key("account_key", self.account_key.as_ref());
        faults.past("order_time", self.order_time.as_ref());
        faults.text("attribution_token", &self.attribution_token);
        for (index, line) in self.lines.iter().enumerate() {
            // the contract's pattern knows no control characters; those who read product names do
            if line.product.chars().any(char::is_control) {
                faults.add(
                    format!("lines[{index}].product"),
                    "a product name without control characters is accepted",
                );
            }
        }
        if total_minor(self).is_none() {
            faults.add("lines", "amounts that add up to less than 2^63 minor units are accepted");
        }
    }
}

/// What the lines add up to, in minor units of the order's currency; none beyond what can be held.
pub fn total_minor(order: &Order) -> Option<i64> {
    order.lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.amount_minor_units))
}
