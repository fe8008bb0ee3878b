//! Versions between shadow, pilot, live and retired; what moves, and what the past says of them.

use std::{collections::BTreeSet, sync::OnceLock};

use chrono::TimeDelta;
use salient_core::{AccountId, Reason};
use salient_kit::telemetry::Metrics;
use salient_learn::report::Report;
use salient_proto::{
    common::v1::run_status::State as RunState,
    scoring::v1::{
        GetModelBacktestRequest, Model, ModelBacktest, PromoteModelRequest, RollBackModelRequest, ScoringRun,
        StartModelBacktestRequest, StartScoringRunRequest, model::State, model_alarm,
    },
};
use salient_scoring::domain;
use tonic::{Code, Status};

use crate::{
    history::History,
    world::{World, both, eventually, request_id, timestamp, why},
};

both!(
    the_journey_of_versions,
    noise_goes_live_nowhere,
    what_moves_is_told,
    backtests,
    backtests_that_cannot_be,
    nobody_scores_with_what_came_later,
    nothing_to_keep_or_to_go_back_to,
);

async fn promote(world: &World, name: &str, pilot_share: f64) -> Result<(Model, ScoringRun), Status> {
    let request = PromoteModelRequest { name: name.to_owned(), request_id: request_id(), pilot_share };
    let answer = world.operator().promote_model(request.clone()).await?.into_inner();
    // sent again, it is the same answer
    assert_eq!(world.operator().promote_model(request).await?.into_inner(), answer);
    let run = world.finished("acme", &answer.scoring_run.unwrap().name).await;
    assert_eq!(run.status.as_ref().unwrap().state(), RunState::Succeeded, "{run:?}");
    Ok((answer.model.unwrap(), run))
}

async fn states(world: &World) -> Vec<(i32, State)> {
    let models = world.models("acme").await;
    models.iter().rev().map(|model| (model.version, model.state())).collect()
}

async fn the_journey_of_versions(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let first = world.run("acme").await;
    assert_eq!((&first.model, first.doubts.len()), (&first.trained_model, 0));
    let one = world.model(&first.model).await;
    assert_eq!((one.state(), one.live_time), (State::Live, one.create_time));
    assert!(
        one.data_fingerprint.len() == 64 && one.code_fingerprint.starts_with("salient-learn "),
        "{one:?}"
    );
    let report = one.report.as_ref().unwrap();
    assert!(report.passed && report.gates.len() == 4 && report.gates.iter().all(|gate| gate.passed));
    assert!(report.auc_low < report.auc && report.auc < report.auc_high && report.auc > Some(0.7));
    assert_eq!(report.as_of, Some(timestamp(world.today() - TimeDelta::days(30))));

    // as good and later: live by itself
    world.clock.advance(TimeDelta::days(1));
    let second = world.run("acme").await;
    assert_eq!(states(world).await, [(1, State::Retired), (2, State::Live)], "{:?}", second.doubts);
    assert_ne!(world.model(&second.model).await.data_fingerprint, one.data_fingerprint);

    // back in one call, and every score with it
    let request = RollBackModelRequest { request_id: request_id(), model_declaration: String::new() };
    let back = world.operator().roll_back_model(request.clone()).await.unwrap().into_inner();
    assert_eq!(world.operator().roll_back_model(request).await.unwrap().into_inner(), back);
    let run = world.finished("acme", &back.scoring_run.unwrap().name).await;
    assert_eq!((&run.model, run.trained_model.as_str()), (&first.model, ""));
    assert_eq!(states(world).await, [(1, State::Live), (2, State::Retired)]);
    let scores = world.scores("acme").await;
    assert_eq!(scores.len(), history.known());
    assert!(scores.iter().all(|score| score.model == first.model && score.as_of == run.as_of));

    // from now on nothing goes live by itself
    world.clock.advance(TimeDelta::days(1));
    let third = world.run("acme").await;
    assert_eq!((&third.model, third.doubts.len()), (&first.model, 1));
    assert!(third.doubts[0].contains("version 2 was rolled back"), "{:?}", third.doubts);

    // a pilot scores its cohort, the live version all others
    let (pilot, run) = promote(world, &third.trained_model, 0.3).await.unwrap();
    assert_eq!((pilot.state(), pilot.pilot_share), (State::Pilot, 0.3));
    assert_eq!(run.model, first.model);
    let cohort: BTreeSet<String> = of_model(world, &third.trained_model).await;
    for account in &history.accounts {
        let id = AccountId::parse_name(&account.name).unwrap();
        let (in_cohort, smaller) = (domain::State::Pilot(0.3).holds(id), domain::State::Pilot(0.1).holds(id));
        assert_eq!(cohort.contains(&account.name), in_cohort);
        assert!(in_cohort || !smaller, "a larger share holds those of a smaller one");
    }
    let share = cohort.len() as f64 / scores.len() as f64;
    assert!((0.2..0.4).contains(&share), "{share}");
    assert_eq!(of_model(world, &first.model).await.len(), scores.len() - cohort.len());

    // taking it back is the pilot's end, and nobody else's
    let back = RollBackModelRequest { request_id: request_id(), model_declaration: String::new() };
    let back = world.operator().roll_back_model(back).await.unwrap().into_inner();
    assert_eq!(back.model.unwrap().name, first.model);
    let run = world.finished("acme", &back.scoring_run.unwrap().name).await;
    assert_eq!((&run.model, of_model(world, &first.model).await.len()), (&first.model, scores.len()));
    assert_eq!(states(world).await, [(1, State::Live), (2, State::Retired), (3, State::Retired)]);

    // to the test again, and then for all
    promote(world, &third.trained_model, 0.3).await.unwrap();
    let (live, run) = promote(world, &third.trained_model, 0.0).await.unwrap();
    assert_eq!((live.state(), live.live, &run.model), (State::Live, true, &third.trained_model));
    assert_eq!(states(world).await, [(1, State::Retired), (2, State::Retired), (3, State::Live)]);
    let refused = promote(world, &third.trained_model, 0.0).await;
    assert_eq!(why(refused), (Code::FailedPrecondition, Reason::NotReady));
    // the newest is live again: runs go on by themselves
    world.clock.advance(TimeDelta::days(1));
    let fourth = world.run("acme").await;
    assert_eq!(fourth.doubts, Vec::<String>::new());
    assert_eq!(fourth.model, fourth.trained_model);
}

