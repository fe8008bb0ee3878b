//! What a service does with an event, and how handlers of different messages live in one table.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;
use prost::{DecodeError, Message, Name};
use salient_core::{Clock, Result};
use salient_store::Tx;

use crate::envelope::Envelope;

/// What a handler works with.
#[derive(Debug)]
pub struct HandlerCtx {
    /// The transaction that also holds the inbox row: what is written here happens once, or,
    /// if the handler fails, not at all. It spans a batch of events.
    pub tx: Tx,
    /// The event that is being handled.
    pub envelope: Envelope,
    /// The service's clock.
    pub clock: Clock,
}

/// An `async fn(&mut HandlerCtx, M) -> Result<()>`. Implemented for such functions; do not
/// implement it.
pub trait Handler<'a, M>: Send + Sync {
    /// What the function returns.
    type Future: Future<Output = Result<()>> + Send + 'a;
    /// Calls the function.
    fn call(&self, ctx: &'a mut HandlerCtx, message: M) -> Self::Future;
}

impl<'a, M, F, Fut> Handler<'a, M> for F
where
    F: Fn(&'a mut HandlerCtx, M) -> Fut + Send + Sync,
    Fut: Future<Output = Result<()>> + Send + 'a,
{
    type Future = Fut;

    fn call(&self, ctx: &'a mut HandlerCtx, message: M) -> Fut {
        self(ctx, message)
    }
}

/// An `async fn(S, &mut HandlerCtx, M) -> Result<()>`. Implemented for such functions; do not
/// implement it.
pub trait HandlerWith<'a, S, M>: Send + Sync {
    /// What the function returns.
    type Future: Future<Output = Result<()>> + Send + 'a;
    /// Calls the function.
    fn call(&self, state: S, ctx: &'a mut HandlerCtx, message: M) -> Self::Future;
}

impl<'a, S, M, F, Fut> HandlerWith<'a, S, M> for F
where
    F: Fn(S, &'a mut HandlerCtx, M) -> Fut + Send + Sync,
    Fut: Future<Output = Result<()>> + Send + 'a,
{
    type Future = Fut;

    fn call(&self, state: S, ctx: &'a mut HandlerCtx, message: M) -> Fut {
        self(state, ctx, message)
    }
}

/// A decoded event and what to do with it.
pub(crate) trait Job: Send {
    fn run<'a>(self: Box<Self>, ctx: &'a mut HandlerCtx) -> BoxFuture<'a, Result<()>>;
}

struct Plain<F, M> {
    handler: Arc<F>,
    message: M,
}

impl<F, M> Job for Plain<F, M>
where
    F: for<'a> Handler<'a, M>,
    M: Send,
{
    fn run<'a>(self: Box<Self>, ctx: &'a mut HandlerCtx) -> BoxFuture<'a, Result<()>> {
        let Self { handler, message } = *self;
        Box::pin(handler.call(ctx, message))
    }
}

struct With<F, S, M> {
    handler: Arc<F>,
    state: S,
    message: M,
}

impl<F, S, M> Job for With<F, S, M>
where
    F: for<'a> HandlerWith<'a, S, M>,
    S: Send,
    M: Send,
{
    fn run<'a>(self: Box<Self>, ctx: &'a mut HandlerCtx) -> BoxFuture<'a, Result<()>> {
        let Self { handler, state, message } = *self;
        Box::pin(handler.call(state, ctx, message))
    }
}

type Decode = Arc<dyn Fn(Bytes) -> Result<Box<dyn Job>, DecodeError> + Send + Sync>;

/// The handlers of a consumer, by event type.
#[derive(Clone, Default)]
pub(crate) struct Handlers(HashMap<String, Decode>);

impl Handlers {
    pub(crate) fn add<M, F>(&mut self, handler: F)
    where
        M: Message + Name + Default + 'static,
        F: for<'a> Handler<'a, M> + 'static,
    {
        let handler = Arc::new(handler);
        self.0.insert(
            M::full_name(),
            Arc::new(move |data| {
                let message = M::decode(data)?;
                let handler = Arc::clone(&handler);
                Ok(Box::new(Plain { handler, message }))
            }),
        );
    }

    pub(crate) fn add_with<S, M, F>(&mut self, state: S, handler: F)
    where
        S: Clone + Send + Sync + 'static,
        M: Message + Name + Default + 'static,
        F: for<'a> HandlerWith<'a, S, M> + 'static,
    {
        let handler = Arc::new(handler);
        self.0.insert(
            M::full_name(),
            Arc::new(move |data| {
                let message = M::decode(data)?;
                let (handler, state) = (Arc::clone(&handler), state.clone());
                Ok(Box::new(With { handler, state, message }))
            }),
        );
    }

    /// The types that are handled.
    pub(crate) fn types(&self) -> impl Iterator<Item = String> {
        self.0.keys().cloned()
    }

    /// The work that an event asks for; `None` if nobody here handles its type.
    pub(crate) fn job(&self, event: &Envelope) -> Option<Result<Box<dyn Job>, DecodeError>> {
        self.0.get(&event.type_).map(|decode| decode(event.data.clone()))
    }
}
