//! Coordinate descent on the quadratic model of a proximal Newton step (Friedman, Hastie & Tibshirani 2010,
//! "Regularization paths for generalized linear models via coordinate descent").

use super::Penalty;
use super::design::Design;
use ndarray::Array2;

/// Sweeps over all coordinates or over the active ones, together.
const SWEEPS: usize = 2000;

/// A sweep whose largest change H_jj δ² is this share of the largest one of all sweeps is the last.
const REST: f64 = 1e-8;

/// Second derivatives of a class's loss with respect to some of its weights.
#[derive(Debug, Clone)]
pub(super) struct Curvature {
    /// Features that it covers, ascending.
    pub(super) set: Vec<usize>,
    matrix: Array2<f64>,
    /// Weighted means of these features: what the intercept loses when a weight gains.
    means: Vec<f64>,
}

/// A step: changes of weights by feature, and of the intercept.
pub(super) struct Step {
    pub(super) changes: Vec<(usize, f64)>,
    pub(super) intercept: f64,
}

impl Curvature {
    /// At sample weights dᵢ (second derivatives of the samples' losses).
    pub(super) fn new(design: &Design, set: Vec<usize>, weight: &[f64]) -> Self {
        let (mut matrix, means) = design.curvature(&set, weight);
        // Single precision can leave a tiny negative eigenvalue: a ridge far below any curvature that matters.
        let ridge = 1e-7 * matrix.diag().iter().fold(0.0f64, |m, v| m.max(v.abs())) + f64::MIN_POSITIVE;
        matrix.diag_mut().mapv_inplace(|v| v.max(0.0) + ridge);
        Self { set, matrix, means }
    }

    /// Whether all these features are covered.
    pub(super) fn covers(&self, features: &[usize]) -> bool {
        features.iter().all(|f| self.set.binary_search(f).is_ok())
    }

    /// Minimises `g·δ + ½ δᵀHδ + penalty(w + δ)` over the features covered, until all rest.
    pub(super) fn step(&self, weights: &[f64], gradient: &[f64], penalty: Penalty) -> Step {
        let size = self.set.len();
        let start: Vec<f64> = self.set.iter().map(|&f| weights[f]).collect();
        let mut now = start.clone();
        let mut slope: Vec<f64> = self.set.iter().map(|&f| gradient[f]).collect();
        let visit = |j: usize, now: &mut [f64], slope: &mut [f64]| {
            let curvature = self.matrix[[j, j]];
            let new = penalty.proximal(now[j] - slope[j] / curvature, curvature);
            let change = new - now[j];
            if change == 0.0 {
                return 0.0;
            }
            now[j] = new;
            slope.iter_mut().zip(self.matrix.row(j)).for_each(|(s, h)| *s += h * change);
            curvature * change * change
        };
        let (mut sweeps, mut largest) = (0, 0.0f64);
        while sweeps < SWEEPS {
            let moved = (0..size).fold(0.0f64, |m, j| m.max(visit(j, &mut now, &mut slope)));
            sweeps += 1;
            largest = largest.max(moved);
            if moved <= REST * largest {
                break;
            }
            // Then only those that are not zero, until they rest; another full sweep decides.
            let active: Vec<usize> = (0..size).filter(|&j| now[j] != 0.0).collect();
            while sweeps < SWEEPS {
                sweeps += 1;
                if active.iter().fold(0.0f64, |m, &j| m.max(visit(j, &mut now, &mut slope))) <= REST * largest {
                    break;
                }
            }
        }
        let changes: Vec<(usize, f64)> =
            (0..size).map(|j| (self.set[j], now[j] - start[j])).filter(|(_, c)| *c != 0.0).collect();
        let intercept = -(0..size).map(|j| self.means[j] * (now[j] - start[j])).sum::<f64>();
        Step { changes, intercept }
    }
}
