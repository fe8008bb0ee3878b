//! Which version stands where, and who moves it: runs by themselves, as long as nobody else does, and
//! operators.
//!
//! ```text
//! trained ─► shadow ─► pilot ─► live ─► retired
//!               └────────────────▲         │
//!                                └─────────┘ roll back
//! ```

use std::sync::Arc;

use chrono::{DateTime, Utc};
use opentelemetry::{KeyValue, global};
use prost::Message;
use salient_core::{Error, ModelId, Reason, Result, TenantId};
use salient_learn::{
    drift::{Alarm, Thresholds},
    propensity::{PropensityModel, UNMEASURED},
};
use salient_proto::scoring::v1 as pb;
use salient_store::{NewRun, Run, Tx, idempotency, runs};

use crate::{
    declarations,
    domain::{Body, Model, State},
    grpc::convert,
    run::{self, KIND, Scoring, aside, refusal},
    store::models::{self, Place},
    streams::Streams,
};

impl Scoring {
    /// What has moved since the live version was trained; told to all who listen.
    pub(crate) async fn watch(
        &self,
        tenant: &TenantId,
        live: &Arc<Model>,
        streams: &Streams,
        as_of: DateTime<Utc>,
    ) -> Result<Vec<pb::ModelAlarm>> {
        // a moment before its training: it has seen what would be watched
        let alarms: Vec<Alarm> = match &live.body {
            _ if as_of < live.as_of => Vec::new(),
            Body::Orders(body) => {
                let (body, ledger) = (body.clone(), Arc::clone(&streams.ledger));
                let watch = move || {
                    let view = ledger.history.as_of(as_of.timestamp_micros());
                    body.watch(&view, &Thresholds::default())
                };
                aside(watch).await?.map_err(refusal)?
            }
            Body::Declared(body) => self.moved(tenant, streams, body, as_of).await?,
        };
        let alarms: Vec<pb::ModelAlarm> = alarms.into_iter().map(convert::alarm).collect();
        if alarms.is_empty() {
            return Ok(alarms);
        }
        let counter = global::meter("salient")
            .u64_counter("scoring.model.alarms")
            .with_description("What has moved since a live model was trained")
            .build();
        for alarm in &alarms {
            tracing::warn!(model = %live.id, finding = alarm.finding, "the live model no longer fits");
            counter.add(1, &[KeyValue::new("kind", alarm.kind().as_str_name())]);
        }
        let message = pb::ModelDrifted { model: live.id.name(), alarms: alarms.clone() };
        let mut tx = self.db.begin().await?;
        self.outbox.publish_in_tx(&mut tx, &[self.outbox.event(tenant, 0, &message)]).await?;
        tx.commit().await?;
        Ok(alarms)
    }

    /// Puts a trained version live unless something speaks against it; says what does.
    pub(crate) async fn try_live(
        &self,
        tenant: &TenantId,
        model: &Arc<Model>,
        champion: Option<Arc<Model>>,
        streams: &Streams,
        as_of: DateTime<Utc>,
    ) -> Result<Vec<String>> {
        match model.state {
            State::Live => return Ok(Vec::new()),
            State::Retired => return Ok(vec![format!("version {} was retired", model.version)]),
            State::Shadow | State::Pilot(_) => {}
        }
        if let Some(live) = champion.as_ref().filter(|live| live.as_of > model.as_of) {
            return Ok(vec![format!(
                "the live version, {}, knows more: it was trained as of a later moment",
                live.version
            )]);
        }
        let seen = champion.as_ref().map(|champion| champion.id);
        let mut doubts = self.doubts(tenant, model, champion, streams, as_of).await?;
        let mut tx = self.db.begin().await?;
        self.hold_in_tx(&mut tx, tenant, &model.declaration).await?;
        let places = models::places_in_tx(&mut tx, tenant, &model.declaration).await?;
        doubts.extend(held(&places, seen));
        if doubts.is_empty() {
            self.go_live_in_tx(&mut tx, tenant, model).await?;
        }
        tx.commit().await?;
        Ok(doubts)
    }

