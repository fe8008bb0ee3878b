//! Need forecast: planted rhythms are covered, chances hold, nothing lies in the past.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use salient_learn::need::{Config, Forecast, Needs, Purchase};
use salient_learn::{DAY_US, Error};

const CUTOFF: i64 = 400 * DAY_US;

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn at(day: f64) -> i64 {
    (day * DAY_US as f64) as i64
}

fn buy(account: u32, product: u32, day: f64) -> Purchase {
    Purchase { account, product, time: at(day), quantity: 2.0 }
}

/// Accounts that buy product 7 every 21 ± 3 days for 500 days.
fn regular(accounts: u32, seed: u64) -> Vec<Purchase> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut out = Vec::new();
    for account in 0..accounts {
        let mut day = rng.random::<f64>() * 200.0;
        while day < 500.0 {
            out.push(buy(account, 7, day));
            day += (21.0 + 3.0 * normal(&mut rng)).max(2.0);
        }
    }
    out
}

fn next_after(purchases: &[Purchase], account: u32, product: u32) -> Option<i64> {
    let own = purchases.iter().filter(|p| (p.account, p.product) == (account, product));
    own.map(|p| p.time).filter(|&t| t >= CUTOFF).min()
}

#[test]
fn regular_buyers_are_covered() {
    for seed in [1, 2, 3] {
        let all = regular(400, seed);
        let needs = Needs::fit(&all, CUTOFF, Config::default()).unwrap();
        let (mut covered, mut error) = (0, 0.0);
        for account in 0..400 {
            let f = needs.forecast(account, 30, 1)[0];
            let truth = next_after(&all, account, 7).unwrap();
            covered += u32::from((f.low..=f.high).contains(&truth));
            error += ((f.expected - truth) as f64 / DAY_US as f64).abs() / 400.0;
            // Some nine gaps at least, a standard error of 3/√9 = 1 day: four of them.
            assert!(f.gaps >= 8 && (f.typical_gap_days - 21.0).abs() < 4.0, "{f:?}");
        }
        let share = f64::from(covered) / 400.0;
        println!("seed {seed}: 80 % interval covers {share:.3}, mean absolute error {error:.2} days");
        assert!((0.72..=0.88).contains(&share), "{share}");
        assert!(error < 3.5, "{error}");
    }
}

/// 1500 accounts, 12 products of 10 to 60 days, pairs differing by 30 %, gaps by 40 %; each
/// purchase is the last with chance `drop`.
fn with_dropout(seed: u64, drop: f64) -> Vec<Purchase> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut out = Vec::new();
    for account in 0..1500 {
        let first = rng.random_range(0..12);
        for product in [first, (first + rng.random_range(1..12)) % 12] {
            let own = (10.0 + 4.5 * f64::from(product)).ln() + 0.3 * normal(&mut rng);
            let mut day = rng.random::<f64>() * 390.0;
            while day < 1000.0 {
                out.push(buy(account, product, day));
                if rng.random::<f64>() < drop {
                    break;
                }
                day += (own + 0.4 * normal(&mut rng)).exp();
            }
        }
    }
    out
}

