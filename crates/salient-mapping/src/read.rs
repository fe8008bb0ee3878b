//! What a row says, read through the mapping and checked, with nothing kept yet.

use std::borrow::Cow;
use std::cell::RefCell;

use salient_proto::profile::v1::order::Origin;
use salient_proto::profile::v1::{Account, Contact, Interaction, Opportunity};

use super::collect::State;
use super::dates::Micros;
use super::decimal::{Decimal, currency_digits};
use super::error::{Cell, Refusal};
use super::mapping::field::{Joined, Memo};
use super::mapping::spec::Choose;
use super::mapping::table::{OrderMap, Price, ProductMap, Table};
use super::mapping::template::Template;

/// Reads the rows of one table.
pub(crate) struct Reader<'a> {
    pub(crate) table: &'a Table,
    pub(crate) source: &'a str,
    /// Nothing may be dated after this.
    pub(super) latest: Micros,
    pub(super) memos: RefCell<Vec<Memo>>,
}

/// A key, and the account that it is of where the row describes it.
type KeyedAccount<'r> = (Cow<'r, [u8]>, Option<Box<Account>>);

/// Everything that a row says.
#[derive(Default)]
pub(crate) struct Read<'r> {
    pub(crate) line: Option<ReadLine<'r>>,
    /// The account's key, and its record when it comes for the first time.
    pub(crate) account: Option<KeyedAccount<'r>>,
    pub(crate) product: Option<ReadProduct<'r>>,
    /// The contact's key and record, when it comes for the first time.
    pub(crate) contact: Option<Box<(Vec<u8>, Contact)>>,
    // boxed, because a table has few of these and every line of an order carries this struct
    pub(crate) interaction: Option<Box<Interaction>>,
    pub(crate) opportunity: Option<Box<Opportunity>>,
    pub(crate) seller: Option<Box<ReadSeller>>,
}

impl Read<'_> {
    /// True when neither an account nor a contact comes for the first time.
    pub(crate) fn is_repeated(&self) -> bool {
        let account = self.account.as_ref().is_some_and(|(_, record)| record.is_some());
        !account && self.contact.is_none()
    }
}

/// A line of an order.
pub(crate) struct ReadLine<'r> {
    pub(crate) key: Cow<'r, [u8]>,
    pub(crate) account: Cow<'r, [u8]>,
    pub(crate) product: Cow<'r, [u8]>,
    pub(crate) currency: Cow<'r, str>,
    pub(crate) token: Cow<'r, str>,
    pub(crate) is_return: bool,
    pub(crate) origin: Origin,
    pub(crate) time: Micros,
    pub(crate) quantity: i64,
    pub(crate) amount: i64,
}

/// What a line says of its product.
pub(crate) struct ReadProduct<'r> {
    pub(crate) key: Cow<'r, [u8]>,
    pub(crate) name: Cow<'r, [u8]>,
    pub(crate) choose: Choose,
    pub(crate) category: Option<String>,
    pub(crate) blocked: bool,
}

