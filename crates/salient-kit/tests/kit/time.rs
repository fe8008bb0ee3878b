//! Deadlines, load, and leaving.

use std::time::{Duration, Instant};

use crate::common::{life, order, serve, serve_with, token};
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use salient_core::{Reason, TenantId};
use salient_kit::{Caller, Ctx, Role, client, config::ServerConfig, layers::Deadline, status};
use salient_proto::{
    common::v1::ListDeadLettersRequest, profile::v1::profile_service_client::ProfileServiceClient,
};
use tokio::net::TcpStream;
use tonic::{Code, Request, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

const LIST: &str = "salient.common.v1.EventsService/ListDeadLetters";

fn timed(what: &str, millis: u64) -> Request<ListDeadLettersRequest> {
    let mut request = Request::new(order(what));
    request.set_timeout(Duration::from_millis(millis));
    request
}

#[tokio::test]
async fn a_passed_deadline_is_deadline_exceeded_and_drops_the_handler() {
    let server = serve(ServerConfig::default()).await;
    for _ in 0..20 {
        let mut client = server.events(Role::Operator);
        let status = client.list_dead_letters(timed("sleep:60000", 100)).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        assert_eq!(status::reason(&status), Some(Reason::DeadlinePassed));
    }
    server.wait_busy(0).await;
}

#[tokio::test]
async fn the_server_answers_before_tonics_own_timer() {
    let server = serve(ServerConfig::default()).await;
    let message = order("sleep:60000").encode_to_vec();
    let mut frame = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
    frame.extend(message);

    // tonic's channel keeps the deadline by itself, so this is a client that does not
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for round in 0..30 {
        let request = http::Request::post(format!("{}/{LIST}", server.uri()))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", format!("Bearer {}", token(Role::Operator)))
            .header("grpc-timeout", format!("{}u", 20_000 + round * 333))
            .body(Full::new(Bytes::from(frame.clone())))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = tonic::Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded, "round {round}: {status:?}");
    }
}

#[tokio::test]
async fn a_call_without_a_deadline_gets_the_default() {
    let config = ServerConfig { default_timeout_ms: 100, ..ServerConfig::default() };
    let server = serve(config).await;
    // a link would bring a deadline of its own
    let channel = client::channel(&server.uri()).unwrap();
    let mut request = Request::new(futures::stream::pending());
    let token = format!("Bearer {}", token(Role::Integration));
    request.metadata_mut().insert("authorization", token.parse().unwrap());
    let status = ProfileServiceClient::new(channel).ingest_records(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    server.wait_busy(0).await;
}

#[tokio::test]
async fn the_remaining_time_travels_on() {
    let server = serve(ServerConfig::default()).await;
    let mut client = server.events(Role::Operator);
    let remaining = async |client: &mut crate::common::Events, request| -> u64 {
        client.list_dead_letters(request).await.unwrap().into_inner().next_page_token.parse().unwrap()
    };
    let own = remaining(&mut client, timed("remaining", 5_000)).await;
    assert!((4_000..=5_000).contains(&own), "{own}");

    let caller =
        Caller { tenant: TenantId::try_from("acme").unwrap(), subject: "x".into(), role: Role::Operator };
    let ctx = Ctx { caller, deadline: Some(Instant::now() + Duration::from_millis(1_000)) };
    let inherited = remaining(&mut client, ctx.outgoing(order("remaining"))).await;
    assert!((500..=1_000).contains(&inherited), "{inherited}");

    let mut late = ctx.outgoing(order("remaining"));
    late.extensions_mut().insert(Deadline(Instant::now()));
    let status = client.list_dead_letters(late).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn load_above_the_limit_is_shed_over_all_connections() {
    let config = ServerConfig { max_in_flight: 2, ..ServerConfig::default() };
    let server = serve(config).await;
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let mut client = server.events(Role::Operator);
            tokio::spawn(async move { client.list_dead_letters(order("sleep:600")).await })
        })
        .collect();
    server.wait_busy(2).await;
    let mut third = server.events(Role::Operator);
    let status = third.list_dead_letters(order("")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status::reason(&status), Some(Reason::Overloaded));

    // a client that may try again gets through when there is room
    let answer =
        client::retry(Duration::from_secs(10), async || third.clone().list_dead_letters(order("")).await);
    assert_eq!(answer.await.unwrap().into_inner().next_page_token, "done");
    for task in slow {
        assert!(task.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_place() {
    let config = ServerConfig { max_in_flight: 1, ..ServerConfig::default() };
    let server = serve(config).await;
    let mut client = server.events(Role::Operator);
    let gone = tokio::spawn(async move { client.list_dead_letters(order("sleep:60000")).await });
    server.wait_busy(1).await;
    gone.abort();
    server.wait_busy(0).await;
    assert!(server.events(Role::Operator).list_dead_letters(order("")).await.is_ok());
}

async fn health(server: &crate::common::TestServer, service: &str) -> ServingStatus {
    let channel: Channel = client::channel(&server.uri()).unwrap();
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(channel).check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn health_follows_the_gate() {
    let life = life();
    let gate = life.gate("test");
    let server = serve_with(ServerConfig::default(), life, |grpc| grpc.ready_when(gate.clone())).await;
    assert_eq!(health(&server, "").await, ServingStatus::NotServing);
    gate.mark_ready();
    let channel: Channel = client::channel(&server.uri()).unwrap();
    let request = HealthCheckRequest { service: "salient.profile.v1.ProfileService".into() };
    let mut watch = HealthClient::new(channel).watch(request).await.unwrap().into_inner();
    while watch.next().await.unwrap().unwrap().status() != ServingStatus::Serving {}
    assert_eq!(health(&server, "").await, ServingStatus::Serving);
    gate.mark_unready("store");
    assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn a_soft_shutdown_drains_and_takes_nothing_new() {
    let server = serve(ServerConfig::default()).await;
    let mut client = server.events(Role::Operator);
    let work = tokio::spawn(async move { client.list_dead_letters(order("sleep:500")).await });
    let channel: Channel = client::channel(&server.uri()).unwrap();
    let mut watch =
        HealthClient::new(channel).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    while watch.next().await.unwrap().unwrap().status() != ServingStatus::Serving {}
    server.wait_busy(1).await;

    server.life.shut_down();
    assert_eq!(watch.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(watch.next().await.unwrap().unwrap_err().code(), Code::Unavailable);
    assert!(TcpStream::connect(server.address).await.is_err(), "the port is closed");
    assert_eq!(work.await.unwrap().unwrap().into_inner().next_page_token, "slept");
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_hard_shutdown_ends_calls_with_unavailable() {
    let server = serve(ServerConfig::default()).await;
    let mut client = server.events(Role::Operator);
    let work = tokio::spawn(async move { client.list_dead_letters(order("sleep:60000")).await });
    server.wait_busy(1).await;
    server.life.shut_down();
    server.life.hard.cancel();
    let status = work.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    server.wait_busy(0).await;
    tokio::time::timeout(Duration::from_secs(5), server.served).await.unwrap().unwrap().unwrap();
}
