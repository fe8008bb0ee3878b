//! Rates per hour of the week, each layer drawn to the one above it.

use super::cell::Cell;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Attempts and how many of them reached somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Attempts made.
    pub attempts: u32,
    /// Those that reached the contact.
    pub reached: u32,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.reached = self.reached.saturating_add(other.reached);
    }

    fn counts(self) -> (f64, f64) {
        (f64::from(self.attempts), f64::from(self.reached))
    }
}

/// Tallies of the hours that were tried.
pub type Tallies = BTreeMap<Cell, Tally>;

/// A beta distribution as mean and strength: α = mean·strength, β = (1 − mean)·strength.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    /// Mean probability.
    pub mean: f64,
    /// How many attempts it weighs.
    pub strength: f64,
}

impl Belief {
    /// After `seen` attempts (the beta-binomial update).
    #[must_use]
    pub fn after(self, seen: Tally) -> Self {
        let (n, r) = seen.counts();
        let strength = self.strength + n;
        Self { mean: (self.strength * self.mean + r) / strength, strength }
    }
}

/// A belief for each hour.
pub type Beliefs = BTreeMap<Cell, Belief>;

/// How much the layer above weighs against own evidence, in attempts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Strengths {
    /// For the level over all hours.
    pub level: f64,
    /// For the single hour, given the level.
    pub cell: f64,
}

/// Bounds of an estimated strength, attempts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// No less: one lucky attempt must not decide.
    pub floor: f64,
    /// No more: that many own attempts always count at least half.
    pub ceiling: f64,
}

pub(super) fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

pub(super) fn sigmoid(z: f64) -> f64 {
    (1.0 / (1.0 + (-z).exp())).clamp(1e-6, 1.0 - 1e-6)
}

/// Prior strength of a beta-binomial by the method of moments (Kleinman 1973): groups of `n`
/// trials with prior mean `m` have `E(r − nm)² = nm(1 − m)·(1 + (n − 1)ρ)` with
/// `ρ = 1/(strength + 1)`; solved for ρ over all groups. Without any spread beyond chance, or
/// without a group of two trials, nothing speaks against the layer above: the ceiling.
pub(super) fn moment(groups: impl Iterator<Item = (Tally, f64)>, bounds: Bounds) -> f64 {
    let (mut excess, mut weight) = (0.0, 0.0);
    for (tally, m) in groups {
        let (n, r) = tally.counts();
        let chance = n * m * (1.0 - m);
        excess += (r - n * m).powi(2) - chance;
        weight += (n - 1.0).max(0.0) * chance;
    }
    if excess <= 0.0 || weight <= 0.0 {
        return bounds.ceiling;
    }
    (weight / excess - 1.0).clamp(bounds.floor, bounds.ceiling)
}

/// All attempts of a group and the mean the layer above expected for just these hours.
fn overall(own: &Tallies, above: &Beliefs) -> (Tally, f64) {
    let (mut all, mut expected) = (Tally::default(), 0.0);
    for (cell, tally) in own {
        if let Some(belief) = above.get(cell) {
            all.add(*tally);
            expected += f64::from(tally.attempts) * belief.mean;
        }
    }
    (all, expected / f64::from(all.attempts.max(1)))
}

/// By how much (log-odds) a group is easier to reach than the layer above expects, shrunk, and
/// how many attempts that rests on.
fn shift(own: &Tallies, above: &Beliefs, level: f64) -> (f64, f64) {
    let (all, mean) = overall(own, above);
    if all.attempts == 0 {
        return (0.0, level);
    }
    let shrunk = Belief { mean, strength: level }.after(all);
    (logit(shrunk.mean.clamp(1e-6, 1.0 - 1e-6)) - logit(mean), shrunk.strength)
}

/// Both strengths of a layer from its groups, each with the beliefs above it.
pub(super) fn strengths<'a>(
    groups: impl Iterator<Item = (&'a Tallies, &'a Beliefs)> + Clone,
    bounds: Bounds,
) -> Strengths {
    let level = moment(groups.clone().map(|(own, above)| overall(own, above)), bounds);
    let cells = groups.flat_map(|(own, above)| {
        let (by, _) = shift(own, above, level);
        own.iter().filter_map(move |(c, t)| Some((*t, sigmoid(logit(above.get(c)?.mean) + by))))
    });
    Strengths { level, cell: moment(cells, bounds) }
}

