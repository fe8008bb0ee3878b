//! An account's life, day by day: the hidden ledger that its records and its truth are read from.
//!
//! Each product of an account has a life of its own in a substream of its own:
//! - what was bought lasts a gamma-distributed amount of demand; when it has run out, or when a
//!   conversation with a seller wakes the need earlier, the account buys on its next ordering day;
//! - what was never bought is at some time considered, by the account's own idea or after a
//!   conversation; after some days it decides, on an ordering day, for it or against it.
//!
//! An account leaves for good with a constant hazard, at an issue, or at a competitor's sign.
//! Nothing that is drawn depends on when the history ends: a longer one begins like a shorter one.

use crate::catalogue::Market;
use crate::days::{Day, NEVER, business_after};
use crate::latent::{CALL_HOURS, FIRST_HOUR, Latent, Need, REST};
use crate::random::{Domain, Stream};

/// A purchase of one product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purchase {
    pub(crate) day: Day,
    pub(crate) seconds: u32,
    pub(crate) pieces: i64,
    pub(crate) assisted: bool,
    /// Day and pieces of a return.
    pub(crate) returned: Option<(Day, i64)>,
}

/// A stretch of stock: from a purchase (or from joining) to the day the need arises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stock {
    pub(crate) from: Day,
    /// The stock that was there at the beginning, which is half used up on average.
    pub(crate) initial: bool,
    pub(crate) need: Day,
}

/// A consideration of a product that the account never bought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consideration {
    pub(crate) start: Day,
    pub(crate) decision: Day,
    pub(crate) won: bool,
    pub(crate) pieces: i64,
}

/// A seller's call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) day: Day,
    pub(crate) seconds: u32,
    pub(crate) contact: u32,
    pub(crate) answered: bool,
    pub(crate) woke: bool,
}

/// A visit or a touch while the account considers a product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sign {
    pub(crate) day: Day,
    pub(crate) seconds: u32,
    pub(crate) contact: u32,
    pub(crate) web: bool,
}

/// What happened between an account and a product.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    pub(crate) stocks: Vec<Stock>,
    pub(crate) considerations: Vec<Consideration>,
    pub(crate) purchases: Vec<Purchase>,
    pub(crate) calls: Vec<Call>,
    pub(crate) signs: Vec<Sign>,
}

/// Something about the whole account: its day, and whether it made the account leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strain {
    pub(crate) day: Day,
    pub(crate) fatal: bool,
}

/// Everything that happened to an account until the last day.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// The first day on which it is no customer any more, when it has come.
    pub(crate) left: Option<Day>,
    pub(crate) issues: Vec<Strain>,
    pub(crate) signals: Vec<Strain>,
    /// One per need of the account.
    pub(crate) tracks: Vec<Track>,
}

impl Life {
    pub(crate) fn new(seed: u64, market: &Market, latent: &Latent, index: u64, last: Day) -> Self {
        let quietly = Stream::new(seed, Domain::Leaving, index, 0).failures(latent.leaves);
        let quietly = latent.joined.saturating_add(quietly);
        let mut issues =
            strains(Stream::new(seed, Domain::Leaving, index, 1), latent.issues, latent.joined, last);
        let mut signals =
            strains(Stream::new(seed, Domain::Leaving, index, 2), latent.signals, latent.joined, last);
        let fatal = |list: &[Strain]| list.last().filter(|s| s.fatal).map_or(NEVER, |s| s.day);
        let left = quietly.min(fatal(&issues)).min(fatal(&signals));
        issues.retain(|issue| issue.day <= left);
        signals.retain(|signal| signal.day <= left);
        let tracks = latent
            .needs
            .iter()
            .map(|need| {
                let stream = Stream::new(seed, Domain::Product, index, u64::from(need.product));
                Tracker::new(market, latent, need, stream, left, last).run()
            })
            .collect();
        Self { left: Some(left).filter(|day| *day <= last), issues, signals, tracks }
    }
}

fn strains(mut stream: Stream, (daily, fatal): (f64, f64), joined: Day, last: Day) -> Vec<Strain> {
    let mut list = Vec::new();
    let mut day = joined.saturating_add(stream.failures(daily));
    while day <= last {
        let fatal = stream.chance(fatal);
        list.push(Strain { day, fatal });
        if fatal {
            break;
        }
        day = (day + 1).saturating_add(stream.failures(daily));
    }
    list
}

/// Draws the life of one product at one account, in the order of time.
struct Tracker<'a> {
    market: &'a Market,
    latent: &'a Latent,
    need: &'a Need,
    category: usize,
    stream: Stream,
    left: Day,
    last: Day,
    next_call: Day,
    track: Track,
}

impl<'a> Tracker<'a> {
    fn new(
        market: &'a Market,
        latent: &'a Latent,
        need: &'a Need,
        mut stream: Stream,
        left: Day,
        last: Day,
    ) -> Self {
        let next_call = business_after(latent.joined, stream.failures(need.calls));
        let category = market.products[need.product as usize].category_index;
        Self { market, latent, need, category, stream, left, last, next_call, track: Track::default() }
    }

