//! The table of each kind: its statements, its own columns, and what a list can be filtered by.

use salient_core::filter::{Field, Literal};
use salient_proto::profile::v1::{
    Account, Contact, Interaction, Opportunity, Order, interaction, opportunity, order,
};
use salient_store::{FilterColumn, Rows, Value};

use crate::domain::{Record, batch::Write, order::total_minor, record::timestamp_micros};

/// A record that has a table.
pub trait Stored: Record {
    /// The table.
    const TABLE: &'static str;
    /// The ids of the records with given keys.
    const FIND: &'static str;
    /// The hashes of the records with given ids.
    const HASHES: &'static str;
    /// The content of the records with given ids.
    const LOAD: &'static str;
    /// One row.
    const GET: &'static str;
    /// A page of rows.
    const LIST: &'static str;
    /// Inserts or replaces rows.
    const WRITE: &'static str;
    /// What a list can be filtered by.
    const FIELDS: &'static [Field];
    /// Where that is stored.
    const COLUMNS: &'static [FilterColumn];

    /// Adds the table's own columns to the common ones.
    fn columns<'w>(rows: Rows<'w>, writes: &'w [Write<Self>]) -> Rows<'w>;
}

/// The statements of `$table`, whose own columns are `$column`s.
///
/// A batch is looked up by subqueries and not by a join: they go by an index on both engines,
/// always. Without statistics (a table that has just grown) Postgres takes a join for a matter of
/// a few rows and compares every key with every record of the tenant.
macro_rules! statements {
    ($table:literal: $($column:literal),+) => {
        const TABLE: &'static str = $table;
        const FIND: &'static str = concat!(
            "select rows.source, rows.source_id,
                    (select r.id from ", $table, " r where r.tenant = $1
                     and r.source_id = rows.source_id and r.source = rows.source) as id
             from {rows}"
        );
        const HASHES: &'static str = concat!(
            "select rows.id, (select r.hash from ", $table, " r where r.tenant = $1 and r.id = rows.id) as hash
             from {rows}"
        );
        const LOAD: &'static str = concat!(
            "select rows.id,
                    (select r.body from ", $table, " r where r.tenant = $1 and r.id = rows.id) as body,
                    (select r.create_time from ", $table, " r where r.tenant = $1 and r.id = rows.id) as create_time
             from {rows}"
        );
        // where true: SQLite would take `on conflict` for the condition of a join
        const WRITE: &'static str = concat!(
            "insert into ", $table, " (tenant, id, source, source_id, ", $($column, ", ",)+
            "body, hash, create_time, update_time)
             select $1, id, source, source_id, ", $($column, ", ",)+ "body, hash, $2, $2
             from {rows} where true
             on conflict (tenant, id) do update set ", $($column, " = excluded.", $column, ", ",)+
            "body = excluded.body, hash = excluded.hash, update_time = excluded.update_time"
        );
    };
}

/// How records of `$table` are read: as they are, or as the profiles they belong to.
macro_rules! reading {
    (records $table:literal) => {
        const GET: &'static str = concat!(
            "select id, body, create_time, update_time from ",
            $table,
            " where tenant = $1 and id = $2"
        );
        const LIST: &'static str = concat!(
            "select id, body, create_time, update_time from ",
            $table,
            "
             where tenant = $1 and id > $2 and {filter} order by id limit $3"
        );
    };
    (profiles $table:literal) => {
        const GET: &'static str = concat!(
            "select id, coalesce((select u.body from unified u
                 where u.tenant = $1 and u.kind = '",
            $table,
            "' and u.id = ",
            $table,
            ".id), body) as body,
                 create_time, update_time
             from ",
            $table,
            " where tenant = $1
                 and id = (select coalesce(x.root, x.id) from ",
            $table,
            " x where x.tenant = $1 and x.id = $2)"
        );
        const LIST: &'static str = concat!(
            "select id, coalesce((select u.body from unified u
                 where u.tenant = $1 and u.kind = '",
            $table,
            "' and u.id = ",
            $table,
            ".id), body) as body,
                 create_time, update_time
             from ",
            $table,
            "
             where tenant = $1 and id > $2 and root is null and {filter} order by id limit $3"
        );
    };
}

const SOURCE: Field = Field::text("source");
const SOURCE_ID: Field = Field::text("source_id");
const ACCOUNT: Field = Field::name("account", "accounts");
const CREATE_TIME: Field = Field::time("create_time");
const UPDATE_TIME: Field = Field::time("update_time");

