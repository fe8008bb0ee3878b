//! Compressed sparse rows, and who bought what as one.

use crate::history::AsOf;

/// A sparse matrix, row by row; column indices ascend within a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Csr {
    /// Offsets of the rows; `rows + 1` entries.
    pub start: Vec<usize>,
    /// Column of each value.
    pub index: Vec<u32>,
    /// Values, same length as `index`.
    pub value: Vec<f32>,
    /// Number of columns.
    pub cols: usize,
}

impl Csr {
    /// From `(row, column, value)` triples in any order; values at the same place are added.
    #[must_use]
    pub fn from_triples(rows: usize, cols: usize, mut triples: Vec<(u32, u32, f32)>) -> Self {
        triples.sort_by_key(|t| (t.0, t.1));
        let mut out = Self { start: vec![0; rows + 1], cols, ..Self::default() };
        let mut last = None;
        for (r, c, v) in triples {
            if last == Some((r, c)) {
                if let Some(x) = out.value.last_mut() {
                    *x += v;
                }
                continue;
            }
            last = Some((r, c));
            out.index.push(c);
            out.value.push(v);
            out.start[r as usize + 1] += 1;
        }
        for r in 0..rows {
            out.start[r + 1] += out.start[r];
        }
        out
    }

    /// Accounts × products with the number of orders that hold the product.
    #[must_use]
    pub fn order_counts(view: &AsOf<'_>) -> Self {
        let triples =
            view.orders().flat_map(|o| o.products.iter().map(move |&p| (o.account, p, 1.0))).collect();
        Self::from_triples(view.accounts(), view.products(), triples)
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.start.len() - 1
    }

    /// Columns and values of a row.
    #[must_use]
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let r = self.start[row]..self.start[row + 1];
        (&self.index[r.clone()], &self.value[r])
    }

    /// Rows and columns exchanged.
    #[must_use]
    pub fn transpose(&self) -> Self {
        let mut start = vec![0; self.cols + 1];
        for &c in &self.index {
            start[c as usize + 1] += 1;
        }
        for c in 0..self.cols {
            start[c + 1] += start[c];
        }
        let mut next = start.clone();
        let mut index = vec![0; self.index.len()];
        let mut value = vec![0.0; self.index.len()];
        for r in 0..self.rows() {
            let (cols, vals) = self.row(r);
            for (&c, &v) in cols.iter().zip(vals) {
                let at = next[c as usize];
                next[c as usize] += 1;
                index[at] = r as u32;
                value[at] = v;
            }
        }
        Self { start, index, value, cols: self.rows() }
    }
}
