//! The gateway over real HTTP, before real gRPC servers.
#![cfg(test)]

mod bodies;
mod rest;
mod streaming;
mod support;
