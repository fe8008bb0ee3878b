//! Finding records that are one customer: on arrival, and all anew.
//!
//! What is certain is merged, what is likely is asked, the rest is left apart. A source is taken to
//! be free of duplicates unless it was declared otherwise, so with one source nothing is compared.

pub mod arrival;
pub mod decide;
pub mod run;

use std::collections::{HashMap, HashSet};

use salient_core::{Error, Result, ReviewId, TenantId};
use salient_linkage::{Explanation, Index, Model, Scorer};
use salient_proto::profile::v1::{Review, review::State};
use salient_store::Tx;
use uuid::Uuid;

use crate::{
    domain::{Kind, likeness, record::timestamp_of},
    hierarchy,
    merging::{self, Decision, MATCHING},
    profile::Profile,
    store::{
        erasures, identity as members,
        matches::{self, Pair, Resolved},
    },
};

/// Records of a kind, ready to be compared.
#[derive(Debug)]
pub struct Held {
    /// The records.
    pub index: Index,
    /// How they are compared.
    pub model: Model,
    /// The text of the model, if it was learned: a run may store a better one at any time.
    pub learned: Option<String>,
    /// Sources by name, as the index numbers them.
    pub sources: HashMap<String, u16>,
    /// Sources of which two records may be one customer.
    pub doubling: HashSet<u16>,
    /// How many persons had been erased when the records were read.
    pub erased: i64,
}

impl Held {
    /// The number of a source; a new one gets the next.
    pub fn source(&mut self, name: &str) -> u16 {
        let next = u16::try_from(self.sources.len()).unwrap_or(u16::MAX);
        *self.sources.entry(name.to_owned()).or_insert(next)
    }

    /// Compares by the model that was learned last, if there is one.
    ///
    /// # Errors
    /// The stored model is damaged.
    pub fn judge_by(&mut self, learned: Option<String>) -> Result<()> {
        if let Some(text) = learned.filter(|text| self.learned.as_ref() != Some(text)) {
            self.model = serde_json::from_str(&text).map_err(Error::internal)?;
            self.learned = Some(text);
        }
        Ok(())
    }

    /// Whether two records may be one customer at all.
    #[must_use]
    pub fn comparable(&self, a: u32, b: u32) -> bool {
        let source = self.index.source(a);
        source != self.index.source(b) || self.doubling.contains(&source)
    }

    fn id(&self, number: u32) -> Result<Uuid> {
        Uuid::try_parse(self.index.id(number)).map_err(Error::internal)
    }
}

/// What became of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing was to be done.
    Nothing,
    /// The profiles were merged.
    Merged,
    /// A person is asked.
    Asked,
}

/// Merges the profiles of two records, or asks a person if what belongs to them speaks against it.
///
/// # Errors
/// What the store says.
pub async fn join_in_tx<R: Resolved>(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    held: &Held,
    (a, b): (u32, u32),
) -> Result<Done> {
    let (one, other) = (held.id(a)?, held.id(b)?);
    let roots = members::roots::<R>(tx, tenant, [one, other].into_iter()).await?;
    let (Some(&first), Some(&second)) = (roots.get(&one), roots.get(&other)) else {
        return Ok(Done::Nothing);
    };
    if first == second {
        return Ok(Done::Nothing);
    }
    let left = members::ids_of::<R>(tx, tenant, first).await?;
    let right = members::ids_of::<R>(tx, tenant, second).await?;
    if matches::are_apart(tx, tenant, R::TABLE, &left, &right).await? {
        return Ok(Done::Nothing);
    }
    let scorer = Scorer::new(&held.index, &held.model).map_err(Error::internal)?;
    let mut warning = objection(held, &scorer, &left, &right);
    if R::KIND == Kind::Account && hierarchy::are_related(tx, tenant, first, second).await? {
        warning = Some("one of the two is above the other in their group".into());
    }
    if let Some(warning) = warning {
        return ask_in_tx::<R>(tx, profile, tenant, held, (one, other), &scorer.explain(a, b), &warning)
            .await;
    }
    let reason = likeness::reason(&scorer.explain(a, b));
    let decision = Decision { by: MATCHING, reason: &reason };
    merging::merge_in_tx::<R>(tx, profile, tenant, (first, second), decision).await?;
    Ok(Done::Merged)
}

/// What speaks against making one profile of two, in words: no chain of likely links may swallow
/// what does not belong together.
fn objection(held: &Held, scorer: &Scorer<'_>, left: &[Uuid], right: &[Uuid]) -> Option<String> {
    let config = held.index.config();
    let size = left.len() + right.len();
    if size > config.max_cluster {
        let most = config.max_cluster;
        return Some(format!("the profile would have {size} records; by itself none grows beyond {most}"));
    }
    let numbers =
        |ids: &[Uuid]| ids.iter().filter_map(|id| held.index.number(&id.to_string())).collect::<Vec<_>>();
    let (left, right) = (numbers(left), numbers(right));
    let mut sum = 0.0;
    let mut pairs = 0_u32;
    for (&a, &b) in left.iter().flat_map(|a| right.iter().map(move |b| (a, b))) {
        if !held.comparable(a, b) {
            return Some("a source would have two records in one profile, and has no duplicates".into());
        }
        let evidence = scorer.score(a, b).evidence;
        if evidence < config.contradiction {
            return Some("two of the records contradict each other strongly".into());
        }
        sum += evidence;
        pairs += 1;
    }
    (pairs > 0 && sum < 0.0).then(|| "on average the records contradict each other".into())
}