const SOURCE_COLUMN: FilterColumn = FilterColumn::plain("source", "source");
const SOURCE_ID_COLUMN: FilterColumn = FilterColumn::plain("source_id", "source_id");
const ACCOUNT_COLUMN: FilterColumn = FilterColumn::id("account", "account_id");
const CREATE_TIME_COLUMN: FilterColumn = FilterColumn::plain("create_time", "create_time");
const UPDATE_TIME_COLUMN: FilterColumn = FilterColumn::plain("update_time", "update_time");

/// An enum is stored by its number and named in full.
fn number<E: Into<i32>>(literal: &Literal, from_name: fn(&str) -> Option<E>) -> Value {
    match literal {
        Literal::Enum(name) => Value::Int(from_name(name).map(|value| i64::from(value.into()))),
        _ => Value::Int(None),
    }
}

fn time(time: Option<&prost_types::Timestamp>) -> i64 {
    time.map(timestamp_micros).unwrap_or_default()
}

impl Stored for Account {
    statements!("accounts": "display_name", "territory", "country", "industry", "parent_source", "parent_source_id");
    reading!(profiles "accounts");

    const FIELDS: &'static [Field] = &[
        Field::text("territory"),
        Field::text("country"),
        Field::text("industry"),
        Field::text("display_name"),
        SOURCE,
        SOURCE_ID,
        CREATE_TIME,
        UPDATE_TIME,
    ];
    const COLUMNS: &'static [FilterColumn] = &[
        FilterColumn::plain("territory", "territory"),
        FilterColumn::plain("country", "country"),
        FilterColumn::plain("industry", "industry"),
        FilterColumn::plain("display_name", "display_name"),
        SOURCE_COLUMN,
        SOURCE_ID_COLUMN,
        CREATE_TIME_COLUMN,
        UPDATE_TIME_COLUMN,
    ];

    fn columns<'w>(rows: Rows<'w>, writes: &'w [Write<Self>]) -> Rows<'w> {
        rows.text("display_name", writes.iter().map(|write| write.record.display_name.as_str()))
            .text("territory", writes.iter().map(|write| write.record.territory.as_str()))
            .text("country", writes.iter().map(|write| write.record.country.as_str()))
            .text("industry", writes.iter().map(|write| write.record.industry.as_str()))
            .text("parent_source", writes.iter().map(|write| Some(write.record.parent()?.source.as_str())))
            .text("parent_source_id", writes.iter().map(|write| Some(write.record.parent()?.id.as_str())))
    }
}

impl Stored for Contact {
    statements!("contacts": "account_id", "email");
    reading!(profiles "contacts");

    const FIELDS: &'static [Field] =
        &[ACCOUNT, Field::text("email"), SOURCE, SOURCE_ID, CREATE_TIME, UPDATE_TIME];
    const COLUMNS: &'static [FilterColumn] = &[
        ACCOUNT_COLUMN,
        FilterColumn::plain("email", "email"),
        SOURCE_COLUMN,
        SOURCE_ID_COLUMN,
        CREATE_TIME_COLUMN,
        UPDATE_TIME_COLUMN,
    ];

    fn columns<'w>(rows: Rows<'w>, writes: &'w [Write<Self>]) -> Rows<'w> {
        rows.uuid("account_id", writes.iter().map(|write| write.account))
            .text("email", writes.iter().map(|write| write.record.email.as_str()))
    }
}

impl Stored for Order {
    statements!("orders": "account_id", "order_time", "kind", "currency_code", "total_minor");
    reading!(records "orders");

    const FIELDS: &'static [Field] = &[
        ACCOUNT,
        Field::one_of("kind", &["KIND_PURCHASE", "KIND_RETURN"]),
        Field::time("order_time"),
        Field::text("currency_code"),
        SOURCE,
        SOURCE_ID,
    ];
    const COLUMNS: &'static [FilterColumn] = &[
        ACCOUNT_COLUMN,
        FilterColumn::mapped("kind", "kind", |literal| number(literal, order::Kind::from_str_name)),
        FilterColumn::plain("order_time", "order_time"),
        FilterColumn::plain("currency_code", "currency_code"),
        SOURCE_COLUMN,
        SOURCE_ID_COLUMN,
    ];

    fn columns<'w>(rows: Rows<'w>, writes: &'w [Write<Self>]) -> Rows<'w> {
        rows.uuid("account_id", writes.iter().map(|write| write.account))
            .int("order_time", writes.iter().map(|write| time(write.record.order_time.as_ref())))
            .int("kind", writes.iter().map(|write| write.record.kind))
            .text("currency_code", writes.iter().map(|write| write.record.currency_code.as_str()))
            .int("total_minor", writes.iter().map(|write| total_minor(&write.record).unwrap_or(i64::MAX)))
    }
}

impl Stored for Interaction {
    statements!("interactions": "account_id", "occur_time", "kind", "contact_id");
    reading!(records "interactions");

