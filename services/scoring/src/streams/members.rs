//! Who is asked about besides accounts, and what they have themselves.

use salient_core::{AccountId, Result, TenantId, from_micros};
use salient_learn::declared::{Raw, RawAttribute, RawEvent};
use salient_store::Connection;
use uuid::Uuid;

use crate::{
    domain::{Member, SubjectKind},
    store::{attributes, contacts, events},
    told,
};

/// A subject's own records, and from when on it is there (microseconds UTC); none: since the first that is known
/// of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    records: Vec<Uuid>,
    begun: Option<i64>,
}

/// All of a kind whose account is known to `account`, with what they have themselves; none of accounts.
pub(super) async fn of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: SubjectKind,
    account: impl Fn(AccountId) -> Option<(AccountId, u32)>,
) -> Result<(Vec<Member>, Vec<Own>)> {
    let known = |id: Uuid, record: Uuid| {
        let (account, number) = account(AccountId::from_uuid(record))?;
        Some(Member { id, account, number })
    };
    let (mut members, mut own): (Vec<Member>, Vec<Own>) = Default::default();
    match kind {
        SubjectKind::Account | SubjectKind::Lead => {}
        SubjectKind::Contact => {
            for (contact, root, at) in contacts::all(conn, tenant).await? {
                if members.last().is_some_and(|last| last.id == root) {
                    own.last_mut().into_iter().for_each(|own| own.records.push(contact));
                } else if let Some(member) = known(root, at) {
                    members.push(member);
                    own.push(Own { records: vec![contact], begun: None });
                }
            }
        }
        SubjectKind::Opportunity => {
            for (opportunity, at, opened) in events::opportunities(conn, tenant).await? {
                if let Some(member) = known(opportunity, at) {
                    members.push(member);
                    own.push(Own { records: vec![opportunity], begun: Some(opened) });
                }
            }
        }
    }
    Ok((members, own))
}

/// What these have themselves, in their order.
pub(super) async fn read(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: SubjectKind,
    of: &[&Own],
) -> Result<Vec<Raw>> {
    let mut raw: Vec<Raw> = of.iter().map(|own| Raw { begun: own.begun, ..Raw::default() }).collect();
    let records: Vec<(Uuid, usize)> = of
        .iter()
        .enumerate()
        .flat_map(|(place, own)| own.records.iter().map(move |&record| (record, place)))
        .collect();
    attributes::read(conn, tenant, &records, &mut raw).await?;
    if kind == SubjectKind::Opportunity {
        let ended = events::ended(conn, tenant, &records).await?;
        course(&mut raw, &ended);
    } else {
        events::with_contacts(conn, tenant, &records, &mut raw).await?;
    }
    for raw in &mut raw {
        let first = raw.events.iter().map(|event| event.time);
        let told = raw.attributes.iter().map(|set| set.known);
        // the account was there before, which says nothing of who belongs to it
        raw.begun = raw.begun.or_else(|| first.chain(told).min());
    }
    Ok(raw)
}

/// What happens to opportunities: they are open, their stage changes, they end.
fn course(raw: &mut [Raw], ended: &[(i64, String, i64)]) {
    let set = |known: i64, name: &str, value: String| RawAttribute {
        known,
        name: name.to_owned(),
        value,
        first: false,
    };
    for raw in raw.iter_mut() {
        let changed = raw.attributes.iter().filter(|of| of.name == "stage");
        let changed = changed.map(|of| RawEvent {
            time: of.known,
            kind: "stage_change".to_owned(),
            amount: f64::NAN,
            quantity: f64::NAN,
        });
        // of the first it is known that it was told, not that it was new
        raw.events.extend(changed.skip(1).collect::<Vec<_>>());
        if let Some(opened) = raw.begun {
            raw.attributes.push(set(opened, "state", "open".to_owned()));
            raw.attributes.push(set(opened, "opened", from_micros(opened).to_rfc3339()));
        }
    }
    for (place, kind, at) in ended {
        let Some(raw) = usize::try_from(*place).ok().and_then(|place| raw.get_mut(place)) else { continue };
        if let Some(end) = told::end(kind) {
            let at = raw.begun.map_or(*at, |opened| opened.max(*at));
            raw.attributes.push(set(at, "state", end.to_owned()));
        }
    }
}
