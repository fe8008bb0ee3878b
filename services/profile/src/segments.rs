//! Segments: defining them, reading them, trying a condition out.

use std::time::{Duration, Instant};

use prost::Message as _;
use salient_core::{Error, Result, TenantId, Violation, page};
use salient_proto::profile::v1::{
    Account, AccountSegment, ConditionError, DeleteSegmentResponse, EvaluateSegmentRequest,
    EvaluateSegmentResponse, Evaluation, ListAccountSegmentsRequest, ListAccountSegmentsResponse,
    ListMembersRequest, ListMembersResponse, ListSegmentsRequest, ListSegmentsResponse, Member, Segment,
    UpsertSegmentResponse, evaluation,
};
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::{
        Kind,
        condition::{Condition, Scope, Subject, told},
        facts::day_of,
        membership::{segment_id, segment_name},
        record::timestamp,
    },
    identity,
    profile::Profile,
    store::{
        facts, members,
        segments::{self, Row, Write},
    },
    upsert::Request,
};

/// Accounts that are looked at together when a condition is tried out.
const PAGE: i64 = 5_000;
/// Accounts that are named when nobody says how many.
const SAMPLE: usize = 10;
/// How long a condition is tried out if the caller does not mind.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is left of the caller's time for the answer.
const MARGIN: Duration = Duration::from_millis(500);

/// Creates or replaces a segment.
///
/// # Errors
/// `FIELD_INVALID` if the condition is not understood, `REQUEST_ID_REUSED`, or what the store
/// says.
pub async fn upsert(profile: &Profile, request: Request, segment: Segment) -> Result<UpsertSegmentResponse> {
    let condition = Condition::compile(&segment.condition, Scope::Segment).map_err(|wrong| {
        let violation = |description| Violation { field: "segment.condition".into(), description };
        Error::fields(wrong.iter().map(|wrong| violation(wrong.to_string())).collect())
    })?;
    let segment = Segment { evaluation: None, create_time: None, update_time: None, ..segment };
    let (tenant, id) = (request.tenant(), segment_id(&segment.name));
    let mut tx = profile.db.begin().await?;
    segments::take_turn_in_tx(&mut tx).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    let stored = segments::get(&mut tx, tenant, id).await?;
    let before = stored.as_ref().map(content).transpose()?;
    if before.as_ref() != Some(&segment) {
        let write = Write {
            id,
            archetype: segment.archetype.is_some(),
            body: segment.encode_to_vec(),
            timed: condition.is_timed(),
            staged: condition.is_staged(),
            waits: before.is_none_or(|before| before.condition != segment.condition),
        };
        segments::write_in_tx(&mut tx, tenant, write, profile.clock.now_micros()).await?;
    }
    let answer = UpsertSegmentResponse { segment: Some(find(&mut tx, tenant, id).await?) };
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Lets everybody leave the segment and forgets it.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `REQUEST_ID_REUSED`, or what the store says.
pub async fn delete(profile: &Profile, request: Request, name: &str) -> Result<DeleteSegmentResponse> {
    let mut tx = profile.db.begin().await?;
    segments::take_turn_in_tx(&mut tx).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    if !segments::remove_in_tx(&mut tx, request.tenant(), segment_id(name)).await? {
        return Err(Error::not_found(name));
    }
    let answer = DeleteSegmentResponse {};
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    tx.commit().await?;
    Ok(answer)
}

/// One segment.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, or what the store says.
pub async fn get(profile: &Profile, tenant: &TenantId, name: &str) -> Result<Segment> {
    find(&mut profile.db.read().await?, tenant, segment_id(name)).await
}

async fn find(conn: &mut impl Connection, tenant: &TenantId, id: &str) -> Result<Segment> {
    let row = segments::get(conn, tenant, id).await?.ok_or_else(|| Error::not_found(segment_name(id)))?;
    let share = share(conn, tenant).await?;
    shown(&row, share)
}

/// A page of segments, by name.
///
/// # Errors
/// `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListSegmentsRequest,
) -> Result<ListSegmentsResponse> {
    let kind = if request.archetypes_only { "archetypes" } else { "all" };
    let page = page::page(request.page_size, &request.page_token, &["segments", tenant.as_str(), kind])?;
    let after: String = page.key()?.unwrap_or_default();
    let mut conn = profile.db.read().await?;
    let rows = segments::list(&mut conn, tenant, request.archetypes_only, &after, page.limit()).await?;
    let share = share(&mut conn, tenant).await?;
    let (rows, next_page_token) = page.cut(rows, |row| row.id.clone());
    let segments = rows.iter().map(|row| shown(row, share)).collect::<Result<_>>()?;
    Ok(ListSegmentsResponse { segments, next_page_token })
}

/// How far the pass of a tenant is, 0 to 1.
async fn share(conn: &mut impl Connection, tenant: &TenantId) -> Result<f64> {
    let evaluation = segments::evaluation(conn, tenant).await?;
    let share = evaluation.filter(|evaluation| evaluation.total > 0);
    Ok(share.map_or(0.0, |of| (of.done as f64 / of.total as f64).min(1.0)))
}

fn content(row: &Row) -> Result<Segment> {
    Segment::decode(row.body.as_slice())
        .map_err(|error| salient_store::Error::inconsistent("segments", "body", &row.id, error).into())
}

