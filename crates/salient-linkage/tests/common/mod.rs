//! Real files, where they are, and how a resolution is judged.

use salient_linkage::{Index, Record, Resolution, Sources, candidate_pairs};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// Unordered pairs of ids.
pub type Pairs = BTreeSet<(String, String)>;

pub fn pair(a: &str, b: &str) -> (String, String) {
    if a <= b { (a.to_owned(), b.to_owned()) } else { (b.to_owned(), a.to_owned()) }
}

/// The rows of a file of `shared/data/record_linkage` beside the repository (or below
/// `SALIENT_DATA`) by column name; `None`, with a note, if it is not there.
pub fn rows(name: &str) -> Option<Vec<BTreeMap<String, String>>> {
    let root = std::env::var_os("SALIENT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join("record_linkage").join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: no {}", path.display());
        return None;
    };
    let text: String = String::from_utf8(bytes).unwrap_or_else(|e| {
        // Abt-Buy is Latin-1.
        e.into_bytes().iter().map(|&b| char::from(b)).collect()
    });
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.unwrap();
        names.iter().zip(record.iter()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    };
    Some(reader.records().map(row).collect())
}

/// A person of the Febrl files; the social security number is not looked at.
pub fn febrl(row: &BTreeMap<String, String>, source: u16) -> Record {
    let fields = [
        ("given_name", "given_name"),
        ("family_name", "surname"),
        ("house_number", "street_number"),
        ("street", "address_1"),
        ("address_line2", "address_2"),
        ("city", "suburb"),
        ("postal_code", "postcode"),
        ("region", "state"),
        ("birth_date", "date_of_birth"),
    ];
    let record = Record::new(row["rec_id"].clone()).from_source(source);
    fields.iter().fold(record, |record, (ours, theirs)| match row[*theirs].as_str() {
        "" => record,
        value => record.with(*ours, value),
    })
}

/// Pairs of records of one person: `rec-17-org` and `rec-17-dup-0`.
pub fn febrl_truth(records: &[Record]) -> Pairs {
    truth(records, |record| record.id.split('-').nth(1).unwrap().to_owned(), false)
}

/// Pairs of records with an equal key, across sources only or all.
pub fn truth(records: &[Record], key: impl Fn(&Record) -> String, across: bool) -> Pairs {
    let mut groups: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    records.iter().for_each(|record| groups.entry(key(record)).or_default().push(record));
    let mut out = Pairs::new();
    for group in groups.values() {
        for (n, a) in group.iter().enumerate() {
            let others = group[n + 1..].iter().filter(|b| !across || a.source != b.source);
            out.extend(others.map(|b| pair(&a.id, &b.id)));
        }
    }
    out
}

/// Pairs that a resolution holds for one thing.
pub fn found(index: &Index, resolution: &Resolution) -> Pairs {
    let mut out = Pairs::new();
    for cluster in &resolution.clusters {
        for (n, &a) in cluster.iter().enumerate() {
            out.extend(cluster[n + 1..].iter().map(|&b| pair(index.id(a), index.id(b))));
        }
    }
    out
}

/// Share of the true pairs that blocking keeps, and the number of candidates.
pub fn blocking_recall(index: &Index, sources: Sources, truth: &Pairs) -> (f64, u64) {
    let (kept, pairs) = candidate_pairs(index, sources, |a, near, out| {
        let of = |&b: &u32| pair(index.id(a), index.id(b));
        out.extend(near.iter().map(of).filter(|p| truth.contains(p)));
    });
    (kept.len() as f64 / truth.len() as f64, pairs)
}

/// Precision, recall and their harmonic mean.
pub fn judge(found: &Pairs, truth: &Pairs) -> (f64, f64, f64) {
    let hits = found.intersection(truth).count() as f64;
    let (p, r) = (hits / (found.len() as f64).max(1.0), hits / truth.len() as f64);
    (p, r, 2.0 * p * r / (p + r).max(f64::MIN_POSITIVE))
}
