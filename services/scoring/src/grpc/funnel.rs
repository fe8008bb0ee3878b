//! Funnel benchmarks on the wire.

use salient_core::{Error, Result, TenantId, from_micros, page};
use salient_learn::funnel::{Benchmark, Compared, Passed, Standing, Step};
use salient_ledger::wire::share as wire_share;
use salient_proto::{
    common::v1::Share,
    scoring::v1::{self as pb, funnel_benchmark as wire},
};

use super::{answers::source, convert::timestamp};
use crate::{
    insight::{
        Kind,
        funnel::{Funnels, Grouping, problem, template},
    },
    run::Scoring,
    store::insights::{self, Source},
};

fn grouping(from: wire::Grouping) -> Option<Grouping> {
    match from {
        wire::Grouping::Unspecified => None,
        wire::Grouping::Territory => Some(Grouping::Territory),
        wire::Grouping::Industry => Some(Grouping::Industry),
        wire::Grouping::Country => Some(Grouping::Country),
    }
}

/// What the latest run counted.
async fn latest(scoring: &Scoring, tenant: &TenantId) -> Result<(Source, Funnels)> {
    let found = insights::fit(&mut scoring.db.read().await?, tenant, Kind::Funnel).await?;
    let (source, funnels) = found.ok_or_else(|| Error::not_found("funnel benchmark"))?;
    Ok((source, funnels?))
}

/// One benchmark.
///
/// # Errors
/// A group without a grouping or the other way round, one that no account has, or before the first run;
/// `NOT_ENOUGH_DATA` with what would be enough.
pub async fn get(
    scoring: &Scoring,
    tenant: &TenantId,
    asked: &pb::GetFunnelBenchmarkRequest,
) -> Result<pb::FunnelBenchmark> {
    let (wire, group) = (asked.grouping(), asked.group.as_str());
    let by = grouping(wire);
    if by.is_some() && group.is_empty() {
        return Err(Error::field("group", "empty; what accounts have is accepted, or no grouping"));
    }
    if by.is_none() && !group.is_empty() {
        return Err(Error::field(
            "grouping",
            "unspecified; what the group is one of is accepted, or no group",
        ));
    }
    let (source, funnels) = latest(scoring, tenant).await?;
    let benchmark = match by {
        None => funnels.against_the_year_before()?,
        Some(by) => {
            let found = funnels.against_others(by, group);
            found.ok_or_else(|| Error::not_found(format!("group {group:?}")))??
        }
    };
    Ok(message((wire, group), &source, &funnels, &benchmark))
}

/// A page of them.
///
/// # Errors
/// `PAGE_TOKEN_INVALID`, also after another run; before the first run; `NOT_ENOUGH_DATA` of all.
pub async fn list(
    scoring: &Scoring,
    tenant: &TenantId,
    asked: &pb::ListFunnelBenchmarksRequest,
) -> Result<pb::ListFunnelBenchmarksResponse> {
    let wire = asked.grouping();
    let by = grouping(wire).ok_or_else(|| Error::field("grouping", "one is accepted"))?;
    let (source, funnels) = latest(scoring, tenant).await?;
    let query = ["funnel", tenant.as_str(), wire.as_str_name(), &source.model.name()];
    let page = page::page(asked.page_size, &asked.page_token, &query)?;
    let begin: usize = page.key()?.unwrap_or_default();
    let all = funnels.all_against_others(by);
    let rows: Vec<_> = all.iter().enumerate().skip(begin).take(page.size + 1).collect();
    let (rows, next_page_token) = page.cut(rows, |(place, _)| place + 1);
    let rows = rows.into_iter().map(|(_, (group, of))| message((wire, group), &source, &funnels, of));
    Ok(pb::ListFunnelBenchmarksResponse { funnel_benchmarks: rows.collect(), next_page_token })
}

fn message(
    (grouping, group): (wire::Grouping, &str),
    from: &Source,
    funnels: &Funnels,
    of: &Benchmark,
) -> pb::FunnelBenchmark {
    let days = funnels.horizon_days();
    let reference = if group.is_empty() { "the year before" } else { "elsewhere" };
    let named = |step| format!("modelTemplates/{}", template(step));
    pb::FunnelBenchmark {
        grouping: grouping.into(),
        group: group.to_owned(),
        source: Some(source(from)),
        horizon_days: i32::try_from(days).unwrap_or(i32::MAX),
        start_time: Some(timestamp(from_micros(funnels.span.from))),
        end_time: Some(timestamp(from_micros(funnels.span.until))),
        steps: of.steps.iter().map(compared).collect(),
        constraint: of.constraint.map_or(wire::Step::Unspecified, step).into(),
        problem: problem(of, days, reference),
        model_template: of.constraint.map(named).unwrap_or_default(),
    }
}

fn compared(from: &Compared) -> wire::Compared {
    let standing = match from.standing {
        Standing::NotEnoughData => wire::Standing::NotEnoughData,
        Standing::InLine => wire::Standing::InLine,
        Standing::Below => wire::Standing::Below,
        Standing::Above => wire::Standing::Above,
    };
    let known = from.standing != Standing::NotEnoughData;
    wire::Compared {
        step: step(from.step).into(),
        own: Some(share(from.own)),
        reference: Some(share(from.reference)),
        standing: standing.into(),
        difference: known.then_some(from.difference),
        low: known.then_some(from.interval.low),
        high: known.then_some(from.interval.high),
        missing: from.missing,
    }
}

fn step(from: Step) -> wire::Step {
    match from {
        Step::FollowUp => wire::Step::FollowUp,
        Step::Interest => wire::Step::Interest,
        Step::Win => wire::Step::Win,
        Step::Repeat => wire::Step::Repeat,
        Step::Stay => wire::Step::Stay,
    }
}

fn share(from: Passed) -> Share {
    let count = |of: u64| i64::try_from(of).unwrap_or(i64::MAX);
    wire_share(count(from.passed), count(from.entered))
}