/// The segment with what the server adds.
fn shown(row: &Row, share: f64) -> Result<Segment> {
    let (state, progress) = match row.state {
        segments::CURRENT => (evaluation::State::Current, 1.0),
        segments::WAITING => (evaluation::State::Waiting, 0.0),
        _ => (evaluation::State::Running, share),
    };
    let evaluation = Evaluation {
        state: state as i32,
        progress,
        member_count: row.members,
        failed_count: row.failures,
        failure: row.failure.clone(),
        evaluate_time: row.evaluate_time.map(timestamp),
    };
    Ok(Segment {
        evaluation: Some(evaluation),
        create_time: Some(timestamp(row.create_time)),
        update_time: Some(timestamp(row.update_time)),
        ..content(row)?
    })
}

/// A page of the members of a segment.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list_members(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListMembersRequest,
) -> Result<ListMembersResponse> {
    let query = ["members", tenant.as_str(), request.parent.as_str()];
    let page = page::page(request.page_size, &request.page_token, &query)?;
    let (after, id) = (page.key()?.unwrap_or(Uuid::nil()), segment_id(&request.parent));
    let mut conn = profile.db.read().await?;
    let row = segments::get(&mut conn, tenant, id).await?;
    let total_size = row.ok_or_else(|| Error::not_found(&request.parent))?.members;
    let rows = members::list(&mut conn, tenant, id, after, page.limit()).await?;
    let (rows, next_page_token) = page.cut(rows, |(account, _)| *account);
    let member =
        |(account, time)| Member { account: Kind::Account.name(account), enter_time: Some(timestamp(time)) };
    Ok(ListMembersResponse { members: rows.into_iter().map(member).collect(), next_page_token, total_size })
}

/// A page of the segments that an account is in.
///
/// # Errors
/// `RESOURCE_UNKNOWN` if there is no such account, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list_of_account(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListAccountSegmentsRequest,
) -> Result<ListAccountSegmentsResponse> {
    let id = Kind::Account.parse("parent", &request.parent)?;
    let query = ["segments of account", tenant.as_str(), request.parent.as_str()];
    let page = page::page(request.page_size, &request.page_token, &query)?;
    let after: String = page.key()?.unwrap_or_default();
    let mut conn = profile.db.read().await?;
    let root = identity::root::<Account>(&mut conn, tenant, id).await?;
    let root = root.ok_or_else(|| Error::not_found(&request.parent))?;
    let rows = of_account(&mut conn, tenant, root, &after, page.limit()).await?;
    let (rows, next_page_token) = page.cut(rows, |(id, _)| id.clone());
    let segments = rows.into_iter().map(|(_, segment)| segment).collect();
    Ok(ListAccountSegmentsResponse { segments, next_page_token })
}

/// The segments after `after` that a profile is in, by id, at most `limit`.
pub(crate) async fn of_account(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profile: Uuid,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, AccountSegment)>> {
    let rows = members::segments_of(conn, tenant, profile, after, limit).await?;
    let segments = rows.into_iter().map(|(id, body, time)| {
        let segment = Segment::decode(body.as_slice())
            .map_err(|error| salient_store::Error::inconsistent("segments", "body", &id, error))?;
        let told = AccountSegment {
            segment: segment_name(&id),
            display_name: segment.display_name,
            enter_time: Some(timestamp(time)),
            archetype: segment.archetype,
        };
        Ok((id, told))
    });
    segments.collect()
}

/// Tries a condition out. `remaining` is what is left of the caller's time.
///
/// # Errors
/// What the store says.
pub async fn evaluate(
    profile: &Profile,
    tenant: &TenantId,
    request: &EvaluateSegmentRequest,
    remaining: Option<Duration>,
) -> Result<EvaluateSegmentResponse> {
    let condition = match Condition::compile(&request.condition, Scope::Segment) {
        Ok(condition) => condition,
        Err(wrong) => {
            let errors = wrong.into_iter().map(|wrong| ConditionError {
                line: wrong.line,
                column: wrong.column,
                message: wrong.message,
            });
            return Ok(EvaluateSegmentResponse { errors: errors.collect(), ..Default::default() });
        }
    };
    let end = Instant::now() + remaining.map_or(PATIENCE, |left| left.saturating_sub(MARGIN).min(PATIENCE));
    let limit = if request.max_accounts == 0 { i64::MAX } else { request.max_accounts };
    let sample = usize::try_from(request.sample_size).ok().filter(|size| *size > 0).unwrap_or(SAMPLE);
    let today = day_of(profile.clock.now_micros());
    let mut found = EvaluateSegmentResponse {
        depends_on_time: condition.is_timed(),
        ..EvaluateSegmentResponse::default()
    };
    let (mut after, mut conn) = (Uuid::nil(), profile.db.read().await?);
    while found.evaluated_count < limit && Instant::now() < end {
        let size = PAGE.min(limit - found.evaluated_count);
        let stood = facts::page(&mut conn, tenant, after, size).await?;
        for facts::Stood { account, facts, stage, .. } in &stood {
            let name = Kind::Account.name(*account);
            match condition.holds(Subject { name: &name, facts, today, stage }) {
                Ok(true) => {
                    found.matching_count += 1;
                    if found.sample.len() < sample {
                        found.sample.push(name);
                    }
                }
                Ok(false) => {}
                Err(failure) => {
                    found.failed_count += 1;
                    found.failure = format!("{name}: {}", told(&failure));
                }
            }
        }
        found.evaluated_count += stood.len() as i64;
        after = stood.last().map_or(after, |stood| stood.account);
        if (stood.len() as i64) < size {
            found.complete = true;
            break;
        }
        tokio::task::yield_now().await;
    }
    Ok(found)
}
