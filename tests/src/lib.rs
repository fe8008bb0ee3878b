//! What tests that cross services share.
//!
//! HTTP as a browser would speak it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

/// The status of the answer, and its JSON.
///
/// # Panics
/// The server does not answer, or not in JSON.
pub async fn call(method: &str, uri: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
    try_call(method, uri, token, body).await.unwrap()
}

/// The status of the answer, and its JSON.
///
/// # Errors
/// The connection is refused, or breaks before the answer is whole.
///
/// # Panics
/// The answer is not JSON.
pub async fn try_call(
    method: &str,
    uri: &str,
    token: &str,
    body: Option<&Value>,
) -> Result<(u16, Value), Box<dyn std::error::Error + Send + Sync>> {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(body.map(Value::to_string).unwrap_or_default()))
        .unwrap();
    let answer = client.request(request).await?;
    let status = answer.status().as_u16();
    let text = answer.into_body().collect().await?.to_bytes();
    Ok((status, serde_json::from_slice(&text).unwrap()))
}
