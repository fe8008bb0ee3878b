//! Features from declarations: values against a recomputation, nothing from after the cutoff,
//! refusals.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod declared;
mod exogenous;
mod histories;
mod past;
mod recomputed;
