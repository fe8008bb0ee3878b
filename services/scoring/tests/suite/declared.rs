//! Models that a tenant declares: from the declaration to scores that can be made again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use salient_core::{InteractionId, Reason};
use salient_kit::Role;
use salient_learn::report::Report;
use salient_proto::{
    common::v1::run_status::State as RunState,
    scoring::v1::{
        DeleteModelDeclarationRequest, GetModelBacktestRequest, GetModelDeclarationRequest,
        ListFeaturesRequest, ListModelDeclarationsRequest, ListScoreHistoryRequest, ModelDeclaration,
        PromoteModelRequest, RollBackModelRequest, Score, StartModelBacktestRequest, StartScoringRunRequest,
        UpsertModelDeclarationRequest, model::State,
    },
};
use tonic::Code;

use crate::{
    company::{Company, NAME, wins},
    world::{World, both, eventually, request_id, timestamp, why},
};

both!(
    from_a_declaration_to_scores,
    versions_of_a_declaration,
    nothing_of_a_declaration_stays_behind,
    what_cannot_be_declared,
    too_little_is_no_model,
    noise_goes_live_nowhere,
    what_knows_the_outcome_is_left_out,
    what_comes_later_changes_no_score,
    declarations_are_a_tenants_own,
    a_run_starts_by_itself,
);

async fn ready(world: &World) -> Company {
    let company = Company::new(&world.clock, world.today(), false);
    world.hear_of("acme", &company).await;
    world.declare(wins()).await.unwrap();
    company
}

async fn from_a_declaration_to_scores(world: &World) {
    let company = ready(world).await;
    let run = world.declared_run_today("acme").await;
    assert_eq!((&run.model, run.doubts.as_slice()), (&run.trained_model, [].as_slice()));
    let model = world.model(&run.model).await;
    assert_eq!(
        (model.model_declaration.as_str(), model.target.as_str()),
        (NAME, "won_opportunities_30d > 0.0")
    );
    assert_eq!((model.version, model.state()), (1, State::Live));
    let report = model.report.unwrap();
    assert!(report.passed && report.auc > Some(0.65), "{report:?}");
    assert!(
        model.features.contains(&"calls_90d".to_owned())
            && model.features.contains(&"attr_industry".to_owned())
    );
    assert!(model.data_fingerprint.len() == 64);

    let called: BTreeSet<&str> = company.interactions.iter().map(|call| call.account.as_str()).collect();
    let scores = world.declared_scores("acme").await;
    assert_eq!(scores.iter().map(|score| score.account.as_str()).collect::<BTreeSet<_>>(), called);
    assert_eq!(run.scored_accounts as usize, called.len());
    assert!(scores.is_sorted_by(|a, b| a.probability >= b.probability));
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &company.interactions {
        *calls.entry(&call.account).or_default() += 1;
    }
    let mean = |scores: &[Score]| {
        scores.iter().map(|score| calls[score.account.as_str()]).sum::<usize>() as f64 / scores.len() as f64
    };
    let half = scores.len() / 2;
    assert!(mean(&scores[..half]) > 2.0 * mean(&scores[half..]));
    // the built-in model knows nothing of it
    assert_eq!(world.scores("acme").await, []);

    // reasons, and the score again, bit for bit
    for listed in scores.iter().step_by(10) {
        let score = world.declared_score(&listed.account, None).await;
        assert_eq!((score.model_declaration.as_str(), score.expected_value.as_ref()), (NAME, None));
        let sum = score.bias + score.contributions.iter().map(|part| part.log_odds).sum::<f64>();
        assert!((sum - (score.probability / (1.0 - score.probability)).ln()).abs() < 1e-9);
        let industry = score.contributions.iter().find(|part| part.feature == "attr_industry").unwrap();
        assert!(["retail", "crafts"].contains(&industry.text_value.as_deref().unwrap()));
        assert!(!score.reasons.is_empty());
        let told = score.reasons.iter().filter(|reason| reason.base_rate.is_some());
        assert!(told.clone().all(|reason| reason.text.contains(" signed within 30 days, ")), "{score:?}");
        assert_eq!(world.declared_score(&listed.account, run.as_of).await, score);
    }
    let heard =
        world.heard(|heard| (heard.declared.len() >= scores.len()).then(|| heard.declared.clone())).await;
    assert_eq!(heard.len(), scores.len());
    assert!(heard.iter().all(|score| score.model_declaration == NAME && score.contributions.len() <= 5));
}

