mod belonging;
mod given;
mod surroundings;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::*;
use crate::{
    DAY_US,
    drift::Thresholds,
    features::{Declaration, Exogenous, Schema, Subject},
    frame::{Column, MISSING},
    tabular::Config,
};

const SUBJECTS: u32 = 400;
const DAYS: i64 = 400;

/// Subjects with orders and visits; who visits often orders soon, of the second half of the industries
/// the other way round if `turned`; by chance alone if `noise`.
fn world(turned: bool, noise: bool) -> Vec<Raw> {
    let mut random = StdRng::seed_from_u64(7);
    let subject = |number: u32| {
        let industry = ["retail", "crafts"][number as usize % 2];
        let keen = random.random_bool(0.5);
        let visits = if keen { 0.25 } else { 0.03 };
        let keen = if turned && industry == "crafts" { !keen } else { keen };
        let orders = if noise {
            0.02
        } else if keen {
            0.04
        } else {
            0.005
        };
        let mut raw = Raw::default();
        for day in 0..DAYS {
            for (kind, chance) in [("visit", visits), ("order", orders)] {
                if random.random_bool(chance) {
                    raw.events.push(RawEvent {
                        time: day * DAY_US + 1,
                        kind: kind.into(),
                        amount: 1_000.0,
                        quantity: 1.0,
                    });
                }
            }
        }
        for (name, value) in [
            ("Industry", industry.to_owned()),
            ("employees", (number % 50).to_string()),
            ("Key account", if number.is_multiple_of(3) { "yes" } else { "no" }.to_owned()),
            ("since", format!("20{:02}-01-31", number % 20)),
        ] {
            raw.attributes.push(RawAttribute { known: 0, name: name.into(), value, first: true });
        }
        raw
    };
    (0..SUBJECTS).map(subject).collect()
}

fn question() -> Question {
    Question {
        population: String::new(),
        target: "orders_30d > 0".into(),
        horizon_days: 30,
        features: Declaration { windows: vec![30, 90], ..Declaration::default() },
        segment_by: None,
        allow: Vec::new(),
        learner: Learner::Best,
        until: Vec::new(),
    }
}

fn schema(world: &[Raw]) -> Schema {
    let mut survey = Survey::default();
    world.iter().for_each(|raw| survey.add(raw, NOW));
    survey.schema().unwrap()
}

fn subjects(world: &[Raw], schema: &Schema) -> Vec<Subject> {
    let reader = Reader::new(schema);
    world.iter().map(|raw| reader.read(raw).unwrap()).collect()
}

fn gather(mut examples: Examples<'_>, subjects: &[Subject]) -> Gathered {
    for (id, subject) in (0..).zip(subjects) {
        examples.add(id, subject).unwrap();
    }
    examples.finish().unwrap()
}

const NOW: i64 = DAYS * DAY_US;

fn cutoffs() -> Vec<i64> {
    (1..=5).map(|back| NOW - 30 * back * DAY_US).collect()
}

fn trained(world: &[Raw], question: &Question) -> Result<(DeclaredModel, Gathered), crate::Error> {
    let nothing = Exogenous::default();
    let schema = schema(world);
    let subjects = subjects(world, &schema);
    let reading = Reading::new(question, &schema).unwrap();
    let lessons = gather(Examples::known(&reading, &nothing, &cutoffs()), &subjects);
    let now = gather(Examples::open(&reading, &nothing, NOW), &subjects);
    let model = DeclaredModel::train((&reading, &[]), &schema, (&lessons, &now), NOW, &Config::default())?;
    Ok((model, now))
}