/// One layer down: the belief above, moved by the group's own level, then by its own hours. The
/// variances of what is not known (the hour above, the level, the hour itself) add up, so the
/// strengths add as resistances in parallel do.
pub(super) fn descend(above: &Beliefs, own: Option<&Tallies>, strengths: Strengths) -> Beliefs {
    let none = Tallies::new();
    let own = own.unwrap_or(&none);
    let (by, level) = shift(own, above, strengths.level);
    let below = |(&cell, belief): (&Cell, &Belief)| {
        let prior = Belief {
            mean: sigmoid(logit(belief.mean) + by),
            strength: 1.0 / (1.0 / belief.strength + 1.0 / level + 1.0 / strengths.cell),
        };
        (cell, prior.after(own.get(&cell).copied().unwrap_or_default()))
    };
    above.iter().map(below).collect()
}

/// Everybody together: each hour drawn to `hour of day + weekday` main effects on the log-odds.
pub(super) fn global(all: &Tallies, bounds: Bounds) -> Beliefs {
    let effects = main_effects(all);
    let seen = |cell: &Cell| all.get(cell).copied().unwrap_or_default();
    let strength = moment(effects.iter().map(|(cell, &mean)| (seen(cell), mean)), bounds);
    effects.iter().map(|(&cell, &mean)| (cell, Belief { mean, strength }.after(seen(&cell)))).collect()
}

