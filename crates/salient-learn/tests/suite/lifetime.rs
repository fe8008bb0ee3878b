//! Customer-base models: published figures, independent recomputation, customers whose truth is known.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{env, fs, io::Read as _, path::PathBuf};

use chrono::NaiveDate;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution as _, Exp, Gamma};
use salient_learn::{
    Error,
    lifetime::{BgNbd, Dropout, GammaGamma, ParetoNbd, Purchases, Spending},
};

/// A file of `shared/data/cdnow` beside the repository (or below `SALIENT_DATA`); `None`, with a note,
/// if it is not there.
fn cdnow(name: &str) -> Option<Vec<u8>> {
    let root = env::var_os("SALIENT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join("cdnow").join(name);
    let found = fs::read(&path);
    if found.is_err() {
        eprintln!("{} is absent: nothing is compared", path.display());
    }
    found.ok()
}

/// Purchases and spending of the customers of the published summary, in weeks.
fn summary() -> Option<(Vec<Purchases>, Vec<Spending>)> {
    let text = String::from_utf8(cdnow("cdnow_customers_summary_with_transactions.csv")?).unwrap();
    let (mut customers, mut spending) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        let repeats = cells[1] as u32;
        customers.push(Purchases { repeats, last: cells[2], age: cells[3] });
        if repeats > 0 {
            spending.push(Spending { purchases: repeats, mean: cells[4] });
        }
    }
    Some((customers, spending))
}

fn within(value: f64, published: f64, share: f64) {
    assert!((value / published - 1.0).abs() <= share, "{value} beside {published}");
}

#[test]
fn published_fits_are_reached() {
    let Some((customers, spending)) = summary() else { return };
    let model = BgNbd::fit(&customers).unwrap();
    let Dropout { a, b } = model.dropout.unwrap();
    for (value, published) in [(model.r, 0.2426), (model.alpha, 4.4135), (a, 0.7929), (b, 2.4257)] {
        within(value, published, 0.001);
    }
    assert!((model.log_likelihood + 9582.43).abs() < 0.05, "{}", model.log_likelihood);
    // Fader, Hardie and Lee (2005), table 4: the customer 1 over 39 weeks
    let first = customers[0];
    within(model.expected(&first, 39.0).unwrap(), 1.226, 0.001);

    let model = ParetoNbd::fit(&customers).unwrap();
    let published = [(model.r, 0.5533), (model.alpha, 10.578), (model.s, 0.6062), (model.beta, 11.668)];
    for (value, published) in published {
        within(value, published, 0.001);
    }
    assert!((model.log_likelihood + 9594.97).abs() < 0.05, "{}", model.log_likelihood);

    let model = GammaGamma::fit(&spending).unwrap();
    for (value, published) in [(model.p, 6.249), (model.q, 3.745), (model.v, 15.448)] {
        within(value, published, 0.001);
    }
    // Fader and Hardie (2013): the mean of somebody about whom nothing is known
    within(model.expected(None).unwrap(), 6.249 * 15.448 / 2.745, 0.01);
}

#[test]
fn the_next_39_weeks_are_expected_as_well_as_published() {
    let Some(packed) = cdnow("CDNOW_sample.txt.gz") else { return };
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    // days since 1997-01-01, by customer; purchases of one day are one
    let mut days = std::collections::BTreeMap::<&str, std::collections::BTreeSet<i64>>::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        days.entry(cells[0]).or_default().insert(day(cells[2]));
    }
    let (until, horizon) = (day("19970930"), day("19980630") - day("19970930"));
    let (mut customers, mut later) = (Vec::new(), Vec::new());
    for days in days.values() {
        let known: Vec<i64> = days.range(..=until).copied().collect();
        let (first, last) = (known[0], known[known.len() - 1]);
        let weeks = |days: i64| days as f64 / 7.0;
        let repeats = known.len() as u32 - 1;
        customers.push(Purchases { repeats, last: weeks(last - first), age: weeks(until - first) });
        later.push(days.range(until + 1..=until + horizon).count() as f64);
    }
    let model = BgNbd::fit(&customers).unwrap();
    let weeks = horizon as f64 / 7.0;
    let missed = customers.iter().zip(&later).map(|(of, later)| {
        let expected = model.expected(of, weeks).unwrap();
        (expected - later).abs()
    });
    let mean = missed.sum::<f64>() / later.len() as f64;
    assert!(mean <= 0.79, "{mean}");
}

/// The number of a day, from 1970.
fn day(text: &str) -> i64 {
    (NaiveDate::parse_from_str(text, "%Y%m%d").unwrap() - NaiveDate::default()).num_days()
}

fn gamma(shape: f64, rate: f64, rng: &mut ChaCha8Rng) -> f64 {
    Gamma::new(shape, 1.0 / rate).unwrap().sample(rng)
}

fn exponential(rate: f64, rng: &mut ChaCha8Rng) -> f64 {
    Exp::new(rate).unwrap().sample(rng)
}

/// Whether somebody is still a customer, and what they are expected to buy.
type Told = dyn Fn(&Purchases) -> (f64, f64);

