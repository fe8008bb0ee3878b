//! Rules that people wrote, and models brought along.

use super::*;

/// Two rules, of which one is right.
fn ruled() -> Question {
    let rule = |name: &str, points: &str| Rule { name: name.into(), points: points.into() };
    let rules = vec![
        rule("visits often", "visits_30d > 3.0 ? 2.0 : 0.0"),
        rule("big retailer", "attr_industry == 'retail' && attr_employees > 25.0 ? 0.5 : 0.0"),
    ];
    Question { learner: Learner::Rules(rules), ..question() }
}

#[test]
fn rules_are_added_up_and_what_they_are_worth_is_learned() {
    let world = world(false, false);
    let (model, now) = trained(&world, &ruled()).unwrap();
    let measured = model.measured.as_ref().unwrap();
    assert!(measured.report.passed, "{:?}", measured.report.gates);
    assert_eq!(now.frame.names(), ["visits often", "big retailer"]);
    assert_eq!(model.predictor().chosen.kind.name(), "rules");
    let text = serde_json::to_string(&model).unwrap();
    let again: DeclaredModel = serde_json::from_str(&text).unwrap();
    let scores = model.score(&now.frame).unwrap();
    assert_eq!(again.score(&now.frame).unwrap(), scores, "bit for bit");
    let mut promised = 0.0;
    for (row, (key, score)) in now.keys.iter().zip(&scores).enumerate() {
        let raw = &world[key.subject as usize];
        let visits = raw.events.iter().filter(|e| e.kind == "visit" && e.time >= NOW - 30 * DAY_US).count();
        let Column::Number(points) = &now.frame.columns()[0] else { panic!() };
        assert_eq!(points[row], if visits > 3 { 2.0 } else { 0.0 });
        let z = score.bias + score.contributions.iter().sum::<f64>();
        assert!((z - (score.probability / (1.0 - score.probability)).ln()).abs() < 1e-9);
        assert!(score.contributions.iter().all(|part| *part >= 0.0));
        promised += score.probability / scores.len() as f64;
    }
    assert!((promised - model.base_rate).abs() < 0.05, "{promised} {}", model.base_rate);
    // rules that say the contrary have no skill, and are not turned round
    let mut contrary = ruled();
    contrary.learner = Learner::Rules(vec![Rule { name: "visits".into(), points: "-visits_30d".into() }]);
    let (model, _) = trained(&world, &contrary).unwrap();
    assert!(!model.measured.unwrap().report.passed);
}

#[test]
fn a_rule_that_needs_what_is_not_known_gives_no_points() {
    let mut world = world(false, false);
    let known = |raw: &Raw| raw.attributes.iter().any(|set| set.name == "employees");
    for raw in world.iter_mut().step_by(2) {
        raw.attributes.retain(|set| set.name != "employees");
    }
    let (model, now) = trained(&world, &ruled()).unwrap();
    let Column::Number(points) = &now.frame.columns()[1] else { panic!() };
    let scores = model.score(&now.frame).unwrap();
    let mut missing = 0;
    for ((key, points), score) in now.keys.iter().zip(points).zip(&scores) {
        // not retail is no retail, whatever else is not known
        let untold = !known(&world[key.subject as usize]) && key.subject.is_multiple_of(2);
        assert_eq!(points.is_nan(), untold);
        assert!(!untold || score.contributions[1] == 0.0);
        missing += usize::from(untold);
    }
    assert!(missing > 0);
}

#[test]
fn rules_that_cannot_be() {
    let schema = schema(&world(false, false));
    let wrong = |rules: Vec<(&str, &str)>| {
        let rule = |(name, points): (&str, &str)| Rule { name: name.to_owned(), points: points.to_owned() };
        let learner = Learner::Rules(rules.into_iter().map(rule).collect());
        let wrong = Reading::new(&Question { learner, ..question() }, &schema).unwrap_err();
        assert_eq!(wrong[0].field, "rules");
        wrong[0].why.clone()
    };
    let told = wrong(vec![("a", "1.0"), ("visits", "visit_30d > 1.0 ? 1 : 0")]);
    assert!(told.contains("rule 2: at 1:1: `visit_30d` is not known; did you mean `visits_30d`"), "{told}");
    assert!(wrong(vec![("a", "visits_30d > 1.0")]).contains("rule 1"));
    assert!(wrong(vec![("a", "1"), ("a", "2")]).contains("`a` is the name of another"));
    assert!(wrong(vec![("", "1")]).contains("0 characters"));
    assert!(wrong(vec![]).contains("0; 1 to 100 are accepted"));
    let mut beside = ruled();
    (beside.segment_by, beside.features.leave) = (Some("attr_industry".into()), vec!["order*".into()]);
    let wrong = Reading::new(&beside, &schema).unwrap_err();
    assert_eq!(wrong.iter().map(|wrong| wrong.field).collect::<Vec<_>>(), ["features", "segment_by"]);
    let onnx = |features: &[&str]| {
        let features = features.iter().map(|&name| name.to_owned()).collect();
        let learner = Learner::Onnx(Brought { features, digest: String::new() });
        let wrong = Reading::new(&Question { learner, ..question() }, &schema).unwrap_err();
        (wrong[0].field, wrong[0].why.clone())
    };
    let (field, why) = onnx(&["visits_30d", "attr_industry"]);
    assert!(field == "onnx" && why.contains("`attr_industry` is no feature that is a number"), "{why}");
    assert!(onnx(&["visits_30d", "visits_30d"]).1.contains("stands twice"));
    assert!(onnx(&[]).1.contains("no features"));
}
