//! Resolves a million made-up contacts and prints one JSON line: `cargo run --release -p
//! salient-linkage --example resolve_million [RECORDS]`.
//!
//! About 1.3 records a person, with slips of typing, missing fields, moves and new numbers; half of
//! the people live with somebody who shares the family name, the address and often the telephone.

#![expect(clippy::unwrap_used, reason = "an example may stop at the first surprise")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use salient_linkage::{Config, Index, Kind, Learning, Record, Sources, learn, resolve};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Instant,
};

const RECORDS_PER_PERSON: f64 = 1.3;

#[derive(Clone)]
struct Person {
    given: String,
    family: String,
    birth: String,
    email: String,
    phone: String,
    number: u32,
    street: String,
    place: usize,
    company: String,
}

/// Frequent first, as names and towns are: the r-th about as often as 1/r^0.6.
fn skewed(rng: &mut ChaCha8Rng, n: usize) -> usize {
    let u: f64 = rng.random_range(0.0..1.0);
    ((u.powf(2.5) * n as f64) as usize).min(n - 1)
}

/// A word of syllables, always the same for a number.
fn word(mut n: usize, syllables: usize) -> String {
    const STARTS: [&str; 20] = [
        "b", "br", "d", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "r", "s", "st", "t", "v",
        "w",
    ];
    const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ei", "au", "ie"];
    const ENDS: [&str; 8] = ["", "n", "r", "l", "s", "nd", "ck", "m"];
    n = n.wrapping_mul(2_654_435_761) ^ 0x5bd1;
    let mut out = String::new();
    for _ in 0..syllables {
        out.push_str(STARTS[n % 20]);
        out.push_str(VOWELS[n / 20 % 8]);
        out.push_str(ENDS[n / 160 % 8]);
        n /= 1280;
        n = n.wrapping_mul(40_503).wrapping_add(7_919);
    }
    out
}

fn phone(rng: &mut ChaCha8Rng) -> String {
    const AREAS: [u32; 8] = [212, 312, 415, 512, 617, 702, 818, 919];
    let area = AREAS[rng.random_range(0..AREAS.len())];
    format!("({area}) {}-{:04}", rng.random_range(200..999), rng.random_range(0..10_000))
}

fn birth(rng: &mut ChaCha8Rng) -> String {
    format!(
        "{}-{:02}-{:02}",
        rng.random_range(1935..2006),
        rng.random_range(1..=12),
        rng.random_range(1..=28)
    )
}

fn mailbox(rng: &mut ChaCha8Rng, given: &str, family: &str, company: &str) -> String {
    let host = match rng.random_range(0..4) {
        0 => "gmail.com".to_owned(),
        1 => "yahoo.com".to_owned(),
        2 => "outlook.com".to_owned(),
        _ => format!("{company}.com"),
    };
    format!("{given}.{family}{}@{host}", rng.random_range(1..1000))
}

fn stranger(rng: &mut ChaCha8Rng) -> Person {
    let given = word(skewed(rng, 3_000), 2);
    let family = word(10_000 + skewed(rng, 60_000), 2);
    let company = word(200_000 + skewed(rng, 50_000), 3);
    Person {
        birth: birth(rng),
        email: mailbox(rng, &given, &family, &company),
        phone: phone(rng),
        number: rng.random_range(1..200),
        street: format!("{} Street", word(300_000 + skewed(rng, 20_000), 2)),
        place: skewed(rng, 8_000),
        given,
        family,
        company,
    }
}

fn housemate(rng: &mut ChaCha8Rng, of: &Person) -> Person {
    let new = stranger(rng);
    let phone = if rng.random_bool(0.5) { of.phone.clone() } else { new.phone };
    let email = mailbox(rng, &new.given, &of.family, &new.company);
    Person { given: new.given, birth: new.birth, company: new.company, email, phone, ..of.clone() }
}

/// One slip: a letter left out, doubled, exchanged or swapped with its neighbour.
fn slip(rng: &mut ChaCha8Rng, text: &str) -> String {
    let mut signs: Vec<char> = text.chars().collect();
    if signs.len() < 3 {
        return text.to_owned();
    }
    let at = rng.random_range(0..signs.len() - 1);
    match rng.random_range(0..4) {
        0 => drop(signs.remove(at)),
        1 => signs.insert(at, signs[at]),
        2 if signs[at].is_ascii_digit() => signs[at] = char::from(b'0' + rng.random_range(0..10_u8)),
        2 => signs[at] = char::from(b'a' + rng.random_range(0..26_u8)),
        _ => signs.swap(at, at + 1),
    }
    signs.into_iter().collect()
}