/// What was seen of a customer until their age, whether they are still there then, and what they buy
/// within the same time again. They drop out at `dies`, or after a purchase when `drops` says so.
fn life(
    age: f64,
    rate: f64,
    dies: f64,
    mut drops: impl FnMut(&mut ChaCha8Rng) -> bool,
    rng: &mut ChaCha8Rng,
) -> (Purchases, bool, f64) {
    let (mut at, mut of, mut later, mut gone) = (0.0, Purchases { repeats: 0, last: 0.0, age }, 0.0, dies);
    loop {
        at += exponential(rate, rng);
        if at > gone || at > 2.0 * age {
            return (of, gone > age, later);
        }
        if at <= age {
            of = Purchases { repeats: of.repeats + 1, last: at, age };
        } else {
            later += 1.0;
        }
        if drops(rng) {
            gone = at;
        }
    }
}

/// Customers of a Pareto/NBD or a BG/NBD world.
fn world(count: usize, pareto: bool, seed: u64) -> Vec<(Purchases, bool, f64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut out = Vec::new();
    for _ in 0..count {
        let (age, rate) = (rng.random_range(20.0..60.0), gamma(0.8, 8.0, &mut rng));
        out.push(if pareto {
            let dies = exponential(gamma(0.9, 20.0, &mut rng), &mut rng);
            life(age, rate, dies, |_| false, &mut rng)
        } else {
            let p = Beta::new(0.9, 3.0).unwrap().sample(&mut rng);
            life(age, rate, f64::INFINITY, move |rng| rng.random_bool(p), &mut rng)
        });
    }
    out
}

/// Who is still there, and what they buy, is as likely as the models say, on average and for those with
/// few and with many purchases.
#[test]
fn what_is_expected_comes_true() {
    for pareto in [false, true] {
        let people = world(20_000, pareto, 11);
        let seen: Vec<Purchases> = people.iter().map(|(of, ..)| *of).collect();
        let model: Box<Told> = if pareto {
            let model = ParetoNbd::fit(&seen).unwrap();
            within(model.r, 0.8, 0.1);
            within(model.alpha, 8.0, 0.1);
            Box::new(move |of| (model.alive(of).unwrap(), model.expected(of, of.age).unwrap()))
        } else {
            let model = BgNbd::fit(&seen).unwrap();
            within(model.r, 0.8, 0.1);
            within(model.alpha, 8.0, 0.1);
            Box::new(move |of| (model.alive(of).unwrap(), model.expected(of, of.age).unwrap()))
        };
        for (least, most) in [(0, u32::MAX), (0, 0), (1, 2), (3, u32::MAX)] {
            let group: Vec<_> =
                people.iter().filter(|(of, ..)| (least..=most).contains(&of.repeats)).collect();
            let count = group.len() as f64;
            let told: Vec<(f64, f64)> = group.iter().map(|(of, ..)| model(of)).collect();
            let alive = told.iter().map(|(alive, _)| alive).sum::<f64>() / count;
            let still = group.iter().filter(|(_, still, _)| *still).count() as f64 / count;
            assert!((alive - still).abs() < 0.02, "{pareto} {least}: {alive} beside {still}");
            let expected = told.iter().map(|(_, expected)| expected).sum::<f64>() / count;
            let bought = group.iter().map(|(_, _, later)| later).sum::<f64>() / count;
            let spread = group.iter().map(|(_, _, later)| (later - bought).powi(2)).sum::<f64>() / count;
            let error = (spread / count).sqrt();
            assert!((expected - bought).abs() < 3.5 * error, "{pareto} {least}: {expected} beside {bought}");
        }
    }
}

/// The likelihood of one customer as the mean over drawn rates, as the models are told.
#[test]
fn likelihoods_are_those_of_drawn_customers() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let bg = BgNbd { r: 0.6, alpha: 5.0, dropout: Some(Dropout { a: 0.9, b: 2.0 }), log_likelihood: 0.0 };
    let pareto = ParetoNbd { r: 0.6, alpha: 5.0, s: 0.7, beta: 9.0, log_likelihood: 0.0 };
    let seen = [(0, 0.0, 10.0), (1, 4.0, 10.0), (4, 9.0, 10.0), (6, 3.0, 30.0)];
    for (repeats, last, age) in seen {
        let of = Purchases { repeats, last, age };
        let (mut by_bg, mut by_pareto) = (0.0, 0.0);
        const DRAWS: usize = 400_000;
        for _ in 0..DRAWS {
            let rate = gamma(0.6, 5.0, &mut rng);
            let p: f64 = Beta::new(0.9, 2.0).unwrap().sample(&mut rng);
            let dies = gamma(0.7, 9.0, &mut rng);
            let x = repeats as i32;
            by_bg += (1.0 - p).powi(x) * rate.powi(x) * (-rate * age).exp();
            if repeats > 0 {
                by_bg += p * (1.0 - p).powi(x - 1) * rate.powi(x) * (-rate * last).exp();
            }
            let both = rate + dies;
            by_pareto += rate.powi(x) * dies / both * (-both * last).exp()
                + rate.powi(x + 1) / both * (-both * age).exp();
        }
        within(bg.log_likelihood_of(&[of]).exp(), by_bg / DRAWS as f64, 0.03);
        within(pareto.log_likelihood_of(&[of]).exp(), by_pareto / DRAWS as f64, 0.03);
    }
}

