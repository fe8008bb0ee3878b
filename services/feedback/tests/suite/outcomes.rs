//! What came of recommendations.

use chrono::TimeDelta;
use salient_core::{AccountId, OrderId, Reason};
use salient_kit::Role;
use salient_proto::{
    common::v1::Money,
    feedback::v1::{
        ListOutcomesRequest, Outcome,
        outcome::{Join, Kind},
    },
    profile::v1::{Opportunity, Order, opportunity, order},
    recommendation::v1::Recommendation,
};
use tonic::Code;

use crate::world::{World, both, why};

both!(
    token_first_subject_second,
    only_what_fits,
    only_what_has_happened,
    opportunities,
    late_news_and_changed_orders,
    a_list_of_outcomes,
    what_came_of_a_merge_goes_with_it,
    what_is_taken_back_late_comes_true_otherwise,
    what_is_taken_back_late_is_open_for_a_week,
    a_further_merge_keeps_what_came_of_the_first,
);

/// What is looked at: recommendation, what, how, by what, amount.
fn seen(outcome: &Outcome) -> (&str, Kind, Join, &str, Option<i64>) {
    let amount = outcome.amount.as_ref().map(|amount| amount.minor_units);
    (&outcome.recommendation, outcome.kind(), outcome.join(), &outcome.subject, amount)
}

async fn token_first_subject_second(world: &World) {
    let (by_token, by_subject) = (world.issue("s07", "bag").await, world.issue("s08", "bag").await);
    let earlier = world.order(&by_token, &["bag"], 1);
    let named = Order {
        attribution_token: by_token.attribution_token.clone(),
        ..world.order(&by_token, &["bag", "cup"], 2)
    };
    let plain = world.order(&by_subject, &["cup", "bag", "bag"], 3);
    let again = world.order(&by_subject, &["bag"], 3);
    world.ordered("acme", &[&earlier, &named, &plain, &again]).await;
    world.clock.advance(TimeDelta::days(4));

    let found = world.outcomes("acme").await;
    let expected = [
        (by_token.name.as_str(), Kind::Order, Join::Token, named.name.as_str(), Some(1_000)),
        (by_subject.name.as_str(), Kind::Order, Join::Subject, plain.name.as_str(), Some(2_000)),
    ];
    assert_eq!(found.iter().map(seen).collect::<Vec<_>>(), expected);
    assert_eq!((&found[0].seller, &found[0].account), (&by_token.seller, &by_token.account));
    assert_eq!(found[0].outcome_time, named.order_time);
    assert_eq!(found[1].amount, Some(Money { currency_code: "GBP".into(), minor_units: 2_000 }));
    // matched once, told once
    assert_eq!(world.outcomes("acme").await, found);
    let mut heard = world.outcomes_heard("acme", 2).await;
    heard.sort_by_key(|outcome| outcome.outcome_time.map(|at| at.seconds));
    assert_eq!(heard, found);
}

async fn what_came_of_a_merge_goes_with_it(world: &World) {
    let (item, other) = (world.issue("s07", "bag").await, world.issue("s08", "cup").await);
    let own = world.order(&other, &["cup"], 1);
    let at_other = Order { account: other.account.clone(), ..world.order(&item, &["bag"], 1) };
    world.ordered("acme", &[&own, &at_other]).await;
    world.clock.advance(TimeDelta::days(2));
    let before = world.outcomes("acme").await;
    assert_eq!(before.iter().map(seen).map(|seen| seen.0).collect::<Vec<_>>(), [other.name.as_str()]);

    world.resolved("acme", &other.account, &item.account).await;
    let merged = world.outcomes("acme").await;
    assert_eq!(merged.len(), 2);
    let gained = merged.iter().find(|outcome| !before.contains(outcome)).unwrap();
    assert_eq!((&gained.recommendation, &gained.subject), (&item.name, &at_other.name));

    world.resolved("acme", &other.account, &other.account).await;
    assert_eq!(world.outcomes("acme").await, before);
    assert_eq!(world.retractions_heard("acme", 1).await, std::slice::from_ref(gained));
    // what it makes true by itself it still makes true
    let late = world.order(&item, &["bag"], 1);
    world.ordered("acme", &[&late]).await;
    world.clock.advance(TimeDelta::days(2));
    assert_eq!(world.outcomes("acme").await.len(), 2);
}

/// So long that a recommendation of before is not matched any more.
const OVER: TimeDelta = TimeDelta::days(38);

/// The subjects of everything matched by now.
async fn subjects(world: &World) -> Vec<String> {
    world.outcomes("acme").await.into_iter().map(|outcome| outcome.subject).collect()
}

