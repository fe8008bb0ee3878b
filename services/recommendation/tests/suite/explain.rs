//! Why a recommendation was made.

use chrono::TimeDelta;
use salient_proto::{
    recommendation::v1::{
        ExplainRecommendationRequest, ExplainRecommendationResponse, Play, Recommendation, evidence::Fact,
    },
    scoring::v1::{Contribution, Score, ScoresPublished},
};

use crate::{
    company::time_of,
    world::{World, both, timestamp},
};

both!(every_item_has_its_evidence);

async fn explain(world: &World, item: &Recommendation) -> ExplainRecommendationResponse {
    let request = ExplainRecommendationRequest { name: item.name.clone() };
    world.operator().explain_recommendation(request).await.unwrap().into_inner()
}

async fn every_item_has_its_evidence(world: &World) {
    let company = world.company("acme").await;
    let model = "models/01890000-0000-7000-8000-000000000000".to_owned();
    let contributions = (0..7)
        .map(|number| Contribution {
            feature: format!("f{number}"),
            value: Some(1.0),
            log_odds: f64::from(7 - number),
            text_value: None,
        })
        .collect::<Vec<_>>();
    let scores = company
        .accounts
        .iter()
        .map(|account| Score {
            account: account.name.clone(),
            model: model.clone(),
            as_of: Some(timestamp(world.today())),
            probability: 0.5,
            base_rate: 0.25,
            contributions: contributions.clone(),
            ..Score::default()
        })
        .collect();
    world.hear("acme", "scoring", &ScoresPublished { scores }).await;
    let run = world.run("acme").await;

    let mut items = world.plan("s07").await.recommendations;
    items.extend(world.plan("s08").await.recommendations);
    for item in &items {
        let found = explain(world, item).await;
        assert_eq!(
            (&found.name, found.probability, &found.policy),
            (&item.name, item.probability, &run.policy)
        );
        assert_eq!((&found.evidence, &found.why), (&item.evidence, &item.why));
        assert_eq!(found.why, found.evidence[0].text);
        assert!(found.evidence.iter().all(|fact| !fact.text.is_empty() && fact.fact.is_some()));
        assert_eq!(found.models, [run.policy.clone(), model.clone()]);
        let score = found.evidence.iter().find_map(|fact| match &fact.fact {
            Some(Fact::AccountScore(score)) => Some(score),
            _ => None,
        });
        let score = score.unwrap();
        assert_eq!((score.probability, score.base_rate, score.factors.len()), (0.5, 0.25, 5));

        // the facts are those of the history before the day
        let before = company.orders_of(&item.account, world.today() - TimeDelta::days(400), world.today());
        let of_product: Vec<_> = before
            .iter()
            .filter(|order| order.lines.iter().any(|line| line.product == item.product))
            .collect();
        let rhythm = found.evidence.iter().find_map(|fact| match &fact.fact {
            Some(Fact::Rhythm(rhythm)) if rhythm.product == item.product => Some(rhythm),
            _ => None,
        });
        match item.play() {
            Play::CrossSell => {
                assert_eq!(of_product.len(), 0);
                assert!(matches!(found.evidence[0].fact, Some(Fact::SimilarAccounts(_))));
                assert!(found.not_enough_data);
            }
            _ => {
                let (rhythm, last) = (rhythm.unwrap(), of_product.last().unwrap());
                assert_eq!(rhythm.orders as usize, of_product.len());
                let days = (world.today() - time_of(last)).num_minutes() as f64 / 1440.0;
                assert!((rhythm.days_since_last - days).abs() < 0.01, "{rhythm:?}, {days}");
                let quantity = last.lines.iter().find(|line| line.product == item.product).unwrap().quantity;
                assert_eq!(rhythm.last_quantity, quantity);
            }
        }
    }
    assert!(items.iter().any(|item| item.play() == Play::Reorder));

    // frozen: what is learned later does not change it
    let item = &items[0];
    let before = explain(world, item).await;
    let scores = vec![Score {
        account: item.account.clone(),
        model: "models/01890000-0000-7000-8000-000000000001".into(),
        as_of: Some(timestamp(world.clock.now())),
        probability: 0.9,
        base_rate: 0.25,
        ..Score::default()
    }];
    world.hear("acme", "scoring", &ScoresPublished { scores }).await;
    assert_eq!(explain(world, item).await, before);
}
