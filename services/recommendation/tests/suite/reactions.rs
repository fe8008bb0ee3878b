//! What sellers say, obeyed.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use salient_proto::{
    feedback::v1::{ReactionAction, suppression::Scope},
    recommendation::v1::recommendation::State,
};

use crate::world::{World, both, pair};

both!(
    a_dismissed_item_rests_and_may_return,
    an_account_that_rests_is_left_alone,
    a_product_that_rests_is_nowhere,
    an_accepted_item_stays,
    a_snoozed_item_comes_back_as_itself,
    a_completed_item_is_not_asked_again_today,
);

async fn a_dismissed_item_rests_and_may_return(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let items = world.plan("s07").await.recommendations;
    let pairs: BTreeSet<_> = items.iter().map(pair).collect();
    let rest = Some((Scope::AccountProduct, Some(14)));
    for item in &items[..6] {
        world.reacted(item, ReactionAction::Dismiss, rest).await;
    }
    // gone at once, replaced, and the seller is told
    let plan = world.plan("s07").await;
    let gone: BTreeSet<_> = items[..6].iter().map(pair).collect();
    assert!(plan.recommendations.iter().all(|item| !gone.contains(&pair(item))));
    assert_eq!(plan.recommendations.len(), 12);
    for item in &items[..6] {
        assert!(plan.notices.contains(&format!("effect on {}", item.name)), "{:?}", plan.notices);
        assert_eq!(world.recommendation(&item.name).await.state(), State::Dismissed);
    }
    assert_eq!(world.plan("s08").await.notices, Vec::<String>::new());
    for item in &items[6..] {
        world.reacted(item, ReactionAction::Dismiss, rest).await;
    }
    // nor do they come before their time
    for _ in 0..2 {
        world.clock.advance(TimeDelta::days(6));
        world.run("acme").await;
        let plan = world.plan("s07").await;
        assert!(plan.recommendations.iter().all(|item| !pairs.contains(&pair(item))));
        assert_eq!(plan.notices, Vec::<String>::new());
    }
    // afterwards they may
    world.clock.advance(TimeDelta::days(2));
    world.run("acme").await;
    let plan = world.plan("s07").await;
    let back: Vec<_> = plan.recommendations.iter().filter(|item| pairs.contains(&pair(item))).collect();
    assert!(!back.is_empty());
    let old: BTreeSet<_> = items.iter().map(|item| item.name.as_str()).collect();
    assert!(back.iter().all(|item| !old.contains(item.name.as_str())));
}

async fn an_account_that_rests_is_left_alone(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let item = world.plan("s07").await.recommendations.remove(0);
    world.reacted(&item, ReactionAction::Dismiss, Some((Scope::Account, None))).await;
    for _ in 0..2 {
        let plan = world.plan("s07").await;
        assert!(plan.recommendations.iter().all(|other| other.account != item.account));
        world.clock.advance(TimeDelta::days(300));
    }
}

async fn a_product_that_rests_is_nowhere(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let item = world.plan("s07").await.recommendations.remove(0);
    world.reacted(&item, ReactionAction::Dismiss, Some((Scope::Product, Some(14)))).await;
    for seller in ["s07", "s08"] {
        let plan = world.plan(seller).await;
        assert!(plan.recommendations.iter().all(|other| other.product != item.product), "{seller}");
    }
}

async fn an_accepted_item_stays(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let items = world.plan("s07").await.recommendations;
    let item = items.last().unwrap();
    world.reacted(item, ReactionAction::Accept, None).await;
    world.reacted(&items[0], ReactionAction::Dismiss, Some((Scope::AccountProduct, Some(14)))).await;
    let stays = async || {
        let plan = world.plan("s07").await.recommendations;
        let found: Vec<_> = plan.iter().filter(|other| other.account == item.account).collect();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].state()), (item.name.as_str(), State::Accepted));
        assert_eq!(found[0].attribution_token, item.attribution_token);
        // what was taken on stands first, and the places have no gap
        let ranks: Vec<_> = plan.iter().map(|other| other.rank).collect();
        assert_eq!((found[0].rank, ranks), (1, (1..=12).collect()));
    };
    stays().await;
    world.run("acme").await;
    stays().await;
    // it does not expire, and the account is not asked for something else meanwhile
    world.clock.advance(TimeDelta::days(8));
    world.expire().await;
    assert_eq!(world.recommendation(&item.name).await.state(), State::Accepted);
    world.run("acme").await;
    let plan = world.plan("s07").await.recommendations;
    assert!(plan.iter().all(|other| other.account != item.account || other.name == item.name));
}

async fn a_snoozed_item_comes_back_as_itself(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let items = world.plan("s07").await.recommendations;
    for item in &items {
        world.reacted(item, ReactionAction::Snooze, Some((Scope::AccountProduct, Some(7)))).await;
    }
    let pairs: BTreeSet<_> = items.iter().map(pair).collect();
    let plan = world.plan("s07").await.recommendations;
    assert!(plan.iter().all(|item| !pairs.contains(&pair(item))));
    world.clock.advance(TimeDelta::days(8));
    world.run("acme").await;
    let plan = world.plan("s07").await.recommendations;
    let names: BTreeSet<_> = items.iter().map(|item| (&item.name, &item.attribution_token)).collect();
    let back: Vec<_> = plan
        .iter()
        .filter(|item| items.iter().any(|old| pair(old) == pair(item) && old.play == item.play))
        .collect();
    assert!(!back.is_empty());
    for item in back {
        assert!(names.contains(&(&item.name, &item.attribution_token)));
        assert_eq!(item.state(), State::Issued);
        // with time to act on it
        assert!(item.expire_time.unwrap().seconds > world.clock.now().timestamp());
        world.reacted(item, ReactionAction::Accept, None).await;
        assert_eq!(world.recommendation(&item.name).await.state(), State::Accepted);
    }
}

async fn a_completed_item_is_not_asked_again_today(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    let item = world.plan("s07").await.recommendations.remove(0);
    world.reacted(&item, ReactionAction::Complete, None).await;
    let plan = world.plan("s07").await.recommendations;
    assert!(plan.iter().all(|other| other.account != item.account));
    assert_eq!(world.recommendation(&item.name).await.state(), State::Completed);
    // nothing more changes it
    world.reacted(&item, ReactionAction::Accept, None).await;
    assert_eq!(world.recommendation(&item.name).await.state(), State::Completed);
}
