//! Private servers for tests, for `cargo xtask` and for a local suite.
//!
//! ```no_run
//! # async fn example() -> Result<(), salient_testkit::Error> {
//! use salient_testkit::{Postgres, Redis};
//!
//! let url = Postgres::shared().await?.database().await?; // a fresh, empty database
//! let redis = Redis::shared().await?;
//! let (url, prefix) = (redis.url(), redis.prefix()); // a key prefix nobody else uses
//! # let _ = (url, prefix); Ok(())
//! # }
//! ```
//!
//! [`Postgres::shared`] and [`Redis::shared`] use the servers named by
//! `SALIENT_TEST_POSTGRES_URL` and `SALIENT_TEST_REDIS_URL`, which
//! `cargo xtask test` sets; without them the test process starts its own, once,
//! on a free loopback port with its data in a temporary directory.
//!
//! A server never outlives its owner: a small shell process ([`Guard`]) holds
//! the reading end of a pipe whose writing end only the owner has. However the
//! owner ends, by return, panic or `kill -9`, the pipe closes, and the shell
//! stops the server and removes the directory.

mod error;
mod find;
mod guard;
mod postgres;
mod redis;

pub use error::{Error, Result};
pub use find::{Account, find_program, free_port, missing};
pub use guard::{Guard, GuardSpec};
pub use postgres::{POSTGRES_URL, Postgres, PostgresOptions};
pub use redis::{REDIS_URL, Redis, RedisOptions};
