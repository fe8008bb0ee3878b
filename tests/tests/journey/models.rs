//! The life of a model as an operator sees it through the gateway: train, gate, live, drift, retrain,
//! roll back, pilot, live again; the scores follow, and every one of them can be made again.

use std::collections::BTreeMap;

use chrono::{Days, TimeDelta};
use serde_json::{Value, json};

use crate::world::{Engine, Wire, World, fresh_id};

impl World {
    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.rest("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.rest("POST", path, Some(&body)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// The run when it has succeeded, its scores heard by all.
    async fn ended(&self, run: &Value) -> Value {
        let path = format!("/v1/{}", run["name"].as_str().unwrap());
        loop {
            let run = self.get(&path).await["scoringRun"].clone();
            match run["status"]["state"].as_str().unwrap() {
                "STATE_SUCCEEDED" => {
                    self.settle().await;
                    return run;
                }
                "STATE_FAILED" => panic!("{run}"),
                _ => tokio::time::sleep(crate::world::GLANCE).await,
            }
        }
    }

    async fn train(&self) -> Value {
        let body = json!({ "requestId": fresh_id(), "asOf": self.today().to_rfc3339() });
        let run = self.post("/v1/scoringRuns", body).await;
        self.ended(&run["scoringRun"]).await
    }

    async fn promote(&self, model: &Value, pilot_share: f64) -> Value {
        let body = json!({ "requestId": fresh_id(), "pilotShare": pilot_share });
        let answer = self.post(&format!("/v1/{}:promote", model.as_str().unwrap()), body).await;
        self.ended(&answer["scoringRun"]).await
    }

    async fn roll_back(&self) -> Value {
        let answer = self.post("/v1/models:rollBack", json!({ "requestId": fresh_id() })).await;
        self.ended(&answer["scoringRun"]).await
    }

    /// Where each version stands, from the first.
    async fn states(&self) -> Vec<String> {
        let models = self.get("/v1/models").await["models"].as_array().unwrap().clone();
        models.iter().rev().map(|model| model["state"].as_str().unwrap().to_owned()).collect()
    }

    /// How many scores each version has.
    async fn scored(&self) -> BTreeMap<String, usize> {
        let page = self.get("/v1/scores?pageSize=1000").await;
        let mut by_model = BTreeMap::new();
        for score in page["scores"].as_array().unwrap() {
            *by_model.entry(score["model"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        by_model
    }

    /// Orders of the likelier half of the customers, one a week of the last four.
    async fn rush(&self) {
        let page = self.get("/v1/scores?pageSize=1000").await;
        let scores = page["scores"].as_array().unwrap();
        let product = &self.products().await[0];
        for score in &scores[..scores.len() / 2] {
            for week in 0..4 {
                let at = self.today() - TimeDelta::days(2 + 7 * week);
                self.order(score["account"].as_str().unwrap(), product, 3, at, "").await;
            }
        }
        self.settle().await;
    }

    fn forward(&self, days: u64) {
        assert!(self.suite.clock.set(self.now() + Days::new(days)));
    }
}

async fn the_life_of_a_model(engine: Engine, wire: Wire) {
    let world = World::start(engine, wire).await;
    // fewer than 200 are not watched
    world.import_of(240).await;

    // trained, through the gates, live
    let first = world.train().await;
    assert_eq!(first["model"], first["trainedModel"], "{first}");
    let model = world.get(&format!("/v1/{}", first["model"].as_str().unwrap())).await["model"].clone();
    assert_eq!((&model["state"], &model["report"]["passed"]), (&json!("STATE_LIVE"), &json!(true)));
    let (all, one) = (world.scored().await, first["model"].as_str().unwrap().to_owned());
    let count = all[&one];
    assert_eq!((all.len(), count.to_string()), (1, first["scoredAccounts"].as_str().unwrap().to_owned()));

    // customers stay away: what has moved is told, and scores follow
    world.forward(75);
    let body = json!({ "requestId": fresh_id(), "keepModel": true });
    let run = world.post("/v1/scoringRuns", body).await;
    let watched = world.ended(&run["scoringRun"]).await;
    let alarms = watched["alarms"].as_array().unwrap_or_else(|| panic!("{watched}"));
    assert!(alarms.iter().all(|alarm| !alarm["finding"].as_str().unwrap().is_empty()), "{watched}");

    // half of them come back: a version that has seen it takes over
    world.rush().await;
    let second = world.train().await;
    let two = second["trainedModel"].as_str().unwrap().to_owned();
    assert_eq!(
        (&second["model"], world.states().await),
        (&json!(two), vec!["STATE_RETIRED".into(), "STATE_LIVE".to_owned()]),
        "{second}"
    );

    // back in one call, every score with it; from now on runs promote nothing by themselves
    let back = world.roll_back().await;
    assert_eq!((&back["model"], world.scored().await.get(&one)), (&json!(one), Some(&count)));
    world.forward(1);
    let third = world.train().await;
    assert_eq!(third["model"], json!(one));
    assert!(third["doubts"][0].as_str().unwrap().contains("version 2 was rolled back"), "{third}");
    let three = third["trainedModel"].clone();

    // champion and challenger side by side
    world.promote(&three, 0.4).await;
    let scored = world.scored().await;
    let cohort = scored[three.as_str().unwrap()];
    assert!(cohort > count / 5 && scored[&one] > count / 5, "{scored:?}");
    world.roll_back().await;
    assert_eq!(world.scored().await.keys().collect::<Vec<_>>(), [&one]);
    world.promote(&three, 0.0).await;
    assert_eq!(world.scored().await.keys().collect::<Vec<_>>(), [three.as_str().unwrap()]);
    assert_eq!(world.states().await, ["STATE_RETIRED", "STATE_RETIRED", "STATE_LIVE"]);

    // what was published on the way is made again from its version and its frozen features
    let name = world.get("/v1/scores?pageSize=1").await["scores"][0]["name"].as_str().unwrap().to_owned();
    let account = name.strip_suffix("/score").unwrap();
    let points =
        world.get(&format!("/v1/{account}/scoreHistory")).await["points"].as_array().unwrap().clone();
    assert!(points.len() >= 5, "{points:?}");
    for point in points {
        let score = world.get(&format!("/v1/{name}?asOf={}", point["asOf"].as_str().unwrap())).await;
        let score = &score["score"];
        for field in ["asOf", "model", "probability"] {
            assert_eq!(score[field], point[field], "{score}");
        }
        assert!(!score["reasons"].as_array().unwrap().is_empty(), "{score}");
    }
    let (status, problem) = world
        .rest(
            "POST",
            &format!("/v1/models/{}:promote", fresh_id()),
            Some(&json!({ "requestId": fresh_id() })),
        )
        .await;
    assert_eq!((status, &problem["reason"]), (404, &json!("RESOURCE_UNKNOWN")), "{problem}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_model_on_sqlite() {
    the_life_of_a_model(Engine::Sqlite, Wire::InProcess).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_model_on_postgres_and_redis() {
    the_life_of_a_model(Engine::Postgres, Wire::Redis).await;
}
