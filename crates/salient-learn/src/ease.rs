//! EASE: which products go with which, in closed form.
//!
//! Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: with the Gram matrix
//! `G = XᵀX + λI` and `P = G⁻¹`, the item weights are `B = I − P·diagMat(1 ⊘ diag(P))`, that is
//! `B[i][j] = −P[i][j] / P[j][j]` off the diagonal and 0 on it; a row of `X·B` scores all items.

use crate::{Error, sparse::Csr};
use faer::{
    Mat, Par, Spec,
    dyn_stack::{MemBuffer, MemStack},
    linalg::cholesky::llt,
};

/// Fitted item weights over the most popular products.
#[derive(Debug, Clone, PartialEq)]
pub struct Ease {
    products: Vec<u32>,
    slot: Vec<u32>,
    // Row-major n × n: weight of having `row` for scoring `col`.
    weight: Vec<f32>,
}

/// No slot: the product is outside the cap.
const NONE: u32 = u32::MAX;

impl Ease {
    /// Fits on a matrix of accounts × products whose stored entries count as 1 (values are
    /// ignored). Keeps the `cap` products most accounts have (ties by id); memory is two square
    /// single-precision matrices of that size. `lambda` is the ridge, in accounts.
    ///
    /// Runs on the calling thread only, so that the bits do not depend on the number of cores.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] without any entry, [`Error::Invalid`] for `lambda <= 0`,
    /// [`Error::Numerical`] if the factorisation fails.
    pub fn fit(bought: &Csr, cap: usize, lambda: f32) -> Result<Self, Error> {
        if lambda <= 0.0 || !lambda.is_finite() {
            return Err(Error::invalid("lambda", "must be positive and finite"));
        }
        let mut pop = vec![0_u32; bought.cols];
        bought.index.iter().for_each(|&c| pop[c as usize] += 1);
        let mut products: Vec<u32> = (0..bought.cols as u32).filter(|&p| pop[p as usize] > 0).collect();
        products.sort_by_key(|&p| (std::cmp::Reverse(pop[p as usize]), p));
        products.truncate(cap);
        let n = products.len();
        if n == 0 {
            return Err(Error::NotEnoughData { needed: "at least one purchase".into(), have: "none".into() });
        }
        let mut slot = vec![NONE; bought.cols];
        products.iter().enumerate().for_each(|(s, &p)| slot[p as usize] = s as u32);

        let mut gram = Mat::<f32>::zeros(n, n);
        let mut row = Vec::new();
        for a in 0..bought.rows() {
            row.clear();
            row.extend(
                bought.row(a).0.iter().map(|&p| slot[p as usize]).filter(|&s| s != NONE).map(|s| s as usize),
            );
            row.sort_unstable();
            for (k, &j) in row.iter().enumerate() {
                let col = gram.col_as_slice_mut(j);
                row[k..].iter().for_each(|&i| col[i] += 1.0);
            }
        }
        (0..n).for_each(|i| gram[(i, i)] += lambda);

        let fail = |why: String| Error::Numerical { method: "Cholesky factorisation", why };
        let scratch = llt::factor::cholesky_in_place_scratch::<f32>(n, Par::Seq, Spec::default());
        let mut memory = MemBuffer::new(scratch);
        llt::factor::cholesky_in_place(
            gram.as_mut(),
            llt::factor::LltRegularization::default(),
            Par::Seq,
            MemStack::new(&mut memory),
            Spec::default(),
        )
        .map_err(|e| fail(format!("{e:?}")))?;
        let mut inverse = Mat::<f32>::zeros(n, n);
        let mut memory = MemBuffer::new(llt::inverse::inverse_scratch::<f32>(n, Par::Seq));
        llt::inverse::inverse(inverse.as_mut(), gram.as_ref(), Par::Seq, MemStack::new(&mut memory));
        drop((memory, gram));

        // Only the lower triangle of the inverse is written.
        let diagonal: Vec<f32> = (0..n).map(|i| inverse[(i, i)]).collect();
        let mut weight = vec![0.0; n * n];
        for j in 0..n {
            let col = inverse.col_as_slice(j);
            for i in j + 1..n {
                weight[i * n + j] = -col[i] / diagonal[j];
                weight[j * n + i] = -col[i] / diagonal[i];
            }
        }
        Ok(Self { products, slot, weight })
    }

    /// The products it knows, most popular first; scores come in this order.
    #[must_use]
    pub fn products(&self) -> &[u32] {
        &self.products
    }

    /// Position of a product in [`Self::products`].
    #[must_use]
    pub fn slot(&self, product: u32) -> Option<usize> {
        self.slot.get(product as usize).filter(|&&s| s != NONE).map(|&s| s as usize)
    }

    /// How much having `from` says for `to`; 0 outside the cap.
    #[must_use]
    pub fn weight(&self, from: u32, to: u32) -> f32 {
        match (self.slot(from), self.slot(to)) {
            (Some(i), Some(j)) => self.weight[i * self.products.len() + j],
            _ => 0.0,
        }
    }

    /// Scores of all known products for a basket of products, with several strengths each at once;
    /// written to `out` (resized), in the order of [`Self::products`].
    pub fn score<const K: usize>(
        &self,
        basket: impl IntoIterator<Item = (u32, [f32; K])>,
        out: &mut [Vec<f32>; K],
    ) {
        let n = self.products.len();
        for scores in out.iter_mut() {
            scores.clear();
            scores.resize(n, 0.0);
        }
        for (product, strength) in basket {
            if let Some(s) = self.slot(product) {
                let row = &self.weight[s * n..(s + 1) * n];
                for (scores, strength) in out.iter_mut().zip(strength) {
                    scores.iter_mut().zip(row).for_each(|(o, w)| *o += strength * w);
                }
            }
        }
    }
}
