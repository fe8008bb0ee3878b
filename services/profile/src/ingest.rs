//! Taking one message of an ingestion stream: records of several kinds, in one transaction.

use chrono::{DateTime, Utc};
use salient_core::{Result, TenantId};
use salient_proto::profile::v1::{
    Account, Contact, IngestRecordsRequest, IngestRecordsResponse, Interaction, Opportunity, Order,
};

use crate::{
    app::Profile,
    domain::{
        UpdateMask,
        batch::{Accounts, Batch},
    },
    grpc::convert,
    store::{self, identities},
    upsert::{Request, write_in_tx},
};

const METHOD: &str = "IngestRecords";

/// A message whose records were looked at one by one. Making it needs no database, so the next
/// one is made while the last one is committed.
#[derive(Debug)]
pub struct Prepared {
    request: Request,
    accounts: Batch<Account>,
    contacts: Batch<Contact>,
    orders: Batch<Order>,
    interactions: Batch<Interaction>,
    opportunities: Batch<Opportunity>,
}

impl Prepared {
    /// Looks at every record of `message`. `latest` is the latest date that a record may carry.
    pub fn new(tenant: &TenantId, message: IngestRecordsRequest, latest: DateTime<Utc>) -> Self {
        Self {
            request: Request::new(tenant, METHOD, &message.request_id, &message),
            accounts: Batch::prepare(message.accounts, latest),
            contacts: Batch::prepare(message.contacts, latest),
            orders: Batch::prepare(message.orders, latest),
            interactions: Batch::prepare(message.interactions, latest),
            opportunities: Batch::prepare(message.opportunities, latest),
        }
    }
}

/// Takes one message; a message that was taken before gets its first answer. Accounts come first,
/// so that the others may refer to accounts of the same message.
///
/// # Errors
/// `REQUEST_ID_REUSED`, or what the store says.
pub async fn ingest(profile: &Profile, prepared: Prepared) -> Result<IngestRecordsResponse> {
    let Prepared { request, accounts, contacts, orders, interactions, opportunities } = prepared;
    let mut tx = profile.db.begin().await?;
    store::take_turn_in_tx(&mut tx, request.tenant()).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    let (mut answer, mut events) = (IngestRecordsResponse { batches: 1, ..Default::default() }, Vec::new());
    let (tenant, mask) = (request.tenant(), UpdateMask::Set);
    let mut known = Accounts::default();
    macro_rules! write {
        ($batch:ident) => {
            if !$batch.is_empty() {
                let summary = write_in_tx(&mut tx, profile, tenant, $batch, &known, &mask, &mut events).await?;
                answer.$batch = Some(convert::batch_result(request.id(), summary));
            }
        };
    }
    write!(accounts);
    let references = contacts
        .account_refs()
        .chain(orders.account_refs())
        .chain(interactions.account_refs())
        .chain(opportunities.account_refs());
    known = identities::accounts(&mut tx, tenant, references).await?;
    write!(contacts);
    write!(orders);
    write!(interactions);
    write!(opportunities);
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    salient_events::outbox::publish_in_tx(&mut tx, &events).await?;
    tx.commit().await?;
    Ok(answer)
}
