//! The command line, and the whole suite in one process.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cli`], [`commands`] | what can be typed, and a file for each command |
//! | [`demo`] | a company's history, a day's lists, and how good they were |
//! | [`suite`] | the five services in one process |
//! | [`session`] | where a running suite is, and typed clients of it |
//! | [`company`], [`load`] | a model company as batches, and batches to a suite |
//! | [`settle`] | waiting until every service has applied every event |
//! | [`render`], [`progress`] | what a person sees |

pub mod cli;
pub mod commands;
pub mod company;
pub mod demo;
pub mod load;
pub mod progress;
pub mod render;
pub mod runs;
pub mod session;
pub mod settle;
pub mod suite;
