//! `FeedbackService`.

use salient_core::{Result, SellerId, filter, page};
use salient_kit::{Role, accept, status};
use salient_proto::feedback::v1::{self as pb, feedback_service_server::FeedbackService as Contract};
use tonic::{Request, Response, Status};

use super::convert;
use crate::{react::Feedback, store};

const REACTION_FIELDS: &[filter::Field] = &[
    filter::Field::name("recommendation", "recommendations"),
    filter::Field::name("seller", "sellers"),
    filter::Field::name("account", "accounts"),
    filter::Field::one_of("action", &["accept", "snooze", "dismiss", "complete"]),
    filter::Field::one_of(
        "reason",
        &[
            "wrong_person",
            "bad_timing",
            "already_done",
            "not_relevant",
            "customer_issue",
            "no_stock",
            "do_not_contact",
            "other",
        ],
    ),
    filter::Field::time("react_time"),
];

const OUTCOME_FIELDS: &[filter::Field] = &[
    filter::Field::name("recommendation", "recommendations"),
    filter::Field::name("seller", "sellers"),
    filter::Field::name("account", "accounts"),
    filter::Field::one_of("kind", &["opportunity_created", "opportunity_won", "opportunity_lost", "order"]),
    filter::Field::time("outcome_time"),
];

/// The service.
#[derive(Clone, Debug)]
pub struct Service {
    /// What its verbs work with.
    pub feedback: Feedback,
}

#[tonic::async_trait]
impl Contract for Service {
    async fn record_reaction(
        &self,
        request: Request<pb::RecordReactionRequest>,
    ) -> Result<Response<pb::RecordReactionResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.feedback.react(&ctx.caller, message).await.map(Response::new).map_err(status)
    }

    async fn list_reactions(
        &self,
        request: Request<pb::ListReactionsRequest>,
    ) -> Result<Response<pb::ListReactionsResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            // a seller's own name is part of the query, so that a token cannot wander
            let own = if ctx.caller.role == Role::Seller { ctx.caller.subject.as_str() } else { "" };
            let query = ["reactions", ctx.tenant().as_str(), &message.filter, own];
            let page = page::page(message.page_size, &message.page_token, &query)?;
            let mut wanted = filter::parse(&message.filter, REACTION_FIELDS)?;
            if !own.is_empty() {
                wanted.extend(filter::parse(&format!("seller = \"sellers/{own}\""), REACTION_FIELDS)?);
            }
            let mut read = self.feedback.db.read().await?;
            let rows =
                store::list_reactions(&mut read, ctx.tenant(), wanted, page.key()?, page.limit()).await?;
            Result::Ok(page.cut(rows, |row| (row.react_time.timestamp_micros(), row.id.uuid())))
        };
        let (rows, next_page_token) = found.await.map_err(status)?;
        let reactions = rows.into_iter().map(convert::reaction).collect();
        Ok(Response::new(pb::ListReactionsResponse { reactions, next_page_token }))
    }

    async fn record_exposures(
        &self,
        request: Request<pb::RecordExposuresRequest>,
    ) -> Result<Response<pb::RecordExposuresResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.feedback.expose(&ctx.caller, message).await.map(Response::new).map_err(status)
    }

    async fn list_outcomes(
        &self,
        request: Request<pb::ListOutcomesRequest>,
    ) -> Result<Response<pb::ListOutcomesResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let query = ["outcomes", ctx.tenant().as_str(), &message.filter];
            let page = page::page(message.page_size, &message.page_token, &query)?;
            let wanted = filter::parse(&message.filter, OUTCOME_FIELDS)?;
            let mut read = self.feedback.db.read().await?;
            let rows =
                store::list_outcomes(&mut read, ctx.tenant(), wanted, page.key()?, page.limit()).await?;
            Result::Ok(page.cut(rows, |row| (row.outcome_time.timestamp_micros(), row.id.uuid())))
        };
        let (rows, next_page_token) = found.await.map_err(status)?;
        let outcomes = rows.into_iter().map(convert::outcome).collect();
        Ok(Response::new(pb::ListOutcomesResponse { outcomes, next_page_token }))
    }

    async fn get_conversion_funnel(
        &self,
        request: Request<pb::GetConversionFunnelRequest>,
    ) -> Result<Response<pb::GetConversionFunnelResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let counted = async {
            // what has happened by now is matched first, so that the figure is not one tick behind
            self.feedback.match_outcomes().await?;
            let seller = match message.seller.as_str() {
                "" => String::new(),
                name => SellerId::parse_field("seller", name)?.as_str().to_owned(),
            };
            let from = message.start_time.as_ref().and_then(convert::time);
            let until = message.end_time.as_ref().and_then(convert::time);
            let mut read = self.feedback.db.read().await?;
            let now = self.feedback.clock.now();
            Result::Ok(store::funnel::count(&mut read, ctx.tenant(), from, until, &seller, now).await?)
        };
        let counts = counted.await.map_err(status)?;
        let share = |count| Some(salient_ledger::wire::share(count, counts.issued));
        Ok(Response::new(pb::GetConversionFunnelResponse {
            issued: counts.issued,
            exposed: share(counts.exposed),
            accepted: share(counts.accepted),
            dismissed: share(counts.dismissed),
            opportunity: share(counts.opportunity),
            won: share(counts.won),
            closed_windows: counts.closed_windows,
        }))
    }
}
