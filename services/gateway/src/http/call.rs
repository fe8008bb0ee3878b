//! One RPC at the service behind.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderName, Method, header};
use prost_reflect::DynamicMessage;
use salient_core::Reason;
use salient_kit::client::Link;
use tokio::time::Instant;
use tonic::{Request, Status, Streaming, client::Grpc};

use super::problem::{Problem, is_lost};
use crate::{contract::Route, transcode::DynamicCodec};

/// What is passed on of a request's headers.
const FORWARDED: [HeaderName; 3] =
    [header::AUTHORIZATION, HeaderName::from_static("traceparent"), HeaderName::from_static("tracestate")];

/// Pauses before a read is tried again when its service does not answer. A service that restarts
/// is back after the second.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// An RPC about to be called.
#[derive(Debug)]
pub struct Call<'a> {
    /// The route that leads to it.
    pub route: &'a Route,
    /// Name of the service.
    pub upstream: &'a str,
    /// The way to the service.
    pub link: &'a Link,
    /// Headers of the HTTP request.
    pub headers: &'a HeaderMap,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// Largest message taken from the service, in bytes.
    pub max_message_bytes: usize,
}

impl Call<'_> {
    /// Sends one message, takes one message. A read is tried again if the service does not answer.
    ///
    /// # Errors
    /// What the service answers instead.
    pub async fn unary(&self, message: DynamicMessage) -> Result<DynamicMessage, Problem> {
        let pauses = if self.route.method == Method::GET { &PAUSES[..] } else { &[] };
        for pause in pauses {
            match self.many_to_one(one(message.clone())).await {
                Err(status) if worth_another(&status) && Instant::now() + *pause < self.deadline => {
                    tracing::debug!(upstream = self.upstream, "trying again");
                    tokio::time::sleep(*pause).await;
                }
                answer => return answer.map_err(|status| Problem::of_call(&status, self.upstream)),
            }
        }
        self.client_streaming(one(message)).await
    }

    /// Sends many messages, takes one.
    ///
    /// # Errors
    /// What the service answers instead.
    pub async fn client_streaming<S>(&self, messages: S) -> Result<DynamicMessage, Problem>
    where
        S: Stream<Item = DynamicMessage> + Send + 'static,
    {
        self.many_to_one(messages).await.map_err(|status| Problem::of_call(&status, self.upstream))
    }

    /// Sends messages, takes a stream.
    ///
    /// # Errors
    /// What the service answers instead.
    pub async fn streaming<S>(&self, messages: S) -> Result<Streaming<DynamicMessage>, Problem>
    where
        S: Stream<Item = DynamicMessage> + Send + 'static,
    {
        let answer = async {
            let mut client = self.client().await?;
            let codec = DynamicCodec::new(self.route.rpc.output());
            let path = self.route.grpc_path.clone();
            client.streaming(self.request(messages), path, codec).await
        };
        let answer: Result<_, Status> = answer.await;
        answer.map(tonic::Response::into_inner).map_err(|status| Problem::of_call(&status, self.upstream))
    }

    async fn many_to_one<S>(&self, messages: S) -> Result<DynamicMessage, Status>
    where
        S: Stream<Item = DynamicMessage> + Send + 'static,
    {
        let mut client = self.client().await?;
        let codec = DynamicCodec::new(self.route.rpc.output());
        let path = self.route.grpc_path.clone();
        let answer = client.client_streaming(self.request(messages), path, codec).await?;
        Ok(answer.into_inner())
    }

    async fn client(&self) -> Result<Grpc<Link>, Status> {
        let mut client = Grpc::new(self.link.clone()).max_decoding_message_size(self.max_message_bytes);
        client.ready().await.map_err(|error| {
            tracing::warn!(upstream = self.upstream, error, "upstream is not ready");
            Status::unavailable("the service does not answer")
        })?;
        Ok(client)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let headers: &mut HeaderMap = request.metadata_mut().as_mut();
        for name in &FORWARDED {
            if let Some(value) = self.headers.get(name) {
                headers.insert(name, value.clone());
            }
        }
        request.set_timeout(self.deadline.saturating_duration_since(Instant::now()));
        request
    }
}

fn one(message: DynamicMessage) -> impl Stream<Item = DynamicMessage> + Send + 'static {
    stream::iter([message]).boxed()
}

/// A service that sheds load would not thank us for asking twice.
fn worth_another(status: &Status) -> bool {
    is_lost(status) && salient_kit::status::reason(status) != Some(Reason::Overloaded)
}
