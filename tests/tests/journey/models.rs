//! The life of a model as an operator sees it through the gateway: declare, train, gate, live, drift,
//! retrain, roll back, pilot, live again; the scores follow, and every one of them can be made again. The
//! built-in model lives the same life as one that a tenant declares.

use std::collections::BTreeMap;

use chrono::{Days, TimeDelta};
use serde_json::{Value, json};

use crate::world::{Engine, Wire, World, fresh_id};

/// A model over the gateway; the built-in one has an empty name.
struct Life<'w> {
    world: &'w World,
    declaration: &'static str,
}

impl World {
    pub async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.rest("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.rest("POST", path, Some(&body)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// The run when it has succeeded, its scores heard by all.
    pub async fn ended(&self, run: &Value) -> Value {
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

    /// Orders of some customers, one a week of the last fourteen, that are heard of only now.
    async fn rush(&self, accounts: &[String]) {
        let product = &self.products().await[0];
        for account in accounts {
            for week in 0..14 {
                let at = self.today() - TimeDelta::days(2 + 7 * week);
                self.order(account, product, 3, at, "").await;
            }
        }
        self.settle().await;
    }

    fn forward(&self, days: u64) {
        assert!(self.suite.clock.set(self.now() + Days::new(days)));
    }
}

impl Life<'_> {
    async fn run(&self, keep_model: bool) -> Value {
        let mut body =
            json!({ "requestId": fresh_id(), "keepModel": keep_model, "modelDeclaration": self.declaration });
        if !keep_model {
            body["asOf"] = json!(self.world.today().to_rfc3339());
        }
        let run = self.world.post("/v1/scoringRuns", body).await;
        self.world.ended(&run["scoringRun"]).await
    }

    async fn train(&self) -> Value {
        self.run(false).await
    }

    async fn promote(&self, model: &Value, pilot_share: f64) -> Value {
        let body = json!({ "requestId": fresh_id(), "pilotShare": pilot_share });
        let answer = self.world.post(&format!("/v1/{}:promote", model.as_str().unwrap()), body).await;
        self.world.ended(&answer["scoringRun"]).await
    }

    async fn roll_back(&self) -> Value {
        let body = json!({ "requestId": fresh_id(), "modelDeclaration": self.declaration });
        let answer = self.world.post("/v1/models:rollBack", body).await;
        self.world.ended(&answer["scoringRun"]).await
    }

    /// Where each version stands, from the first.
    async fn states(&self) -> Vec<String> {
        let path = format!("/v1/models?modelDeclaration={}", self.declaration);
        let models = self.world.get(&path).await["models"].as_array().unwrap().clone();
        models.iter().rev().map(|model| model["state"].as_str().unwrap().to_owned()).collect()
    }

    async fn scores(&self) -> Vec<Value> {
        let path = format!("/v1/scores?pageSize=1000&modelDeclaration={}", self.declaration);
        self.world.get(&path).await["scores"].as_array().unwrap().clone()
    }

    /// How many scores each version has.
    async fn scored(&self) -> BTreeMap<String, usize> {
        let mut by_model = BTreeMap::new();
        for score in self.scores().await {
            *by_model.entry(score["model"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        by_model
    }
}

async fn the_life_of_a_model(engine: Engine, wire: Wire, declaration: &'static str) {
    let world = World::start(engine, wire).await;
    // fewer than 200 are not watched
    world.import_of(240).await;
    let life = Life { world: &world, declaration };
    if !declaration.is_empty() {
        let declared = json!({
            "name": declaration,
            "displayName": "Orders again within two weeks",
            "population": "orders_365d > 0.0",
            "target": "orders_14d > 0.0",
            "horizonDays": 14,
        });
        let body = json!({ "requestId": fresh_id(), "modelDeclaration": declared });
        let answer = world.post("/v1/modelDeclarations:upsert", body).await;
        assert_eq!(answer["modelDeclaration"]["name"], declaration);
    }

    // trained, through the gates, live
    let first = life.train().await;
    assert_eq!(first["model"], first["trainedModel"], "{first}");
    let model = world.get(&format!("/v1/{}", first["model"].as_str().unwrap())).await["model"].clone();
    assert_eq!((&model["state"], &model["report"]["passed"]), (&json!("STATE_LIVE"), &json!(true)));
    let (all, one) = (life.scored().await, first["model"].as_str().unwrap().to_owned());
    let count = all[&one];
    assert_eq!((all.len(), count.to_string()), (1, first["scoredAccounts"].as_str().unwrap().to_owned()));

    // customers stay away: what has moved is told, and scores follow
    world.forward(100);
    let watched = life.run(true).await;
    let alarms = watched["alarms"].as_array().unwrap_or_else(|| panic!("{watched}"));
    assert!(alarms.iter().all(|alarm| !alarm["finding"].as_str().unwrap().is_empty()), "{watched}");

    // half of them had ordered all the time: a version that has seen it takes over
    let scores = life.scores().await;
    let likelier = &scores[..scores.len() / 2];
    let accounts = likelier.iter().map(|score| score["account"].as_str().unwrap().to_owned());
    world.rush(&accounts.collect::<Vec<_>>()).await;
    let second = life.train().await;
    let two = second["trainedModel"].as_str().unwrap().to_owned();
    assert_eq!(
        (&second["model"], life.states().await),
        (&json!(two), vec!["STATE_RETIRED".into(), "STATE_LIVE".to_owned()]),
        "{second}"
    );

    // back in one call, every score with it; from now on runs promote nothing by themselves
    let back = life.roll_back().await;
    assert_eq!(back["model"], json!(one));
    assert_eq!(life.scored().await.keys().collect::<Vec<_>>(), [&one]);
    world.forward(1);
    let third = life.train().await;
    assert_eq!(third["model"], json!(one));
    assert!(third["doubts"][0].as_str().unwrap().contains("version 2 was rolled back"), "{third}");
    let three = third["trainedModel"].clone();

    // champion and challenger side by side
    life.promote(&three, 0.4).await;
    let scored = life.scored().await;
    let cohort = scored[three.as_str().unwrap()];
    assert!(cohort > count / 5 && scored[&one] > count / 5, "{scored:?}");
    life.roll_back().await;
    assert_eq!(life.scored().await.keys().collect::<Vec<_>>(), [&one]);
    life.promote(&three, 0.0).await;
    assert_eq!(life.scored().await.keys().collect::<Vec<_>>(), [three.as_str().unwrap()]);
    assert_eq!(life.states().await, ["STATE_RETIRED", "STATE_RETIRED", "STATE_LIVE"]);

    // what was published on the way is made again from its version and its frozen features
    let name = life.scores().await[0]["name"].as_str().unwrap().to_owned();
    let account = name.strip_suffix("/score").unwrap();
    let points =
        world.get(&format!("/v1/{account}/scoreHistory?modelDeclaration={declaration}")).await["points"]
            .as_array()
            .unwrap()
            .clone();
    assert!(points.len() >= 5, "{points:?}");
    for point in points {
        let score = world
            .get(&format!(
                "/v1/{name}?asOf={}&modelDeclaration={declaration}",
                point["asOf"].as_str().unwrap()
            ))
            .await;
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
async fn the_built_in_model_on_sqlite() {
    the_life_of_a_model(Engine::Sqlite, Wire::InProcess, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_model_on_postgres_and_redis() {
    the_life_of_a_model(Engine::Postgres, Wire::Redis, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_model_on_sqlite() {
    the_life_of_a_model(Engine::Sqlite, Wire::InProcess, "modelDeclarations/reorders").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_model_on_postgres_and_redis() {
    the_life_of_a_model(Engine::Postgres, Wire::Redis, "modelDeclarations/reorders").await;
}
