//! What a server refuses, and how it says so.

use crate::common::{acme, order, serve, signer, token};
use salient_core::Reason;
use salient_kit::{
    Claims, Role,
    client::{Credentials, Link, channel},
    config::ServerConfig,
    status,
};
use salient_proto::{
    common::v1::{ReplayDeadLettersRequest, events_service_client::EventsServiceClient},
    profile::v1::{
        Account, GetAccountRequest, IngestRecordsRequest, profile_service_client::ProfileServiceClient,
    },
};
use tonic::{Code, Request, Status, codec::CompressionEncoding, metadata::MetadataValue, transport::Channel};

fn refused(status: &Status, code: Code, reason: Reason) {
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(status::reason(status), Some(reason), "{status:?}");
}

fn with_header<T>(message: T, value: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().append("authorization", MetadataValue::try_from(value).unwrap());
    request
}

#[tokio::test]
async fn every_call_needs_a_good_token() {
    let server = serve(ServerConfig::default()).await;
    let bare: Channel = channel(&server.uri()).unwrap();
    let mut client = EventsServiceClient::new(bare);

    let status = client.list_dead_letters(order("")).await.unwrap_err();
    refused(&status, Code::Unauthenticated, Reason::TokenInvalid);
    let expired = signer()
        .mint(&Claims { exp: 1, ..Claims::lasting(&acme(), "x", Role::Operator, Default::default()) })
        .unwrap();
    for bad in ["", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", &format!("Bearer {expired}")] {
        let status = client.list_dead_letters(with_header(order(""), bad)).await.unwrap_err();
        refused(&status, Code::Unauthenticated, Reason::TokenInvalid);
    }
    let mut twice = with_header(order(""), &format!("Bearer {}", token(Role::Operator)));
    twice.metadata_mut().append("authorization", MetadataValue::from_static("Bearer x"));
    let status = client.list_dead_letters(twice).await.unwrap_err();
    refused(&status, Code::Unauthenticated, Reason::TokenInvalid);

    let good = with_header(order("caller"), &format!("bearer {}", token(Role::Operator)));
    let answer = client.list_dead_letters(good).await.unwrap().into_inner();
    assert_eq!(answer.next_page_token, "acme s07 operator");
}

#[tokio::test]
async fn roles_go_as_far_as_the_contract_lets_them() {
    let server = serve(ServerConfig::default()).await;
    for role in [Role::Seller, Role::Manager, Role::Integration, Role::Service] {
        let status = server.events(role).list_dead_letters(order("")).await.unwrap_err();
        refused(&status, Code::PermissionDenied, Reason::RoleInsufficient);
        assert!(status.message().contains("allowed: operator"), "{status}");
    }
    assert!(server.events(Role::Service).get_event_status(Request::new(Default::default())).await.is_ok());
    // client streams are calls like all others
    let stream = futures::stream::empty::<IngestRecordsRequest>();
    let status = server.profile(Role::Seller).ingest_records(stream).await.unwrap_err();
    refused(&status, Code::PermissionDenied, Reason::RoleInsufficient);
}

