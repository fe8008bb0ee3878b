//! The way of a list over all services: import → score → plan → react → outcome → next plan,
//! over real gRPC, on both engines and both buses. All of them must come to the same lists.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod merges;
mod models;
mod problem;
mod subjects;
mod three_sources;
mod world;

use chrono::{Days, TimeDelta};
use salient::runs;
use salient_proto::{
    common::v1::SourceKey,
    feedback::v1::{DismissReason, GetConversionFunnelRequest, ReactionAction, outcome},
    profile::v1::{Order, OrderLine, UpsertOrdersRequest},
    recommendation::v1::Recommendation,
};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::world::{Engine, Line, Wire, World, fresh_id, timestamp};

/// What a journey came to; the same wherever it was made.
#[derive(Debug)]
struct Story {
    /// Every list of the first day.
    first: Vec<Line>,
    /// Every list of the first day after the reactions.
    after_reactions: Vec<Line>,
    /// Every list of the next day.
    next: Vec<Line>,
}

/// The journey on SQLite and the in-process bus, which the others are held against.
async fn reference() -> &'static Story {
    static REFERENCE: OnceCell<Story> = OnceCell::const_new();
    REFERENCE
        .get_or_init(|| async {
            let world = World::start(Engine::Sqlite, Wire::InProcess).await;
            let story = journey(&world).await;
            world.end().await;
            story
        })
        .await
}

async fn comes_to_the_same(engine: Engine, wire: Wire) {
    let world = World::start(engine, wire).await;
    let story = journey(&world).await;
    world.end().await;
    let reference = reference().await;
    same_lines("first", &story.first, &reference.first);
    same_lines("after the reactions", &story.after_reactions, &reference.after_reactions);
    same_lines("next", &story.next, &reference.next);
}

