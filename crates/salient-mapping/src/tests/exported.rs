//! What is exported is read again as the same records, in every format.

use std::fs::File;
use std::io::Write;

use proptest::prelude::*;
use salient_proto::common::v1::{Money, SourceKey};
use salient_proto::profile::v1::{Contact, IngestRecordsRequest, Interaction, Opportunity, OrderLine};

use super::*;
use crate::export::Export;
use crate::{Format, Table, open_file, timestamp};

const FORMATS: [Format; 3] = [Format::Csv, Format::JsonLines, Format::Parquet];

fn key(id: &str) -> Option<SourceKey> {
    // of two systems, so that ids alone do not tell records apart
    let source = if id.len().is_multiple_of(2) { "crm" } else { "web shop" };
    Some(SourceKey { source: source.into(), id: id.into() })
}

/// Writes records as a file, takes what is ready now and then, and reads the file.
fn round<R: Export>(format: Format, records: &[R], account: Option<&SourceKey>) -> IngestRecordsRequest {
    let mut file = tempfile::tempfile().unwrap();
    let mut table = Table::try_new(format, R::COLUMNS, true).unwrap();
    for record in records {
        record.rows(account, &mut |row| table.row(row).unwrap());
        file.write_all(&table.take().unwrap()).unwrap();
    }
    file.write_all(&table.finish().unwrap()).unwrap();
    read(file, Some(format), None)
}

fn read(file: File, format: Option<Format>, mapping: Option<&str>) -> IngestRecordsRequest {
    let mut plan = open_file("exported", file, format, mapping, now()).unwrap();
    let mut whole = IngestRecordsRequest::default();
    plan.batches(|batch| {
        whole.accounts.extend(batch.request.accounts);
        whole.contacts.extend(batch.request.contacts);
        whole.orders.extend(batch.request.orders);
        whole.interactions.extend(batch.request.interactions);
        whole.opportunities.extend(batch.request.opportunities);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(plan.report().is_clean(), "{:?}\n{}", format, plan.report());
    whole
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[ -~]{1,12}", "\\PC{1,8}", Just("a,\"b\"\r\nc\td".to_owned())]
}

fn some_text() -> impl Strategy<Value = String> {
    text().prop_map(|text| if text.is_empty() { "x".to_owned() } else { text })
}

fn time() -> impl Strategy<Value = Option<prost_types::Timestamp>> {
    (-2_000_000_000_000_000_i64..1_300_000_000_000_000).prop_map(|micros| Some(timestamp(micros)))
}

fn account() -> impl Strategy<Value = Account> {
    let attributes = prop::collection::btree_map(some_text(), text(), 0..4);
    let names = (some_text(), text(), text(), text(), text(), text());
    let parent = prop::option::of("[a-z]{1,2}");
    let place = (text(), text(), text(), parent, prop::option::of(time()));
    (names, attributes, place).prop_map(|(names, attributes, place)| Account {
        display_name: names.0,
        territory: names.1,
        country: names.2,
        industry: names.3,
        domain: names.4,
        phone: names.5,
        attributes,
        street: place.0,
        city: place.1,
        postal_code: place.2,
        parent_key: place.3.and_then(|id| key(&id)),
        source_update_time: place.4.flatten(),
        ..Account::default()
    })
}

fn contact() -> impl Strategy<Value = Contact> {
    let names = (some_text(), text(), text(), text(), text(), text());
    (names, text(), text(), prop::option::of(time())).prop_map(|(names, city, country, time)| Contact {
        display_name: names.0,
        email: names.1,
        title: names.2,
        given_name: names.3,
        family_name: names.4,
        time_zone: names.5,
        city,
        country,
        source_update_time: time.flatten(),
        ..Contact::default()
    })
}

fn order() -> impl Strategy<Value = Order> {
    // the same product twice on an order stays two lines
    let line =
        ("[A-C]", 1_i64..=i64::MAX / 1_000, 0_i64..=i64::MAX / 1_000).prop_map(|(id, quantity, amount)| {
            OrderLine { product: format!("products/{id}"), quantity, amount_minor_units: amount }
        });
    let lines = prop::collection::vec(line, 1..5);
    (lines, time(), 1_i32..3, 0_i32..4, text()).prop_map(|(lines, order_time, kind, origin, token)| Order {
        order_time,
        kind,
        origin,
        currency_code: "JPY".into(),
        lines,
        attribution_token: token,
        ..Order::default()
    })
}

fn interaction() -> impl Strategy<Value = Interaction> {
    let quantity = prop_oneof![Just(0.0), Just(0.1), 0.0..1e12_f64, Just(f64::MAX), Just(1e-300)];
    (time(), 1_i32..9, quantity, text(), (any::<bool>(), 0_i32..3)).prop_map(
        |(occur_time, kind, quantity, summary, (of, reach))| Interaction {
            occur_time,
            kind,
            reach,
            quantity,
            summary,
            contact_key: if of { key("someone") } else { None },
            product: if of { "products/A".into() } else { String::new() },
            ..Interaction::default()
        },
    )
}