#[test]
fn kinds_of_attributes_are_found() {
    use crate::features::Kind;
    let schema = schema(&world(false, false));
    assert_eq!(schema.kinds(), ["order", "visit"]);
    let found: Vec<_> = schema.attributes().iter().map(|of| (of.name.as_str(), of.kind)).collect();
    let wanted = [
        ("employees", Kind::Number),
        ("industry", Kind::Text),
        ("key_account", Kind::Bool),
        ("since", Kind::Date),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn what_comes_later_names_nothing() {
    let before = world(false, false);
    let mut after = before.clone();
    let later = RawEvent { time: NOW, kind: "renewal".into(), amount: 1.0, quantity: 1.0 };
    after[0].events.push(later);
    for (name, value) in [("churn reason", "price"), ("employees", "many")] {
        let set = RawAttribute { known: NOW, name: name.into(), value: value.into(), first: false };
        after[0].attributes.push(set);
    }
    assert_eq!(schema(&after), schema(&before));
}

#[test]
fn texts_of_few_subjects_are_not_learned() {
    let mut world = world(false, false);
    for (number, raw) in world.iter_mut().enumerate() {
        // everybody has a name, the first four share one, the next five another
        let value = match number {
            0..4 => "Ada Lovelace".to_owned(),
            4..9 => "Reception".to_owned(),
            _ => format!("Person {number}"),
        };
        raw.attributes.push(RawAttribute { known: 0, name: "buyer".into(), value, first: true });
    }
    let (model, now) = trained(&world, &question()).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    assert!(text.contains("attr_buyer"));
    assert!(!text.contains("Ada Lovelace") && !text.contains("Person "));
    let rows = now.without_names().unwrap();
    let Some(Column::Category { codes, levels }) = rows.frame.column("attr_buyer") else { panic!() };
    assert_eq!(levels, &["Reception"]);
    assert_eq!(codes.iter().filter(|&&code| code == 0).count(), 5);
    assert!(codes.iter().all(|&code| code == 0 || code == MISSING));
    assert_eq!(model.score(&now.frame).unwrap(), model.score(&rows.frame).unwrap());
}

#[test]
fn the_first_value_holds_from_the_first_event_on() {
    let nothing = Exogenous::default();
    let mut raw = world(false, false).swap_remove(0);
    let begun = raw.events.iter().map(|event| event.time).min().unwrap();
    // the second value was changed at its source before the first one was told
    let told = |known: i64, value: &str, first: bool| {
        let known = begun + known * DAY_US;
        RawAttribute { known, name: "region".into(), value: value.into(), first }
    };
    raw.attributes = vec![told(300, "north", true), told(200, "south", false)];
    let mut survey = Survey::default();
    survey.add(&raw, i64::MAX);
    let schema = survey.schema().unwrap();
    let subject = Reader::new(&schema).read(&raw).unwrap();
    for (day, value) in [(1, "north"), (199, "north"), (201, "south"), (350, "south")] {
        let population = format!("attr_region == '{value}'");
        let reading = Reading::new(&Question { population, ..question() }, &schema).unwrap();
        let mut rows = Examples::open(&reading, &nothing, begun + day * DAY_US);
        rows.add(0, &subject).unwrap();
        assert_eq!(rows.finish().unwrap().keys.len(), 1, "{value} on day {day}");
    }
}

#[test]
fn labels_are_what_happened_within_the_horizon() {
    let nothing = Exogenous::default();
    let world = world(false, false);
    let schema = schema(&world);
    let asked = Question {
        population: "attr_industry == 'retail' && attr_key_account".into(),
        target: "orders_30d >= 2 || visits_amount_30d > 5000.0".into(),
        ..question()
    };
    let reading = Reading::new(&asked, &schema).unwrap();
    let lessons = gather(Examples::known(&reading, &nothing, &cutoffs()), &subjects(&world, &schema));
    let mut rows = 0;
    for (key, label) in lessons.keys.iter().zip(&lessons.labels) {
        let raw = &world[key.subject as usize];
        let within = |kind: &str| {
            let (from, until) = (key.cutoff, key.cutoff + 30 * DAY_US);
            raw.events.iter().filter(|e| e.kind == kind && e.time >= from && e.time < until).count()
        };
        assert_eq!(*label == 1.0, within("order") >= 2 || within("visit") > 5);
        assert!(key.subject.is_multiple_of(6), "retail and a key account");
        rows += 1;
    }
    assert_eq!(rows, 5 * SUBJECTS.div_ceil(6));
    assert!(lessons.keys.is_sorted_by_key(|key| key.cutoff));
}

#[test]
fn what_comes_later_changes_no_row() {
    let nothing = Exogenous::default();
    let before = world(false, false);
    let mut after = before.clone();
    for raw in &mut after {
        let later = RawEvent { time: NOW, kind: "order".into(), amount: 9e9, quantity: 1.0 };
        raw.events.push(later);
        let moved =
            RawAttribute { known: NOW, name: "industry".into(), value: "mining".into(), first: false };
        raw.attributes.push(moved);
    }
    let schema = schema(&before);
    let reading = Reading::new(&question(), &schema).unwrap();
    for examples in [Examples::known(&reading, &nothing, &cutoffs()), Examples::open(&reading, &nothing, NOW)]
    {
        let now = examples.is_open();
        let planted = gather(examples, &subjects(&after, &schema));
        let examples = if now {
            Examples::open(&reading, &nothing, NOW)
        } else {
            Examples::known(&reading, &nothing, &cutoffs())
        };
        assert_eq!(planted, gather(examples, &subjects(&before, &schema)));
    }
}

#[test]
fn a_model_is_better_than_chance_and_says_why() {
    let (model, now) = trained(&world(false, false), &question()).unwrap();
    let measured = model.measured.as_ref().unwrap();
    assert!(
        measured.report.passed && measured.report.overall.auc.unwrap() > 0.65,
        "{:?}",
        measured.report.gates
    );
    assert_eq!(measured.at, NOW - 30 * DAY_US);
    let text = serde_json::to_string(&model).unwrap();
    let again: DeclaredModel = serde_json::from_str(&text).unwrap();
    let scores = model.score(&now.frame).unwrap();
    assert_eq!(again.score(&now.frame).unwrap(), scores, "bit for bit");
    for (row, score) in scores.iter().enumerate() {
        let z = score.bias + score.contributions.iter().sum::<f64>();
        assert!((z - (score.probability / (1.0 - score.probability)).ln()).abs() < 1e-9);
        let reasons = model.reasons(&now.frame, row, &score.contributions).unwrap();
        assert!(!reasons.is_empty() && reasons.len() <= 10);
    }
    assert_eq!(model.watch(&now, None, &Thresholds::default()).unwrap(), []);
}

#[test]
fn noise_does_not_pass() {
    let (model, _) = trained(&world(false, true), &question()).unwrap();
    assert!(!model.measured.unwrap().report.passed);
}

#[test]
fn a_segment_gets_its_own_model_where_that_is_better() {
    let asked = Question {
        segment_by: Some("attr_industry".into()),
        // by the industry alone the rule cannot be turned round
        features: Declaration {
            windows: vec![30],
            leave: vec!["order*".into(), "days_since*order".into()],
            ..Declaration::default()
        },
        ..question()
    };
    let (turned, _) = trained(&world(true, false), &asked).unwrap();
    assert!(turned.segments().count() > 0);
    let (alike, _) = trained(&world(false, false), &asked).unwrap();
    assert_eq!(alike.segments().count(), 0);
}

#[test]
fn too_little_is_no_model() {
    let few = &world(false, false)[..10];
    assert!(matches!(trained(few, &question()), Err(crate::Error::NotEnoughData { .. })));
    let never = Question { target: "orders_30d > 1000".into(), ..question() };
    assert!(matches!(trained(&world(false, false), &never), Err(crate::Error::NotEnoughData { .. })));
}

#[test]
fn questions_that_cannot_be() {
    let schema = schema(&world(false, false));
    let wrong = |change: fn(&mut Question)| {
        let mut asked = question();
        change(&mut asked);
        let wrong = Reading::new(&asked, &schema).unwrap_err();
        (wrong[0].field, wrong[0].why.clone())
    };
    let (field, why) = wrong(|asked| asked.target = "orders_90d > 0".into());
    assert!(
        field == "target" && why.contains("`orders_90d` is not known; did you mean `orders_30d`"),
        "{why}"
    );
    let (field, why) = wrong(|asked| asked.population = "attr_industri == 'retail'".into());
    assert!(field == "population" && why.contains("attr_industry"), "{why}");
    let (field, why) = wrong(|asked| asked.population = "attr_industry > 3.0".into());
    assert!(field == "population" && why.contains("string"), "{why}");
    assert_eq!(wrong(|asked| asked.target = String::new()).0, "target");
    assert_eq!(wrong(|asked| asked.horizon_days = 0).0, "horizon_days");
    assert_eq!(wrong(|asked| asked.features.keep = vec!["nothing*".into()]).0, "features");
    let (field, why) = wrong(|asked| asked.segment_by = Some("attr_employees".into()));
    assert!(field == "segment_by" && why.contains("attr_industry"), "{why}");
}
