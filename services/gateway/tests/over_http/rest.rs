use std::time::{Duration, Instant};

use crate::support::{Suite, nothing};
use futures::stream;
use http::Method;
use salient_kit::Role;
use serde_json::json;

const ACCOUNT: &str = "accounts/0197d5a4-6f3e-7c1b-9b0a-4a1d2f3c5e61";
const UUID: &str = "0197d5a4-6f3e-7c1b-9b0a-4a1d2f3c5e6b";

#[tokio::test]
async fn a_read_goes_through_with_token_trace_and_time() {
    let suite = Suite::start().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("traceparent", trace), ("tracestate", "a=b"), ("request-timeout", "5")];
    let path = format!("/v1/{ACCOUNT}?readMask=displayName,createTime");
    let answer = suite.send(Method::GET, &path, Role::Seller, &headers, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let account = json!({
        "name": ACCOUNT,
        "displayName": "Müller & Söhne",
        "attributes": {"mask": "display_name,create_time"},
        "createTime": "2011-11-22T22:13:20.500Z",
    });
    assert_eq!(answer.json(), json!({ "account": account }));
    let (_, headers) = &suite.seen.calls()[0];
    assert!(headers["traceparent"].to_str().unwrap().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert_eq!(headers["tracestate"], "a=b");
    assert!(headers.contains_key("grpc-timeout"));
    suite.stop().await;
}

#[tokio::test]
async fn a_write_goes_round_and_broken_rules_are_named() {
    let suite = Suite::start().await;
    let account =
        json!({"sourceKey": {"source": "crm", "id": "1"}, "displayName": "A", "attributes": {"size": "9"}});
    let body = json!({"requestId": UUID, "accounts": [account]});
    let answer = suite.post("/v1/accounts:upsert", body.to_string()).await;
    assert_eq!(answer.json(), json!({"result": {"created": 1}, "names": ["A"]}), "{answer:?}");

    let answer = suite.post("/v1/accounts:upsert", r#"{"requestId":"x"}"#).await;
    let problem = answer.problem(400);
    assert_eq!(problem["reason"], "FIELD_INVALID");
    assert_eq!(problem["title"], "Field invalid");
    let fields: Vec<_> = problem["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|violation| violation["field"].clone())
        .collect();
    assert_eq!(fields, [json!("request_id"), json!("accounts")], "{problem}");
    suite.stop().await;
}

#[tokio::test]
async fn json_that_cannot_be_read_never_reaches_the_service() {
    let suite = Suite::start().await;
    let problem = suite.post("/v1/accounts:upsert", "{\n \"accounts\": [{\"nam\": 1}]}").await.problem(400);
    assert_eq!(problem["violations"][0]["field"], "accounts[0].nam");
    assert!(problem["detail"].as_str().unwrap().contains("line 2"), "{problem}");
    let problem = suite.post("/v1/accounts:upsert", "{\"accounts\": [").await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("line 1, column 14"), "{problem}");
    let problem = suite.get("/v1/accounts?pageSize=many").await.problem(400);
    assert_eq!(problem["violations"][0]["field"], "pageSize");
    let answer = suite
        .send(Method::POST, "/v1/accounts:upsert", Role::Operator, &[("content-type", "text/csv")], "a,b")
        .await;
    assert_eq!(answer.problem(415)["type"], "about:blank");
    assert!(suite.seen.calls().is_empty());
    suite.stop().await;
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_problems() {
    let suite = Suite::start().await;
    assert_eq!(suite.get("/v1/nothing").await.problem(404)["title"], "Not Found");
    assert_eq!(suite.get("/favicon.ico").await.problem(404)["type"], "about:blank");
    let answer = suite.send(Method::DELETE, &format!("/v1/{ACCOUNT}"), Role::Operator, &[], "").await;
    answer.problem(405);
    assert_eq!(answer.headers["allow"], "GET");
    suite.post("/docs", "").await.problem(404);
    suite.stop().await;
}

#[tokio::test]
async fn callers_are_refused_without_token_and_by_their_role() {
    let suite = Suite::start().await;
    let path = format!("/v1/{ACCOUNT}");
    let answer = suite.raw(Method::GET, &path, &[], nothing()).await;
    assert_eq!(answer.problem(401)["reason"], "TOKEN_INVALID");
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    assert!(suite.seen.calls().is_empty());
    // the service finds this one out
    let answer = suite.raw(Method::GET, &path, &[("authorization", "Bearer nonsense")], nothing()).await;
    assert_eq!(answer.problem(401)["reason"], "TOKEN_INVALID");
    let answer = suite.send(Method::POST, "/v1/accounts:upsert", Role::Seller, &[], "{}").await;
    assert_eq!(answer.problem(403)["reason"], "ROLE_INSUFFICIENT");
    suite.stop().await;
}

#[tokio::test]
async fn errors_of_services_become_problems() {
    let suite = Suite::start().await;
    let unknown = format!("/v1/{}0", &ACCOUNT[..ACCOUNT.len() - 1]);
    let answer = suite
        .send(
            Method::GET,
            &unknown,
            Role::Seller,
            &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
            "",
        )
        .await;
    let problem = answer.problem(404);
    assert_eq!(problem["reason"], "RESOURCE_UNKNOWN");
    assert_eq!(problem["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let answer = suite.get("/v1/recommendations").await;
    let problem = answer.problem(503);
    assert_eq!(problem["reason"], "DEPENDENCY_UNAVAILABLE");
    assert!(
        problem["detail"].as_str().unwrap().starts_with("the recommendation service does not answer"),
        "{problem}"
    );
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(suite.get("/v1/contacts").await.status, 501);
    suite.stop().await;
}

#[tokio::test]
async fn a_read_is_tried_again_and_a_write_is_not() {
    let suite = Suite::start().await;
    assert_eq!(suite.get("/v1/orders").await.status, 200);
    assert_eq!(suite.seen.calls().len(), 2);
    suite.stop().await;
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_a_lost_service() {
    // takes calls and hangs up, as a process does that is killed
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let hang_up = hyper::service::service_fn(async |_: http::Request<hyper::body::Incoming>| {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err::<http::Response<String>, _>(std::io::Error::other("killed"))
            });
            let io = hyper_util::rt::TokioIo::new(connection);
            let mut served = std::pin::pin!(
                hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
                    .serve_connection(io, hang_up)
            );
            let _ = tokio::time::timeout(Duration::from_millis(20), served.as_mut()).await;
        }
    });
    let suite = Suite::start_with(|config| drop(config.upstreams.insert("feedback".into(), uri))).await;
    for answer in [suite.get("/v1/outcomes").await, suite.post("/v1/exposures:record", "{}").await] {
        assert_eq!(answer.problem(503)["reason"], "DEPENDENCY_UNAVAILABLE");
    }
    suite.stop().await;
}

#[tokio::test]
async fn the_time_of_a_call_is_kept() {
    let suite = Suite::start().await;
    let begin = Instant::now();
    let path = format!("/v1/{}", ACCOUNT.replace("accounts", "orders"));
    let answer = suite.send(Method::GET, &path, Role::Seller, &[("request-timeout", "200ms")], "").await;
    assert_eq!(answer.problem(504)["reason"], "DEADLINE_PASSED");
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    let answer = suite.send(Method::GET, &path, Role::Seller, &[("request-timeout", "soon")], "").await;
    answer.problem(400);
    // a body that never ends does not hold its place for ever
    let token = format!("Bearer {}", suite.token(Role::Operator));
    let never =
        http_body_util::Either::Right(http_body_util::StreamBody::new(Box::pin(stream::pending()) as _));
    let headers = [("authorization", token.as_str()), ("request-timeout", "0.2")];
    let answer = suite.raw(Method::POST, "/v1/accounts:upsert", &headers, never).await;
    assert_eq!(answer.problem(504)["reason"], "DEADLINE_PASSED");
    suite.life.shut_down();
}

#[tokio::test]
async fn load_is_shed() {
    let suite = Suite::start_with(|config| config.server.max_in_flight = 1).await;
    let slow = format!("/v1/{}", ACCOUNT.replace("accounts", "orders"));
    let headers = [("request-timeout", "1s")];
    let first = suite.send(Method::GET, &slow, Role::Seller, &headers, "");
    let second = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        suite.get(&format!("/v1/{ACCOUNT}")).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.status, 504);
    assert_eq!(second.problem(503)["reason"], "OVERLOADED");
    assert!(second.headers.contains_key("retry-after"));
    assert_eq!(suite.get(&format!("/v1/{ACCOUNT}")).await.status, 200, "the place is free again");
    suite.stop().await;
}

#[tokio::test]
async fn shared_rpcs_are_served_for_each_service() {
    let suite = Suite::start().await;
    for name in ["profile", "scoring"] {
        let answer = suite.get(&format!("/v1/{name}/events:status")).await;
        assert_eq!(answer.json(), json!({"types": [{"type": name, "committed": "7"}]}));
        assert_eq!(suite.get(&format!("/v1/{name}/deadLetters?pageSize=5")).await.json(), json!({}));
        let answer = suite.post(&format!("/v1/{name}/deadLetters:replay"), r#"{"eventIds":["a","b"]}"#).await;
        assert_eq!(answer.json(), json!({"applied": 2}));
    }
    suite.get("/v1/gateway/events:status").await.problem(404);
    suite.stop().await;
}

#[tokio::test]
async fn health_and_cors() {
    let suite = Suite::start().await;
    assert_eq!(suite.raw(Method::GET, "/livez", &[], nothing()).await.status, 200);
    assert_eq!(suite.raw(Method::GET, "/readyz", &[], nothing()).await.status, 200);
    let asked = [("origin", "https://crm.example"), ("access-control-request-method", "GET")];
    let answer = suite.raw(Method::OPTIONS, "/v1/accounts", &asked, nothing()).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"), "off by default");
    suite.stop().await;
    let suite =
        Suite::start_with(|config| config.http.cors_origins = vec!["https://crm.example".into()]).await;
    let answer = suite.raw(Method::OPTIONS, "/v1/accounts", &asked, nothing()).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "https://crm.example");
    suite.stop().await;
}

#[tokio::test]
async fn the_contract_and_its_page_need_no_token() {
    let suite = Suite::start().await;
    let answer = suite.raw(Method::GET, "/openapi.json", &[], nothing()).await;
    assert_eq!(answer.json()["openapi"], "3.1.0");
    for path in ["/", "/docs", "/docs/page.css", "/docs/page.js", "/docs/form.js"] {
        let answer = suite.raw(Method::GET, path, &[], nothing()).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            !answer.text.contains("https://") && !answer.text.contains("http://"),
            "{path} loads from elsewhere"
        );
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
    let page = suite.raw(Method::GET, "/", &[], nothing()).await;
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    suite.stop().await;
}
