//! The conditions of a tenant, compiled.

use prost::Message as _;
use salient_core::{Result, TenantId};
use salient_proto::profile::v1::{JourneyRules, Segment};
use salient_store::{Connection, Error};

use crate::{
    domain::{
        condition::{Condition, Scope},
        journey::{Stages, shipped},
        membership::Rule,
    },
    store::segments::{self, Evaluation},
};

/// What accounts are looked at for.
pub(super) struct Definitions {
    /// The segments.
    pub(super) rules: Vec<Rule>,
    /// The stages; none where stages stay as they are.
    pub(super) stages: Option<Stages>,
}

/// Everything that is defined. Compiling a condition takes microseconds, a batch milliseconds.
pub(super) async fn all(conn: &mut impl Connection, tenant: &TenantId) -> Result<Definitions> {
    let evaluation = segments::evaluation(conn, tenant).await?;
    let stages = stages(evaluation.as_ref())?;
    let rows = segments::all(conn, tenant).await?;
    Ok(Definitions { rules: rows.iter().map(rule).collect::<Result<_>>()?, stages: Some(stages) })
}

/// What the pass at hand is for.
pub(super) async fn running(
    conn: &mut impl Connection,
    tenant: &TenantId,
    evaluation: &Evaluation,
) -> Result<Definitions> {
    let rows = segments::all(conn, tenant).await?;
    let rules = rows.iter().filter(|row| row.state == segments::RUNNING).map(rule);
    let stages = (evaluation.journey == segments::RUNNING).then(|| stages(Some(evaluation)));
    Ok(Definitions { rules: rules.collect::<Result<_>>()?, stages: stages.transpose()? })
}

/// The stages of a tenant.
pub(crate) fn stages(evaluation: Option<&Evaluation>) -> Result<Stages> {
    let stored = evaluation.and_then(|evaluation| Some((evaluation, evaluation.rules.as_deref()?)));
    let rules = match stored {
        None => shipped(),
        Some((Evaluation { tenant, .. }, rules)) => JourneyRules::decode(rules)
            .map_err(|error| Error::inconsistent("evaluations", "rules", tenant, error))?,
    };
    Stages::compile(&rules)
}

fn rule(row: &segments::Row) -> Result<Rule> {
    let segment = Segment::decode(row.body.as_slice())
        .map_err(|error| Error::inconsistent("segments", "body", &row.id, error))?;
    // nobody stays in a segment that was deleted
    let condition = (!row.removed).then(|| Condition::compile(&segment.condition, Scope::Segment));
    let condition = condition.transpose().unwrap_or_else(|wrong| {
        let why = wrong.first().map(ToString::to_string).unwrap_or_default();
        tracing::warn!(segment = row.id, why, "a stored condition is not understood any more");
        None
    });
    Ok(Rule { segment: row.id.clone(), condition })
}
