//! What was said of a subject: the newest score, or that of a time, with reasons in words, and its history.

use salient_core::{Error, Result, TenantId, page};
use salient_learn::tabular::Wording;
use salient_proto::scoring::v1 as pb;
use uuid::Uuid;

use crate::{
    declarations::{id_of, name_of},
    domain::SubjectKind,
    grpc::convert,
    run::Scoring,
    store,
};

/// The id in the name of a subject.
///
/// # Errors
/// The field, if it names something else than the model is about.
fn subject(field: &str, name: &str, (declaration, kind): (&str, SubjectKind)) -> Result<Uuid> {
    let id = name.strip_prefix(kind.collection()).and_then(|rest| rest.strip_prefix('/'));
    id.and_then(|id| Uuid::parse_str(id).ok()).ok_or_else(|| {
        let model = if declaration.is_empty() { "the built-in model".into() } else { name_of(declaration) };
        let (many, collection) = (kind.many(), kind.collection());
        Error::field(
            field,
            format!("{model} is about {many}; a name that begins with {collection}/ is accepted"),
        )
    })
}

/// The score of a subject.
///
/// # Errors
/// No such score, or one whose version does not give it again.
pub async fn get(scoring: &Scoring, tenant: &TenantId, request: &pb::GetScoreRequest) -> Result<pb::Score> {
    let declaration = id_of(&request.model_declaration);
    let (kind, outcome) = match declaration {
        "" => (SubjectKind::Account, "ordered within 30 days".into()),
        id => {
            let said = scoring.declaration(tenant, id).await?.said;
            (said.subject, format!("{} within {} days", said.outcome, said.question.horizon_days))
        }
    };
    let name = request.name.strip_suffix("/score").unwrap_or(&request.name);
    let record = subject("name", name, (declaration, kind))?;
    let mut read = scoring.db.read().await?;
    let subject = store::profile_of(&mut read, tenant, kind, record).await?;
    let unknown = || Error::not_found(&request.name);
    let (score, body) = match &request.as_of {
        None => {
            let score =
                store::score_of(&mut read, tenant, declaration, subject).await?.ok_or_else(unknown)?;
            let body = scoring.bodies.get(&mut read, tenant, score.model).await?;
            (score, body)
        }
        Some(at) => {
            let at = convert::time(at)
                .ok_or_else(|| Error::field("as_of", "a time that a calendar has is accepted"))?;
            // of that very moment, too
            let before = at.timestamp_micros().saturating_add(1);
            let frozen =
                store::history::list(&mut read, tenant, declaration, subject, before, 1).await?.pop();
            let frozen = frozen.ok_or_else(unknown)?;
            let body = scoring.bodies.get(&mut read, tenant, frozen.model).await?.ok_or_else(unknown)?;
            (frozen.again(&body)?, Some(body))
        }
    };
    let reasons = body.map_or(Ok(Vec::new()), |body| score.reasons(&body))?;
    let bounds = store::grades::get(&mut read, tenant).await?;
    let wording = Wording { subjects: kind.many().into(), outcome };
    let currency = score.currency;
    let reasons = reasons.iter().map(|reason| convert::reason(reason, &wording, currency)).collect();
    Ok(pb::Score { reasons, ..convert::score(score, (declaration, kind), &bounds, usize::MAX) })
}

/// A page of scores.
///
/// # Errors
/// `PAGE_TOKEN_INVALID`.
pub async fn list(
    scoring: &Scoring,
    tenant: &TenantId,
    request: &pb::ListScoresRequest,
) -> Result<pb::ListScoresResponse> {
    let of = id_of(&request.model_declaration);
    let page = page::page(request.page_size, &request.page_token, &["scores", tenant.as_str(), of])?;
    // of a declaration that is not there, there are none
    let Some(kind) = scoring.subject_of(tenant, of).await? else {
        return Ok(pb::ListScoresResponse::default());
    };
    let mut read = scoring.db.read().await?;
    let rows = store::list_scores(&mut read, tenant, of, page.key()?, page.limit()).await?;
    let bounds = store::grades::get(&mut read, tenant).await?;
    let (rows, next_page_token) = page.cut(rows, |score| (score.probability, score.subject));
    let scores = rows.into_iter().map(|score| convert::score(score, (of, kind), &bounds, 0)).collect();
    Ok(pb::ListScoresResponse { scores, next_page_token })
}

/// A page of what was said of a subject.
///
/// # Errors
/// `PAGE_TOKEN_INVALID`, a name of something else than the model is about, or no such declaration.
pub async fn history(
    scoring: &Scoring,
    tenant: &TenantId,
    request: &pb::ListScoreHistoryRequest,
) -> Result<pb::ListScoreHistoryResponse> {
    let of = id_of(&request.model_declaration);
    let query = ["score history", tenant.as_str(), &request.parent, of];
    let page = page::page(request.page_size, &request.page_token, &query)?;
    let kind = scoring.subject_of(tenant, of).await?.ok_or_else(|| Error::not_found(name_of(of)))?;
    let record = subject("parent", &request.parent, (of, kind))?;
    let mut read = scoring.db.read().await?;
    let subject = store::profile_of(&mut read, tenant, kind, record).await?;
    let before = page.key()?.unwrap_or(i64::MAX);
    let rows = store::history::list(&mut read, tenant, of, subject, before, page.limit()).await?;
    let (rows, next_page_token) = page.cut(rows, |point| point.as_of.timestamp_micros());
    let points = rows.into_iter().map(|point| pb::list_score_history_response::Point {
        as_of: Some(convert::timestamp(point.as_of)),
        model: point.model.name(),
        probability: point.probability,
    });
    Ok(pb::ListScoreHistoryResponse { points: points.collect(), next_page_token })
}
