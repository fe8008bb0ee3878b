//! Who may call what, and whose data they see.

use salient_core::Reason;
use salient_kit::Role;
use salient_proto::{
    common::v1::run_status::State,
    scoring::v1::{
        GetModelBacktestRequest, GetModelRequest, GetScoreRequest, GetScoringRunRequest, ListModelsRequest,
        ListScoresRequest, PromoteModelRequest, RollBackModelRequest, StartScoringRunRequest,
    },
};
use tonic::Code;

use crate::world::{World, both, request_id, why};

both!(without_a_token, roles, tenants_never_see_each_other);

const ID: &str = "01890000-0000-7000-8000-000000000000";

async fn without_a_token(world: &World) {
    let refused = (Code::Unauthenticated, Reason::TokenInvalid);
    let mut client = world.without_token();
    let run = StartScoringRunRequest {
        request_id: request_id(),
        as_of: None,
        keep_model: false,
        model_declaration: String::new(),
    };
    assert_eq!(why(client.start_scoring_run(run).await), refused);
    assert_eq!(why(client.list_scores(ListScoresRequest::default()).await), refused);
    assert_eq!(why(client.list_models(ListModelsRequest::default()).await), refused);
    let score = GetScoreRequest {
        name: format!("accounts/{ID}/score"),
        as_of: None,
        model_declaration: String::new(),
    };
    assert_eq!(why(client.get_score(score).await), refused);
}

async fn roles(world: &World) {
    let insufficient = (Code::PermissionDenied, Reason::RoleInsufficient);
    let run = || StartScoringRunRequest {
        request_id: request_id(),
        as_of: None,
        keep_model: false,
        model_declaration: String::new(),
    };
    for role in [Role::Seller, Role::Manager, Role::Integration] {
        assert_eq!(why(world.client_of("acme", role).start_scoring_run(run()).await), insufficient);
    }
    let mut seller = world.client_of("acme", Role::Seller);
    assert_eq!(why(seller.list_scores(ListScoresRequest::default()).await), insufficient);
    assert_eq!(why(seller.list_models(ListModelsRequest::default()).await), insufficient);
    let promotion =
        || PromoteModelRequest { name: format!("models/{ID}"), request_id: request_id(), pilot_share: 0.0 };
    let back = || RollBackModelRequest { request_id: request_id(), model_declaration: String::new() };
    for role in [Role::Seller, Role::Manager, Role::Integration, Role::Service] {
        let mut client = world.client_of("acme", role);
        assert_eq!(why(client.promote_model(promotion()).await), insufficient);
        assert_eq!(why(client.roll_back_model(back()).await), insufficient);
    }
    let backtest = GetModelBacktestRequest { name: format!("modelBacktests/{ID}") };
    assert_eq!(why(seller.get_model_backtest(backtest).await), insufficient);
    // a seller may ask for the score of an account
    let score = GetScoreRequest {
        name: format!("accounts/{ID}/score"),
        as_of: None,
        model_declaration: String::new(),
    };
    assert_eq!(why(seller.get_score(score).await), (Code::NotFound, Reason::ResourceUnknown));
}

async fn tenants_never_see_each_other(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let run = world.run("acme").await;

    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    let mut theirs = world.client_of("other", Role::Operator);
    assert_eq!(why(theirs.get_scoring_run(GetScoringRunRequest { name: run.name }).await), unknown);
    let promotion =
        PromoteModelRequest { name: run.model.clone(), request_id: request_id(), pilot_share: 0.0 };
    assert_eq!(why(theirs.promote_model(promotion).await), unknown);
    assert_eq!(why(theirs.get_model(GetModelRequest { name: run.model }).await), unknown);
    let score = GetScoreRequest {
        name: format!("{}/score", history.accounts[0].name),
        as_of: None,
        model_declaration: String::new(),
    };
    assert_eq!(why(theirs.get_score(score).await), unknown);
    assert_eq!(world.scores("other").await, []);
    assert_eq!(world.models("other").await, []);
    // nor does a run of theirs learn from our orders
    let failed = world.run_to_the_end("other", None).await.status.unwrap();
    assert_eq!((failed.state(), failed.reason.as_str()), (State::Failed, "NOT_ENOUGH_DATA"));
}
