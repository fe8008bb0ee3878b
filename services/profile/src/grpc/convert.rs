//! Between the request and response messages of the contract and what the rest of the service
//! speaks of. The five kinds have messages of the same shape; the traits here say so.

use prost::Message;
use prost_types::FieldMask;
use salient_core::{Mask, Result};
use salient_proto::{
    Validate,
    common::v1::{BatchResult, RecordError},
    profile::v1::{
        Account, Contact, GetAccountRequest, GetAccountResponse, GetContactRequest, GetContactResponse,
        GetInteractionRequest, GetInteractionResponse, GetOpportunityRequest, GetOpportunityResponse,
        GetOrderRequest, GetOrderResponse, IngestRecordsResponse, IngestTelemetryResponse, Interaction,
        ListAccountsRequest, ListAccountsResponse, ListContactsRequest, ListContactsResponse,
        ListInteractionsRequest, ListInteractionsResponse, ListOpportunitiesRequest,
        ListOpportunitiesResponse, ListOrdersRequest, ListOrdersResponse, Opportunity, Order,
        UpsertAccountsRequest, UpsertAccountsResponse, UpsertContactsRequest, UpsertContactsResponse,
        UpsertInteractionsRequest, UpsertInteractionsResponse, UpsertOpportunitiesRequest,
        UpsertOpportunitiesResponse, UpsertOrdersRequest, UpsertOrdersResponse,
    },
};

use crate::{
    domain::{Record, Refusal, batch::Summary},
    identity::Told,
    ingest::Taken,
    store::Stored,
};

/// Refused records that the answer to a stream tells of, by kind. The answers to its batches,
/// which repeating a batch gives again, tell of all.
const ERRORS_OF_A_STREAM: usize = 5_000;

/// A request to upsert records of one kind.
pub trait UpsertRequest: Message + Validate {
    /// The records.
    type Record: Told;
    /// The answer.
    type Response: Message + Default;
    /// The RPC, under which the request's id is remembered.
    const METHOD: &'static str;

    /// The id that the caller chose.
    fn request_id(&self) -> &str;
    /// Takes the request apart.
    fn into_parts(self) -> (Vec<Self::Record>, Option<FieldMask>);
    /// The answer.
    fn response(result: BatchResult, names: Vec<String>) -> Self::Response;
}

/// A request for one record.
pub trait GetRequest: Validate {
    /// The record.
    type Record: Stored;
    /// The answer.
    type Response;

    /// Takes the request apart.
    fn into_parts(self) -> (String, Option<FieldMask>);
    /// The answer.
    fn response(record: Self::Record) -> Self::Response;
}

/// A request for a page of records.
pub trait ListRequest: Validate {
    /// The records.
    type Record: Stored;
    /// The answer.
    type Response;

    /// Takes the request apart.
    fn into_parts(self) -> (Page, Option<FieldMask>);
    /// The answer.
    fn response(records: Vec<Self::Record>, next_page_token: String) -> Self::Response;
}

/// Which page of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many records.
    pub size: i32,
    /// Where the page begins.
    pub token: String,
    /// Which records.
    pub filter: String,
}

macro_rules! messages {
    ($($record:ty, $one:ident, $many:ident, $method:literal: $upsert:ident -> $upserted:ident,
       $get:ident -> $got:ident, $list:ident -> $listed:ident;)+) => {$(
        impl UpsertRequest for $upsert {
            type Record = $record;
            type Response = $upserted;
            const METHOD: &'static str = $method;

            fn request_id(&self) -> &str {
                &self.request_id
            }

            fn into_parts(self) -> (Vec<$record>, Option<FieldMask>) {
                (self.$many, self.update_mask)
            }

            fn response(result: BatchResult, names: Vec<String>) -> $upserted {
                $upserted { result: Some(result), names }
            }
        }

        impl GetRequest for $get {
            type Record = $record;
            type Response = $got;

            fn into_parts(self) -> (String, Option<FieldMask>) {
                (self.name, self.read_mask)
            }

            fn response(record: $record) -> $got {
                $got { $one: Some(record) }
            }
        }

        impl ListRequest for $list {
            type Record = $record;
            type Response = $listed;

            fn into_parts(self) -> (Page, Option<FieldMask>) {
                let page = Page { size: self.page_size, token: self.page_token, filter: self.filter };
                (page, self.read_mask)
            }

            fn response(records: Vec<$record>, next_page_token: String) -> $listed {
                $listed { $many: records, next_page_token }
            }
        }
    )+};
}

