//! Which records are worth comparing: blocking keys, and blocks that stay small.
//!
//! Two records are candidates if they share a key (union of several keys, because each misses the
//! pairs with an error in it; Christen, A Survey of Indexing Techniques for Scalable Record Linkage,
//! 2012). A block that grows beyond a cap is split by second keys, so that `Smith` costs
//! no more than its neighbours but keeps its pairs.

use crate::{
    Error,
    config::{Config, Part, Take},
    hash::{combine, hash},
    phonetic::soundex,
    record::Row,
};
use hashbrown::HashMap;

/// A configuration's keys with fields resolved.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    keys: Vec<(Vec<(usize, Take)>, bool)>,
    refine: Vec<(usize, Take)>,
}

impl Plan {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let resolve = |part: &Part| Ok((config.position(&part.field)?, part.take));
        let parts = |parts: &[Part]| parts.iter().map(resolve).collect::<Result<Vec<_>, Error>>();
        let keys = config.blocking.iter().map(|key| Ok((parts(&key.parts)?, key.unordered)));
        Ok(Self { keys: keys.collect::<Result<_, Error>>()?, refine: parts(&config.refine)? })
    }

    /// The record's blocking keys, sorted, each once.
    pub(crate) fn keys(&self, row: &Row<'_>) -> Vec<u64> {
        let mut out = Vec::with_capacity(16);
        for (number, (parts, unordered)) in self.keys.iter().enumerate() {
            let mut keys = vec![hash(number as u64, "")];
            for (at, &(field, take)) in parts.iter().enumerate() {
                // Crosswise agreement is a sum, which does not know the order.
                let tag = if *unordered { 0 } else { at as u64 };
                let pieces = pieces(row, field, take, tag);
                let join = |&key: &u64| {
                    let add = move |&p: &u64| if *unordered { key.wrapping_add(p) } else { combine(key, p) };
                    pieces.iter().map(add).collect::<Vec<_>>()
                };
                keys = keys.iter().flat_map(join).collect();
            }
            out.append(&mut keys);
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// The record's second keys, sorted, each once; one of its own if it has none.
    fn second_keys(&self, row: &Row<'_>) -> Vec<u64> {
        let numbered = self.refine.iter().enumerate();
        let mut out: Vec<u64> =
            numbered.flat_map(|(n, &(field, take))| pieces(row, field, take, n as u64)).collect();
        out.sort_unstable();
        out.dedup();
        if out.is_empty() { vec![0] } else { out }
    }
}

fn pieces(row: &Row<'_>, field: usize, take: Take, tag: u64) -> Vec<u64> {
    let mut out = Vec::new();
    for value in row.values(field) {
        let chars = |n: usize| value.char_indices().nth(n).map_or(value.len(), |(at, _)| at);
        match take {
            Take::Whole => out.push(hash(tag, value)),
            Take::Prefix(n) => out.push(hash(tag, &value[..chars(n)])),
            Take::Suffix(n) => {
                let skip = value.chars().count().saturating_sub(n);
                out.push(hash(tag, &value[chars(skip)..]));
            }
            Take::Sound => {
                let first = value.split(' ').next().unwrap_or(value);
                let code = if first.is_ascii() { soundex(first) } else { String::new() };
                out.push(hash(tag, if code.is_empty() { first } else { &code }));
            }
            Take::Local => out.push(hash(tag, value.split('@').next().unwrap_or(value))),
            Take::Words => {
                out.extend(value.split(' ').filter(|w| w.chars().count() > 1).map(|w| hash(tag, w)));
            }
        }
    }
    out
}

/// Where the records with a key are.
#[derive(Debug, Clone, Copy)]
enum Posting {
    One(u32),
    /// Position in `lists`.
    Many(u32),
    /// Under the key combined with second keys.
    Split,
}

/// Times that a block is split before only its nearest members are taken. Each time multiplies a
/// record's postings by its second keys.
const DEPTH: usize = 1;

/// Records by key.
#[derive(Debug, Clone)]
pub(crate) struct Blocks {
    cap: usize,
    postings: HashMap<u64, Posting>,
    lists: Vec<Vec<u32>>,
    free: Vec<u32>,
}

/// How blocks look up the record of a number, to split or to search them.
pub(crate) trait Rows {
    /// The packed record; present for every number that was added and not removed.
    fn row(&self, number: u32) -> Row<'_>;

    /// A hash of its id: the order inside blocks that are not split any further.
    fn rank(&self, number: u32) -> u64;
}

impl Blocks {
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, postings: HashMap::new(), lists: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn add(&mut self, plan: &Plan, rows: &impl Rows, number: u32) {
        let row = rows.row(number);
        for key in plan.keys(&row) {
            self.add_to(key, 0, plan, rows, number);
        }
    }

    fn add_to(&mut self, key: u64, depth: usize, plan: &Plan, rows: &impl Rows, number: u32) {
        match self.postings.get(&key).copied() {
            None => {
                self.postings.insert(key, Posting::One(number));
            }
            Some(Posting::One(other)) => {
                let at = self.free.pop().unwrap_or_else(|| {
                    self.lists.push(Vec::new());
                    self.lists.len() as u32 - 1
                });
                let list = &mut self.lists[at as usize];
                list.push(other);
                place(list, depth, rows, number);
                self.postings.insert(key, Posting::Many(at));
            }
            Some(Posting::Many(at)) => {
                place(&mut self.lists[at as usize], depth, rows, number);
                if self.lists[at as usize].len() > self.cap && depth < DEPTH {
                    self.postings.insert(key, Posting::Split);
                    let members = std::mem::take(&mut self.lists[at as usize]);
                    self.free.push(at);
                    for member in members {
                        self.add_split(key, depth, plan, rows, member);
                    }
                }
            }
            Some(Posting::Split) => self.add_split(key, depth, plan, rows, number),
        }
    }

    fn add_split(&mut self, key: u64, depth: usize, plan: &Plan, rows: &impl Rows, number: u32) {
        for second in plan.second_keys(&rows.row(number)) {
            self.add_to(combine(key, second), depth + 1, plan, rows, number);
        }
    }

    /// Takes a record out. A block that was split stays split: that costs nothing and keeps
    /// removal cheap.
    pub(crate) fn remove(&mut self, plan: &Plan, row: &Row<'_>, number: u32) {
        let mut keys = plan.keys(row);
        while let Some(key) = keys.pop() {
            match self.postings.get(&key).copied() {
                Some(Posting::One(other)) if other == number => {
                    self.postings.remove(&key);
                }
                Some(Posting::Many(at)) => {
                    let list = &mut self.lists[at as usize];
                    list.retain(|&member| member != number);
                    if let [last] = list[..] {
                        list.clear();
                        self.free.push(at);
                        self.postings.insert(key, Posting::One(last));
                    }
                }
                Some(Posting::Split) => {
                    keys.extend(plan.second_keys(row).into_iter().map(|second| combine(key, second)));
                }
                Some(Posting::One(_)) | None => {}
            }
        }
    }

    /// Numbers of the records that share a block with `row`, ascending, each once; of a block that
    /// stays beyond the cap however it is split, those nearest by a hash of the id.
    pub(crate) fn candidates(&self, plan: &Plan, rows: &impl Rows, row: &Row<'_>, out: &mut Vec<u32>) {
        out.clear();
        let mut keys = plan.keys(row);
        let mut second = None;
        while let Some(key) = keys.pop() {
            match self.postings.get(&key) {
                None => {}
                Some(Posting::One(number)) => out.push(*number),
                Some(Posting::Many(at)) => {
                    let list = &self.lists[*at as usize];
                    if list.len() <= self.cap {
                        out.extend(list);
                    } else {
                        let own = hash(1, row.id);
                        let at = list.partition_point(|&other| rows.rank(other) < own);
                        let from = at.saturating_sub(self.cap / 2).min(list.len() - self.cap);
                        out.extend(&list[from..from + self.cap]);
                    }
                }
                Some(Posting::Split) => {
                    let second = second.get_or_insert_with(|| plan.second_keys(row));
                    keys.extend(second.iter().map(|&second| combine(key, second)));
                }
            }
        }
        out.sort_unstable();
        out.dedup();
    }
}

/// Puts a number into a list: at the end, or by rank where the block is not split any further.
fn place(list: &mut Vec<u32>, depth: usize, rows: &impl Rows, number: u32) {
    let own = rows.rank(number);
    let at = if depth < DEPTH { list.len() } else { list.partition_point(|&other| rows.rank(other) < own) };
    list.insert(at, number);
}
