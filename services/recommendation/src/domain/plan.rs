//! A seller's list for a day.

use chrono::{DateTime, NaiveDate, Utc};
use salient_core::SellerId;

use super::recommendation::Recommendation;

/// A seller's list for a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Whose.
    pub seller: SellerId,
    /// The seller's name.
    pub seller_name: String,
    /// The day.
    pub day: NaiveDate,
    /// The open items, best first.
    pub recommendations: Vec<Recommendation>,
    /// What reactions changed, in words.
    pub notices: Vec<String>,
    /// Accounts in the seller's book.
    pub book_size: u32,
    /// Of those, accounts that had an eligible candidate.
    pub eligible_accounts: u32,
    /// `policies/{policy}` that ranked it.
    pub policy: String,
    /// When it was made.
    pub plan_time: DateTime<Utc>,
}
