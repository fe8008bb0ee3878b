//! What an account is really like: the hidden parameters that its history is drawn from.

use crate::archetype::{Archetype, INDUSTRIES, WEIGHTS};
use crate::catalogue::{Market, ProductIndex};
use crate::company::Config;
use crate::days::{Day, OrderingDays, day_of};
use crate::random::{Domain, Stream};
use crate::words::{CATEGORIES, PLACE_WEIGHTS, PLACES};

/// First hour, local time, in which sellers call.
pub(crate) const FIRST_HOUR: u32 = 8;
/// Share of the sellers' calls per hour from `FIRST_HOUR`.
pub(crate) const CALL_HOURS: [f64; 10] = [0.06, 0.12, 0.16, 0.14, 0.08, 0.07, 0.12, 0.12, 0.09, 0.04];
/// Days after a lost opportunity in which the product is not considered again; also the longest
/// horizon of a truth, which makes it exact.
pub(crate) const REST: Day = 180;

/// How the account stands to one product.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    pub(crate) product: ProductIndex,
    /// Bought it before the history began (or before joining).
    pub(crate) owned: bool,
    /// Shape of the gamma gaps.
    pub(crate) shape: f64,
    /// Mean days of average demand that a purchase lasts.
    pub(crate) lasts: f64,
    /// Median pieces per purchase.
    pub(crate) pieces: f64,
    /// Probability, per business day, that a seller calls about it.
    pub(crate) calls: f64,
    /// Probability that a conversation leads to an order (owned) or a consideration (new).
    pub(crate) responds: f64,
    /// Probability, per day, that the account starts to consider it by itself.
    pub(crate) starts: f64,
    /// Probability that a consideration ends in a purchase.
    pub(crate) decides_for: f64,
    /// Days that a consideration takes, at least.
    pub(crate) considers: Day,
}

/// The hidden parameters of an account.
#[derive(Clone, Debug)]
pub(crate) struct Latent {
    pub(crate) archetype: Archetype,
    pub(crate) joined: Day,
    pub(crate) days: OrderingDays,
    pub(crate) employees: u32,
    pub(crate) people: u32,
    pub(crate) discount_percent: i64,
    pub(crate) place: usize,
    pub(crate) industry: &'static str,
    pub(crate) territory: u32,
    /// Probability, per day, to leave for no visible reason.
    pub(crate) leaves: f64,
    /// Probability of an issue per day, and that it makes the account leave.
    pub(crate) issues: (f64, f64),
    /// Probability of a competitor's sign per day, and that the account has gone over.
    pub(crate) signals: (f64, f64),
    /// Probability that a call is answered, per hour from `FIRST_HOUR`.
    pub(crate) answers: [f64; 10],
    /// Products the account buys or may come to buy, by product.
    pub(crate) needs: Vec<Need>,
}

impl Latent {
    pub(crate) fn new(config: &Config, market: &Market, index: u64) -> Self {
        let mut stream = Stream::new(config.seed, Domain::Latent, index, 0);
        let archetype = Archetype::ALL[stream.weighted(&WEIGHTS)];
        let traits = archetype.traits();
        let (start, end) = (day_of(config.start), day_of(config.end));
        let joined = if stream.chance(0.84) { start } else { stream.between(start, (end - 60).max(start)) };
        let every = stream.between(traits.cadence.0, traits.cadence.1);
        let days = OrderingDays { every, phase: stream.between(0, every - 1) };
        let size = stream.lognormal(1.0, 0.8);
        let employees = (60.0 * size * stream.lognormal(1.0, 0.4)).clamp(3.0, 20_000.0) as u32;
        let mut latent = Self {
            archetype,
            joined,
            days,
            employees,
            people: 1 + stream.below(if employees > 150 { 4 } else { 2 }),
            discount_percent: i64::from(stream.below(4) + if size > 1.5 { 6 } else { 0 }),
            place: stream.weighted(&PLACE_WEIGHTS),
            industry: INDUSTRIES[stream.weighted(&traits.industries)],
            territory: stream.below(config.sellers * 2),
            leaves: 1.0 - libm::pow(1.0 - traits.leaves, 1.0 / 365.0),
            issues: (stream.lognormal(1.2, 0.5) / 365.0, 0.07),
            signals: (stream.lognormal(traits.signals, 0.5) / 365.0, 0.14),
            answers: answers(&mut stream),
            needs: Vec::new(),
        };
        latent.needs = needs(market, archetype, size, &mut stream);
        latent
    }

