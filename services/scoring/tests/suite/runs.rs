//! Runs that train, score and publish.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use salient_core::{ModelId, TenantId};
use salient_proto::scoring::v1::{Score, model::Algorithm};

use salient_scoring::{
    domain::{Model, State},
    store::models,
};

use crate::{
    history::ACCOUNTS,
    world::{World, both, commit_beside, timestamp},
};

both!(
    a_run_trains_scores_and_publishes,
    contributions_sum_to_the_log_odds,
    what_comes_later_changes_nothing,
    a_later_run,
    two_promotions_at_once,
);

async fn a_run_trains_scores_and_publishes(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let run = world.run("acme").await;
    assert_eq!(run.as_of, Some(timestamp(world.today())));
    assert_eq!(run.scored_accounts as usize, history.known());
    let status = run.status.unwrap();
    assert_eq!((status.progress, status.error.as_str(), status.reason.as_str()), (1.0, "", ""));
    assert!(status.end_time.is_some());

    let model = world.model(&run.model).await;
    assert_eq!((model.target.as_str(), model.version, model.live), ("order_within_30_days", 1, true));
    assert_eq!((model.as_of, model.create_time), (run.as_of, Some(timestamp(world.clock.now()))));
    assert_ne!(model.algorithm(), Algorithm::Unspecified);
    assert!(model.train_examples as usize >= ACCOUNTS / 2);
    assert!(model.base_rate > 0.0 && model.base_rate < 1.0);
    let holdout = model.holdout.as_ref().unwrap();
    // a rhythm can be told from its absence
    assert!(holdout.auc_blend > 0.7 && holdout.log_loss < 0.7, "{holdout:?}");

    let scores = world.scores("acme").await;
    assert_eq!(scores.len(), history.known());
    assert!(scores.is_sorted_by(|a, b| a.probability >= b.probability));
    assert!(scores.iter().all(|score| score.model == run.model && score.contributions.is_empty()));
    let stopped: Vec<f64> = probabilities(&scores, &history.accounts, 1);
    let regular: Vec<f64> = probabilities(&scores, &history.accounts, 0);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!(mean(&regular) > mean(&stopped) + 0.3, "{} {}", mean(&regular), mean(&stopped));

    // the others hear of all of it, each score with its strongest reasons
    let heard = world.heard(|heard| (heard.scores.len() >= scores.len()).then(|| heard.scores.clone())).await;
    let by_name: BTreeMap<&str, &Score> = heard.iter().map(|score| (score.name.as_str(), score)).collect();
    assert_eq!((heard.len(), by_name.len()), (scores.len(), scores.len()));
    for score in &scores {
        let full = Score { reasons: vec![], ..world.score("acme", &score.account).await };
        assert_eq!(Score { contributions: vec![], ..full.clone() }, *score);
        assert_eq!(full.contributions.len(), model.features.len());
        let told = by_name[score.name.as_str()];
        assert_eq!(*told, Score { contributions: full.contributions[..5].to_vec(), ..full });
    }
    let promoted = world.heard(|heard| heard.models.first().cloned()).await;
    assert_eq!(promoted, model);
}

fn probabilities(
    scores: &[Score],
    accounts: &[salient_proto::profile::v1::Account],
    kind: usize,
) -> Vec<f64> {
    let of: BTreeMap<&str, f64> =
        scores.iter().map(|score| (score.account.as_str(), score.probability)).collect();
    accounts
        .iter()
        .skip(kind)
        .step_by(3)
        .filter_map(|account| of.get(account.name.as_str()).copied())
        .collect()
}

async fn contributions_sum_to_the_log_odds(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let run = world.run("acme").await;
    let features = world.model(&run.model).await.features;
    for account in world.scores("acme").await {
        let score = world.score("acme", &account.account).await;
        let sum = score.bias + score.contributions.iter().map(|part| part.log_odds).sum::<f64>();
        let log_odds = (score.probability / (1.0 - score.probability)).ln();
        assert!((sum - log_odds).abs() < 1e-9, "{sum} is not {log_odds}");
        assert!(score.contributions.is_sorted_by(|a, b| a.log_odds.abs() >= b.log_odds.abs()));
        let mut named: Vec<_> = score.contributions.iter().map(|part| part.feature.clone()).collect();
        named.sort();
        let mut wanted = features.clone();
        wanted.sort();
        assert_eq!(named, wanted);
        assert_eq!(score.expected_value.unwrap().currency_code, "GBP");
    }
}

