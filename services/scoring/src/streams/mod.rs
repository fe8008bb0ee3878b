//! What is known of those who are asked about, some at a time: orders from the ledger, everything else from the
//! store. Of contacts and opportunities it is what they have themselves, and what their account has, under names
//! that say so.

mod members;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use salient_core::{AccountId, Result, TenantId};
use salient_learn::{
    declared::{Raw, RawEvent, Surroundings, Survey},
    features::{Exogenous, Schema},
};
use salient_ledger::{Account, Ledger};
use salient_store::Connection;
use uuid::Uuid;

use self::members::Own;
use crate::{
    domain::{Member, SubjectKind},
    run::{Scoring, aside, refusal},
    store::{attributes, events, measures},
};

/// Subjects that are looked at together.
pub const BATCH: usize = 1_000;

/// With this begin the names of what a subject's account has.
const ACCOUNT: &str = "account_";

/// What is measured of regions, by the series of a schema.
type BySchema = (Schema, Arc<Exogenous>);

/// The ledger with everything that belongs to those who are asked about.
#[derive(Clone, Debug)]
pub struct Streams {
    /// Accounts by number, and their orders.
    pub ledger: Arc<Ledger>,
    /// Those who are asked about, by number.
    pub members: Arc<Vec<Member>>,
    /// What they are.
    pub kind: SubjectKind,
    /// For each account's number its records.
    records: Arc<Vec<Vec<Uuid>>>,
    /// For each member's number its own records, where it is no account.
    own: Arc<Vec<Own>>,
    /// For each account's number its region.
    regions: Arc<Vec<u32>>,
    /// What is measured of regions.
    surroundings: Arc<Surroundings>,
    /// The same by the schemas that it was looked at with: a run asks some subjects at a time.
    exogenous: Arc<Mutex<Vec<BySchema>>>,
}

impl Streams {
    /// Of a tenant, for a kind of subjects.
    ///
    /// # Errors
    /// The store fails.
    pub async fn open(conn: &mut impl Connection, tenant: &TenantId, kind: SubjectKind) -> Result<Self> {
        let ledger = Arc::new(salient_ledger::load(conn, tenant).await?);
        let mut records: Vec<Vec<Uuid>> =
            ledger.accounts.iter().map(|account| vec![account.id.uuid()]).collect();
        let numbers: HashMap<AccountId, u32> =
            ledger.accounts.iter().map(|account| account.id).zip(0..).collect();
        for record in ledger.roots.members(ledger.accounts.iter().map(|account| account.id)) {
            if let Some(&number) = numbers.get(&ledger.roots.of(record))
                && !numbers.contains_key(&record)
            {
                records[number as usize].push(record.uuid());
            }
        }
        let mut known: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for account in &ledger.accounts {
            let next = known.len() as u32;
            known.entry(places(account)).or_insert(next);
        }
        let regions = ledger.accounts.iter().map(|account| known[&places(account)]).collect();
        let mut names = vec![Vec::new(); known.len()];
        for ((territory, country), id) in known {
            names[id as usize] = vec![territory.to_owned(), country.to_owned()];
        }
        let surroundings = Arc::new(Surroundings::new(measures::all(conn, tenant).await?, names));
        let (members, own) = members::of(conn, tenant, kind, |account| {
            let account = ledger.roots.of(account);
            Some((account, *numbers.get(&account)?))
        })
        .await?;
        let members = match kind {
            SubjectKind::Account | SubjectKind::Lead => {
                ledger.accounts.iter().zip(0..).map(account).collect()
            }
            SubjectKind::Contact | SubjectKind::Opportunity => members,
        };
        Ok(Self {
            ledger,
            members: Arc::new(members),
            kind,
            records: Arc::new(records),
            own: Arc::new(own),
            regions: Arc::new(regions),
            surroundings,
            exogenous: Arc::default(),
        })
    }

    /// What is measured of regions, by the series of a schema.
    ///
    /// # Errors
    /// A measure that cannot be.
    pub fn exogenous(&self, schema: &Schema) -> Result<Arc<Exogenous>> {
        // nothing can panic while it is held, so that a poisoned one is as good as any
        let mut made = self.exogenous.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = made.iter().find(|(of, _)| of == schema) {
            return Ok(Arc::clone(known));
        }
        let new = Arc::new(self.surroundings.exogenous(schema).map_err(refusal)?);
        made.push((schema.clone(), Arc::clone(&new)));
        Ok(new)
    }

    /// The numbers of all who are asked about.
    #[must_use]
    pub fn numbers(&self) -> Vec<u32> {
        (0..self.members.len() as u32).collect()
    }

