//! Best time to contact: planted hours are found, layers fall back and override, clocks hold.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use salient_learn::Error;
use salient_learn::contact_time::{Attempt, Bounds, Cell, Config, Hours, Times, Window, zone};

const WEEK: [u8; 5] = [0, 1, 2, 3, 4];
/// First of the two good hours of segments 0 to 3.
const GOOD: [u8; 4] = [8, 11, 15, 18];

fn office() -> Hours {
    Hours::between(&WEEK, 8, 20).expect("hours of a day")
}

fn truth(segment: u32, hour: u8) -> f64 {
    let good = GOOD[segment as usize];
    if hour == good || hour == good + 1 { 0.5 } else { 0.15 }
}

fn attempt(contact: u32, segment: u32, (day, hour): (u8, u8), reached: bool) -> Attempt {
    Attempt {
        contact,
        segment,
        cell: Cell::new(day, hour).expect("an hour of the week"),
        reached,
        channel: None,
    }
}

/// 300 contacts in four segments, 40 attempts each at random hours.
fn planted(seed: u64) -> Vec<Attempt> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut out = Vec::new();
    for contact in 0..300 {
        let segment = contact % 4;
        for _ in 0..40 {
            let (day, hour) = (rng.random_range(0..5), rng.random_range(8..20));
            let reached = rng.random::<f64>() < truth(segment, hour);
            out.push(attempt(contact, segment, (day, hour), reached));
        }
    }
    out
}

fn mean_truth(segment: u32, w: &Window) -> f64 {
    let hours = w.from_hour..w.until_hour;
    let n = f64::from(w.until_hour - w.from_hour);
    hours.map(|h| truth(segment, h)).sum::<f64>() / n
}

#[test]
fn planted_hours_are_found() {
    for seed in [1, 2, 3] {
        let times = Times::fit(&planted(seed), Config::default()).unwrap();
        let mut sum = [0.0; 4];
        let mut inside = 0;
        for contact in 0..300 {
            let segment = contact % 4;
            let best = times.best(Some(contact), segment, &office(), 1)[0];
            sum[segment as usize] += mean_truth(segment, &best) / 75.0;
            let t = mean_truth(segment, &best);
            inside += usize::from((best.low..=best.high).contains(&t));
            assert!(best.low < best.probability && best.probability < best.high);
            assert!(best.lift > 1.0);
        }
        let random = (10.0 * 0.15 + 2.0 * 0.5) / 12.0;
        let ratio = sum.map(|s| s / random);
        println!(
            "seed {seed}: best over random hour {ratio:.2?}, truth in interval {inside}/300, {:?}",
            times.strengths()
        );
        assert!(ratio.iter().all(|&r| r >= 1.5), "{ratio:?}");
        assert!(inside >= 240, "{inside}");
    }
}

#[test]
fn strangers_fall_back() {
    let times = Times::fit(&planted(4), Config::default()).unwrap();
    for segment in 0..4 {
        let stranger = times.best(Some(9999), segment, &office(), 5);
        assert_eq!(stranger, times.best(None, segment, &office(), 5));
        let first = stranger[0];
        assert_eq!(mean_truth(segment, &first), 0.5, "{first:?}");
        assert_eq!(first.evidence.contact.attempts, 0);
        assert!(first.evidence.segment.attempts > 0);
        assert!(first.evidence.global.attempts > first.evidence.segment.attempts);
    }
    let nowhere = times.best(Some(9999), 77, &office(), 60);
    assert_eq!(nowhere[0].evidence.segment.attempts, 0);
    // Everybody: good hours of one segment in four stand at about (0.5 + 3 · 0.15) / 4.
    let (top, bottom) = (nowhere[0].probability, nowhere[nowhere.len() - 1].probability);
    assert!(top < 0.36 && top > 0.2 && bottom < 0.2, "{top} {bottom}");
    // Less is known, so the interval is wider than within a known segment at like probability.
    let known = times.best(None, 0, &office(), 60);
    let like =
        known.iter().min_by(|a, b| (a.probability - top).abs().total_cmp(&(b.probability - top).abs()));
    let like = like.unwrap();
    assert!(nowhere[0].high - nowhere[0].low > like.high - like.low);
}

#[test]
fn a_strong_own_history_overrides_the_segment() {
    let mut attempts = planted(5);
    for i in 0..30 {
        attempts.push(attempt(1000, 0, (1, 16), i > 1));
        attempts.push(attempt(1000, 0, (1, 8), i == 0));
    }
    let times = Times::fit(&attempts, Config::default()).unwrap();
    let own = times.best(Some(1000), 0, &office(), 1)[0];
    let others = times.best(None, 0, &office(), 1)[0];
    println!("own {own:?}\nothers {others:?}");
    assert_eq!(own.weekday, 1);
    assert!((own.from_hour..own.until_hour).contains(&16));
    assert!(own.evidence.contact.attempts == 30 && own.evidence.contact.reached == 28);
    assert!(own.probability > 0.6);
    assert_eq!(mean_truth(0, &others), 0.5);
}

