//! Rows become records, records become batches. A row is taken whole or refused whole: everything
//! that can be wrong is found before anything is kept.

use std::sync::Arc;

use super::accounts::{Accounts, Sellers};
use super::batch::Batcher;
use super::catalogue::Catalogue;
use super::error::{Cell, Refusal};
use super::keys::Keys;
use super::mapping::field::Joined;
use super::mapping::spec::SellersSpec;
use super::mapping::table::Table;
use super::orders::{Head, Line, Orders, Outlet};
use super::read::{Read, Reader};
use super::report::{RefusedLine, Report};

/// What is known over all files of an import.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) accounts: Accounts,
    pub(crate) contacts: Keys,
    pub(crate) catalogue: Catalogue,
    pub(crate) sellers: Sellers,
    pub(crate) report: Report,
}

/// Puts the rows of one table through its mapping.
pub(crate) struct Collector<'a, 'b> {
    reader: Reader<'a>,
    sellers: &'a SellersSpec,
    file: Arc<str>,
    state: &'a mut State,
    batcher: &'a mut Batcher<'b>,
    orders: Orders,
    /// Place in the report of each rule.
    categories: Vec<usize>,
    /// Place in the report of lines that say nothing new, where a table has only contacts or accounts.
    repeated: Option<usize>,
}

impl<'a, 'b> Collector<'a, 'b> {
    pub(crate) fn new(
        reader: Reader<'a>,
        sellers: &'a SellersSpec,
        file: &Arc<str>,
        state: &'a mut State,
        batcher: &'a mut Batcher<'b>,
    ) -> Self {
        let table = reader.table;
        let categories = table.skips.iter().map(|(_, category)| state.report.category(category)).collect();
        let repeated = repeated(table).map(|category| state.report.category(category));
        batcher.file(file);
        let (file, orders) = (file.clone(), Orders::default());
        Self { reader, sellers, file, state, batcher, orders, categories, repeated }
    }

    /// Takes a row, leaves it out, or refuses it.
    pub(crate) fn row(&mut self, row: &Joined<'_>) {
        let line = row.row.line;
        let taken = self.skipped(row).and_then(|skipped| match skipped {
            Some(category) => {
                self.state.report.skip(category, line);
                Ok(())
            }
            None => {
                let read = self.reader.read(row, self.state)?;
                self.keep(read, line)
            }
        });
        if let Err(refusal) = taken {
            self.refuse(line, *refusal);
        }
    }

    pub(crate) fn refuse(&mut self, line: u64, refusal: Refusal) {
        let refused = RefusedLine::new(&self.file, line, refusal);
        self.batcher.refuse(&refused);
        self.state.report.refuse(refused);
    }

    pub(crate) fn count_row(&mut self) -> u64 {
        self.state.report.rows += 1;
        self.state.report.rows
    }

    pub(crate) fn notice(&mut self, notice: String) {
        self.state.report.notices.push(notice);
    }

    pub(crate) fn stopped(&self) -> bool {
        self.batcher.stopped
    }

    /// Gives away what is still held.
    pub(crate) fn finish(mut self) {
        let mut orders = std::mem::take(&mut self.orders);
        orders.finish(&mut self.outlet());
        self.batcher.flush();
    }

    fn outlet(&mut self) -> Outlet<'_, 'b> {
        let State { accounts, catalogue, report, .. } = &mut *self.state;
        let source = self.reader.source;
        let merge_lines = self.reader.table.order.as_ref().is_none_or(|order| order.merge_lines);
        Outlet { source, file: &self.file, accounts, catalogue, report, batcher: self.batcher, merge_lines }
    }

    fn skipped(&self, row: &Joined<'_>) -> Cell<Option<usize>> {
        let table = self.reader.table;
        for ((condition, _), category) in table.skips.iter().zip(&self.categories) {
            if condition.holds(&table.fields, row)? {
                return Ok(Some(*category));
            }
        }
        Ok(None)
    }

    /// Keeps what a row says. Only a line that contradicts its order is still refused, first of all.
    fn keep(&mut self, mut read: Read<'_>, line: u64) -> Cell<()> {
        if let Some(category) = self.repeated.filter(|_| read.is_repeated()) {
            self.state.report.skip(category, line);
            return Ok(());
        }
        let order = match &read.line {
            None => None,
            Some(read) => {
                let head = Head {
                    key: &read.key,
                    is_return: read.is_return,
                    account: self.state.accounts.keys.number(&read.account).0,
                    time: read.time,
                    currency: &read.currency,
                    origin: read.origin,
                    token: &read.token,
                };
                Some(self.orders.order(&head, line, self.reader.order_label())?)
            }
        };
        self.keep_account(&mut read, line);
        if let Some(product) = &read.product {
            let number = self.state.catalogue.number(&product.key);
            self.state.catalogue.name(number, &product.name, product.choose);
            self.state.catalogue.describe(number, product.category.as_deref(), product.blocked);
        }
        if let Some((read, order)) = read.line.as_ref().zip(order) {
            let product = self.state.catalogue.number(&read.product);
            let source_line = u32::try_from(line).unwrap_or(u32::MAX);
            let held = Line { order, product, quantity: read.quantity, amount: read.amount, source_line };
            let mut orders = std::mem::take(&mut self.orders);
            orders.hold(held, &mut self.outlet());
            self.orders = orders;
        }
        self.keep_others(read, line);
        Ok(())
    }

    fn keep_account(&mut self, read: &mut Read<'_>, line: u64) {
        let Some((key, Some(record))) = read.account.take() else { return };
        self.state.accounts.describe(&key);
        self.state.report.accounts += 1;
        if self.sellers.per_territory && !record.territory.is_empty() {
            self.state.sellers.for_territory(&record.territory, self.sellers.capacity);
        }
        self.batcher.account(*record, line);
        if self.reader.table.order.is_none() {
            self.batcher.line();
        }
    }

    fn keep_others(&mut self, read: Read<'_>, line: u64) {
        let report = &mut self.state.report;
        if let Some((key, contact)) = read.contact.map(|contact| *contact) {
            self.state.contacts.number(&key);
            report.contacts += 1;
            self.batcher.contact(contact, line);
        }
        if let Some(interaction) = read.interaction {
            report.interactions += 1;
            self.batcher.interaction(*interaction, line);
            self.batcher.line();
        }
        if let Some(opportunity) = read.opportunity {
            report.opportunities += 1;
            self.batcher.opportunity(*opportunity, line);
            self.batcher.line();
        }
        if let Some(seller) = read.seller {
            self.state.sellers.add(&seller.id, seller.display_name, seller.territory, seller.capacity);
        }
    }
}

/// What lines that say nothing new are called, if the table can have such: the first line of a
/// contact counts, and that of an account.
fn repeated(table: &Table) -> Option<&'static str> {
    let others = table.order.is_some()
        || table.product.is_some()
        || table.interaction.is_some()
        || table.opportunity.is_some()
        || table.seller.is_some();
    match (&table.contact, &table.account) {
        _ if others => None,
        (Some(_), _) => Some("contact repeated"),
        (None, Some(_)) => Some("account repeated"),
        (None, None) => None,
    }
}