#[test]
fn chances_hold_under_dropout() {
    for (seed, drop, horizon) in [(1, 0.1, 30), (2, 0.1, 14), (3, 0.25, 30), (4, 0.02, 60)] {
        let all = with_dropout(seed, drop);
        let needs = Needs::fit(&all, CUTOFF, Config::default()).unwrap();
        let mut pairs: Vec<(f64, f64)> = Vec::new();
        for account in 0..1500 {
            for f in needs.forecast(account, horizon, 10) {
                let next = next_after(&all, account, f.product);
                let hit = next.is_some_and(|t| t < CUTOFF + i64::from(horizon) * DAY_US);
                pairs.push((f.probability_within, f64::from(u8::from(hit))));
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let n = pairs.len() as f64;
        let mean = |x: &[(f64, f64)]| {
            let k = x.len() as f64;
            (x.iter().map(|p| p.0).sum::<f64>() / k, x.iter().map(|p| p.1).sum::<f64>() / k)
        };
        let tenth = pairs.len().div_ceil(10);
        let groups: Vec<(f64, f64)> = pairs.chunks(tenth).map(mean).collect();
        let sizes = pairs.chunks(tenth).map(|c| c.len() as f64 / n);
        let error: f64 = groups.iter().zip(sizes).map(|(g, s)| s * (g.0 - g.1).abs()).sum();
        let (promised, kept) = mean(&pairs);
        println!("drop {drop}, {horizon} days: promised {promised:.3}, kept {kept:.3}, error {error:.3}");
        println!("  tenths {groups:.2?}");
        assert!((promised - kept).abs() < 0.06 && error < 0.06, "{promised} {kept} {error}");
    }
}

#[test]
fn one_purchase_falls_to_the_products_gap() {
    let mut all = regular(100, 5);
    for account in 0..60 {
        (0..6).for_each(|i| all.push(buy(account, 8, 10.0 + f64::from(account) + 63.0 * f64::from(i))));
    }
    all.push(buy(500, 7, 395.0));
    all.push(buy(500, 8, 395.0));
    // A product nobody bought twice.
    all.push(buy(500, 9, 395.0));
    let needs = Needs::fit(&all, CUTOFF, Config::default()).unwrap();
    let forecasts = needs.forecast(500, 30, 10);
    let of = |product| *forecasts.iter().find(|f| f.product == product).unwrap();
    assert!((of(7).typical_gap_days / 21.0 - 1.0).abs() < 0.1, "{:?}", of(7));
    assert!((of(8).typical_gap_days / 63.0 - 1.0).abs() < 0.1, "{:?}", of(8));
    assert_eq!((of(7).gaps, of(9).product_gaps), (0, 0));
    assert!(of(7).product_gaps > 1000 && of(8).product_gaps == 300);
    // Between the two products, and unsure.
    assert!((21.0..63.0).contains(&of(9).typical_gap_days), "{:?}", of(9));
    let width = |f: Forecast| f.high - f.low;
    assert!(width(of(9)) > width(of(7)));
    assert_eq!(forecasts[0].product, 7);
    assert!(forecasts.windows(2).all(|w| w[0].probability_within >= w[1].probability_within));
    assert!(needs.forecast(12345, 30, 10).is_empty());
    assert_eq!(needs.forecast(500, 30, 1).len(), 1);
    assert_eq!(of(7).mean_quantity, 2.0);
}

#[test]
fn own_gaps_override_the_products() {
    let mut all = regular(100, 6);
    (0..9).for_each(|i| all.push(buy(500, 7, 390.0 - 42.0 * f64::from(i))));
    let needs = Needs::fit(&all, CUTOFF, Config::default()).unwrap();
    let f = needs.forecast(500, 30, 1)[0];
    // Eight gaps of 42 against at most two gaps' worth of 21: 42 · 2^(−1/5) = 36.6 or more.
    assert!((36.0..43.0).contains(&f.typical_gap_days), "{f:?}");
    assert_eq!(f.gaps, 8);
}

#[test]
fn more_silence_less_alive() {
    let mut all = regular(200, 7);
    // The same eight gaps, shifted back ever further.
    let late = [1.0, 10.0, 21.0, 30.0, 40.0, 60.0, 100.0, 200.0];
    for (account, silence) in (500..).zip(late) {
        (0..9).for_each(|i| all.push(buy(account, 7, 400.0 - silence - 21.0 * f64::from(i))));
    }
    let needs = Needs::fit(&all, CUTOFF, Config::default()).unwrap();
    let forecasts: Vec<Forecast> = (500..508).map(|a| needs.forecast(a, 30, 1)[0]).collect();
    let alive: Vec<f64> = forecasts.iter().map(|f| f.alive).collect();
    println!("alive after {late:?} days: {alive:.3?}");
    assert!(alive.windows(2).all(|w| w[0] > w[1]), "{alive:?}");
    assert!(alive[0] > 0.9 && alive[7] < 0.05, "{alive:?}");
    for (f, silence) in forecasts.iter().zip(late) {
        assert!(f.low >= CUTOFF && f.low <= f.expected && f.expected <= f.high, "{f:?}");
        assert!((f.elapsed_days - silence).abs() < 1e-6);
        assert!(f.probability_within <= f.alive);
    }
    // After one day the next is due in about twenty.
    let due = (forecasts[0].expected - CUTOFF) as f64 / DAY_US as f64;
    assert!((due - 20.0).abs() < 1.5, "{due}");
}

#[test]
fn a_longer_horizon_is_never_less_likely() {
    let needs = Needs::fit(&with_dropout(8, 0.1), CUTOFF, Config::default()).unwrap();
    for account in 0..50 {
        let chance = |days| needs.forecast(account, days, 1).first().map(|f| f.probability_within);
        let chances: Vec<Option<f64>> = [0, 7, 30, 365, u32::MAX].into_iter().map(chance).collect();
        assert!(chances.windows(2).all(|w| w[0] <= w[1]), "{chances:?}");
        assert!(chances[0].is_none_or(|c| c == 0.0));
    }
}

#[test]
fn rows_at_or_after_the_cutoff_are_not_seen() {
    let past: Vec<Purchase> = regular(50, 9).into_iter().filter(|p| p.time < CUTOFF).collect();
    let mut all = past.clone();
    all.push(Purchase { account: 3, product: 7, time: CUTOFF, quantity: 9.0 });
    all.push(Purchase { account: 3, product: 99, time: CUTOFF + DAY_US, quantity: f64::NAN });
    let known = Needs::fit(&past, CUTOFF, Config::default());
    assert_eq!(Needs::fit(&all, CUTOFF, Config::default()), known);
    all.push(Purchase { account: 3, product: 7, time: CUTOFF - 1, quantity: 9.0 });
    assert_ne!(Needs::fit(&all, CUTOFF, Config::default()), known);
}

#[test]
fn returns_and_split_deliveries_are_no_needs() {
    let plain = regular(50, 10);
    let mut all = plain.clone();
    for p in plain.iter().step_by(3) {
        all.push(Purchase { time: p.time + DAY_US / 2, quantity: 1.0, ..*p });
        all.push(Purchase { time: p.time + 5 * DAY_US, quantity: -1.0, ..*p });
        all.push(Purchase { time: p.time + 6 * DAY_US, quantity: 0.0, ..*p });
    }
    let config = Config::default();
    let a = Needs::fit(&plain, CUTOFF, config).unwrap().forecast(4, 30, 1)[0];
    let b = Needs::fit(&all, CUTOFF, config).unwrap().forecast(4, 30, 1)[0];
    assert!(b.mean_quantity > a.mean_quantity);
    assert_eq!(Forecast { mean_quantity: 0.0, ..a }, Forecast { mean_quantity: 0.0, ..b });
}

#[test]
fn too_little_or_wrong_is_refused() {
    let config = Config::default();
    let refused = |rows: &[Purchase]| match Needs::fit(rows, CUTOFF, config) {
        Err(Error::NotEnoughData { needed, have }) => (needed, have),
        other => panic!("{other:?}"),
    };
    assert!(refused(&[]).0.contains("30 gaps"));
    let two: Vec<Purchase> = regular(2, 11).into_iter().filter(|p| p.time < at(250.0)).collect();
    assert!(refused(&two).1.contains("gaps"));
    // Single gaps only: nothing says how even one account is.
    let pairs: Vec<Purchase> = (0..50).flat_map(|a| [buy(a, 1, 10.0), buy(a, 1, 30.0)]).collect();
    assert!(refused(&pairs).1.starts_with("50 gaps, 0"));
    // Gaps from one to fifteen days within three weeks: too early to tell who has left.
    let young: Vec<Purchase> =
        (0..50).flat_map(|a| [0.0, 1.0, 6.0, 21.0].map(|d| buy(a, 1, 378.5 + d))).collect();
    assert!(refused(&young).0.contains("old enough"));
    let mut bad = regular(50, 12);
    bad[0].quantity = f64::INFINITY;
    assert!(matches!(Needs::fit(&bad, CUTOFF, config), Err(Error::Invalid { what: "quantity", .. })));
    let wrong = Config { same_need_days: 0.0, ..config };
    assert!(matches!(Needs::fit(&bad, CUTOFF, wrong), Err(Error::Invalid { what: "same_need_days", .. })));
    let wrong = Config { dropout_strength: f64::NAN, ..config };
    assert!(matches!(Needs::fit(&bad, CUTOFF, wrong), Err(Error::Invalid { what: "dropout_strength", .. })));
}

#[test]
fn a_fitted_thing_survives_json() {
    let needs = Needs::fit(&regular(50, 13), CUTOFF, Config::default()).unwrap();
    let back: Needs = serde_json::from_str(&serde_json::to_string(&needs).unwrap()).unwrap();
    assert_eq!(needs, back);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_of_purchases_does_not_matter(seed in any::<u64>(), data in 0_u64..4) {
        let mut rng = ChaCha8Rng::seed_from_u64(data);
        let mut rows = regular(40, data);
        for p in &mut rows {
 p.quantity = rng.random::<f64>();
}
        let again: Vec<Purchase> =
            rows.iter().step_by(5).map(|p| Purchase { quantity: 0.1 + p.quantity, ..*p }).collect();
        rows.extend(again);
        let mut mixed = rows.clone();
        mixed.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let config = Config::default();
        prop_assert_eq!(Needs::fit(&rows, CUTOFF, config), Needs::fit(&mixed, CUTOFF, config));
    }

    #[test]
    fn any_purchases_give_sound_forecasts(
        rows in prop::collection::vec((0_u32..4, 0_u32..3, 0.0_f64..420.0, -1.0_f64..5.0), 0..150),
        cutoff in 1.0_f64..420.0,
        horizon in 0_u32..400,
    ) {
        let purchases: Vec<Purchase> = rows
            .iter()
            .map(|&(account, product, day, quantity)| Purchase { quantity, ..buy(account, product, day) })
            .collect();
        let config = Config { min_gaps: 0, min_decided: 0, ..Config::default() };
        let Ok(needs) = Needs::fit(&purchases, at(cutoff), config) else { return Ok(()) };
        for f in (0..4).flat_map(|a| needs.forecast(a, horizon, 10)) {
            prop_assert!(at(cutoff) <= f.low && f.low <= f.expected && f.expected <= f.high, "{:?}", f);
            prop_assert!(f.last < at(cutoff) && f.elapsed_days > 0.0);
            prop_assert!(0.0 <= f.probability_within && f.probability_within <= f.alive && f.alive <= 1.0);
            prop_assert!(f.typical_gap_days.is_finite() && f.typical_gap_days > 0.0);
        }
    }

    #[test]
    fn any_times_are_survived(times in prop::collection::vec(any::<i64>(), 0..60), cutoff in any::<i64>()) {
        let purchases: Vec<Purchase> = times
            .iter()
            .enumerate()
            .map(|(i, &time)| Purchase { account: i as u32 % 3, product: 0, time, quantity: 1.0 })
            .collect();
        let config = Config { min_gaps: 0, min_decided: 0, ..Config::default() };
        if let Ok(needs) = Needs::fit(&purchases, cutoff, config) {
            for f in (0..3).flat_map(|a| needs.forecast(a, 30, 10)) {
                prop_assert!(f.low >= cutoff && f.low <= f.expected && f.expected <= f.high);
            }
        }
    }
}
