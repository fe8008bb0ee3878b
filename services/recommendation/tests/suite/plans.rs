//! A day planned for every seller.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use salient_proto::{
    profile::v1::{Contact, ContactsChanged, OrderLine},
    recommendation::v1::{
        Channel, EvaluatePlansRequest, Product, Recommendation, UpsertProductsRequest, recommendation::State,
    },
};

use crate::{
    company::{BLOCKED, UNLISTED, key},
    world::{World, both, pair, request_id, timestamp},
};

both!(
    a_day_for_every_seller,
    a_plan_on_demand,
    an_order_and_a_blocked_product_overtake_a_plan,
    many_readers_of_an_overtaken_plan,
    a_past_day_is_planned_as_it_began,
);

async fn a_day_for_every_seller(world: &World) {
    let company = world.company("acme").await;
    let contact = |number: usize, id: &str, phone: &str, email: &str| Contact {
        name: salient_core::ContactId::new(&world.clock).name(),
        source_key: key(id.into()),
        account: company.accounts[number].name.clone(),
        display_name: format!("Contact {id}"),
        phone: phone.into(),
        email: email.into(),
        ..Contact::default()
    };
    let mut contacts: Vec<Contact> =
        (0..company.accounts.len()).map(|number| contact(number, "2", "+44", "")).collect();
    contacts.extend((0..company.accounts.len()).map(|number| contact(number, "1", "", "a@example.org")));
    world.hear("acme", "profile", &ContactsChanged { contacts }).await;
    let run = world.run("acme").await;
    assert_eq!((run.date.as_str(), run.sellers, run.recommendations), ("2011-06-01", 2, 12 + 10));

    let territories = company.territories();
    let mut all: Vec<Recommendation> = Vec::new();
    for (seller, own, capacity) in [("s07", &["t0"][..], 12), ("s08", &["t1", "t2"], 10)] {
        let plan = world.plan(seller).await;
        assert_eq!(plan.name, format!("sellers/{seller}/plans/2011-06-01"));
        assert_eq!((plan.seller_display_name, plan.policy), (format!("Seller {seller}"), run.policy.clone()));
        assert_eq!(plan.book_size as usize, 60 * own.len());
        assert!(plan.eligible_accounts >= capacity && plan.eligible_accounts <= plan.book_size);
        assert_eq!(plan.recommendations.len(), capacity as usize);
        assert_eq!(plan.notices, Vec::<String>::new());
        let accounts: BTreeSet<&str> =
            plan.recommendations.iter().map(|item| item.account.as_str()).collect();
        assert_eq!(accounts.len(), plan.recommendations.len());
        assert!(accounts.iter().all(|account| own.contains(&territories[account])));
        let ranks: Vec<i32> = plan.recommendations.iter().map(|item| item.rank).collect();
        assert_eq!(ranks, (1..=capacity).collect::<Vec<_>>());
        all.extend(plan.recommendations);
    }
    let mut tokens = BTreeSet::new();
    for item in &all {
        let code = item.product.trim_start_matches("products/");
        assert!(code != BLOCKED && code != UNLISTED);
        assert_eq!(item.product_display_name, format!("Product {code}"));
        assert!(item.probability > 0.0 && item.probability < 1.0);
        let (amount, value) = (item.amount.as_ref().unwrap(), item.expected_value.as_ref().unwrap());
        assert_eq!((amount.currency_code.as_str(), value.currency_code.as_str()), ("GBP", "GBP"));
        assert!((value.minor_units - item.probability * amount.minor_units).abs() < 1e-6);
        assert_eq!((item.state(), item.propensity, &item.policy), (State::Issued, 1.0, &run.policy));
        assert_eq!(item.issue_time, Some(timestamp(world.clock.now())));
        assert_eq!(item.expire_time, Some(timestamp(world.today() + TimeDelta::days(7))));
        // the first contact by key
        assert_eq!((item.contact_display_name.as_str(), item.channel()), ("Contact 1", Channel::Email));
        assert!(!item.why.is_empty() && !item.action.is_empty());
        assert_eq!(*item, world.recommendation(&item.name).await);
        let before = company.orders_of(&item.account, world.today() - TimeDelta::days(400), world.today());
        let bought = before.iter().flat_map(|order| &order.lines).any(|line| line.product == item.product);
        assert_eq!(item.new_to_account, !bought);
        tokens.insert(&item.attribution_token);
    }
    assert_eq!(tokens.len(), all.len());

    // the others hear of the same
    let mut heard =
        world.heard(|heard| (heard.issued.len() >= all.len()).then(|| heard.issued.clone())).await;
    heard.sort_by(|a, b| a.name.cmp(&b.name));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(heard, all);

    // the same day again: the same list under the same names, and nothing new to tell
    assert_eq!(world.run("acme").await.recommendations, 0);
    let again = world.plan("s07").await.recommendations;
    let known: BTreeMap<&str, &Recommendation> = all.iter().map(|item| (item.name.as_str(), item)).collect();
    assert!(again.iter().all(|item| known[item.name.as_str()] == item));
}

