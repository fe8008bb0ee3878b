//! Recording reactions and exposures.

use prost::Message as _;
use salient_core::{Clock, Error, ReactionId, Reason as Code, RecommendationId, Result};
use salient_events::{Outbox, shard_of};
use salient_kit::{Caller, Role};
use salient_proto::{
    common::v1::{BatchResult, RecordError},
    feedback::v1 as pb,
};
use salient_store::{Db, idempotency};

use crate::{
    domain::{Action, Reaction, Saying, effect},
    grpc::convert,
    store,
};

/// The method under which the ids of reactions are remembered, with answers that hold comments.
pub const RECORD_REACTION: &str = "RecordReaction";

/// What the verbs of this service work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feedback {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// The way out for events.
    pub outbox: Outbox,
}

impl Feedback {
    /// Records a reaction, publishes it, and tells its effect.
    ///
    /// # Errors
    /// The recommendation is not known, is another seller's, or is closed; the token is wrong; the
    /// parts of the reaction do not fit together; the request id was used with another body.
    pub async fn react(
        &self,
        caller: &Caller,
        request: pb::RecordReactionRequest,
    ) -> Result<pb::RecordReactionResponse> {
        const METHOD: &str = RECORD_REACTION;
        let tenant = &caller.tenant;
        let now = self.clock.now();
        let id = RecommendationId::parse_field("recommendation", &request.recommendation)?;
        let action = convert::action(request.action())?;
        let reason = convert::reason(request.reason());
        let until = request.snooze_until.as_ref().and_then(convert::time);
        let mut tx = self.db.begin().await?;
        if let Some(bytes) =
            idempotency::check_in_tx(&mut tx, tenant, METHOD, &request.request_id, &request).await?
        {
            return pb::RecordReactionResponse::decode(bytes.as_slice()).map_err(Error::internal);
        }
        // only now: a time that was still to come when it was first asked for may have passed
        let saying = Saying::try_new(action, reason, &request.comment, until, now)?;
        let found = store::known_in_tx(&mut tx, tenant, id).await?;
        let known = found.ok_or_else(|| Error::not_found(id))?;
        if caller.role == Role::Seller && caller.subject != known.seller.as_str() {
            return Err(Error::new(Code::RoleInsufficient, "the recommendation is another seller's"));
        }
        if known.attribution_token != request.attribution_token {
            return Err(Error::new(
                Code::AttributionTokenInvalid,
                "attribution_token is not the one issued with the recommendation",
            )
            .with_violation("attribution_token", "the token of this recommendation is accepted"));
        }
        if known.closed {
            return Err(Error::new(
                Code::RecommendationClosed,
                format!("{id} was dismissed, completed or has expired; no reaction is taken any more"),
            ));
        }
        let reaction = Reaction {
            id: ReactionId::new(&self.clock),
            recommendation: id,
            effect: effect(&saying, &known.account_name, &known.product_name, now),
            seller: known.seller,
            account: known.account,
            product: known.product,
            action,
            reason,
            comment: request.comment.clone(),
            react_time: now,
        };
        store::put_reaction_in_tx(&mut tx, tenant, &reaction).await?;
        if matches!(action, Action::Dismiss | Action::Complete) {
            store::close_in_tx(&mut tx, tenant, &[id]).await?;
        }
        let shard = shard_of(reaction.account.uuid().as_bytes());
        let reaction = convert::reaction(reaction);
        let message = pb::ReactionsRecorded { reactions: vec![reaction.clone()] };
        self.outbox.publish_in_tx(&mut tx, &[self.outbox.event(tenant, shard, &message)]).await?;
        let answer = pb::RecordReactionResponse { reaction: Some(reaction) };
        idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, now).await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// Records what was shown. The same exposure again changes nothing; one of an unknown or
    /// another seller's recommendation, or dated after now, is refused by itself.
    ///
    /// # Errors
    /// The request id was used with another body.
    pub async fn expose(
        &self,
        caller: &Caller,
        request: pb::RecordExposuresRequest,
    ) -> Result<pb::RecordExposuresResponse> {
        const METHOD: &str = "RecordExposures";
        let tenant = &caller.tenant;
        let mut tx = self.db.begin().await?;
        if let Some(bytes) =
            idempotency::check_in_tx(&mut tx, tenant, METHOD, &request.request_id, &request).await?
        {
            return pb::RecordExposuresResponse::decode(bytes.as_slice()).map_err(Error::internal);
        }
        let latest = self.clock.latest();
        let ids = request
            .exposures
            .iter()
            .filter_map(|entry| RecommendationId::parse_name(&entry.recommendation).ok());
        let known = store::sellers_of_in_tx(&mut tx, tenant, ids).await?;
        let mut result = BatchResult::default();
        let mut good = Vec::with_capacity(request.exposures.len());
        for (index, entry) in request.exposures.iter().enumerate() {
            let mut refuse = |field: &str, reason: Code, message: String| {
                result.errors.push(RecordError {
                    request_id: request.request_id.clone(),
                    index: i32::try_from(index).unwrap_or(i32::MAX),
                    field: field.to_owned(),
                    reason: reason.as_str().to_owned(),
                    message,
                });
            };
            let id = RecommendationId::parse_name(&entry.recommendation).ok();
            let found = id.and_then(|id| known.get_key_value(&id));
            let at = entry.expose_time.as_ref().and_then(convert::time);
            match (found, at) {
                (None, _) => refuse(
                    "recommendation",
                    Code::ResourceUnknown,
                    format!("{} does not exist", entry.recommendation),
                ),
                (Some((_, seller)), _) if caller.role == Role::Seller && caller.subject != *seller => refuse(
                    "recommendation",
                    Code::RoleInsufficient,
                    "the recommendation is another seller's".to_owned(),
                ),
                (_, None) => refuse("expose_time", Code::FieldInvalid, "a time is accepted".to_owned()),
                (_, Some(at)) if at > latest => refuse(
                    "expose_time",
                    Code::DateInFuture,
                    format!("a time up to {} is accepted", latest.to_rfc3339()),
                ),
                (Some((id, _)), Some(at)) => good.push((*id, at, entry)),
            }
        }
        let written = store::put_exposures_in_tx(&mut tx, tenant, &good).await?;
        result.created = i32::try_from(written).unwrap_or(i32::MAX);
        result.unchanged = i32::try_from(good.len()).unwrap_or(i32::MAX).saturating_sub(result.created);
        let answer = pb::RecordExposuresResponse { result: Some(result) };
        idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, self.clock.now())
            .await?;
        tx.commit().await?;
        Ok(answer)
    }
}
