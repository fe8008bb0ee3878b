//! Tools find out by themselves what a server serves, in both versions of the protocol.

use futures::{StreamExt, stream};
use salient_kit::{client::channel, config::ServerConfig};
use tonic::transport::Channel;

use crate::common::serve;

macro_rules! check {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let ask = |message: MessageRequest| ServerReflectionRequest {
            host: String::new(),
            message_request: Some(message),
        };
        let requests = stream::iter([
            ask(MessageRequest::ListServices(String::new())),
            ask(MessageRequest::FileContainingSymbol("salient.profile.v1.Account".into())),
        ]);
        let answers: Vec<_> = ServerReflectionClient::new($channel)
            .server_reflection_info(requests)
            .await
            .unwrap()
            .into_inner()
            .map(|answer| answer.unwrap().message_response.unwrap())
            .collect()
            .await;
        let MessageResponse::ListServicesResponse(services) = &answers[0] else { panic!("{answers:?}") };
        let names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
        assert!(names.contains(&"salient.profile.v1.ProfileService"), "{names:?}");
        assert!(names.contains(&"grpc.health.v1.Health"), "{names:?}");
        assert!(!names.contains(&"salient.scoring.v1.ScoringService"), "not served here: {names:?}");
        let MessageResponse::FileDescriptorResponse(files) = &answers[1] else { panic!("{answers:?}") };
        assert!(!files.file_descriptor_proto[0].is_empty());
    }};
}

#[tokio::test]
async fn reflection_speaks_both_versions_without_a_token() {
    let server = serve(ServerConfig::default()).await;
    let channel: Channel = channel(&server.uri()).unwrap();
    check!(v1, channel.clone());
    check!(v1alpha, channel);
}
