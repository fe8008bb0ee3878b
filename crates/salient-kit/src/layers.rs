//! What every call passes through, one layer a file, from the outside in:
//! [`trace`], [`metrics`], [`catch_panic`], [`limit`], [`auth`], [`deadline`], [`wire`].

pub mod auth;
pub mod catch_panic;
pub mod deadline;
pub mod limit;
pub mod metrics;
pub mod observe;
pub mod trace;
pub mod wire;

use std::{future::Future, pin::Pin, time::Instant};

use tonic::body::Body;

/// A call as the layers see it.
pub type Request = http::Request<Body>;
/// An answer as the layers see it.
pub type Response = http::Response<Body>;
/// The future of a layer.
pub type Answer<E> = Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>;

/// When a caller stops waiting, in a request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// A method that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Full name of the service.
    pub service: &'static str,
    /// Name of the method.
    pub method: &'static str,
    /// Health or reflection: open to all, and outside limits and default deadlines.
    pub exempt: bool,
}

/// What stands for the methods that callers invent, so that they cannot invent metrics.
pub const UNKNOWN: Method = Method { service: "unknown", method: "unknown", exempt: false };

const EXEMPT: [(&str, &str); 4] = [
    ("grpc.health.v1.Health", "Check"),
    ("grpc.health.v1.Health", "Watch"),
    ("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo"),
    ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo"),
];

/// The method at `path`, if the contracts have it.
pub fn method(path: &str) -> Option<Method> {
    if let Some(salient_proto::Method { service, name, .. }) = salient_proto::method(path) {
        return Some(Method { service, method: name, exempt: false });
    }
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    EXEMPT.into_iter().find(|exempt| *exempt == (service, method)).map(|(service, method)| Method {
        service,
        method,
        exempt: true,
    })
}

/// Reads the descriptors now, so that the first call does not wait for it.
pub(crate) fn warm() {
    salient_proto::method("");
}

#[cfg(test)]
mod testing;