    /// What is known of these, in their order.
    ///
    /// # Errors
    /// The store fails.
    pub async fn read(
        &self,
        conn: &mut impl Connection,
        tenant: &TenantId,
        numbers: &[u32],
    ) -> Result<Vec<Raw>> {
        let accounts: Vec<u32> = numbers.iter().map(|&number| self.members[number as usize].number).collect();
        if matches!(self.kind, SubjectKind::Account | SubjectKind::Lead) {
            return self.of_accounts(conn, tenant, accounts).await;
        }
        let mut distinct = accounts.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let known = self.of_accounts(conn, tenant, distinct.clone()).await?;
        let own: Vec<&Own> = numbers.iter().map(|&number| &self.own[number as usize]).collect();
        let mut raw = members::read(conn, tenant, self.kind, &own).await?;
        aside(move || {
            for (raw, account) in raw.iter_mut().zip(accounts) {
                if let Ok(place) = distinct.binary_search(&account) {
                    raw.region = known[place].region;
                    raw.belongs_to(ACCOUNT, &known[place]);
                }
            }
            raw
        })
        .await
    }

    /// What is known of accounts, by number.
    async fn of_accounts(
        &self,
        conn: &mut impl Connection,
        tenant: &TenantId,
        numbers: Vec<u32>,
    ) -> Result<Vec<Raw>> {
        let region = |&number: &u32| self.regions.get(number as usize).copied();
        let mut raw: Vec<Raw> =
            numbers.iter().map(|number| Raw { region: region(number), ..Raw::default() }).collect();
        let records: Vec<(Uuid, usize)> = numbers
            .iter()
            .enumerate()
            .flat_map(|(place, &number)| {
                self.records[number as usize].iter().map(move |&record| (record, place))
            })
            .collect();
        events::at_accounts(conn, tenant, &records, &mut raw).await?;
        attributes::read(conn, tenant, &records, &mut raw).await?;
        let ledger = Arc::clone(&self.ledger);
        aside(move || {
            for (raw, &number) in raw.iter_mut().zip(&numbers) {
                orders(&ledger, number, raw);
            }
            raw
        })
        .await
    }
}

fn account((account, number): (&Account, u32)) -> Member {
    Member { id: account.id.uuid(), account: account.id, number }
}

/// What the region of an account goes by, the nearest first.
fn places(account: &Account) -> (&str, &str) {
    (&account.territory, &account.country)
}

fn orders(ledger: &Ledger, number: u32, raw: &mut Raw) {
    // everything: who reads the streams cuts them at a moment
    let view = ledger.history.as_of(i64::MAX);
    let event = |kind: &str, order: salient_learn::history::Order<'_>| RawEvent {
        time: order.time,
        kind: kind.to_owned(),
        amount: order.amount() as f64,
        quantity: order.quantities.iter().sum(),
    };
    let mut bought = HashSet::new();
    for order in view.account_orders(number) {
        let lines = order.products.iter().zip(order.quantities).zip(order.amounts);
        let new = lines.filter(|((product, _), _)| bought.insert(**product));
        raw.events.extend(new.map(|((_, &quantity), &amount)| RawEvent {
            time: order.time,
            kind: "new_product".to_owned(),
            amount: amount as f64,
            quantity,
        }));
        raw.events.push(event("order", order));
    }
    raw.events.extend(view.account_returns(number).map(|order| event("return", order)));
}

impl Scoring {
    /// Which kinds of events and attributes a tenant's subjects have.
    ///
    /// # Errors
    /// The store fails.
    pub async fn schema(&self, tenant: &TenantId, kind: SubjectKind) -> Result<Schema> {
        let streams = Streams::open(&mut self.db.read().await?, tenant, kind).await?;
        self.survey(tenant, &streams, self.clock.now_micros()).await
    }

    /// Which there were at a cutoff (microseconds UTC), of streams that are open.
    ///
    /// # Errors
    /// The store fails.
    pub async fn survey(&self, tenant: &TenantId, streams: &Streams, cutoff: i64) -> Result<Schema> {
        let mut read = self.db.read().await?;
        let mut survey = Survey::default();
        survey.surroundings(&streams.surroundings, cutoff);
        for numbers in streams.numbers().chunks(BATCH) {
            let raw = streams.read(&mut read, tenant, numbers).await?;
            raw.iter().for_each(|raw| survey.add(raw, cutoff));
        }
        streams.kind.seen_to_end(survey.schema().map_err(refusal)?).map_err(refusal)
    }
}
