//! Models that nobody learned here: rules that people wrote, and one that was trained elsewhere.

use salient_kit::Role;
use salient_proto::{
    common::v1::run_status::State as RunState,
    scoring::v1::{
        GetModelDeclarationRequest, ListModelDeclarationsRequest, ModelDeclaration, OnnxModel, Rule,
        model::{Algorithm, State},
    },
};
use tonic::Code;

use crate::{
    company::{Company, NAME, wins},
    world::{World, both},
};

both!(rules_answer, a_model_that_was_brought_along_answers, what_cannot_be_given);

/// Wins by how often an account was called, from scikit-learn.
const CALLS: &[u8] = include_bytes!("../../../../crates/salient-learn/tests/onnx/calls.onnx");

fn rule(name: &str, points: &str) -> Rule {
    Rule { name: name.into(), points: points.into() }
}

fn ruled() -> ModelDeclaration {
    let rules = vec![
        rule("called often", "calls_90d > 10.0 ? 3.0 : (calls_90d > 5.0 ? 1.0 : 0.0)"),
        rule("in retail", "attr_industry == 'retail' ? 0.5 : 0.0"),
    ];
    ModelDeclaration { rules, ..wins() }
}

fn brought() -> ModelDeclaration {
    let onnx = OnnxModel { file: CALLS.to_vec(), features: vec!["calls_90d".into()], digest: String::new() };
    ModelDeclaration { onnx: Some(onnx), ..wins() }
}

async fn hear(world: &World) {
    let company = Company::new(&world.clock, world.today(), false);
    world.hear_of("acme", &company).await;
}

async fn rules_answer(world: &World) {
    hear(world).await;
    let declared = world.declare(ruled()).await.unwrap();
    assert_eq!(declared.rules, ruled().rules);
    let run = world.declared_run_today("acme").await;
    assert_eq!((&run.model, run.doubts.as_slice()), (&run.trained_model, [].as_slice()));
    let model = world.model(&run.model).await;
    assert_eq!((model.state(), model.algorithm()), (State::Live, Algorithm::Rules));
    assert_eq!(model.features, ["called often", "in retail"]);
    let scores = world.declared_scores("acme").await;
    assert!(scores.len() > 50);
    for listed in scores.iter().step_by(7) {
        let score = world.declared_score(&listed.account, None).await;
        let sum = score.bias + score.contributions.iter().map(|part| part.log_odds).sum::<f64>();
        assert!((sum - (score.probability / (1.0 - score.probability)).ln()).abs() < 1e-9);
        assert!(score.contributions.iter().all(|part| part.log_odds >= 0.0));
        assert_eq!(world.declared_score(&listed.account, run.as_of).await, score);
        let often = score.contributions.iter().find(|part| part.feature == "called often").unwrap();
        let told = score.reasons.iter().find(|reason| reason.feature == "called often");
        assert!(often.log_odds < 0.1 || told.is_some_and(|reason| reason.text.contains("called often")));
    }
}

async fn a_model_that_was_brought_along_answers(world: &World) {
    hear(world).await;
    let declared = world.declare(brought()).await.unwrap();
    // the file is not told again, what it is is
    let told = declared.onnx.unwrap();
    assert!(told.file.is_empty() && told.features == ["calls_90d"] && told.digest.len() == 64);
    let run = world.declared_run_today("acme").await;
    assert_eq!((&run.model, run.doubts.as_slice()), (&run.trained_model, [].as_slice()));
    let model = world.model(&run.model).await;
    assert_eq!((model.state(), model.algorithm()), (State::Live, Algorithm::Onnx));
    let scores = world.declared_scores("acme").await;
    let first = world.declared_score(&scores[0].account, None).await;
    for listed in scores.iter().step_by(7) {
        let score = world.declared_score(&listed.account, None).await;
        let sum = score.bias + score.contributions.iter().map(|part| part.log_odds).sum::<f64>();
        assert!((sum - (score.probability / (1.0 - score.probability)).ln()).abs() < 1e-9);
        // who was called more is more likely to win, as the model has it
        let calls = |of: &salient_proto::scoring::v1::Score| of.contributions[0].value.unwrap();
        assert!(calls(&score) <= calls(&first));
        assert_eq!(world.declared_score(&listed.account, run.as_of).await, score);
    }
    // what is declared next takes its place, and the version that was goes on being told
    world.declare(ruled()).await.unwrap();
    assert_eq!(world.declared_score(&first.account, None).await, first);
    assert_eq!(world.declared_score(&first.account, run.as_of).await, first);
    let mut client = world.declarations("acme", Role::Operator);
    let request = GetModelDeclarationRequest { name: NAME.into() };
    let found = client.get_model_declaration(request).await.unwrap().into_inner().model_declaration.unwrap();
    assert!(found.onnx.is_none() && found.rules.len() == 2);
    let listed = client.list_model_declarations(ListModelDeclarationsRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().model_declarations, [found]);
    let run = world.declared_run_today("acme").await;
    assert_eq!(run.status.unwrap().state(), RunState::Succeeded);
    assert_eq!(world.model(&run.trained_model).await.algorithm(), Algorithm::Rules);
}

async fn what_cannot_be_given(world: &World) {
    hear(world).await;
    let refused = async |of: ModelDeclaration| {
        let refused = world.declare(of).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
        String::from_utf8_lossy(refused.details()).into_owned()
    };
    let told = refused(ModelDeclaration { rules: vec![rule("calls", "call_90d")], ..wins() }).await;
    assert!(told.contains("model_declaration.rules") && told.contains("`calls_90d`"), "{told}");
    let told = refused(ModelDeclaration { segment_by: "attr_industry".into(), ..ruled() }).await;
    assert!(told.contains("model_declaration.segment_by"), "{told}");
    let told = refused(ModelDeclaration { use_features: vec!["calls_*".into()], ..ruled() }).await;
    assert!(told.contains("model_declaration.use_features"), "{told}");
    let told = refused(ModelDeclaration { rules: ruled().rules, ..brought() }).await;
    assert!(told.contains("model_declaration.rules") && told.contains("one or the other"), "{told}");
    let onnx = |file: &[u8], features: &[&str]| {
        let features = features.iter().map(|&name| name.to_owned()).collect();
        let onnx = OnnxModel { file: file.to_vec(), features, digest: String::new() };
        ModelDeclaration { onnx: Some(onnx), ..wins() }
    };
    let told = refused(onnx(b"none", &["calls_90d"])).await;
    assert!(
        told.contains("model_declaration.onnx.file") && told.contains("no file of that format"),
        "{told}"
    );
    let told = refused(onnx(CALLS, &["calls_90d", "calls_30d"])).await;
    assert!(told.contains("its input has 1 features, 2 are named"), "{told}");
    let told = refused(onnx(CALLS, &["attr_industry"])).await;
    assert!(told.contains("`attr_industry` is no feature that is a number"), "{told}");
    assert!(refused(onnx(CALLS, &[])).await.contains("model_declaration.onnx.features"));
    // nothing half-done stays
    let mut client = world.declarations("acme", Role::Operator);
    let listed = client.list_model_declarations(ListModelDeclarationsRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().model_declarations, []);
}