messages! {
    Account, account, accounts, "UpsertAccounts": UpsertAccountsRequest -> UpsertAccountsResponse,
        GetAccountRequest -> GetAccountResponse, ListAccountsRequest -> ListAccountsResponse;
    Contact, contact, contacts, "UpsertContacts": UpsertContactsRequest -> UpsertContactsResponse,
        GetContactRequest -> GetContactResponse, ListContactsRequest -> ListContactsResponse;
    Order, order, orders, "UpsertOrders": UpsertOrdersRequest -> UpsertOrdersResponse,
        GetOrderRequest -> GetOrderResponse, ListOrdersRequest -> ListOrdersResponse;
    Interaction, interaction, interactions, "UpsertInteractions":
        UpsertInteractionsRequest -> UpsertInteractionsResponse,
        GetInteractionRequest -> GetInteractionResponse,
        ListInteractionsRequest -> ListInteractionsResponse;
    Opportunity, opportunity, opportunities, "UpsertOpportunities":
        UpsertOpportunitiesRequest -> UpsertOpportunitiesResponse,
        GetOpportunityRequest -> GetOpportunityResponse,
        ListOpportunitiesRequest -> ListOpportunitiesResponse;
}

/// The paths of a mask; a missing mask has none.
pub fn paths(mask: Option<FieldMask>) -> Vec<String> {
    mask.map(|mask| mask.paths).unwrap_or_default()
}

/// The fields of an `R` to return.
///
/// # Errors
/// `FIELD_MASK_INVALID`.
pub fn read_mask<R: Record>(mask: Option<FieldMask>) -> Result<Mask> {
    Mask::parse("read_mask", &paths(mask), R::READABLE)
}

/// The record with the fields of the mask only.
pub fn masked<R: Record>(mut record: R, mask: &Mask) -> R {
    if !mask.is_all() {
        record.retain(mask);
    }
    record
}

/// What became of the batch `request_id`.
pub fn batch_result(request_id: &str, summary: Summary) -> BatchResult {
    BatchResult {
        created: count(summary.created),
        updated: count(summary.updated),
        unchanged: count(summary.unchanged),
        errors: errors(request_id, summary.refused),
    }
}

fn errors(request_id: &str, refused: Vec<(usize, Refusal)>) -> Vec<RecordError> {
    let errors = refused.into_iter().map(|(index, refusal)| RecordError {
        request_id: request_id.to_owned(),
        index: count(index),
        field: refusal.field,
        reason: refusal.reason.as_str().to_owned(),
        message: refusal.message,
    });
    errors.collect()
}

/// What became of the message `request_id` of a stream of readings.
pub fn measured(request_id: &str, taken: i64, refused: Vec<(usize, Refusal)>) -> IngestTelemetryResponse {
    let refused_count = i64::from(count(refused.len()));
    let errors = errors(request_id, refused);
    IngestTelemetryResponse { batches: 1, taken, refused: refused_count, errors }
}

/// Adds what became of one batch of readings to what became of its stream.
pub fn add_measured(total: &mut IngestTelemetryResponse, batch: IngestTelemetryResponse) {
    total.batches = total.batches.saturating_add(batch.batches);
    total.taken = total.taken.saturating_add(batch.taken);
    total.refused = total.refused.saturating_add(batch.refused);
    let room = ERRORS_OF_A_STREAM.saturating_sub(total.errors.len());
    total.errors.extend(batch.errors.into_iter().take(room));
}

/// What became of the message `request_id` of a stream.
pub fn ingested(request_id: &str, taken: Taken) -> IngestRecordsResponse {
    let result = |summary: Option<Summary>| summary.map(|summary| batch_result(request_id, summary));
    IngestRecordsResponse {
        batches: 1,
        accounts: result(taken.accounts),
        contacts: result(taken.contacts),
        orders: result(taken.orders),
        interactions: result(taken.interactions),
        opportunities: result(taken.opportunities),
    }
}

/// A batch has at most 10000 records.
fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Adds what became of one batch to what became of its stream.
pub fn add(total: &mut IngestRecordsResponse, batch: IngestRecordsResponse) {
    let kinds = [
        (&mut total.accounts, batch.accounts),
        (&mut total.contacts, batch.contacts),
        (&mut total.orders, batch.orders),
        (&mut total.interactions, batch.interactions),
        (&mut total.opportunities, batch.opportunities),
    ];
    for (total, batch) in kinds {
        let Some(batch) = batch else { continue };
        let total = total.get_or_insert_default();
        total.created = total.created.saturating_add(batch.created);
        total.updated = total.updated.saturating_add(batch.updated);
        total.unchanged = total.unchanged.saturating_add(batch.unchanged);
        let room = ERRORS_OF_A_STREAM.saturating_sub(total.errors.len());
        total.errors.extend(batch.errors.into_iter().take(room));
    }
    total.batches = total.batches.saturating_add(batch.batches);
}
