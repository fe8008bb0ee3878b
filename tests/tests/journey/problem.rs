//! From a problem to what helps against it, through the gateway: where customers get lost, and the model that is
//! ready to be declared.

use serde_json::{Value, json};

use crate::world::World;

/// After a run that scored every account.
pub async fn from_a_problem_to_a_model(world: &World) {
    let found = world.get("/v1/funnelBenchmarks?grouping=GROUPING_INDUSTRY").await;
    let found = found["funnelBenchmarks"].as_array().unwrap();
    assert!(found.len() > 2, "{found:?}");
    for listed in found {
        let steps = listed["steps"].as_array().unwrap();
        assert_eq!(steps.len(), 5);
        let below = steps.iter().any(|step| step["standing"] == "STANDING_BELOW");
        assert_eq!(listed["constraint"].is_string(), below, "{listed}");
        assert_eq!(listed["modelTemplate"].is_string(), below, "{listed}");
        assert!(!listed["problem"].as_str().unwrap().is_empty());
    }
    let group = found[0]["group"].as_str().unwrap().replace(' ', "%20");
    let path = format!("/v1/funnelBenchmark?grouping=GROUPING_INDUSTRY&group={group}");
    assert_eq!(world.get(&path).await["funnelBenchmark"], found[0]);
    let (status, problem) = world.rest("GET", "/v1/funnelBenchmark?grouping=GROUPING_INDUSTRY", None).await;
    assert_eq!((status, &problem["reason"]), (400, &json!("FIELD_INVALID")), "{problem}");

    let templates = world.get("/v1/modelTemplates").await;
    let templates = templates["modelTemplates"].as_array().unwrap();
    let named = |name: &str| templates.iter().find(|template| template["name"] == name).unwrap();
    // the model company has everything that any of them asks for
    assert!(templates.iter().all(|template| template["lacking"].is_null()), "{templates:?}");
    for template in ["modelTemplates/churn", "modelTemplates/switch"] {
        let scores = world.asked(named(template)["modelDeclaration"].clone()).await;
        let some: Vec<Value> = scores.iter().step_by(5).cloned().collect();
        world.made_again(&some, "accounts/").await;
    }
}
