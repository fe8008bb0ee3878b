//! Journeys: the stages of accounts, and the rules that decide them.

use prost::Message as _;
use salient_core::{Error, Result, TenantId, page};
use salient_proto::profile::v1::{
    Account, Journey, JourneyRules, ListJourneyTransitionsRequest, ListJourneyTransitionsResponse,
    UpdateJourneyRulesResponse, journey::TimeInStage,
};
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::{
        Kind,
        journey::{Stages, shipped, times},
        record::timestamp,
    },
    identity,
    profile::Profile,
    store::{members, segments},
    upsert::Request,
};

/// Steps of an account that its times are added up from, the newest ones.
const STEPS: i64 = 10_000;

/// The profile of the account in `accounts/{account}/journey`, if it exists.
async fn account(conn: &mut impl Connection, tenant: &TenantId, field: &str, name: &str) -> Result<Uuid> {
    let parent = name.strip_suffix("/journey").unwrap_or(name);
    let account = Kind::Account.parse(field, parent)?;
    identity::root::<Account>(conn, tenant, account).await?.ok_or_else(|| Error::not_found(name))
}

/// The journey of an account.
///
/// # Errors
/// `RESOURCE_UNKNOWN` if there is no such account, or what the store says.
pub async fn get(profile: &Profile, tenant: &TenantId, name: &str) -> Result<Journey> {
    let mut conn = profile.db.read().await?;
    let account = account(&mut conn, tenant, "name", name).await?;
    let steps = members::steps_of(&mut conn, tenant, account, i64::MAX, STEPS).await?;
    let (stage, enter_time) = match steps.first() {
        Some(last) => (last.what.to.clone(), Some(timestamp(last.time))),
        None => (String::new(), None),
    };
    let steps: Vec<(String, i64)> = steps.into_iter().rev().map(|step| (step.what.to, step.time)).collect();
    let times = times(&steps, profile.clock.now_micros()).into_iter().map(|time| TimeInStage {
        stage: time.stage,
        duration: Some(prost_types::Duration {
            seconds: time.micros / 1_000_000,
            nanos: i32::try_from(time.micros % 1_000_000 * 1_000).unwrap_or_default(),
        }),
        entered_count: time.entered,
    });
    let name = format!("{}/journey", Kind::Account.name(account));
    Ok(Journey { name, stage, enter_time, times: times.collect() })
}

/// A page of the steps of an account, newest first.
///
/// # Errors
/// `RESOURCE_UNKNOWN` if there is no such account, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list(
    profile: &Profile,
    tenant: &TenantId,
    request: &ListJourneyTransitionsRequest,
) -> Result<ListJourneyTransitionsResponse> {
    let query = ["journey", tenant.as_str(), request.parent.as_str()];
    let page = page::page(request.page_size, &request.page_token, &query)?;
    let before = page.key()?.unwrap_or(i64::MAX);
    let mut conn = profile.db.read().await?;
    let account = account(&mut conn, tenant, "parent", &request.parent).await?;
    let steps = members::steps_of(&mut conn, tenant, account, before, page.limit()).await?;
    let (steps, next_page_token) = page.cut(steps, |step| step.seq);
    let transitions = steps.iter().map(|step| step.what.message(step.time)).collect();
    Ok(ListJourneyTransitionsResponse { transitions, next_page_token })
}

/// The stages in force.
///
/// # Errors
/// What the store says.
pub async fn rules(conn: &mut impl Connection, tenant: &TenantId) -> Result<JourneyRules> {
    let evaluation = segments::evaluation(conn, tenant).await?;
    let stored = evaluation.and_then(|evaluation| Some((evaluation.rules?, evaluation.rules_time?)));
    let Some((rules, time)) = stored else { return Ok(shipped()) };
    let rules = JourneyRules::decode(rules.as_slice())
        .map_err(|error| salient_store::Error::inconsistent("evaluations", "rules", tenant, error))?;
    Ok(JourneyRules { update_time: Some(timestamp(time)), ..rules })
}

/// Replaces the stages; none means the shipped ones.
///
/// # Errors
/// `FIELD_INVALID` if a condition is not understood, `REQUEST_ID_REUSED`, or what the store says.
pub async fn update_rules(
    profile: &Profile,
    request: Request,
    rules_wanted: JourneyRules,
) -> Result<UpdateJourneyRulesResponse> {
    let wanted = JourneyRules { shipped: false, update_time: None, ..rules_wanted };
    Stages::compile(&wanted)?;
    let body = (!wanted.stages.is_empty()).then(|| wanted.encode_to_vec());
    let mut tx = profile.db.begin().await?;
    segments::take_turn_in_tx(&mut tx).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    let now = profile.clock.now_micros();
    segments::write_rules_in_tx(&mut tx, request.tenant(), body, now).await?;
    let answer = UpdateJourneyRulesResponse { rules: Some(rules(&mut tx, request.tenant()).await?) };
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    tx.commit().await?;
    Ok(answer)
}
