//! Keys seen so far, each with a small number.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use salient_proto::common::v1::SourceKey;

/// Stands between the source and the id of a key that is not of the mapping's own source; no id may
/// hold it.
pub(crate) const BETWEEN: u8 = 0;

/// The key that `key` means, where `source` is the mapping's own.
pub(crate) fn source_key(key: &[u8], source: &str) -> SourceKey {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    match memchr::memchr(BETWEEN, key) {
        None => SourceKey { source: source.to_owned(), id: text(key) },
        Some(place) => SourceKey { source: text(&key[..place]), id: text(&key[place + 1..]) },
    }
}

/// Gives equal keys equal numbers, in the order in which they first come.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    table: HashTable<u32>,
    keys: Vec<Box<[u8]>>,
    hasher: DefaultHashBuilder,
    /// The number given last: neighbouring lines often share their keys.
    last: usize,
}

impl Keys {
    /// The number of a key, and whether it is new.
    pub(crate) fn number(&mut self, key: &[u8]) -> (u32, bool) {
        if self.keys.get(self.last).is_some_and(|last| **last == *key) {
            return (self.last as u32, false);
        }
        let hash = self.hasher.hash_one(key);
        let found = self.table.find(hash, |number| *self.keys[*number as usize] == *key).copied();
        let (number, new) = match found {
            Some(number) => (number, false),
            None => {
                let number = self.keys.len() as u32;
                self.keys.push(key.into());
                let (keys, hasher) = (&self.keys, &self.hasher);
                self.table.insert_unique(hash, number, |number| hasher.hash_one(&*keys[*number as usize]));
                (number, true)
            }
        };
        self.last = number as usize;
        (number, new)
    }

    /// The number of a key that is known.
    pub(crate) fn known(&self, key: &[u8]) -> Option<u32> {
        if self.keys.get(self.last).is_some_and(|last| **last == *key) {
            return Some(self.last as u32);
        }
        let hash = self.hasher.hash_one(key);
        self.table.find(hash, |number| *self.keys[*number as usize] == *key).copied()
    }

    /// The key of a number.
    pub(crate) fn key(&self, number: u32) -> &[u8] {
        &self.keys[number as usize]
    }

    /// The key of a number as text; keys are checked to be UTF-8 before they come here.
    pub(crate) fn text(&self, number: u32) -> String {
        String::from_utf8_lossy(self.key(number)).into_owned()
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.keys.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_share_a_number() {
        let mut keys = Keys::default();
        let numbers: Vec<_> = (0..3_000_u32).map(|n| keys.number(&(n % 1_000).to_le_bytes())).collect();
        assert_eq!(keys.len(), 1_000);
        assert!(
            numbers
                .iter()
                .enumerate()
                .all(|(n, (number, new))| *number == n as u32 % 1_000 && *new == (n < 1_000))
        );
        assert_eq!(keys.known(&7_u32.to_le_bytes()), Some(7));
        assert_eq!(keys.known(b"none"), None);
    }
}
