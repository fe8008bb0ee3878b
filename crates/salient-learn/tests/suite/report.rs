//! The report says what the measures say, draws what it measured, and survives odd input.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use salient_learn::metrics;
use salient_learn::report::{
    Bound, Data, Dimension, Gate, Measure, Options, Report, Scope, Slice, auc_interval, auc_standard_error,
    calibration, lift_curve, page, precision_recall, roc, thin,
};

fn sample(n: usize, base: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let r = &mut ChaCha8Rng::seed_from_u64(seed);
    let p: Vec<f64> = (0..n).map(|_| (base * (-r.random::<f64>().ln())).min(0.98)).collect();
    let y = p.iter().map(|p| f64::from(u8::from(r.random::<f64>() < *p))).collect();
    (y, p)
}

fn plain(labels: &[f64], p: &[f64]) -> Report {
    Report::of(&Data { labels, probability: p, dimensions: &[] }, &Options::default()).unwrap()
}

fn trapezoid(curve: &[(f64, f64)]) -> f64 {
    curve.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0).sum()
}

fn stairs(curve: &[(f64, f64)]) -> f64 {
    curve.windows(2).map(|w| (w[1].0 - w[0].0) * w[1].1).sum()
}

fn at(curve: &[(f64, f64)], x: f64) -> f64 {
    let i = curve.partition_point(|p| p.0 < x).clamp(1, curve.len() - 1);
    let (a, b) = (curve[i - 1], curve[i]);
    if b.0 > a.0 { a.1 + (x - a.0) / (b.0 - a.0) * (b.1 - a.1) } else { b.1 }
}

/// Labels and probabilities with many ties.
fn rows() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    prop::collection::vec((any::<bool>(), 0_u8..=12), 0..120)
        .prop_map(|v| v.into_iter().map(|(y, p)| (f64::from(u8::from(y)), f64::from(p) / 12.0)).unzip())
}

/// The placements of `DeLong` 1988, pair by pair.
fn delong_by_pairs(labels: &[f64], score: &[f64]) -> f64 {
    let of = |y: f64| -> Vec<f64> { labels.iter().zip(score).filter(|r| *r.0 == y).map(|r| *r.1).collect() };
    let (yes, no) = (of(1.0), of(0.0));
    let beats = |a: f64, b: f64| {
        if a > b {
            1.0
        } else if a == b {
            0.5
        } else {
            0.0
        }
    };
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let variance = |v: &[f64]| {
        v.iter().map(|x| (x - mean(v)).powi(2)).sum::<f64>() / (v.len() - 1) as f64 / v.len() as f64
    };
    let v10: Vec<f64> =
        yes.iter().map(|&a| mean(&no.iter().map(|&b| beats(a, b)).collect::<Vec<_>>())).collect();
    let v01: Vec<f64> =
        no.iter().map(|&b| mean(&yes.iter().map(|&a| beats(a, b)).collect::<Vec<_>>())).collect();
    (variance(&v10) + variance(&v01)).sqrt()
}

