//! What happens to a request.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, header, request::Parts};
use prost::Message;
use prost_reflect::DynamicMessage;
use salient_core::Reason;
use salient_kit::{client::Link, telemetry::propagation};
use tokio::{sync::Semaphore, time::Instant};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{
    call::Call,
    head,
    inlet::Inlet,
    problem::Problem,
    streams,
    visit::{Instruments, Visit},
};
use crate::{
    contract::{Body as BodyRule, Captures, Found, Owner, Route, Routes},
    transcode::{self, Input, json},
};

/// JSON longer than this is read and written beside the runtime, not on it.
const LONG: usize = 64 * 1024;

/// How much and how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest body, and largest line of a stream, in bytes.
    pub body_bytes: usize,
    /// Time of a call that asks for none.
    pub timeout: Duration,
    /// The same of a stream.
    pub stream_timeout: Duration,
    /// The longest time that may be asked for.
    pub max_timeout: Duration,
}

/// Everything that a request needs.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) routes: Routes,
    pub(crate) links: BTreeMap<String, Link>,
    pub(crate) limits: Limits,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) instruments: Instruments,
}

/// Answers a request for an RPC, or for a path that does not exist.
pub async fn answer(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let inlet = Inlet::new(&parts.headers, body);
    let found = gateway.routes.find(&parts.method, parts.uri.path());
    let route = if let Found::Route(route, _) = &found { Some(route.template_text.as_str()) } else { None };
    let mut visit = gateway.instruments.begin(&parts.method, route);
    let span = tracing::info_span!(
        parent: None,
        "http",
        otel.name = format_args!("{} {}", parts.method, route.unwrap_or("none")),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = %parts.method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        trace_id = tracing::field::Empty,
    );
    // without a subscriber there is nothing to adopt, and that is no error
    let _ = span.set_parent(propagation::extract(&parts.headers));
    let trace_id = span.in_scope(trace_id).or_else(|| incoming_trace_id(&parts));
    if let Some(id) = &trace_id {
        span.record("trace_id", id);
    }
    let served = serve(&gateway, &parts, inlet, found, &mut visit).instrument(span.clone()).await;
    let mut response = served.unwrap_or_else(|mut problem| {
        problem.trace_id = trace_id;
        span.in_scope(|| {
            tracing::debug!(reason = problem.reason, detail = problem.detail, "request refused")
        });
        problem.into_response()
    });
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response.headers_mut().insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    visit.follow(response)
}

fn trace_id() -> Option<String> {
    trace_id_of(&propagation::current_traceparent()?)
}

fn incoming_trace_id(parts: &Parts) -> Option<String> {
    trace_id_of(parts.headers.get("traceparent")?.to_str().ok()?)
}

fn trace_id_of(traceparent: &str) -> Option<String> {
    let id = traceparent.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}

async fn serve(
    gateway: &Gateway,
    parts: &Parts,
    mut inlet: Inlet,
    found: Found<'_>,
    visit: &mut Visit,
) -> Result<Response, Problem> {
    let (route, captures) = match found {
        Found::Route(route, captures) => (route, captures),
        Found::OtherMethods(methods) => return Err(wrong_method(parts, methods)),
        Found::Nothing => {
            let detail =
                format!("there is nothing at {}; /openapi.json lists what there is", parts.uri.path());
            return Err(Problem::of_status(StatusCode::NOT_FOUND, detail));
        }
    };
    head::require_token(&parts.headers)?;
    let place = gateway.places.clone().try_acquire_owned();
    visit.hold(place.map_err(|_| overloaded())?);
    let streams = route.rpc.is_client_streaming() || route.rpc.is_server_streaming();
    let default = if streams { gateway.limits.stream_timeout } else { gateway.limits.timeout };
    let budget = head::budget(&parts.headers, default, gateway.limits.max_timeout)?;
    let upstream = upstream(route, &captures)?.to_owned();
    let link = gateway.links.get(&upstream).ok_or_else(|| {
        Problem::refuse(
            Reason::DependencyUnavailable,
            format!("the gateway has no address of the {upstream} service"),
        )
    })?;
    let call = Call {
        route,
        upstream: &upstream,
        link,
        headers: &parts.headers,
        deadline: Instant::now() + budget,
        max_message_bytes: gateway.limits.body_bytes.max(64 * 1024 * 1024),
    };
    if route.body != BodyRule::None {
        head::check_media(&parts.headers, route.rpc.is_client_streaming())?;
    }
    if route.rpc.is_client_streaming() {
        return streams::upload(&call, inlet, gateway.limits.body_bytes).await;
    }
    let body = tokio::time::timeout_at(call.deadline, inlet.all(gateway.limits.body_bytes)).await;
    let body = body.map_err(|_| late(&call, budget, "the body has not arrived"))??;
    let query = parts.uri.query().unwrap_or_default();
    let message = read(route, captures, query, body).await?;
    if route.rpc.is_server_streaming() {
        return streams::download(&call, message).await;
    }
    let answer = call.unary(message).await?;
    json_response(answer, route.response_field.clone()).await
}

fn wrong_method(parts: &Parts, methods: Vec<Method>) -> Problem {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let detail = format!("{} takes {}, not {}", parts.uri.path(), names.join(" or "), parts.method);
    let mut problem = Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, detail);
    problem.allow = methods;
    problem
}

fn overloaded() -> Problem {
    let mut problem =
        Problem::refuse(Reason::Overloaded, "too many requests are in work; try again after a pause");
    problem.retry_after = Some(Duration::from_secs(1));
    problem
}

fn late(call: &Call<'_>, budget: Duration, what: &str) -> Problem {
    tracing::debug!(upstream = call.upstream, "budget used up before the call");
    Problem::refuse(Reason::DeadlinePassed, format!("{what} within {} ms", budget.as_millis()))
}

fn upstream<'a>(route: &'a Route, captures: &'a Captures) -> Result<&'a str, Problem> {
    match &route.owner {
        Owner::Service(name) => Ok(name),
        Owner::InPath => captures
            .upstream
            .as_deref()
            .ok_or_else(|| Problem::of_status(StatusCode::NOT_FOUND, "the path names no service")),
    }
}

async fn read(
    route: &Route,
    captures: Captures,
    query: &str,
    body: bytes::Bytes,
) -> Result<DynamicMessage, Problem> {
    if body.len() <= LONG {
        let input = Input { captures: &captures, query, body: &body };
        return transcode::read(route, &input).map_err(Problem::of_fields);
    }
    let (route, query) = (route.clone(), query.to_owned());
    beside(move || {
        let input = Input { captures: &captures, query: &query, body: &body };
        transcode::read(&route, &input).map_err(Problem::of_fields)
    })
    .await
}

/// The JSON of a message as a response.
async fn json_response(message: DynamicMessage, only: Option<String>) -> Result<Response, Problem> {
    let long = message.encoded_len() > LONG;
    let write = move || {
        json::write(&message, only.as_deref()).map_err(|error| {
            tracing::error!(%error, "response has no JSON form");
            Problem::refuse(Reason::Internal, "the answer cannot be written as JSON")
        })
    };
    let body = if long { beside(write).await? } else { write()? };
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response())
}

/// Runs work that takes a while beside the runtime.
pub(super) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "transcoding failed");
        Err(Problem::refuse(Reason::Internal, "internal error; the log has its cause"))
    })
}
