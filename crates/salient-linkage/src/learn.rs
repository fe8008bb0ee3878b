//! A model learned from an index: u from random pairs and value frequencies, m by
//! expectation–maximisation over candidate pairs.

use crate::{
    Error,
    em::{EmField, Estimate, Pattern, estimate},
    hash::hash,
    index::Index,
    model::{FieldModel, Learned, Model},
    resolve::Sources,
    score::Scorer,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// How to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learning {
    /// Seed of the random pairs.
    pub seed: u64,
    /// Random pairs looked at.
    pub random_pairs: usize,
    /// Candidate pairs looked at, about.
    pub candidate_pairs: u64,
    /// Most rounds of expectation–maximisation.
    pub rounds: usize,
    /// Fewest records; with fewer the default model is taken.
    pub min_records: usize,
}

impl Default for Learning {
    fn default() -> Self {
        Self { seed: 1, random_pairs: 300_000, candidate_pairs: 1_000_000, rounds: 200, min_records: 100 }
    }
}

/// Times that u is cleared of the matches among the random pairs and m estimated anew.
const CLEARINGS: usize = 3;

/// Pairs' worth of the default u-probabilities mixed into the counted ones.
const PSEUDO_PAIRS: f64 = 10.0;

/// Learns the model of an index without labels.
///
/// # Errors
/// [`Error::Invalid`] if the configuration does not hold together.
pub fn learn(index: &Index, sources: Sources, learning: &Learning) -> Result<Model, Error> {
    let mut model = Model::standard(index.config(), index.len());
    if index.len() < learning.min_records {
        return Ok(model);
    }
    let order = index.canonical();
    let scorer = Scorer::new(index, &model)?.with_vectors();
    let random = random_levels(&scorer, index, sources, &order, learning);
    let sample = candidate_patterns(&scorer, index, sources, &order, learning);
    let fields = &index.config().fields;
    let mut now: Option<Estimate> = None;
    for _ in 0..=CLEARINGS {
        let matched = now.as_ref().map_or(0.0, |e| e.prior);
        let clear = |(at, field): (usize, &crate::config::Field)| {
            let m = now.as_ref().map_or_else(|| FieldModel::standard(field).m, |e| e.m[at].clone());
            let start = FieldModel::standard(field);
            EmField { u: cleared(&random[at], &m, &start.u, matched), m: start.m, shared: field.shared }
        };
        let em: Vec<EmField> = fields.iter().enumerate().map(clear).collect();
        let start = (model.prior, model.related);
        let found =
            estimate(&em, &sample.patterns, &sample.rivals, sample.comparable, start, learning.rounds);
        model.fields = fields
            .iter()
            .zip(&found.m)
            .zip(em)
            .map(|((field, m), em)| FieldModel { name: field.name.clone(), m: m.clone(), u: em.u })
            .collect();
        now = Some(found);
    }
    if let Some(found) = now {
        model.prior = found.prior;
        model.related = found.related;
        model.learned = Some(Learned {
            records: index.len(),
            probes: sample.probes,
            pairs: sample.patterns.iter().map(|(_, times)| *times as u64).sum(),
            rounds: found.rounds,
            matches: found.matches,
        });
    }
    Ok(model)
}

/// Levels of one field over random pairs.
struct Counted {
    /// Share of each level among the pairs where both have the field.
    share: Vec<f64>,
    /// Pairs that each share was counted over.
    pairs: Vec<f64>,
    /// Least that so many pairs and records can tell.
    least: Vec<f64>,
}

/// u-probabilities: the shares with the matches among the random pairs taken out, and never below
/// what so many records and pairs can tell.
fn cleared(counted: &Counted, m: &[f64], start: &[f64], matched: f64) -> Vec<f64> {
    let clear = |level: usize| {
        let (share, pairs) = (counted.share[level], counted.pairs[level]);
        let mixed = (share * pairs + PSEUDO_PAIRS * start[level]) / (pairs + PSEUDO_PAIRS);
        (mixed - matched * m[level]).max(counted.least[level])
    };
    let u: Vec<f64> = (0..start.len()).map(clear).collect();
    let sum: f64 = u.iter().sum();
    u.iter().map(|p| p / sum).collect()
}

