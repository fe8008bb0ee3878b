//! A contract that the gateway has never seen: server streams, both-way streams, one field as
//! body or answer, PATCH and nested parameters. The server behind knows it by descriptors only.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use futures::{Stream, StreamExt, stream};
use http::Method;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use salient_gateway::{Config, Parts, app::build_for, transcode::DynamicCodec};
use salient_kit::Lifecycle;
use serde_json::json;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, Streaming};

const PROTO: &str = r#"
syntax = "proto3";
package test.echo.v1;
import "google/api/annotations.proto";
// Says what it hears.
service Echo {
  // Counts down.
  rpc Count(Said) returns (stream Said) {
    option (google.api.http) = {get: "/v1/{name=echoes/*}:count" additional_bindings {post: "/v1/counts" body: "*"}};
  }
  // Says every line again.
  rpc Chat(stream Said) returns (stream Said) {
    option (google.api.http) = {post: "/v1/chats" body: "*"};
  }
  // Changes the inside.
  rpc Change(Said) returns (Said) {
    option (google.api.http) = {patch: "/v1/{name=echoes/*}" body: "inside" response_body: "inside"};
  }
}
// Something said.
message Said {
  // Its name.
  string name = 1;
  // How often.
  int32 times = 2;
  // What is inside.
  Inside inside = 3;
}
// Inside.
message Inside {
  // A text.
  string text = 1;
  // Whether.
  bool yes = 2;
}
"#;

struct Annotated;

impl protox::file::FileResolver for Annotated {
    fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
        let text = match name {
            "echo.proto" => PROTO.to_owned(),
            other => std::fs::read_to_string(format!("{}/../../proto/{other}", env!("CARGO_MANIFEST_DIR")))
                .map_err(|_| protox::Error::file_not_found(other))?,
        };
        protox::file::File::from_source(name, &text)
    }
}

fn pool() -> DescriptorPool {
    let mut chain = protox::file::ChainFileResolver::new();
    chain.add(Annotated);
    chain.add(protox::file::GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(chain);
    compiler.include_source_info(true).include_imports(true).open_file("echo.proto").unwrap();
    compiler.descriptor_pool()
}

type Answers = std::pin::Pin<Box<dyn Stream<Item = Result<DynamicMessage, Status>> + Send>>;

#[derive(Clone)]
struct Echo;

impl tonic::server::StreamingService<DynamicMessage> for Echo {
    type Response = DynamicMessage;
    type ResponseStream = Answers;
    type Future = std::future::Ready<Result<Response<Answers>, Status>>;

    fn call(&mut self, request: Request<Streaming<DynamicMessage>>) -> Self::Future {
        let stream = request.into_inner().flat_map(|said| match said {
            Err(status) => stream::iter(vec![Err(status)]),
            Ok(said) => {
                let times = said.get_field_by_name("times").unwrap().as_i32().unwrap();
                let with = |n: i32| {
                    let mut said = said.clone();
                    said.set_field_by_name("times", Value::I32(n));
                    Ok(said)
                };
                let mut out: Vec<_> = (1..=times.abs()).rev().map(with).collect();
                if times < 0 {
                    out.push(Err(Status::failed_precondition("no further")));
                }
                stream::iter(out)
            }
        });
        std::future::ready(Ok(Response::new(Box::pin(stream))))
    }
}

async fn serve(listener: TcpListener, pool: DescriptorPool) {
    let said = pool.get_message_by_name("test.echo.v1.Said").unwrap();
    let service = tower::service_fn(move |request: http::Request<tonic::body::Body>| {
        let codec = DynamicCodec::new(said.clone());
        async move { Ok::<_, Infallible>(tonic::server::Grpc::new(codec).streaming(Echo, request).await) }
    });
    loop {
        let (connection, _) = listener.accept().await.unwrap();
        let service = service.clone();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                tower::ServiceExt::oneshot(service.clone(), request.map(tonic::body::Body::new))
            });
            let io = hyper_util::rt::TokioIo::new(connection);
            let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                .serve_connection(io, service)
                .await;
        });
    }
}

async fn call(
    method: Method,
    path: &str,
    content_type: &str,
    body: &'static str,
) -> (http::response::Parts, String) {
    let pool = pool();
    let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstreams = BTreeMap::from([("echo".to_owned(), format!("http://{}", behind.local_addr().unwrap()))]);
    tokio::spawn(serve(behind, pool.clone()));
    let life = Lifecycle::new(Duration::from_secs(1), Duration::from_secs(1));
    let config = Config { upstreams, ..Config::default() };
    let app = build_for(&pool, &config, Parts { lifecycle: life.clone() }).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    life.spawn("gateway", app.serve(listener));
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<&[u8]>>();
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"))
        .header("authorization", "Bearer x")
        .header("content-type", content_type)
        .body(Full::new(body.as_bytes()))
        .unwrap();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    (parts, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn a_server_stream_is_lines() {
    let (parts, text) =
        call(Method::GET, "/v1/echoes/a:count?times=2&inside.text=x&inside.yes=true", "", "").await;
    assert_eq!(
        (parts.status.as_u16(), &parts.headers["content-type"]),
        (200, &"application/x-ndjson".parse().unwrap())
    );
    let inside = r#""inside":{"text":"x","yes":true}"#;
    assert_eq!(
        text,
        format!(
            "{{\"name\":\"echoes/a\",\"times\":2,{inside}}}\n{{\"name\":\"echoes/a\",\"times\":1,{inside}}}\n"
        )
    );
}

#[tokio::test]
async fn an_error_in_a_stream_is_its_last_line() {
    let (_, text) = call(Method::POST, "/v1/counts", "application/json", r#"{"times": -1}"#).await;
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], json!({"times": 1}));
    assert_eq!(lines[1]["problem"]["status"], 400);
    assert_eq!(lines[1]["problem"]["detail"], "no further");
}

#[tokio::test]
async fn streams_go_both_ways() {
    let (_, text) =
        call(Method::POST, "/v1/chats", "application/x-ndjson", "{\"times\":1}\n{\"times\":2}\n").await;
    assert_eq!(text, "{\"times\":1}\n{\"times\":2}\n{\"times\":1}\n");
    let (_, text) =
        call(Method::POST, "/v1/chats", "application/x-ndjson", "{\"times\":1}\n{\"tims\":2}\n").await;
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["problem"]["line"], &last["problem"]["violations"][0]["field"]),
        (&json!(2), &json!("tims"))
    );
}

#[tokio::test]
async fn one_field_is_the_body_and_the_answer() {
    let (parts, text) =
        call(Method::PATCH, "/v1/echoes/a?times=1", "application/json", r#"{"text": "new"}"#).await;
    assert_eq!((parts.status.as_u16(), text.as_str()), (200, r#"{"text":"new"}"#));
}
