//! Index, blocks, bands, assignment and clusters.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use salient_linkage::{
    Band, Error, Index, Kind, Link, Model, Record, Resolution, Scorer, Sources,
    assign::{one_to_one, share_between_rivals},
    cluster::cluster,
    resolve,
};

fn person(id: &str, given: &str, family: &str, email: &str) -> Record {
    Record::new(id).with("given_name", given).with("family_name", family).with("email", email)
}

#[test]
fn refusals_say_what_would_be_right() {
    let mut index = Index::new(Kind::Person.config()).unwrap();
    let refused = index.insert(&Record::new("1").with("surname", "x")).unwrap_err();
    assert!(matches!(refused, Error::UnknownField { known, .. } if known.contains("family_name")));
    assert!(matches!(index.insert(&Record::new("")), Err(Error::Invalid { .. })));
    index.insert(&Record::new("1")).unwrap();
    assert!(matches!(index.insert(&Record::new("1")), Err(Error::DuplicateId { .. })));
    for kind in [Kind::Person, Kind::Company, Kind::Product] {
        Model::standard(&kind.config(), 10).check(&kind.config()).unwrap();
    }
}

#[test]
fn a_new_record_finds_its_like_until_that_is_removed() {
    let mut index = Index::new(Kind::Person.config()).unwrap();
    index.insert(&person("1", "Ana", "Müller", "ana.mueller@x.de")).unwrap();
    index.insert(&person("2", "Bernd", "Schulz", "bernd.schulz@y.de")).unwrap();
    let query = index.normalise(&person("3", "Anna", "Muller", "ana.mueller@x.de")).unwrap();
    let model = Model::standard(index.config(), index.len());
    {
        let scorer = Scorer::new(&index, &model).unwrap();
        let found = scorer.matches(&query);
        assert_eq!(found.iter().map(|m| index.id(m.number)).collect::<Vec<_>>(), ["1"]);
        assert_eq!(found[0].band, Band::Merge);
        assert_eq!(scorer.explain_query(&query, found[0].number).score, found[0].score);
    }
    assert!(!index.keys(&query).is_empty());
    assert!(index.remove("1") && !index.remove("1"));
    assert!(index.candidates(&query).is_empty() && index.len() == 1);
}

#[test]
fn a_huge_block_is_split_and_keeps_its_pairs() {
    let mut index = Index::new(Kind::Person.config()).unwrap();
    let many = 2_000;
    let record = |n: usize, copy: usize| {
        let birth = format!("{}-{:02}-{:02}", 1940 + n % 60, n % 12 + 1, n % 28 + 1);
        Record::new(format!("{n}-{copy}")).with("full_name", "Anna Schmidt").with("birth_date", birth)
    };
    index.extend((0..many).map(|n| record(n, 0))).unwrap();
    let mut largest = 0;
    for n in (0..many).step_by(37) {
        let near = index.candidates(&index.normalise(&record(n, 1)).unwrap());
        assert!(near.contains(&index.number(&format!("{n}-0")).unwrap()), "{n}");
        largest = largest.max(near.len());
    }
    assert!(largest <= 300, "{largest} candidates of {many} in one block");
    (0..many).for_each(|n| assert!(index.remove(&format!("{n}-0"))));
    assert!(index.candidates(&index.normalise(&record(1, 1)).unwrap()).is_empty());
}

fn link(a: u32, b: u32, log2_odds: f64) -> Link {
    Link { a, b, log2_odds, probability: 1.0 / (1.0 + f64::exp2(-log2_odds)) }
}

#[test]
fn one_partner_each_and_rivals_halve_belief() {
    let source = |n: u32| u16::from(n >= 10);
    let mut links =
        vec![link(0, 10, 9.0), link(0, 11, 8.0), link(1, 10, 7.0), link(1, 11, 2.0), link(2, 12, 0.0)];
    let kept: Vec<(u32, u32)> = one_to_one(&links, source).iter().map(|l| (l.a, l.b)).collect();
    assert_eq!(kept, [(0, 10), (1, 11), (2, 12)]);
    share_between_rivals(&mut links, source, |_| 0.5);
    assert!((links[4].probability - 1.0 / 1.5).abs() < 1e-12, "nobody else is near");
    assert!(links[0].probability < 0.6 && links[1].probability < 0.35);
}