async fn what_comes_later_changes_nothing(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    // the same history, with an order of every account at the moment and after it
    world.learn_of("other", &history).await;
    world.ordered("other", &history.planted(&world.clock, world.today())).await;
    world.ordered("other", &history.planted(&world.clock, world.today() + TimeDelta::days(3))).await;
    let (ours, theirs) = (world.run("acme").await, world.run("other").await);
    assert_eq!(ours.scored_accounts, theirs.scored_accounts);
    for score in world.scores("acme").await {
        let (ours, theirs) =
            (world.score("acme", &score.account).await, world.score("other", &score.account).await);
        // bit for bit
        assert_eq!(Score { model: String::new(), ..ours }, Score { model: String::new(), ..theirs });
    }
}

async fn a_later_run(world: &World) {
    let history = world.history();
    world.learn_of("acme", &history).await;
    let first = world.run("acme").await;
    // as of the same moment, the same model scores again
    assert_eq!(world.run("acme").await.model, first.model);
    assert_eq!(world.models("acme").await.len(), 1);

    world.clock.advance(TimeDelta::days(1));
    let planted = history.planted(&world.clock, world.today() - TimeDelta::hours(1));
    world.ordered("acme", &planted[1..2]).await;
    let before = world.score("acme", &history.accounts[1].name).await;
    let second = world.run("acme").await;
    let models = world.models("acme").await;
    let seen: Vec<_> = models.iter().map(|model| (model.name.as_str(), model.version, model.live)).collect();
    assert_eq!(seen, [(second.model.as_str(), 2, true), (first.model.as_str(), 1, false)]);
    let after = world.score("acme", &history.accounts[1].name).await;
    assert_eq!((before.model, &after.model), (first.model, &second.model));
    // who had stopped and ordered again is likelier to order
    assert!(after.probability > before.probability);
    assert_eq!(after.as_of, second.as_of);
}

async fn two_promotions_at_once(world: &World) {
    world.learn_of("acme", &world.history()).await;
    world.run("acme").await;
    let (db, tenant) = (world.db().await, TenantId::try_from("acme").unwrap());
    let live = models::list(&mut db.read().await.unwrap(), &tenant, "", None, 1).await.unwrap().remove(0);
    let mut tx = db.begin().await.unwrap();
    let mut ids = Vec::new();
    for version in [2_i32, 3] {
        let as_of = live.as_of + TimeDelta::days(version.into());
        let id = ModelId::new(&world.clock);
        let model = Model { id, version, as_of, state: State::Shadow, live_time: None, ..live.clone() };
        models::put_in_tx(&mut tx, &tenant, &model).await.unwrap();
        ids.push(id);
    }
    tx.commit().await.unwrap();

    let now = world.clock.now();
    let mut first = db.begin().await.unwrap();
    models::places_in_tx(&mut first, &tenant, "").await.unwrap();
    models::go_live_in_tx(&mut first, &tenant, ids[0], now).await.unwrap();
    let second = async {
        let mut second = db.begin().await.unwrap();
        let places = models::places_in_tx(&mut second, &tenant, "").await.unwrap();
        // it sees what the first has done
        assert_eq!(places.iter().find(|place| place.live).map(|place| place.version), Some(2));
        models::go_live_in_tx(&mut second, &tenant, ids[1], now).await.unwrap();
        second.commit().await.unwrap();
    };
    commit_beside(&db, first, second).await;
    let live: Vec<_> = world.models("acme").await.into_iter().filter(|model| model.live).collect();
    assert_eq!(live.iter().map(|model| model.version).collect::<Vec<_>>(), [3]);
    db.close().await;
}
