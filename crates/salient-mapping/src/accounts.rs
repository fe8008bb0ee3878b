//! Accounts, contacts and sellers seen so far.

use std::collections::BTreeMap;

use salient_proto::recommendation::v1::{Seller, UpsertSellersRequest};

use super::batch::request_id;
use super::keys::Keys;

#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) keys: Keys,
    /// Purchased, returned: for each account.
    ordered: Vec<[bool; 2]>,
    /// For each account, whether its record was given away.
    described: Vec<bool>,
}

impl Accounts {
    /// True when the account's record was given away before.
    pub(crate) fn is_described(&self, key: &[u8]) -> bool {
        let number = self.keys.known(key);
        number.is_some_and(|number| self.described.get(number as usize).copied().unwrap_or(false))
    }

    /// Notes that the account's record was given away.
    pub(crate) fn describe(&mut self, key: &[u8]) {
        let number = self.keys.number(key).0 as usize;
        if self.described.len() <= number {
            self.described.resize(number + 1, false);
        }
        self.described[number] = true;
    }

    /// Notes an order; true when it is the account's first of its kind.
    pub(crate) fn ordered(&mut self, account: u32, is_return: bool) -> bool {
        let number = account as usize;
        if self.ordered.len() <= number {
            self.ordered.resize(number + 1, [false; 2]);
        }
        !std::mem::replace(&mut self.ordered[number][usize::from(is_return)], true)
    }
}

/// Sellers, by id.
#[derive(Debug, Default)]
pub(crate) struct Sellers {
    sellers: BTreeMap<String, Seller>,
}

impl Sellers {
    pub(crate) fn add(&mut self, id: &str, display_name: String, territory: Option<String>, capacity: i32) {
        let seller = self.sellers.entry(id.to_owned()).or_insert_with(|| Seller {
            name: format!("sellers/{id}"),
            display_name,
            territories: Vec::new(),
            capacity,
        });
        if let Some(territory) = territory.filter(|territory| !seller.territories.contains(territory)) {
            seller.territories.push(territory);
        }
    }

    /// A seller for a territory: t07 becomes s07, and any other name its own.
    pub(crate) fn for_territory(&mut self, territory: &str, capacity: i32) {
        let number = territory.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let numbered = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
        let id = match numbered {
            true => format!("s{number}"),
            false => territory.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "-"),
        };
        let name = if numbered { format!("Seller {number}") } else { format!("Seller {territory}") };
        self.add(&id, name, Some(territory.to_owned()), capacity);
    }

    pub(crate) fn len(&self) -> usize {
        self.sellers.len()
    }

    pub(crate) fn requests(&self, source: &str) -> Vec<UpsertSellersRequest> {
        let sellers: Vec<Seller> = self.sellers.values().cloned().collect();
        seller_requests(source, &sellers)
    }
}

/// Requests of at most 1,000 sellers.
pub fn seller_requests(source: &str, sellers: &[Seller]) -> Vec<UpsertSellersRequest> {
    let chunks = sellers.chunks(1_000).enumerate();
    chunks
        .map(|(number, sellers)| {
            let mut request =
                UpsertSellersRequest { sellers: sellers.to_vec(), ..UpsertSellersRequest::default() };
            request.request_id = request_id(source, number as u64, &request);
            request
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn territories_get_sellers() {
        let mut sellers = Sellers::default();
        for territory in ["t07", "t00", "t07", "North West", "Österreich"] {
            sellers.for_territory(territory, 10);
        }
        let request = &sellers.requests("test")[0];
        let names: Vec<_> = request.sellers.iter().map(|seller| seller.name.as_str()).collect();
        assert_eq!(names, ["sellers/north-west", "sellers/s00", "sellers/s07", "sellers/österreich"]);
        assert_eq!(request.sellers[2].territories, ["t07"]);
    }
}
