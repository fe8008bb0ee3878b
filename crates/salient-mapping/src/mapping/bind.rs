//! Binding: a mapping's table and a file's header become something that rows can be put through.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use super::condition::Condition;
use super::field::{Field, Place};
use super::spec::{
    AccountSpec, ContactSpec, FieldType, InteractionSpec, OpportunitySpec, OrderSpec, ProductSpec,
    SellerSpec, TableSpec,
};
use super::table::{
    AccountMap, ContactMap, Fields, InteractionMap, OpportunityMap, OrderMap, Price, ProductMap, SellerMap,
    Table,
};
use super::template::Template;
use crate::decimal::currency_digits;
use crate::error::{Error, Result};

/// A file's header, or that of a joined file.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// The name that the mapping gives a joined file; empty for the table's own.
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
}

/// Binds a table. `headers` has the table's own first, then those of the joined files in order.
pub(crate) fn bind(mapping: &str, spec: &TableSpec, path: &Path, headers: &[Header]) -> Result<Table> {
    let binder = Binder { mapping, path, headers };
    let mut fields = Fields::new();
    for (name, field) in &spec.fields {
        let place = field.0.column.as_deref().map(|column| binder.place(column)).transpose()?;
        let bound = Field::bind(&field.0, place, &spec.null);
        fields
            .push((name.clone(), bound.map_err(|problem| binder.wrong(&format!("fields.{name}"), problem))?));
    }
    let mut join_on = Vec::with_capacity(spec.joins.len());
    for join in &spec.joins {
        join_on.push(binder.place(&join.on)?.column);
    }
    let scope = Scope { binder: &binder, fields: &fields, labels: RefCell::default() };
    let mut skips = Vec::with_capacity(spec.skips.len());
    for (number, skip) in spec.skips.iter().enumerate() {
        let at = format!("skip {} ({:?})", number + 1, skip.category);
        skips.push((scope.condition(&at, &skip.when)?, skip.category.clone()));
    }
    let key = spec.account.as_ref().map(|account| account.key.as_str());
    let table = Table {
        account: spec.account.as_ref().map(|account| scope.account(account)).transpose()?,
        product: spec.product.as_ref().map(|product| scope.product(product)).transpose()?,
        contact: spec.contact.as_ref().map(|contact| scope.contact(contact, key)).transpose()?,
        order: spec.order.as_ref().map(|order| scope.order(order, key)).transpose()?,
        interaction: spec.interaction.as_ref().map(|one| scope.interaction(one, key)).transpose()?,
        opportunity: spec.opportunity.as_ref().map(|one| scope.opportunity(one, key)).transpose()?,
        seller: spec.seller.as_ref().map(|seller| scope.seller(seller)).transpose()?,
        skips,
        columns: headers.first().map_or(0, |header| header.columns.len()),
        join_on,
        labels: scope.labels.take(),
        fields: Fields::new(),
    };
    Ok(Table { fields, ..table })
}

struct Binder<'a> {
    mapping: &'a str,
    path: &'a Path,
    headers: &'a [Header],
}

impl Binder<'_> {
    fn wrong(&self, at: &str, problem: impl Into<String>) -> Error {
        Error::Mapping { mapping: self.mapping.to_owned(), at: at.to_owned(), problem: problem.into() }
    }

    /// Finds a column: of the table itself, or `join.column`.
    fn place(&self, column: &str) -> Result<Place> {
        let joined = self.headers.iter().enumerate().skip(1).find_map(|(join, header)| {
            let rest = column.strip_prefix(header.name.as_str())?.strip_prefix('.')?;
            Some((join, rest))
        });
        let (join, name) = joined.unwrap_or((0, column));
        let columns = &self.headers[join].columns;
        let mut places =
            columns.iter().enumerate().filter(|(_, known)| *known == name).map(|(place, _)| place);
        match (places.next(), places.next()) {
            (Some(column), None) => Ok(Place { join, column }),
            (first, _) => Err(Error::Column {
                path: self.path.to_owned(),
                problem: match first {
                    None => format!("column {column:?} is missing"),
                    Some(_) => format!("column {column:?} is there twice"),
                },
                found: columns.clone(),
            }),
        }
    }
}

/// What templates and conditions are read in.
struct Scope<'a> {
    binder: &'a Binder<'a>,
    fields: &'a Fields,
    labels: RefCell<BTreeMap<String, String>>,
}

const NUMBERS: &[FieldType] = &[FieldType::Decimal, FieldType::Integer];
const WHOLE: &[FieldType] = &[FieldType::Integer];
const TIMES: &[FieldType] = &[FieldType::Time];

