//! The records of one kind, packed, counted and blocked; grows and shrinks.

use crate::{
    Error, Record,
    blocking::{Blocks, Plan, Rows},
    config::Config,
    hash::hash,
    record::{self, Row, pack},
    terms::Terms,
};
use hashbrown::HashTable;
use rayon::prelude::*;

/// Records handed to the normalisers at once when many come in.
const BATCH: usize = 16_384;

/// Packed records by number; a removed one is empty.
#[derive(Debug, Clone, Default)]
struct Packed(Vec<Box<str>>);

impl Rows for Packed {
    fn row(&self, number: u32) -> Row<'_> {
        Row::read(&self.0[number as usize])
    }

    fn rank(&self, number: u32) -> u64 {
        hash(1, record::id(&self.0[number as usize]))
    }
}

/// Records that can be searched for candidates. Records have numbers, which are given again after a
/// removal; ids are the caller's.
#[derive(Debug, Clone)]
pub struct Index {
    config: Config,
    plan: Plan,
    packed: Packed,
    source: Vec<u16>,
    numbers: HashTable<u32>,
    free: Vec<u32>,
    blocks: Blocks,
    terms: Terms,
}

/// A normalised record that is not (yet) in an index.
#[derive(Debug, Clone)]
pub struct Query {
    packed: Box<str>,
    source: u16,
}

impl Query {
    pub(crate) fn row(&self) -> Row<'_> {
        Row::read(&self.packed)
    }
}

