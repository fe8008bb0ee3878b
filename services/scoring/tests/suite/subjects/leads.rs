//! Models about leads.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use salient_core::{InteractionId, Reason};
use salient_proto::{
    profile::v1::{AccountsChanged, Interaction, InteractionsRecorded, Order, interaction, order},
    scoring::v1::{ModelDeclaration, model_declaration::Subject},
};
use tonic::Code;

use super::{DAYS, are_given_again};
use crate::{
    company::{Dice, NAME, wins},
    history::sale,
    world::{World, both, timestamp, why},
};

both!(leads_are_asked_about_until_they_order);

/// Accounts that are called and, some day, order for the first time.
async fn called_and_ordering(world: &World) -> (Vec<Order>, Vec<Interaction>) {
    let history = world.history();
    let mut dice = Dice(0x5eed_0a0a);
    let (mut orders, mut calls) = (Vec::new(), Vec::new());
    for account in &history.accounts {
        let keen = dice.chance(0.5);
        let mut has_ordered = false;
        // new ones come at any time
        let mut begins = DAYS;
        while begins > 10 && !dice.chance(0.005) {
            begins -= 1;
        }
        for back in (1..=begins).rev() {
            let at = world.today() - TimeDelta::days(back) + TimeDelta::hours(9);
            if dice.chance(if keen { 0.3 } else { 0.05 }) {
                calls.push(Interaction {
                    name: InteractionId::new(&world.clock).name(),
                    account: account.name.clone(),
                    kind: interaction::Kind::Call.into(),
                    occur_time: Some(timestamp(at)),
                    quantity: 1.0,
                    ..Interaction::default()
                });
            }
            let chance = match (has_ordered, keen) {
                (true, _) => 0.1,
                (false, true) => 0.02,
                (false, false) => 0.002,
            };
            if dice.chance(chance) {
                has_ordered = true;
                orders.push(sale(&world.clock, &account.name, orders.len(), at, "p1", 1, 100));
            }
        }
    }
    world.hear("acme", &AccountsChanged { accounts: history.accounts.clone() }).await;
    for some in calls.chunks(500) {
        world.hear("acme", &InteractionsRecorded { interactions: some.to_vec() }).await;
    }
    world.ordered("acme", &orders).await;
    (orders, calls)
}

async fn leads_are_asked_about_until_they_order(world: &World) {
    let (orders, calls) = called_and_ordering(world).await;
    let declared = ModelDeclaration {
        subject: Subject::Lead.into(),
        display_name: "Becomes a customer".into(),
        population: "calls_365d > 0.0".into(),
        target: "orders_30d > 0.0".into(),
        outcome: "ordered for the first time".into(),
        ..wins()
    };
    world.declare(declared).await.unwrap();
    let run = world.declared_run_today("acme").await;
    assert_eq!((&run.model, run.doubts.as_slice()), (&run.trained_model, [].as_slice()));
    let model = world.model(&run.model).await;
    let leads_at = |at: DateTime<Utc>| {
        let before = |time: &Option<prost_types::Timestamp>| time.unwrap().seconds < at.timestamp();
        let called: BTreeSet<&str> =
            calls.iter().filter(|call| before(&call.occur_time)).map(|call| call.account.as_str()).collect();
        let bought: BTreeSet<&str> =
            orders.iter().filter(|of| before(&of.order_time)).map(|of| of.account.as_str()).collect();
        called.difference(&bought).copied().collect::<BTreeSet<&str>>()
    };
    let examples: usize =
        (1..=5).map(|back| leads_at(world.today() - TimeDelta::days(30 * back)).len()).sum();
    assert_eq!(model.train_examples as usize, examples);
    let scores = world.declared_scores("acme").await;
    let asked: BTreeSet<&str> = scores.iter().map(|score| score.subject.as_str()).collect();
    assert_eq!(asked, leads_at(world.today()));
    are_given_again(world, &scores, run.as_of).await;
    let first = world.said_of(&scores[0].subject, NAME).await.unwrap();
    assert!(first.reasons.iter().any(|reason| reason.text.contains(" of leads with ")), "{first:?}");

    // the first order makes a customer of a lead; who returns something was one before
    let at = world.today() - TimeDelta::hours(1);
    let bought = sale(&world.clock, &scores[0].subject, orders.len(), at, "p1", 1, 100);
    let back = sale(&world.clock, &scores[1].subject, orders.len() + 1, at, "p1", 1, 100);
    world.ordered("acme", &[bought, Order { kind: order::Kind::Return.into(), ..back }]).await;
    world.declared_run_today("acme").await;
    for gone in &scores[..2] {
        assert_eq!(why(world.said_of(&gone.subject, NAME).await), (Code::NotFound, Reason::ResourceUnknown));
    }
    assert_eq!(world.declared_scores("acme").await.len(), scores.len() - 2);
}
