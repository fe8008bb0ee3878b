//! Boosted trees as arrays: prediction, and exact Shapley values in double precision.
//!
//! The contributions are those of path-dependent TreeSHAP (Lundberg, Erion and Lee 2018): a tree whose
//! reader does not know a column goes both ways, weighted by the examples that went there. What a leaf
//! then gives is a product over the columns on its path, so that its Shapley values depend on nothing
//! but which of these columns lead to it; all cases are worked out once for each leaf (as in Fast
//! TreeSHAP v2, Yang 2021) and looked up for each row.

use rayon::prelude::*;
use serde::Deserialize;

use crate::{
    Error,
    model::{Contributions, Table},
};

/// Splits from root to leaf, at most: the splits of a tree have to fit the bits of a number.
pub(crate) const DEEPEST: usize = 6;
/// Rows that are worked on at once.
const CHUNK: usize = 512;

/// What is read of a booster's JSON.
#[derive(Deserialize)]
struct Stored {
    trees: Vec<StoredTree>,
    base_score: f64,
}

#[derive(Deserialize)]
struct StoredTree {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    weight_value: f32,
    /// About the number of examples that came here.
    hessian_sum: f32,
    split_value: f64,
    split_feature: usize,
    missing_node: usize,
    left_child: usize,
    right_child: usize,
    is_leaf: bool,
}

/// All trees of a model.
#[derive(Debug)]
pub(crate) struct Forest {
    base: f64,
    /// What is said of a row of which nothing is known.
    expected: f64,
    trees: Vec<Tree>,
}

#[derive(Debug)]
struct Tree {
    splits: Vec<Split>,
    leaves: Vec<Leaf>,
}

#[derive(Debug)]
struct Split {
    column: usize,
    /// Values below go left.
    value: f64,
    missing_left: bool,
    left: Child,
    right: Child,
}

#[derive(Debug, Clone, Copy)]
enum Child {
    Split(usize),
    Leaf(usize),
}

#[derive(Debug)]
struct Leaf {
    weight: f64,
    /// The columns on the way to it, each once.
    steps: Vec<Step>,
    /// Shapley values of the steps, for every set of steps that lead here: set by set.
    shapley: Vec<f64>,
}

/// What one column decides on the way to a leaf.
#[derive(Debug, Clone)]
struct Step {
    column: usize,
    /// Its splits on the way, as bits, and those of them that go left.
    splits: u64,
    left: u64,
    /// Share of the examples that go the way if the column is not known.
    share: f64,
}

impl Forest {
    /// From the JSON text of a fitted booster.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is not one, or for trees that are deeper than [`DEEPEST`] or have a
    /// branch of their own for missing values.
    pub(crate) fn from_json(json: &str) -> Result<Self, Error> {
        let stored: Stored =
            serde_json::from_str(json).map_err(|error| Error::invalid("trees", error.to_string()))?;
        let trees = stored.trees.iter().map(|tree| Tree::of(&tree.nodes)).collect::<Result<Vec<_>, _>>()?;
        let expected = trees.iter().map(Tree::expected).sum::<f64>() + stored.base_score;
        Ok(Self { base: stored.base_score, expected, trees })
    }

    /// Log-odds of each row.
    pub(crate) fn log_odds(&self, table: &Table) -> Vec<f64> {
        let of_row = |row: &[f64]| self.trees.iter().fold(self.base, |z, tree| z + tree.weight(row));
        in_chunks(table, of_row)
    }

    /// Shapley values of each row, log-odds.
    pub(crate) fn contributions(&self, table: &Table) -> Vec<Contributions> {
        in_chunks(table, |row| {
            let mut parts = vec![0.0; row.len()];
            let mut exact = self.base;
            for tree in &self.trees {
                tree.add(row, &mut parts);
                exact += tree.weight(row);
            }
            debug_assert!((self.expected + parts.iter().sum::<f64>() - exact).abs() < 1e-9);
            // the bias takes up the rounding of the sums
            Contributions { bias: exact - parts.iter().sum::<f64>(), parts }
        })
    }
}

/// What `of_row` says of each row, in order; on all cores.
fn in_chunks<T: Send>(table: &Table, of_row: impl Fn(&[f64]) -> T + Sync) -> Vec<T> {
    let (rows, columns) = (table.rows(), table.cols());
    let chunks: Vec<Vec<T>> = (0..rows.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let from = chunk * CHUNK;
            let until = (from + CHUNK).min(rows);
            // row by row, so that a tree finds the values of a row side by side
            let mut values = vec![0.0; (until - from) * columns];
            for column in 0..columns {
                for (row, &value) in table.col(column)[from..until].iter().enumerate() {
                    values[row * columns + column] = value;
                }
            }
            values.chunks_exact(columns.max(1)).map(&of_row).collect()
        })
        .collect();
    chunks.into_iter().flatten().collect()
}

impl Tree {
    fn of(nodes: &[Node]) -> Result<Self, Error> {
        let mut tree = Self { splits: Vec::new(), leaves: Vec::new() };
        tree.grow(nodes, 0, &mut Vec::new())?;
        Ok(tree)
    }