proptest! {
    #[test]
    fn curves_hold_what_the_measures_say((y, p) in rows()) {
        let yes = y.iter().sum::<f64>();
        let full = roc(&y, &p);
        if yes > 0.0 && yes < y.len() as f64 {
            prop_assert!((trapezoid(&full) - metrics::auc(&y, &p)).abs() < 1e-12);
            prop_assert_eq!((full[0], full[full.len() - 1]), ((0.0, 0.0), (1.0, 1.0)));
            prop_assert!(full.windows(2).all(|w| w[0].0 <= w[1].0 && w[0].1 <= w[1].1));
        } else {
            prop_assert!(full.is_empty());
        }
        if yes > 0.0 {
            let pr = precision_recall(&y, &p);
            prop_assert!((stairs(&pr) - metrics::average_precision(&y, &p)).abs() < 1e-12);
            let lift = lift_curve(&y, &p);
            let end = lift[lift.len() - 1];
            prop_assert!((end.0 - 1.0).abs() < 1e-12 && (end.1 - 1.0).abs() < 1e-12);
        }
        let bins = calibration(&y, &p, 10);
        prop_assert_eq!(bins.iter().map(|b| b.rows).sum::<u64>(), y.len() as u64);
        prop_assert!(bins.len() <= 10);
        prop_assert!(bins.windows(2).all(|w| w[0].promised < w[1].promised));
        prop_assert!(bins.iter().all(|b| b.low <= b.kept + 1e-12 && b.kept <= b.high + 1e-12));
        let kept: f64 = bins.iter().map(|b| b.kept * b.rows as f64).sum();
        prop_assert!((kept - yes).abs() < 1e-9);
        if yes >= 2.0 && y.len() as f64 - yes >= 2.0 {
            let se = auc_standard_error(&y, &p).unwrap();
            prop_assert!((se - delong_by_pairs(&y, &p)).abs() < 1e-12);
        }
        // The order of the rows plays no part, also among ties.
        let (mut y2, mut p2) = (y.clone(), p.clone());
        y2.reverse();
        p2.reverse();
        let (a, b) = (plain(&y, &p), plain(&y2, &p2));
        prop_assert_eq!((a.overall.roc, a.overall.lift_top, a.overall.calibration.len()),
            (b.overall.roc, b.overall.lift_top, b.overall.calibration.len()));
        prop_assert!((a.overall.ece.unwrap_or(0.0) - b.overall.ece.unwrap_or(0.0)).abs() < 1e-12);
        // And through JSON, whatever there was.
        let again = plain(&y, &p);
        let json = serde_json::to_string(&again).unwrap();
        prop_assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), again);
    }

    #[test]
    fn thinning_keeps_ends_order_and_shape((y, p) in rows(), most in 2_usize..40) {
        for full in [roc(&y, &p), precision_recall(&y, &p), lift_curve(&y, &p)] {
            let thinned = thin(&full, most);
            prop_assert!(thinned.len() <= most);
            prop_assert_eq!((thinned.first(), thinned.last()), (full.first(), full.last()));
            // A part of the curve in its order, hence as monotone as it.
            let mut rest = full.iter();
            prop_assert!(thinned.iter().all(|t| rest.any(|f| f == t)));
        }
    }
}

#[test]
fn delong_on_the_published_ratings() {
    // Hanley & McNeil 1982: 109 CT images rated 1 to 5; area 0.893. Stata's manual (roctab) gives
    // the DeLong error 0.0307 and the interval 0.83295 to 0.95339.
    let ratings = [(33, 3), (6, 2), (6, 2), (11, 11), (2, 33)];
    let (mut y, mut p) = (Vec::new(), Vec::new());
    for (i, (normal, abnormal)) in ratings.into_iter().enumerate() {
        y.extend(std::iter::repeat_n(0.0, normal).chain(std::iter::repeat_n(1.0, abnormal)));
        p.extend(vec![i as f64 / 5.0; normal + abnormal]);
    }
    assert!((metrics::auc(&y, &p) - 0.8932).abs() < 5e-5);
    assert!((auc_standard_error(&y, &p).unwrap() - 0.0307).abs() < 5e-5);
    let i = auc_interval(&y, &p, 0.95).unwrap();
    assert!((i.low - 0.83295).abs() < 5e-6 && (i.high - 0.95339).abs() < 5e-6, "{i:?}");
}

#[test]
fn without_ties_it_agrees_with_the_metrics() {
    for n in [2, 7, 10, 11, 99, 1234] {
        let (y, p) = sample(n, 0.2, n as u64);
        let s = plain(&y, &p).overall;
        assert!((s.ece.unwrap() - metrics::calibration_error(&y, &p, 10)).abs() < 1e-12, "{n}");
        assert_eq!(s.brier, Some(metrics::brier(&y, &p)));
        assert_eq!(s.log_loss, Some(metrics::log_loss(&y, &p)));
        if y.iter().sum::<f64>() > 0.0 {
            assert!((s.lift_top.unwrap() - metrics::lift(&y, &p, 0.1)).abs() < 1e-12, "{n}");
        }
    }
}

#[test]
fn thinned_curves_stay_near_the_full_ones() {
    let (y, p) = sample(50_000, 0.02, 5);
    let s = plain(&y, &p).overall;
    for curve in [&s.roc, &s.precision_recall, &s.lift_curve] {
        assert!(curve.len() <= 200);
        assert!(curve.windows(2).all(|w| w[0].0 <= w[1].0), "left to right");
    }
    assert_eq!((s.lift_curve[0].0, s.lift_curve[s.lift_curve.len() - 1]), (0.0, (1.0, 1.0)));
    assert_eq!((s.precision_recall[0].0, s.precision_recall[s.precision_recall.len() - 1].0), (0.0, 1.0));
    let (steps, average) = (stairs(&s.precision_recall), s.average_precision.unwrap());
    assert!((steps - average).abs() < 0.005, "{steps} {average}");
    let (full, lift) = (roc(&y, &p), lift_curve(&y, &p));
    let grid = || (1..=1000).map(|i| f64::from(i) / 1000.0);
    let worst = grid().map(|x| (at(&full, x) - at(&s.roc, x)).abs()).fold(0.0, f64::max);
    // One success more or less in the best 1 % of rows is worth a lift of 0.1 here.
    let off = |x: f64| (at(&lift, x) - at(&s.lift_curve, x)).abs();
    let worst_lift = |from: f64| grid().filter(|x| *x >= from).map(off).fold(0.0, f64::max);
    let (early, late) = (worst_lift(0.01), worst_lift(0.1));
    println!("thinned: ROC off by {worst:.4}, lift by {early:.4} from 1 % and {late:.4} from 10 %");
    assert!(worst < 0.01 && early < 0.2 && late < 0.03, "{worst} {early} {late}");
    assert!((trapezoid(&s.roc) - s.auc.unwrap()).abs() < 1e-3);
}

