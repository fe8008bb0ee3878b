//! What is really so: the probabilities that a perfect model would give.

use chrono::{DateTime, Utc};

use crate::archetype::Archetype;
use crate::catalogue::{Market, ProductIndex};
use crate::days::{Day, business_before, day_at, is_business, moment};
use crate::latent::{FIRST_HOUR, Latent, Need, REST};
use crate::life::{Life, Track};
use crate::random::gamma_cdf;

/// Longest horizon, in days, for which a truth is exact; a longer one is cut to it.
pub const LONGEST_HORIZON: u32 = REST as u32;

/// How an account stands to a product at the start of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The account is not a customer yet.
    NotJoined,
    /// The account has left.
    Left,
    /// The account has no use for the product.
    NoUse,
    /// It could use the product, never bought it, and is not thinking of it.
    Unaware,
    /// It decided against the product and does not think of it for a while.
    Resting,
    /// It is considering the product.
    Considering,
    /// It has enough of it.
    Stocked,
    /// It needs more and buys on its next ordering day.
    Due,
}

/// A contact with an account on the first day of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approach {
    /// Nobody makes contact on purpose; the company's usual calls go on.
    None,
    /// A call at a usual hour.
    Call,
    /// A call in this hour of the account's local (standard) time.
    CallAt(u32),
    /// A conversation that takes place for certain.
    Conversation,
}

/// The truth about one account. A day's truth knows the account's hidden parameters and all that
/// happened before the day; what happens on the day and after it is open. It is exact under the
/// generator, and no service sees it.
#[derive(Debug)]
pub struct Truth<'a> {
    pub(crate) market: &'a Market,
    pub(crate) latent: Latent,
    pub(crate) life: Life,
}

/// Where a product stands, with what its future depends on.
enum State {
    Due { buys: Day },
    Stocked { from: Day, initial: bool },
    Unaware { from: Day },
    Considering { decision: Day },
}