/// A recommendation that is not matched any more, the account merged into its account, and the order
/// there that made it come true.
async fn came_of_a_merge(world: &World) -> (Recommendation, String, String) {
    let (item, other) = (world.issue("s07", "bag").await, AccountId::new(&world.clock).name());
    let order = Order { account: other.clone(), ..world.order(&item, &["bag"], 2) };
    world.resolved("acme", &other, &item.account).await;
    world.ordered("acme", &[&order]).await;
    world.clock.advance(OVER);
    assert_eq!(subjects(world).await, std::slice::from_ref(&order.name));
    (item, other, order.name)
}

async fn what_is_taken_back_late_comes_true_otherwise(world: &World) {
    let (item, other, _) = came_of_a_merge(world).await;
    let own = world.order(&item, &["bag"], -33);
    world.ordered("acme", &[&own]).await;
    world.resolved("acme", &other, &other).await;
    assert_eq!(subjects(world).await, [own.name]);
}

async fn what_is_taken_back_late_is_open_for_a_week(world: &World) {
    let (item, other, _) = came_of_a_merge(world).await;
    world.resolved("acme", &other, &other).await;
    assert_eq!(subjects(world).await, Vec::<String>::new());
    world.clock.advance(TimeDelta::days(8));
    assert_eq!(subjects(world).await, Vec::<String>::new());
    world.ordered("acme", &[&world.order(&item, &["bag"], -41)]).await;
    assert_eq!(subjects(world).await, Vec::<String>::new());
}

async fn a_further_merge_keeps_what_came_of_the_first(world: &World) {
    let (item, other, order) = came_of_a_merge(world).await;
    let oldest = AccountId::new(&world.clock).name();
    // each account is told by itself, and what is matched in between does not know of both
    world.resolved("acme", &other, &oldest).await;
    assert_eq!(subjects(world).await, Vec::<String>::new());
    world.resolved("acme", &item.account, &oldest).await;
    assert_eq!(subjects(world).await, std::slice::from_ref(&order));
    // nor does it matter which is told first
    let older = AccountId::new(&world.clock).name();
    for record in [&item.account, &other, &oldest] {
        world.resolved("acme", record, &older).await;
        world.funnel("acme").await;
    }
    assert_eq!(subjects(world).await, [order]);
}

async fn only_what_fits(world: &World) {
    let (item, other) = (world.issue("s07", "bag").await, world.issue("s07", "cup").await);
    let before = world.order(&item, &["bag"], -1);
    let after = world.order(&item, &["bag"], 30);
    let elsewhere = Order { account: other.account.clone(), ..world.order(&item, &["bag"], 1) };
    let something_else = world.order(&item, &["cup"], 1);
    let back = Order { kind: order::Kind::Return.into(), ..world.order(&item, &["bag"], 1) };
    world.ordered("acme", &[&before, &after, &elsewhere, &something_else, &back]).await;
    world.clock.advance(TimeDelta::days(31));
    assert_eq!(world.outcomes("acme").await, []);
}

async fn only_what_has_happened(world: &World) {
    let item = world.issue("s07", "bag").await;
    let order = world.order(&item, &["bag"], 5);
    let deal = Opportunity {
        state: opportunity::State::Won.into(),
        close_time: Some(world.days(6)),
        ..world.opportunity(&item, "bag", 5)
    };
    world.ordered("acme", &[&order]).await;
    world.dealt(&deal).await;
    // a replayed history holds rows of days that have not come yet
    world.clock.advance(TimeDelta::days(5) - TimeDelta::microseconds(1));
    assert_eq!(world.outcomes("acme").await, []);
    world.clock.advance(TimeDelta::microseconds(1));
    let kinds = async || world.outcomes("acme").await.iter().map(Outcome::kind).collect::<Vec<_>>();
    let mut now = kinds().await;
    now.sort_unstable();
    assert_eq!(now, [Kind::OpportunityCreated, Kind::Order]);
    world.clock.advance(TimeDelta::days(1));
    assert_eq!(kinds().await.last(), Some(&Kind::OpportunityWon));
}

