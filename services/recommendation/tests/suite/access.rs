//! Who may call what, and whose data they see.

use salient_core::Reason;
use salient_kit::Role;
use salient_proto::{
    common::v1::run_status::State,
    recommendation::v1::{
        EvaluatePlansRequest, ExplainRecommendationRequest, GetDailyPlanRequest, GetPlanRunRequest,
        GetPolicyRequest, GetRecommendationRequest, GetSellerRequest, ListPoliciesRequest,
        ListProductsRequest, ListRecommendationsRequest, ListSellersRequest, StartBacktestRequest,
        StartPlanRunRequest, UpsertProductsRequest, catalogue_service_client::CatalogueServiceClient,
        recommendation_service_client::RecommendationServiceClient,
    },
};
use tonic::Code;

use crate::{
    company::Company,
    world::{World, both, request_id, why},
};

both!(without_a_token, a_seller_has_the_own_plan_only, tenants_never_see_each_other);

async fn without_a_token(world: &World) {
    let refused = (Code::Unauthenticated, Reason::TokenInvalid);
    let mut client = RecommendationServiceClient::new(world.link_without_token());
    let plan = GetDailyPlanRequest { name: "sellers/s07/plans/today".into() };
    assert_eq!(why(client.get_daily_plan(plan).await), refused);
    let run = StartPlanRunRequest { request_id: request_id(), ..Default::default() };
    assert_eq!(why(client.start_plan_run(run).await), refused);
    assert_eq!(why(client.list_recommendations(ListRecommendationsRequest::default()).await), refused);
    let mut client = CatalogueServiceClient::new(world.link_without_token());
    assert_eq!(why(client.list_products(ListProductsRequest::default()).await), refused);
    let products = Company::products();
    let request = UpsertProductsRequest { request_id: request_id(), products, update_mask: None };
    assert_eq!(why(client.upsert_products(request).await), refused);
}

async fn a_seller_has_the_own_plan_only(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let insufficient = (Code::PermissionDenied, Reason::RoleInsufficient);
    let mut seller = world.seller("s07");
    let theirs = world.plan("s08").await;
    let mine = world.plan("s07").await;
    for name in ["sellers/s08/plans/today", "sellers/s08/plans/2011-06-01", "sellers/nobody/plans/today"] {
        let request = GetDailyPlanRequest { name: name.into() };
        assert_eq!(why(seller.get_daily_plan(request).await), insufficient);
    }
    let (own, other) = (mine.recommendations[0].name.clone(), theirs.recommendations[0].name.clone());
    let get = |name: &String| GetRecommendationRequest { name: name.clone() };
    seller.get_recommendation(get(&own)).await.unwrap();
    assert_eq!(why(seller.get_recommendation(get(&other)).await), insufficient);
    let explain = |name: &String| ExplainRecommendationRequest { name: name.clone() };
    seller.explain_recommendation(explain(&own)).await.unwrap();
    assert_eq!(why(seller.explain_recommendation(explain(&other)).await), insufficient);

    let listed =
        seller.list_recommendations(ListRecommendationsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.recommendations.len(), mine.recommendations.len());
    assert!(listed.recommendations.iter().all(|item| item.seller == "sellers/s07"));
    let filter = "seller = \"sellers/s08\"".to_owned();
    let request = ListRecommendationsRequest { filter, ..Default::default() };
    assert_eq!(seller.list_recommendations(request).await.unwrap().into_inner().recommendations, []);

    // what is for those who run the place
    let request = StartPlanRunRequest { request_id: request_id(), ..Default::default() };
    assert_eq!(why(seller.start_plan_run(request).await), insufficient);
    let request =
        StartBacktestRequest { request_id: request_id(), dates: vec!["2011-05-01".into()], per_seller: 0 };
    assert_eq!(why(seller.start_backtest(request).await), insufficient);
    let request = EvaluatePlansRequest { date: "2011-06-01".into(), horizon_days: 0 };
    assert_eq!(why(seller.evaluate_plans(request).await), insufficient);
    assert_eq!(why(seller.list_policies(ListPoliciesRequest::default()).await), insufficient);
}

async fn tenants_never_see_each_other(world: &World) {
    world.company("acme").await;
    let run = world.run("acme").await;
    let item = world.plan("s07").await.recommendations.remove(0);

    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    let mut theirs = world.client_of("other", "boss", Role::Manager);
    let plan = GetDailyPlanRequest { name: "sellers/s07/plans/today".into() };
    assert_eq!(why(theirs.get_daily_plan(plan).await), unknown);
    assert_eq!(
        why(theirs.get_recommendation(GetRecommendationRequest { name: item.name.clone() }).await),
        unknown
    );
    assert_eq!(
        why(theirs.explain_recommendation(ExplainRecommendationRequest { name: item.name }).await),
        unknown
    );
    assert_eq!(why(theirs.get_plan_run(GetPlanRunRequest { name: run.name }).await), unknown);
    assert_eq!(why(theirs.get_policy(GetPolicyRequest { name: run.policy }).await), unknown);
    let day = EvaluatePlansRequest { date: "2011-06-01".into(), horizon_days: 0 };
    assert_eq!(why(theirs.evaluate_plans(day).await), unknown);
    let listed =
        theirs.list_recommendations(ListRecommendationsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.recommendations, []);
    assert_eq!(theirs.list_policies(ListPoliciesRequest::default()).await.unwrap().into_inner().policies, []);
    let mut catalogue = world.catalogue("other");
    assert_eq!(
        catalogue.list_products(ListProductsRequest::default()).await.unwrap().into_inner().products,
        []
    );
    assert_eq!(catalogue.list_sellers(ListSellersRequest::default()).await.unwrap().into_inner().sellers, []);
    assert_eq!(why(catalogue.get_seller(GetSellerRequest { name: "sellers/s07".into() }).await), unknown);

    // nor does a run of theirs learn from our orders
    let failed = world.run_to_the_end("other", String::new()).await.status.unwrap();
    assert_eq!((failed.state(), failed.reason.as_str()), (State::Failed, "NOT_ENOUGH_DATA"));
}
