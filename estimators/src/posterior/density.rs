//! The density of a Gaussian whose covariance is a diagonal and a few columns, at any number of weights.

use super::Posterior;
use super::swag::NAME;
use crate::EstimatorError;
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// How wide the Gaussian is: covariance `scale · (diag(variance + floor) + D Dᵀ/(K − 1))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// ½ in the paper.
    pub scale: f64,
    /// Added to each variance. A weight that never moved has none, and would make the density infinite.
    pub floor: f64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { scale: 0.5, floor: 1e-6 }
    }
}

impl Spread {
    /// # Errors
    /// When a number is not positive.
    pub(super) fn checked(self) -> Result<Self, EstimatorError> {
        for (name, value) in [("scale", self.scale), ("floor", self.floor)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(EstimatorError::BadParameter {
                    estimator: NAME,
                    name: name.into(),
                    value: value.to_string(),
                    rule: "it must be positive".into(),
                });
            }
        }
        Ok(self)
    }
}

/// A posterior, ready to be drawn from and to be asked for the log density of the first weights.
///
/// With Λ the diagonal and U the columns, `(Λ + UUᵀ)⁻¹ = Λ⁻¹ − Λ⁻¹U C⁻¹ UᵀΛ⁻¹` and `det(Λ + UUᵀ) = det Λ · det C`,
/// where `C = I + UᵀΛ⁻¹U` is only [K × K] (Woodbury; the matrix determinant lemma). The first weights alone have the
/// first rows of Λ and U, so that running sums give every layer's marginal in one pass.
pub struct Density<'a> {
    posterior: &'a Posterior,
    spread: Spread,
    ends: Vec<usize>,
    marginals: Vec<Marginal>,
}

struct Marginal {
    log_determinant: f64,
    capacitance: Cholesky<f64, Dyn>,
}

impl<'a> Density<'a> {
    /// For the marginals of the first `ends[0]`, `ends[1]`, … weights.
    ///
    /// # Errors
    /// When the ends do not ascend from one weight to at most all of them, a number of the spread is not positive, or
    /// the columns are so large that their products are not finite.
    pub fn new(posterior: &'a Posterior, spread: Spread, ends: &[usize]) -> Result<Self, EstimatorError> {
        let spread = spread.checked()?;
        let ascending = ends.windows(2).all(|w| w[0] < w[1]);
        if ends.is_empty() || ends[0] == 0 || !ascending || ends[ends.len() - 1] > posterior.parameters() {
            return Err(EstimatorError::BadParameter {
                estimator: NAME,
                name: "ends".into(),
                value: format!("{ends:?}"),
                rule: format!("they ascend from 1 to at most {}", posterior.parameters()),
            });
        }
        let mut density = Self { posterior, spread, ends: ends.to_vec(), marginals: vec![] };
        let rank = posterior.columns().len();
        let mut products = DMatrix::<f64>::identity(rank, rank);
        let (mut log_diagonal, mut from) = (0.0, 0);
        let mut u = vec![0.0; rank];
        for &end in ends {
            for i in from..end {
                let lambda = density.diagonal(i);
                log_diagonal += lambda.ln();
                density.row(i, &mut u);
                for a in 0..rank {
                    let left = u[a] / lambda;
                    for b in 0..=a {
                        products[(a, b)] += left * u[b];
                    }
                }
            }
            from = end;
            // Only the lower triangle is read.
            let capacitance = Cholesky::new(products.clone()).ok_or(EstimatorError::NoDensity { estimator: NAME })?;
            let log_det: f64 = 2.0 * capacitance.l_dirty().diagonal().iter().map(|d| d.ln()).sum::<f64>();
            if !(log_det + log_diagonal).is_finite() {
                return Err(EstimatorError::NoDensity { estimator: NAME });
            }
            density.marginals.push(Marginal { log_determinant: log_diagonal + log_det, capacitance });
        }
        Ok(density)
    }

    fn diagonal(&self, i: usize) -> f64 {
        self.spread.scale * (f64::from(self.posterior.variance()[i]) + self.spread.floor)
    }

    /// Row i of U.
    fn row(&self, i: usize, u: &mut [f64]) {
        let columns = self.posterior.columns();
        let factor = (self.spread.scale / (columns.len() as f64 - 1.0)).sqrt();
        for (u, column) in u.iter_mut().zip(columns) {
            *u = factor * f64::from(column[i]);
        }
    }

    /// Log density in nats of the marginal of each end, at weights `[≥ the last end]`.
    ///
    /// # Errors
    /// When there are fewer weights than that.
    pub fn log_densities(&self, weights: &[f64]) -> Result<Vec<f64>, EstimatorError> {
        let last = self.ends[self.ends.len() - 1];
        if weights.len() < last {
            return Err(EstimatorError::LengthMismatch { left: last, right: weights.len() });
        }
        let rank = self.posterior.columns().len();
        let (mut square, mut from) = (0.0, 0);
        let (mut projected, mut u) = (DVector::<f64>::zeros(rank), vec![0.0; rank]);
        let mut found = Vec::with_capacity(self.ends.len());
        for (&end, marginal) in self.ends.iter().zip(&self.marginals) {
            for (i, weight) in weights.iter().enumerate().take(end).skip(from) {
                let x = weight - f64::from(self.posterior.mean()[i]);
                let over = x / self.diagonal(i);
                square += x * over;
                self.row(i, &mut u);
                for (p, u) in projected.iter_mut().zip(&u) {
                    *p += u * over;
                }
            }
            from = end;
            let explained = projected.dot(&marginal.capacitance.solve(&projected));
            let constant = end as f64 * std::f64::consts::TAU.ln();
            found.push(-0.5 * (constant + marginal.log_determinant + square - explained));
        }
        Ok(found)
    }