#[test]
fn a_fit_is_a_maximum() {
    let seen: Vec<Purchases> = world(1_000, false, 3).iter().map(|(of, ..)| *of).collect();
    let best = BgNbd::fit(&seen).unwrap();
    let Dropout { a, b } = best.dropout.unwrap();
    for change in [0.99, 1.01] {
        for moved in [
            BgNbd { r: best.r * change, ..best },
            BgNbd { alpha: best.alpha * change, ..best },
            BgNbd { dropout: Some(Dropout { a: a * change, b }), ..best },
            BgNbd { dropout: Some(Dropout { a, b: b * change }), ..best },
        ] {
            assert!(moved.log_likelihood_of(&seen) < best.log_likelihood);
        }
    }
    let best = ParetoNbd::fit(&seen).unwrap();
    for change in [0.99, 1.01] {
        for moved in [
            ParetoNbd { r: best.r * change, ..best },
            ParetoNbd { alpha: best.alpha * change, ..best },
            ParetoNbd { s: best.s * change, ..best },
            ParetoNbd { beta: best.beta * change, ..best },
        ] {
            assert!(moved.log_likelihood_of(&seen) < best.log_likelihood);
        }
    }
}

#[test]
fn where_nobody_drops_out_everybody_stays() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let mut seen = Vec::new();
    for _ in 0..2_000 {
        let rate = gamma(1.5, 10.0, &mut rng);
        seen.push(life(40.0, rate, f64::INFINITY, |_| false, &mut rng).0);
    }
    let model = BgNbd::fit(&seen).unwrap();
    assert_eq!(model.dropout, None);
    within(model.r, 1.5, 0.15);
    assert_eq!(model.alive(&seen[0]), Ok(1.0));
    let rate = (model.r + f64::from(seen[0].repeats)) / (model.alpha + 40.0);
    within(model.expected(&seen[0], 7.0).unwrap(), 7.0 * rate, 1e-12);
    // the other model says that it has no answer, and gives no number
    assert!(matches!(ParetoNbd::fit(&seen), Err(Error::Numerical { .. })), "{:?}", ParetoNbd::fit(&seen));
}

#[test]
fn horizons_of_any_length() {
    let bg = BgNbd { r: 0.24, alpha: 4.4, dropout: Some(Dropout { a: 0.79, b: 2.4 }), log_likelihood: 0.0 };
    let pareto = ParetoNbd { r: 0.55, alpha: 10.6, s: 1.0, beta: 11.7, log_likelihood: 0.0 };
    let of = Purchases { repeats: 2, last: 30.43, age: 38.86 };
    let mut before = (0.0, 0.0);
    for horizon in [0.0, 1e-9, 1.0, 39.0, 1e3, 1e6, 1e9] {
        let now = (bg.expected(&of, horizon).unwrap(), pareto.expected(&of, horizon).unwrap());
        assert!(now.0 >= before.0 && now.1 >= before.1 && now.0.is_finite(), "{horizon}: {now:?}");
        before = now;
    }
    // at a = 1 nothing jumps
    let at = |a| BgNbd { dropout: Some(Dropout { a, b: 2.4 }), ..bg }.expected(&of, 39.0).unwrap();
    within(at(1.0), (at(0.9999) + at(1.0001)) / 2.0, 1e-5);
}

#[test]
fn bad_input_is_refused() {
    let fine = Purchases { repeats: 1, last: 3.0, age: 9.0 };
    let field = |result: Result<BgNbd, Error>| match result {
        Err(Error::Invalid { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    for (bad, what) in [
        (Purchases { age: 0.0, last: 0.0, ..fine }, "age"),
        (Purchases { age: f64::NAN, ..fine }, "age"),
        (Purchases { last: 10.0, ..fine }, "last"),
        (Purchases { last: f64::NAN, ..fine }, "last"),
        (Purchases { repeats: 0, ..fine }, "last"),
    ] {
        let mut customers = vec![fine; 100];
        customers.push(bad);
        assert_eq!(field(BgNbd::fit(&customers)), what);
    }
    assert!(matches!(BgNbd::fit(&[fine; 3]), Err(Error::NotEnoughData { .. })));
    let once = Purchases { repeats: 0, last: 0.0, age: 9.0 };
    assert!(matches!(ParetoNbd::fit(&[once; 100]), Err(Error::NotEnoughData { .. })));
    let same = [Spending { purchases: 3, mean: 10.0 }; 100];
    assert!(matches!(GammaGamma::fit(&same), Err(Error::Numerical { .. })), "{:?}", GammaGamma::fit(&same));
    let free = [Spending { purchases: 3, mean: 0.0 }; 100];
    assert!(matches!(GammaGamma::fit(&free), Err(Error::Invalid { what: "mean", .. })));
}