/// Asks a person about a pair, once, unless it is one already or a record of it is gone.
///
/// # Errors
/// What the store says.
pub async fn ask_in_tx<R: Resolved>(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    held: &Held,
    (one, other): (Uuid, Uuid),
    explanation: &Explanation,
    warning: &str,
) -> Result<Done> {
    let roots = members::roots::<R>(tx, tenant, [one, other].into_iter()).await?;
    let (Some(left), Some(right)) = (roots.get(&one), roots.get(&other)) else { return Ok(Done::Nothing) };
    if left == right {
        return Ok(Done::Nothing);
    }
    let mut evidence = likeness::evidence(explanation);
    if erasures::count(tx, tenant).await? != held.erased {
        // what the records said then may not be written down any more
        for field in &mut evidence {
            (field.one, field.other) = Default::default();
        }
    }
    let id = ReviewId::new(&profile.clock);
    let (first, second) = (one.min(other), one.max(other));
    let told = Review {
        name: id.name(),
        one: R::KIND.name(one),
        other: R::KIND.name(other),
        probability: explanation.probability,
        weight: explanation.score.log2_odds,
        evidence,
        prior: explanation.prior,
        state: State::Open.into(),
        warning: warning.to_owned(),
        create_time: Some(timestamp_of(profile.clock.now())),
    };
    let pair = Pair { id: id.uuid(), kind: R::TABLE.to_owned(), one: first, other: second, told };
    matches::ask_in_tx(tx, tenant, &pair).await?;
    Ok(Done::Asked)
}

#[cfg(test)]
mod tests {
    use salient_core::Clock;
    use salient_linkage::{Kind, Record};

    use super::*;

    fn company(name: &str, phone: &str, postal_code: &str, city: &str) -> Record {
        Record::new(Clock::system().uuid().to_string())
            .with("name", name)
            .with("phone", phone)
            .with("postal_code", postal_code)
            .with("city", city)
            .with("country", "United Kingdom")
    }

    /// Records and the source each comes from; sources of `doubling` may name one customer twice.
    fn held(records: Vec<(u16, Record)>, doubling: &[u16]) -> (Held, Vec<Uuid>) {
        let mut index = Index::new(Kind::Company.config()).unwrap();
        let numbers: Vec<u32> = records
            .into_iter()
            .map(|(source, record)| index.insert(&record.from_source(source)).unwrap())
            .collect();
        let model = Model::standard(index.config(), index.len());
        let ids = numbers.iter().map(|number| Uuid::parse_str(index.id(*number)).unwrap()).collect();
        let doubling = doubling.iter().copied().collect();
        (Held { index, model, learned: None, sources: HashMap::new(), doubling, erased: 0 }, ids)
    }

    fn said(held: &Held, left: &[Uuid], right: &[Uuid]) -> Option<String> {
        objection(held, &Scorer::new(&held.index, &held.model).unwrap(), left, right)
    }

    fn northwind() -> Record {
        company("Northwind Tools Ltd", "+44 20 7946 0018", "LS1 4AP", "Leeds")
    }

    #[test]
    fn records_that_agree_may_be_joined() {
        let (held, ids) = held(vec![(0, northwind()), (1, northwind())], &[]);
        assert_eq!(said(&held, &ids[..1], &ids[1..]), None);
    }

    #[test]
    fn a_source_without_duplicates_has_no_two_records_in_one_profile() {
        let records = || vec![(0, northwind()), (1, northwind()), (0, northwind())];
        let (strict, ids) = held(records(), &[]);
        assert!(said(&strict, &ids[..2], &ids[2..]).unwrap().contains("has no duplicates"));
        let (doubling, ids) = held(records(), &[0]);
        assert_eq!(said(&doubling, &ids[..2], &ids[2..]), None);
    }

    #[test]
    fn one_pair_that_contradicts_stops_the_chain_that_leads_to_it() {
        let between = company("Northwind Tools Ltd", "", "LS1 4AP", "Leeds");
        let stranger = company("Harbour Fish Wholesale", "+44 131 496 0777", "EH6 7DX", "Edinburgh");
        let (held, ids) = held(vec![(0, northwind()), (1, between), (2, stranger)], &[]);
        assert!(said(&held, &ids[..2], &ids[2..]).unwrap().contains("contradict"));
    }

    #[test]
    fn no_profile_grows_beyond_the_limit_by_itself() {
        let most = Kind::Company.config().max_cluster;
        let records = (0..=most).map(|source| (u16::try_from(source).unwrap(), northwind())).collect();
        let (held, ids) = held(records, &[]);
        let (left, right) = ids.split_at(most - 1);
        assert_eq!(said(&held, left, &right[..1]), None);
        assert!(said(&held, left, right).unwrap().contains(&format!("would have {} records", most + 1)));
    }
}
