//! Pages of a list (AIP-158): a token that knows its query.
//!
//! A token is the base64url of a small JSON object: a version, a fingerprint of the query,
//! and the key of the last row given out. It is not signed, because it grants nothing: the
//! key only says where to go on within a query that is bound to the caller's tenant anyway.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::error::{Error, Reason, Result};

/// The page size when none is asked for.
pub const DEFAULT_SIZE: usize = 100;
/// The largest page; asking for more gets this many.
pub const MAX_SIZE: usize = 1000;

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Token {
    v: u8,
    q: String,
    k: serde_json::Value,
}

/// One page of a query.
#[derive(Clone, Debug)]
pub struct Page {
    /// How many rows to give out.
    pub size: usize,
    /// The key of the last row of the page before; `None` on the first page.
    pub after: Option<serde_json::Value>,
    fingerprint: String,
}

/// Reads the paging part of a list request.
///
/// `query` is everything that decides which rows come and in which order: the name of the
/// list, the tenant, the filter, the parent. A token given out for another query is refused
/// with [`Reason::PageTokenInvalid`].
pub fn page(page_size: i32, page_token: &str, query: &[&str]) -> Result<Page> {
    let size = match usize::try_from(page_size) {
        Ok(0) => DEFAULT_SIZE,
        Ok(size) => size.min(MAX_SIZE),
        Err(_) => return Err(Error::field("page_size", "0 to 1000 is accepted")),
    };
    let fingerprint = fingerprint(query);
    let after = match page_token {
        "" => None,
        text => {
            let token = decode(text).ok_or_else(damaged)?;
            if token.q != fingerprint {
                return Err(Error::new(
                    Reason::PageTokenInvalid,
                    "page_token belongs to another query; a token is used with the filter and parent it was given out for",
                ));
            }
            Some(token.k)
        }
    };
    Ok(Page { size, after, fingerprint })
}

impl Page {
    /// The key after which the page starts, in the caller's type.
    pub fn key<K: DeserializeOwned>(&self) -> Result<Option<K>> {
        match &self.after {
            None => Ok(None),
            Some(key) => K::deserialize(key).map(Some).map_err(|_| damaged()),
        }
    }

    /// How many rows to ask the store for: one more than the page, to know whether another
    /// page follows.
    #[must_use]
    pub fn limit(&self) -> i64 {
        self.size as i64 + 1
    }

    /// The token of the page after the row with the key `last`.
    pub fn next_token(&self, last: &impl Serialize) -> String {
        let key = serde_json::to_value(last).unwrap_or_default();
        let token = Token { v: VERSION, q: self.fingerprint.clone(), k: key };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
    }

    /// Cuts rows that were asked for with [`Page::limit`] to the page, and makes the token
    /// of the next one: empty on the last page.
    pub fn cut<T, K: Serialize>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> (Vec<T>, String) {
        if rows.len() <= self.size {
            return (rows, String::new());
        }
        rows.truncate(self.size);
        let token = rows.last().map(|last| self.next_token(&key(last))).unwrap_or_default();
        (rows, token)
    }
}

fn decode(text: &str) -> Option<Token> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let token: Token = serde_json::from_slice(&bytes).ok()?;
    (token.v == VERSION).then_some(token)
}

fn damaged() -> Error {
    Error::new(
        Reason::PageTokenInvalid,
        "page_token is damaged; the next_page_token of a response is accepted, unchanged",
    )
}

/// 96 bits are plenty: the fingerprint guards against mistakes, not against attackers.
fn fingerprint(query: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in query {
        // With the length in front, ("ab", "c") is not ("a", "bc").
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..12])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        for (asked, size) in [(0, 100), (1, 1), (1000, 1000), (1001, 1000), (i32::MAX, 1000)] {
            assert_eq!(page(asked, "", &[]).unwrap().size, size);
        }
        assert_eq!(page(-1, "", &[]).unwrap_err().reason(), Reason::FieldInvalid);
    }

    #[test]
    fn a_token_of_another_query_is_refused() {
        let token = page(10, "", &["accounts", "acme", "a"]).unwrap().next_token(&(1, "x"));
        let again = page(10, &token, &["accounts", "acme", "a"]).unwrap();
        assert_eq!(again.key::<(i64, String)>().unwrap(), Some((1, "x".into())));
        for other in [&["accounts", "acme", "b"][..], &["accounts", "other", "a"], &["accounts", "acmea"]] {
            let error = page(10, &token, other).unwrap_err();
            assert_eq!(error.reason(), Reason::PageTokenInvalid);
            assert!(error.message().contains("another query"));
        }
        // A key of another shape is as bad as no key.
        assert_eq!(again.key::<bool>().unwrap_err().reason(), Reason::PageTokenInvalid);
    }

    #[test]
    fn the_last_page_has_no_token() {
        let first = page(2, "", &["q"]).unwrap();
        assert_eq!(first.limit(), 3);
        let (rows, token) = first.cut(vec![1, 2, 3], |row| *row);
        assert_eq!(rows, [1, 2]);
        let second = page(2, &token, &["q"]).unwrap();
        assert_eq!(second.key::<i32>().unwrap(), Some(2));
        assert_eq!(second.cut(vec![3], |row| *row), (vec![3], String::new()));
        assert_eq!(second.cut(vec![3, 4], |row| *row), (vec![3, 4], String::new()));
    }

    proptest! {
        #[test]
        fn keys_come_back(a: i64, b in ".*", query in proptest::collection::vec(".*", 0..4)) {
            let query: Vec<&str> = query.iter().map(String::as_str).collect();
            let token = page(1, "", &query).unwrap().next_token(&(a, &b));
            prop_assert_eq!(page(1, &token, &query).unwrap().key::<(i64, String)>().unwrap(), Some((a, b)));
        }

        #[test]
        fn damage_is_refused_and_never_panics(text in ".+") {
            prop_assert_eq!(page(1, &text, &["q"]).unwrap_err().reason(), Reason::PageTokenInvalid);
        }

        #[test]
        fn a_changed_token_never_moves_to_another_query(at in 0_usize..200, to in 33_u8..127) {
            let token = page(1, "", &["q"]).unwrap().next_token(&12345);
            let mut bytes = token.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = to;
            let changed = String::from_utf8(bytes).unwrap();
            // Either it is refused or it still reads as a key of this query.
            if let Err(error) = page(1, &changed, &["q"]) {
                prop_assert_eq!(error.reason(), Reason::PageTokenInvalid);
            }
            let elsewhere = page(1, &changed, &["other"]);
            prop_assert!(elsewhere.is_err());
        }
    }
}
