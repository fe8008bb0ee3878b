use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

fn document() -> Value {
    let pool = salient_proto::pool();
    super::document(pool, &Routes::new(pool).unwrap())
}

fn schema<'a>(document: &'a Value, name: &str) -> &'a Value {
    let schema = &document["components"]["schemas"][name];
    assert!(schema.is_object(), "{name} has no schema");
    schema
}

#[test]
fn every_rpc_has_an_operation() {
    let document = document();
    let operations: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let unique: BTreeSet<&str> = operations.iter().copied().collect();
    assert_eq!(unique.len(), operations.len());
    for rpc in salient_proto::pool().services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        assert!(unique.contains(operation_id(&rpc).as_str()), "{} has no operation", rpc.full_name());
    }
}

#[test]
fn every_operation_says_what_who_and_how_it_fails() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            for said in ["summary", "description"] {
                assert!(operation[said].as_str().is_some_and(|text| text.len() > 5), "{path} has no {said}");
            }
            assert!(
                !operation["security"][0]["bearer"].as_array().unwrap().is_empty(),
                "{path} has no roles"
            );
            assert!(operation["responses"]["default"].is_object());
            for parameter in operation["parameters"].as_array().unwrap() {
                assert!(
                    parameter["$ref"].is_string()
                        || parameter["description"].as_str().is_some_and(|text| !text.is_empty()),
                    "{path}: {parameter}"
                );
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_field_is_described() {
    let document = document();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    for reference in references {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null);
        assert!(target.is_object(), "{reference} leads nowhere");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name} is not described");
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}.{field} is not described");
        }
    }
}

fn collect(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                out.insert(reference.clone());
            }
            fields.values().for_each(|value| collect(value, out));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, out)),
        _ => {}
    }
}

#[test]
fn a_read_as_it_stands_in_the_document() {
    let document = document();
    let operation = &document["paths"]["/v1/accounts/{account}"]["get"];
    assert_eq!(operation["operationId"], "ProfileService_GetAccount");
    assert_eq!(operation["summary"], "One account");
    assert_eq!(
        operation["description"],
        "One account. Roles: seller, manager, operator, integration, service."
    );
    assert_eq!(
        operation["security"],
        json!([{"bearer": ["seller", "manager", "operator", "integration", "service"]}])
    );
    assert_eq!(
        operation["parameters"],
        json!([
            {"name": "account", "in": "path", "required": true, "description": "`account` of `accounts/{account}`.",
             "schema": {"type": "string", "pattern": "^[0-9a-f-]{36}$"}},
            {"name": "readMask", "in": "query", "required": false, "description": "Fields to return; empty means all. Names of fields, joined by commas.",
             "schema": {"type": "string"}},
            {"$ref": "#/components/parameters/RequestTimeout"},
        ])
    );
    assert_eq!(
        operation["responses"]["200"],
        json!({"description": "The account.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/salient.profile.v1.GetAccountResponse"}}}})
    );
    assert_eq!(operation["responses"]["404"], json!({"$ref": "#/components/responses/NotFound"}));
    assert_eq!(operation.get("requestBody"), None);
}

#[test]
fn paths_use_the_names_of_resources() {
    let document = document();
    let plan = &document["paths"]["/v1/sellers/{seller}/plans/{plan}"]["get"]["parameters"];
    assert_eq!(plan[0]["schema"]["pattern"], "^[^/]{1,128}$");
    assert_eq!(plan[1]["schema"]["pattern"], "^(today|[0-9]{4}-[0-9]{2}-[0-9]{2})$");
    assert!(document["paths"]["/v1/recommendations/{recommendation}:explain"]["get"].is_object());
    assert!(document["paths"]["/v1/accounts/{account}/timeline"]["get"].is_object());
    let date = &document["paths"]["/v1/planEvaluations/{date}"]["get"]["parameters"][0];
    assert_eq!(date["description"], "The day, as YYYY-MM-DD.");
    let service = &document["paths"]["/v1/{service}/events:status"]["get"]["parameters"][0];
    assert_eq!(service["schema"]["enum"], json!(["feedback", "profile", "recommendation", "scoring"]));
}

#[test]
fn a_write_as_it_stands_in_the_document() {
    let document = document();
    let operation = &document["paths"]["/v1/recommendations/{recommendation}:react"]["post"];
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["required"], json!(["requestId", "attributionToken", "action"]));
    assert_eq!(body["properties"].get("recommendation"), None, "it stands in the path");
    assert_eq!(body["properties"]["requestId"]["format"], "uuid");
    let action = &body["properties"]["action"];
    assert_eq!(action["enum"][0], "REACTION_ACTION_ACCEPT", "UNSPECIFIED is refused");
    assert_eq!(action["x-enum-descriptions"]["REACTION_ACTION_SNOOZE"], "Later.");
    assert_eq!(body["properties"]["comment"]["maxLength"], 2000);
    assert!(operation["responses"]["409"].is_object());

    let ingest = &document["paths"]["/v1/records:ingest"]["post"]["requestBody"]["content"];
    assert_eq!(
        ingest["application/x-ndjson"]["schema"]["$ref"],
        "#/components/schemas/salient.profile.v1.IngestRecordsRequest"
    );
}

#[test]
fn rules_become_constraints() {
    let document = document();
    let upsert = schema(&document, "salient.profile.v1.UpsertOrdersRequest");
    assert_eq!(upsert["required"], json!(["requestId", "orders"]));
    assert_eq!(
        (&upsert["properties"]["orders"]["minItems"], &upsert["properties"]["orders"]["maxItems"]),
        (&json!(1), &json!(1000))
    );
    let order = schema(&document, "salient.profile.v1.Order");
    assert_eq!(order.get("required"), None, "answers with a read mask leave fields out");
    assert_eq!(order["x-required"], json!(["sourceKey", "orderTime", "currencyCode", "lines"]));
    assert_eq!(order.get("additionalProperties"), None, "answers may gain fields");
    assert_eq!(upsert["additionalProperties"], false);
    assert_eq!(order["x-order"][0], "name");
    let line = schema(&document, "salient.profile.v1.OrderLine");
    assert_eq!(line["properties"]["quantity"]["pattern"], "^[1-9][0-9]*$");
    assert_eq!(line["properties"]["quantity"]["type"], "string");
    assert_eq!(line["x-required"], json!(["product", "quantity"]), "no pieces are no line");
    let account = schema(&document, "salient.profile.v1.Account");
    assert_eq!(account["properties"]["attributes"]["maxProperties"], 64);
    assert_eq!(account["properties"]["createTime"]["readOnly"], true);
    assert_eq!(account["properties"]["createTime"]["format"], "date-time");
    let seller = schema(&document, "salient.recommendation.v1.Seller");
    assert_eq!(
        (&seller["properties"]["capacity"]["minimum"], &seller["properties"]["capacity"]["maximum"]),
        (&json!(0), &json!(100))
    );
    let entry = schema(&document, "salient.profile.v1.TimelineEntry");
    let described = entry["description"].as_str().unwrap();
    let names = "`order`, `interaction`, `opportunity`, `opportunityChange`, `usage`";
    assert!(described.ends_with(&format!("At most one of {names}.")), "{described}");
}

#[test]
fn problems_list_the_reasons_of_the_contract() {
    let document = document();
    let reasons = &schema(&document, "Problem")["properties"]["reason"];
    assert_eq!(reasons["enum"].as_array().unwrap().len(), salient_core::Reason::ALL.len());
    for reason in salient_core::Reason::ALL {
        assert!(reasons["x-enum-descriptions"][reason.as_str()].is_string(), "{reason:?}");
    }
}