async fn a_plan_on_demand(world: &World) {
    world.company("acme").await;
    let run = world.run("acme").await;
    let before = world.plan("s07").await;
    world.clock.advance(TimeDelta::days(1));
    let plan = world.plan("s07").await;
    assert_eq!((plan.name.as_str(), &plan.policy), ("sellers/s07/plans/2011-06-02", &run.policy));
    assert_eq!(plan.recommendations.len(), 12);
    // read again, it is the same
    assert_eq!(world.plan("s07").await, plan);
    assert_ne!(plan.plan_time, before.plan_time);
}

async fn an_order_and_a_blocked_product_overtake_a_plan(world: &World) {
    let company = world.company("acme").await;
    world.run("acme").await;
    let plan = world.plan("s07").await;
    let (bought, blocked) = (&plan.recommendations[0], &plan.recommendations[1]);
    let mut order = company.orders[0].clone();
    order.name = salient_core::OrderId::new(&world.clock).name();
    order.account = bought.account.clone();
    order.order_time = Some(timestamp(world.clock.now()));
    order.lines = vec![OrderLine { product: bought.product.clone(), quantity: 1, amount_minor_units: 100 }];
    world.ordered("acme", vec![order]).await;
    let after = world.plan("s07").await.recommendations;
    assert!(after.iter().all(|item| pair(item) != pair(bought)));
    assert_eq!(after.len(), 12);

    let product = Product { name: blocked.product.clone(), blocked: true, ..Product::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["blocked".into()] });
    let request = UpsertProductsRequest { request_id: request_id(), products: vec![product], update_mask };
    world.catalogue("acme").upsert_products(request).await.unwrap();
    let after = world.plan("s07").await.recommendations;
    assert!(after.iter().all(|item| item.product != blocked.product));
    // what no longer stands is withdrawn, and the others hear of it
    for gone in [bought, blocked] {
        assert_eq!(world.recommendation(&gone.name).await.state(), State::Expired);
        world.heard(|heard| heard.expired.contains(&gone.name).then_some(())).await;
    }
}

async fn many_readers_of_an_overtaken_plan(world: &World) {
    world.company("acme").await;
    world.run("acme").await;
    world.clock.advance(TimeDelta::days(10));
    let (a, b, c, d) =
        tokio::join!(world.plan("s07"), world.plan("s07"), world.plan("s07"), world.plan("s07"));
    let names = |plan: &salient_proto::recommendation::v1::DailyPlan| -> Vec<String> {
        plan.recommendations.iter().map(|item| item.name.clone()).collect()
    };
    for plan in [&b, &c, &d] {
        assert_eq!(names(plan), names(&a));
    }
    assert_eq!(a.recommendations.len(), 12);
}

async fn a_past_day_is_planned_as_it_began(world: &World) {
    world.company("acme").await;
    let day = world.today().date_naive().to_string();
    world.clock.advance(TimeDelta::days(35));
    let run = world.run_to_the_end("acme", day.clone()).await;
    assert_eq!(run.recommendations, 22);
    let late = world.operator().evaluate_plans(EvaluatePlansRequest { date: day, horizon_days: 0 }).await;
    let kept = late.unwrap().into_inner().lists[0].kept.unwrap();
    // knowing what was bought since, it would keep off the list all that came true
    assert!(kept.count > 0, "{kept:?}");
}
