//! The handlers of `IdentityService`.

use prost::Message as _;
use salient_core::{Error, ResolutionRunId, Result as CoreResult, page};
use salient_kit::{IntoStatus as _, accept};
use salient_proto::profile::v1::{
    Account, Contact, DecideReviewRequest, DecideReviewResponse, FieldClaim, FieldProvenance,
    GetProvenanceRequest, GetProvenanceResponse, GetResolutionRunRequest, GetResolutionRunResponse,
    ListMergesRequest, ListMergesResponse, ListReviewsRequest, ListReviewsResponse, ListSourcesRequest,
    ListSourcesResponse, MergeProfilesRequest, MergeProfilesResponse, PinFieldRequest, PinFieldResponse,
    SourceRecord, StartResolutionRunRequest, StartResolutionRunResponse, UndoMergeRequest, UndoMergeResponse,
    UnpinFieldRequest, UnpinFieldResponse, UpsertSourcesRequest, UpsertSourcesResponse,
    identity_service_server::IdentityService,
};
use salient_store::{Connection, NewRun, runs};
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        Kind, Record as _,
        record::timestamp,
        unify::{Claim, Provenance},
    },
    identity::{self, Unified},
    matching::{decide, run},
    merging::{self, Decision},
    profile::Profile,
    store::{
        self,
        identity::Profiled,
        sources::{put_sources_in_tx, sources},
    },
    upsert,
};

/// The handlers.
#[derive(Clone, Debug)]
pub struct Service(Profile);

type Answer<T> = Result<Response<T>, Status>;

impl Service {
    /// Handlers that work on `profile`.
    pub fn new(profile: Profile) -> Self {
        Self(profile)
    }

    async fn provenance<R: Profiled>(
        &self,
        conn: &mut impl Connection,
        tenant: &salient_core::TenantId,
        name: &str,
    ) -> CoreResult<GetProvenanceResponse> {
        let Unified { id, stakes, provenance, .. } = identity::profile::<R>(conn, tenant, name).await?;
        let records = stakes.into_iter().map(|stake| SourceRecord {
            name: R::KIND.name(stake.id),
            source_key: Some(stake.member.key),
            update_time: Some(timestamp(stake.member.update_time)),
        });
        Ok(GetProvenanceResponse {
            name: R::KIND.name(id),
            records: records.collect(),
            fields: provenance.into_iter().map(field).collect(),
        })
    }
}

fn claim(from: Claim) -> FieldClaim {
    FieldClaim {
        value: from.value,
        source_key: from.key,
        time: Some(timestamp(from.time)),
        trust: from.trust,
    }
}

fn field(from: Provenance) -> FieldProvenance {
    FieldProvenance {
        field: from.field,
        chosen: Some(claim(from.chosen)),
        because: from.because.to_owned(),
        rivals: from.rivals.into_iter().map(claim).collect(),
    }
}

/// The kind of profile that a name is of: the contract lets no other name through.
fn kind(name: &str) -> Kind {
    if name.starts_with(Account::KIND.collection()) { Kind::Account } else { Kind::Contact }
}

/// One write with an id of its own: its first answer if it was made before, else what `$work` makes
/// of it, in one transaction and in the tenant's turn.
macro_rules! once {
    ($self:ident, $request:ident, $method:literal, |$tx:ident, $ctx:ident, $message:ident| $work:expr) => {{
        let ($ctx, $message) = accept($request)?;
        let request = upsert::Request::new($ctx.tenant(), $method, &$message.request_id, &$message);
        let done = async {
            let mut $tx = $self.0.db.begin().await?;
            store::take_turn_in_tx(&mut $tx, $ctx.tenant()).await?;
            if let Some(answer) = request.answered_in_tx(&mut $tx).await? {
                return Ok(answer);
            }
            let answer = $work;
            request.answer_in_tx(&mut $tx, &answer, &$self.0).await?;
            $tx.commit().await?;
            Ok::<_, Error>(answer)
        };
        done.await.map(Response::new).into_status()
    }};
}

pub(super) use once;

#[tonic::async_trait]
impl IdentityService for Service {
    async fn upsert_sources(&self, request: Request<UpsertSourcesRequest>) -> Answer<UpsertSourcesResponse> {
        once!(self, request, "UpsertSources", |tx, ctx, message| {
            put_sources_in_tx(&mut tx, ctx.tenant(), &message.sources).await?;
            UpsertSourcesResponse { sources: message.sources.clone() }
        })
    }

