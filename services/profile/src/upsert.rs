//! Creating and updating a batch of records of one kind, in one transaction.

use std::collections::HashMap;

use prost::Message;
use salient_core::{Result, TenantId};
use salient_events::Envelope;
use salient_store::{Tx, idempotency};
use sha2::{Digest, Sha256};

use crate::{
    domain::{
        Kind, UpdateMask,
        batch::{self, Accounts, Batch, Summary},
    },
    events::publish,
    hierarchy,
    identity::Told,
    profile::Profile,
    store::{self, dirty, persons, records},
};

/// A write that can be sent again: what tells one from another.
#[derive(Clone, Debug)]
pub struct Request {
    tenant: TenantId,
    method: &'static str,
    id: String,
    /// The SHA-256 of the encoded request.
    digest: Vec<u8>,
}

impl Request {
    /// A request of `tenant` for `method`, whose `request_id` is `id`.
    pub fn new(tenant: &TenantId, method: &'static str, id: &str, body: &impl Message) -> Self {
        let digest = Sha256::digest(body.encode_to_vec()).to_vec();
        Self { tenant: tenant.clone(), method, id: id.to_owned(), digest }
    }

    /// Whose data it changes.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Its `request_id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The answer that was given before, if there was one.
    pub(crate) async fn answered_in_tx<A: Message + Default>(&self, tx: &mut Tx) -> Result<Option<A>> {
        // a digest is itself a message: google.protobuf.BytesValue
        let stored = idempotency::check_in_tx(tx, &self.tenant, self.method, &self.id, &self.digest).await?;
        let decode = |bytes: Vec<u8>| A::decode(bytes.as_slice()).map_err(salient_core::Error::internal);
        stored.map(decode).transpose()
    }

    /// Keeps the answer.
    pub(crate) async fn answer_in_tx(
        &self,
        tx: &mut Tx,
        answer: &impl Message,
        profile: &Profile,
    ) -> Result<()> {
        let now = profile.clock.now();
        idempotency::store_in_tx(tx, &self.tenant, self.method, &self.id, answer, now).await
    }
}

/// Creates and updates `records`; what did not change is not written and not published. A record
/// that is wrong is refused by itself. `answer` makes the response, which is kept with the
/// request's id.
///
/// # Errors
/// `REQUEST_ID_REUSED`, or what the store says.
pub async fn upsert<R: Told, A: Message + Default>(
    profile: &Profile,
    request: Request,
    batch: Batch<R>,
    mask: UpdateMask,
    answer: impl FnOnce(Summary) -> A,
) -> Result<A> {
    let mut tx = profile.db.begin().await?;
    store::take_turn_in_tx(&mut tx, request.tenant()).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    let accounts = match R::KIND {
        Kind::Account => Accounts::default(),
        _ => records::accounts(&mut tx, request.tenant(), batch.account_refs()).await?,
    };
    let mut events = Vec::new();
    let summary =
        write_in_tx(&mut tx, profile, request.tenant(), batch, &accounts, &mask, &mut events).await?;
    let answer = answer(summary);
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    salient_events::outbox::publish_in_tx(&mut tx, &events).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Writes what a batch changes, and adds the events that tell of it to `events`.
///
/// # Errors
/// What the store says.
pub(crate) async fn write_in_tx<R: Told>(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    mut batch: Batch<R>,
    accounts: &Accounts,
    mask: &UpdateMask,
    events: &mut Vec<Envelope>,
) -> Result<Summary> {
    let buried = persons::buried(tx, tenant, &batch.persons()).await?;
    batch.respect(&buried);
    let known = records::find::<R>(tx, tenant, &batch.keys()).await?;
    let wanted = batch.compare(&known, accounts, mask);
    let current = records::current(tx, tenant, wanted).await?;
    let before = batch::accounts_of(&current);
    let lineage = hierarchy::of_batch(tx, tenant, &batch, &known).await?;
    let stood = if R::NOTED { current.clone() } else { HashMap::new() };
    let (summary, writes) = batch.apply(&known, current, accounts, lineage, mask, &profile.clock);
    records::write_in_tx(tx, tenant, &writes, profile.clock.now_micros()).await?;
    R::note_in_tx(tx, &profile.clock, tenant, &stood, &writes).await?;
    // a record may have moved from one account to another
    dirty::mark_in_tx(tx, tenant, batch::touched(&writes, before)).await?;
    let told = R::told_in_tx(tx, tenant, writes).await?;
    events.extend(publish::changes(&profile.clock, tenant, &told));
    Ok(summary)
}