/// Tells the first line that differs: whole lists are hard to read.
fn same_lines(when: &str, found: &[Line], expected: &[Line]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected, "{when}");
    }
    assert_eq!(found.len(), expected.len(), "{when}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_in_process() {
    let story = reference().await;
    assert!(story.first.len() >= 30, "{} lines", story.first.len());
    assert_ne!(story.first, story.next);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_redis() {
    comes_to_the_same(Engine::Sqlite, Wire::Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_and_in_process() {
    comes_to_the_same(Engine::Postgres, Wire::InProcess).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_and_redis() {
    comes_to_the_same(Engine::Postgres, Wire::Redis).await;
}

/// Rows dated at the planned morning's midnight and later stand in every store, and every one of
/// them would turn a list upside down; the lists are those of the company without them.
#[tokio::test(flavor = "multi_thread")]
async fn no_list_knows_a_later_row() {
    let world = World::start(Engine::Sqlite, Wire::InProcess).await;
    world.import().await;
    let products = world.products().await;
    let accounts = world.accounts().await;
    for (number, account) in accounts.iter().enumerate() {
        let at = world.today() + TimeDelta::days(1 + number as i64 % 5);
        let product = &products[number % products.len()];
        world.order(account, product, 100_000, at, "").await;
    }
    world.settle().await;
    world.score_and_plan().await;
    assert_eq!(world.lists().await, reference().await.first);
    // planted where they are allowed to count, the same rows do count
    for account in &accounts {
        world.order(account, &products[0], 100_000, world.today() - TimeDelta::days(2), "").await;
    }
    world.settle().await;
    world.forward_to_tomorrow();
    world.score_and_plan().await;
    let known = world.lists().await;
    world.end().await;
    assert_ne!(known, reference().await.next);
}

async fn journey(world: &World) -> Story {
    world.import().await;
    world.score_and_plan().await;
    let first = world.lists().await;
    let seller = world.busiest().await;
    let plan = world.plan(&seller).await;
    let [dismissed, accepted, snoozed] = [0, 1, 2].map(|place| plan.recommendations[place].clone());

    dismiss_over_rest(world, &dismissed).await;
    let answer = world.react(&accepted, ReactionAction::Accept, None).await;
    assert!(!answer.effect.is_empty());
    world.react(&snoozed, ReactionAction::Snooze, Some(world.today() + TimeDelta::days(3))).await;
    world.settle().await;

    let plan = world.plan(&seller).await;
    let shown = |item: &Recommendation| plan.recommendations.iter().any(|other| other.name == item.name);
    assert!(!shown(&dismissed) && !shown(&snoozed));
    // the seller is told what became of it
    let told = plan.notices.iter().any(|notice| notice.contains(&dismissed.product_display_name));
    assert!(told, "{:?}", plan.notices);
    let after_reactions = world.lists().await;

    // an hour later the customer orders what was recommended; to the second, so that every journey
    // learns from the same history
    assert!(world.suite.clock.set(world.today() + TimeDelta::hours(10)));
    let at = world.today() + TimeDelta::hours(9);
    world.order(&accepted.account, &accepted.product, 3, at, &accepted.attribution_token).await;
    world.settle().await;
    let outcomes = world.outcomes(1).await;
    let found: Vec<_> =
        outcomes.iter().map(|outcome| (&outcome.recommendation, outcome.kind(), outcome.join())).collect();
    assert_eq!(found, [(&accepted.name, outcome::Kind::Order, outcome::Join::Token)]);
    let funnel =
        world.clients.feedback.clone().get_conversion_funnel(GetConversionFunnelRequest::default()).await;
    let funnel = funnel.unwrap().into_inner();
    assert_eq!(funnel.issued, first.len() as i64 + replacements(&first, &after_reactions));

    world.forward_to_tomorrow();
    world.score_and_plan().await;
    let next = world.lists().await;
    for gone in [&dismissed, &accepted, &snoozed] {
        let same = |line: &Line| line.account == gone.account_display_name && line.product == gone.product;
        assert!(!next.iter().any(same), "{} is offered again: {next:?}", gone.action);
    }
    Story { first, after_reactions, next }
}

/// Items of the second list that the first did not have.
fn replacements(first: &[Line], second: &[Line]) -> i64 {
    let key = |line: &Line| (line.account.clone(), line.product.clone());
    let old: std::collections::HashSet<_> = first.iter().map(key).collect();
    second.iter().filter(|line| !old.contains(&key(line))).count() as i64
}

async fn dismiss_over_rest(world: &World, item: &Recommendation) {
    let body = json!({
        "requestId": fresh_id(),
        "attributionToken": item.attribution_token,
        "action": ReactionAction::Dismiss.as_str_name(),
        "reason": DismissReason::NotRelevant.as_str_name(),
    });
    let path = format!("/v1/{}:react", item.name);
    let (status, answer) = world.rest("POST", &path, Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["reaction"]["recommendation"], item.name.as_str());
    // the same request again is the same reaction; with another body it is refused
    let (status, again) = world.rest("POST", &path, Some(&body)).await;
    assert_eq!((status, &again["reaction"]["name"]), (200, &answer["reaction"]["name"]));
    let mut other = body;
    other["action"] = json!(ReactionAction::Accept.as_str_name());
    other["reason"] = json!(DismissReason::Unspecified.as_str_name());
    let (status, problem) = world.rest("POST", &path, Some(&other)).await;
    assert_eq!(status, 409, "{problem}");
}

impl World {
    /// A purchase of one product.
    async fn order(
        &self,
        account: &str,
        product: &str,
        quantity: i64,
        at: chrono::DateTime<chrono::Utc>,
        token: &str,
    ) {
        let lines = vec![OrderLine { product: product.into(), quantity, amount_minor_units: quantity * 500 }];
        let order = Order {
            source_key: Some(SourceKey { source: "journey".into(), id: format!("{account} {at}") }),
            account: account.into(),
            order_time: Some(timestamp(at)),
            currency_code: "EUR".into(),
            lines,
            attribution_token: token.into(),
            ..Order::default()
        };
        let request =
            UpsertOrdersRequest { request_id: fresh_id(), orders: vec![order], ..Default::default() };
        let answer = self.clients.profile.clone().upsert_orders(request).await.unwrap().into_inner();
        let result = answer.result.unwrap();
        assert_eq!(result.created, 1, "{result:?}");
    }

    /// Scores every account and plans the clock's day, each as of its first moment.
    async fn score_and_plan(&self) {
        let step = world::silent();
        runs::score(&self.clients, fresh_id(), Some(timestamp(self.today())), &step).await.unwrap();
        self.settle().await;
        let day = self.today().date_naive().to_string();
        runs::plan(&self.clients, fresh_id(), day, &step).await.unwrap();
        self.settle().await;
    }

    fn forward_to_tomorrow(&self) {
        let tomorrow = self.today() + Days::new(1) + TimeDelta::hours(8);
        assert!(self.suite.clock.set(tomorrow));
    }
}
