//! Anderson extrapolation of a convergent iteration (Bertrand & Massias 2021, "Anderson acceleration of coordinate
//! descent"): from a few successive iterates, the combination whose predicted change is least.

use crate::cholesky::Cholesky;
use ndarray::{Array1, Array2};

/// Changes that are combined.
const MEMORY: usize = 8;

/// Iterates since the last extrapolation.
#[derive(Debug, Default)]
pub(super) struct Extrapolation {
    iterates: Vec<Vec<f64>>,
}

impl Extrapolation {
    /// Remembers an iterate; when there are enough of them, yields the extrapolated one and begins anew.
    pub(super) fn next(&mut self, iterate: Vec<f64>) -> Option<Vec<f64>> {
        self.iterates.push(iterate);
        if self.iterates.len() <= MEMORY {
            return None;
        }
        let iterates = std::mem::take(&mut self.iterates);
        let changes: Vec<Vec<f64>> =
            iterates.windows(2).map(|pair| pair[1].iter().zip(&pair[0]).map(|(b, a)| b - a).collect()).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut gram = Array2::from_shape_fn((MEMORY, MEMORY), |(i, j)| dot(&changes[i], &changes[j]));
        let ridge = 1e-10 * gram.diag().sum() + f64::MIN_POSITIVE;
        gram.diag_mut().mapv_inplace(|v| v + ridge);
        let mut shares = Array1::<f64>::ones(MEMORY);
        Cholesky::new(gram.view())?.solve(shares.view_mut());
        let total = shares.sum();
        if !(total.abs() > 0.0 && total.is_finite()) {
            return None;
        }
        let mut combined = vec![0.0; iterates[0].len()];
        for (share, iterate) in shares.iter().zip(&iterates[1..]) {
            combined.iter_mut().zip(iterate).for_each(|(c, v)| *c += share / total * v);
        }
        combined.iter().all(|v| v.is_finite()).then_some(combined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_iteration_is_solved_at_once() {
        // x ← A x + b with a slow mode: as many changes as dimensions give the fixed point.
        let step = |x: &[f64]| vec![0.99 * x[0] + 0.01 * x[1] + 1.0, 0.6 * x[1] - 0.1 * x[0] + 2.0];
        let mut extrapolation = Extrapolation::default();
        let mut x = vec![0.0, 0.0];
        let found = loop {
            if let Some(found) = extrapolation.next(x.clone()) {
                break found;
            }
            x = step(&x);
        };
        let error = |x: &[f64]| step(x).iter().zip(x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error(&found) < 1e-3 * error(&x), "{} after {}", error(&found), error(&x));
    }
}