async fn of_model(world: &World, model: &str) -> BTreeSet<String> {
    let scores = world.scores("acme").await;
    scores.into_iter().filter(|score| score.model == model).map(|score| score.account).collect()
}

async fn noise_goes_live_nowhere(world: &World) {
    world.learn_of("acme", &History::noise(&world.clock, world.today())).await;
    let run = world.run("acme").await;
    assert_eq!((run.model.as_str(), run.scored_accounts), ("", 0));
    assert!(run.doubts.iter().any(|doubt| doubt.contains("AUC")), "{:?}", run.doubts);
    let model = world.model(&run.trained_model).await;
    assert_eq!((model.state(), model.live, model.report.unwrap().passed), (State::Shadow, false, false));
    assert_eq!(world.scores("acme").await, []);
    // nor does an operator put it there
    let refused = promote(world, &run.trained_model, 0.0).await.unwrap_err();
    assert!(
        refused.message().contains("does not pass: ") && refused.message().contains("AUC"),
        "{refused:?}"
    );
    assert_eq!(why::<()>(Err(refused)), (Code::FailedPrecondition, Reason::NotReady));
}

/// What this process counts, as Prometheus reads it.
fn counted() -> String {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    let metrics = METRICS.get_or_init(|| {
        let metrics = Metrics::default();
        opentelemetry::global::set_meter_provider(metrics.provider().unwrap());
        metrics
    });
    metrics.text().unwrap()
}

async fn what_moves_is_told(world: &World) {
    counted();
    let history = world.history();
    world.learn_of("acme", &history).await;
    let first = world.run("acme").await;
    assert_eq!(first.alarms, []);
    // nobody orders any more
    world.clock.advance(TimeDelta::days(75));
    let run = world.run_as_it_is("acme").await;
    assert_eq!((&run.model, run.trained_model.as_str()), (&first.model, ""));
    assert_eq!(world.models("acme").await.len(), 1);
    let kinds: BTreeSet<_> = run.alarms.iter().map(|alarm| alarm.kind()).collect();
    assert!(
        kinds.contains(&model_alarm::Kind::Input) && kinds.contains(&model_alarm::Kind::Scores),
        "{run:?}"
    );
    assert!(kinds.contains(&model_alarm::Kind::Calibration), "what was promised did not come: {run:?}");
    assert!(run.alarms.iter().all(|alarm| !alarm.finding.is_empty()));
    assert!(run.alarms.iter().any(|alarm| alarm.feature == "days_since_last_order"), "{run:?}");
    let told = world.heard(|heard| heard.drifted.first().cloned()).await;
    assert_eq!((told.model, told.alarms), (first.model, run.alarms));
    let text = counted();
    for kind in kinds {
        let kind = format!("kind=\"{}\"", kind.as_str_name());
        let line =
            text.lines().find(|line| line.starts_with("scoring_model_alarms_total{") && line.contains(&kind));
        let count = line.and_then(|line| line.rsplit(' ').next()).and_then(|count| count.parse::<f64>().ok());
        assert!(count >= Some(1.0), "{kind}: {text}");
    }
}

async fn backtest(world: &World, request: StartModelBacktestRequest) -> ModelBacktest {
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
    done
}

