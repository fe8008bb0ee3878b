//! Who may call what, and whose data they see.

use salient_core::Reason;
use salient_kit::Role;
use salient_proto::feedback::v1::{
    Exposure, GetConversionFunnelRequest, ListOutcomesRequest, ListReactionsRequest, ReactionAction,
    RecordExposuresRequest,
};
use tonic::Code;

use crate::world::{World, both, react, reacting, request_id, why};

both!(without_a_token, a_seller_has_the_own_reactions_only, tenants_never_see_each_other);

async fn without_a_token(world: &World) {
    let item = world.issue("s07", "bag").await;
    let mut client = world.without_token();
    let refused = (Code::Unauthenticated, Reason::TokenInvalid);
    assert_eq!(why(client.record_reaction(reacting(&item, ReactionAction::Accept)).await), refused);
    assert_eq!(why(client.list_reactions(ListReactionsRequest::default()).await), refused);
    let exposures = vec![Exposure::default()];
    assert_eq!(
        why(client.record_exposures(RecordExposuresRequest { request_id: request_id(), exposures }).await),
        refused
    );
    assert_eq!(why(client.list_outcomes(ListOutcomesRequest::default()).await), refused);
    assert_eq!(why(client.get_conversion_funnel(GetConversionFunnelRequest::default()).await), refused);
}

async fn a_seller_has_the_own_reactions_only(world: &World) {
    let (mine, theirs) = (world.issue("s07", "bag").await, world.issue("s08", "bag").await);
    let (mut seller, mut other) = (world.seller("s07"), world.seller("s08"));
    react(&mut seller, &mine, ReactionAction::Accept).await;
    react(&mut other, &theirs, ReactionAction::Accept).await;

    // to another seller's recommendation nobody but its seller reacts, even with the token
    let insufficient = (Code::PermissionDenied, Reason::RoleInsufficient);
    assert_eq!(why(seller.record_reaction(reacting(&theirs, ReactionAction::Complete)).await), insufficient);

    let listed = seller.list_reactions(ListReactionsRequest::default()).await.unwrap().into_inner().reactions;
    assert_eq!(listed.iter().map(|found| &found.recommendation).collect::<Vec<_>>(), [&mine.name]);
    // a filter narrows what is the seller's own, it does not widen it
    let filter = "seller = \"sellers/s08\"".to_owned();
    let request = ListReactionsRequest { filter, ..Default::default() };
    assert_eq!(seller.list_reactions(request).await.unwrap().into_inner().reactions, []);
    let all = world.manager().list_reactions(ListReactionsRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.reactions.len(), 2);

    // what came of the others' is not the seller's to see
    assert_eq!(why(seller.list_outcomes(ListOutcomesRequest::default()).await), insufficient);
    assert_eq!(why(seller.get_conversion_funnel(GetConversionFunnelRequest::default()).await), insufficient);
    // nor what was shown to others the seller's to say
    let exposure = |item: &str| Exposure {
        recommendation: item.to_owned(),
        expose_time: Some(world.days(0)),
        surface: "cli".into(),
        rank: 1,
    };
    let exposures = vec![exposure(&mine.name), exposure(&theirs.name)];
    let request = RecordExposuresRequest { request_id: request_id(), exposures };
    let result = seller.record_exposures(request).await.unwrap().into_inner().result.unwrap();
    assert_eq!(result.created, 1);
    let errors: Vec<_> = result.errors.iter().map(|error| (error.index, error.reason.as_str())).collect();
    assert_eq!(errors, [(1, "ROLE_INSUFFICIENT")]);
}

async fn tenants_never_see_each_other(world: &World) {
    let item = world.issue("s07", "bag").await;
    react(&mut world.seller("s07"), &item, ReactionAction::Accept).await;
    let order = world.order(&item, &["bag"], 0);
    world.ordered("acme", &[&order]).await;
    assert_eq!(world.outcomes("acme").await.len(), 1);

    let mut theirs = world.client_of("other", "s07", Role::Manager);
    assert_eq!(
        theirs.list_reactions(ListReactionsRequest::default()).await.unwrap().into_inner().reactions,
        []
    );
    assert_eq!(world.outcomes("other").await, []);
    let funnel = world.funnel("other").await;
    assert_eq!((funnel.issued, funnel.closed_windows), (0, 0));
    assert_eq!(funnel.won.unwrap().value, None);
    let unknown = (Code::NotFound, Reason::ResourceUnknown);
    assert_eq!(why(theirs.record_reaction(reacting(&item, ReactionAction::Complete)).await), unknown);

    // an order of theirs with our account and our product is nothing of ours
    let mut twin = world.recommendation("s07", "cup");
    twin.account = item.account.clone();
    world.issued("acme", &[&twin]).await;
    let foreign = world.order(&twin, &["cup"], 0);
    world.ordered("other", &[&foreign]).await;
    assert_eq!(world.outcomes("acme").await.len(), 1);
    assert_eq!(world.outcomes("other").await, []);
}
