//! `segment.*`: how long a full evaluation over a million accounts takes, and how soon a record
//! shows in who is a member.

use anyhow::Result;

use super::{Context, Figure, Group, number};

const FULL: &str = "segment.million.seconds";
const EVENT: &str = "segment.event.ms";
const ACCOUNTS: &str = "1000000";

pub const GROUP: Group = Group { names, measure };

fn names() -> Vec<String> {
    [FULL, EVENT].map(str::to_owned).into()
}

fn measure(context: &Context, wanted: &[String]) -> Result<Vec<Figure>> {
    let found = context.example("salient-profile", "segments", &[ACCOUNTS])?;
    let mut full = Figure::of_runs(FULL, "s", vec![number(&found, "seconds")?])?.goal(60.0);
    full.beside = Some(number(&found, "bare_seconds")?);
    full.beside_what = Some("reading the facts of all accounts from Postgres");
    let mut event = Figure::of_runs(EVENT, "ms", vec![number(&found, "event_ms")?])?.goal(1_000.0);
    event.high = Some(number(&found, "event_worst_ms")?);
    event.beside = Some(number(&found, "bare_event_ms")?);
    event.beside_what = Some("the call alone that records it");
    Ok([full, event].into_iter().filter(|figure| wanted.contains(&figure.figure)).collect())
}
