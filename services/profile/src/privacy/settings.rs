//! The tenant's rules of privacy.

use std::collections::HashSet;

use salient_core::{Error, Result, TenantId};
use salient_events::{Envelope, outbox, shard_of};
use salient_proto::profile::v1::{PrivacySettings, PrivacySettingsChanged, UpdatePrivacySettingsResponse};

use super::Privacy;
use crate::{
    domain::record::timestamp,
    events::publish::SOURCE,
    store::{self, settings},
    upsert::Request,
};

/// The rules; the defaults when none were ever set.
///
/// # Errors
/// What the store says.
pub async fn get(privacy: &Privacy, tenant: &TenantId) -> Result<PrivacySettings> {
    Ok(settings::get(&mut privacy.profile.db.read().await?, tenant).await?)
}

/// Replaces the rules and tells the others.
///
/// # Errors
/// `FIELD_INVALID` if a kind has two rules, `REQUEST_ID_REUSED`, or what the store says.
pub async fn update(
    privacy: &Privacy,
    request: Request,
    rules: Option<PrivacySettings>,
) -> Result<UpdatePrivacySettingsResponse> {
    let mut rules = rules.unwrap_or_default();
    let mut seen = HashSet::new();
    for (index, rule) in rules.retention_rules.iter().enumerate() {
        if !seen.insert(rule.kind) {
            let field = format!("settings.retention_rules[{index}].kind");
            return Err(Error::field(field, "one rule for each kind is accepted"));
        }
    }
    let profile = &privacy.profile;
    let mut tx = profile.db.begin().await?;
    store::take_turn_in_tx(&mut tx, request.tenant()).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    let now = profile.clock.now_micros();
    (rules.name, rules.update_time) = (settings::NAME.to_owned(), None);
    settings::put_in_tx(&mut tx, request.tenant(), &rules, now).await?;
    rules.update_time = Some(timestamp(now));
    let message = PrivacySettingsChanged { settings: Some(rules.clone()) };
    let shard = shard_of(settings::NAME.as_bytes());
    let event = Envelope::new(SOURCE, &profile.clock, request.tenant(), shard, &message);
    let answer = UpdatePrivacySettingsResponse { settings: Some(rules) };
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    outbox::publish_in_tx(&mut tx, &[event]).await?;
    tx.commit().await?;
    Ok(answer)
}
