//! Deleting interactions that are older than the tenant's rules keep them.

use chrono::TimeDelta;
use opentelemetry::{KeyValue, global};
use salient_core::{Result, TenantId};
use salient_proto::profile::v1::{RetentionRule, interaction};
use uuid::Uuid;

use crate::{
    profile::Profile,
    store::{dirty, exports, persons, settings},
};

/// Rows in one transaction: few enough that writers hardly wait for it. They are looked for outside of
/// it, each once: of very many interactions few may be old.
const ROWS: u32 = 1_000;

/// Deletes what is older than the rules of its tenant keep it, and exports that are over. Counted in
/// the metric `profile.retention.deleted`, by tenant and kind; says how many interactions.
///
/// # Errors
/// What the store says; what was deleted before stays deleted.
pub async fn sweep(profile: &Profile) -> Result<u64> {
    let rules = settings::all(&mut profile.db.read().await?).await?;
    let mut total = 0;
    for (tenant, settings) in rules {
        for rule in settings.retention_rules {
            total += sweep_kind(profile, &tenant, &rule).await?;
        }
    }
    let mut tx = profile.db.begin().await?;
    exports::delete_expired_in_tx(&mut tx, profile.clock.now_micros()).await?;
    tx.commit().await?;
    Ok(total)
}

async fn sweep_kind(profile: &Profile, tenant: &TenantId, rule: &RetentionRule) -> Result<u64> {
    let before = (profile.clock.now() - TimeDelta::days(rule.days.into())).timestamp_micros();
    let old = (rule.kind, before);
    let (mut count, mut after) = (0, Uuid::nil());
    loop {
        let mut conn = profile.db.read().await?;
        let found = persons::old_interactions(&mut conn, tenant, after, old, ROWS).await?;
        drop(conn);
        let Some(last) = found.last() else { break };
        after = *last;
        let mut tx = profile.db.begin().await?;
        let gone = persons::delete_interactions_in_tx(&mut tx, tenant, &found, old).await?;
        count += gone.len() as u64;
        dirty::mark_in_tx(&mut tx, tenant, gone).await?;
        tx.commit().await?;
    }
    if count > 0 {
        let kind = interaction::Kind::try_from(rule.kind).map_or("", |kind| kind.as_str_name());
        let of = [KeyValue::new("tenant", tenant.as_str().to_owned()), KeyValue::new("kind", kind)];
        global::meter("salient-profile")
            .u64_counter("profile.retention.deleted")
            .with_description("Interactions deleted because their time was over")
            .build()
            .add(count, &of);
        tracing::info!(%tenant, kind, count, "interactions deleted, their time was over");
    }
    Ok(count)
}