impl Truth<'_> {
    /// What kind of buyer the account is.
    pub fn archetype(&self) -> Archetype {
        self.latent.archetype
    }

    /// When the account left, if it did within the history: it orders nothing from then on.
    pub fn churned_at(&self) -> Option<DateTime<Utc>> {
        self.life.left.map(|day| moment(day, 0))
    }

    /// Products that the account buys or may come to buy.
    pub fn repertoire(&self) -> Vec<ProductIndex> {
        self.latent.needs.iter().map(|need| need.product).collect()
    }

    /// How the account stands to a product at the start of the UTC day of `at`.
    pub fn standing(&self, product: ProductIndex, at: DateTime<Utc>) -> Standing {
        let day = day_at(at);
        if day < self.latent.joined {
            return Standing::NotJoined;
        }
        if self.has_left(day) {
            return Standing::Left;
        }
        let Some((need, track)) = self.find(product) else {
            return Standing::NoUse;
        };
        match self.state(need, track, day) {
            State::Due { .. } => Standing::Due,
            State::Stocked { .. } => Standing::Stocked,
            State::Considering { .. } => Standing::Considering,
            State::Unaware { from } if from > day => Standing::Resting,
            State::Unaware { .. } => Standing::Unaware,
        }
    }

    /// Probability that the account buys the product within `horizon` days from the start of the
    /// UTC day of `at`, that day included.
    pub fn buys(&self, product: ProductIndex, at: DateTime<Utc>, horizon: u32) -> f64 {
        self.buys_after(product, at, horizon, Approach::None)
    }

    /// The same when a seller approaches the account about the product on that day.
    pub fn buys_after(
        &self,
        product: ProductIndex,
        at: DateTime<Utc>,
        horizon: u32,
        approach: Approach,
    ) -> f64 {
        let day = day_at(at);
        self.first_purchases(product, day, horizon, approach)
            .iter()
            .map(|(on, probability)| probability * self.stays(day, *on))
            .sum::<f64>()
            .clamp(0.0, 1.0)
    }

    /// Probability that the account orders anything within `horizon` days.
    pub fn orders(&self, at: DateTime<Utc>, horizon: u32) -> f64 {
        let day = day_at(at);
        let mut by_day: Vec<(Day, f64, usize)> = Vec::new();
        for (number, need) in self.latent.needs.iter().enumerate() {
            let purchases = self.first_purchases(need.product, day, horizon, Approach::None);
            by_day.extend(purchases.into_iter().map(|(on, p)| (on, p, number)));
        }
        by_day.sort_by_key(|(on, ..)| *on);
        // products are independent of each other as long as the account stays
        let mut not_yet = vec![1.0; self.latent.needs.len()];
        let (mut before, mut total, mut position) = (1.0, 0.0, 0);
        while let Some((on, ..)) = by_day.get(position).copied() {
            while let Some((_, p, number)) = by_day.get(position).filter(|(d, ..)| *d == on) {
                not_yet[*number] -= *p;
                position += 1;
            }
            let after: f64 = not_yet.iter().map(|p| p.max(0.0)).product();
            total += (before - after) * self.stays(day, on);
            before = after;
        }
        total.clamp(0.0, 1.0)
    }

    /// Probabilities that the first purchase from `day` on falls on each day, if the account
    /// stays; by day.
    pub(crate) fn first_purchases(
        &self,
        product: ProductIndex,
        day: Day,
        horizon: u32,
        approach: Approach,
    ) -> Vec<(Day, f64)> {
        if day < self.latent.joined || self.has_left(day) {
            return Vec::new();
        }
        let Some((need, track)) = self.find(product) else {
            return Vec::new();
        };
        let until = day + horizon.min(LONGEST_HORIZON) as Day;
        let wakes = need.responds * self.answers(approach);
        let days = self.latent.days;
        let mut list = match self.state(need, track, day) {
            State::Due { buys } => vec![(buys, 1.0)],
            State::Considering { decision } => vec![(decision, need.decides_for)],
            State::Stocked { from, initial } => {
                let mut list = self.runs_out(need, from, initial, day, until);
                mix(&mut list, wakes, (days.at_or_after(day + 1), 1.0));
                list
            }
            State::Unaware { from } => {
                let mut list = self.adopts(need, from.max(day), until);
                if from <= day {
                    mix(&mut list, wakes, (days.at_or_after(day + need.considers), need.decides_for));
                }
                list
            }
        };
        list.retain(|(on, _)| *on < until);
        list
    }

    /// How likely an approach becomes a conversation.
    fn answers(&self, approach: Approach) -> f64 {
        match approach {
            Approach::None => 0.0,
            Approach::Conversation => 1.0,
            Approach::Call => self.latent.answers_usually(),
            Approach::CallAt(hour) => {
                let position = hour.checked_sub(FIRST_HOUR).map(|hour| hour as usize);
                position.and_then(|hour| self.latent.answers.get(hour)).copied().unwrap_or(0.0)
            }
        }
    }

    fn runs_out(&self, need: &Need, from: Day, initial: bool, day: Day, until: Day) -> Vec<(Day, f64)> {
        let category = self.market.products[need.product as usize].category_index;
        let mean = if initial { need.lasts * 0.5 } else { need.lasts };
        let lasts = |on: Day| {
            let used = self.market.demand_between(category, from, on);
            1.0 - gamma_cdf(need.shape, used * need.shape / mean)
        };
        let now = lasts(day);
        let no_wake = libm::log1p(-need.calls * self.latent.answers_usually() * need.responds);
        let mut list = Vec::new();
        let (mut before, mut on) = (1.0, self.latent.days.at_or_after(day));
        while on < until {
            let calls = f64::from(business_before(on) - business_before(day));
            // far beyond any stock there is nothing left to condition on
            let left = if now > 0.0 { lasts(on) / now } else { f64::from(u8::from(on == day)) };
            let after = left * libm::exp(no_wake * calls);
            list.push((on, before - after));
            before = after;
            on = self.latent.days.at_or_after(on + 1);
        }
        list
    }

    fn adopts(&self, need: &Need, from: Day, until: Day) -> Vec<(Day, f64)> {
        let wakes = need.calls * self.latent.answers_usually() * need.responds;
        let mut list: Vec<(Day, f64)> = Vec::new();
        let (mut not_yet, mut start) = (1.0, from);
        while start + need.considers < until {
            let starts =
                if is_business(start) { 1.0 - (1.0 - need.starts) * (1.0 - wakes) } else { need.starts };
            let decision = self.latent.days.at_or_after(start + need.considers);
            let probability = not_yet * starts * need.decides_for;
            match list.last_mut().filter(|(on, _)| *on == decision) {
                Some((_, sum)) => *sum += probability,
                None => list.push((decision, probability)),
            }
            not_yet *= 1.0 - starts;
            start += 1;
        }
        list
    }

    fn find(&self, product: ProductIndex) -> Option<(&Need, &Track)> {
        let position = self.latent.needs.binary_search_by_key(&product, |need| need.product).ok()?;
        Some((&self.latent.needs[position], &self.life.tracks[position]))
    }

    fn state(&self, need: &Need, track: &Track, day: Day) -> State {
        // a purchase on the day itself has not happened yet at its start
        if let Some(stock) = track.stocks.iter().rev().find(|stock| stock.initial || stock.from < day) {
            if stock.need <= day {
                return State::Due { buys: self.latent.days.at_or_after(stock.need) };
            }
            return State::Stocked { from: stock.from, initial: stock.initial };
        }
        match track.considerations.iter().rev().find(|consideration| consideration.start < day) {
            Some(last) if last.decision >= day => State::Considering { decision: last.decision },
            Some(last) => State::Unaware { from: last.decision + REST },
            None => {
                debug_assert!(!need.owned, "an owned product has a stock from the beginning");
                State::Unaware { from: self.latent.joined }
            }
        }
    }

    pub(crate) fn has_left(&self, day: Day) -> bool {
        self.life.left.is_some_and(|left| left < day)
    }

    /// Probability that a customer at the start of `day` is still one when it orders on `on`.
    pub(crate) fn stays(&self, day: Day, on: Day) -> f64 {
        libm::pow(1.0 - self.latent.leaves_daily(), f64::from(on - day + 1))
    }
}