    /// Takes over a node and all below it; `way` are the steps that lead to it, one for each split.
    fn grow(&mut self, nodes: &[Node], at: usize, way: &mut Vec<Step>) -> Result<Child, Error> {
        let missing = || Error::invalid("trees", format!("node {at} is absent"));
        let node = nodes.get(at).ok_or_else(missing)?;
        if node.is_leaf {
            self.leaves.push(Leaf::of(f64::from(node.weight_value), way));
            return Ok(Child::Leaf(self.leaves.len() - 1));
        }
        if way.len() == DEEPEST {
            return Err(Error::invalid("trees", format!("at most {DEEPEST} splits to a leaf are accepted")));
        }
        if ![node.left_child, node.right_child].contains(&node.missing_node) {
            return Err(Error::invalid(
                "trees",
                "a branch of missing values only; two branches are accepted",
            ));
        }
        let cover =
            |child: usize| nodes.get(child).map(|node| f64::from(node.hessian_sum)).ok_or_else(missing);
        let (left, right) = (cover(node.left_child)?, cover(node.right_child)?);
        let to_left = if left + right > 0.0 { left / (left + right) } else { 0.5 };
        let place = self.splits.len();
        self.splits.push(Split {
            column: node.split_feature,
            value: node.split_value,
            missing_left: node.missing_node == node.left_child,
            left: Child::Leaf(0),
            right: Child::Leaf(0),
        });
        let bit = 1 << place;
        let column = node.split_feature;
        way.push(Step { column, splits: bit, left: bit, share: to_left });
        self.splits[place].left = self.grow(nodes, node.left_child, way)?;
        way.pop();
        way.push(Step { column, splits: bit, left: 0, share: 1.0 - to_left });
        self.splits[place].right = self.grow(nodes, node.right_child, way)?;
        way.pop();
        Ok(Child::Split(place))
    }

    /// The weight of the leaf that a row comes to.
    fn weight(&self, row: &[f64]) -> f64 {
        let mut child = if self.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) };
        loop {
            match child {
                Child::Leaf(leaf) => return self.leaves[leaf].weight,
                Child::Split(split) => {
                    let split = &self.splits[split];
                    child = if split.goes_left(row) { split.left } else { split.right };
                }
            }
        }
    }

    /// Adds the Shapley values of a row.
    fn add(&self, row: &[f64], parts: &mut [f64]) {
        let went_left = self
            .splits
            .iter()
            .enumerate()
            .fold(0_u64, |bits, (place, split)| bits | (u64::from(split.goes_left(row)) << place));
        for leaf in &self.leaves {
            let open = leaf.steps.iter().enumerate().fold(0, |set, (place, step)| {
                set | (usize::from(went_left & step.splits == step.left) << place)
            });
            let values = &leaf.shapley[open * leaf.steps.len()..];
            leaf.steps.iter().zip(values).for_each(|(step, value)| parts[step.column] += value);
        }
    }

    fn expected(&self) -> f64 {
        self.leaves.iter().map(|leaf| leaf.weight * leaf.steps.iter().map(|s| s.share).product::<f64>()).sum()
    }
}

impl Split {
    fn goes_left(&self, row: &[f64]) -> bool {
        let value = row[self.column];
        if value.is_nan() { self.missing_left } else { value < self.value }
    }
}

impl Leaf {
    fn of(weight: f64, way: &[Step]) -> Self {
        let mut steps: Vec<Step> = Vec::with_capacity(way.len());
        for step in way {
            match steps.iter_mut().find(|known| known.column == step.column) {
                Some(known) => {
                    known.splits |= step.splits;
                    known.left |= step.left;
                    known.share *= step.share;
                }
                None => steps.push(step.clone()),
            }
        }
        let shapley = (0..1_usize << steps.len()).flat_map(|open| shapley(weight, &steps, open)).collect();
        Self { weight, steps, shapley }
    }
}

/// Shapley values of the steps of a leaf when those in `open`, as bits, lead to it: the sum over all
/// sets of the other steps, collected by their size as the coefficients of a polynomial.
fn shapley(weight: f64, steps: &[Step], open: usize) -> Vec<f64> {
    let leads = |place: usize| f64::from(u8::from(open >> place & 1 == 1));
    let one = |of: usize| {
        let mut by_size = vec![1.0];
        for (place, step) in steps.iter().enumerate().filter(|(place, _)| *place != of) {
            by_size.push(0.0);
            for size in (0..by_size.len()).rev() {
                let without = by_size[size] * step.share;
                let with = if size > 0 { by_size[size - 1] * leads(place) } else { 0.0 };
                by_size[size] = without + with;
            }
        }
        // s! (n − 1 − s)! / n! = 1 / (n · C(n − 1, s))
        let n = steps.len() as f64;
        let mut choose = 1.0;
        let mut sum = 0.0;
        for (size, sets) in by_size.iter().enumerate() {
            sum += sets / (n * choose);
            choose *= (n - 1.0 - size as f64) / (size as f64 + 1.0);
        }
        weight * (leads(of) - steps[of].share) * sum
    };
    (0..steps.len()).map(one).collect()
}
