//! A version of a model, and where it stands.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use salient_core::{AccountId, ModelId};
use salient_learn::{
    account::NAMES,
    declared::DeclaredModel,
    propensity::{Measured, PropensityModel},
};
use sha2::{Digest as _, Sha256};

use super::Member;

/// A trained version.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its id.
    pub id: ModelId,
    /// The id of the declaration that it is a version of; empty for the built-in model.
    pub declaration: String,
    /// From 1.
    pub version: i32,
    /// Nothing at or after this time was used.
    pub as_of: DateTime<Utc>,
    /// Where it stands.
    pub state: State,
    /// When it became live for the last time.
    pub live_time: Option<DateTime<Utc>>,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// The model itself.
    pub body: Body,
}

/// What was trained; it never changes. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The built-in model: who orders within 30 days.
    Orders(Arc<PropensityModel>),
    /// A version of what a tenant declared.
    Declared(Arc<DeclaredModel>),
}

impl Body {
    /// Names of the features that it reads, in order.
    #[must_use]
    pub fn features(&self) -> Vec<String> {
        match self {
            Self::Orders(_) => NAMES.iter().map(|&name| name.to_owned()).collect(),
            Self::Declared(body) => body.features().iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Share of examples that came true.
    #[must_use]
    pub fn base_rate(&self) -> f64 {
        match self {
            Self::Orders(body) => body.base_rate,
            Self::Declared(body) => body.base_rate,
        }
    }

    /// The version of the built-in model, if it is one.
    #[must_use]
    pub fn orders(&self) -> Option<&PropensityModel> {
        match self {
            Self::Orders(body) => Some(body),
            Self::Declared(_) => None,
        }
    }

    /// How it did on a time slice that it had not seen.
    #[must_use]
    pub fn measured(&self) -> Option<&Measured> {
        match self {
            Self::Orders(body) => body.measured.as_ref(),
            Self::Declared(body) => body.measured.as_ref(),
        }
    }
}

/// Where a version stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Trained and measured; nobody is shown its scores.
    Shadow,
    /// Its scores are published for this share of the accounts.
    Pilot(f64),
    /// Its scores are published.
    Live,
    /// It was live or a pilot.
    Retired,
}

impl State {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Pilot(_) => "pilot",
            Self::Live => "live",
            Self::Retired => "retired",
        }
    }

    /// Share of accounts of a pilot; 0 of all others.
    #[must_use]
    pub fn pilot_share(self) -> f64 {
        if let Self::Pilot(share) = self { share } else { 0.0 }
    }

    /// Whether an account is of the cohort of a pilot. Its place between 0 and 1 is drawn from its id,
    /// so that it stays from run to run.
    #[must_use]
    pub fn holds(self, account: AccountId) -> bool {
        let digest = Sha256::digest(account.uuid().as_bytes());
        let place = digest.iter().take(4).fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        f64::from(place) / 2_f64.powi(32) < self.pilot_share()
    }
}

/// The versions whose scores are published.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// For all but the cohort of the pilot.
    pub live: Option<Arc<Model>>,
    /// For its cohort.
    pub pilot: Option<Arc<Model>>,
}

impl Published {
    /// Without versions that were trained on what came after a moment.
    #[must_use]
    pub fn known_at(self, as_of: DateTime<Utc>) -> Self {
        let known = |model: &Arc<Model>| model.as_of <= as_of;
        Self { live: self.live.filter(known), pilot: self.pilot.filter(known) }
    }

    /// The version that scores what is, or belongs to, an account.
    fn of(&self, account: AccountId) -> Option<&Model> {
        let pilot = self.pilot.as_deref().filter(|pilot| pilot.state.holds(account));
        pilot.or(self.live.as_deref())
    }

    /// Subjects, by number, among the versions that score them.
    #[must_use]
    pub fn among(&self, members: &[Member], numbers: &[u32]) -> Vec<(&Model, Vec<u32>)> {
        let mut by_version: BTreeMap<ModelId, (&Model, Vec<u32>)> = BTreeMap::new();
        for &number in numbers {
            if let Some(model) = self.of(members[number as usize].account) {
                by_version.entry(model.id).or_insert((model, Vec::new())).1.push(number);
            }
        }
        by_version.into_values().collect()
    }
}