async fn opportunities(world: &World) {
    let (won, lost, open) =
        (world.issue("s07", "bag").await, world.issue("s07", "cup").await, world.issue("s07", "hat").await);
    let first = Opportunity {
        amount: Some(Money { currency_code: "GBP".into(), minor_units: 5_000 }),
        ..world.opportunity(&won, "bag", 1)
    };
    let second = Opportunity {
        attribution_token: lost.attribution_token.clone(),
        ..world.opportunity(&lost, "something else", 2)
    };
    let third = world.opportunity(&open, "something else", 3);
    for deal in [&first, &second, &third] {
        world.dealt(deal).await;
    }
    world.clock.advance(TimeDelta::days(4));
    let created = [
        (won.name.as_str(), Kind::OpportunityCreated, Join::Subject, first.name.as_str(), Some(5_000)),
        (lost.name.as_str(), Kind::OpportunityCreated, Join::Token, second.name.as_str(), None),
    ];
    assert_eq!(world.outcomes("acme").await.iter().map(seen).collect::<Vec<_>>(), created);

    // what becomes of them is told when it is known
    let close = |deal: &Opportunity, state: opportunity::State, days| Opportunity {
        state: state.into(),
        close_time: Some(world.days(days)),
        ..deal.clone()
    };
    world.dealt(&close(&first, opportunity::State::Won, 0)).await;
    world.dealt(&close(&second, opportunity::State::Lost, 1)).await;
    world.clock.advance(TimeDelta::days(1));
    let found = world.outcomes("acme").await;
    let closed = [
        (won.name.as_str(), Kind::OpportunityWon, Join::Subject, first.name.as_str(), Some(5_000)),
        (lost.name.as_str(), Kind::OpportunityLost, Join::Token, second.name.as_str(), None),
    ];
    assert_eq!(found[2..].iter().map(seen).collect::<Vec<_>>(), closed);
    assert_eq!(world.outcomes_heard("acme", 4).await.len(), 4);
    let funnel = world.funnel("acme").await;
    assert_eq!((funnel.opportunity.unwrap().count, funnel.won.unwrap().count), (2, 1));
}

async fn late_news_and_changed_orders(world: &World) {
    let (late, changed, never) =
        (world.issue("s07", "bag").await, world.issue("s07", "bag").await, world.issue("s07", "bag").await);
    // an order that turns out to be a return before anything was matched
    let order = world.order(&changed, &["bag"], 1);
    world.ordered("acme", &[&order]).await;
    world.ordered("acme", &[&Order { kind: order::Kind::Return.into(), ..order }]).await;
    // news of the window that comes after it is matched for a week
    let late_order = world.order(&late, &["bag"], 29);
    let too_late = world.order(&never, &["bag"], 29);
    world.clock.advance(TimeDelta::days(36));
    assert_eq!(world.outcomes("acme").await, []);
    world.ordered("acme", &[&late_order]).await;
    assert_eq!(subjects(world).await, std::slice::from_ref(&late_order.name));
    world.clock.advance(TimeDelta::days(2));
    assert_eq!(subjects(world).await.len(), 1);
    world.ordered("acme", &[&too_late]).await;
    assert_eq!(subjects(world).await, [late_order.name]);
}

async fn a_list_of_outcomes(world: &World) {
    let mut names: Vec<String> = Vec::new();
    let mut last = None;
    for day in 1..=5 {
        let item = world.issue(if day == 5 { "s08" } else { "s07" }, "bag").await;
        let order =
            Order { name: OrderId::new(&world.clock).name(), ..world.order(&item, &["bag"], 6 - day) };
        world.ordered("acme", &[&order]).await;
        names.push(item.name.clone());
        last = Some(item);
    }
    world.clock.advance(TimeDelta::days(6));
    assert_eq!(world.outcomes("acme").await.len(), 5);

    let mut client = world.client_of("acme", "crm", Role::Integration);
    let mut seen = Vec::new();
    let mut request = ListOutcomesRequest { page_size: 2, ..Default::default() };
    loop {
        let page = client.list_outcomes(request.clone()).await.unwrap().into_inner();
        seen.extend(page.outcomes.into_iter().map(|outcome| outcome.recommendation));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, names);
    let wandering = ListOutcomesRequest { filter: "kind = order".into(), ..request };
    assert_eq!(why(client.list_outcomes(wandering).await), (Code::InvalidArgument, Reason::PageTokenInvalid));

    let last = last.unwrap();
    for (filter, count) in [
        ("kind = order".to_owned(), 5),
        ("kind = opportunity_won".to_owned(), 0),
        ("seller = \"sellers/s08\"".to_owned(), 1),
        (format!("account = \"{}\"", last.account), 1),
        (format!("recommendation = \"{}\"", last.name), 1),
        ("outcome_time < \"2011-06-04T00:00:00Z\"".to_owned(), 2),
    ] {
        let request = ListOutcomesRequest { filter: filter.clone(), ..Default::default() };
        let found = client.list_outcomes(request).await.unwrap().into_inner().outcomes;
        assert_eq!(found.len(), count, "{filter}");
    }
}
