//! Taking one message of an ingestion stream: records of several kinds, in one transaction.

use chrono::{DateTime, Utc};
use prost::Message;
use salient_core::{Result, TenantId};
use salient_proto::profile::v1::{Account, Contact, IngestRecordsRequest, Interaction, Opportunity, Order};

use crate::{
    domain::{
        UpdateMask,
        batch::{Accounts, Batch, Summary},
    },
    profile::Profile,
    store::{self, records},
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

/// What became of the records of a message; nothing for a kind that it does not have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// Of the accounts.
    pub accounts: Option<Summary>,
    /// Of the contacts.
    pub contacts: Option<Summary>,
    /// Of the orders.
    pub orders: Option<Summary>,
    /// Of the interactions.
    pub interactions: Option<Summary>,
    /// Of the opportunities.
    pub opportunities: Option<Summary>,
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

    /// The message's `request_id`.
    pub fn request_id(&self) -> &str {
        self.request.id()
    }
}

/// Takes one message; a message that was taken before gets its first answer. Accounts come first,
/// so that the others may refer to accounts of the same message. `answer` makes the answer, which
/// is kept with the request's id.
///
/// # Errors
/// `REQUEST_ID_REUSED`, or what the store says.
pub async fn ingest<A: Message + Default>(
    profile: &Profile,
    prepared: Prepared,
    answer: impl FnOnce(Taken) -> A,
) -> Result<A> {
    let Prepared { request, accounts, contacts, orders, interactions, opportunities } = prepared;
    let mut tx = profile.db.begin().await?;
    store::take_turn_in_tx(&mut tx, request.tenant()).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    let (mut taken, mut events) = (Taken::default(), Vec::new());
    let (tenant, mask) = (request.tenant(), UpdateMask::Set);
    let mut known = Accounts::default();
    macro_rules! write {
        ($batch:ident) => {
            if !$batch.is_empty() {
                let summary =
                    write_in_tx(&mut tx, profile, tenant, $batch, &known, &mask, &mut events).await?;
                taken.$batch = Some(summary);
            }
        };
    }
    write!(accounts);
    let references = contacts
        .account_refs()
        .chain(orders.account_refs())
        .chain(interactions.account_refs())
        .chain(opportunities.account_refs());
    known = records::accounts(&mut tx, tenant, references).await?;
    write!(contacts);
    write!(orders);
    write!(interactions);
    write!(opportunities);
    let answer = answer(taken);
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    salient_events::outbox::publish_in_tx(&mut tx, &events).await?;
    tx.commit().await?;
    Ok(answer)
}
