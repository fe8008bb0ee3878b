//! Traces and metrics, from a caller through two services to a collector.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::Uri, response::IntoResponse};
use salient_kit::{
    Role, admin,
    config::{ServerConfig, TelemetryConfig},
    telemetry,
};
use tokio::net::TcpListener;
use tonic::{
    Code, Request,
    transport::{Server, server::TcpIncoming},
};
use tracing::Instrument;

use crate::common::{order, serve};

type Received = Arc<Mutex<Vec<(String, Bytes)>>>;

/// A collector that takes everything and keeps it.
async fn collector() -> (String, Received) {
    async fn take(State(received): State<Received>, uri: Uri, body: Bytes) -> impl IntoResponse {
        received.lock().unwrap().push((uri.path().to_owned(), body));
        let headers = [("content-type", "application/grpc"), ("grpc-status", "0")];
        (headers, Bytes::from_static(&[0, 0, 0, 0, 0]))
    }
    let received = Received::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(take).with_state(received.clone());
    let served = Server::builder().add_routes(router.into()).serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(served);
    (endpoint, received)
}

fn holds(received: &Received, path: &str, what: &[u8]) -> bool {
    let found = received.lock().unwrap();
    found.iter().any(|(to, body)| to.contains(path) && body.windows(what.len()).any(|part| part == what))
}

async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    use http_body_util::{BodyExt, Empty};
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(path).header("host", "test").body(Empty::<Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_traced_counted_and_exported() {
    let (endpoint, received) = collector().await;
    let config = TelemetryConfig {
        otlp_endpoint: Some(endpoint),
        filter: "error".into(),
        metrics_interval_ms: 3_600_000,
        ..TelemetryConfig::default()
    };
    let telemetry = telemetry::init(&config, "kit-test").unwrap();
    let again = telemetry::init(&TelemetryConfig::default(), "kit-test").unwrap_err();
    assert!(again.to_string().contains("already started"), "{again}");
    let server = serve(ServerConfig::default()).await;

    // the caller's trace goes on in the handler, in a span of its own
    let span = tracing::info_span!(target: "salient_kit_test", "caller");
    let (mine, theirs) = async {
        let mine = telemetry::propagation::current_traceparent().unwrap();
        let answer = server.events(Role::Operator).list_dead_letters(order("trace")).await.unwrap();
        (mine, answer.into_inner().next_page_token)
    }
    .instrument(span)
    .await;
    let parts = |text: &str| text.split('-').map(str::to_owned).collect::<Vec<_>>();
    let (mine, theirs) = (parts(&mine), parts(&theirs));
    assert_eq!(mine[1], theirs[1], "one trace");
    assert_ne!(mine[2], theirs[2], "two spans");

    // a foreign caller's, as well
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let mut request = Request::new(order("trace"));
    request
        .metadata_mut()
        .insert("authorization", format!("Bearer {}", crate::common::token(Role::Operator)).parse().unwrap());
    request.metadata_mut().insert("traceparent", format!("00-{trace}-b7ad6b7169203331-01").parse().unwrap());
    let channel: tonic::transport::Channel = salient_kit::client::channel(&server.uri()).unwrap();
    let mut plain = salient_proto::common::v1::events_service_client::EventsServiceClient::new(channel);
    let theirs = plain.list_dead_letters(request).await.unwrap().into_inner().next_page_token;
    assert_eq!(parts(&theirs)[1], trace);
    assert_eq!(
        server.events(Role::Seller).list_dead_letters(order("")).await.unwrap_err().code(),
        Code::PermissionDenied
    );

    // a link is not a parent
    let later = tracing::info_span!(target: "salient_kit_test", "consume");
    telemetry::propagation::link(&later, &format!("00-{trace}-b7ad6b7169203331-01"));
    telemetry::propagation::link(&later, "rubbish");
    drop(later);

    // the admin server tells the same
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (life, metrics) = (server.life.clone(), telemetry.metrics().clone());
    let serving = tokio::spawn(admin::serve(listener, life.clone(), metrics));
    let (status, text) = get(address, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        r#"rpc_server_calls_total{rpc_code="OK",rpc_method="ListDeadLetters",rpc_service="salient.common.v1.EventsService"}"#,
        r#"rpc_server_calls_total{rpc_code="PERMISSION_DENIED",rpc_method="ListDeadLetters""#,
        r#"rpc_server_duration_seconds_bucket{rpc_code="OK",rpc_method="ListDeadLetters",rpc_service="salient.common.v1.EventsService",le="0.001"}"#,
        r#"service_name="salient-kit-test""#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert_eq!(get(address, "/livez").await, (200, "ok\n".to_owned()));
    let (status, body) = get(address, "/readyz").await;
    assert_eq!(status, 200, "{body}");
    life.shut_down();
    let (status, body) = get(address, "/readyz").await;
    assert_eq!((status, body.contains(r#""shutting_down":true"#)), (503, true), "{body}");
    assert_eq!(get(address, "/livez").await.0, 200, "alive while it leaves");
    life.hard.cancel();
    tokio::time::timeout(Duration::from_secs(5), serving).await.unwrap().unwrap().unwrap();

    // dropping flushes; the metrics would otherwise be exported in an hour
    tokio::task::spawn_blocking(move || drop(telemetry)).await.unwrap();
    assert!(holds(&received, "TraceService/Export", &hex(trace)), "the foreign trace was exported");
    assert!(holds(&received, "TraceService/Export", b"salient.common.v1.EventsService/ListDeadLetters"));
    assert!(holds(&received, "TraceService/Export", b"consume"));
    assert!(holds(&received, "MetricsService/Export", b"rpc.server.duration"));
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