#[tokio::test]
async fn a_method_that_no_contract_has_is_unimplemented() {
    let server = serve(ServerConfig::default()).await;
    let call = async |link| {
        let mut grpc = tonic::client::Grpc::<Link>::new(link);
        grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/salient.profile.v1.ProfileService/Invented");
        let codec = tonic_prost::ProstCodec::<GetAccountRequest, GetAccountRequest>::default();
        grpc.unary(Request::new(GetAccountRequest::default()), path, codec).await.unwrap_err()
    };
    assert_eq!(call(server.link(Role::Operator)).await.code(), Code::Unimplemented);
    let nobody = Link::new(channel(&server.uri()).unwrap(), Credentials::none());
    assert_eq!(call(nobody).await.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_message_that_breaks_a_rule_names_the_field() {
    let server = serve(ServerConfig::default()).await;
    let mut request = order("");
    request.page_size = -1;
    let status = server.events(Role::Operator).list_dead_letters(request).await.unwrap_err();
    refused(&status, Code::InvalidArgument, Reason::FieldInvalid);
    let error = status::from_status(status);
    assert_eq!(error.violations()[0].field, "page_size");
    assert!(error.message().contains("-1"), "{error}");
}

#[tokio::test]
async fn a_bad_message_of_a_stream_is_named_with_its_position() {
    let server = serve(ServerConfig::default()).await;
    let good = IngestRecordsRequest {
        request_id: "0197d5a4-6f3e-7c1b-9b0a-4a1d2f3c5e6b".into(),
        accounts: vec![Account::default(); 3],
        ..Default::default()
    };
    let answer = server
        .profile(Role::Integration)
        .ingest_records(futures::stream::iter([good.clone(), good.clone()]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((answer.batches, answer.accounts.unwrap().created), (2, 6));

    let bad = IngestRecordsRequest { request_id: "x".into(), ..good.clone() };
    let status = server
        .profile(Role::Integration)
        .ingest_records(futures::stream::iter([good, bad]))
        .await
        .unwrap_err();
    refused(&status, Code::InvalidArgument, Reason::FieldInvalid);
    assert_eq!(status::from_status(status).violations()[0].field, "messages[1].request_id");
}

#[tokio::test]
async fn a_message_above_the_limit_is_too_large() {
    let config = ServerConfig { max_message_bytes: 64 * 1024, ..ServerConfig::default() };
    let server = serve(config).await;
    let big = |bytes: usize| ReplayDeadLettersRequest { event_ids: vec!["x".repeat(bytes)] };

    let mut client = server.events(Role::Operator);
    assert!(client.replay_dead_letters(big(60 * 1024)).await.is_ok());
    let status = client.replay_dead_letters(big(50 * 1024 * 1024)).await.unwrap_err();
    refused(&status, Code::ResourceExhausted, Reason::BodyTooLarge);
    // the connection is as good as before
    assert!(client.replay_dead_letters(big(10)).await.is_ok());

    // fifty megabytes of one letter are fifty kilobytes on the wire
    let mut bomb = client.clone().send_compressed(CompressionEncoding::Gzip);
    assert!(bomb.replay_dead_letters(big(60 * 1024)).await.is_ok());
    let status = bomb.replay_dead_letters(big(50 * 1024 * 1024)).await.unwrap_err();
    refused(&status, Code::ResourceExhausted, Reason::BodyTooLarge);

    let batch = IngestRecordsRequest {
        request_id: "0197d5a4-6f3e-7c1b-9b0a-4a1d2f3c5e6b".into(),
        accounts: vec![Account { display_name: "x".repeat(100_000), ..Account::default() }],
        ..Default::default()
    };
    let status =
        server.profile(Role::Integration).ingest_records(futures::stream::iter([batch])).await.unwrap_err();
    refused(&status, Code::ResourceExhausted, Reason::BodyTooLarge);
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_fault() {
    let server = serve(ServerConfig::default()).await;
    let mut grpc = tonic::client::Grpc::new(server.link(Role::Operator));
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/salient.common.v1.EventsService/ReplayDeadLetters");
    // field 1 of this message is a number, of the expected one a list of texts
    let codec = tonic_prost::ProstCodec::<prost_types::Timestamp, prost_types::Timestamp>::default();
    let wrong = prost_types::Timestamp { seconds: 7, nanos: 7 };
    let status = grpc.unary(Request::new(wrong), path, codec).await.unwrap_err();
    refused(&status, Code::InvalidArgument, Reason::FieldInvalid);
}

#[tokio::test]
async fn defects_are_told_without_their_cause() {
    let server = serve(ServerConfig::default()).await;
    for defect in ["panic", "fail"] {
        let status = server.events(Role::Operator).list_dead_letters(order(defect)).await.unwrap_err();
        refused(&status, Code::Internal, Reason::Internal);
        assert!(status.message().contains("the log has its cause"), "{status}");
        assert!(!status.message().contains("as ordered") && !status.message().contains("the cause:"));
    }
    // the next call on the same connection is served
    let mut client = server.events(Role::Operator);
    client.list_dead_letters(order("panic")).await.unwrap_err();
    assert!(client.list_dead_letters(order("")).await.is_ok());
}

#[tokio::test]
async fn a_token_of_the_request_is_kept() {
    let server = serve(ServerConfig::default()).await;
    let link = Link::new(channel(&server.uri()).unwrap(), Credentials::service(signer(), "scoring"));
    let mut client = EventsServiceClient::new(link.for_tenant(&acme()));
    // minted for each call
    let status = client.list_dead_letters(order("caller")).await.unwrap_err();
    refused(&status, Code::PermissionDenied, Reason::RoleInsufficient);
    assert!(client.get_event_status(Request::new(Default::default())).await.is_ok());
    // forwarded
    let own = with_header(order("caller"), &format!("Bearer {}", token(Role::Operator)));
    assert_eq!(
        client.list_dead_letters(own).await.unwrap().into_inner().next_page_token,
        "acme s07 operator"
    );
    // a link that mints needs to know for whom
    let mut lost = ProfileServiceClient::new(link);
    let status = lost.get_account(GetAccountRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
}
