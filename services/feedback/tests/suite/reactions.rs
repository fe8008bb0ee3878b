//! What a reaction does, and who hears of it.

use salient_core::Reason;
use salient_proto::{
    feedback::v1::{
        DismissReason, ListReactionsRequest, ReactionAction, RecordReactionRequest, Suppression,
        suppression::Scope,
    },
    recommendation::v1::Recommendation,
};
use tonic::Code;

use crate::world::{World, both, react, reacting, why};

both!(each_reason_acts_differently, accept_complete_and_snooze, a_list_of_reactions);

fn dismissing(item: &Recommendation, reason: DismissReason, comment: &str) -> RecordReactionRequest {
    RecordReactionRequest {
        reason: reason.into(),
        comment: comment.into(),
        ..reacting(item, ReactionAction::Dismiss)
    }
}

async fn each_reason_acts_differently(world: &World) {
    let table = [
        (DismissReason::WrongPerson, Scope::AccountProduct, Some(30)),
        (DismissReason::BadTiming, Scope::AccountProduct, Some(14)),
        (DismissReason::AlreadyDone, Scope::AccountProduct, Some(30)),
        (DismissReason::NotRelevant, Scope::AccountProduct, Some(180)),
        (DismissReason::CustomerIssue, Scope::Account, Some(14)),
        (DismissReason::NoStock, Scope::Product, Some(14)),
        (DismissReason::DoNotContact, Scope::Account, None),
        (DismissReason::Other, Scope::AccountProduct, Some(30)),
    ];
    let mut client = world.seller("s07");
    let mut told = Vec::new();
    for (reason, scope, days) in table {
        let item = world.issue("s07", "bag").await;
        let request = dismissing(&item, reason, "in my words");
        let reaction = client.record_reaction(request).await.unwrap().into_inner().reaction.unwrap();
        let until_time = days.map(|days| world.days(days));
        assert_eq!(reaction.suppression, Some(Suppression { scope: scope.into(), until_time }), "{reason:?}");
        assert_eq!((reaction.reason(), reaction.action()), (reason, ReactionAction::Dismiss));
        assert_eq!((&reaction.account, &reaction.product), (&item.account, &item.product));
        assert_eq!((&reaction.seller, reaction.comment.as_str()), (&item.seller, "in my words"));
        assert_eq!(reaction.react_time, Some(world.days(0)));
        assert!(!reaction.effect.is_empty());
        told.push(reaction);
    }
    // the others hear exactly what the sellers were told; the order holds for each account only
    let mut heard = world.reactions_heard("acme", told.len()).await;
    heard.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(heard, told);
}

async fn accept_complete_and_snooze(world: &World) {
    let mut client = world.seller("s07");
    let item = world.issue("s07", "bag").await;
    assert_eq!(react(&mut client, &item, ReactionAction::Accept).await.suppression, None);
    // what was accepted may still be put off, and then done; done is done
    let rest =
        |days| Some(Suppression { scope: Scope::AccountProduct.into(), until_time: Some(world.days(days)) });
    let snoozed = react(&mut client, &item, ReactionAction::Snooze).await;
    assert_eq!(snoozed.suppression, rest(7));
    assert!(snoozed.effect.contains("2011-06-08"), "{}", snoozed.effect);
    let request = RecordReactionRequest {
        snooze_until: Some(world.days(3)),
        ..reacting(&item, ReactionAction::Snooze)
    };
    let snoozed = client.record_reaction(request).await.unwrap().into_inner().reaction.unwrap();
    assert_eq!(snoozed.suppression, rest(3));
    assert_eq!(react(&mut client, &item, ReactionAction::Complete).await.suppression, None);
    let closed = (Code::FailedPrecondition, Reason::RecommendationClosed);
    assert_eq!(why(client.record_reaction(reacting(&item, ReactionAction::Accept)).await), closed);
    assert_eq!(world.reactions_heard("acme", 4).await.len(), 4);
}

async fn a_list_of_reactions(world: &World) {
    let mut client = world.manager();
    let mut names = Vec::new();
    for number in 0..5 {
        let item = world.issue("s07", &format!("p{number}")).await;
        names.push(react(&mut world.seller("s07"), &item, ReactionAction::Accept).await.name);
        world.clock.advance(chrono::TimeDelta::minutes(1));
    }
    let dismissed = world.issue("s08", "bag").await;
    let request = dismissing(&dismissed, DismissReason::NoStock, "");
    names.push(client.record_reaction(request).await.unwrap().into_inner().reaction.unwrap().name);
    names.reverse();

    // newest first, in pages
    let mut seen = Vec::new();
    let mut request = ListReactionsRequest { page_size: 4, ..Default::default() };
    loop {
        let page = client.list_reactions(request.clone()).await.unwrap().into_inner();
        seen.push(page.reactions.into_iter().map(|reaction| reaction.name).collect::<Vec<_>>());
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, [&names[..4], &names[4..]]);

    // a token belongs to its query
    let wandering = ListReactionsRequest { filter: "action = accept".into(), ..request.clone() };
    assert_eq!(
        why(client.list_reactions(wandering).await),
        (Code::InvalidArgument, Reason::PageTokenInvalid)
    );
    assert_eq!(
        why(world.seller("s07").list_reactions(request).await),
        (Code::InvalidArgument, Reason::PageTokenInvalid)
    );

    let mut count = async |filter: String| {
        let request = ListReactionsRequest { filter, ..Default::default() };
        client.list_reactions(request).await.map(|page| page.into_inner().reactions.len())
    };
    assert_eq!(count("action = accept".into()).await.unwrap(), 5);
    assert_eq!(count("reason = no_stock AND seller = \"sellers/s08\"".into()).await.unwrap(), 1);
    assert_eq!(count(format!("account = \"{}\"", dismissed.account)).await.unwrap(), 1);
    assert_eq!(count(format!("recommendation = \"{}\"", dismissed.name)).await.unwrap(), 1);
    assert_eq!(count("react_time >= \"2011-06-01T12:03:00Z\"".into()).await.unwrap(), 3);
    assert_eq!(why(count("comment = x".into()).await), (Code::InvalidArgument, Reason::FilterInvalid));
}
