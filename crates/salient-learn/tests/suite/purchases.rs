//! Rhythm, co-purchase and neighbours against brute force; lists and their judgement.

use proptest::prelude::*;
use salient_learn::{
    DAY_US,
    ease::Ease,
    evaluate::{Baseline, Chosen, baseline, choose, judge, lists, random_popular},
    model::sigmoid,
    neighbours::{Neighbours, Scratch, evidence},
    pairs::{PairConfig, PairModel, RankOptions, Source},
    rhythm::Rhythm,
    sparse::Csr,
};

#[test]
fn rhythm_of_an_even_buyer() {
    let day = |d: i64| d * DAY_US;
    let r = Rhythm::of([0, 10, 20, 32].map(day), day(40)).unwrap();
    assert_eq!((r.count, r.days_since_last, r.days_since_first), (4, 8.0, 40.0));
    assert!((r.mean_gap_days.unwrap() - 32.0 / 3.0).abs() < 1e-12);
    assert!((r.gap_sd_days.unwrap() - (4.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    let due = r.due(day(40), 1.0).unwrap();
    assert!(due.from < due.expected && due.expected < due.until);
    assert!((due.expected - day(32) - (32.0 / 3.0 * DAY_US as f64) as i64).abs() <= 1);
    assert!(!r.going_quiet(4));
    let late = Rhythm::of([0, 10, 20, 32].map(day), day(60)).unwrap();
    assert!(late.going_quiet(4) && !late.going_quiet(5));
    assert!(
        !Rhythm::of([0, 10, 20, 32].map(day), day(320)).unwrap().going_quiet(4),
        "long gone is not quiet"
    );
    assert!(Rhythm::of([], 0).is_none());
    assert!(Rhythm::of([5], day(1)).unwrap().due(day(1), 1.0).is_none());
}

/// Inverse by Gauss-Jordan elimination in double precision.
fn inverse(mut a: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = a.len();
    for (i, row) in a.iter_mut().enumerate() {
        row.extend((0..n).map(|j| f64::from(u8::from(i == j))));
    }
    for i in 0..n {
        let pivot = a[i][i];
        a[i].iter_mut().for_each(|v| *v /= pivot);
        let row = a[i].clone();
        for (k, other) in a.iter_mut().enumerate() {
            let f = other[i];
            if k != i {
                other.iter_mut().zip(&row).for_each(|(v, r)| *v -= f * r);
            }
        }
    }
    a.into_iter().map(|row| row[n..].to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn ease_is_its_formula(entries in prop::collection::btree_set((0_u32..12, 0_u32..7), 1..60), lambda in 0.5_f32..50.0) {
        let x = Csr::from_triples(12, 7, entries.iter().map(|&(r, c)| (r, c, 1.0)).collect());
        let ease = Ease::fit(&x, 100, lambda).unwrap();
        let mut gram = vec![vec![0.0; 7]; 7];
        for &(r, a) in &entries {
            for b in entries.iter().filter(|e| e.0 == r).map(|e| e.1) {
                gram[a as usize][b as usize] += 1.0;
            }
        }
        (0..7).for_each(|i| gram[i][i] += f64::from(lambda));
        let p = inverse(gram);
        for i in 0..7_u32 {
            for j in 0..7_u32 {
                let bought = |k| entries.iter().any(|e| e.1 == k);
                let want = if i == j || !bought(i) || !bought(j) { 0.0 } else { -p[i as usize][j as usize] / p[j as usize][j as usize] };
                prop_assert!((f64::from(ease.weight(i, j)) - want).abs() < 1e-4, "{i} {j}");
            }
        }
    }

    #[test]
    fn neighbours_are_the_nearest_by_cosine(entries in prop::collection::btree_set((0_u32..15, 0_u32..8), 1..80), row in 0_u32..15) {
        let x = Csr::from_triples(15, 8, entries.iter().map(|&(r, c)| (r, c, 1.0)).collect());
        prop_assert_eq!(&x.transpose().transpose(), &x);
        let items = |r: u32| entries.iter().filter(|e| e.0 == r).map(|e| e.1).collect::<std::collections::BTreeSet<_>>();
        let mut want: Vec<(f32, u32)> = (0..15)
            .filter(|&o| o != row)
            .map(|o| {
                let shared = items(row).intersection(&items(o)).count() as f32;
                (shared / ((items(row).len() * items(o).len()) as f32).sqrt(), o)
            })
            .filter(|w| w.0 > 0.0)
            .collect();
        want.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        want.truncate(5);
        let got = Neighbours::new(x, usize::MAX).nearest(row, 5, &mut Scratch::default());
        prop_assert_eq!(got.iter().map(|n| (n.similarity, n.id)).collect::<Vec<_>>(), want);
    }
}

#[test]
fn evidence_counts_neighbours_that_bought() {
    let h = crate::common::company();
    let view = h.as_of(200 * DAY_US);
    let index = Neighbours::accounts(&view, usize::MAX);
    let near = index.nearest(view.known_accounts()[0], 31, &mut Scratch::default());
    let e = evidence(&view, &near, 3, 30.0);
    let ever = near.iter().filter(|n| Rhythm::of_pair(&view, n.id, 3).is_some()).count();
    let recent = near
        .iter()
        .filter(|n| Rhythm::of_pair(&view, n.id, 3).is_some_and(|r| r.days_since_last <= 30.0))
        .count();
    assert_eq!(
        (e.neighbours as usize, e.bought as usize, e.bought_recently as usize),
        (near.len(), ever, recent)
    );
}

#[test]
fn lists_hold_to_capacity_and_are_judged_by_hand() {
    let c =
        |seller, account, product, p| (p, Chosen { seller, account, product, probability: p, amount: 1.0 });
    let got =
        choose(vec![c(0, 1, 7, 0.9), c(0, 1, 8, 0.95), c(0, 2, 7, 0.3), c(0, 3, 7, 0.2), c(1, 4, 7, 0.1)], 2);
    assert_eq!(got.iter().map(|c| (c.account, c.product)).collect::<Vec<_>>(), [(1, 8), (2, 7), (4, 7)]);
    let h = crate::common::company();
    let bought = h.window(0, 300 * DAY_US).bought();
    let outcome = judge(&got, &bought, 1);
    let hits = got
        .iter()
        .filter(|c| Rhythm::of_pair(&h.as_of(300 * DAY_US), c.account, c.product).is_some())
        .count();
    assert_eq!((outcome.recommended, outcome.came_true as usize), (3, hits));
    assert!((outcome.promised - (0.95 + 0.3 + 0.1) / 3.0).abs() < 1e-12);
}

#[test]
fn ranking_beats_the_baselines_and_explains_itself() {
    let h = crate::common::company();
    let cutoff = 210 * DAY_US;
    let view = h.as_of(cutoff);
    let model = PairModel::train(&view, &PairConfig { trees: 40, ..PairConfig::default() }).unwrap();
    let options = RankOptions { per_account: 6, explained: 2, parts: 5, ..RankOptions::default() };
    let ranking = model.rank(&view, &options).unwrap();
    let stored: PairModel = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!(stored.rank(&view, &options).unwrap(), ranking);
    let sharded = RankOptions { shard: 17, ..options };
    assert_eq!(model.rank(&view, &sharded).unwrap(), ranking, "shards do not matter");

    for c in &ranking {
        let owned = Rhythm::of_pair(&view, c.account, c.product);
        assert_eq!(c.is_new, owned.is_none());
        assert_eq!(c.orders_with_product, owned.map_or(0, |r| r.count));
        assert_eq!(c.is_new, c.source == Source::CoPurchase);
        if c.source == Source::GoingQuiet {
            assert!(Rhythm::of_account(&view, c.account).unwrap().going_quiet(5));
        }
        if !c.contributions.is_empty() {
            let z: f64 = c.contributions.iter().map(|p| p.log_odds).sum();
            assert!((sigmoid(z) - c.probability).abs() < 1e-9);
        }
    }
    let explained = ranking.iter().filter(|c| !c.contributions.is_empty()).count();
    assert!(explained >= view.known_accounts().len());
    assert!(ranking.iter().any(|c| c.source == Source::GoingQuiet));

    let bought = h.window(cutoff, cutoff + 30 * DAY_US).bought();
    let seller = |a: u32| a % 5;
    let ours = judge(&lists(&ranking, seller, 10, false), &bought, 1);
    let big = judge(&baseline(Baseline::BiggestAccounts, &view, seller, 10), &bought, 1);
    assert!(ours.kept > big.kept && ours.kept > random_popular(&view, &bought), "{ours:?} {big:?}");
    assert!((ours.kept - ours.promised).abs() < 0.2, "{ours:?}");
}