    const FIELDS: &'static [Field] = &[
        ACCOUNT,
        Field::one_of(
            "kind",
            &[
                "KIND_EMAIL",
                "KIND_CALL",
                "KIND_MEETING",
                "KIND_WEB",
                "KIND_MARKETING",
                "KIND_SUPPORT",
                "KIND_USAGE",
                "KIND_COMPETITOR_SIGNAL",
                "KIND_CHAT_BOT",
                "KIND_INTENT_SIGNAL",
            ],
        ),
        Field::time("occur_time"),
        SOURCE,
        SOURCE_ID,
    ];
    const COLUMNS: &'static [FilterColumn] = &[
        ACCOUNT_COLUMN,
        FilterColumn::mapped("kind", "kind", |literal| number(literal, interaction::Kind::from_str_name)),
        FilterColumn::plain("occur_time", "occur_time"),
        SOURCE_COLUMN,
        SOURCE_ID_COLUMN,
    ];

    fn columns<'w>(rows: Rows<'w>, writes: &'w [Write<Self>]) -> Rows<'w> {
        rows.uuid("account_id", writes.iter().map(|write| write.account))
            .int("occur_time", writes.iter().map(|write| time(write.record.occur_time.as_ref())))
            .int("kind", writes.iter().map(|write| write.record.kind))
            .text("contact_id", writes.iter().map(|write| contact_id(&write.record)))
    }
}

fn contact_id(interaction: &Interaction) -> &str {
    interaction.contact_key.as_ref().map_or("", |key| key.id.as_str())
}

impl Stored for Opportunity {
    statements!("opportunities": "account_id", "open_time", "state", "stage", "seller");
    reading!(records "opportunities");

    const FIELDS: &'static [Field] = &[
        ACCOUNT,
        Field::one_of("state", &["STATE_OPEN", "STATE_WON", "STATE_LOST"]),
        Field::text("stage"),
        Field::name("seller", "sellers"),
        Field::time("open_time"),
        SOURCE,
        SOURCE_ID,
    ];
    const COLUMNS: &'static [FilterColumn] = &[
        ACCOUNT_COLUMN,
        FilterColumn::mapped("state", "state", |literal| number(literal, opportunity::State::from_str_name)),
        FilterColumn::plain("stage", "stage"),
        FilterColumn::plain("seller", "seller"),
        FilterColumn::plain("open_time", "open_time"),
        SOURCE_COLUMN,
        SOURCE_ID_COLUMN,
    ];

    fn columns<'w>(rows: Rows<'w>, writes: &'w [Write<Self>]) -> Rows<'w> {
        let seller = |name: &'w str| name.split_once('/').map_or("", |(_, id)| id);
        rows.uuid("account_id", writes.iter().map(|write| write.account))
            .int("open_time", writes.iter().map(|write| time(write.record.open_time.as_ref())))
            .int("state", writes.iter().map(|write| write.record.state))
            .text("stage", writes.iter().map(|write| write.record.stage.as_str()))
            .text("seller", writes.iter().map(move |write| seller(&write.record.seller)))
    }
}

#[cfg(test)]
mod tests {
    use salient_core::filter;

    use super::*;

    /// Every field that a list declares can be stored and filtered by.
    fn agrees<R: Stored>(examples: &[&str]) {
        assert_eq!(R::FIELDS.len(), R::COLUMNS.len());
        assert_eq!(R::FIELDS.len(), examples.len());
        for example in examples {
            filter::parse(example, R::FIELDS).unwrap();
        }
    }

    #[test]
    fn fields_and_columns_agree() {
        agrees::<Account>(&[
            "territory = n",
            "country != n",
            "industry : n",
            "display_name = n",
            "source = crm",
            "source_id = 1",
            "create_time > 2011-01-01",
            "update_time < 2011-01-01",
        ]);
        agrees::<Contact>(&[
            "account = accounts/1",
            "email = a",
            "source = crm",
            "source_id = 1",
            "create_time > 2011-01-01",
            "update_time < 2011-01-01",
        ]);
        let times = [
            "account = accounts/1",
            "kind = KIND_RETURN",
            "order_time > 2011-01-01",
            "currency_code = GBP",
            "source = a",
            "source_id = 1",
        ];
        agrees::<Order>(&times);
    }

    #[test]
    fn every_enum_name_of_a_filter_is_known() {
        for field in Order::FIELDS.iter().chain(Interaction::FIELDS).chain(Opportunity::FIELDS) {
            let filter::FieldKind::Enum(names) = field.kind else { continue };
            for name in names {
                let known = order::Kind::from_str_name(name).is_some()
                    || interaction::Kind::from_str_name(name).is_some()
                    || opportunity::State::from_str_name(name).is_some();
                assert!(known, "{name}");
            }
        }
    }
}
