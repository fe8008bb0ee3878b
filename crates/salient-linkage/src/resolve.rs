//! Everything at once: candidates, scores, bands, assignment, clusters.

use crate::{
    Error,
    assign::{one_to_one, share_between_rivals},
    cluster::{Blob, Doubt, cluster},
    config::Band,
    em::without_partner,
    index::Index,
    model::Model,
    score::Scorer,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What the caller knows about the sources of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sources {
    /// Nothing: any two records may be the same thing.
    Any,
    /// Each source is free of duplicates: only records of different sources are compared, and a
    /// record is linked to at most one of each other source.
    Distinct,
}

impl Sources {
    /// Whether two records may be the same thing.
    #[must_use]
    pub fn comparable(self, index: &Index, a: u32, b: u32) -> bool {
        match self {
            Self::Any => a != b,
            Self::Distinct => index.source(a) != index.source(b),
        }
    }

    /// How many records each record may be compared with.
    pub(crate) fn sizes(self, index: &Index) -> impl Fn(u32) -> f64 {
        let mut of_source = vec![0.0; usize::from(u16::MAX) + 1];
        index.sources().for_each(|source| of_source[usize::from(source)] += 1.0);
        let everything = index.len() as f64;
        move |number| match self {
            Self::Any => everything - 1.0,
            Self::Distinct => everything - of_source[usize::from(index.source(number))],
        }
    }
}

/// A pair that is not apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The record whose id comes first.
    pub a: u32,
    /// The other.
    pub b: u32,
    /// log2 of the odds that both are the same thing.
    pub log2_odds: f64,
    /// Probability that both are the same thing; with [`Sources::Distinct`] that of
    /// [`crate::assign::share_between_rivals`].
    pub probability: f64,
}

/// What a batch came to. All lists are ordered by score or id and do not depend on the order in
/// which the records came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    /// Links in the merge band, best first; with [`Sources::Distinct`] one to one.
    pub merges: Vec<Link>,
    /// Links a person is asked about, best first.
    pub reviews: Vec<Link>,
    /// Merges that the rest of the cluster contradicts: not made, to be looked at.
    pub doubts: Vec<Doubt>,
    /// Records of one thing, clusters of two and more, each sorted by id.
    pub clusters: Vec<Vec<u32>>,
    /// What would have grown too large: not merged.
    pub blobs: Vec<Blob>,
    /// Pairs that were compared.
    pub compared: u64,
}

/// Records probed as one unit of work.
const CHUNK: usize = 256;

/// Streams candidate pairs through `look`, on all threads; no more than one record's candidates per
/// thread are in memory. Each unordered pair comes once; what `look` returns is collected, in an
/// order that does not depend on the number of threads. Also returns the number of pairs.
pub fn candidate_pairs<T: Send>(
    index: &Index,
    sources: Sources,
    look: impl Fn(u32, &[u32], &mut Vec<T>) + Sync,
) -> (Vec<T>, u64) {
    let order = index.canonical();
    let mut rank = vec![0_u32; index.capacity()];
    order.iter().enumerate().for_each(|(at, &number)| rank[number as usize] = at as u32);
    let chunk = |numbers: &[u32]| {
        let (mut near, mut out, mut pairs) = (Vec::new(), Vec::new(), 0_u64);
        for &a in numbers {
            index.candidates_of(a, &mut near);
            near.retain(|&b| rank[b as usize] > rank[a as usize] && sources.comparable(index, a, b));
            pairs += near.len() as u64;
            look(a, &near, &mut out);
        }
        (out, pairs)
    };
    let parts: Vec<(Vec<T>, u64)> = order.par_chunks(CHUNK).map(chunk).collect();
    let pairs = parts.iter().map(|(_, pairs)| pairs).sum();
    (parts.into_iter().flat_map(|(out, _)| out).collect(), pairs)
}

/// Resolves all records of an index: which of them are the same thing.
///
/// # Errors
/// [`Error::Invalid`] if the model does not belong to the index's configuration.
pub fn resolve(index: &Index, model: &Model, sources: Sources) -> Result<Resolution, Error> {
    let scorer = Scorer::new(index, model)?.with_vectors();
    let config = index.config();
    let others = sources.sizes(index);
    let alone = |number: u32| match sources {
        Sources::Any => 1.0,
        Sources::Distinct => without_partner(model.prior, others(number)),
    };
    let (mut links, compared) = candidate_pairs(index, sources, |a, near, out| {
        let side = scorer.side(a);
        for &b in near {
            let log2_odds = scorer.assess(&side, &scorer.side(b), |_, _, _| ()).log2_odds;
            let odds = log2_odds.exp2();
            let probability = 1.0 - 1.0 / (1.0 + odds / alone(a).min(alone(b)));
            if config.band(probability) != Band::Apart {
                let (a, b) = if index.id(a) <= index.id(b) { (a, b) } else { (b, a) };
                out.push(Link { a, b, log2_odds, probability });
            }
        }
    });
    best_first(index, &mut links);
    if sources == Sources::Distinct {
        share_between_rivals(&mut links, |number| index.source(number), alone);
        links = one_to_one(&links, |number| index.source(number));
        links.retain(|link| config.band(link.probability) != Band::Apart);
    }
    let (merges, reviews): (Vec<Link>, Vec<Link>) =
        links.into_iter().partition(|link| config.band(link.probability) == Band::Merge);
    let evidence = |a: u32, b: u32| scorer.score(a, b).evidence;
    let found =
        cluster(&merges, config.max_cluster, config.contradiction, evidence, |number| index.id(number));
    Ok(Resolution {
        merges,
        reviews,
        doubts: found.doubts,
        clusters: found.clusters,
        blobs: found.blobs,
        compared,
    })
}

/// Best first, equally good ones by ids.
fn best_first(index: &Index, links: &mut [Link]) {
    links.par_sort_unstable_by(|x, y| {
        let ids = |link: &Link| (index.id(link.a), index.id(link.b));
        y.log2_odds.total_cmp(&x.log2_odds).then_with(|| ids(x).cmp(&ids(y)))
    });
}