#[test]
fn somebody_never_reached_is_not_promised_the_segments_rate() {
    let mut attempts = planted(6);
    let hours = WEEK.iter().flat_map(|&d| (8..18).map(move |h| (d, h)));
    attempts.extend(hours.map(|at| attempt(1000, 3, at, false)));
    let times = Times::fit(&attempts, Config::default()).unwrap();
    // Hours 18 and 19, the segment's best, were never tried with this contact.
    let own = times.best(Some(1000), 3, &office(), 1)[0];
    let others = times.best(None, 3, &office(), 1)[0];
    assert!(own.probability < 0.8 * others.probability, "{own:?} {others:?}");
}

#[test]
fn windows_keep_to_the_allowed_hours_and_to_tried_ones() {
    let times = Times::fit(&planted(7), Config::default()).unwrap();
    let two = Hours::between(&[2], 9, 11).unwrap();
    for w in times.best(None, 0, &two, 10) {
        assert!(w.weekday == 2 && w.from_hour >= 9 && w.until_hour <= 11);
    }
    assert!(times.best(None, 0, &Hours::between(&[6], 0, 24).unwrap(), 10).is_empty());
    assert!(times.best(None, 0, &Hours::default(), 10).is_empty());
    let all = times.best(Some(3), 3, &Hours::all(), 1000);
    let mut hours: Vec<(u8, u8)> =
        all.iter().flat_map(|w| (w.from_hour..w.until_hour).map(|h| (w.weekday, h))).collect();
    hours.sort_unstable();
    hours.dedup();
    assert_eq!(hours.len(), 60, "each tried hour in one window");
    assert!(all.iter().all(|w| w.until_hour - w.from_hour <= 2));
    assert!(all.windows(2).all(|w| w[0].probability >= w[1].probability));
    // Lift is over the mean of the hours, so it averages to one.
    let lift: f64 = all.iter().map(|w| w.lift * f64::from(w.until_hour - w.from_hour)).sum();
    assert!((lift / 60.0 - 1.0).abs() < 1e-9);
}

#[test]
fn merging_follows_similarity() {
    let attempts = planted(8);
    let never = Times::fit(&attempts, Config { similar: 0.0, ..Config::default() }).unwrap();
    let always = Times::fit(&attempts, Config { similar: 1.0, ..Config::default() }).unwrap();
    let singles = never.best(None, 1, &office(), 100);
    assert!(singles.iter().all(|w| w.until_hour == w.from_hour + 1));
    let pairs = always.best(None, 1, &office(), 100);
    let double = pairs.iter().filter(|w| w.until_hour == w.from_hour + 2).count();
    assert!(double >= 20, "{double}");
    for w in pairs.iter().filter(|w| w.until_hour == w.from_hour + 2) {
        let single = |h| singles.iter().find(|s| s.weekday == w.weekday && s.from_hour == h).unwrap();
        let (a, b) = (single(w.from_hour), single(w.from_hour + 1));
        assert!((w.probability - f64::midpoint(a.probability, b.probability)).abs() < 1e-12);
        assert_eq!(w.evidence.segment.attempts, a.evidence.segment.attempts + b.evidence.segment.attempts);
    }
}

#[test]
fn too_little_is_refused() {
    let few: Vec<Attempt> = planted(9).into_iter().take(199).collect();
    let Err(Error::NotEnoughData { needed, have }) = Times::fit(&few, Config::default()) else {
        panic!("must refuse")
    };
    assert!(needed.contains("200 attempts") && have.starts_with("199 attempts"), "{needed} {have}");
    let never: Vec<Attempt> = planted(9).into_iter().map(|a| Attempt { reached: false, ..a }).collect();
    assert!(matches!(Times::fit(&never, Config::default()), Err(Error::NotEnoughData { .. })));
    let zero = Config { min_attempts: 0, min_reached: 0, ..Config::default() };
    assert!(Times::fit(&[], zero).is_err());
    let bad = Config { strength: Bounds { floor: 5.0, ceiling: 1.0 }, ..Config::default() };
    assert!(matches!(Times::fit(&planted(9), bad), Err(Error::Invalid { what: "strength", .. })));
    let bad = Config { similar: f64::NAN, ..Config::default() };
    assert!(matches!(Times::fit(&planted(9), bad), Err(Error::Invalid { what: "similar", .. })));
}

#[test]
fn channels_are_kept_apart() {
    let phone = planted(10).into_iter().map(|a| Attempt { channel: Some(1), ..a });
    let mail = planted(11).into_iter().map(|a| Attempt { channel: Some(2), reached: !a.reached, ..a });
    let both: Vec<Attempt> = phone.clone().chain(mail).collect();
    let only = Config { channel: Some(1), ..Config::default() };
    let from_both = Times::fit(&both, only).unwrap();
    let from_phone = Times::fit(&phone.collect::<Vec<_>>(), only).unwrap();
    assert_eq!(from_both, from_phone);
    let none = Config { channel: Some(3), ..Config::default() };
    assert!(matches!(Times::fit(&both, none), Err(Error::NotEnoughData { .. })));
}