fn record(rng: &mut ChaCha8Rng, id: String, person: &Person, copy: bool) -> Record {
    let mut person = person.clone();
    if copy {
        if rng.random_bool(0.15) {
            let new = stranger(rng);
            (person.number, person.street, person.place) = (new.number, new.street, new.place);
        }
        if rng.random_bool(0.2) {
            person.phone = phone(rng);
        }
        if rng.random_bool(0.25) {
            person.email = mailbox(rng, &person.given, &person.family, &person.company);
        }
    }
    let city = word(500_000 + person.place / 3, 3);
    let postal = format!("{:05}", 10_000 + person.place * 11);
    let street = format!("{} {}", person.number, person.street);
    let fields = [
        ("given_name", person.given, 0.02),
        ("family_name", person.family, 0.01),
        ("birth_date", person.birth, 0.35),
        ("email", person.email, 0.2),
        ("phone", person.phone, 0.25),
        ("street", street, 0.1),
        ("city", city, 0.05),
        ("postal_code", postal, 0.08),
        ("company", person.company, 0.4),
    ];
    let slips = if copy { 0.12 } else { 0.01 };
    fields.into_iter().fold(Record::new(id), |record, (name, value, missing)| {
        if rng.random_bool(missing) {
            record
        } else if rng.random_bool(slips) {
            record.with(name, slip(rng, &value))
        } else {
            record.with(name, value)
        }
    })
}

/// Records one after the other; the id is `person-copy`.
fn contacts(count: usize) -> impl Iterator<Item = Record> {
    let mut rng = ChaCha8Rng::seed_from_u64(20_260_101);
    let mut last: Option<Person> = None;
    let people = (0_u64..).flat_map(move |number| {
        let person = match last.take() {
            Some(mate) if number % 2 == 1 && rng.random_bool(0.5) => housemate(&mut rng, &mate),
            _ => stranger(&mut rng),
        };
        let mut copies = 1;
        // Geometric with mean RECORDS_PER_PERSON.
        while rng.random_bool(1.0 - 1.0 / RECORDS_PER_PERSON) {
            copies += 1;
        }
        let rows: Vec<Record> =
            (0..copies).map(|copy| record(&mut rng, format!("{number}-{copy}"), &person, copy > 0)).collect();
        last = Some(person);
        rows
    });
    people.take(count)
}

fn person_of(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

fn pairs(n: u64) -> u64 {
    n * (n - 1) / 2
}

/// The most memory the process has held, MiB.
fn peak_rss_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// What no way of comparing can do without: every record made, every value looked up once. Seconds.
fn bare(count: usize) -> f64 {
    let start = Instant::now();
    let mut seen: HashMap<u64, u32> = HashMap::new();
    for record in contacts(count) {
        for (name, value) in &record.values {
            let mut hash = DefaultHasher::new();
            (name, value).hash(&mut hash);
            *seen.entry(hash.finish()).or_insert(0) += 1;
        }
    }
    assert!(seen.values().map(|&n| u64::from(n)).sum::<u64>() > count as u64);
    start.elapsed().as_secs_f64()
}

fn main() {
    let count = std::env::args().nth(1).map_or(1_000_000, |n| n.parse().unwrap());
    let start = Instant::now();
    let config = Config { default_region: Some("US".to_owned()), ..Kind::Person.config() };
    let mut index = Index::new(config).unwrap();
    index.extend(contacts(count)).unwrap();
    let indexed = start.elapsed().as_secs_f64();
    let model = learn(&index, Sources::Any, &Learning::default()).unwrap();
    let learned = start.elapsed().as_secs_f64();
    let found = resolve(&index, &model, Sources::Any).unwrap();
    let seconds = start.elapsed().as_secs_f64();

    let mut sizes: HashMap<String, u64> = HashMap::new();
    contacts(count).for_each(|record| *sizes.entry(person_of(&record.id).to_owned()).or_insert(0) += 1);
    let truth: u64 = sizes.values().map(|&n| pairs(n)).sum();
    let (mut said, mut hits) = (0_u64, 0_u64);
    for cluster in &found.clusters {
        said += pairs(cluster.len() as u64);
        let mut of: HashMap<&str, u64> = HashMap::new();
        cluster.iter().for_each(|&number| *of.entry(person_of(index.id(number))).or_insert(0) += 1);
        hits += of.values().map(|&n| pairs(n)).sum::<u64>();
    }
    let (precision, recall) = (hits as f64 / said.max(1) as f64, hits as f64 / truth.max(1) as f64);
    let peak = peak_rss_mib();
    let report = serde_json::json!({
        "figure": "linkage.resolve",
        "records": count,
        "seconds": seconds,
        "seconds_index": indexed,
        "seconds_learn": learned - indexed,
        "seconds_resolve": seconds - learned,
        "seconds_bare": bare(count),
        "peak_rss_mib": peak,
        "compared": found.compared,
        "precision": precision,
        "recall": recall,
        "f1": 2.0 * precision * recall / (precision + recall),
        "reviews": found.reviews.len(),
        "doubts": found.doubts.len(),
        "blobs": found.blobs.len(),
        "prior": model.prior,
        "related": model.related,
        "threads": rayon::current_num_threads(),
    });
    println!("{report}");
}
