//! A recommendation: frozen when it is issued, then only its state moves.

use chrono::{DateTime, NaiveDate, Utc};
use salient_core::{RecommendationId, SellerId};
use serde::{Deserialize, Serialize};

use super::{
    approach::Approach,
    draft::{Channel, Draft},
    schedule,
};

/// Where a recommendation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waiting for the seller.
    Issued,
    /// The seller will do it.
    Accepted,
    /// Later.
    Snoozed,
    /// Not wanted.
    Dismissed,
    /// Done.
    Completed,
    /// Nobody acted in time.
    Expired,
}

impl State {
    const ALL: [Self; 6] =
        [Self::Issued, Self::Accepted, Self::Snoozed, Self::Dismissed, Self::Completed, Self::Expired];

    /// The name as stored and filtered by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Accepted => "accepted",
            Self::Snoozed => "snoozed",
            Self::Dismissed => "dismissed",
            Self::Completed => "completed",
            Self::Expired => "expired",
        }
    }

    /// The inverse of [`State::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether the item still stands on a list: waiting or taken on.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Issued | Self::Accepted)
    }
}

/// What never changes after issue. Stored as one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frozen {
    /// The draft as the ranking saw it.
    pub draft: Draft,
    /// How to make contact.
    pub channel: Channel,
    /// Good time for it.
    pub window: (DateTime<Utc>, DateTime<Utc>),
    /// After this it expires.
    pub expire_time: DateTime<Utc>,
    /// `policies/{policy}` that ranked it.
    pub policy: String,
    /// Probability with which the policy chose it.
    pub propensity: f64,
    /// When it was issued.
    pub issue_time: DateTime<Utc>,
}

/// A recommendation.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// Its id.
    pub id: RecommendationId,
    /// Whom it is for.
    pub seller: SellerId,
    /// The day of the plan it stands on.
    pub day: NaiveDate,
    /// Place on that plan, from 1.
    pub rank: u32,
    /// To be echoed by a reaction, an opportunity or an order.
    pub attribution_token: String,
    /// What was frozen.
    pub frozen: Frozen,
    /// Where it stands.
    pub state: State,
    /// When that last changed.
    pub state_time: DateTime<Utc>,
}

/// Freezes a chosen draft for a day, for the person who may be spoken to.
#[must_use]
pub fn freeze(draft: &Draft, approach: Approach, day: NaiveDate, policy: &str, now: DateTime<Utc>) -> Frozen {
    Frozen {
        channel: approach.channel,
        draft: Draft { contact: approach.contact, ..draft.clone() },
        window: schedule::contact_window(day),
        expire_time: schedule::deadline(day),
        policy: policy.to_owned(),
        // the greedy list chooses its items with certainty
        propensity: 1.0,
        issue_time: now,
    }
}
