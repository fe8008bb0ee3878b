//! What is measured of regions.

use super::*;

fn measure(series: &str, region: &str, day: i64, value: f64) -> Measure {
    let time = day * DAY_US;
    Measure { series: series.into(), region: region.into(), valid_time: time, published: time, value }
}

#[test]
fn of_a_region_the_nearest_counts() {
    let measures = vec![
        measure("rain", "north", 1, 1.0),
        measure("rain", "DE", 1, 2.0),
        measure("rain", "", 1, 3.0),
        measure("wheat", "", 1, 4.0),
        measure("later", "", 9, 5.0),
    ];
    let named = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    let regions = vec![named(["north", "DE"]), named(["south", "DE"]), named(["", "FR"]), named(["", ""])];
    let surroundings = Surroundings::new(measures, regions);
    assert_eq!(surroundings.series(2 * DAY_US).into_iter().collect::<Vec<_>>(), ["rain", "wheat"]);
    let mut survey = Survey::default();
    survey.surroundings(&surroundings, 2 * DAY_US);
    let schema = survey.schema().unwrap();
    assert_eq!(schema.series_names(), ["rain", "wheat"]);
    let exogenous = surroundings.exogenous(&schema).unwrap();
    let of = |series: u16| [0, 1, 2, 3].map(|region| exogenous.as_of(region, series, 2 * DAY_US).unwrap());
    assert_eq!((of(0), of(1)), ([1.0, 2.0, 3.0, 3.0], [4.0; 4]));
    assert_eq!(exogenous.as_of(0, 0, DAY_US), None, "published at that very moment");
    assert!(
        Surroundings::new(vec![measure("rain", "", 1, f64::NAN)], vec![vec![]]).exogenous(&schema).is_err()
    );
}

/// Subjects of two regions that order where the price, told on the first day of each month of 30 days, is low.
fn priced() -> (Vec<Raw>, Vec<Measure>) {
    let mut random = StdRng::seed_from_u64(11);
    let low = |region: u32, month: i64| (month + i64::from(region)) % 2 == 0;
    let subject = |number: u32| {
        let region = number % 2;
        let mut raw = Raw { region: Some(region), ..Raw::default() };
        for day in 0..DAYS {
            let orders = if low(region, day / 30) { 0.05 } else { 0.005 };
            for (kind, chance) in [("visit", 0.1), ("order", orders)] {
                if random.random_bool(chance) {
                    let time = day * DAY_US + 1;
                    raw.events.push(RawEvent { time, kind: kind.into(), amount: 1_000.0, quantity: 1.0 });
                }
            }
        }
        raw
    };
    let raw = (0..SUBJECTS).map(subject).collect();
    let price = |(region, month): (u32, i64)| {
        let value = if low(region, month) { 10.0 } else { 20.0 };
        // known a day before the month begins
        let published = (30 * month - 1) * DAY_US;
        Measure {
            series: "price".into(),
            region: format!("r{region}"),
            valid_time: published,
            published,
            value,
        }
    };
    let months = (0..=DAYS / 30).flat_map(|month| [(0, month), (1, month)]);
    (raw, months.map(price).collect())
}

#[test]
fn what_is_measured_of_a_region_is_learned_as_of_its_publication() {
    const NOW: i64 = 390 * DAY_US;
    let (world, measures) = priced();
    let regions = || vec![vec!["r0".to_owned()], vec!["r1".to_owned()]];
    let surroundings = Surroundings::new(measures.clone(), regions());
    let mut survey = Survey::default();
    survey.surroundings(&surroundings, NOW);
    world.iter().for_each(|raw| survey.add(raw, NOW));
    let schema = survey.schema().unwrap();
    let asked = Question { population: "series_price > 0.0".into(), ..question() };
    let reading = Reading::new(&asked, &schema).unwrap();
    let subjects = subjects(&world, &schema);
    let cutoffs: Vec<i64> = (1..=5).map(|back| NOW - 30 * back * DAY_US).collect();
    let rows = |surroundings: &Surroundings| {
        let exogenous = surroundings.exogenous(&schema).unwrap();
        let lessons = gather(Examples::known(&reading, &exogenous, &cutoffs), &subjects);
        (lessons, gather(Examples::open(&reading, &exogenous, NOW), &subjects))
    };
    let (lessons, now) = rows(&surroundings);
    let found = DeclaredModel::train((&reading, &[]), &schema, (&lessons, &now), NOW, &Config::default());
    let model = found.unwrap();
    let report = &model.measured.as_ref().unwrap().report;
    assert!(report.passed && report.overall.auc.unwrap() > 0.65, "{:?}", report.gates);
    let scores = model.score(&now.frame).unwrap();
    let mean = |region: u32| {
        let of = now.keys.iter().zip(&scores).filter(|(key, _)| key.subject % 2 == region);
        let of: Vec<f64> = of.map(|(_, score)| score.probability).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    // month 13 is cheap in the second region
    assert!(mean(1) > mean(0) + 0.3, "{} {}", mean(0), mean(1));
    let price = now.frame.names().iter().position(|name| name == "series_price").unwrap();
    let told = |row: usize| scores[row].contributions[price];
    assert!(told(0) < 0.0 && told(1) > 0.0);

    // what is published at the cutoff or later, even of a moment before it, changes nothing
    let late = |region: &str, published: i64| Measure { published, ..measure("price", region, 1, 99.0) };
    let mut more = measures;
    more.extend([late("r0", NOW), late("r1", NOW + DAY_US)]);
    let (_, planted) = rows(&Surroundings::new(more, regions()));
    assert_eq!(planted, now);
}
