//! Whom a tenant asks about, through the gateway: people, possible sales and leads; by what is learned, by rules
//! that somebody wrote, beside what is measured of regions. Scores are made again.

use serde_json::{Value, json};

use crate::{
    problem::from_a_problem_to_a_model,
    world::{Engine, Wire, World, fresh_id},
};

impl World {
    /// The first run of a model that is declared so.
    async fn first_run(&self, declared: &Value) -> Value {
        let body = json!({ "requestId": fresh_id(), "modelDeclaration": declared });
        let name = declared["name"].as_str().unwrap();
        let answer = self.post("/v1/modelDeclarations:upsert", body).await;
        assert_eq!(answer["modelDeclaration"]["subject"], declared["subject"]);
        let body =
            json!({ "requestId": fresh_id(), "modelDeclaration": name, "asOf": self.today().to_rfc3339() });
        let started = self.post("/v1/scoringRuns", body).await;
        self.ended(&started["scoringRun"]).await
    }

    /// The scores of a model that is declared so; its first version must go live.
    pub async fn asked(&self, declared: Value) -> Vec<Value> {
        let name = declared["name"].as_str().unwrap();
        let run = self.first_run(&declared).await;
        assert_eq!(run["model"], run["trainedModel"], "{run}");
        let (mut scores, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/scores?pageSize=700&modelDeclaration={name}&pageToken={token}");
            let page = self.get(&path).await;
            scores.extend(page["scores"].as_array().unwrap().iter().cloned());
            page["nextPageToken"].as_str().unwrap_or_default().clone_into(&mut token);
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(run["scoredAccounts"], json!(scores.len().to_string()));
        scores
    }

    /// Scores again, from their version and their frozen features.
    pub async fn made_again(&self, scores: &[Value], collection: &str) {
        assert!(scores.len() > 20, "{}", scores.len());
        for listed in scores {
            let subject = listed["subject"].as_str().unwrap();
            assert!(subject.starts_with(collection), "{listed}");
            let name = listed["modelDeclaration"].as_str().unwrap();
            let newest = self.get(&format!("/v1/{subject}/score?modelDeclaration={name}")).await;
            let at = listed["asOf"].as_str().unwrap();
            let again = self.get(&format!("/v1/{subject}/score?modelDeclaration={name}&asOf={at}")).await;
            assert_eq!(newest, again);
            assert_eq!(newest["score"]["probability"], listed["probability"]);
            assert_eq!(newest["score"]["account"], listed["account"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_asked_about() {
    let world = World::start(Engine::Sqlite, Wire::InProcess).await;
    world.import_of(240).await;

    // what is measured of regions has names beside what is known of people
    let measure = |days: i64| {
        let at = (world.today() - chrono::TimeDelta::days(days)).to_rfc3339();
        json!({ "series": "series/wheat", "measureTime": at, "publishTime": at, "value": 200.0 + days as f64 })
    };
    let measures: Vec<Value> = (1..400).step_by(10).map(measure).collect();
    world.post("/v1/measures:upsert", json!({ "requestId": fresh_id(), "measures": measures })).await;
    let named = world.get("/v1/features?pageSize=1000&subject=SUBJECT_CONTACT").await;
    let named: Vec<&str> =
        named["features"].as_array().unwrap().iter().filter_map(|of| of["name"].as_str()).collect();
    for name in ["calls_90d", "attr_title", "account_orders_90d", "series_wheat_change_90d"] {
        assert!(named.contains(&name), "{name} of {named:?}");
    }

    let people = world
        .asked(json!({
            "name": "modelDeclarations/buyers",
            "displayName": "Somebody whose account orders",
            "subject": "SUBJECT_CONTACT",
            "target": "account_orders_30d > 0.0",
            "horizonDays": 30,
        }))
        .await;
    let some: Vec<Value> = people.iter().step_by(11).cloned().collect();
    world.made_again(&some, "contacts/").await;
    // whom to call is also when to call
    let person = people[0]["subject"].as_str().unwrap();
    let started = world.post("/v1/scoringRuns", json!({ "requestId": fresh_id() })).await;
    world.ended(&started["scoringRun"]).await;
    let best = world.get(&format!("/v1/{person}/bestContactTime")).await["bestContactTime"].clone();
    assert!(!best["windows"].as_array().unwrap().is_empty(), "{best}");

    // nothing announces which of the model company's sales are won: nobody is shown that a version was trained
    let run = world
        .first_run(&json!({
            "name": "modelDeclarations/wins",
            "displayName": "Possible sales that are won",
            "subject": "SUBJECT_OPPORTUNITY",
            "population": "attr_state == \"open\"",
            "target": "attr_state == \"won\"",
            "horizonDays": 30,
            "outcome": "were won",
        }))
        .await;
    let model = world.get(&format!("/v1/{}", run["trainedModel"].as_str().unwrap())).await["model"].clone();
    assert_eq!(
        (&model["target"], &model["state"]),
        (&json!("attr_state == \"won\""), &json!("STATE_SHADOW"))
    );
    assert!(run["model"].is_null() && !run["doubts"].as_array().unwrap().is_empty(), "{run}");
    let path = format!("/v1/opportunities/{}/score?modelDeclaration=modelDeclarations/wins", fresh_id());
    let (status, problem) = world.rest("GET", &path, None).await;
    assert_eq!((status, &problem["reason"]), (404, &json!("RESOURCE_UNKNOWN")), "{problem}");

    let ruled = world
        .asked(json!({
            "name": "modelDeclarations/rules",
            "displayName": "Accounts in their rhythm, by rules",
            "subject": "SUBJECT_ACCOUNT",
            "population": "orders_365d > 0.0",
            "target": "orders_30d > 0.0",
            "horizonDays": 30,
            "rules": [
                { "name": "ordered lately", "points": "orders_90d > 2.0 ? 2.0 : (orders_90d > 0.0 ? 1.0 : 0.0)" },
                { "name": "is late", "points": "order_gap_ratio > 2.0 ? -1.0 : 0.0" },
            ],
        }))
        .await;
    let some: Vec<Value> = ruled.iter().step_by(7).cloned().collect();
    world.made_again(&some, "accounts/").await;
    from_a_problem_to_a_model(&world).await;
    world.end().await;
}