    async fn list_sources(&self, request: Request<ListSourcesRequest>) -> Answer<ListSourcesResponse> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let query = ["sources", ctx.tenant().as_str()];
            let page = page::page(message.page_size, &message.page_token, &query)?;
            let after: String = page.key()?.unwrap_or_default();
            let mut conn = self.0.db.read().await?;
            let mut all = sources(&mut conn, ctx.tenant()).await?;
            all.retain(|source| source.source > after);
            Ok::<_, Error>(page.cut(all, |source| source.source.clone()))
        };
        let (sources, next_page_token) = found.await.into_status()?;
        Ok(Response::new(ListSourcesResponse { sources, next_page_token }))
    }

    async fn get_provenance(&self, request: Request<GetProvenanceRequest>) -> Answer<GetProvenanceResponse> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let mut conn = self.0.db.read().await?;
            match kind(&message.name) {
                Kind::Account => self.provenance::<Account>(&mut conn, ctx.tenant(), &message.name).await,
                _ => self.provenance::<Contact>(&mut conn, ctx.tenant(), &message.name).await,
            }
        };
        found.await.map(Response::new).into_status()
    }

    async fn pin_field(&self, request: Request<PinFieldRequest>) -> Answer<PinFieldResponse> {
        once!(self, request, "PinField", |tx, ctx, message| {
            let place = (message.name.as_str(), message.field.as_str());
            let (value, profile, tenant) = (Some(message.value.as_str()), &self.0, ctx.tenant());
            let pinned = match kind(&message.name) {
                Kind::Account => {
                    merging::pin_in_tx::<Account>(&mut tx, profile, tenant, place, value).await?
                }
                _ => merging::pin_in_tx::<Contact>(&mut tx, profile, tenant, place, value).await?,
            };
            PinFieldResponse { field: pinned.map(field) }
        })
    }

    async fn unpin_field(&self, request: Request<UnpinFieldRequest>) -> Answer<UnpinFieldResponse> {
        once!(self, request, "UnpinField", |tx, ctx, message| {
            let place = (message.name.as_str(), message.field.as_str());
            let (profile, tenant) = (&self.0, ctx.tenant());
            let left = match kind(&message.name) {
                Kind::Account => merging::pin_in_tx::<Account>(&mut tx, profile, tenant, place, None).await?,
                _ => merging::pin_in_tx::<Contact>(&mut tx, profile, tenant, place, None).await?,
            };
            UnpinFieldResponse { field: left.map(field) }
        })
    }

    async fn merge_profiles(&self, request: Request<MergeProfilesRequest>) -> Answer<MergeProfilesResponse> {
        once!(self, request, "MergeProfiles", |tx, ctx, message| {
            let kind = kind(&message.one);
            let pair = (kind.parse("one", &message.one)?, kind.parse("other", &message.other)?);
            let decision = Decision { by: ctx.caller.subject.as_str(), reason: &message.reason };
            let (profile, tenant) = (&self.0, ctx.tenant());
            let merge = match kind {
                Kind::Account => {
                    merging::merge_in_tx::<Account>(&mut tx, profile, tenant, pair, decision).await?
                }
                _ => merging::merge_in_tx::<Contact>(&mut tx, profile, tenant, pair, decision).await?,
            };
            MergeProfilesResponse { merge: Some(merge) }
        })
    }

    async fn undo_merge(&self, request: Request<UndoMergeRequest>) -> Answer<UndoMergeResponse> {
        once!(self, request, "UndoMerge", |tx, ctx, message| {
            let by = ctx.caller.subject.as_str();
            let edge = merging::undo_in_tx(&mut tx, &self.0, ctx.tenant(), &message.name, by).await?;
            UndoMergeResponse { merge: Some(edge.merge) }
        })
    }

    async fn list_merges(&self, request: Request<ListMergesRequest>) -> Answer<ListMergesResponse> {
        let (ctx, message) = accept(request)?;
        let page = (message.page_size, message.page_token.as_str());
        let (merges, next_page_token) =
            merging::list_merges(&self.0, ctx.tenant(), &message.profile, page).await.into_status()?;
        Ok(Response::new(ListMergesResponse { merges, next_page_token }))
    }

    async fn list_reviews(&self, request: Request<ListReviewsRequest>) -> Answer<ListReviewsResponse> {
        let (ctx, message) = accept(request)?;
        let page = (message.page_size, message.page_token.as_str());
        let (reviews, next_page_token) =
            decide::list(&self.0, ctx.tenant(), message.state(), page).await.into_status()?;
        Ok(Response::new(ListReviewsResponse { reviews, next_page_token }))
    }

    async fn decide_review(&self, request: Request<DecideReviewRequest>) -> Answer<DecideReviewResponse> {
        once!(self, request, "DecideReview", |tx, ctx, message| {
            let said = (message.same, ctx.caller.subject.as_str());
            let (decided, merge) =
                decide::decide_in_tx(&mut tx, &self.0, ctx.tenant(), &message.name, said).await?;
            DecideReviewResponse { review: Some(decided), merge }
        })
    }

    async fn start_resolution_run(
        &self,
        request: Request<StartResolutionRunRequest>,
    ) -> Answer<StartResolutionRunResponse> {
        let (ctx, message) = accept(request)?;
        let started = async {
            let mut tx = self.0.db.begin().await?;
            let new = NewRun {
                id: self.0.clock.uuid(),
                tenant: ctx.tenant(),
                kind: run::KIND,
                request_id: &message.request_id,
                request: message.encode_to_vec(),
                now: self.0.clock.now(),
            };
            let started = runs::enqueue_in_tx(&mut tx, new).await?;
            tx.commit().await?;
            run::on_wire(&started)
        };
        let resolution_run = Some(started.await.into_status()?);
        Ok(Response::new(StartResolutionRunResponse { resolution_run }))
    }

    async fn get_resolution_run(
        &self,
        request: Request<GetResolutionRunRequest>,
    ) -> Answer<GetResolutionRunResponse> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let id = ResolutionRunId::parse_name(&message.name)?;
            let found = runs::get(&self.0.db, ctx.tenant(), run::KIND, id.uuid()).await?;
            run::on_wire(&found.ok_or_else(|| Error::not_found(id))?)
        };
        let resolution_run = Some(found.await.into_status()?);
        Ok(Response::new(GetResolutionRunResponse { resolution_run }))
    }
}
