//! Calls to other services.
//!
//! A [`Link`] is what generated clients are built on. It adds a token, the trace context and the
//! deadline to every call, and keeps the deadline itself: DEADLINE_EXCEEDED, streams included.
//!
//! ```no_run
//! # async fn call(ctx: salient_kit::Ctx, signer: salient_kit::Signer) -> Result<(), tonic::Status> {
//! use salient_kit::client::{Credentials, Link, channel, retry};
//! use salient_proto::common::v1::{GetEventStatusRequest, events_service_client::EventsServiceClient};
//!
//! let link = Link::new(channel("http://127.0.0.1:7401").unwrap(), Credentials::service(signer, "scoring"));
//! let client = EventsServiceClient::new(link.for_tenant(ctx.tenant()));
//! let total = std::time::Duration::from_secs(10);
//! let status = retry(total, async || {
//!     client.clone().get_event_status(ctx.outgoing(GetEventStatusRequest {})).await
//! })
//! .await?;
//! # let _ = status; Ok(()) }
//! ```

mod retry;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{HeaderValue, header::AUTHORIZATION};
use salient_core::{Error, TenantId};
use tonic::{
    Status, TimeoutExpired,
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::Service;

use crate::{
    auth::{Claims, Role, Signer},
    config::Secret,
    layers::{
        Deadline,
        deadline::{cut_off, expired, timeout_of, timeout_text},
    },
    telemetry::propagation,
};

pub use retry::retry;

/// A call that brings no deadline gets this one.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a service may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that is silent for this long is asked whether it lives. Without this, a channel
/// stays dead after a partition.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long the answer to that may take.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a token lives that is made for one call.
const TOKEN_LIFE: Duration = Duration::from_secs(120);

/// A channel to `uri` (`http://host:port`) that connects when it is first used, and again
/// whenever it must.
///
/// # Errors
/// `FIELD_INVALID` if `uri` is none.
pub fn channel(uri: &str) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(uri.to_owned()).map_err(|error| {
        Error::field("uri", format!("{uri:?} is not of the form http://host:port: {error}"))
    })?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true)
        .connect_lazy())
}

/// How calls say who makes them. A request that already carries `authorization` keeps it.
#[derive(Clone)]
pub struct Credentials(Kind);

#[derive(Clone)]
enum Kind {
    None,
    Token(HeaderValue),
    Minted { signer: Signer, subject: String, role: Role, issuer: Option<String>, audience: Option<String> },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::None => "Credentials::none",
            Kind::Token(_) => "Credentials::token",
            Kind::Minted { .. } => "Credentials::minted",
        })
    }
}

impl Credentials {
    /// Nothing: requests bring their own.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// One token for every call.
    ///
    /// # Errors
    /// `FIELD_INVALID` if the token cannot stand in a header.
    pub fn token(token: &Secret) -> Result<Self, Error> {
        bearer(token.expose()).map(Kind::Token).map(Self)
    }

    /// The service `name`, with a short-lived token for each call; see [`Link::for_tenant`].
    pub fn service(signer: Signer, name: impl Into<String>) -> Self {
        Self::minted(signer, name, Role::Service)
    }

    /// Any subject and role, with a short-lived token for each call; see [`Link::for_tenant`].
    pub fn minted(signer: Signer, subject: impl Into<String>, role: Role) -> Self {
        Self(Kind::Minted { signer, subject: subject.into(), role, issuer: None, audience: None })
    }

    /// Puts `iss` and `aud` into minted tokens.
    #[must_use]
    pub fn between(mut self, iss: Option<String>, aud: Option<String>) -> Self {
        if let Kind::Minted { issuer, audience, .. } = &mut self.0 {
            (*issuer, *audience) = (iss, aud);
        }
        self
    }

    fn header(&self, tenant: Option<&TenantId>) -> Result<Option<HeaderValue>, Error> {
        match &self.0 {
            Kind::None => Ok(None),
            Kind::Token(value) => Ok(Some(value.clone())),
            Kind::Minted { signer, subject, role, issuer, audience } => {
                let tenant = tenant.ok_or_else(|| Error::internal("the link has no tenant to act for"))?;
                let claims = Claims::lasting(tenant, subject, *role, TOKEN_LIFE)
                    .between(issuer.clone(), audience.clone());
                bearer(&signer.mint(&claims)?).map(Some)
            }
        }
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Error::field("token", "must be a JWT, without spaces or line ends"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A channel that adds token, trace context and deadline. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Link {
    channel: Channel,
    credentials: Credentials,
    tenant: Option<TenantId>,
    timeout: Duration,
}

impl Link {
    /// Calls over `channel` as `credentials` say.
    pub fn new(channel: Channel, credentials: Credentials) -> Self {
        Self { channel, credentials, tenant: None, timeout: TIMEOUT }
    }

    /// The same link, acting for `tenant` where tokens are made for each call.
    #[must_use]
    pub fn for_tenant(&self, tenant: &TenantId) -> Self {
        Self { tenant: Some(tenant.clone()), ..self.clone() }
    }

    /// The deadline of calls that bring none.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Service<http::Request<Body>> for Link {
    type Response = http::Response<Body>;
    // boxed, so that tonic finds the status inside of it again
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        if !request.headers().contains_key(AUTHORIZATION) {
            match self.credentials.header(self.tenant.as_ref()) {
                Ok(Some(value)) => drop(request.headers_mut().insert(AUTHORIZATION, value)),
                Ok(None) => {}
                Err(error) => {
                    let status = crate::status::status(error);
                    return Box::pin(async move { Err(status.into()) });
                }
            }
        }
        propagation::inject(request.headers_mut());

        let inherited = request
            .extensions()
            .get::<Deadline>()
            .map(|deadline| deadline.0.saturating_duration_since(Instant::now()));
        let timeout = match (timeout_of(request.headers()), inherited) {
            (Some(own), Some(inherited)) => own.min(inherited),
            (own, inherited) => own.or(inherited).unwrap_or(self.timeout),
        };
        if timeout.is_zero() {
            return Box::pin(async { Err(expired().into()) });
        }
        if let Ok(value) = HeaderValue::try_from(timeout_text(timeout)) {
            request.headers_mut().insert("grpc-timeout", value);
        }
        let call = self.channel.call(request);
        let timer = tokio::time::sleep(timeout);
        let cut = Box::pin(async move {
            timer.await;
            expired()
        });
        Box::pin(async move {
            cut_off(call, cut).await.map_err(|error| {
                // the channel has a timer of its own, which says CANCELLED
                if is_timeout(&error) { expired().into() } else { error.into() }
            })
        })
    }
}

fn is_timeout(error: &tonic::transport::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The status inside of an error of a [`Link`], for callers that use it without a generated client.
pub fn status_of(error: Box<dyn std::error::Error + Send + Sync>) -> Status {
    Status::from_error(error)
}
