//! Taking one message of an ingestion stream: records of several kinds, in one transaction.

use chrono::{DateTime, Utc};
use prost::Message;
use salient_core::{Result, TenantId};
use salient_proto::profile::v1::{Account, Contact, IngestRecordsRequest, Interaction, Opportunity, Order};
use salient_store::{Connection, Tx};

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
    records: Records,
}

/// Records of several kinds, looked at one by one.
#[derive(Debug)]
pub struct Records {
    pub(crate) accounts: Batch<Account>,
    pub(crate) contacts: Batch<Contact>,
    pub(crate) orders: Batch<Order>,
    pub(crate) interactions: Batch<Interaction>,
    pub(crate) opportunities: Batch<Opportunity>,
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
        let request = Request::new(tenant, METHOD, &message.request_id, &message);
        Self { request, records: Records::prepare(message, latest) }
    }

    /// The message's `request_id`.
    pub fn request_id(&self) -> &str {
        self.request.id()
    }
}

impl Records {
    /// Looks at every record of `message`. `latest` is the latest date that a record may carry.
    pub fn prepare(message: IngestRecordsRequest, latest: DateTime<Utc>) -> Self {
        Self {
            accounts: Batch::prepare(message.accounts, latest),
            contacts: Batch::prepare(message.contacts, latest),
            orders: Batch::prepare(message.orders, latest),
            interactions: Batch::prepare(message.interactions, latest),
            opportunities: Batch::prepare(message.opportunities, latest),
        }
    }

    /// The accounts, as far as they exist, that the records which are no accounts name.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn named_accounts(
        &self,
        conn: &mut impl Connection,
        tenant: &TenantId,
    ) -> Result<Accounts> {
        let references = self
            .contacts
            .account_refs()
            .chain(self.orders.account_refs())
            .chain(self.interactions.account_refs())
            .chain(self.opportunities.account_refs());
        Ok(records::accounts(conn, tenant, references).await?)
    }

    /// Writes what the records change, and the events that tell of it. Accounts come first, so that
    /// the others may refer to them. The tenant's turn must have been taken.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn take_in_tx(
        mut self,
        tx: &mut Tx,
        profile: &Profile,
        tenant: &TenantId,
    ) -> Result<Taken> {
        let (mut taken, mut events) = (Taken::default(), Vec::new());
        let (mask, none) = (UpdateMask::Set, Accounts::default());
        macro_rules! write {
            ($batch:ident, $known:expr) => {
                if !self.$batch.is_empty() {
                    let batch = std::mem::take(&mut self.$batch);
                    let summary = write_in_tx(tx, profile, tenant, batch, $known, &mask, &mut events).await?;
                    taken.$batch = Some(summary);
                }
            };
        }
        write!(accounts, &none);
        let known = self.named_accounts(tx, tenant).await?;
        write!(contacts, &known);
        write!(orders, &known);
        write!(interactions, &known);
        write!(opportunities, &known);
        salient_events::outbox::publish_in_tx(tx, &events).await?;
        Ok(taken)
    }
}

/// Takes one message; a message that was taken before gets its first answer. `answer` makes the
/// answer, which is kept with the request's id.
///
/// # Errors
/// `REQUEST_ID_REUSED`, or what the store says.
pub async fn ingest<A: Message + Default>(
    profile: &Profile,
    prepared: Prepared,
    answer: impl FnOnce(Taken) -> A,
) -> Result<A> {
    let Prepared { request, records } = prepared;
    let mut tx = profile.db.begin().await?;
    store::take_turn_in_tx(&mut tx, request.tenant()).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    let answer = answer(records.take_in_tx(&mut tx, profile, request.tenant()).await?);
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    tx.commit().await?;
    Ok(answer)
}
