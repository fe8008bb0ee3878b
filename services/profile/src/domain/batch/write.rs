//! What a batch writes.

use std::collections::{HashMap, HashSet};

use salient_proto::common::v1::SourceKey;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Current;
use crate::domain::Record;

/// Bytes of the content hash that are kept. It tells equal from changed, nothing more.
const HASH: usize = 16;

/// A record to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write<R> {
    /// Its id.
    pub id: Uuid,
    /// Its account's; an account's own.
    pub account: Uuid,
    /// Its key.
    pub key: SourceKey,
    /// Its content, without the times of storage.
    pub record: R,
    /// The same, encoded.
    pub body: Vec<u8>,
    /// The hash of the encoded content.
    pub hash: Vec<u8>,
    /// When it was first stored, in microseconds.
    pub create_time: i64,
}

/// The record as it is written.
pub fn written<R: Record>(id: Uuid, key: SourceKey, record: R, create_time: i64) -> Write<R> {
    let body = record.encode_to_vec();
    let hash = hash(&body);
    let account = record.account_id().unwrap_or(id);
    Write { id, account, key, record, body, hash, create_time }
}

/// The accounts that these stored records belong to.
pub fn accounts_of<R: Record>(current: &HashMap<Uuid, Current<R>>) -> Vec<Uuid> {
    current.values().filter_map(|current| current.record.account_id()).collect()
}

/// The accounts that `writes` speak of, and those in `before`, which they may have left; none if
/// nothing is written.
pub fn touched<R>(writes: &[Write<R>], before: Vec<Uuid>) -> HashSet<Uuid> {
    let before = if writes.is_empty() { Vec::new() } else { before };
    writes.iter().map(|write| write.account).chain(before).collect()
}

pub(super) fn hash(body: &[u8]) -> Vec<u8> {
    Sha256::digest(body)[..HASH].to_vec()
}