#[test]
fn perfect_constant_one_class_and_nothing() {
    let y = [0.0, 0.0, 0.0, 1.0, 1.0];
    let s = plain(&y, &y).overall;
    assert_eq!((s.auc, s.average_precision, s.brier, s.ece), (Some(1.0), Some(1.0), Some(0.0), Some(0.0)));
    assert_eq!(s.lift_top, Some(2.5));
    let i = s.auc_interval.unwrap();
    assert!(i.high == 1.0 && i.low < 0.6, "two successes prove little: {i:?}");
    assert!(s.absent.is_empty());

    let s = plain(&y, &[0.4; 5]).overall;
    assert_eq!((s.auc, s.lift_top), (Some(0.5), Some(1.0)));
    assert_eq!(s.roc, [(0.0, 0.0), (1.0, 1.0)]);
    assert_eq!((s.calibration.len(), s.calibration[0].rows), (1, 5));
    assert!(s.ece.unwrap() < 1e-15, "promised 40 %, kept 40 %, in whatever order the rows come");

    let s = plain(&[0.0; 4], &[0.1, 0.2, 0.3, 0.4]).overall;
    assert_eq!((s.auc, s.auc_interval, s.average_precision, s.lift_top), (None, None, None, None));
    assert!(s.brier.is_some() && s.roc.is_empty() && s.calibration.len() == 4);
    assert_eq!(s.absent["auc"], "needs rows of both outcomes");
    assert_eq!(s.absent["average_precision"], "needs a row that came true");
    let s = plain(&[1.0; 4], &[0.1, 0.2, 0.3, 0.4]).overall;
    assert_eq!((s.auc, s.average_precision, s.lift_top), (None, Some(1.0), Some(1.0)));

    let report = plain(&[], &[]);
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["overall"]["brier"].is_null() && json["overall"]["absent"]["brier"] == "needs a row");
    assert!(page(&report).contains("Nothing to draw"));
}

#[test]
fn bad_input_is_refused() {
    let of = |y: &[f64], p: &[f64]| {
        Report::of(&Data { labels: y, probability: p, dimensions: &[] }, &Options::default()).is_err()
    };
    assert!(of(&[1.0], &[]) && of(&[0.5], &[0.5]) && of(&[f64::NAN], &[0.5]));
    assert!(of(&[1.0], &[f64::NAN]) && of(&[1.0], &[1.1]) && of(&[1.0], &[-0.1]));
    let short = Dimension { name: "d", of_row: &[] };
    let data = Data { labels: &[1.0], probability: &[0.5], dimensions: &[short] };
    assert!(Report::of(&data, &Options::default()).is_err());
    let options = Options { bins: 0, ..Options::default() };
    assert!(Report::of(&Data { dimensions: &[], ..data }, &options).is_err());
    let nan = Gate { measure: Measure::Auc, bound: Bound::AtLeast(f64::NAN), scope: Scope::Overall };
    let options = Options { gates: vec![nan], ..Options::default() };
    assert!(Report::of(&Data { dimensions: &[], ..data }, &options).is_err());
}

fn with_slices(n: usize) -> Report {
    let (y, p) = sample(n, 0.12, 9);
    let days = ["2026-01-31", "2026-02-28", "2026-03-31"];
    let day: Vec<&str> = (0..n).map(|i| days[i * 3 / n.max(1)]).collect();
    let names = ["wholesale", "retail & co", "<script>alert('x')</script>", "tiny"];
    let segment: Vec<&str> = (0..n).map(|i| names[if i == 0 { 3 } else { i % 3 }]).collect();
    let dimensions =
        [Dimension { name: "past day", of_row: &day }, Dimension { name: "segment", of_row: &segment }];
    let gate = |measure, bound, scope| Gate { measure, bound, scope };
    let gates = vec![
        gate(Measure::Auc, Bound::AtLeast(0.6), Scope::Overall),
        gate(Measure::CalibrationError, Bound::AtMost(0.05), Scope::Overall),
        gate(Measure::AucLow, Bound::AtLeast(0.99), Scope::SlicesFrom(1000)),
        gate(Measure::LiftTop, Bound::AtLeast(1.0), Scope::SlicesFrom(1_000_000)),
    ];
    let options = Options { title: "Propensity \"30 days\" <v7>".into(), gates, ..Options::default() };
    Report::of(&Data { labels: &y, probability: &p, dimensions: &dimensions }, &options).unwrap()
}

