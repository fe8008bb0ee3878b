//! Recording what people agreed to, and telling what holds.

use std::collections::{BTreeMap, BTreeSet};

use salient_core::{Reason, Result, TenantId, page};
use salient_events::{Envelope, outbox, shard_of};
use salient_proto::profile::v1::{
    Consent, ConsentChanged, ConsentStatus, Contact, GetConsentRequest, ListConsentsRequest, consent::State,
};
use salient_store::Tx;
use uuid::Uuid;

use super::{Privacy, individual};
use crate::{
    domain::{
        Kind, Refusal,
        batch::Summary,
        consent::{self, Statement, Subject, Who},
        record::timestamp_micros,
    },
    events::publish::SOURCE,
    profile::Profile,
    store::{self, consents, persons, records, settings},
    upsert::Request,
};

/// What became of a batch of consents.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Counts, refusals and names; nothing is ever updated.
    pub summary: Summary,
    /// Of the names, those that changed nothing because a later one is known.
    pub outdated: Vec<String>,
}

/// Records consents; what cannot be recorded is refused by itself.
///
/// # Errors
/// `REQUEST_ID_REUSED`, or what the store says.
pub async fn record<A: prost::Message + Default>(
    privacy: &Privacy,
    request: Request,
    batch: Vec<Consent>,
    answer: impl FnOnce(Recorded) -> A,
) -> Result<A> {
    let profile = &privacy.profile;
    let mut tx = profile.db.begin().await?;
    store::take_turn_in_tx(&mut tx, request.tenant()).await?;
    if let Some(answer) = request.answered_in_tx(&mut tx).await? {
        return Ok(answer);
    }
    let mut recording = Recording {
        tenant: request.tenant(),
        profile,
        people: BTreeMap::new(),
        touched: BTreeSet::new(),
        outdated: Vec::new(),
    };
    let mut summary = Summary {
        created: 0,
        updated: 0,
        unchanged: 0,
        refused: Vec::new(),
        names: vec![String::new(); batch.len()],
    };
    for (index, consent) in batch.into_iter().enumerate() {
        let statement = Statement::try_new(consent, profile.clock.latest());
        let recorded = match statement {
            Ok(statement) => recording.one(&mut tx, statement).await?,
            Err(refusal) => Err(refusal),
        };
        match recorded {
            Ok((name, true)) => {
                summary.created += 1;
                summary.names[index] = name;
            }
            Ok((name, false)) => {
                summary.unchanged += 1;
                summary.names[index] = name;
            }
            Err(refusal) => summary.refused.push((index, refusal)),
        }
    }
    let events = recording.events(&mut tx).await?;
    let outdated = recording.outdated;
    let answer = answer(Recorded { summary, outdated });
    request.answer_in_tx(&mut tx, &answer, profile).await?;
    outbox::publish_in_tx(&mut tx, &events).await?;
    tx.commit().await?;
    Ok(answer)
}

/// A contact who is named in a batch.
struct Named {
    /// Every record of the person.
    records: Vec<Uuid>,
    /// Where the events travel.
    shard: u16,
}

/// A batch on its way.
struct Recording<'a> {
    tenant: &'a TenantId,
    profile: &'a Profile,
    /// Who was named so far.
    people: BTreeMap<Uuid, Named>,
    /// What changed: of these others are told what holds now.
    touched: BTreeSet<Subject>,
    outdated: Vec<String>,
}