    fn run(mut self) -> Track {
        let joined = self.latent.joined;
        let mut bought = if self.need.owned { Some(joined) } else { self.adopt(joined) };
        let mut initial = self.need.owned;
        while let Some(day) = bought {
            bought = self.reorder(day, initial);
            initial = false;
        }
        // nobody tells the sellers that the account is gone
        self.calls_until(NEVER, None);
        self.track
    }

    /// From a purchase to the next one; `None` when it does not come any more.
    fn reorder(&mut self, from: Day, initial: bool) -> Option<Day> {
        let mean = if initial { self.need.lasts * 0.5 } else { self.need.lasts };
        let amount = mean * self.stream.gamma_mean_one(self.need.shape);
        let runs_out = self.market.day_when(self.category, from, amount);
        let (need, assisted) = match self.calls_until(runs_out, Some(runs_out)) {
            Some(call) => (call + 1, true),
            None => (runs_out, false),
        };
        self.track.stocks.push(Stock { from, initial, need });
        let day = self.latent.days.at_or_after(need);
        self.calls_until(day, None);
        self.purchase(day, assisted)
    }

    /// From `from` on, considers the product until it is bought; `None` when that does not come.
    fn adopt(&mut self, mut from: Day) -> Option<Day> {
        loop {
            let alone = from.saturating_add(self.stream.failures(self.need.starts));
            let woken = self.calls_until(alone, Some(alone));
            let start = woken.unwrap_or(alone);
            if start > self.last || start >= self.left {
                return None;
            }
            let decision = self.latent.days.at_or_after(start + self.need.considers);
            self.consider(start, decision);
            let won = self.stream.chance(self.need.decides_for);
            let pieces = self.pieces();
            self.track.considerations.push(Consideration { start, decision, won, pieces });
            self.calls_until(decision, None);
            if won {
                return self.purchase_of(decision, woken.is_some(), pieces);
            }
            if decision >= self.left {
                return None;
            }
            from = decision + REST;
            // who has just declined is not talked into it
            self.calls_until(from, None);
        }
    }

    fn consider(&mut self, start: Day, decision: Day) {
        let (web, touches) = (2 + self.stream.below(5), self.stream.below(4));
        let before = self.left.min(self.last.saturating_add(1));
        for number in 0..web + touches {
            let day = self.stream.between(start, decision - 1);
            let sign = Sign {
                day,
                seconds: self.seconds(),
                contact: self.stream.below(self.latent.people),
                web: number < web,
            };
            if day < before {
                self.track.signs.push(sign);
            }
        }
    }

    /// Makes the calls before `day`. With `wakes`, the first answered one that wakes the need
    /// before that day ends the wait, and its day is given back.
    fn calls_until(&mut self, day: Day, wakes: Option<Day>) -> Option<Day> {
        // sellers notice after some weeks that nobody is there any more
        let until = day.min(self.last.saturating_add(1)).min(self.left.saturating_add(45));
        while self.next_call < until {
            let call_day = self.next_call;
            let hour = self.stream.weighted(&CALL_HOURS);
            let answered = self.stream.chance(self.latent.answers[hour]);
            let willing = self.stream.chance(self.need.responds);
            let local = (FIRST_HOUR + hour as u32) * 3_600 + self.stream.below(3_600);
            let woke = wakes.is_some() && answered && willing && call_day < self.left;
            self.track.calls.push(Call {
                day: call_day,
                seconds: self.utc(local),
                contact: self.stream.below(self.latent.people),
                answered: answered && call_day < self.left,
                woke,
            });
            self.next_call = business_after(call_day + 1, self.stream.failures(self.need.calls));
            if woke {
                return Some(call_day);
            }
        }
        None
    }

    fn purchase(&mut self, day: Day, assisted: bool) -> Option<Day> {
        let pieces = self.pieces();
        self.purchase_of(day, assisted, pieces)
    }

    fn purchase_of(&mut self, day: Day, assisted: bool, pieces: i64) -> Option<Day> {
        if day > self.last || day >= self.left {
            return None;
        }
        let seconds = self.seconds();
        let comes_back = self.stream.chance(0.02);
        let after = self.stream.between(3, 20);
        let back = 1 + i64::from(self.stream.below(pieces.min(1_000_000) as u32));
        let returned = Some((day + after, back.min(pieces))).filter(|_| comes_back);
        self.track.purchases.push(Purchase { day, seconds, pieces, assisted, returned });
        Some(day)
    }

    fn pieces(&mut self) -> i64 {
        pieces(&mut self.stream, self.need.pieces)
    }

    /// A time in office hours, as seconds of the UTC day.
    fn seconds(&mut self) -> u32 {
        let local = FIRST_HOUR * 3_600 + self.stream.below(9 * 3_600);
        self.utc(local)
    }

    fn utc(&self, local: u32) -> u32 {
        (local as i32 - self.latent.offset()).rem_euclid(86_400) as u32
    }
}

/// Pieces of a purchase: around the median, from half of it to one and a half.
pub(crate) fn pieces(stream: &mut Stream, median: f64) -> i64 {
    let swing = 0.5 + 0.5 * (stream.unit() + stream.unit());
    (median * swing + 0.5).clamp(1.0, 100_000.0) as i64
}
