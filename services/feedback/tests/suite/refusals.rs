//! Reactions that are not taken, and reactions that come twice.

use chrono::TimeDelta;
use salient_core::Reason;
use salient_proto::feedback::v1::{
    DismissReason, ListReactionsRequest, ReactionAction, RecordReactionRequest,
};
use tonic::Code;

use crate::world::{World, both, reacting, request_id, why};

both!(what_is_not_taken, a_closed_one_takes_no_reaction, a_repeated_request, parts_that_do_not_fit);

async fn taken(world: &World) -> usize {
    world
        .manager()
        .list_reactions(ListReactionsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .reactions
        .len()
}

async fn what_is_not_taken(world: &World) {
    let (item, other) = (world.issue("s07", "bag").await, world.issue("s07", "cup").await);
    let mut client = world.seller("s07");
    // the token of another recommendation, though of the same seller
    let mut request = reacting(&item, ReactionAction::Accept);
    request.attribution_token = other.attribution_token;
    let wrong = (Code::InvalidArgument, Reason::AttributionTokenInvalid);
    assert_eq!(why(client.record_reaction(request.clone()).await), wrong);
    // a refusal does not use up the request id
    request.attribution_token = item.attribution_token.clone();
    client.record_reaction(request).await.unwrap();

    let unknown = world.recommendation("s07", "bag");
    let refused = (Code::NotFound, Reason::ResourceUnknown);
    assert_eq!(why(client.record_reaction(reacting(&unknown, ReactionAction::Accept)).await), refused);
    assert_eq!(taken(world).await, 1);
}

async fn a_closed_one_takes_no_reaction(world: &World) {
    let mut client = world.seller("s07");
    let closed = (Code::FailedPrecondition, Reason::RecommendationClosed);
    let dismissed = world.issue("s07", "bag").await;
    let dismissal = RecordReactionRequest {
        reason: DismissReason::NoStock.into(),
        ..reacting(&dismissed, ReactionAction::Dismiss)
    };
    client.record_reaction(dismissal).await.unwrap();
    assert_eq!(why(client.record_reaction(reacting(&dismissed, ReactionAction::Accept)).await), closed);

    let expired = world.issue("s07", "cup").await;
    world.expired(&expired).await;
    assert_eq!(why(client.record_reaction(reacting(&expired, ReactionAction::Accept)).await), closed);
    // told again of its issue, it stays closed
    world.issued("acme", &[&expired]).await;
    assert_eq!(why(client.record_reaction(reacting(&expired, ReactionAction::Accept)).await), closed);
    assert_eq!(taken(world).await, 1);
}

async fn a_repeated_request(world: &World) {
    let item = world.issue("s07", "bag").await;
    let mut client = world.seller("s07");
    let request = RecordReactionRequest {
        snooze_until: Some(world.days(1)),
        ..reacting(&item, ReactionAction::Snooze)
    };
    let first = client.record_reaction(request.clone()).await.unwrap().into_inner();
    // the same answer, even when the same words would not be accepted any more
    world.clock.advance(TimeDelta::days(2));
    assert_eq!(client.record_reaction(request.clone()).await.unwrap().into_inner(), first);
    let other = RecordReactionRequest { comment: "on second thought".into(), ..request };
    assert_eq!(why(client.record_reaction(other).await), (Code::AlreadyExists, Reason::RequestIdReused));
    assert_eq!(taken(world).await, 1);
    assert_eq!(world.reactions_heard("acme", 1).await, [first.reaction.unwrap()]);
}

async fn parts_that_do_not_fit(world: &World) {
    let item = world.issue("s07", "bag").await;
    let mut client = world.seller("s07");
    let accept = reacting(&item, ReactionAction::Accept);
    let dismiss = reacting(&item, ReactionAction::Dismiss);
    let past = Some(world.days(-1));
    let wrong = [
        RecordReactionRequest { action: 0, ..accept.clone() },
        RecordReactionRequest { action: 99, ..accept.clone() },
        RecordReactionRequest { request_id: "not a uuid".into(), ..accept.clone() },
        RecordReactionRequest { recommendation: "recommendations/x".into(), ..accept.clone() },
        RecordReactionRequest { reason: DismissReason::NoStock.into(), ..accept.clone() },
        RecordReactionRequest { snooze_until: Some(world.days(1)), ..accept },
        RecordReactionRequest { snooze_until: past, ..reacting(&item, ReactionAction::Snooze) },
        RecordReactionRequest { reason: DismissReason::Other.into(), ..dismiss.clone() },
        dismiss,
    ];
    for request in wrong {
        let request = RecordReactionRequest {
            request_id: if request.request_id.contains(' ') { request.request_id } else { request_id() },
            ..request
        };
        let refused = why(client.record_reaction(request.clone()).await);
        assert_eq!(refused, (Code::InvalidArgument, Reason::FieldInvalid), "{request:?}");
    }
    assert_eq!(taken(world).await, 0);
}