async fn versions_of_a_declaration(world: &World) {
    ready(world).await;
    let first = world.declared_run_today("acme").await;
    // the same is not learned twice, another question is
    assert_eq!(world.declared_run_today("acme").await.trained_model, first.trained_model);
    world.declare(ModelDeclaration { leave_features: vec!["*_trend_*".into()], ..wins() }).await.unwrap();
    let second = world.declared_run_today("acme").await;
    assert_ne!(second.trained_model, first.trained_model);
    assert_eq!((&second.model, second.doubts.as_slice()), (&second.trained_model, [].as_slice()));
    assert!(world.model(&second.model).await.features.iter().all(|name| !name.contains("_trend_")));
    let states: Vec<_> =
        world.declared_models().await.iter().map(|model| (model.version, model.state())).collect();
    assert_eq!(states, [(2, State::Live), (1, State::Retired)]);

    // back, and a pilot
    let back = RollBackModelRequest { request_id: request_id(), model_declaration: NAME.into() };
    let back = world.operator().roll_back_model(back).await.unwrap().into_inner();
    world.finished("acme", &back.scoring_run.unwrap().name).await;
    assert!(world.declared_scores("acme").await.iter().all(|score| score.model == first.model));
    let pilot =
        PromoteModelRequest { name: second.model.clone(), request_id: request_id(), pilot_share: 0.3 };
    let pilot = world.operator().promote_model(pilot).await.unwrap().into_inner();
    let run = world.finished("acme", &pilot.scoring_run.unwrap().name).await;
    assert_eq!(run.status.unwrap().state(), RunState::Succeeded);
    let by: BTreeSet<String> =
        world.declared_scores("acme").await.into_iter().map(|score| score.model).collect();
    assert_eq!(by, BTreeSet::from([first.model.clone(), second.model.clone()]));
    let request = ListScoreHistoryRequest {
        parent: world.declared_scores("acme").await[0].account.clone(),
        model_declaration: NAME.into(),
        ..Default::default()
    };
    let points = world.operator().list_score_history(request).await.unwrap().into_inner().points;
    assert!(points.len() > 1);

    // nobody is called any more: who is not of the population has no score
    world.clock.advance(TimeDelta::days(400));
    let request = StartScoringRunRequest {
        request_id: request_id(),
        as_of: None,
        keep_model: true,
        model_declaration: NAME.into(),
    };
    let run = world.operator().start_scoring_run(request).await.unwrap().into_inner().scoring_run.unwrap();
    let run = world.finished("acme", &run.name).await;
    assert_eq!(run.status.unwrap().state(), RunState::Succeeded);
    assert_eq!((run.scored_accounts, world.declared_scores("acme").await), (0, vec![]));

    // what was promised on past days
    world.clock.advance(TimeDelta::days(-400));
    let as_of =
        vec![timestamp(world.today() - TimeDelta::days(35)), timestamp(world.today() - TimeDelta::days(70))];
    let request = StartModelBacktestRequest {
        request_id: request_id(),
        as_of,
        models: vec![],
        model_declaration: NAME.into(),
    };
    let started = world.operator().start_model_backtest(request).await.unwrap().into_inner();
    let name = started.model_backtest.unwrap().name;
    let done = eventually(async || {
        let request = GetModelBacktestRequest { name: name.clone() };
        let found = world.operator().get_model_backtest(request).await.unwrap().into_inner();
        let found = found.model_backtest.unwrap();
        let state = found.status.as_ref().unwrap().state();
        matches!(state, RunState::Succeeded | RunState::Failed).then_some(found)
    });
    let done = done.await;
    assert_eq!(done.status.as_ref().unwrap().state(), RunState::Succeeded, "{:?}", done.status);
    let report: Report = serde_json::from_str(&done.report_json).unwrap();
    assert!(report.overall.auc.unwrap() > 0.65 && done.page.contains("Wins within 30 days"));

    // gone with all that was made of it
    let request = DeleteModelDeclarationRequest { name: NAME.into(), request_id: request_id() };
    let mut client = world.declarations("acme", Role::Operator);
    client.delete_model_declaration(request.clone()).await.unwrap();
    client.delete_model_declaration(request).await.unwrap();
    assert_eq!((world.declared_models().await, world.declared_scores("acme").await), (vec![], vec![]));
    let again = DeleteModelDeclarationRequest { name: NAME.into(), request_id: request_id() };
    assert_eq!(why(client.delete_model_declaration(again).await), (Code::NotFound, Reason::ResourceUnknown));
}