impl Index {
    /// An empty index.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the configuration does not hold together.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        Ok(Self {
            plan: Plan::new(&config)?,
            blocks: Blocks::new(config.block_cap),
            terms: Terms::new(config.fields.len()),
            packed: Packed::default(),
            source: Vec::new(),
            numbers: HashTable::new(),
            free: Vec::new(),
            config,
        })
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// A record in the form in which it is compared.
    ///
    /// # Errors
    /// [`Error::UnknownField`] if it has a field outside the vocabulary, [`Error::Invalid`] if its id
    /// is empty.
    pub fn normalise(&self, record: &Record) -> Result<Query, Error> {
        let vocabulary = self.config.vocabulary();
        if let Some((field, _)) = record.values.iter().find(|(f, _)| !vocabulary.contains(&f.as_str())) {
            return Err(Error::UnknownField { field: field.clone(), known: vocabulary.join(", ") });
        }
        if record.id.is_empty() {
            return Err(Error::invalid("id", "must not be empty"));
        }
        let country = record.get("country").find_map(crate::normalise::address::country);
        let country = country.filter(|code| code.len() == 2).or_else(|| self.config.default_region.clone());
        let cell = |field: &crate::config::Field| {
            let read = |source: &crate::config::Source| {
                let mut all: Vec<String> = Vec::new();
                for raw in record.get(&source.raw) {
                    for value in source.normaliser.apply(raw, country.as_deref()) {
                        if !all.contains(&value) {
                            all.push(value);
                        }
                    }
                }
                Some(all).filter(|all| !all.is_empty())
            };
            field.from.iter().find_map(read).unwrap_or_default()
        };
        let cells: Vec<Vec<String>> = self.config.fields.iter().map(cell).collect();
        Ok(Query { packed: pack(&record.id, &cells), source: record.source })
    }

    /// Takes a record in and returns its number.
    ///
    /// # Errors
    /// As [`Self::normalise`], and [`Error::DuplicateId`].
    pub fn insert(&mut self, record: &Record) -> Result<u32, Error> {
        let query = self.normalise(record)?;
        self.add(query)
    }

    /// Takes many records in, normalising on all threads. Stops at the first that is refused; those
    /// before it are in.
    ///
    /// # Errors
    /// As [`Self::insert`].
    pub fn extend(&mut self, records: impl IntoIterator<Item = Record>) -> Result<(), Error> {
        let mut records = records.into_iter();
        loop {
            let batch: Vec<Record> = records.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let queries: Vec<_> = batch.par_iter().map(|record| self.normalise(record)).collect();
            for query in queries {
                self.add(query?)?;
            }
        }
    }

    fn add(&mut self, query: Query) -> Result<u32, Error> {
        let id = query.row().id;
        if self.number(id).is_some() {
            return Err(Error::DuplicateId { id: id.to_owned() });
        }
        let key = hash(0, id);
        self.terms.count(&self.config, &query.row(), true);
        let number = match self.free.pop() {
            Some(number) => {
                self.packed.0[number as usize] = query.packed;
                self.source[number as usize] = query.source;
                number
            }
            None => {
                self.packed.0.push(query.packed);
                self.source.push(query.source);
                self.source.len() as u32 - 1
            }
        };
        let packed = &self.packed;
        self.numbers.insert_unique(key, number, |&n| hash(0, packed.row(n).id));
        self.blocks.add(&self.plan, packed, number);
        Ok(number)
    }

    /// Takes a record out; whether it was there.
    pub fn remove(&mut self, id: &str) -> bool {
        let packed = &self.packed;
        let Ok(entry) = self.numbers.find_entry(hash(0, id), |&n| packed.row(n).id == id) else {
            return false;
        };
        let (number, _) = entry.remove();
        let old = std::mem::take(&mut self.packed.0[number as usize]);
        let row = Row::read(&old);
        self.terms.count(&self.config, &row, false);
        self.blocks.remove(&self.plan, &row, number);
        self.free.push(number);
        true
    }

    /// The number of the record with this id.
    #[must_use]
    pub fn number(&self, id: &str) -> Option<u32> {
        self.numbers.find(hash(0, id), |&n| self.packed.row(n).id == id).copied()
    }

    /// The id of a record.
    ///
    /// # Panics
    /// If there was never a record of that number.
    #[must_use]
    pub fn id(&self, number: u32) -> &str {
        self.row(number).id
    }

    /// The source of a record.
    ///
    /// # Panics
    /// If there was never a record of that number.
    #[must_use]
    pub fn source(&self, number: u32) -> u16 {
        self.source[number as usize]
    }

    /// The blocking keys of a record, sorted. They are the same on every machine and may be stored:
    /// records that share none are never compared.
    #[must_use]
    pub fn keys(&self, query: &Query) -> Vec<u64> {
        self.plan.keys(&query.row())
    }

    /// Numbers of the records that are worth comparing with this one, ascending; the record itself,
    /// if it is in the index, is not among them.
    #[must_use]
    pub fn candidates(&self, query: &Query) -> Vec<u32> {
        let mut out = Vec::new();
        let row = query.row();
        self.blocks.candidates(&self.plan, &self.packed, &row, &mut out);
        out.retain(|&number| self.row(number).id != row.id);
        out
    }

    /// As [`Self::candidates`], for a record of the index, into a buffer.
    pub(crate) fn candidates_of(&self, number: u32, out: &mut Vec<u32>) {
        self.blocks.candidates(&self.plan, &self.packed, &self.row(number), out);
        out.retain(|&other| other != number);
    }

    pub(crate) fn row(&self, number: u32) -> Row<'_> {
        self.packed.row(number)
    }

    /// The source of each record, in no order.
    pub(crate) fn sources(&self) -> impl Iterator<Item = u16> {
        self.numbers.iter().map(|&number| self.source(number))
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Numbers ever given, also of removed records.
    pub(crate) fn capacity(&self) -> usize {
        self.source.len()
    }

    /// The records in an order that depends on their ids alone, so that samples do not depend on the
    /// order in which they came.
    pub(crate) fn canonical(&self) -> Vec<u32> {
        let mut all: Vec<(u64, u32)> =
            self.numbers.iter().map(|&number| (hash(1, self.id(number)), number)).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.id(a.1).cmp(self.id(b.1))));
        all.into_iter().map(|(_, number)| number).collect()
    }
}