impl Recording<'_> {
    /// Records one: its name, and whether it is new.
    async fn one(&mut self, tx: &mut Tx, statement: Statement) -> Result<Result<(String, bool), Refusal>> {
        let Statement { who, consent, time } = statement;
        let contact = match self.find(tx, who, &consent, time).await? {
            Ok(contact) => contact,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let subject = Subject { contact, purpose: consent.purpose, channel: consent.channel };
        if let Some(id) = consents::same_in_tx(tx, self.tenant, subject, time, consent.state).await? {
            return Ok(Ok((consents::name(contact, id), false)));
        }
        let about = (consent.purpose, consent.channel);
        let alone = [contact];
        let records = self.people.get(&contact).map_or(&alone[..], |named| &named.records);
        let known = consents::known_in_tx(tx, self.tenant, records, about).await?;
        let holds = match known.admits(consent.state(), time) {
            Ok(holds) => holds,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // others keep consents by record, and look at them by person
        let own = consents::known_in_tx(tx, self.tenant, &[contact], about).await?;
        let id = self.profile.clock.uuid();
        let now = self.profile.clock.now_micros();
        consents::put_in_tx(tx, self.tenant, id, subject, time, &consent, now).await?;
        let name = consents::name(contact, id);
        if !holds {
            self.outdated.push(name.clone());
        }
        if own.admits(consent.state(), time) == Ok(true) {
            self.touched.insert(subject);
        }
        Ok(Ok((name, true)))
    }

    /// Whose consent it is. A grant that an erased person gave after the erasure lets the person be
    /// taken up again.
    async fn find(
        &mut self,
        tx: &mut Tx,
        who: Who,
        consent: &Consent,
        time: i64,
    ) -> Result<Result<Uuid, Refusal>> {
        let key = match who {
            Who::Contact(id) => {
                return match self.name(tx, id).await {
                    Ok(()) => Ok(Ok(id)),
                    Err(error) if error.reason() == Reason::ResourceUnknown => {
                        let message = "does not exist; a contact that was stored before is accepted";
                        Ok(Err(Refusal::field("contact", message)))
                    }
                    Err(error) => Err(error),
                };
            }
            Who::Key(key) => key,
        };
        let known = records::find::<Contact>(tx, self.tenant, &[&key]).await?;
        if let Some(known) = known.get(&key) {
            self.name(tx, known.id).await?;
            return Ok(Ok(known.id));
        }
        let id = match persons::tombstone_in_tx(tx, self.tenant, &key).await? {
            None => {
                let message = "names no contact; a contact that was stored before is accepted";
                return Ok(Err(Refusal::field("contact_key", message)));
            }
            Some((_, Some(readmitted))) => readmitted,
            Some((erased, None)) if consent.state() == State::Granted && time > erased => {
                let id = self.profile.clock.uuid();
                persons::readmit_in_tx(tx, self.tenant, &key, id).await?;
                id
            }
            Some((_, None)) => return Ok(Err(Refusal::person_erased("contact_key"))),
        };
        self.people.insert(id, Named { records: vec![id], shard: shard_of(id.as_bytes()) });
        Ok(Ok(id))
    }

    /// Finds out to whom a record belongs.
    async fn name(&mut self, tx: &mut Tx, id: Uuid) -> Result<()> {
        if !self.people.contains_key(&id) {
            let found = individual(tx, self.tenant, id).await?;
            let shard = shard_of(found.shard_key().as_bytes());
            self.people.insert(id, Named { records: found.records, shard });
        }
        Ok(())
    }

    /// What others are told: what holds now of everything that changed.
    async fn events(&self, tx: &mut Tx) -> Result<Vec<Envelope>> {
        let contacts: BTreeSet<Uuid> = self.touched.iter().map(|subject| subject.contact).collect();
        let mut by_shard: BTreeMap<u16, Vec<Consent>> = BTreeMap::new();
        for contact in contacts {
            let shard =
                self.people.get(&contact).map_or_else(|| shard_of(contact.as_bytes()), |named| named.shard);
            for consent in consents::deciding(tx, self.tenant, &[contact], i64::MAX).await? {
                let subject = Subject { contact, purpose: consent.purpose, channel: consent.channel };
                if self.touched.contains(&subject) {
                    by_shard.entry(shard).or_default().push(consent::told(&consent));
                }
            }
        }
        let event = |(shard, consents)| {
            Envelope::new(SOURCE, &self.profile.clock, self.tenant, shard, &ConsentChanged { consents })
        };
        Ok(by_shard.into_iter().map(event).collect())
    }
}

/// What holds for a contact, now or as of a time.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, or what the store says.
pub async fn status(
    privacy: &Privacy,
    tenant: &TenantId,
    request: &GetConsentRequest,
) -> Result<Vec<ConsentStatus>> {
    let contact = Kind::Contact.parse("contact", &request.contact)?;
    let as_of = request.as_of_time.as_ref().map(timestamp_micros);
    let until = as_of.unwrap_or_else(|| privacy.profile.clock.now_micros());
    let mut conn = privacy.profile.db.read().await?;
    let found = individual(&mut conn, tenant, contact).await?;
    let rules = settings::get(&mut conn, tenant).await?;
    let deciding = consents::deciding(&mut conn, tenant, &found.records, until).await?;
    Ok(consent::statuses(deciding, request.purpose(), request.channel(), &rules))
}

/// A page of a contact's consents, latest first, and the token of the next page.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list(
    privacy: &Privacy,
    tenant: &TenantId,
    request: &ListConsentsRequest,
) -> Result<(Vec<Consent>, String)> {
    let contact = Kind::Contact.parse("parent", &request.parent)?;
    let query = ["consents", tenant.as_str(), request.parent.as_str()];
    let page = page::page(request.page_size, &request.page_token, &query)?;
    let before = page.key()?.unwrap_or((i64::MAX, Uuid::max()));
    let mut conn = privacy.profile.db.read().await?;
    let found = individual(&mut conn, tenant, contact).await?;
    let rows = consents::list(&mut conn, tenant, &found.records, before, page.limit()).await?;
    let (rows, next) = page.cut(rows, |(key, _)| *key);
    Ok((rows.into_iter().map(|(_, consent)| consent).collect(), next))
}