#[test]
fn slices_and_gates() {
    let report = with_slices(6000);
    let names: Vec<String> = report.slices.iter().map(Slice::title).collect();
    assert_eq!(names.len(), 7);
    assert_eq!(names[0], "past day 2026-01-31");
    for d in ["past day", "segment"] {
        let rows =
            report.slices.iter().filter(|s| s.dimension.as_deref() == Some(d)).map(|s| s.rows).sum::<u64>();
        assert_eq!(rows, 6000, "every row is in one slice of {d}");
    }
    let passed: Vec<bool> = report.gates.iter().map(|g| g.passed).collect();
    // Two of all rows, six slices of a thousand rows, and one that nothing was held against.
    assert_eq!(passed, [true, true, false, false, false, false, false, false, false]);
    assert!(!report.passed);
    assert!(report.gates[0].words.starts_with("AUC of all rows: 0."), "{}", report.gates[0].words);
    assert_eq!(report.gates[8].words, "lift at 10% of the slices: none has 1,000,000 rows");
    let json = serde_json::to_string(&report).unwrap();
    println!("JSON {} bytes, page {} bytes", json.len(), page(&report).len());
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);

    let names: Vec<String> = (0..100).map(|i| format!("s{:02}", i / (1 + i % 2))).collect();
    let of_row: Vec<&str> = names.iter().map(String::as_str).collect();
    let (y, p) = sample(100, 0.3, 1);
    let data = Data { labels: &y, probability: &p, dimensions: &[Dimension { name: "d", of_row: &of_row }] };
    let few = Report::of(&data, &Options { slices: 5, ..Options::default() }).unwrap();
    assert_eq!(few.slices.len(), 5);
    assert!(few.left_out > 10 && page(&few).contains("smaller slices are not shown"));
}

#[test]
fn noise_passes_the_gates_hardly_ever_and_skill_does() {
    let passed = |skill: f64| {
        let of_seed = |seed: u64| {
            let r = &mut ChaCha8Rng::seed_from_u64(seed);
            let p: Vec<f64> = (0..240).map(|_| r.random_range(0.2..0.5)).collect();
            let told = |p: &f64| r.random::<f64>() < 0.35 + skill * (p - 0.35);
            let y: Vec<f64> = p.iter().map(told).map(|y| f64::from(u8::from(y))).collect();
            let options = Options { gates: Gate::published(), ..Options::default() };
            let data = Data { labels: &y, probability: &p, dimensions: &[] };
            usize::from(Report::of(&data, &options).unwrap().passed)
        };
        (0..1_000).map(of_seed).sum::<usize>()
    };
    let (noise, skill) = (passed(0.0), passed(2.0));
    assert!(noise <= 10, "{noise} of 1,000");
    assert!(skill >= 800, "{skill} of 1,000");
}

#[test]
fn the_page_stands_alone_and_escapes() {
    let html = page(&with_slices(6000));
    for no in ["<script", "src=", "href", "url(", "@import", "http:", "https:", "NaN", "inf", "onload"] {
        assert!(!html.contains(no), "{no}");
    }
    assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
    assert!(
        html.contains("retail &amp; co") && html.contains("<title>Propensity &quot;30 days&quot; &lt;v7&gt;")
    );
    assert!(html.contains("prefers-color-scheme:dark") && html.contains("name=\"viewport\""));
    // Each plot has a title, a description, a name of its own and a table.
    let plots = html.matches("<svg").count();
    assert!(plots > 24, "{plots}");
    for each in ["<title id=", "<desc id=", "role=\"img\"", "<details>"] {
        assert_eq!(html.matches(each).count(), plots, "{each}");
    }
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|s| s.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "ids are unique");
    // Every tag that opens closes.
    for tag in [
        "svg", "section", "article", "figure", "table", "tr", "td", "th", "div", "p", "h2", "details", "text",
    ] {
        let open = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(open, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    if let Ok(path) = std::env::var("REPORT_PAGE") {
        std::fs::write(path, html).unwrap();
    }
}