/// A seller.
pub(crate) struct ReadSeller {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) territory: Option<String>,
    pub(crate) capacity: i32,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(table: &'a Table, source: &'a str, latest: Micros) -> Self {
        let memos = table.fields.iter().map(|_| Memo::default()).collect();
        Self { table, source, latest, memos: RefCell::new(memos) }
    }

    pub(crate) fn read<'r>(&self, row: &Joined<'r>, state: &State) -> Cell<Read<'r>>
    where
        'a: 'r,
    {
        let table = self.table;
        let mut read = Read::default();
        if let Some(map) = &table.order {
            read.line = Some(self.line(map, row)?);
        }
        if let Some(map) = &table.account {
            let key = self.key_in(map.source.as_ref(), &map.key, row)?;
            let record = match state.accounts.is_described(&key) {
                true => None,
                false => Some(Box::new(self.account(map, &key, row)?)),
            };
            read.account = Some((key, record));
        }
        if let Some(map) = &table.product {
            read.product = Some(self.product(map, row)?);
        }
        if let Some(map) = &table.contact {
            let key = self.key_in(map.source.as_ref(), &map.key, row)?;
            if state.contacts.known(&key).is_none() {
                let record = self.contact(map, &key, row)?;
                read.contact = Some(Box::new((key.into_owned(), record)));
            }
        }
        if let Some(map) = &table.interaction {
            read.interaction = Some(Box::new(self.interaction(map, row)?));
        }
        if let Some(map) = &table.opportunity {
            read.opportunity = Some(Box::new(self.opportunity(map, row)?));
        }
        if let Some(map) = &table.seller {
            let id = self.product_key(&map.key, row)?;
            read.seller = Some(Box::new(ReadSeller {
                id: String::from_utf8_lossy(&id).into_owned(),
                display_name: self.needed(&map.display_name, row)?,
                territory: self.optional(map.territory.as_ref(), row)?,
                capacity: map.capacity,
            }));
        }
        Ok(read)
    }

    fn line<'r>(&self, map: &'a OrderMap, row: &Joined<'r>) -> Cell<ReadLine<'r>>
    where
        'a: 'r,
    {
        let fields = &self.table.fields;
        let key = self.key_in(map.source.as_ref(), &map.key, row)?;
        let account = self.key_in(map.account_source.as_ref(), &map.account, row)?;
        let product = self.product_key(&map.product, row)?;
        let time = self.time(map.time, row)?;
        let is_return = match &map.return_when {
            Some(condition) => condition.holds(fields, row)?,
            None => false,
        };
        let field = &fields[map.quantity].1;
        let signed = field.integer(row)?;
        // a return is written with the sign of goods that come back; the record has none
        let quantity = if is_return { signed.checked_abs().unwrap_or(0) } else { signed };
        if quantity <= 0 {
            let problem = if signed < 0 { "a negative quantity that is no return" } else { "no quantity" };
            return Err(field.refuse(&field.text(row)?, problem, "a quantity of 1 or more"));
        }
        let currency = self.words(Some(&map.currency), row)?;
        let digits = match map.fixed_digits {
            Some(digits) => digits,
            None => currency_digits(&currency),
        };
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let label = self.label(&map.currency);
            return Err(Refusal::new(
                label,
                currency.as_bytes(),
                "not a currency",
                "an ISO 4217 code like \"GBP\"",
            ));
        }
        let amount = self.amount(&map.price, quantity, is_return, digits, row)?;
        let token = self.words(map.attribution_token.as_ref(), row)?;
        let origin = self.origin(map.origin.as_ref(), row)?;
        Ok(ReadLine { key, account, product, currency, token, is_return, origin, time, quantity, amount })
    }

    fn amount(
        &self,
        source: &Price,
        quantity: i64,
        is_return: bool,
        digits: u8,
        row: &Joined<'_>,
    ) -> Cell<i64> {
        let fields = &self.table.fields;
        let (field, price, quantity, factor) = match source {
            Price::Minor(amount) => return self.minor_units(*amount, is_return, row),
            Price::Amount(amount) => (&fields[*amount].1, fields[*amount].1.decimal(row)?, 1, None),
            Price::Unit { price, discount } => {
                let factor = match discount.map(|discount| &fields[discount].1) {
                    None => None,
                    Some(field) => match field.decimal(row)?.rest_of_one() {
                        Some(rest) => Some(rest),
                        None => {
                            let text = field.text(row)?;
                            return Err(field.refuse(
                                &text,
                                "not a discount",
                                "a share from 0 to 1, like 0.15",
                            ));
                        }
                    },
                };
                (&fields[*price].1, fields[*price].1.decimal(row)?, quantity, factor)
            }
        };
        // the amount of goods that come back may be written with their sign; a price never is
        let signed = is_return && matches!(source, Price::Amount(_));
        if price < Decimal::ZERO && !signed {
            return Err(field.refuse(&field.text(row)?, "a negative price", "a price of 0 or more"));
        }
        match price.minor_units(quantity, factor, digits).and_then(i64::checked_abs) {
            Some(amount) => Ok(amount),
            None => Err(field.refuse(
                &field.text(row)?,
                "the line's amount is too large",
                "a smaller price or quantity",
            )),
        }
    }

    /// An amount in minor units; that of goods that come back may be written with their sign.
    pub(crate) fn minor_units(&self, field: usize, signed: bool, row: &Joined<'_>) -> Cell<i64> {
        let field = &self.table.fields[field].1;
        let amount = field.integer(row)?;
        match if signed { amount.checked_abs() } else { Some(amount).filter(|amount| *amount >= 0) } {
            Some(amount) => Ok(amount),
            None => Err(field.refuse(&field.text(row)?, "a negative amount", "an amount of 0 or more")),
        }
    }

    fn origin(&self, template: Option<&Template>, row: &Joined<'_>) -> Cell<Origin> {
        let Some(template) = template else {
            return Ok(Origin::Unspecified);
        };
        let text = template.text(&self.table.fields, row)?;
        match &*text {
            b"" => Ok(Origin::Unspecified),
            b"self_service" => Ok(Origin::SelfService),
            b"seller_assisted" => Ok(Origin::SellerAssisted),
            b"offline" => Ok(Origin::Offline),
            _ => {
                let accepted =
                    "self_service, seller_assisted or offline; `values` of the field can map to them";
                Err(Refusal::new(self.label(template), &text, "not an order's origin", accepted))
            }
        }
    }

    fn product<'r>(&self, map: &'a ProductMap, row: &Joined<'r>) -> Cell<ReadProduct<'r>>
    where
        'a: 'r,
    {
        let blocked = match &map.blocked_when {
            Some(condition) => condition.holds(&self.table.fields, row)?,
            None => false,
        };
        Ok(ReadProduct {
            key: self.product_key(&map.key, row)?,
            name: self.text(&map.display_name, 512, row)?,
            choose: map.choose,
            category: self.optional(map.category.as_ref(), row)?,
            blocked,
        })
    }
}