impl Scope<'_> {
    fn condition(&self, at: &str, text: &str) -> Result<Condition> {
        Condition::parse(text, self.fields).map_err(|problem| self.binder.wrong(at, problem))
    }

    fn template(&self, at: &str, text: &str) -> Result<Template> {
        let template =
            Template::parse(text, self.fields).map_err(|problem| self.binder.wrong(at, problem))?;
        if let Some(field) = template.first_field() {
            self.labels.borrow_mut().insert(at.to_owned(), self.fields[field].1.label.clone());
        }
        Ok(template)
    }

    fn optional(&self, at: &str, text: Option<&String>) -> Result<Option<Template>> {
        text.map(|text| self.template(at, text)).transpose()
    }

    fn typed(&self, at: &str, text: &str, kinds: &[FieldType]) -> Result<usize> {
        let template = self.template(at, text)?;
        template.typed(self.fields, kinds).map_err(|problem| self.binder.wrong(at, problem))
    }

    fn maybe_typed(&self, at: &str, text: Option<&String>, kinds: &[FieldType]) -> Result<Option<usize>> {
        text.map(|text| self.typed(at, text, kinds)).transpose()
    }

    fn account_key(&self, at: &str, own: Option<&String>, of_account: Option<&str>) -> Result<Template> {
        match own.map(String::as_str).or(of_account) {
            Some(text) => self.template(at, text),
            None => {
                Err(self.binder.wrong(at, "is needed: the table has no [table.account] to take the key from"))
            }
        }
    }

    fn account(&self, spec: &AccountSpec) -> Result<AccountMap> {
        let mut attributes = Vec::with_capacity(spec.attributes.len());
        for (name, text) in &spec.attributes {
            attributes.push((name.clone(), self.template(&format!("account.attributes.{name}"), text)?));
        }
        Ok(AccountMap {
            key: self.template("account.key", &spec.key)?,
            source: self.optional("account.source", spec.source.as_ref())?,
            display_name: self.template("account.display_name", &spec.display_name)?,
            territory: self.optional("account.territory", spec.territory.as_ref())?,
            country: self.optional("account.country", spec.country.as_ref())?,
            industry: self.optional("account.industry", spec.industry.as_ref())?,
            domain: self.optional("account.domain", spec.domain.as_ref())?,
            phone: self.optional("account.phone", spec.phone.as_ref())?,
            street: self.optional("account.street", spec.street.as_ref())?,
            city: self.optional("account.city", spec.city.as_ref())?,
            postal_code: self.optional("account.postal_code", spec.postal_code.as_ref())?,
            parent: self.optional("account.parent", spec.parent.as_ref())?,
            parent_source: self.optional("account.parent_source", spec.parent_source.as_ref())?,
            attributes_json: self.optional("account.attributes_json", spec.attributes_json.as_ref())?,
            update_time: self.maybe_typed("account.update_time", spec.update_time.as_ref(), TIMES)?,
            attributes,
        })
    }

    fn product(&self, spec: &ProductSpec) -> Result<ProductMap> {
        let blocked = spec.blocked_when.as_ref();
        Ok(ProductMap {
            key: self.template("product.key", &spec.key)?,
            display_name: self.template("product.display_name", &spec.display_name)?,
            category: self.optional("product.category", spec.category.as_ref())?,
            blocked_when: blocked.map(|when| self.condition("product.blocked_when", when)).transpose()?,
            choose: spec.choose,
        })
    }

    fn contact(&self, spec: &ContactSpec, key: Option<&str>) -> Result<ContactMap> {
        Ok(ContactMap {
            key: self.template("contact.key", &spec.key)?,
            source: self.optional("contact.source", spec.source.as_ref())?,
            account: self.account_key("contact.account", spec.account.as_ref(), key)?,
            account_source: self.optional("contact.account_source", spec.account_source.as_ref())?,
            display_name: self.template("contact.display_name", &spec.display_name)?,
            email: self.optional("contact.email", spec.email.as_ref())?,
            phone: self.optional("contact.phone", spec.phone.as_ref())?,
            title: self.optional("contact.title", spec.title.as_ref())?,
            time_zone: self.optional("contact.time_zone", spec.time_zone.as_ref())?,
            given_name: self.optional("contact.given_name", spec.given_name.as_ref())?,
            family_name: self.optional("contact.family_name", spec.family_name.as_ref())?,
            street: self.optional("contact.street", spec.street.as_ref())?,
            city: self.optional("contact.city", spec.city.as_ref())?,
            postal_code: self.optional("contact.postal_code", spec.postal_code.as_ref())?,
            country: self.optional("contact.country", spec.country.as_ref())?,
            update_time: self.maybe_typed("contact.update_time", spec.update_time.as_ref(), TIMES)?,
        })
    }

    fn order(&self, spec: &OrderSpec, key: Option<&str>) -> Result<OrderMap> {
        let price = match (&spec.unit_price, &spec.amount, &spec.amount_minor_units) {
            (Some(price), None, None) => Price::Unit {
                price: self.typed("order.unit_price", price, NUMBERS)?,
                discount: self.maybe_typed("order.discount", spec.discount.as_ref(), NUMBERS)?,
            },
            (None, Some(amount), None) => Price::Amount(self.typed("order.amount", amount, NUMBERS)?),
            (None, None, Some(minor)) => {
                Price::Minor(self.typed("order.amount_minor_units", minor, WHOLE)?)
            }
            _ => {
                let problem = "one of `unit_price`, `amount` and `amount_minor_units` is needed";
                return Err(self.binder.wrong("order", problem));
            }
        };
        let returns = spec.return_when.as_ref();
        Ok(OrderMap {
            key: self.template("order.key", &spec.key)?,
            source: self.optional("order.source", spec.source.as_ref())?,
            account: self.account_key("order.account", spec.account.as_ref(), key)?,
            account_source: self.optional("order.account_source", spec.account_source.as_ref())?,
            time: self.typed("order.time", &spec.time, TIMES)?,
            currency: self.template("order.currency", &spec.currency)?,
            fixed_digits: (!spec.currency.contains('{')).then(|| currency_digits(&spec.currency)),
            return_when: returns.map(|when| self.condition("order.return_when", when)).transpose()?,
            origin: self.optional("order.origin", spec.origin.as_ref())?,
            attribution_token: self.optional("order.attribution_token", spec.attribution_token.as_ref())?,
            product: self.template("order.product", &spec.product)?,
            quantity: self.typed("order.quantity", &spec.quantity, WHOLE)?,
            price,
            merge_lines: spec.merge_lines,
        })
    }

    fn interaction(&self, spec: &InteractionSpec, key: Option<&str>) -> Result<InteractionMap> {
        Ok(InteractionMap {
            key: self.template("interaction.key", &spec.key)?,
            source: self.optional("interaction.source", spec.source.as_ref())?,
            account: self.account_key("interaction.account", spec.account.as_ref(), key)?,
            account_source: self.optional("interaction.account_source", spec.account_source.as_ref())?,
            contact: self.optional("interaction.contact", spec.contact.as_ref())?,
            contact_source: self.optional("interaction.contact_source", spec.contact_source.as_ref())?,
            kind: self.template("interaction.kind", &spec.kind)?,
            time: self.typed("interaction.time", &spec.time, TIMES)?,
            product: self.optional("interaction.product", spec.product.as_ref())?,
            quantity: self.maybe_typed("interaction.quantity", spec.quantity.as_ref(), NUMBERS)?,
            reach: self.optional("interaction.reach", spec.reach.as_ref())?,
            summary: self.optional("interaction.summary", spec.summary.as_ref())?,
        })
    }

    fn opportunity(&self, spec: &OpportunitySpec, key: Option<&str>) -> Result<OpportunityMap> {
        let amounts = usize::from(spec.amount.is_some()) + usize::from(spec.amount_minor_units.is_some());
        if amounts != usize::from(spec.currency.is_some()) {
            let problem = "`currency` belongs together with either `amount` or `amount_minor_units`";
            return Err(self.binder.wrong("opportunity", problem));
        }
        let close = spec.close_time.as_ref();
        Ok(OpportunityMap {
            key: self.template("opportunity.key", &spec.key)?,
            source: self.optional("opportunity.source", spec.source.as_ref())?,
            account: self.account_key("opportunity.account", spec.account.as_ref(), key)?,
            account_source: self.optional("opportunity.account_source", spec.account_source.as_ref())?,
            display_name: self.template("opportunity.display_name", &spec.display_name)?,
            stage: self.optional("opportunity.stage", spec.stage.as_ref())?,
            state: self.optional("opportunity.state", spec.state.as_ref())?,
            amount: self.maybe_typed("opportunity.amount", spec.amount.as_ref(), NUMBERS)?,
            amount_minor_units: self.maybe_typed(
                "opportunity.amount_minor_units",
                spec.amount_minor_units.as_ref(),
                WHOLE,
            )?,
            currency: self.optional("opportunity.currency", spec.currency.as_ref())?,
            product: self.optional("opportunity.product", spec.product.as_ref())?,
            seller: self.optional("opportunity.seller", spec.seller.as_ref())?,
            open_time: self.typed("opportunity.open_time", &spec.open_time, TIMES)?,
            close_time: self.maybe_typed("opportunity.close_time", close, TIMES)?,
            attribution_token: self
                .optional("opportunity.attribution_token", spec.attribution_token.as_ref())?,
        })
    }

    fn seller(&self, spec: &SellerSpec) -> Result<SellerMap> {
        Ok(SellerMap {
            key: self.template("seller.key", &spec.key)?,
            display_name: self.template("seller.display_name", &spec.display_name)?,
            territory: self.optional("seller.territory", spec.territory.as_ref())?,
            capacity: spec.capacity,
        })
    }
}