async fn backtests(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let first = world.run("acme").await;
    let day = |back: i64| timestamp(world.today() - TimeDelta::days(back));
    let as_of = vec![day(30), day(60)];
    let request = StartModelBacktestRequest {
        request_id: request_id(),
        as_of,
        models: vec![],
        model_declaration: String::new(),
    };
    let done = backtest(world, request).await;
    let report: Report = serde_json::from_str(&done.report_json).unwrap();
    let slices: Vec<_> =
        report.slices.iter().map(|slice| (slice.dimension.as_deref().unwrap(), slice.rows)).collect();
    assert_eq!(slices.iter().map(|slice| slice.0).collect::<Vec<_>>(), ["past day", "past day", "version"]);
    assert_eq!(slices[0].1 + slices[1].1, report.overall.rows);
    assert!(report.overall.auc.unwrap() > 0.7, "{:?}", report.overall.auc);
    assert!(done.page.starts_with("<!DOCTYPE html>") && done.page.contains("<svg"));
    assert_eq!(world.models("acme").await.len(), 1, "a backtest publishes nothing");

    // side by side, on a day that both had not seen
    world.clock.advance(TimeDelta::days(1));
    let second = world.run("acme").await;
    let later = world.today();
    world.clock.advance(TimeDelta::days(31));
    let models = vec![first.trained_model, second.trained_model];
    let request = StartModelBacktestRequest {
        request_id: request_id(),
        as_of: vec![timestamp(later)],
        models,
        model_declaration: String::new(),
    };
    let done = backtest(world, request).await;
    let report: Report = serde_json::from_str(&done.report_json).unwrap();
    let names: Vec<_> = report.slices.iter().map(|slice| slice.name.as_str()).collect();
    assert_eq!(names[1..], ["version 1", "version 2"]);
    assert_eq!(report.overall.rows as usize, 2 * history.known());
}

async fn backtests_that_cannot_be(world: &World) {
    world.learn_of("acme", &world.history()).await;
    let run = world.run("acme").await;
    let day = |back: i64| timestamp(world.today() - TimeDelta::days(back));
    let asked = async |as_of: Vec<_>, models: Vec<String>| {
        let request = StartModelBacktestRequest {
            request_id: request_id(),
            as_of,
            models,
            model_declaration: String::new(),
        };
        let refused = world.operator().start_model_backtest(request).await.unwrap_err();
        (refused.code(), refused.message().to_owned())
    };
    let invalid = Code::InvalidArgument;
    let (code, message) = asked(vec![day(40), day(29)], vec![]).await;
    assert!(code == invalid && message.starts_with("as_of[1]: what came of it is not known"), "{message}");
    let (code, message) = asked(vec![day(40), day(40)], vec![]).await;
    assert!(code == invalid && message.starts_with("as_of[1]: given before"), "{message}");
    let (code, message) = asked(vec![day(40)], vec![run.model]).await;
    assert!(code == invalid && message.starts_with("models[0]: version 1 knows"), "{message}");
    let unknown = "models/01890000-0000-7000-8000-000000000000".to_owned();
    assert_eq!(asked(vec![day(40)], vec![unknown]).await.0, Code::NotFound);
    assert_eq!(asked(vec![], vec![]).await.0, invalid);
    let request =
        GetModelBacktestRequest { name: "modelBacktests/01890000-0000-7000-8000-000000000000".into() };
    assert_eq!(why(world.operator().get_model_backtest(request).await).0, Code::NotFound);
}

async fn nobody_scores_with_what_came_later(world: &World) {
    world.learn_of("acme", &world.history()).await;
    let live = world.run("acme").await;
    let scores = world.scores("acme").await;
    let early = Some(timestamp(world.today() - TimeDelta::days(10)));
    let run = world.run_to_the_end("acme", early).await;
    assert_eq!(run.status.unwrap().state(), RunState::Succeeded);
    assert_eq!((run.model.as_str(), run.scored_accounts), ("", 0));
    assert!(run.doubts.len() == 1 && run.doubts[0].contains("knows more"), "{:?}", run.doubts);
    assert_eq!(world.scores("acme").await, scores);
    assert!(world.model(&live.model).await.live);
    let request = StartScoringRunRequest {
        request_id: request_id(),
        as_of: early,
        keep_model: true,
        model_declaration: String::new(),
    };
    let started =
        world.operator().start_scoring_run(request).await.unwrap().into_inner().scoring_run.unwrap();
    let status = world.finished("acme", &started.name).await.status.unwrap();
    assert_eq!((status.state(), status.reason.as_str()), (RunState::Failed, "FIELD_INVALID"));
}

async fn nothing_to_keep_or_to_go_back_to(world: &World) {
    world.learn_of("acme", &world.history()).await;
    let request = StartScoringRunRequest {
        request_id: request_id(),
        as_of: None,
        keep_model: true,
        model_declaration: String::new(),
    };
    let started =
        world.operator().start_scoring_run(request).await.unwrap().into_inner().scoring_run.unwrap();
    let status = world.finished("acme", &started.name).await.status.unwrap();
    assert_eq!((status.state(), status.reason.as_str()), (RunState::Failed, "NOT_READY"));
    let not_ready = (Code::FailedPrecondition, Reason::NotReady);
    let back = RollBackModelRequest { request_id: request_id(), model_declaration: String::new() };
    assert_eq!(why(world.operator().roll_back_model(back.clone()).await), not_ready);
    world.run("acme").await;
    let back = RollBackModelRequest { request_id: request_id(), model_declaration: String::new() };
    assert_eq!(why(world.operator().roll_back_model(back).await), not_ready);
}
