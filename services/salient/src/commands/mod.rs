//! A file per command.

pub mod backtest;
pub mod events;
pub mod explain;
pub mod export;
pub mod import;
pub mod plan;
pub mod privacy;
pub mod react;
pub mod up;
mod upload;

use anyhow::{Context as _, Result, bail};
use salient_proto::recommendation::v1::{GetDailyPlanRequest, GetRecommendationRequest, Recommendation};

use crate::session::Clients;

/// The recommendation that a person means: by name, by bare id, or by `SELLER/RANK` of today.
///
/// # Errors
/// There is none such, or the suite refuses.
pub async fn find(clients: &Clients, what: &str) -> Result<Recommendation> {
    if let Some((seller, rank)) = what.split_once('/')
        && let Ok(rank) = rank.parse::<i32>()
    {
        let name = format!("sellers/{seller}/plans/today");
        let answer = clients.recommendation.clone().get_daily_plan(GetDailyPlanRequest { name }).await;
        let plan = answer.map_err(refusal)?.into_inner().plan.unwrap_or_default();
        let mut items = plan.recommendations.into_iter();
        return items
            .find(|item| item.rank == rank)
            .with_context(|| format!("seller {seller} has no number {rank} on today's list"));
    }
    let name = if what.contains('/') { what.to_owned() } else { format!("recommendations/{what}") };
    let answer = clients.recommendation.clone().get_recommendation(GetRecommendationRequest { name }).await;
    match answer.map_err(refusal)?.into_inner().recommendation {
        Some(recommendation) => Ok(recommendation),
        None => bail!("the suite answered without a recommendation"),
    }
}

/// A refusal in words: the message, then each field with what would be right.
#[must_use]
pub fn refusal(status: tonic::Status) -> anyhow::Error {
    use tonic_types::StatusExt as _;
    let mut text = status.message().to_owned();
    if let Some(bad) = status.get_details_bad_request() {
        for violation in bad.field_violations {
            text.push_str(&format!("\n  {}: {}", violation.field, violation.description));
        }
    }
    if text.is_empty() {
        text = status.code().to_string();
    }
    anyhow::anyhow!(text)
}

/// A message as the JSON of the contract (canonical protobuf JSON).
///
/// # Errors
/// The contract does not know the message.
pub fn json<M: prost::Message + prost::Name>(message: &M) -> Result<serde_json::Value> {
    let descriptor = salient_proto::pool()
        .get_message_by_name(&M::full_name())
        .with_context(|| format!("{} is not in the contracts", M::full_name()))?;
    let dynamic = prost_reflect::DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
    let options = prost_reflect::SerializeOptions::new().skip_default_fields(false);
    Ok(dynamic.serialize_with_options(serde_json::value::Serializer, &options)?)
}
