//! A wrong merge, and its undo through the gateway: every service shows the old state.

use salient_proto::{
    feedback::v1::{ListReactionsRequest, Reaction, ReactionAction},
    profile::v1::ListTimelineRequest,
    scoring::v1::{GetScoreRequest, Score},
};
use serde_json::json;

use crate::world::{Engine, Line, Wire, World, fresh_id};

/// What each service shows of two accounts.
#[derive(Debug, PartialEq)]
struct Picture {
    lists: Vec<Line>,
    timelines: [usize; 2],
    scores: [Score; 2],
    reactions: Vec<Reaction>,
}

async fn picture(world: &World, accounts: [&str; 2]) -> Picture {
    let score = async |account: &str| {
        let request = GetScoreRequest {
            name: format!("{account}/score"),
            as_of: None,
            model_declaration: String::new(),
        };
        let mut client = world.clients.scoring.clone();
        client.get_score(request).await.unwrap().into_inner().score.unwrap()
    };
    let timeline = async |account: &str| {
        let request = ListTimelineRequest { parent: account.into(), page_size: 1_000, ..Default::default() };
        let mut client = world.clients.profile.clone();
        client.list_timeline(request).await.unwrap().into_inner().entries.len()
    };
    let reactions =
        world.clients.feedback.clone().list_reactions(ListReactionsRequest::default()).await.unwrap();
    Picture {
        lists: world.lists().await,
        timelines: [timeline(accounts[0]).await, timeline(accounts[1]).await],
        scores: [score(accounts[0]).await, score(accounts[1]).await],
        reactions: reactions.into_inner().reactions,
    }
}

async fn a_wrong_merge_is_undone(engine: Engine, wire: Wire) {
    let world = World::start(engine, wire).await;
    world.import().await;
    world.score_and_plan().await;
    let sellers = world.sellers().await;
    let one = world.plan(&sellers[0]).await.recommendations.remove(0);
    let other = world.plan(&sellers[1]).await.recommendations.remove(0);
    world.react(&one, ReactionAction::Accept, None).await;
    world.settle().await;
    let accounts = [one.account.as_str(), other.account.as_str()];
    let before = picture(&world, accounts).await;

    let body = json!({ "requestId": fresh_id(), "one": one.account, "other": other.account });
    let (status, answer) = world.rest("POST", "/v1/merges", Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
    let merge = answer["merge"]["name"].as_str().unwrap().to_owned();
    world.settle().await;
    let merged = picture(&world, accounts).await;
    // one customer: one timeline, one score, and nobody is sent there for what the other was to be
    // offered, because the first was taken on
    assert_eq!(merged.timelines[0], merged.timelines[1]);
    assert!(merged.timelines[0] > before.timelines[0].max(before.timelines[1]));
    assert_eq!(merged.scores[0], merged.scores[1]);
    let gone = |line: &Line| line.account == other.account_display_name && line.seller == sellers[1];
    assert!(before.lists.iter().any(gone) && !merged.lists.iter().any(gone), "{:?}", merged.lists);

    let undo = json!({ "requestId": fresh_id() });
    let (status, answer) = world.rest("POST", &format!("/v1/{merge}:undo"), Some(&undo)).await;
    assert_eq!(status, 200, "{answer}");
    world.settle().await;
    let after = picture(&world, accounts).await;
    world.end().await;
    crate::same_lines("after the undo", &after.lists, &before.lists);
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_merge_is_undone_on_sqlite() {
    a_wrong_merge_is_undone(Engine::Sqlite, Wire::InProcess).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_merge_is_undone_on_postgres_and_redis() {
    a_wrong_merge_is_undone(Engine::Postgres, Wire::Redis).await;
}
