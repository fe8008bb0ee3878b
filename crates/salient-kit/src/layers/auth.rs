//! Nobody in without a token, nobody further than their role.
//!
//! The bearer token of `authorization` becomes a [`Caller`](crate::Caller) in the request's
//! extensions. The roles that a method allows stand in the contract
//! (`option (salient.common.v1.roles)`); a method without them is refused to everybody. Health
//! and reflection are open.

use std::task::{Context, Poll};

use http::{HeaderMap, header::AUTHORIZATION};
use salient_core::{Error, Reason};
use tonic::Status;
use tower::{Layer, Service};
use tracing::Span;

use super::{Answer, Request, Response, method};
use crate::{
    auth::{Caller, Verifier},
    status::refusal,
};

/// Checks the caller of every call.
#[derive(Clone, Debug)]
pub struct AuthLayer {
    verifier: Verifier,
}

impl AuthLayer {
    /// Callers are who `verifier` says.
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth { inner, verifier: self.verifier.clone() }
    }
}

/// See [`AuthLayer`].
#[derive(Clone, Debug)]
pub struct Auth<S> {
    inner: S,
    verifier: Verifier,
}

impl<S> Service<Request> for Auth<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let path = request.uri().path();
        match method(path) {
            Some(method) if method.exempt => return Box::pin(self.inner.call(request)),
            known => match authorise(&self.verifier, request.headers(), path, known.is_some()) {
                Ok(caller) => {
                    let span = Span::current();
                    span.record("tenant", caller.tenant.as_str());
                    span.record("role", caller.role.as_str());
                    request.extensions_mut().insert(caller);
                }
                Err(status) => {
                    tracing::debug!(code = ?status.code(), why = status.message(), "call refused");
                    return Box::pin(async move { Ok(status.into_http()) });
                }
            },
        }
        Box::pin(self.inner.call(request))
    }
}

fn authorise(verifier: &Verifier, headers: &HeaderMap, path: &str, known: bool) -> Result<Caller, Status> {
    let caller = bearer(headers)
        .and_then(|token| verifier.verify(token))
        .map_err(|error| refusal(error.reason(), error.message()))?;
    if !known {
        // who has a token may know that a name is wrong
        return Err(Status::unimplemented(format!("there is no method {path}")));
    }
    let allowed = salient_proto::method_roles(path);
    if !allowed.contains(&caller.role.to_proto()) {
        let names: Vec<_> = crate::Role::ALL
            .into_iter()
            .filter(|role| allowed.contains(&role.to_proto()))
            .map(crate::Role::as_str)
            .collect();
        let who = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        return Err(refusal(
            Reason::RoleInsufficient,
            format!("the role {} may not call {path}; allowed: {who}", caller.role),
        ));
    }
    Ok(caller)
}

/// The bearer token of a call's headers.
///
/// # Errors
/// `TOKEN_INVALID` if there is none, or more than one.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let missing = || {
        Error::new(
            Reason::TokenInvalid,
            "a bearer token is needed: the metadata `authorization: Bearer <token>`",
        )
    };
    let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() {
        Ok(token.trim())
    } else {
        Err(missing())
    }
}