    /// Standard offset of the account's place from UTC, in seconds.
    pub(crate) fn offset(&self) -> i32 {
        PLACES[self.place].2 * 3_600
    }

    /// Probability, per day, to leave for whatever reason.
    pub(crate) fn leaves_daily(&self) -> f64 {
        1.0 - (1.0 - self.leaves)
            * (1.0 - self.issues.0 * self.issues.1)
            * (1.0 - self.signals.0 * self.signals.1)
    }

    /// Probability that a call at a usual hour is answered.
    pub(crate) fn answers_usually(&self) -> f64 {
        CALL_HOURS.iter().zip(&self.answers).map(|(share, answer)| share * answer).sum()
    }
}

/// Some pick up in the morning, some late; all are less likely to at noon.
fn answers(stream: &mut Stream) -> [f64; 10] {
    let best = f64::from(stream.below(10));
    let level = 0.25 + 0.25 * stream.unit();
    let width = 2.0 + 2.0 * stream.unit();
    std::array::from_fn(|hour| {
        let distance = (hour as f64 - best) / width;
        level * (0.35 + 1.4 * libm::exp(-0.5 * distance * distance)).min(1.9)
    })
}

fn needs(market: &Market, archetype: Archetype, size: f64, stream: &mut Stream) -> Vec<Need> {
    let traits = archetype.traits();
    let affinity = &market.affinity[archetype as usize];
    let bundles = 1 + stream.below(if size > 1.3 { 3 } else { 2 });
    let mut needs: Vec<Need> = Vec::with_capacity(bundles as usize * 9 + 2);
    for _ in 0..bundles {
        let bundle = &market.bundles[stream.weighted(affinity)];
        for &product in bundle {
            if stream.chance(0.85) {
                add(&mut needs, product);
            }
        }
    }
    // tastes that no archetype explains
    for _ in 0..stream.below(3) {
        add(&mut needs, stream.below(market.products.len() as u32));
    }
    needs.sort_unstable_by_key(|need| need.product);
    let pace = traits.lasts * stream.lognormal(1.0, 0.3);
    let attention = 0.004 * libm::sqrt(size).clamp(0.5, 2.0);
    let responsive = (traits.responsive * stream.lognormal(1.0, 0.4)).min(0.6);
    for need in &mut needs {
        let product = &market.products[need.product as usize];
        let category = &CATEGORIES[product.category_index];
        need.owned = stream.chance(traits.owned);
        need.shape = traits.shape;
        let lasts = category.lasts * market.lasts[need.product as usize];
        need.lasts = (lasts * pace * stream.lognormal(1.0, 0.35)).max(4.0);
        let spend = 9_000.0 * size * stream.lognormal(1.0, 0.5);
        need.pieces = (spend / product.price_minor as f64).max(1.0);
        need.calls = attention * stream.lognormal(1.0, 0.5);
        need.responds = responsive;
        need.starts = (traits.curiosity / 800.0 * stream.lognormal(1.0, 0.6)).min(0.05);
        need.decides_for = traits.decides_for;
        need.considers = stream.between(5, 24);
    }
    needs
}

fn add(needs: &mut Vec<Need>, product: ProductIndex) {
    if needs.iter().any(|need| need.product == product) {
        return;
    }
    needs.push(Need {
        product,
        owned: false,
        shape: 1.0,
        lasts: 1.0,
        pieces: 1.0,
        calls: 0.0,
        responds: 0.0,
        starts: 0.0,
        decides_for: 0.0,
        considers: 5,
    });
}