fn random_levels(
    scorer: &Scorer<'_>,
    index: &Index,
    sources: Sources,
    order: &[u32],
    learning: &Learning,
) -> Vec<Counted> {
    let mut rng = ChaCha8Rng::seed_from_u64(learning.seed);
    let n = order.len();
    let mut draw = |_: usize| {
        let a = rng.random_range(0..n);
        (order[a], order[(a + rng.random_range(1..n)) % n])
    };
    let drawn = (0..learning.random_pairs).map(&mut draw);
    let pairs: Vec<(u32, u32)> = drawn.filter(|&(a, b)| sources.comparable(index, a, b)).collect();
    let patterns: Vec<Pattern> = pairs
        .par_iter()
        .map(|&(a, b)| Pattern::pack(&scorer.levels(&scorer.side(a), &scorer.side(b)).level))
        .collect();
    let fields = index.config().fields.iter().enumerate();
    fields
        .map(|(at, field)| {
            let mut counts = vec![0.0; field.levels().len()];
            patterns.iter().filter_map(|p| p.level(at)).for_each(|level| counts[level] += 1.0);
            let pairs: f64 = counts.iter().sum();
            let mut share: Vec<f64> = counts.iter().map(|n| n / pairs.max(1.0)).collect();
            let mut pairs = vec![pairs; share.len()];
            let mut least: Vec<f64> = pairs.iter().map(|n| 0.5 / (n + PSEUDO_PAIRS)).collect();
            let counted = value_pairs(index, sources, at, order);
            if field.compare != crate::compare::Comparator::Cosine && counted.comparable > 0.0 {
                // Few random pairs agree exactly; how often values occur tells for all pairs.
                pairs[0] = counted.comparable;
                share[0] = counted.equal / counted.comparable;
                least[0] = 0.25 / (counted.values + 1.0);
            }
            Counted { share, pairs, least }
        })
        .collect()
}

/// The values of a field and the pairs of records that they make.
struct ValuePairs {
    values: f64,
    /// Pairs of records that may be compared.
    comparable: f64,
    /// Those of them with equal values.
    equal: f64,
}

fn value_pairs(index: &Index, sources: Sources, field: usize, order: &[u32]) -> ValuePairs {
    let values =
        order.iter().flat_map(|&n| index.row(n).values(field).map(move |v| (hash(0, v), index.source(n))));
    let mut values: Vec<(u64, u16)> = values.collect();
    values.par_sort_unstable();
    let pairs = |n: usize| n as f64 * (n as f64 - 1.0) / 2.0;
    let within =
        |run: &[(u64, u16)]| run.chunk_by(|a, b| a.1 == b.1).map(|same| pairs(same.len())).sum::<f64>();
    let comparable = |run: &[(u64, u16)]| match sources {
        Sources::Any => pairs(run.len()),
        Sources::Distinct => pairs(run.len()) - within(run),
    };
    let equal = values.chunk_by(|a, b| a.0 == b.0).map(comparable).sum();
    let mut by_source = values;
    by_source.par_sort_unstable_by_key(|(_, source)| *source);
    ValuePairs { values: by_source.len() as f64, comparable: comparable(&by_source), equal }
}

/// Patterns of the candidates of some records.
struct Sample {
    patterns: Vec<(Pattern, f64)>,
    /// Positions in `patterns` of each probe's candidates.
    rivals: Vec<Vec<u32>>,
    probes: usize,
    /// Pairs of a probe and any record it may be compared with.
    comparable: f64,
}

fn candidate_patterns(
    scorer: &Scorer<'_>,
    index: &Index,
    sources: Sources,
    order: &[u32],
    learning: &Learning,
) -> Sample {
    let mut of_probe: Vec<Vec<Pattern>> = Vec::new();
    let mut pairs = 0;
    for chunk in order.chunks(512) {
        if pairs >= learning.candidate_pairs {
            break;
        }
        let look = |&a: &u32| {
            let (side, mut near) = (scorer.side(a), Vec::new());
            index.candidates_of(a, &mut near);
            let near = near.into_iter().filter(|&b| sources.comparable(index, a, b));
            near.map(|b| Pattern::pack(&scorer.levels(&side, &scorer.side(b)).level)).collect()
        };
        let found: Vec<Vec<Pattern>> = chunk.par_iter().map(look).collect();
        pairs += found.iter().map(|patterns| patterns.len() as u64).sum::<u64>();
        of_probe.extend(found);
    }
    let mut all: Vec<Pattern> = of_probe.iter().flatten().copied().collect();
    all.par_sort_unstable();
    let patterns: Vec<(Pattern, f64)> =
        all.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f64)).collect();
    let place = |pattern: &Pattern| patterns.partition_point(|(other, _)| other < pattern) as u32;
    let rivals = of_probe.par_iter().map(|probe| probe.iter().map(place).collect()).collect();
    let probes = of_probe.len();
    let of_source = sources.sizes(index);
    let comparable = order[..probes].iter().map(|&a| of_source(a)).sum();
    Sample { patterns, rivals, probes, comparable }
}