    /// A draw of all weights.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let rank = self.posterior.columns().len();
        let common: Vec<f64> = (0..rank).map(|_| StandardNormal.sample(rng)).collect();
        let mut u = vec![0.0; rank];
        (0..self.posterior.parameters())
            .map(|i| {
                let own: f64 = StandardNormal.sample(rng);
                self.row(i, &mut u);
                let shared: f64 = u.iter().zip(&common).map(|(u, z)| u * z).sum();
                f64::from(self.posterior.mean()[i]) + self.diagonal(i).sqrt() * own + shared
            })
            .collect()
    }

    /// KL divergence in nats of the marginals to another's, both without their columns: diagonal Gaussians with
    /// covariance `scale · (variance + floor)`.
    pub(super) fn diagonal_divergences(&self, other: &Self) -> Vec<f64> {
        let (mut sum, mut from) = (0.0, 0);
        let mut found = Vec::with_capacity(self.ends.len());
        for &end in &self.ends {
            for i in from..end {
                let (own, theirs) = (self.diagonal(i), other.diagonal(i));
                let apart = f64::from(self.posterior.mean()[i]) - f64::from(other.posterior.mean()[i]);
                sum += 0.5 * ((theirs / own).ln() + (own + apart * apart) / theirs - 1.0);
            }
            from = end;
            found.push(sum);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;

    fn posterior(p: usize, rank: usize) -> Posterior {
        let wave = |i: usize, k: usize| ((i * 7 + k * 13) as f32 * 0.61).sin();
        Posterior::new(
            (0..p).map(|i| wave(i, 100)).collect(),
            (0..p).map(|i| 0.2 + wave(i, 200).abs()).collect(),
            (0..rank).map(|k| (0..p).map(|i| wave(i, k)).collect()).collect(),
        )
        .unwrap()
    }

    fn dense(p: &Posterior, spread: Spread, n: usize) -> DMatrix<f64> {
        DMatrix::from_fn(n, n, |i, j| {
            let low: f64 = p.columns().iter().map(|c| f64::from(c[i]) * f64::from(c[j])).sum();
            let own = if i == j { f64::from(p.variance()[i]) + spread.floor } else { 0.0 };
            spread.scale * (own + low / (p.columns().len() as f64 - 1.0))
        })
    }

    #[test]
    fn the_low_rank_density_is_that_of_the_dense_covariance() {
        let (p, spread) = (posterior(9, 4), Spread { scale: 0.5, floor: 1e-3 });
        let ends = [2, 5, 9];
        let density = Density::new(&p, spread, &ends).unwrap();
        let x: Vec<f64> = (0..9).map(|i| (f64::from(i) * 1.3).cos()).collect();
        for (&n, found) in ends.iter().zip(density.log_densities(&x).unwrap()) {
            let covariance = dense(&p, spread, n);
            let d = DVector::from_fn(n, |i, _| x[i] - f64::from(p.mean()[i]));
            let inverse = covariance.clone().try_inverse().unwrap();
            let quadratic = d.dot(&(inverse * &d));
            let expected = -0.5 * (n as f64 * std::f64::consts::TAU.ln() + covariance.determinant().ln() + quadratic);
            assert!((found - expected).abs() < 1e-9, "{n}: {found} for {expected}");
        }
    }

    #[test]
    fn draws_have_the_covariance() {
        let (p, spread) = (posterior(3, 3), Spread::default());
        let density = Density::new(&p, spread, &[3]).unwrap();
        let mut rng = generator(3, 0);
        let draws: Vec<Vec<f64>> = (0..20_000).map(|_| density.draw(&mut rng)).collect();
        let expected = dense(&p, spread, 3);
        for i in 0..3 {
            for j in 0..3 {
                let mean = |k: usize| f64::from(p.mean()[k]);
                let found = draws.iter().map(|d| (d[i] - mean(i)) * (d[j] - mean(j))).sum::<f64>() / 20_000.0;
                assert!((found - expected[(i, j)]).abs() < 0.04, "{i} {j}: {found} for {}", expected[(i, j)]);
            }
        }
    }

    #[test]
    fn ends_and_spreads_are_checked() {
        let p = posterior(3, 2);
        for ends in [vec![], vec![0, 2], vec![2, 2], vec![4]] {
            assert!(Density::new(&p, Spread::default(), &ends).is_err(), "{ends:?}");
        }
        assert!(Density::new(&p, Spread { scale: 0.0, floor: 1e-6 }, &[3]).is_err());
        let density = Density::new(&p, Spread::default(), &[3]).unwrap();
        assert!(density.log_densities(&[0.0]).is_err());
    }
}
