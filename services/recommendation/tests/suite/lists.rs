//! Lists of recommendations and policies.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_proto::{
    feedback::v1::ReactionAction,
    recommendation::v1::{
        GetPolicyRequest, GetRecommendationRequest, ListPoliciesRequest, ListRecommendationsRequest, Play,
    },
};
use tonic::Code;

use crate::world::{World, both, timestamp, why};

both!(recommendations, policies);

async fn recommendations(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let item = world.plan("s07").await.recommendations.remove(0);
    world.reacted(&item, ReactionAction::Accept, None).await;

    // newest first, in pages, each once
    let mut client = world.operator();
    let all = world.recommendations("").await;
    assert_eq!(all.len(), 22);
    let mut seen = Vec::new();
    let mut request = ListRecommendationsRequest { page_size: 10, ..Default::default() };
    loop {
        let page = client.list_recommendations(request.clone()).await.unwrap().into_inner();
        assert!(page.recommendations.len() <= 10);
        seen.extend(page.recommendations);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, all);

    // a token belongs to its query, and to who asked
    let refused = (Code::InvalidArgument, Reason::PageTokenInvalid);
    let wandering = ListRecommendationsRequest { filter: "state = issued".into(), ..request.clone() };
    assert_eq!(why(client.list_recommendations(wandering).await), refused);
    assert_eq!(why(world.seller("s07").list_recommendations(request).await), refused);
    let damaged = ListRecommendationsRequest { page_token: "x".into(), ..Default::default() };
    assert_eq!(why(client.list_recommendations(damaged).await), refused);

    let reorders = all.iter().filter(|item| item.play() == Play::Reorder).count();
    for (filter, count) in [
        ("seller = \"sellers/s08\"".to_owned(), 10),
        ("state = accepted".to_owned(), 1),
        ("state = issued AND seller = \"sellers/s07\"".to_owned(), 11),
        ("play = reorder".to_owned(), reorders),
        (format!("account = \"{}\"", item.account), 1),
        ("issue_time >= \"2011-06-01T08:00:00Z\"".to_owned(), 22),
        ("issue_time > \"2011-06-01T08:00:00Z\"".to_owned(), 0),
    ] {
        assert_eq!(world.recommendations(&filter).await.len(), count, "{filter}");
    }
    for wrong in ["product = x", "state = gone", "state"] {
        let request = ListRecommendationsRequest { filter: wrong.into(), ..Default::default() };
        let refused = why(client.list_recommendations(request).await);
        assert_eq!(refused, (Code::InvalidArgument, Reason::FilterInvalid), "{wrong}");
    }
    let wrong = ListRecommendationsRequest { page_size: -1, ..Default::default() };
    assert_eq!(why(client.list_recommendations(wrong).await), (Code::InvalidArgument, Reason::FieldInvalid));
    let name = "recommendations/01890000-0000-7000-8000-000000000000".into();
    let unknown = client.get_recommendation(GetRecommendationRequest { name }).await;
    assert_eq!(why(unknown), (Code::NotFound, Reason::ResourceUnknown));
}

async fn policies(world: &World) {
    world.company("acme").await;
    let mut names = Vec::new();
    for _ in 0..3 {
        names.insert(0, world.run("acme").await.policy);
        // a day has one policy, however often it is planned
        assert_eq!(world.run("acme").await.policy, names[0]);
        world.clock.advance(TimeDelta::days(1));
    }
    let mut client = world.operator();
    let first = client
        .list_policies(ListPoliciesRequest { page_size: 2, ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    let request = ListPoliciesRequest { page_size: 2, page_token: first.next_page_token };
    let second = client.list_policies(request).await.unwrap().into_inner();
    assert_eq!(second.next_page_token, "");
    let listed: Vec<_> = first.policies.into_iter().chain(second.policies).collect();
    assert_eq!(
        listed.iter().map(|policy| &policy.name).collect::<Vec<_>>(),
        names.iter().collect::<Vec<_>>()
    );
    assert_eq!(listed.iter().map(|policy| policy.version).collect::<Vec<_>>(), [3, 2, 1]);
    let newest =
        client.get_policy(GetPolicyRequest { name: names[0].clone() }).await.unwrap().into_inner().policy;
    assert_eq!(newest.as_ref(), Some(&listed[0]));
    assert_eq!(listed[0].as_of, Some(timestamp(world.today() - TimeDelta::days(1))));
    assert!(listed[0].train_examples > 0);
}
