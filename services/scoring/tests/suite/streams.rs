//! What becomes a feature by itself, counted again from the orders.

use std::collections::HashMap;

use salient_proto::scoring::v1::{ModelDeclaration, model_declaration::Subject};

use crate::{
    company::wins,
    world::{World, both},
};

both!(a_product_is_new_once);

/// A product that is ordered for the first time is an event of its own, at that order and never again.
async fn a_product_is_new_once(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let declared = ModelDeclaration {
        subject: Subject::Account.into(),
        population: "orders_365d > 0.0".into(),
        target: "orders_30d > 0.0".into(),
        outcome: "ordered".into(),
        ..wins()
    };
    world.declare(declared).await.unwrap();
    let run = world.declared_run_today("acme").await;
    assert!(!run.model.is_empty(), "{run:?}");
    let mut first: HashMap<(&str, &str), i64> = HashMap::new();
    for order in &history.orders {
        let at = order.order_time.unwrap().seconds;
        for line in &order.lines {
            let first = first.entry((&order.account, &line.product)).or_insert(at);
            *first = at.min(*first);
        }
    }
    let mut seen = 0;
    for listed in world.declared_scores("acme").await {
        let score = world.declared_score(&listed.account, None).await;
        let value = |name: &str| {
            score.contributions.iter().find(|of| of.feature == name).and_then(|of| of.value).unwrap()
        };
        for (name, days) in [("new_products_30d", 30), ("new_products_90d", 90), ("new_products_365d", 365)] {
            let since = world.today().timestamp() - days * 86_400;
            let new = first.iter().filter(|((account, _), at)| *account == listed.account && **at >= since);
            assert_eq!(value(name), new.count() as f64, "{name}");
        }
        seen += usize::from(value("new_products_365d") > value("new_products_90d"));
    }
    assert!(seen > 50, "{seen}");
}
