//! Accuracy on public data, without labels and with the one configuration of each kind.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{Pairs, blocking_recall, febrl, febrl_truth, found, judge, rows, truth};
use salient_linkage::{Config, Index, Kind, Learning, Record, Sources, learn, resolve};

/// Resolves, prints what came out, and returns F1 and the recall of blocking.
fn measure(name: &str, config: Config, records: &[Record], sources: Sources, truth: &Pairs) -> (f64, f64) {
    let mut index = Index::new(config).unwrap();
    index.extend(records.iter().cloned()).unwrap();
    let (recall, candidates) = blocking_recall(&index, sources, truth);
    let model = learn(&index, sources, &Learning::default()).unwrap();
    let resolution = resolve(&index, &model, sources).unwrap();
    let (p, r, f1) = judge(&found(&index, &resolution), truth);
    println!(
        "{name}: {} records, {} true pairs, {candidates} candidates with recall {recall:.4}; \
         precision {p:.4}, recall {r:.4}, F1 {f1:.4}; to review {}, doubts {}, blobs {}",
        records.len(),
        truth.len(),
        resolution.reviews.len(),
        resolution.doubts.len(),
        resolution.blobs.len(),
    );
    (f1, recall)
}

#[test]
fn febrl4_links_two_sources() {
    let (Some(a), Some(b)) = (rows("dataset4a.csv"), rows("dataset4b.csv")) else { return };
    let records: Vec<Record> =
        a.iter().map(|row| febrl(row, 0)).chain(b.iter().map(|row| febrl(row, 1))).collect();
    let truth = febrl_truth(&records);
    let config = Kind::Person.config();
    let (any, _) = measure("febrl4, sources unknown", config.clone(), &records, Sources::Any, &truth);
    let (f1, blocking) = measure("febrl4", config, &records, Sources::Distinct, &truth);
    assert!(blocking >= 0.99, "blocking keeps {blocking}");
    assert!(f1 >= 0.995, "F1 {f1}");
    assert!(any >= 0.99, "F1 {any} without knowing the sources");
}

#[test]
fn febrl1_finds_duplicates() {
    let Some(rows) = rows("dataset1.csv") else { return };
    let records: Vec<Record> = rows.iter().map(|row| febrl(row, 0)).collect();
    let truth = febrl_truth(&records);
    let (f1, blocking) = measure("febrl1", Kind::Person.config(), &records, Sources::Any, &truth);
    assert!(blocking >= 0.99, "blocking keeps {blocking}");
    assert!(f1 >= 0.995, "F1 {f1}");
}

/// Titles only; the shops number their rows, and equal numbers are one product.
fn abt_buy(name: &str, source: u16, side: &str) -> Option<Vec<Record>> {
    // Some numbers occur twice in a shop; the place in the file tells those rows apart.
    let record = |(at, row): (usize, &std::collections::BTreeMap<String, String>)| {
        Record::new(format!("{side}-{}-{at}", row["unique_id"]))
            .from_source(source)
            .with("title", row["title"].clone())
    };
    Some(rows(name)?.iter().enumerate().map(record).collect())
}

fn number(record: &Record) -> String {
    record.id.split('-').nth(1).unwrap().to_owned()
}

#[test]
fn abt_buy_titles() {
    let (Some(a), Some(b)) = (abt_buy("AbtBuy_Abt.csv", 0, "abt"), abt_buy("AbtBuy_Buy.csv", 1, "buy"))
    else {
        return;
    };
    let records: Vec<Record> = a.into_iter().chain(b).collect();
    let truth_of = |records: &[Record]| truth(records, number, true);
    let (f1, blocking) =
        measure("Abt-Buy", Kind::Product.config(), &records, Sources::Distinct, &truth_of(&records));
    for rest in 0..2 {
        let half = |r: &&Record| number(r).parse::<u32>().unwrap() % 2 == rest;
        let half: Vec<Record> = records.iter().filter(half).cloned().collect();
        let name = format!("Abt-Buy, half {rest}");
        measure(&name, Kind::Product.config(), &half, Sources::Distinct, &truth_of(&half));
    }
    assert!(blocking >= 0.99, "blocking keeps {blocking}");
    assert!(f1 >= 0.88, "F1 {f1}");
}