#[test]
fn clocks() {
    let hour = 3_600_000_000_i64;
    let berlin = zone("Europe/Berlin").unwrap();
    let cell = |us| Cell::of(us, berlin).unwrap();
    // 2024-03-31T00:00Z, a Sunday: 01:00, then 03:00; two o'clock does not exist.
    let spring = 1_711_843_200_000_000;
    let hours: Vec<u8> = (0..4).map(|h| cell(spring + h * hour).hour()).collect();
    assert_eq!(hours, [1, 3, 4, 5]);
    assert_eq!(cell(spring).weekday(), 6);
    // 2024-10-27T00:00Z, a Sunday: two o'clock comes twice.
    let autumn = 1_729_987_200_000_000;
    let hours: Vec<u8> = (0..4).map(|h| cell(autumn + h * hour).hour()).collect();
    assert_eq!(hours, [2, 2, 3, 4]);
    // The last hour of the short day is still of that day.
    assert_eq!((cell(spring + 21 * hour).weekday(), cell(spring + 21 * hour).hour()), (6, 23));
    assert_eq!((cell(spring + 22 * hour).weekday(), cell(spring + 22 * hour).hour()), (0, 0));
    // One instant, other clocks: half-hour zones, other days.
    let at = |name: &str| {
        let c = Cell::of(spring - 60_000_000, zone(name).unwrap()).unwrap();
        (c.weekday(), c.hour())
    };
    assert_eq!(at("UTC"), (5, 23));
    assert_eq!(at("Asia/Kolkata"), (6, 5));
    assert_eq!(at("America/New_York"), (5, 19));
    assert_eq!(at("Pacific/Auckland"), (6, 12));
    // 1969-12-31T23:59:59.999999Z was a Wednesday.
    let c = Cell::of(-1, zone("UTC").unwrap()).unwrap();
    assert_eq!((c.weekday(), c.hour()), (2, 23));
}

#[test]
fn unknown_names_and_cells_are_refused() {
    for name in ["Berlin", "", "+02:00", "Mars/Olympus", "europe/berlin\n"] {
        let Err(Error::Invalid { what, why }) = zone(name) else { panic!("{name}") };
        assert_eq!(what, "time zone");
        assert!(why.contains("Europe/Berlin"), "{why}");
    }
    assert!(Cell::new(7, 0).is_err() && Cell::new(0, 24).is_err());
    assert!(Cell::of(i64::MAX, zone("UTC").unwrap()).is_err());
    assert!(Cell::of(i64::MIN, zone("Asia/Tokyo").unwrap()).is_err());
    assert!(Hours::between(&WEEK, 10, 10).is_err() && Hours::between(&WEEK, 0, 25).is_err());
    assert!(Hours::between(&[7], 0, 1).is_err());
    assert!(serde_json::from_str::<Cell>("168").is_err());
    assert_eq!(Cell::all().count(), 168);
    assert!(Cell::all().all(|c| Cell::new(c.weekday(), c.hour()).unwrap() == c));
}

#[test]
fn a_fitted_thing_survives_json() {
    let times = Times::fit(&planted(12), Config::default()).unwrap();
    let text = serde_json::to_string(&times).unwrap();
    let back: Times = serde_json::from_str(&text).unwrap();
    assert_eq!(times, back);
    assert_eq!(times.best(Some(7), 3, &office(), 9), back.best(Some(7), 3, &office(), 9));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_of_attempts_does_not_matter(seed in any::<u64>(), data in 0_u64..4) {
        let attempts: Vec<Attempt> = planted(data).into_iter().step_by(7).collect();
        let mut mixed = attempts.clone();
        mixed.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let (a, b) = (Times::fit(&attempts, Config::default()), Times::fit(&mixed, Config::default()));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn any_attempts_give_sound_windows(
        rows in prop::collection::vec((0_u32..6, 0_u32..3, 0_u8..168, any::<bool>()), 1..120),
        floor in 0.1_f64..5.0,
    ) {
        let config = Config {
            min_attempts: 1,
            min_reached: 0,
            min_cell: 1,
            strength: Bounds { floor, ceiling: 50.0 },
            ..Config::default()
        };
        let attempts: Vec<Attempt> = rows
            .iter()
            .map(|&(contact, segment, cell, reached)| Attempt {
                contact, segment, cell: Cell::try_from(cell).unwrap(), reached, channel: None,
            })
            .collect();
        let Ok(times) = Times::fit(&attempts, config) else {
            prop_assert!(rows.iter().all(|r| !r.3));
            return Ok(());
        };
        for w in times.best(Some(0), 0, &Hours::all(), 200) {
            prop_assert!(w.probability > 0.0 && w.probability < 1.0 && w.lift > 0.0);
            prop_assert!(0.0 <= w.low && w.low < w.high && w.high <= 1.0, "{:?}", w);
            prop_assert!(w.evidence.contact.attempts <= w.evidence.global.attempts);
            prop_assert!(w.evidence.segment.reached <= w.evidence.global.reached);
            prop_assert!(w.evidence.global.attempts > 0);
        }
    }
}