async fn nothing_of_a_declaration_stays_behind(world: &World) {
    ready(world).await;
    let mut client = world.declarations("acme", Role::Operator);
    for _ in 0..3 {
        world.declare(wins()).await.unwrap();
        let request = StartScoringRunRequest {
            request_id: request_id(),
            model_declaration: NAME.into(),
            ..StartScoringRunRequest::default()
        };
        let run =
            world.operator().start_scoring_run(request).await.unwrap().into_inner().scoring_run.unwrap();
        // wherever the run is by then
        let request = DeleteModelDeclarationRequest { name: NAME.into(), request_id: request_id() };
        client.delete_model_declaration(request).await.unwrap();
        world.finished("acme", &run.name).await;
        assert_eq!((world.declared_models().await, world.declared_scores("acme").await), (vec![], vec![]));
    }
}

async fn what_cannot_be_declared(world: &World) {
    let company = Company::new(&world.clock, world.today(), false);
    world.hear_of("acme", &company).await;
    let refused = async |change: fn(&mut ModelDeclaration)| {
        let mut of = wins();
        change(&mut of);
        let refused = world.declare(of).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
        String::from_utf8_lossy(refused.details()).into_owned()
    };
    // a target that refers to another time than the horizon
    let told = refused(|of| of.target = "won_opportunities_90d > 0.0".into()).await;
    assert!(told.contains("model_declaration.target") && told.contains("`won_opportunities_30d`"), "{told}");
    let told = refused(|of| of.population = "attr_industri == 'retail'".into()).await;
    assert!(told.contains("model_declaration.population") && told.contains("`attr_industry`"), "{told}");
    assert!(refused(|of| of.target = "calls_30d".into()).await.contains("model_declaration.target"));
    assert!(refused(|of| of.horizon_days = 0).await.contains("model_declaration.horizon_days"));
    assert!(refused(|of| of.use_features = vec!["nothing*".into()]).await.contains("use_features"));
    assert!(refused(|of| of.segment_by = "calls_30d".into()).await.contains("attr_industry"));
    assert!(refused(|of| of.name = "modelDeclarations/Wins".into()).await.contains("model_declaration.name"));
    let mut client = world.declarations("acme", Role::Operator);
    let none = GetModelDeclarationRequest { name: NAME.into() };
    assert_eq!(why(client.get_model_declaration(none).await), (Code::NotFound, Reason::ResourceUnknown));
    let run = StartScoringRunRequest {
        request_id: request_id(),
        model_declaration: NAME.into(),
        ..Default::default()
    };
    assert_eq!(why(world.operator().start_scoring_run(run).await), (Code::NotFound, Reason::ResourceUnknown));
    // what there is to speak of
    let mut features = BTreeMap::new();
    let mut request = ListFeaturesRequest { page_size: 20, windows: vec![7], ..Default::default() };
    loop {
        let page = client.list_features(request.clone()).await.unwrap().into_inner();
        assert!(page.features.len() <= 20);
        features.extend(page.features.into_iter().map(|feature| (feature.name, feature.kind)));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!((features["calls_7d"].as_str(), features["attr_industry"].as_str()), ("number", "text"));
    assert!(!features.contains_key("calls_30d"));
    let wandering = ListFeaturesRequest { windows: vec![8], ..request };
    assert_eq!(why(client.list_features(wandering).await), (Code::InvalidArgument, Reason::PageTokenInvalid));
    let none = ListFeaturesRequest { windows: vec![0], ..Default::default() };
    assert_eq!(why(client.list_features(none).await), (Code::InvalidArgument, Reason::FieldInvalid));
}

async fn too_little_is_no_model(world: &World) {
    let mut company = Company::new(&world.clock, world.today(), false);
    company.accounts.truncate(10);
    let names: BTreeSet<String> = company.accounts.iter().map(|account| account.name.clone()).collect();
    company.interactions.retain(|call| names.contains(&call.account));
    company.opportunities.retain(|of| names.contains(&of.account));
    world.hear_of("acme", &company).await;
    world.declare(wins()).await.unwrap();
    let status = world.declared_run("acme", None).await.status.unwrap();
    assert_eq!((status.state(), status.reason.as_str()), (RunState::Failed, "NOT_ENOUGH_DATA"), "{status:?}");
    assert_eq!(world.declared_models().await, []);
    // never came true
    world.hear_of("acme", &Company::new(&world.clock, world.today(), false)).await;
    world.declare(ModelDeclaration { target: "calls_30d > 1000.0".into(), ..wins() }).await.unwrap();
    let status = world.declared_run("acme", None).await.status.unwrap();
    assert_eq!((status.state(), status.reason.as_str()), (RunState::Failed, "NOT_ENOUGH_DATA"), "{status:?}");
}

async fn noise_goes_live_nowhere(world: &World) {
    world.hear_of("acme", &Company::new(&world.clock, world.today(), true)).await;
    world.declare(wins()).await.unwrap();
    let run = world.declared_run_today("acme").await;
    assert_eq!((run.model.as_str(), run.scored_accounts), ("", 0));
    assert!(run.doubts.iter().any(|doubt| doubt.contains("AUC")), "{:?}", run.doubts);
    assert_eq!(world.declared_models().await[0].state(), State::Shadow);
}

async fn what_knows_the_outcome_is_left_out(world: &World) {
    let mut company = Company::new(&world.clock, world.today(), false);
    let since = (world.today() - TimeDelta::days(365)).timestamp();
    let wins: BTreeSet<&str> = company
        .opportunities
        .iter()
        .filter(|of| of.close_time.is_some_and(|at| at.seconds >= since))
        .map(|of| of.account.as_str())
        .collect();
    for account in &mut company.accounts {
        // filled in by those who sold
        if wins.contains(account.name.as_str()) {
            account.attributes.insert("contract number".into(), format!("C{}", account.name.len()));
        }
    }
    world.hear_of("acme", &company).await;
    world
        .declare(ModelDeclaration {
            target: "won_opportunities_365d > 0.0".into(),
            horizon_days: 365,
            population: String::new(),
            ..crate::company::wins()
        })
        .await
        .unwrap();
    let run = world.declared_run_today("acme").await;
    let model = world.model(&run.trained_model).await;
    let excluded: BTreeMap<&str, &str> =
        model.excluded.iter().map(|of| (of.feature.as_str(), of.finding.as_str())).collect();
    assert!(excluded.contains_key("attr_contract_number"), "{excluded:?}");
}

async fn what_comes_later_changes_no_score(world: &World) {
    let mut company = ready(world).await;
    let run = world.declared_run_today("acme").await;
    let before = world.declared_scores("acme").await;
    // heard of later, and dated later
    let later = timestamp(world.today() + TimeDelta::hours(1));
    for account in &mut company.accounts {
        account.industry = "mining".into();
        account.source_update_time = Some(later);
    }
    for call in &mut company.interactions {
        call.name = InteractionId::new(&world.clock).name();
        call.occur_time = Some(later);
    }
    company.opportunities.clear();
    world.hear_of("acme", &company).await;
    let again = world.declared_run_today("acme").await;
    assert_eq!((again.trained_model, again.model), (run.trained_model, run.model));
    assert_eq!(world.declared_scores("acme").await, before);
}

async fn declarations_are_a_tenants_own(world: &World) {
    ready(world).await;
    world.declare(ModelDeclaration { name: "modelDeclarations/another".into(), ..wins() }).await.unwrap();
    let mut ours = world.declarations("acme", Role::Manager);
    let page = |page_token: String| ListModelDeclarationsRequest { page_size: 1, page_token };
    let first = ours.list_model_declarations(page(String::new())).await.unwrap().into_inner();
    let second = ours.list_model_declarations(page(first.next_page_token)).await.unwrap().into_inner();
    let names = |of: &[ModelDeclaration]| of.iter().map(|of| of.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first.model_declarations), ["modelDeclarations/another"]);
    assert_eq!(
        (names(&second.model_declarations), second.next_page_token),
        (vec![NAME.into()], String::new())
    );
    let kept = &second.model_declarations[0];
    let times = (kept.create_time, kept.update_time);
    assert_eq!(times, (Some(timestamp(world.clock.now())), Some(timestamp(world.clock.now()))));
    assert_eq!(
        ModelDeclaration { create_time: None, update_time: None, use_features: vec![], ..kept.clone() },
        wins()
    );

    let mut theirs = world.declarations("other", Role::Operator);
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    let get = GetModelDeclarationRequest { name: NAME.into() };
    assert_eq!(why(theirs.get_model_declaration(get).await), unknown);
    let all = theirs.list_model_declarations(ListModelDeclarationsRequest::default()).await.unwrap();
    assert_eq!(all.into_inner().model_declarations, []);
    for role in [Role::Seller, Role::Manager, Role::Integration, Role::Service] {
        let request =
            UpsertModelDeclarationRequest { request_id: request_id(), model_declaration: Some(wins()) };
        let refused = world.declarations("acme", role).upsert_model_declaration(request).await;
        assert_eq!(why(refused), (Code::PermissionDenied, Reason::RoleInsufficient));
    }
}

async fn a_run_starts_by_itself(world: &World) {
    let company = Company::new(&world.clock, world.today(), false);
    world.hear_of("acme", &company).await;
    world.declare(ModelDeclaration { every_days: 7, ..wins() }).await.unwrap();
    world.clock.advance(TimeDelta::days(7));
    eventually(async || (!world.declared_scores("acme").await.is_empty()).then_some(())).await;
    assert_eq!(world.declared_models().await.len(), 1);
}
