//! Runs: asked for twice, too early, too late, with too little.

use salient_core::Reason;
use salient_proto::{
    common::v1::run_status::State,
    profile::v1::AccountsChanged,
    recommendation::v1::{
        EvaluatePlansRequest, GetBacktestRequest, GetDailyPlanRequest, GetPlanRunRequest,
        ListPoliciesRequest, StartBacktestRequest, StartPlanRunRequest, UpsertSellersRequest,
    },
};
use tonic::Code;

use crate::{
    company::Company,
    world::{World, both, request_id, why},
};

both!(a_repeated_request, a_day_that_has_not_come, too_little_data, what_is_not_there);

async fn a_repeated_request(world: &World) {
    let mut client = world.operator();
    let request = StartPlanRunRequest { request_id: request_id(), date: "2011-05-01".into() };
    let first = client.start_plan_run(request.clone()).await.unwrap().into_inner().plan_run.unwrap();
    let again = client.start_plan_run(request.clone()).await.unwrap().into_inner().plan_run.unwrap();
    assert_eq!((&again.name, &again.date), (&first.name, &first.date));
    let reused = (Code::AlreadyExists, Reason::RequestIdReused);
    let other = StartPlanRunRequest { date: String::new(), ..request };
    assert_eq!(why(client.start_plan_run(other).await), reused);

    let request =
        StartBacktestRequest { request_id: request_id(), dates: vec!["2011-05-01".into()], per_seller: 3 };
    let first = client.start_backtest(request.clone()).await.unwrap().into_inner().backtest.unwrap();
    let again = client.start_backtest(request.clone()).await.unwrap().into_inner().backtest.unwrap();
    assert_eq!(again.name, first.name);
    let other = StartBacktestRequest { per_seller: 4, ..request };
    assert_eq!(why(client.start_backtest(other).await), reused);
}

async fn a_day_that_has_not_come(world: &World) {
    let mut client = world.operator();
    let future = (Code::InvalidArgument, Reason::DateInFuture);
    let tomorrow = || "2011-06-02".to_owned();
    let run = StartPlanRunRequest { request_id: request_id(), date: tomorrow() };
    assert_eq!(why(client.start_plan_run(run).await), future);
    let dates = vec!["2011-05-01".to_owned(), tomorrow()];
    let backtest = StartBacktestRequest { request_id: request_id(), dates, per_seller: 0 };
    assert_eq!(why(client.start_backtest(backtest).await), future);
    let plan = GetDailyPlanRequest { name: format!("sellers/s07/plans/{}", tomorrow()) };
    assert_eq!(why(client.get_daily_plan(plan).await), future);
    let evaluation = EvaluatePlansRequest { date: tomorrow(), horizon_days: 0 };
    assert_eq!(why(client.evaluate_plans(evaluation).await), future);

    let wrong = (Code::InvalidArgument, Reason::FieldInvalid);
    for date in ["2011-02-30", "1 May 2011"] {
        let run = StartPlanRunRequest { request_id: request_id(), date: date.into() };
        assert_eq!(why(client.start_plan_run(run).await), wrong, "{date}");
    }
}

async fn too_little_data(world: &World) {
    let company = Company::new(&world.clock, world.today());
    world.hear("acme", "profile", &AccountsChanged { accounts: company.accounts.clone() }).await;
    world.ordered("acme", company.orders[..20].to_vec()).await;
    let request =
        UpsertSellersRequest { request_id: request_id(), sellers: Company::sellers(), update_mask: None };
    world.catalogue("acme").upsert_sellers(request).await.unwrap();
    let run = world.run_to_the_end("acme", String::new()).await;
    let status = run.status.unwrap();
    assert_eq!((status.state(), status.reason.as_str()), (State::Failed, "NOT_ENOUGH_DATA"));
    assert!(!status.error.is_empty());
    // and nothing has changed
    assert_eq!((run.policy.as_str(), run.recommendations), ("", 0));
    let policies = world.operator().list_policies(ListPoliciesRequest::default()).await.unwrap().into_inner();
    assert_eq!(policies.policies, []);
    assert_eq!(world.recommendations("").await, []);
    assert_eq!(why(world.try_plan("s07").await), (Code::FailedPrecondition, Reason::NotReady));

    let request =
        StartBacktestRequest { request_id: request_id(), dates: vec!["2011-05-01".into()], per_seller: 0 };
    let backtest = world.operator().start_backtest(request).await.unwrap().into_inner().backtest.unwrap();
    let status = crate::world::eventually(async || {
        let request = GetBacktestRequest { name: backtest.name.clone() };
        let found = world.operator().get_backtest(request).await.unwrap().into_inner().backtest.unwrap();
        found.status.filter(|status| status.state() == State::Failed)
    })
    .await;
    assert_eq!(status.reason, "NOT_ENOUGH_DATA");
}

async fn what_is_not_there(world: &World) {
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    let mut client = world.operator();
    assert_eq!(why(world.try_plan("nobody").await), unknown);
    let id = "01890000-0000-7000-8000-000000000000";
    assert_eq!(why(client.get_plan_run(GetPlanRunRequest { name: format!("planRuns/{id}") }).await), unknown);
    assert_eq!(
        why(client.get_backtest(GetBacktestRequest { name: format!("backtests/{id}") }).await),
        unknown
    );
    let request = EvaluatePlansRequest { date: "2011-05-01".into(), horizon_days: 0 };
    assert_eq!(why(client.evaluate_plans(request).await), unknown);
}
