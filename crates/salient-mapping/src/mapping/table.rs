//! A table that is bound to a header: what rows are put through.

use std::collections::BTreeMap;

use super::condition::Condition;
use super::field::Field;
use super::spec::Choose;
use super::template::Template;

/// Fields of a table with their names; rules and templates refer to them by position.
pub(crate) type Fields = Vec<(String, Field)>;

/// A table that is bound to a header.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) fields: Fields,
    pub(crate) skips: Vec<(Condition, String)>,
    pub(crate) account: Option<AccountMap>,
    pub(crate) product: Option<ProductMap>,
    pub(crate) contact: Option<ContactMap>,
    pub(crate) order: Option<OrderMap>,
    pub(crate) interaction: Option<InteractionMap>,
    pub(crate) opportunity: Option<OpportunityMap>,
    pub(crate) seller: Option<SellerMap>,
    /// Columns of the file itself.
    pub(crate) columns: usize,
    /// For each joined file the column whose text is looked up there.
    pub(crate) join_on: Vec<usize>,
    /// By the place in the mapping ("account.key"), the first column that it reads.
    pub(crate) labels: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct AccountMap {
    pub(crate) key: Template,
    pub(crate) source: Option<Template>,
    pub(crate) display_name: Template,
    pub(crate) territory: Option<Template>,
    pub(crate) country: Option<Template>,
    pub(crate) industry: Option<Template>,
    pub(crate) domain: Option<Template>,
    pub(crate) phone: Option<Template>,
    pub(crate) street: Option<Template>,
    pub(crate) city: Option<Template>,
    pub(crate) postal_code: Option<Template>,
    pub(crate) parent: Option<Template>,
    pub(crate) parent_source: Option<Template>,
    pub(crate) attributes: Vec<(String, Template)>,
    pub(crate) attributes_json: Option<Template>,
    pub(crate) update_time: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct ProductMap {
    pub(crate) key: Template,
    pub(crate) display_name: Template,
    pub(crate) category: Option<Template>,
    pub(crate) blocked_when: Option<Condition>,
    pub(crate) choose: Choose,
}

#[derive(Debug)]
pub(crate) struct ContactMap {
    pub(crate) key: Template,
    pub(crate) source: Option<Template>,
    pub(crate) account: Template,
    pub(crate) account_source: Option<Template>,
    pub(crate) display_name: Template,
    pub(crate) email: Option<Template>,
    pub(crate) phone: Option<Template>,
    pub(crate) title: Option<Template>,
    pub(crate) time_zone: Option<Template>,
    pub(crate) given_name: Option<Template>,
    pub(crate) family_name: Option<Template>,
    pub(crate) street: Option<Template>,
    pub(crate) city: Option<Template>,
    pub(crate) postal_code: Option<Template>,
    pub(crate) country: Option<Template>,
    pub(crate) update_time: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct OrderMap {
    pub(crate) key: Template,
    pub(crate) source: Option<Template>,
    pub(crate) account: Template,
    pub(crate) account_source: Option<Template>,
    pub(crate) time: usize,
    pub(crate) currency: Template,
    pub(crate) fixed_digits: Option<u8>,
    pub(crate) return_when: Option<Condition>,
    pub(crate) origin: Option<Template>,
    pub(crate) attribution_token: Option<Template>,
    pub(crate) product: Template,
    pub(crate) quantity: usize,
    pub(crate) price: Price,
    pub(crate) merge_lines: bool,
}

/// Where a line's amount comes from.
#[derive(Debug)]
pub(crate) enum Price {
    Unit {
        price: usize,
        discount: Option<usize>,
    },
    Amount(usize),
    /// In minor units of the currency.
    Minor(usize),
}

#[derive(Debug)]
pub(crate) struct InteractionMap {
    pub(crate) key: Template,
    pub(crate) source: Option<Template>,
    pub(crate) account: Template,
    pub(crate) account_source: Option<Template>,
    pub(crate) contact: Option<Template>,
    pub(crate) contact_source: Option<Template>,
    pub(crate) kind: Template,
    pub(crate) time: usize,
    pub(crate) product: Option<Template>,
    pub(crate) quantity: Option<usize>,
    pub(crate) reach: Option<Template>,
    pub(crate) summary: Option<Template>,
}

#[derive(Debug)]
pub(crate) struct OpportunityMap {
    pub(crate) key: Template,
    pub(crate) source: Option<Template>,
    pub(crate) account: Template,
    pub(crate) account_source: Option<Template>,
    pub(crate) display_name: Template,
    pub(crate) stage: Option<Template>,
    pub(crate) state: Option<Template>,
    pub(crate) amount: Option<usize>,
    pub(crate) amount_minor_units: Option<usize>,
    pub(crate) currency: Option<Template>,
    pub(crate) product: Option<Template>,
    pub(crate) seller: Option<Template>,
    pub(crate) open_time: usize,
    pub(crate) close_time: Option<usize>,
    pub(crate) attribution_token: Option<Template>,
}

#[derive(Debug)]
pub(crate) struct SellerMap {
    pub(crate) key: Template,
    pub(crate) display_name: Template,
    pub(crate) territory: Option<Template>,
    pub(crate) capacity: i32,
}