fn opportunity() -> impl Strategy<Value = Opportunity> {
    let amount = prop::option::of(-1_000_000_i64..=i64::MAX);
    (some_text(), text(), 1_i32..4, amount, (time(), prop::option::of(time()))).prop_map(
        |(display_name, stage, state, amount, (open_time, close_time))| Opportunity {
            display_name,
            stage,
            state,
            amount: amount.map(|minor_units| Money { currency_code: "EUR".into(), minor_units }),
            seller: "sellers/s07".into(),
            open_time,
            close_time: close_time.flatten(),
            ..Opportunity::default()
        },
    )
}

/// Ids of both systems that are equal by their text, too.
fn ids(count: usize) -> impl Iterator<Item = Option<SourceKey>> {
    (0..count).map(|number| {
        let source = ["crm", "web shop"][number % 2].to_owned();
        Some(SourceKey { source, id: format!("n{}", number / 2) })
    })
}

macro_rules! comes_back {
    ($test:ident, $record:expr, $list:ident, $account:expr) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(48))]
            #[test]
            fn $test(records in prop::collection::vec($record, 1..6)) {
                let mut records = records;
                let account: Option<SourceKey> = $account;
                for (record, key) in records.iter_mut().zip(ids(6)) {
                    record.source_key = key;
                }
                for format in FORMATS {
                    let mut found = round(format, &records, account.as_ref()).$list;
                    // the key of the account stands for its name
                    for record in &mut found {
                        comes_back!(@account $list, record, account);
                    }
                    prop_assert_eq!(&found, &records, "{:?}", format);
                }
            }
        }
    };
    (@account accounts, $record:ident, $account:ident) => {
        assert!($record.name.is_empty());
    };
    (@account $list:ident, $record:ident, $account:ident) => {
        assert_eq!($record.account_key.take(), $account.clone());
    };
}

comes_back!(accounts_come_back, account(), accounts, None);
comes_back!(contacts_come_back, contact(), contacts, key("acme"));
comes_back!(orders_come_back, order(), orders, key("acme"));
comes_back!(interactions_come_back, interaction(), interactions, key("acme"));
comes_back!(opportunities_come_back, opportunity(), opportunities, key("acme"));

#[test]
fn many_rows_are_several_groups_of_parquet() {
    let records: Vec<Account> = (0..45_000)
        .map(|number| Account {
            source_key: key(&format!("{number}")),
            display_name: format!("Account {number}"),
            ..Account::default()
        })
        .collect();
    assert_eq!(round(Format::Parquet, &records, None).accounts, records);
}

#[test]
fn json_lines_go_through_a_mapping_of_ones_own() {
    let mut file = tempfile::tempfile().unwrap();
    let lines = "{\"id\": 7, \"person\": {\"name\": \"Ann\"}}\n\n{\"id\": 8, \"person\": {\"name\": \"Bo\"}, \"more\": [1]}\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(lines.as_bytes()).unwrap();
    file.write_all(&packed.finish().unwrap()).unwrap();
    let mapping = "name = \"m\"\nsource = \"s\"\n[[table]]\n[table.fields]\nid = \"id\"\nname = \"person.name\"\n\
                   [table.account]\nkey = \"{id}\"\ndisplay_name = \"{name}\"";
    let found = read(file, Some(Format::JsonLines), Some(mapping)).accounts;
    let told: Vec<_> =
        found.iter().map(|a| (a.source_key.clone().unwrap().id, a.display_name.as_str())).collect();
    assert_eq!(told, [("7".to_owned(), "Ann"), ("8".to_owned(), "Bo")]);
}

#[test]
fn a_declared_format_must_be_the_one_there_is() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"a,b\n1,2\n").unwrap();
    let error = open_file("people.csv", file, Some(Format::Parquet), None, now()).unwrap_err().to_string();
    assert!(error.contains("Parquet is declared") && error.contains("Csv"), "{error}");
}

#[test]
fn every_refused_line_is_told_with_the_batches() {
    let mut file = tempfile::tempfile().unwrap();
    let lines: String = (0..2_500).map(|number| format!("{number},\n")).collect();
    file.write_all(format!("id,name\n{lines}").as_bytes()).unwrap();
    let mapping = "name = \"m\"\nsource = \"s\"\n[[table]]\n[table.fields]\nid = \"id\"\nname = \"name\"\n\
                   [table.account]\nkey = \"{id}\"\ndisplay_name = \"{name}\"";
    let mut plan = open_file("f", file, None, Some(mapping), now()).unwrap().tell_refused();
    let mut told = Vec::new();
    plan.batches(|batch| {
        assert!(batch.refused.len() <= 1_000);
        told.extend(batch.refused.iter().map(|refused| refused.line));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(told, (2..2_502).collect::<Vec<_>>());
    assert_eq!(plan.columns().of(crate::RecordKind::Account, "display_name"), Some("name"));
}
