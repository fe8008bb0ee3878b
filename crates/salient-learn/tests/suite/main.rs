//! The crate from outside, one program: a room a file.

mod common;
mod contact_time;
mod drift;
mod features;
mod frame;
mod funnel;
mod health;
mod lifetime;
mod measures;
mod models;
mod need;
mod point_in_time;
mod potential;
mod price;
mod purchases;
mod report;
mod tabular;
