//! F1 on public data and on a model company, for `cargo xtask figures`: one JSON object on standard
//! output, what was found on standard error. Data sets that are not there are left out.

#![expect(clippy::unwrap_used, reason = "a measurement ends at what it did not expect")]

#[path = "../tests/common/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod common;

use std::collections::BTreeMap;

use common::{Pairs, febrl, febrl_truth, found, judge, rows, truth};
use salient_linkage::{Index, Kind, Learning, Record, Sources, learn, resolve};
use salient_sim::{Company, Config, sources::sightings};

fn main() {
    let mut report: BTreeMap<&str, f64> = BTreeMap::new();
    let mut add = |name, kind: Kind, records: &[Record], sources, truth: &Pairs| {
        report.insert(name, measure(name, kind, records, sources, truth));
    };
    if let (Some(a), Some(b)) = (rows("dataset4a.csv"), rows("dataset4b.csv")) {
        let records: Vec<Record> =
            a.iter().map(|row| febrl(row, 0)).chain(b.iter().map(|row| febrl(row, 1))).collect();
        add("febrl4", Kind::Person, &records, Sources::Distinct, &febrl_truth(&records));
    }
    if let Some(rows) = rows("dataset1.csv") {
        let records: Vec<Record> = rows.iter().map(|row| febrl(row, 0)).collect();
        add("febrl1", Kind::Person, &records, Sources::Any, &febrl_truth(&records));
    }
    if let (Some(a), Some(b)) = (rows("AbtBuy_Abt.csv"), rows("AbtBuy_Buy.csv")) {
        let shop = |rows: &[BTreeMap<String, String>], source: u16| -> Vec<Record> {
            let record = |(at, row): (usize, &BTreeMap<String, String>)| {
                let id = format!("{source}-{}-{at}", row["unique_id"]);
                Record::new(id).from_source(source).with("title", row["title"].clone())
            };
            rows.iter().enumerate().map(record).collect()
        };
        let records: Vec<Record> = shop(&a, 0).into_iter().chain(shop(&b, 1)).collect();
        let number = |record: &Record| record.id.split('-').nth(1).unwrap().to_owned();
        add("abtbuy", Kind::Product, &records, Sources::Distinct, &truth(&records, number, true));
    }
    let company = Company::try_new(Config { seed: 11, accounts: 5_000, ..Config::default() }).unwrap();
    let mut sources: Vec<&str> = Vec::new();
    let records: Vec<Record> = sightings(&company)
        .map(|seen| {
            let source = sources.iter().position(|name| *name == seen.source).unwrap_or_else(|| {
                sources.push(seen.source);
                sources.len() - 1
            });
            let id = format!("{}-{}", seen.account, seen.source);
            let fields = [
                ("name", seen.name),
                ("domain", seen.domain),
                ("phone", seen.phone),
                ("street", seen.street),
                ("city", seen.city),
                ("postal_code", seen.postal_code),
                ("country", seen.country),
            ];
            let record = Record::new(id).from_source(source as u16);
            fields
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .fold(record, |record, (field, value)| record.with(field, value))
        })
        .collect();
    let account = |record: &Record| record.id.split('-').next().unwrap().to_owned();
    add("model_company", Kind::Company, &records, Sources::Distinct, &truth(&records, account, true));
    println!("{}", serde_json::to_string(&report).unwrap());
}

fn measure(name: &str, kind: Kind, records: &[Record], sources: Sources, truth: &Pairs) -> f64 {
    let mut index = Index::new(kind.config()).unwrap();
    index.extend(records.iter().cloned()).unwrap();
    let model = learn(&index, sources, &Learning::default()).unwrap();
    let (precision, recall, f1) = judge(&found(&index, &resolve(&index, &model, sources).unwrap()), truth);
    eprintln!("{name}: precision {precision:.4} recall {recall:.4} F1 {f1:.4}");
    f1
}
