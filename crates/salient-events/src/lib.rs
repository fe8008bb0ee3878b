//! Events between services: in one commit with the state they tell of, at least once on the
//! wire, once in effect, in order per account.
//!
//! ```text
//! service A                                               service B
//! state + outbox row ──► Relay ──► Bus ──────────────► Consumer ──► inbox row + effect
//!      one commit       (one per    in-process,         (one per       one commit
//!                        service)   Redis Streams        group)
//! ```
//!
//! - [`outbox::publish_in_tx`] puts an [`Envelope`] beside the state. [`Relay`] carries it to the
//!   [`Bus`] and takes it out when the bus has it.
//! - [`Consumer`] takes it from there, with its [`Retry`]s, and hands it to a handler. What
//!   cannot be applied is kept in [`dead_letters`].
//! - A stream is split into [`SHARDS`]; [`shard_of`] an account says where its events stand.
//!   Order is kept within a shard.
//! - [`status`] counts both ends; [`EventsServer`] shows it all to operators.
//!
//! # How a person is erased
//! [`erasure`] takes whoever is erased out of what is kept of events, and keeps out what still
//! arrives; its head tells the whole way.
//!
//! # How to publish a new event
//! Add the message to `proto/salient/<service>/v1/events.proto`. Then, where the state is
//! written:
//! ```ignore
//! let mut tx = db.begin().await?;
//! // … write the state …
//! let shard = shard_of(account.uuid().as_bytes());
//! let event = Envelope::new("profile", &clock, tenant, shard, &OrdersRecorded { orders });
//! outbox::publish_in_tx(&mut tx, &[event]).await?;
//! tx.commit().await?;
//! ```
//!
//! # How to consume one
//! Write an async function of the context and the message, and add it to the consumer:
//! ```ignore
//! async fn orders_recorded(ctx: &mut HandlerCtx, message: OrdersRecorded) -> Result<()> {
//!     let tenant = ctx.envelope.tenant.clone();
//!     store::orders::upsert_in_tx(&mut ctx.tx, &tenant, message.orders).await
//! }
//! let consumer = Consumer::new(db, bus, "scoring", clock)
//!     .subscribe("profile")
//!     .handle(orders_recorded);
//! ```
//! A handler runs in a transaction that it shares with others of its batch, and may run again
//! after a failure: effects belong into `ctx.tx`, and nowhere else.

mod bus;
mod compose;
mod consumer;
pub mod dead_letters;
mod envelope;
pub mod erasure;
mod inbox;
mod leader;
mod migrations;
pub mod outbox;
mod probe;
mod relay;
mod retry;
mod server;
mod status;
#[cfg(test)]
mod tests;

pub use bus::{Bus, InProcess, Mark, RedisBus};
pub use compose::{BusConfig, Parts};
pub use consumer::{Consumer, Handler, HandlerCtx, HandlerWith};
pub use envelope::{Envelope, SHARDS, shard_of};
pub use migrations::migrations;
pub use outbox::Outbox;
pub use relay::Relay;
pub use retry::Retry;
pub use server::EventsServer;
pub use status::{TypeStatus, status};