/// With probability `weight` the future is `other` instead.
fn mix(list: &mut Vec<(Day, f64)>, weight: f64, other: (Day, f64)) {
    if weight <= 0.0 {
        return;
    }
    for (_, probability) in list.iter_mut() {
        *probability *= 1.0 - weight;
    }
    list.push((other.0, other.1 * weight));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Company, Config};

    fn company(accounts: u64) -> Company {
        Company::try_new(Config { accounts, ..Config::default() }).unwrap()
    }

    #[test]
    fn a_longer_horizon_is_never_less_likely() {
        let company = company(40);
        let at = company.config().end_time() - chrono::Duration::days(100);
        for index in 0..40 {
            let truth = company.truth_of(index);
            for product in truth.repertoire() {
                let mut before = 0.0;
                for horizon in [0, 1, 7, 30, 90, 180] {
                    let now = truth.buys(product, at, horizon);
                    assert!((0.0..=1.0).contains(&now) && now >= before - 1e-12);
                    before = now;
                }
                assert!(truth.orders(at, 180) >= before - 1e-9);
            }
        }
    }

    #[test]
    fn a_conversation_never_hurts_and_a_lost_account_never_buys() {
        let company = company(300);
        let at = company.config().end_time();
        let mut gone = 0;
        for index in 0..300 {
            let truth = company.truth_of(index);
            for product in truth.repertoire() {
                let alone = truth.buys(product, at, 60);
                assert!(truth.buys_after(product, at, 60, Approach::Call) >= alone - 1e-12);
                assert!(truth.buys_after(product, at, 60, Approach::Conversation) >= alone - 1e-12);
                if truth.standing(product, at) == Standing::Left {
                    gone += 1;
                    assert_eq!(alone, 0.0);
                }
            }
            let outside = (0..160).find(|p| !truth.repertoire().contains(p)).unwrap();
            assert_eq!(truth.buys(outside, at, 180), 0.0);
        }
        assert!(gone > 0);
    }
}
