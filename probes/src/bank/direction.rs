//! One concept's vector from positive and negative samples.

use crate::ProbeError;
use crate::lbfgs::minimise;
use crate::svm::{Descent, LinearSvm};
use ndarray::{Array1, ArrayView1, ArrayView2, Axis};

/// How a concept's vector is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A linear support-vector machine.
    Svm,
    /// Logistic regression, `½‖w‖² + Σ Cᵢ log(1 + exp(−yᵢ(w·xᵢ + b)))`.
    Logistic,
    /// Mean of the positives minus mean of all (Schmalwasser et al. 2025, "FastCAV"), with the threshold half way
    /// between the means of both sides.
    MeanDifference,
}

impl Method {
    /// Name in parameters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Svm => "svm",
            Self::Logistic => "logistic",
            Self::MeanDifference => "mean-difference",
        }
    }

    /// By name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Svm, Self::Logistic, Self::MeanDifference].into_iter().find(|m| m.name() == name)
    }

    /// Whether a cost C is to be chosen.
    pub fn has_cost(self) -> bool {
        self != Self::MeanDifference
    }
}

/// A hyperplane `w·x + b = 0`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Direction {
    pub(super) weights: Array1<f64>,
    pub(super) intercept: f64,
    /// Whether the fit reached its minimum.
    pub(super) converged: bool,
}

impl Direction {
    /// Signed distances of samples from the hyperplane.
    pub(super) fn margins(&self, x: ArrayView2<'_, f64>) -> Vec<f64> {
        let norm = self.norm();
        x.outer_iter().map(|row| (row.dot(&self.weights) + self.intercept) / norm).collect()
    }

    /// ‖w‖, or 1 for a vector without direction.
    pub(super) fn norm(&self) -> f64 {
        let norm = self.weights.dot(&self.weights).sqrt();
        if norm > 0.0 { norm } else { 1.0 }
    }
}

/// Fits a vector for each cost, in ascending order of the costs (one for a method without).
///
/// Both sides weigh the same, whatever their numbers.
pub(super) fn directions(
    method: Method,
    x: ArrayView2<'_, f64>,
    positive: &[bool],
    costs: &[f64],
) -> Result<Vec<Direction>, ProbeError> {
    match method {
        Method::Svm => {
            let mut descent = Descent::new(x, positive)?;
            let fit = |&c: &f64| {
                let fit = descent.fit(&LinearSvm::new(c)?.balanced(true));
                Ok(Direction { weights: fit.weights, intercept: fit.intercept, converged: fit.converged })
            };
            costs.iter().map(fit).collect()
        }
        Method::Logistic => {
            let mut start = vec![0.0; x.ncols() + 1];
            let fit = |&c: &f64| {
                let (found, converged) = logistic(x, positive, c, start.clone());
                start.clone_from(&found);
                let (weights, intercept) = found.split_at(x.ncols());
                Direction { weights: Array1::from(weights.to_vec()), intercept: intercept[0], converged }
            };
            Ok(costs.iter().map(fit).collect())
        }
        Method::MeanDifference => {
            let mean = |wanted: Option<bool>| -> Array1<f64> {
                let rows: Vec<usize> =
                    (0..positive.len()).filter(|&i| wanted.is_none_or(|w| positive[i] == w)).collect();
                x.select(Axis(0), &rows).sum_axis(Axis(0)) / rows.len() as f64
            };
            let (up, down) = (mean(Some(true)), mean(Some(false)));
            let weights = &up - &mean(None);
            let intercept = -0.5 * weights.dot(&(&up + &down));
            Ok(vec![Direction { weights, intercept, converged: true }])
        }
    }
}

/// Weights, then the intercept, of the balanced logistic regression.
fn logistic(x: ArrayView2<'_, f64>, positive: &[bool], c: f64, start: Vec<f64>) -> (Vec<f64>, bool) {
    let n = positive.len() as f64;
    let up = positive.iter().filter(|p| **p).count() as f64;
    let cost = |p: bool| c * n / (2.0 * if p { up } else { n - up });
    // Divided by the sum of the costs, so that a gradient of 1e-6 means the same for every C.
    let total = c * n;
    let objective = |parameters: &[f64]| {
        let (weights, intercept) = parameters.split_at(x.ncols());
        let weights = ArrayView1::from(weights);
        let scores = x.dot(&weights) + intercept[0];
        let mut loss = 0.5 * weights.dot(&weights);
        let residual: Array1<f64> = scores
            .iter()
            .zip(positive)
            .map(|(&f, &p)| {
                let signed = if p { f } else { -f };
                let e = (-signed.abs()).exp();
                loss += cost(p) * ((-signed).max(0.0) + e.ln_1p());
                let wrong = if signed >= 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) };
                cost(p) * if p { -wrong } else { wrong }
            })
            .collect();
        let gradient = residual.dot(&x) + weights;
        let slope = residual.sum();
        (loss / total, gradient.iter().copied().chain([slope]).map(|g| g / total).collect())
    };
    minimise(objective, start, 1e-6, 500)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_mean_difference_points_from_all_to_the_positives() {
        let x = array![[0.0, 1.0], [2.0, 1.0], [4.0, 1.0], [6.0, 1.0]];
        let found = directions(Method::MeanDifference, x.view(), &[false, false, true, true], &[]).unwrap();
        assert_eq!(found[0].weights, array![2.0, 0.0]);
        assert_eq!(found[0].margins(x.view()), [-3.0, -1.0, 1.0, 3.0]);
    }

    #[test]
    fn the_logistic_vector_satisfies_its_equations() {
        // One feature, symmetric around 0: b = 0 and w = C Σ |x| σ(−w |x|), balanced costs being C here.
        let x = array![[-1.0], [-0.5], [0.5], [1.0]];
        let found = directions(Method::Logistic, x.view(), &[false, false, true, true], &[0.5, 2.0]).unwrap();
        for (direction, c) in found.iter().zip([0.5, 2.0]) {
            let w = direction.weights[0];
            let right: f64 = [1.0, 0.5].iter().map(|a| 2.0 * c * a / (1.0 + (w * a).exp())).sum();
            assert!(direction.converged && (w - right).abs() < 1e-4, "{w} for {right}");
            assert!(direction.intercept.abs() < 1e-5);
        }
    }

    #[test]
    fn sides_weigh_the_same_whatever_their_numbers() {
        // Ten copies of a negative change nothing.
        let few = array![[0.0], [1.0], [3.0]];
        let many = ndarray::Array2::from_shape_fn((12, 1), |(i, _)| if i < 10 { 0.0 } else { 2.0 * i as f64 - 19.0 });
        for method in [Method::Svm, Method::Logistic] {
            let a = directions(method, few.view(), &[false, true, true], &[1.0]).unwrap();
            let positive: Vec<bool> = (0..12).map(|i| i >= 10).collect();
            let b = directions(method, many.view(), &positive, &[1.0 / 4.0]).unwrap();
            // C n / (2 n₋) = 3/2 for one negative; 12/4/20 · 10 = 3/2 for ten; positives 3/4 and 12/4/4 = 3/4.
            assert!((a[0].weights[0] - b[0].weights[0]).abs() < 1e-3, "{method:?}: {a:?} {b:?}");
        }
    }
}