    /// What speaks against a version, by itself and beside the live one.
    async fn doubts(
        &self,
        tenant: &TenantId,
        model: &Arc<Model>,
        champion: Option<Arc<Model>>,
        streams: &Streams,
        as_of: DateTime<Utc>,
    ) -> Result<Vec<String>> {
        if let Body::Declared(body) = &model.body {
            let Some(measured) = &body.measured else { return Ok(vec![UNMEASURED.into()]) };
            // measured at the same moment where the champion had not seen it, else each at its own
            let before = match champion.as_ref().map(|champion| &champion.body) {
                Some(Body::Declared(before)) if before.trained_at <= measured.at => {
                    self.quality_at(tenant, streams, before, measured.at).await?
                }
                Some(Body::Declared(before)) => {
                    before.measured.as_ref().and_then(|of| of.reference.quality.clone())
                }
                _ => None,
            };
            return Ok(measured.doubts(before.as_ref(), &Thresholds::default()));
        }
        let (challenger, ledger) = (Arc::clone(model), Arc::clone(&streams.ledger));
        let doubts = aside(move || {
            let view = ledger.history.as_of(as_of.timestamp_micros());
            let champion = champion.as_ref().and_then(|champion| champion.body.orders());
            let doubts = |body: &PropensityModel| body.doubts(champion, &view, &Thresholds::default());
            challenger.body.orders().map_or(Ok(Vec::new()), doubts)
        });
        doubts.await?.map_err(refusal)
    }

    async fn go_live_in_tx(&self, tx: &mut Tx, tenant: &TenantId, model: &Model) -> Result<Model> {
        let now = self.clock.now();
        models::go_live_in_tx(tx, tenant, model.id, now).await?;
        let live = Model { state: State::Live, live_time: Some(now), ..model.clone() };
        let message = pb::ModelPromoted { model: Some(convert::model(live.clone())) };
        self.outbox.publish_in_tx(tx, &[self.outbox.event(tenant, 0, &message)]).await?;
        Ok(live)
    }

