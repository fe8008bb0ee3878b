//! The `EventsService` that every service mounts.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::Timestamp;
use salient_core::{Error, Result, page};
use salient_kit::status;
use salient_proto::common::v1::{
    DeadLetter, GetEventStatusRequest, GetEventStatusResponse, ListDeadLettersRequest,
    ListDeadLettersResponse, ReplayDeadLettersRequest, ReplayDeadLettersResponse,
    events_service_server::{EventsService, EventsServiceServer},
    get_event_status_response::TypeStatus,
};
use salient_store::Db;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    consumer::Consumer,
    dead_letters::{self, Replay},
};

/// What an operator sees and does about a service's events.
#[derive(Debug)]
pub struct EventsServer {
    db: Db,
    replays: Vec<Replay>,
    consumed: BTreeSet<String>,
}

impl EventsServer {
    /// The events of the service with this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, replays: Vec::new(), consumed: BTreeSet::new() }
    }

    /// Dead letters of `consumer` can be replayed, and the types that it handles have a status
    /// before the first event. Call this when it has all its handlers.
    #[must_use]
    pub fn consumer(mut self, consumer: &Consumer) -> Self {
        self.replays.push(Replay::of(consumer));
        self.consumed.extend(consumer.handlers().types());
        self
    }

    /// The tonic service.
    #[must_use]
    pub fn into_service(self) -> EventsServiceServer<Self> {
        EventsServiceServer::new(self)
    }
}

#[tonic::async_trait]
impl EventsService for EventsServer {
    async fn get_event_status(
        &self,
        request: Request<GetEventStatusRequest>,
    ) -> Result<Response<GetEventStatusResponse>, Status> {
        let (ctx, _) = salient_kit::accept(request)?;
        let types = crate::status::status(&self.db, ctx.tenant()).await.map_err(status)?;
        // a consumer that is far behind must not look as if it did not consume the type at all
        let zero = |name: &String| {
            let name = name.clone();
            (name.clone(), TypeStatus { r#type: name, ..TypeStatus::default() })
        };
        let mut all: BTreeMap<String, TypeStatus> = self.consumed.iter().map(zero).collect();
        all.extend(types.into_iter().map(|one| {
            let status = TypeStatus {
                r#type: one.type_,
                committed: one.committed,
                published: one.published,
                applied: one.applied,
                dead: one.dead,
            };
            (status.r#type.clone(), status)
        }));
        Ok(Response::new(GetEventStatusResponse { types: all.into_values().collect() }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        let (ctx, message) = salient_kit::accept(request)?;
        let query = ["deadLetters", ctx.tenant().as_str()];
        let page = page::page(message.page_size, &message.page_token, &query).map_err(status)?;
        let (letters, next_page_token) =
            dead_letters::list(&self.db, ctx.tenant(), &page).await.map_err(status)?;
        Ok(Response::new(ListDeadLettersResponse {
            dead_letters: letters.into_iter().map(letter).collect(),
            next_page_token,
        }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<ReplayDeadLettersRequest>,
    ) -> Result<Response<ReplayDeadLettersResponse>, Status> {
        let (ctx, message) = salient_kit::accept(request)?;
        let ids = ids(&message.event_ids).map_err(status)?;
        let mut response = ReplayDeadLettersResponse::default();
        for replay in &self.replays {
            let replayed = replay.run(ctx.tenant(), &ids).await.map_err(status)?;
            response.applied += replayed.applied;
            response.failed += replayed.failed;
        }
        Ok(Response::new(response))
    }
}

fn letter(letter: dead_letters::DeadLetter) -> DeadLetter {
    DeadLetter {
        event_id: letter.envelope.id.to_string(),
        r#type: letter.envelope.type_,
        source: letter.envelope.source,
        error: letter.error,
        attempts: i32::try_from(letter.attempts).unwrap_or(i32::MAX),
        fail_time: Some(Timestamp {
            seconds: letter.fail_time.timestamp(),
            // Below a second, never negative.
            nanos: letter.fail_time.timestamp_subsec_nanos() as i32,
        }),
    }
}

fn ids(texts: &[String]) -> Result<Vec<Uuid>> {
    let parse = |(index, text): (usize, &String)| {
        text.parse().map_err(|_| {
            Error::field(format!("event_ids[{index}]"), "the event_id of a dead letter is accepted")
        })
    };
    texts.iter().enumerate().map(parse).collect()
}
