//! A score as it is told: the newest, or that of a time, with reasons in words.

use salient_core::{AccountId, Error, Result, TenantId, ids::parse_path};
use salient_learn::tabular::Wording;
use salient_proto::scoring::v1 as pb;

use crate::{declarations::id_of, grpc::convert, run::Scoring, store};

/// The score of an account.
///
/// # Errors
/// No such score, or one whose version does not give it again.
pub async fn get(scoring: &Scoring, tenant: &TenantId, request: &pb::GetScoreRequest) -> Result<pb::Score> {
    let [account] = parse_path("name", "accounts/{account}/score", &request.name)?;
    let account = AccountId::parse_name(&format!("accounts/{account}"))?;
    let mut read = scoring.db.read().await?;
    let declaration = id_of(&request.model_declaration);
    let unknown = || Error::not_found(&request.name);
    let (score, body) = match &request.as_of {
        None => {
            let score =
                store::score_of(&mut read, tenant, declaration, account).await?.ok_or_else(unknown)?;
            let body = scoring.bodies.get(&mut read, tenant, score.model).await?;
            (score, body)
        }
        Some(at) => {
            let at = convert::time(at)
                .ok_or_else(|| Error::field("as_of", "a time that a calendar has is accepted"))?;
            // of that very moment, too
            let before = at.timestamp_micros().saturating_add(1);
            let frozen =
                store::history::list(&mut read, tenant, declaration, account, before, 1).await?.pop();
            let frozen = frozen.ok_or_else(unknown)?;
            let body = scoring.bodies.get(&mut read, tenant, frozen.model).await?.ok_or_else(unknown)?;
            (frozen.again(&body)?, Some(body))
        }
    };
    let reasons = body.map_or(Ok(Vec::new()), |body| score.reasons(&body))?;
    let bounds = store::grades::get(&mut read, tenant).await?;
    let wording = match declaration {
        "" => Wording { subjects: "accounts".into(), outcome: "ordered within 30 days".into() },
        id => {
            let said = scoring.declaration(tenant, id).await?.said;
            let outcome = format!("{} within {} days", said.outcome, said.question.horizon_days);
            Wording { subjects: "accounts".into(), outcome }
        }
    };
    let currency = score.currency;
    let reasons = reasons.iter().map(|reason| convert::reason(reason, &wording, currency)).collect();
    Ok(pb::Score { reasons, ..convert::score(score, declaration, &bounds, usize::MAX) })
}