/// Logistic main effects with a unit-normal prior on each (weakly informative, Gelman et al.
/// 2008), by Newton steps along one effect at a time until none moves.
fn main_effects(all: &Tallies) -> BTreeMap<Cell, f64> {
    let (mut n, mut r) = (1.0, 0.5);
    for tally in all.values() {
        n += f64::from(tally.attempts);
        r += f64::from(tally.reached);
    }
    let base = logit(r / n);
    // Hours of day at 0..24, weekdays behind them.
    let mut effects = [0.0_f64; 31];
    let places = |cell: Cell| [usize::from(cell.hour()), 24 + usize::from(cell.weekday())];
    let rate =
        |effects: &[f64; 31], cell| sigmoid(base + places(cell).iter().map(|&k| effects[k]).sum::<f64>());
    let tried: Vec<usize> =
        (0..effects.len()).filter(|k| all.keys().any(|&cell| places(cell).contains(k))).collect();
    for _ in 0..500 {
        let mut moved = 0.0_f64;
        for &k in &tried {
            let (mut slope, mut curve) = (-effects[k], 1.0);
            for (&cell, tally) in all.iter().filter(|(cell, _)| places(**cell).contains(&k)) {
                let (p, (n, r)) = (rate(&effects, cell), tally.counts());
                slope += r - n * p;
                curve += n * p * (1.0 - p);
            }
            let step = (slope / curve).clamp(-1.0, 1.0);
            effects[k] += step;
            moved = moved.max(step.abs());
        }
        // Single steps are slow to trade hours against weekdays, which changes no rate: at once.
        let side = |k: usize| if k < 24 { 1.0 } else { -1.0 };
        let excess = tried.iter().map(|&k| side(k) * effects[k]).sum::<f64>() / tried.len().max(1) as f64;
        for &k in &tried {
            effects[k] -= side(k) * excess;
        }
        if moved.max(excess.abs()) < 1e-10 {
            break;
        }
    }
    Cell::all().map(|cell| (cell, rate(&effects, cell))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const WIDE: Bounds = Bounds { floor: 0.1, ceiling: 1e6 };

    /// Rat tumours, Gelman et al., Bayesian Data Analysis, table 5.1: (tumours, rats).
    const RATS: [(u32, u32); 22] = [
        (2, 25),
        (2, 24),
        (2, 23),
        (1, 10),
        (5, 49),
        (5, 46),
        (3, 27),
        (2, 17),
        (7, 49),
        (7, 47),
        (2, 13),
        (9, 48),
        (10, 50),
        (10, 48),
        (5, 22),
        (11, 46),
        (12, 49),
        (6, 23),
        (6, 22),
        (16, 52),
        (15, 47),
        (15, 46),
    ];
    /// The groups of 17 to 20 and of 24 rats that repeat: (tumours, rats, times).
    const REPEATED: [(u32, u32, usize); 16] = [
        (0, 20, 7),
        (0, 19, 4),
        (0, 18, 2),
        (0, 17, 1),
        (1, 20, 4),
        (1, 19, 2),
        (1, 18, 2),
        (2, 20, 6),
        (2, 19, 1),
        (3, 20, 2),
        (4, 20, 7),
        (4, 19, 3),
        (5, 20, 2),
        (5, 19, 1),
        (6, 20, 3),
        (9, 24, 1),
    ];

    fn rats() -> Vec<Tally> {
        let many = REPEATED.iter().flat_map(|&(r, n, times)| std::iter::repeat_n((r, n), times));
        RATS.iter().copied().chain(many).map(|(reached, attempts)| Tally { attempts, reached }).collect()
    }

    #[test]
    fn rat_tumours() {
        let rats = rats();
        let rates: Vec<f64> = rats.iter().map(|t| f64::from(t.reached) / f64::from(t.attempts)).collect();
        let mean = rates.iter().sum::<f64>() / 70.0;
        let sd = (rates.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 69.0).sqrt();
        // The published moments say that the table was copied right.
        assert_eq!(rats.len(), 70);
        assert!((mean - 0.136).abs() < 0.0006 && (sd - 0.103).abs() < 0.0006, "{mean} {sd}");
        // Published: 10 from raw moments (which leave chance in), 16.7 at the posterior mode.
        let strength = moment(rats.iter().map(|&t| (t, mean)), WIDE);
        println!("strength {strength:.1}");
        assert!((10.0..=20.0).contains(&strength), "{strength}");
        // Published: 4 of 14 under Beta(1.4, 8.6) has mean 0.223 to 0.225.
        let now = Belief { mean: 0.14, strength: 10.0 }.after(Tally { attempts: 14, reached: 4 });
        assert!((now.mean - 5.4 / 24.0).abs() < 1e-12 && now.strength == 24.0);
    }

    #[test]
    fn moments_find_the_planted_strength() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        // The second smallest of seven uniforms is Beta(2, 6): mean 1/4, strength 8.
        let groups: Vec<(Tally, f64)> = (0..4000)
            .map(|_| {
                let mut u: Vec<f64> = (0..7).map(|_| rng.random()).collect();
                u.sort_by(f64::total_cmp);
                let attempts = rng.random_range(1..12);
                let reached = (0..attempts).filter(|_| rng.random::<f64>() < u[1]).count() as u32;
                (Tally { attempts, reached }, 0.25)
            })
            .collect();
        let strength = moment(groups.into_iter(), WIDE);
        assert!((strength - 8.0).abs() < 1.0, "{strength}");
    }

    #[test]
    fn no_spread_gives_the_ceiling_and_all_spread_the_floor() {
        let bounds = Bounds { floor: 2.0, ceiling: 50.0 };
        let even = [(Tally { attempts: 10, reached: 5 }, 0.5); 4];
        assert_eq!(moment(even.into_iter(), bounds), 50.0);
        let wild = [(Tally { attempts: 10, reached: 10 }, 0.5), (Tally { attempts: 10, reached: 0 }, 0.5)];
        assert_eq!(moment(wild.into_iter(), bounds), 2.0);
        assert_eq!(moment(std::iter::empty(), bounds), 50.0);
    }

    #[test]
    fn main_effects_are_at_the_optimum() {
        let mut all = Tallies::new();
        for (i, cell) in Cell::all().enumerate().filter(|(i, _)| i % 3 != 0) {
            let attempts = 20 + (i as u32 * 7) % 30;
            all.insert(cell, Tally { attempts, reached: attempts * (1 + u32::from(cell.hour())) / 40 });
        }
        let rates = main_effects(&all);
        // At the optimum what an effect's cells miss equals the effect, so that every cell's
        // log-odds follow from the sums of what its hour and its weekday miss.
        let missing = |of: &dyn Fn(Cell) -> bool| -> f64 {
            let cells = all.iter().filter(|(c, _)| of(**c));
            cells.map(|(c, t)| f64::from(t.reached) - f64::from(t.attempts) * rates[c]).sum()
        };
        let sum = |of: fn(&Tally) -> u32| f64::from(all.values().map(of).sum::<u32>());
        let base = logit((sum(|t| t.reached) + 0.5) / (sum(|t| t.attempts) + 1.0));
        for (&cell, &rate) in &rates {
            let effects = missing(&|c| c.hour() == cell.hour()) + missing(&|c| c.weekday() == cell.weekday());
            let found = logit(rate) - base;
            assert!((found - effects).abs() < 1e-5, "{cell:?}: {found} {effects}");
        }
        // Every third hour was never tried: it lies in the middle.
        let at = |hour| rates[&Cell::new(2, hour).unwrap()];
        assert!(at(22) > 2.0 * at(4) && at(4) < at(3) && at(3) < at(22));
    }
}
