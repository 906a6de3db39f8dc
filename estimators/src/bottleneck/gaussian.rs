//! The information bottleneck of jointly Gaussian variables (Chechik, Globerson, Tishby & Weiss 2005).
//!
//! The best T is a noisy linear projection onto canonical directions; with λᵢ = 1 − ρᵢ² (ρᵢ the canonical
//! correlations, λᵢ the eigenvalues of Σ_{x|y} Σ_x⁻¹) direction i is used from β = 1/(1 − λᵢ) on.

use super::BottleneckError;
use crate::linalg::to_nalgebra;
use nalgebra::DMatrix;
use ndarray::ArrayView2;

/// The curve of jointly Gaussian X and Y, in closed form. Amounts are in nats.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianBottleneck {
    /// λᵢ below 1, smallest (most informative) first.
    lambdas: Vec<f64>,
}

impl GaussianBottleneck {
    /// From the covariances of X [d × d], of Y [e × e], and between them [d × e].
    ///
    /// # Errors
    /// When the shapes do not go together, a matrix is not finite, symmetric and positive definite, or a direction of
    /// Y is a function of X (the curve then has no end).
    pub fn new(
        covariance_x: ArrayView2<'_, f64>,
        covariance_y: ArrayView2<'_, f64>,
        cross: ArrayView2<'_, f64>,
    ) -> Result<Self, BottleneckError> {
        let bad = |what: String| BottleneckError::BadCovariance { what };
        let (d, e) = (covariance_x.nrows(), covariance_y.nrows());
        if covariance_x.dim() != (d, d) || covariance_y.dim() != (e, e) || cross.dim() != (d, e) || d * e == 0 {
            return Err(bad(format!(
                "covariances of X {:?}, Y {:?} and between them {:?} do not go together: [d, d], [e, e] and [d, e] are needed",
                covariance_x.dim(),
                covariance_y.dim(),
                cross.dim()
            )));
        }
        if [covariance_x, covariance_y, cross].iter().any(|m| m.iter().any(|v| !v.is_finite())) {
            return Err(bad("a covariance is not finite".into()));
        }
        let factor = |m: ArrayView2<'_, f64>, name: &str| {
            let scale = m.iter().fold(0f64, |most, v| most.max(v.abs()));
            if m.indexed_iter().any(|((i, j), v)| (v - m[[j, i]]).abs() > 1e-9 * scale) {
                return Err(bad(format!("the covariance of {name} is not symmetric")));
            }
            to_nalgebra(m).cholesky().ok_or_else(|| {
                bad(format!(
                    "the covariance of {name} is not positive definite: a direction is constant or follows from others; leave it out"
                ))
            })
        };
        let (x, y) = (factor(covariance_x, "X")?, factor(covariance_y, "Y")?);
        // L_x⁻¹ Σ_xy L_y⁻ᵀ has the canonical correlations for its singular values.
        let unsolvable = || bad("the covariances are singular".into());
        let left: DMatrix<f64> = x.l().solve_lower_triangular(&to_nalgebra(cross)).ok_or_else(unsolvable)?;
        let whitened = y.l().solve_lower_triangular(&left.transpose()).ok_or_else(unsolvable)?;
        Self::from_correlations(whitened.singular_values().as_slice())
    }

    /// From the canonical correlations of X and Y, in any order.
    ///
    /// # Errors
    /// When one is not below 1 in size.
    pub fn from_correlations(correlations: &[f64]) -> Result<Self, BottleneckError> {
        if let Some(rho) = correlations.iter().find(|rho| rho.is_nan() || rho.abs() >= 1.0 - 1e-12) {
            return Err(BottleneckError::BadCovariance {
                what: format!(
                    "a canonical correlation is {rho}, and below 1 in size is needed: at 1 a direction of Y is a function of X, and I(X;Y) is infinite"
                ),
            });
        }
        let mut lambdas: Vec<f64> = correlations.iter().map(|rho| 1.0 - rho * rho).filter(|l| *l < 1.0).collect();
        lambdas.sort_by(f64::total_cmp);
        Ok(Self { lambdas })
    }

    /// The β at which each direction comes into use, smallest first; the first is the critical β.
    pub fn critical_betas(&self) -> Vec<f64> {
        self.lambdas.iter().map(|l| 1.0 / (1.0 - l)).collect()
    }

    /// I(X;Y).
    pub fn information(&self) -> f64 {
        -0.5 * self.lambdas.iter().map(|l| l.ln()).sum::<f64>()
    }

    /// I(X;T) and I(T;Y) of the best T at a β: ½ Σ log((β − 1)(1 − λᵢ)/λᵢ) over the directions in use, and that less
    /// ½ Σ log(β(1 − λᵢ)).
    pub fn at_beta(&self, beta: f64) -> (f64, f64) {
        self.lambdas.iter().filter(|l| beta * (1.0 - **l) > 1.0).fold((0.0, 0.0), |(i_xt, i_ty), l| {
            let own = 0.5 * ((beta - 1.0) * (1.0 - l) / l).ln();
            (i_xt + own, i_ty + own - 0.5 * (beta * (1.0 - l)).ln())
        })
    }

    /// The largest I(T;Y) at an I(X;T): with n directions in use,
    /// I(T;Y) = I(X;T) − n/2 log(Π(1 − λᵢ)^{1/n} + e^{2 I(X;T)/n} Πλᵢ^{1/n}).
    pub fn bound(&self, i_xt: f64) -> f64 {
        let Some(n) = self.directions(i_xt) else { return 0.0 };
        let used = &self.lambdas[..n];
        let mean = |f: &dyn Fn(f64) -> f64| used.iter().map(|l| f(*l)).sum::<f64>() / n as f64;
        let (noise, signal) = (mean(&|l| (1.0 - l).ln()), 2.0 * i_xt / n as f64 + mean(&|l| l.ln()));
        let most = noise.max(signal);
        let log_sum = most + ((noise - most).exp() + (signal - most).exp()).ln();
        i_xt - 0.5 * n as f64 * log_sum
    }

    /// The β (inverse slope) at an I(X;T): 1 + e^{2 I(X;T)/n} Π(λᵢ/(1 − λᵢ))^{1/n}.
    pub fn beta_at(&self, i_xt: f64) -> Option<f64> {
        let n = self.directions(i_xt.max(0.0))?;
        let odds = self.lambdas[..n].iter().map(|l| (l / (1.0 - l)).ln()).sum::<f64>();
        Some(1.0 + ((2.0 * i_xt.max(0.0) + odds) / n as f64).exp())
    }

    /// How many directions are in use at an I(X;T); none where there is nothing to know.
    fn directions(&self, i_xt: f64) -> Option<usize> {
        if self.lambdas.is_empty() || i_xt.is_nan() || i_xt < 0.0 {
            return None;
        }
        let first = |n: usize| self.at_beta(1.0 / (1.0 - self.lambdas[n])).0;
        Some((1..self.lambdas.len()).find(|&n| i_xt <= first(n)).unwrap_or(self.lambdas.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn one_dimension_is_its_scalar_formula() {
        for rho in [0.3, -0.8, 0.99] {
            let one = array![[1.0]];
            let (sx, sy) = (4.0, 0.25);
            let cross = &one * (rho * f64::sqrt(sx * sy));
            let found = GaussianBottleneck::new((&one * sx).view(), (&one * sy).view(), cross.view()).unwrap();
            assert!((found.critical_betas()[0] - rho.powi(-2)).abs() < 1e-9);
            assert!((found.information() + 0.5 * (1.0 - rho * rho).ln()).abs() < 1e-9);
            for i in [0.0, 0.1, 1.0, 4.0] {
                let truth = -0.5 * (1.0 - rho * rho + rho * rho * f64::exp(-2.0 * i)).ln();
                assert!((found.bound(i) - truth).abs() < 1e-9, "{rho} {i}: {} {truth}", found.bound(i));
            }
        }
    }

    #[test]
    fn the_two_forms_of_the_curve_agree_and_its_slope_is_one_over_beta() {
        let found = GaussianBottleneck::from_correlations(&[0.5, 0.9, 0.0, -0.7]).unwrap();
        assert_eq!(found.critical_betas().len(), 3);
        for beta in [1.1, 1.3, 2.0, 3.5, 5.0, 40.0] {
            let (i_xt, i_ty) = found.at_beta(beta);
            assert!((found.bound(i_xt) - i_ty).abs() < 1e-12, "{beta}");
            if i_xt > 0.0 {
                assert!((found.beta_at(i_xt).unwrap() - beta).abs() < 1e-9);
                let slope = (found.bound(i_xt + 1e-5) - found.bound(i_xt - 1e-5)) / 2e-5;
                assert!((slope - 1.0 / beta).abs() < 1e-6, "{beta}: {slope}");
            }
        }
        assert!((found.bound(50.0) - found.information()).abs() < 1e-9);
        assert_eq!(GaussianBottleneck::from_correlations(&[0.0]).unwrap().bound(1.0), 0.0);
    }

    #[test]
    fn turning_and_scaling_the_variables_changes_nothing() {
        // X = A Z, Y = B W with cov(Z, W) = diag(0.8, 0.4).
        let (a, b) = (array![[2.0, 1.0], [0.5, -3.0]], array![[1.0, 0.2], [0.7, 5.0]]);
        let cross = a.dot(&array![[0.8, 0.0], [0.0, 0.4]]).dot(&b.t());
        let found = GaussianBottleneck::new(a.dot(&a.t()).view(), b.dot(&b.t()).view(), cross.view()).unwrap();
        let plain = GaussianBottleneck::from_correlations(&[0.8, 0.4]).unwrap();
        for i in [0.2, 0.9, 2.0] {
            assert!((found.bound(i) - plain.bound(i)).abs() < 1e-12);
        }
    }

    #[test]
    fn what_has_no_curve_is_refused() {
        let one = array![[1.0]];
        let of = |x: &ndarray::Array2<f64>, y: &ndarray::Array2<f64>, c: &ndarray::Array2<f64>| {
            GaussianBottleneck::new(x.view(), y.view(), c.view()).unwrap_err().to_string()
        };
        assert!(of(&one, &one, &one).contains("infinite"));
        assert!(of(&one, &array![[0.0]], &array![[0.0]]).contains("covariance of Y is not positive definite"));
        assert!(of(&array![[1.0, 0.5], [0.0, 1.0]], &one, &array![[0.1], [0.1]]).contains("not symmetric"));
        assert!(of(&one, &one, &array![[0.1, 0.1]]).contains("do not go together"));
        assert!(of(&array![[f64::NAN]], &one, &one).contains("not finite"));
    }
}
