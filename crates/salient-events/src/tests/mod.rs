//! Tests of the whole way, on both engines and both buses.

mod dead;
mod delivery;
mod groups;
mod interleave;
mod kill;
mod redis;
mod replicas;
mod server;
mod speed;
mod world;
