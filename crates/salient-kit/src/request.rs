//! What a handler begins with: who calls, until when, and a message that keeps the rules.

use std::time::{Duration, Instant};

use futures::{Stream, StreamExt};
use salient_core::{Error, TenantId, Violation};
use salient_proto::Validate;
use tonic::{Request, Status, Streaming};

use crate::{
    auth::Caller,
    layers::{Deadline, wire},
    status::status,
};

/// The circumstances of a call.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// Who calls.
    pub caller: Caller,
    /// When the caller stops waiting; none outside a server.
    pub deadline: Option<Instant>,
}

impl Ctx {
    /// The circumstances that the server's layers noted on a request.
    ///
    /// # Errors
    /// `INTERNAL` if the server has no auth layer.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        let caller = request
            .extensions()
            .get::<Caller>()
            .cloned()
            .ok_or_else(|| Error::internal("the server has no auth layer"))?;
        let deadline = request.extensions().get::<Deadline>().map(|deadline| deadline.0);
        Ok(Self { caller, deadline })
    }

    /// Whose data this call may see.
    pub fn tenant(&self) -> &TenantId {
        &self.caller.tenant
    }

    /// What is left of the caller's time; zero when it is over.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// A request to another service that inherits this call's deadline; the rest (token, trace)
    /// is added by [`crate::client::Link`].
    pub fn outgoing<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(deadline) = self.deadline {
            request.extensions_mut().insert(Deadline(deadline));
        }
        request
    }
}

/// The circumstances and the message of a call whose message keeps the contract's rules.
///
/// # Errors
/// INVALID_ARGUMENT with a violation per broken rule.
pub fn accept<M: Validate>(request: Request<M>) -> Result<(Ctx, M), Status> {
    let ctx = Ctx::of(&request).map_err(status)?;
    let message = request.into_inner();
    check(&message).map_err(status)?;
    Ok((ctx, message))
}

/// The circumstances and the messages of a client-streaming call; every message is checked when
/// it is taken.
///
/// # Errors
/// `INTERNAL` if the server has no auth layer.
pub fn accept_stream<M: Validate>(request: Request<Streaming<M>>) -> Result<(Ctx, Inbound<M>), Status> {
    let ctx = Ctx::of(&request).map_err(status)?;
    Ok((ctx, Inbound { stream: request.into_inner(), taken: 0 }))
}

/// The messages of a client-streaming call.
#[derive(Debug)]
pub struct Inbound<M> {
    stream: Streaming<M>,
    taken: usize,
}

impl<M: Validate + Send + 'static> Inbound<M> {
    /// The next message; none at the end of the stream. A client that goes away may look like the
    /// end too, so each message must be complete in itself.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with the position of the message and a violation per broken rule;
    /// RESOURCE_EXHAUSTED if the message is too large.
    pub async fn next(&mut self) -> Result<Option<M>, Status> {
        let message = match self.stream.next().await {
            None => return Ok(None),
            Some(message) => message.map_err(|status| wire::refine(&status).unwrap_or(status))?,
        };
        let position = self.taken;
        self.taken += 1;
        check(&message).map_err(|error| {
            let violations = error
                .violations()
                .iter()
                .map(|violation| Violation {
                    field: format!("messages[{position}].{}", violation.field),
                    description: violation.description.clone(),
                })
                .collect();
            status(Error::fields(violations))
        })?;
        Ok(Some(message))
    }

    /// The messages as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<M, Status>> + Send {
        futures::stream::try_unfold(self, |mut inbound| async move {
            Ok(inbound.next().await?.map(|message| (message, inbound)))
        })
    }
}

fn check(message: &impl Validate) -> Result<(), Error> {
    message.validate().map_err(|violations| {
        Error::fields(
            violations
                .into_iter()
                .map(|violation| Violation { field: violation.field, description: violation.description })
                .collect(),
        )
    })
}
