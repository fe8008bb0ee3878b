//! Clusters of merge links that hold together.
//!
//! Connected components alone let a chain of plausible links join what has nothing to do with each
//! other. Here the best link joins first, and two clusters join only if their members do not
//! contradict each other: the evidence between them must not be negative on average (average linkage),
//! and no pair may speak strongly against it. What would grow beyond a limit is reported and left
//! apart, because a hundred records of one customer are mostly a default value.

use crate::resolve::Link;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// A link that was not followed because the clusters at its ends contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Doubt {
    /// The link.
    pub link: Link,
    /// Mean evidence between the members of both clusters, bits.
    pub mean: f64,
    /// Least evidence between two of them, bits.
    pub least: f64,
}

/// Records that links would join to something larger than a cluster may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blob {
    /// Members, sorted by id; none of them is in a cluster.
    pub members: Vec<u32>,
    /// The weakest links among them, weakest first, at most [`WEAKEST`].
    pub weakest: Vec<Link>,
}

/// Links that a blob is reported with.
pub const WEAKEST: usize = 10;

/// What clustering came to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Clusters {
    /// Clusters of two and more records, members sorted by id, clusters by their first member's id.
    pub clusters: Vec<Vec<u32>>,
    /// Links that were not followed, best first.
    pub doubts: Vec<Doubt>,
    /// Too large, sorted by their first member's id.
    pub blobs: Vec<Blob>,
}

/// Clusters of records joined by `links`, which must be sorted best first.
///
/// `evidence` gives the bits between two records without the prior; below `contradiction` they speak
/// strongly against each other. `id` names a record. The result depends on the set of links and
/// nothing else: taking a link away gives what would have been without it.
#[must_use]
pub fn cluster<'a>(
    links: &[Link],
    max_cluster: usize,
    contradiction: f64,
    evidence: impl Fn(u32, u32) -> f64,
    id: impl Fn(u32) -> &'a str,
) -> Clusters {
    let mut groups = Groups::default();
    let mut out = Clusters::default();
    for &link in links {
        let (x, y) = (groups.of(link.a), groups.of(link.b));
        if x == y {
            continue;
        }
        let (left, right) = (&groups.groups[x], &groups.groups[y]);
        if left.blob || right.blob || left.members.len() + right.members.len() > max_cluster {
            groups.join(x, y, true);
            continue;
        }
        if left.members.len() + right.members.len() > 2 {
            let cross = left.members.iter().flat_map(|&a| right.members.iter().map(move |&b| (a, b)));
            let all: Vec<f64> = cross.map(|(a, b)| evidence(a, b)).collect();
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            let least = all.iter().copied().fold(f64::INFINITY, f64::min);
            if mean < 0.0 || least < contradiction {
                out.doubts.push(Doubt { link, mean, least });
                continue;
            }
        }
        groups.join(x, y, false);
    }
    let mut weakest: HashMap<usize, Vec<Link>> = HashMap::new();
    for link in links.iter().rev() {
        let (x, y) = (groups.of(link.a), groups.of(link.b));
        if x == y && groups.groups[x].blob {
            let kept = weakest.entry(x).or_default();
            if kept.len() < WEAKEST {
                kept.push(*link);
            }
        }
    }
    for (at, group) in groups.groups.into_iter().enumerate() {
        let mut members = group.members;
        members.sort_unstable_by(|&a, &b| id(a).cmp(id(b)));
        match group.blob {
            _ if members.len() < 2 => {}
            true => out.blobs.push(Blob { members, weakest: weakest.remove(&at).unwrap_or_default() }),
            false => out.clusters.push(members),
        }
    }
    out.clusters.sort_unstable_by(|a, b| id(a[0]).cmp(id(b[0])));
    out.blobs.sort_unstable_by(|a, b| id(a.members[0]).cmp(id(b.members[0])));
    out
}

#[derive(Default)]
struct Group {
    members: Vec<u32>,
    blob: bool,
}

/// Disjoint groups; the smaller moves into the larger (union by size).
#[derive(Default)]
struct Groups {
    of: HashMap<u32, usize>,
    groups: Vec<Group>,
}

impl Groups {
    fn of(&mut self, number: u32) -> usize {
        *self.of.entry(number).or_insert_with(|| {
            self.groups.push(Group { members: vec![number], blob: false });
            self.groups.len() - 1
        })
    }

    fn join(&mut self, x: usize, y: usize, blob: bool) {
        let (to, from) =
            if self.groups[x].members.len() >= self.groups[y].members.len() { (x, y) } else { (y, x) };
        let moved = std::mem::take(&mut self.groups[from]);
        moved.members.iter().for_each(|&number| {
            self.of.insert(number, to);
        });
        let target = &mut self.groups[to];
        target.members.extend(moved.members);
        target.blob |= blob || moved.blob;
    }
}
