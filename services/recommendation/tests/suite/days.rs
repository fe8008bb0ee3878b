//! From one day to the next.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use salient_proto::{
    feedback::v1::ReactionAction,
    recommendation::v1::{EvaluatePlansRequest, GetDailyPlanRequest, Recommendation, recommendation::State},
};

use crate::world::{World, both, pair, timestamp};

both!(
    an_equal_one_is_updated_not_doubled,
    what_nobody_answers_expires,
    a_days_list_keeps_its_promises,
    what_was_taken_on_and_not_done_expires,
);

async fn an_equal_one_is_updated_not_doubled(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let first = world.plan("s07").await.recommendations;
    world.clock.advance(TimeDelta::days(1));
    let run = world.run("acme").await;
    let second = world.plan("s07").await.recommendations;

    let before: BTreeMap<_, _> = first.iter().map(|item| ((pair(item), item.play), item)).collect();
    let mut equal = 0;
    for item in &second {
        let Some(old) = before.get(&(pair(item), item.play)) else {
            assert!(first.iter().all(|old| old.name != item.name));
            continue;
        };
        equal += 1;
        // the name, the token, the issue and the deadline stay; the rest is of today
        assert_eq!((&item.name, &item.attribution_token), (&old.name, &old.attribution_token));
        assert_eq!((item.issue_time, item.expire_time), (old.issue_time, old.expire_time));
        assert_eq!(item.policy, run.policy);
    }
    assert!(equal > 0);
    let open = world.recommendations("state = issued").await;
    let keys: BTreeSet<_> = open.iter().map(|item| (pair(item), item.play)).collect();
    assert_eq!(keys.len(), open.len());
    assert_eq!(open.iter().map(|item| &item.name).collect::<BTreeSet<_>>().len(), open.len());
}

async fn what_nobody_answers_expires(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let first = world.plan("s07").await.recommendations;
    world.clock.advance(TimeDelta::days(6) + TimeDelta::hours(15));
    assert_eq!(world.expire().await, 0);
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(world.expire().await, 22);
    for item in &first {
        let found = world.recommendation(&item.name).await;
        assert_eq!((found.state(), found.state_time), (State::Expired, Some(timestamp(world.clock.now()))));
        world.heard(|heard| heard.expired.contains(&item.name).then_some(())).await;
    }
    assert_eq!(world.expire().await, 0);

    // offered once more under another name, then it rests, because nobody answered twice
    world.run("acme").await;
    let second = world.plan("s07").await.recommendations;
    let open_again = world.today();
    assert!(second.iter().all(|item| item.expire_time == Some(timestamp(open_again + TimeDelta::days(7)))));
    let once: BTreeSet<_> = first.iter().map(pair).collect();
    let twice: BTreeSet<_> = second.iter().map(pair).filter(|pair| once.contains(pair)).collect();
    assert!(!twice.is_empty());
    world.clock.advance(TimeDelta::days(7));
    // before it is told, a plan takes nothing up whose time is over
    world.run("acme").await;
    let third = world.plan("s07").await.recommendations;
    assert!(third.iter().all(|item| !twice.contains(&pair(item))));
    assert!(third.iter().all(|item| item.expire_time.unwrap().seconds > world.clock.now().timestamp()));
    assert_eq!(third.len(), 12);
}

/// Next day's plan takes most of a list over and says something else of it; what the first day
/// promised stays as it was said.
async fn a_days_list_keeps_its_promises(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let day = world.today().date_naive().to_string();
    let measured = async || {
        let request = EvaluatePlansRequest { date: day.clone(), horizon_days: 0 };
        world.operator().evaluate_plans(request).await.unwrap().into_inner()
    };
    let before = measured().await;
    let items = world.plan("s07").await.recommendations;
    world.clock.advance(TimeDelta::days(1));
    world.run("acme").await;
    let carried = world.plan("s07").await.recommendations;
    assert!(carried.iter().any(|item| items.iter().any(|old| old.name == item.name)));
    assert_eq!(measured().await, before);
    // and its items can still be read at their places
    let name = format!("sellers/s07/plans/{day}");
    let plan = world.operator().get_daily_plan(GetDailyPlanRequest { name }).await.unwrap().into_inner();
    let placed = |list: &[Recommendation]| -> Vec<_> {
        list.iter().map(|item| (item.rank, item.name.clone())).collect()
    };
    let open: BTreeSet<_> = placed(&items).into_iter().collect();
    let still = placed(&plan.plan.unwrap().recommendations);
    assert!(!still.is_empty() && still.iter().all(|place| open.contains(place)), "{still:?}");
}

async fn what_was_taken_on_and_not_done_expires(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let item = world.plan("s07").await.recommendations.remove(0);
    world.reacted(&item, ReactionAction::Accept, None).await;
    world.clock.advance(TimeDelta::days(29));
    world.expire().await;
    assert_eq!(world.recommendation(&item.name).await.state(), State::Accepted);
    world.clock.advance(TimeDelta::days(1));
    world.expire().await;
    assert_eq!(world.recommendation(&item.name).await.state(), State::Expired);
}
