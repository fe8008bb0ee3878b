//! Runs asked for twice, too early, or with too little to learn from.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_proto::{
    common::v1::run_status::State,
    profile::v1::AccountsChanged,
    scoring::v1::{GetModelRequest, GetScoringRunRequest, StartScoringRunRequest},
};
use tonic::Code;

use crate::world::{World, both, request_id, timestamp, why};

both!(
    too_little_data,
    too_little_data_keeps_what_was,
    a_repeated_request,
    a_moment_that_has_not_come,
    what_is_not_there
);

async fn too_little_data(world: &World) {
    let history = world.history();
    world.hear("acme", &AccountsChanged { accounts: history.accounts.clone() }).await;
    world.ordered("acme", &history.orders[..50]).await;
    let run = world.run_to_the_end("acme", None).await;
    let status = run.status.unwrap();
    assert_eq!((status.state(), status.reason.as_str()), (State::Failed, "NOT_ENOUGH_DATA"));
    // it says what would be enough
    assert!(status.error.contains("need"), "{}", status.error);
    assert_eq!((run.model.as_str(), run.scored_accounts), ("", 0));
    assert_eq!(world.models("acme").await, []);
    assert_eq!(world.scores("acme").await, []);
}

async fn too_little_data_keeps_what_was(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let run = world.run("acme").await;
    let scores = world.scores("acme").await;
    // as of a moment when there was hardly any history
    let early = timestamp(world.today() - TimeDelta::days(200));
    let failed = world.run_to_the_end("acme", Some(early)).await.status.unwrap();
    assert_eq!((failed.state(), failed.reason.as_str()), (State::Failed, "NOT_ENOUGH_DATA"));
    assert_eq!(world.scores("acme").await, scores);
    let models = world.models("acme").await;
    assert_eq!(
        models.iter().map(|model| (&model.name, model.live)).collect::<Vec<_>>(),
        [(&run.model, true)]
    );
}

async fn a_repeated_request(world: &World) {
    let mut client = world.operator();
    let request = StartScoringRunRequest {
        request_id: request_id(),
        as_of: Some(timestamp(world.today())),
        keep_model: false,
        model_declaration: String::new(),
    };
    let first = client.start_scoring_run(request.clone()).await.unwrap().into_inner().scoring_run.unwrap();
    let again = client.start_scoring_run(request.clone()).await.unwrap().into_inner().scoring_run.unwrap();
    assert_eq!((&again.name, again.as_of), (&first.name, first.as_of));
    let other = StartScoringRunRequest { as_of: None, ..request };
    let reused = client.start_scoring_run(other).await;
    assert_eq!(why(reused), (Code::AlreadyExists, Reason::RequestIdReused));
    // without a moment it is the one in which it was asked for first
    let request = StartScoringRunRequest {
        request_id: request_id(),
        as_of: None,
        keep_model: false,
        model_declaration: String::new(),
    };
    let first = client.start_scoring_run(request.clone()).await.unwrap().into_inner().scoring_run.unwrap();
    assert_eq!(first.as_of, Some(timestamp(world.clock.now())));
    world.clock.advance(TimeDelta::days(1));
    let again = client.start_scoring_run(request).await.unwrap().into_inner().scoring_run.unwrap();
    assert_eq!((again.name, again.as_of), (first.name, first.as_of));
}

async fn a_moment_that_has_not_come(world: &World) {
    let future = world.clock.now() + TimeDelta::seconds(1);
    let request = StartScoringRunRequest {
        request_id: request_id(),
        as_of: Some(timestamp(future)),
        keep_model: false,
        model_declaration: String::new(),
    };
    let refused = why(world.operator().start_scoring_run(request).await);
    assert_eq!(refused, (Code::InvalidArgument, Reason::DateInFuture));
    let request = StartScoringRunRequest {
        request_id: "no uuid".into(),
        as_of: None,
        keep_model: false,
        model_declaration: String::new(),
    };
    let refused = why(world.operator().start_scoring_run(request).await);
    assert_eq!(refused, (Code::InvalidArgument, Reason::FieldInvalid));
}

async fn what_is_not_there(world: &World) {
    let id = "01890000-0000-7000-8000-000000000000";
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    let mut client = world.operator();
    assert_eq!(why(client.get_model(GetModelRequest { name: format!("models/{id}") }).await), unknown);
    let request = GetScoringRunRequest { name: format!("scoringRuns/{id}") };
    assert_eq!(why(client.get_scoring_run(request).await), unknown);
}