/// Names for cluster tests: two digits, so that order of ids is order of numbers.
const IDS: [&str; 12] = ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11"];

#[test]
fn a_chain_stops_where_its_ends_contradict() {
    let links = [link(0, 1, 9.0), link(2, 3, 8.0), link(1, 2, 5.0)];
    let id = |n: u32| IDS[n as usize];
    let apart = |a: u32, b: u32| if a.abs_diff(b) > 1 { -20.0 } else { 10.0 };
    let found = cluster(&links, 50, -8.0, apart, id);
    assert_eq!(found.clusters, [vec![0, 1], vec![2, 3]]);
    assert_eq!(found.doubts.len(), 1);
    let together = cluster(&links, 50, -8.0, |_, _| 3.0, id);
    assert_eq!(together.clusters, [vec![0, 1, 2, 3]]);
}

#[test]
fn growth_beyond_the_limit_is_reported_and_not_merged() {
    let links: Vec<Link> = (0..11).map(|n| link(n, n + 1, 20.0 - f64::from(n))).collect();
    let found = cluster(&links, 5, -8.0, |_, _| 9.0, |n| IDS[n as usize]);
    assert!(found.clusters.is_empty());
    assert_eq!(found.blobs[0].members, (0..12).collect::<Vec<u32>>());
    assert_eq!((found.blobs[0].weakest[0].a, found.blobs[0].weakest.len()), (10, 10));
}

/// Clusters by id, however numbers were given.
fn named(index: &Index, found: &Resolution) -> Vec<Vec<String>> {
    found.clusters.iter().map(|c| c.iter().map(|&n| index.id(n).to_owned()).collect()).collect()
}

fn resolved(records: impl IntoIterator<Item = Record>) -> Vec<Vec<String>> {
    let mut index = Index::new(Kind::Person.config()).unwrap();
    index.extend(records).unwrap();
    let model = Model::standard(index.config(), 100);
    named(&index, &resolve(&index, &model, Sources::Any).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn the_order_of_records_does_not_matter(
        rows in proptest::collection::vec(("(ana|anna|bob|eva)", "(smith|smyth|jones|xu)", "[ab]@(x|y)[.]de", 0_u8..3), 2..24),
        rotate in 0_usize..24,
    ) {
        let record = |(n, (given, family, email, day)): (usize, &(String, String, String, u8))| {
            person(&format!("{n:02}"), given, family, email).with("birth_date", format!("1980-01-0{}", day + 1))
        };
        let mut records: Vec<Record> = rows.iter().enumerate().map(record).collect();
        let first = resolved(records.clone());
        let middle = rotate % records.len();
        records.rotate_left(middle);
        prop_assert_eq!(&first, &resolved(records.clone()));
        records.reverse();
        prop_assert_eq!(&first, &resolved(records));
    }

    #[test]
    fn taking_a_link_away_undoes_it(pairs in proptest::collection::btree_set((0_u32..12, 0_u32..12), 1..20), last in 0_usize..20) {
        let mut links: Vec<Link> = pairs.iter().filter(|(a, b)| a < b).enumerate()
            .map(|(n, &(a, b))| link(a, b, 30.0 - n as f64)).collect();
        prop_assume!(!links.is_empty());
        let evidence = |a: u32, b: u32| if (a + b).is_multiple_of(5) { -9.0 } else { 4.0 };
        let of = |links: &[Link]| cluster(links, 6, -8.0, evidence, |n| IDS[n as usize]);
        let at = last % links.len();
        let removed = links.remove(at);
        let without = of(&links);
        links.insert(at, removed);
        let with = of(&links);
        links.remove(at);
        prop_assert_eq!(of(&links), without);
        let all: Vec<u32> = with.clusters.iter().flatten().chain(with.blobs.iter().flat_map(|b| &b.members)).copied().collect();
        let distinct: std::collections::BTreeSet<u32> = all.iter().copied().collect();
        prop_assert_eq!(all.len(), distinct.len(), "each record is in one cluster at most");
    }
}
