//! People who react: sellers to recommendations, customers to contacts. Their probabilities follow
//! the truth, so that what a service learns from them can be measured against it.

use chrono::{DateTime, Utc};

use crate::catalogue::ProductIndex;
use crate::company::Company;
use crate::days::{day_at, moment};
use crate::life::pieces;
use crate::random::{Domain, Stream};
use crate::truth::{Approach, Standing, Truth};

/// A recommendation as a seller meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Number of the account.
    pub account: u64,
    /// The product it is about.
    pub product: ProductIndex,
    /// When the seller sees it.
    pub at: DateTime<Utc>,
    /// Place on the list, from 1.
    pub rank: u32,
}

/// Why a seller dismisses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The contact is the wrong person.
    WrongPerson,
    /// Not now.
    BadTiming,
    /// Already taken care of.
    AlreadyDone,
    /// The account does not need it.
    NotRelevant,
    /// The account has a complaint, or has gone.
    CustomerIssue,
    /// The account does not want to be contacted.
    DoNotContact,
}

/// What a seller does with a recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Will do it.
    Accept,
    /// Later.
    Snooze,
    /// Not at all.
    Dismiss(Reason),
    /// Nothing.
    Ignore,
}

/// The probabilities behind a reaction; they sum to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Odds {
    /// To accept.
    pub accept: f64,
    /// To snooze.
    pub snooze: f64,
    /// To dismiss, by reason.
    pub dismiss: Vec<(Reason, f64)>,
    /// To do nothing.
    pub ignore: f64,
}

/// A seller's character.
#[derive(Clone, Debug)]
pub struct Persona {
    seed: u64,
    seller: u32,
    /// Share of the list that the seller works through.
    diligence: f64,
    /// How well the seller knows what accounts need: 0 guesses, 1 knows the truth.
    insight: f64,
    /// How easily the seller says yes.
    ease: f64,
}

impl Persona {
    /// The persona of a seller.
    pub fn new(company: &Company, seller: u32) -> Self {
        let seed = company.config().seed;
        let mut stream = Stream::new(seed, Domain::Seller, u64::from(seller), 1);
        Self {
            seed,
            seller,
            diligence: 0.70 + 0.28 * stream.unit(),
            insight: 0.55 + 0.40 * stream.unit(),
            ease: 0.4 * stream.normal(),
        }
    }

    /// The probabilities of each reaction to an offer.
    pub fn odds(&self, truth: &Truth<'_>, offer: &Offer) -> Odds {
        let chance = truth.buys(offer.product, offer.at, 30).clamp(0.002, 0.998);
        // an item far down the list may not be reached
        let reached = self.diligence * (1.0 - 0.02 * f64::from(offer.rank.saturating_sub(1).min(25)));
        let log_odds = libm::log(chance / (1.0 - chance));
        let likes = sigmoid(1.4 + self.ease + self.insight * log_odds);
        let accept = reached * likes;
        let rest = reached - accept;
        let snooze = rest * 0.2;
        let weights = reasons(truth.standing(offer.product, offer.at));
        let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let dismiss = weights.iter().map(|(reason, weight)| (*reason, rest * 0.8 * weight / sum)).collect();
        Odds { accept, snooze, dismiss, ignore: 1.0 - reached }
    }

    /// What the seller does; the same for the same offer, always.
    pub fn react(&self, truth: &Truth<'_>, offer: &Offer) -> Reaction {
        let odds = self.odds(truth, offer);
        let part =
            (u64::from(self.seller) << 48) ^ (u64::from(offer.product) << 24) ^ day_at(offer.at) as u64;
        let mut stream = Stream::new(self.seed, Domain::Reaction, offer.account, part);
        let mut choices = vec![
            (Reaction::Accept, odds.accept),
            (Reaction::Snooze, odds.snooze),
            (Reaction::Ignore, odds.ignore),
        ];
        choices.extend(odds.dismiss.iter().map(|(reason, p)| (Reaction::Dismiss(*reason), *p)));
        let weights: Vec<f64> = choices.iter().map(|(_, p)| *p).collect();
        choices[stream.weighted(&weights)].0
    }
}

/// Which reasons a seller gives, depending on how things are.
fn reasons(standing: Standing) -> &'static [(Reason, f64)] {
    match standing {
        Standing::Left => {
            &[(Reason::CustomerIssue, 5.0), (Reason::NotRelevant, 3.0), (Reason::DoNotContact, 1.0)]
        }
        Standing::NoUse | Standing::NotJoined => {
            &[(Reason::NotRelevant, 8.0), (Reason::WrongPerson, 1.0), (Reason::BadTiming, 1.0)]
        }
        Standing::Unaware => {
            &[(Reason::NotRelevant, 4.0), (Reason::BadTiming, 4.0), (Reason::WrongPerson, 2.0)]
        }
        Standing::Resting => &[(Reason::NotRelevant, 6.0), (Reason::AlreadyDone, 2.0)],
        Standing::Considering => &[(Reason::AlreadyDone, 5.0), (Reason::BadTiming, 3.0)],
        Standing::Stocked => {
            &[(Reason::BadTiming, 5.0), (Reason::AlreadyDone, 4.0), (Reason::WrongPerson, 1.0)]
        }
        Standing::Due => &[(Reason::AlreadyDone, 4.0), (Reason::BadTiming, 1.0), (Reason::WrongPerson, 1.0)],
    }
}

/// What a customer does after a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// Orders the product.
    Orders {
        /// When.
        at: DateTime<Utc>,
        /// How many.
        pieces: i64,
    },
    /// Does not, within the horizon.
    Nothing,
}

/// How the account responds when it is approached about a product: one possible future, drawn anew
/// from the truth at `at` and independent of what the history tells of later days. The same for
/// the same arguments, always. Its probability is [`Truth::buys_after`].
pub fn respond(
    company: &Company,
    account: u64,
    product: ProductIndex,
    at: DateTime<Utc>,
    horizon: u32,
    approach: Approach,
) -> Response {
    let truth = company.truth_of(account);
    let day = day_at(at);
    let part = (u64::from(product) << 32) ^ day as u64;
    let mut stream = Stream::new(company.config().seed, Domain::Response, account, part);
    let mut left = stream.unit();
    let purchases = truth.first_purchases(product, day, horizon, approach);
    for (on, probability) in purchases {
        left -= probability * truth.stays(day, on);
        if left < 0.0 {
            let median = truth
                .latent
                .needs
                .iter()
                .find(|need| need.product == product)
                .map_or(1.0, |need| need.pieces);
            return Response::Orders { at: moment(on, 43_200), pieces: pieces(&mut stream, median) };
        }
    }
    Response::Nothing
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}