    /// Puts a version live, or to the test as a pilot.
    ///
    /// # Errors
    /// No such version, or NOT_READY with why it may not stand there.
    pub async fn promote(
        &self,
        tenant: &TenantId,
        request: &pb::PromoteModelRequest,
    ) -> Result<pb::PromoteModelResponse> {
        const METHOD: &str = "PromoteModel";
        let mut tx = self.db.begin().await?;
        if let Some(answer) =
            idempotency::check_in_tx(&mut tx, tenant, METHOD, &request.request_id, request).await?
        {
            return pb::PromoteModelResponse::decode(answer.as_slice()).map_err(Error::internal);
        }
        let id = ModelId::parse_name(&request.name)?;
        let model = models::by_id(&mut tx, tenant, id).await?.ok_or_else(|| Error::not_found(id))?;
        let places = models::places_in_tx(&mut tx, tenant, &model.declaration).await?;
        may_stand(&model, &places, request.pilot_share)?;
        let model = if request.pilot_share > 0.0 {
            models::pilot_in_tx(&mut tx, tenant, id, request.pilot_share).await?;
            Model { state: State::Pilot(request.pilot_share), ..model }
        } else {
            self.go_live_in_tx(&mut tx, tenant, &model).await?
        };
        let run = self.score_again_in_tx(&mut tx, tenant, &model.declaration).await?;
        let answer = pb::PromoteModelResponse {
            model: Some(convert::model(model)),
            scoring_run: Some(run::on_wire(&self.clock, &run)?),
        };
        idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, self.clock.now())
            .await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// Ends a pilot; without one, puts the version live that was live before the one that is.
    ///
    /// # Errors
    /// NOT_READY when there is neither.
    pub async fn roll_back(
        &self,
        tenant: &TenantId,
        request: &pb::RollBackModelRequest,
    ) -> Result<pb::RollBackModelResponse> {
        const METHOD: &str = "RollBackModel";
        let mut tx = self.db.begin().await?;
        if let Some(answer) =
            idempotency::check_in_tx(&mut tx, tenant, METHOD, &request.request_id, request).await?
        {
            return pb::RollBackModelResponse::decode(answer.as_slice()).map_err(Error::internal);
        }
        let declaration = declarations::id_of(&request.model_declaration);
        let places = models::places_in_tx(&mut tx, tenant, declaration).await?;
        let to = back_to(&places).ok_or_else(|| {
            Error::new(Reason::NotReady, "no version was live before the one that is; promote one instead")
        })?;
        let model = models::by_id(&mut tx, tenant, to).await?.ok_or_else(|| Error::not_found(to))?;
        let model = if model.state == State::Live {
            models::end_pilot_in_tx(&mut tx, tenant, declaration).await?;
            model
        } else {
            self.go_live_in_tx(&mut tx, tenant, &model).await?
        };
        let run = self.score_again_in_tx(&mut tx, tenant, declaration).await?;
        let answer = pb::RollBackModelResponse {
            model: Some(convert::model(model)),
            scoring_run: Some(run::on_wire(&self.clock, &run)?),
        };
        idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, self.clock.now())
            .await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// Starts a run that trains nothing.
    async fn score_again_in_tx(&self, tx: &mut Tx, tenant: &TenantId, declaration: &str) -> Result<Run> {
        let request_id = self.clock.uuid().to_string();
        let request = pb::StartScoringRunRequest {
            request_id: request_id.clone(),
            as_of: None,
            keep_model: true,
            model_declaration: declarations::name_of(declaration),
        };
        let new = NewRun {
            id: self.clock.uuid(),
            tenant,
            kind: KIND,
            request_id: &request_id,
            request: request.encode_to_vec(),
            now: self.clock.now(),
        };
        runs::enqueue_in_tx(tx, new).await
    }
}

/// Why a run may not put a version live by itself; `seen` was live when it began.
fn held(places: &[Place], seen: Option<ModelId>) -> Option<String> {
    let live = places.iter().find(|place| place.live);
    if live.map(|live| live.id) != seen {
        return Some("another version became live while this one was trained".into());
    }
    if let Some(pilot) = places.iter().find(|place| place.pilot) {
        return Some(format!(
            "version {} is a pilot; runs promote nothing until it is promoted or rolled back",
            pilot.version
        ));
    }
    let newest = places.iter().rfind(|place| place.was_live)?;
    (newest.version > live?.version).then(|| {
        format!(
            "version {} was rolled back; runs promote nothing until a newer one is promoted",
            newest.version
        )
    })
}

/// The version that is live when the last promotion is taken back: the same, if that was a pilot's.
fn back_to(places: &[Place]) -> Option<ModelId> {
    let live = places.iter().find(|place| place.live)?;
    if places.iter().any(|place| place.pilot) {
        return Some(live.id);
    }
    places.iter().rfind(|place| place.was_live && place.version < live.version).map(|place| place.id)
}

/// Whether an operator may put a version there.
fn may_stand(model: &Model, places: &[Place], pilot_share: f64) -> Result<()> {
    let not = |why: String| Err(Error::new(Reason::NotReady, why));
    if model.state == State::Live {
        return not(format!("version {} is live", model.version));
    }
    if pilot_share > 0.0 && !places.iter().any(|place| place.live) {
        return not(
            "no version is live that a pilot could be compared with; pilot_share 0 is accepted".into()
        );
    }
    // what was live before had passed
    if model.live_time.is_some() {
        return Ok(());
    }
    let Some(measured) = model.body.measured() else {
        return not(format!("version {} was never measured on a time slice of its own", model.version));
    };
    let failed: Vec<&str> =
        measured.report.gates.iter().filter(|gate| !gate.passed).map(|gate| gate.words.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    not(format!("version {} does not pass: {}", model.version, failed.join("; ")))
}
