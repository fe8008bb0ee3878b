use std::time::{Duration, Instant};

use crate::support::Suite;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Method;
use salient_kit::Role;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MIB: usize = 1024 * 1024;

fn line(accounts: usize) -> Bytes {
    let account = json!({"sourceKey": {"source": "crm", "id": "1"}, "displayName": "A"});
    let batch =
        json!({"requestId": "0197d5a4-6f3e-7c1b-9b0a-4a1d2f3c5e6b", "accounts": vec![account; accounts]});
    format!("{batch}\n").into()
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let suite = Suite::start().await;
    let headers = [("content-type", "application/json")];
    let answer =
        suite.send(Method::POST, "/v1/accounts:upsert", Role::Operator, &headers, vec![b' '; 50 * MIB]).await;
    assert_eq!(answer.problem(413)["reason"], "BODY_TOO_LARGE");
    // the same without a length
    let token = format!("Bearer {}", suite.token(Role::Operator));
    let pieces = stream::repeat(Bytes::from(vec![b' '; MIB])).take(50);
    let frames = pieces.map(|piece| Ok(hyper::body::Frame::data(piece)));
    let body = http_body_util::Either::Right(http_body_util::StreamBody::new(Box::pin(frames) as _));
    let answer = suite.raw(Method::POST, "/v1/accounts:upsert", &[("authorization", &token)], body).await;
    assert_eq!(answer.problem(413)["reason"], "BODY_TOO_LARGE");
    assert!(suite.seen.calls().is_empty());
    suite.stop().await;
}

#[tokio::test]
async fn an_announced_body_over_the_limit_is_refused_before_it_is_sent() {
    let suite = Suite::start().await;
    let mut connection = tokio::net::TcpStream::connect(suite.address).await.unwrap();
    for expect in ["", "Expect: 100-continue\r\n"] {
        let head = format!(
            "POST /v1/accounts:upsert HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n{expect}\r\n",
            suite.token(Role::Operator),
            50 * MIB
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let begin = Instant::now();
        let mut start = [0; 12];
        connection.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 413");
        assert!(begin.elapsed() < Duration::from_secs(1));
        connection = tokio::net::TcpStream::connect(suite.address).await.unwrap();
    }
    suite.life.shut_down();
}

#[tokio::test]
async fn a_large_body_within_the_limit_is_taken() {
    let suite = Suite::start().await;
    let answer = suite.post("/v1/accounts:upsert", line(1000)).await;
    assert_eq!(answer.json()["result"]["created"], 1000, "{answer:?}");
    assert_eq!(answer.json()["names"].as_array().unwrap().len(), 1000);
    suite.stop().await;
}

#[tokio::test]
async fn lines_are_passed_on_while_they_arrive() {
    let suite = Suite::start().await;
    // cut where it hurts, and with a blank line
    let all: Vec<u8> = [line(2), Bytes::from("\n"), line(3), line(4)].concat();
    let pieces: Vec<Bytes> = all.chunks(7).map(Bytes::copy_from_slice).collect();
    let answer = suite.stream("/v1/records:ingest", stream::iter(pieces)).await;
    assert_eq!(answer.json(), json!({"batches": 3, "accounts": {"created": 9}}), "{answer:?}");

    // far more than the limit of a single body
    let batch = line(1000);
    let count = 12 * MIB / batch.len() + 1;
    let answer = suite.stream("/v1/records:ingest", stream::repeat(batch).take(count)).await;
    assert_eq!(answer.json()["batches"], count, "{answer:?}");
    suite.stop().await;
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_named_and_the_lines_before_it_stand() {
    let suite = Suite::start().await;
    let pieces = [line(2), Bytes::from("\n"), Bytes::from("{\"accounts\": [{\"nam\": 1}]}\n"), line(4)];
    let problem = suite.stream("/v1/records:ingest", stream::iter(pieces)).await.problem(400);
    assert_eq!(problem["line"], 3);
    assert_eq!(problem["violations"][0]["field"], "accounts[0].nam");
    assert_eq!(problem["result"], json!({"batches": 1, "accounts": {"created": 2}}));
    assert!(problem["detail"].as_str().unwrap().contains("(line 3, column "), "{problem}");

    // a file that was cut off in the middle of a line
    let cut = line(1).slice(..30);
    let problem = suite.stream("/v1/records:ingest", stream::iter([cut])).await.problem(400);
    assert_eq!((&problem["line"], &problem["result"]), (&json!(1), &Value::Null));
    assert!(problem["detail"].as_str().unwrap().ends_with("nothing was taken"), "{problem}");
    suite.stop().await;
}

#[tokio::test]
async fn a_line_that_the_service_refuses_is_named() {
    let suite = Suite::start().await;
    let pieces = [line(1), Bytes::from("\n\n"), Bytes::from("{\"requestId\": \"x\"}\n")];
    let problem = suite.stream("/v1/records:ingest", stream::iter(pieces)).await.problem(400);
    assert_eq!(problem["line"], 4);
    assert_eq!(problem["violations"][0]["field"], "request_id");
    suite.stop().await;
}

#[tokio::test]
async fn a_line_over_the_limit_is_refused() {
    let suite = Suite::start_with(|config| config.server.max_message_bytes = MIB).await;
    let pieces = stream::iter([line(1)]).chain(stream::repeat(Bytes::from(vec![b' '; 64 * 1024])).take(800));
    let problem = suite.stream("/v1/records:ingest", pieces).await.problem(413);
    assert_eq!((&problem["line"], &problem["reason"]), (&json!(2), &json!("BODY_TOO_LARGE")));
    let answer = suite
        .send(
            Method::POST,
            "/v1/records:ingest",
            Role::Operator,
            &[("content-type", "application/json")],
            "{}",
        )
        .await;
    answer.problem(415);
    suite.stop().await;
}
