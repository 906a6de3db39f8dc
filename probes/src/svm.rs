//! The linear support-vector machine, with an intercept that is not penalised.
//!
//! Minimises `½‖w‖² + Σᵢ Cᵢ max(0, 1 − yᵢ(w·xᵢ + b))`, the problem of libsvm and of scikit-learn's
//! `SVC(kernel="linear")` (their `LinearSVC` penalises b). The dual is solved by coordinate descent with shrinking
//! (Hsieh et al. 2008, "A dual coordinate descent method for large-scale linear SVM"). That method needs the intercept
//! in the penalty; here the penalty is `ρ/2 (b − b₀)²` around the intercept b₀ of the round before (a proximal point
//! method), which vanishes as the rounds converge. Time and memory grow with samples × features: no kernel matrix.
//! A fit ends when its duality gap is at most `tolerance` times the objective.

use crate::ProbeError;
use crate::data::check_finite;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Sweeps over the samples in one round at most.
const SWEEPS: usize = 50;

/// A support-vector machine to be fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearSvm {
    c: f64,
    balanced: bool,
    /// Largest duality gap as a share of the objective.
    pub tolerance: f64,
    /// Largest number of rounds.
    pub rounds: usize,
}

/// A fitted one.
#[derive(Debug, Clone, PartialEq)]
pub struct SvmFit {
    /// w, one a feature.
    pub weights: Array1<f64>,
    /// b.
    pub intercept: f64,
    /// The objective at (w, b).
    pub objective: f64,
    /// How far that is above the minimum at most.
    pub gap: f64,
    /// Samples with a multiplier above 0.
    pub support: usize,
    /// Whether the gap is within the tolerance.
    pub converged: bool,
}

impl LinearSvm {
    /// With cost C > 0 of a violated margin.
    ///
    /// # Errors
    /// When C is not positive.
    pub fn new(c: f64) -> Result<Self, ProbeError> {
        if !(c > 0.0 && c.is_finite()) {
            return Err(ProbeError::BadParameter { name: "C", value: c, rule: "it must be above 0" });
        }
        Ok(Self { c, balanced: false, tolerance: 1e-4, rounds: 200 })
    }

    /// Weighs samples so that both sides weigh the same: C n / (2 n₊) and C n / (2 n₋).
    #[must_use]
    pub fn balanced(self, balanced: bool) -> Self {
        Self { balanced, ..self }
    }

    /// Fits to samples [samples × features].
    ///
    /// # Errors
    /// When the lengths differ, a value is not finite, or one side is empty.
    pub fn fit(&self, x: ArrayView2<'_, f64>, positive: &[bool]) -> Result<SvmFit, ProbeError> {
        Ok(Descent::new(x, positive)?.fit(self))
    }
}

/// Samples and multipliers: fits with growing C start where the last one ended.
#[derive(Debug, Clone)]
pub(crate) struct Descent {
    /// Rows around their mean: the intercept takes the mean up.
    rows: Array2<f64>,
    mean: Array1<f64>,
    norms: Vec<f64>,
    signs: Vec<f64>,
    alpha: Vec<f64>,
    weights: Array1<f64>,
    intercept: f64,
}

impl Descent {
    pub(crate) fn new(x: ArrayView2<'_, f64>, positive: &[bool]) -> Result<Self, ProbeError> {
        if x.nrows() != positive.len() {
            return Err(ProbeError::LengthMismatch { embeddings: x.nrows(), other: positive.len(), what: "labels" });
        }
        check_finite("embeddings", x)?;
        let present = positive.iter().filter(|p| **p).count();
        if present == 0 || present == positive.len() {
            let found = if present == 0 { "none" } else { "all" };
            return Err(ProbeError::Data(format!("{found} of {} samples are positive: both are needed", x.nrows())));
        }
        let mean = x.sum_axis(Axis(0)) / x.nrows() as f64;
        let rows = (&x - &mean).as_standard_layout().into_owned();
        let norms = rows.outer_iter().map(|r| r.dot(&r)).collect();
        Ok(Self {
            norms,
            signs: positive.iter().map(|&p| if p { 1.0 } else { -1.0 }).collect(),
            alpha: vec![0.0; x.nrows()],
            weights: Array1::zeros(x.ncols()),
            intercept: 0.0,
            rows,
            mean,
        })
    }

    /// Minimises from where the multipliers stand.
    pub(crate) fn fit(&mut self, svm: &LinearSvm) -> SvmFit {
        let n = self.signs.len() as f64;
        let positives = self.signs.iter().filter(|s| **s > 0.0).count() as f64;
        let [up, down] =
            if svm.balanced { [0.5 * n / positives, 0.5 * n / (n - positives)] } else { [1.0, 1.0] }.map(|f| f * svm.c);
        let costs: Vec<f64> = self.signs.iter().map(|&s| if s > 0.0 { up } else { down }).collect();
        self.alpha.iter_mut().zip(&costs).for_each(|(a, &c)| *a = a.min(c));
        self.weights = self.combine(&self.alpha);
        // ρ such that the intercept weighs as a typical sample does.
        let looseness = (self.norms.iter().sum::<f64>() / n).max(f64::MIN_POSITIVE);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut precision = 0.1;
        let mut best = self.judge(&costs, svm.tolerance);
        for _ in 0..svm.rounds {
            if best.converged {
                break;
            }
            self.round(&costs, looseness, precision, &mut rng);
            precision = (precision * 0.5).max(1e-12);
            let now = self.judge(&costs, svm.tolerance);
            if now.gap < best.gap {
                best = now;
            }
        }
        best
    }

    /// Coordinate descent until no multiplier's slope exceeds `precision`, around the intercept as it stands.
    fn round(&mut self, costs: &[f64], looseness: f64, precision: f64, rng: &mut ChaCha8Rng) {
        let balance = |alpha: &[f64], signs: &[f64]| alpha.iter().zip(signs).map(|(a, s)| a * s).sum::<f64>();
        let mut intercept = self.intercept + looseness * balance(&self.alpha, &self.signs);
        let mut active: Vec<usize> = (0..self.signs.len()).collect();
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        for _ in 0..SWEEPS {
            active.shuffle(rng);
            let (mut least, mut largest) = (0.0f64, 0.0f64);
            let whole = active.len() == self.signs.len();
            active.retain(|&i| {
                let row = self.rows.row(i);
                let slope = self.signs[i] * (self.weights.dot(&row) + intercept) - 1.0;
                let (alpha, cost) = (self.alpha[i], costs[i]);
                // At a bound, with a slope that presses against it harder than any free one did: leave it be.
                if (alpha == 0.0 && slope > high) || (alpha == cost && slope < low) {
                    return false;
                }
                let blocked = (alpha == 0.0 && slope > 0.0) || (alpha == cost && slope < 0.0);
                if !blocked && slope != 0.0 {
                    (least, largest) = (least.min(slope), largest.max(slope));
                    let new = (alpha - slope / (self.norms[i] + looseness)).clamp(0.0, cost);
                    let change = (new - alpha) * self.signs[i];
                    self.alpha[i] = new;
                    self.weights.scaled_add(change, &row);
                    intercept += looseness * change;
                }
                true
            });
            if largest - least <= precision {
                if whole {
                    break;
                }
                active = (0..self.signs.len()).collect();
                (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
            } else {
                low = if least < 0.0 { least } else { f64::NEG_INFINITY };
                high = if largest > 0.0 { largest } else { f64::INFINITY };
            }
        }
        self.intercept = intercept;
    }

    /// Σ αᵢ yᵢ xᵢ.
    fn combine(&self, alpha: &[f64]) -> Array1<f64> {
        let signed: Array1<f64> = alpha.iter().zip(&self.signs).map(|(a, s)| a * s).collect();
        signed.dot(&self.rows)
    }

    /// Objective and duality gap: the intercept is the best one for these weights, the multipliers are scaled down on
    /// the heavier side until both sides weigh the same, as the dual demands.
    fn judge(&self, costs: &[f64], tolerance: f64) -> SvmFit {
        let side = |sign: f64| self.alpha.iter().zip(&self.signs).filter(move |(_, s)| **s == sign).map(|(a, _)| a);
        let (up, down) = (side(1.0).sum::<f64>(), side(-1.0).sum::<f64>());
        let least = up.min(down);
        let shrink = |sign: f64| least / if sign > 0.0 { up } else { down }.max(f64::MIN_POSITIVE);
        let (shrink_up, shrink_down) = (shrink(1.0), shrink(-1.0));
        let feasible: Vec<f64> = self
            .alpha
            .iter()
            .zip(&self.signs)
            .map(|(a, &s)| a * if s > 0.0 { shrink_up } else { shrink_down })
            .collect();
        let weights = self.combine(&feasible);
        let square = weights.dot(&weights);
        let dual = 2.0 * least - 0.5 * square;
        let scores = self.rows.dot(&weights);
        let intercept = self.best_intercept(&scores, costs);
        let hinge = |((score, sign), cost): ((&f64, &f64), &f64)| cost * (1.0 - sign * (score + intercept)).max(0.0);
        let objective = 0.5 * square + scores.iter().zip(&self.signs).zip(costs).map(hinge).sum::<f64>();
        SvmFit {
            intercept: intercept - weights.dot(&self.mean),
            support: feasible.iter().filter(|a| **a > 0.0).count(),
            objective,
            gap: objective - dual,
            converged: objective - dual <= tolerance * objective,
            weights,
        }
    }

    /// argmin over b of Σ Cᵢ max(0, 1 − yᵢ(fᵢ + b)): piecewise linear, so the first kink after which it rises; where
    /// it is flat there, the middle of the flat part.
    fn best_intercept(&self, scores: &Array1<f64>, costs: &[f64]) -> f64 {
        let mut kinks: Vec<(f64, f64)> =
            scores.iter().zip(&self.signs).zip(costs).map(|((f, s), &c)| (s - f, c)).collect();
        kinks.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut slope = -self.signs.iter().zip(costs).filter(|(s, _)| **s > 0.0).map(|(_, c)| c).sum::<f64>();
        let scale = 1e-12 * slope.abs();
        for (place, &(kink, cost)) in kinks.iter().enumerate() {
            slope += cost;
            if slope.abs() <= scale {
                return 0.5 * (kink + kinks.get(place + 1).map_or(kink, |next| next.0));
            }
            if slope > 0.0 {
                return kink;
            }
        }
        kinks.last().map_or(0.0, |last| last.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn wave(samples: usize, features: usize) -> (Array2<f64>, Vec<bool>) {
        let x = Array2::from_shape_fn((samples, features), |(i, j)| {
            let (i, j) = (i as f64 + 1.0, j as f64 + 1.0);
            (i * j * 0.37 + (i * 0.91).sin() * j).sin() + 0.3 * (i * 1.7 + j).cos() + 2.0
        });
        let positive = (0..samples)
            .map(|i| x[[i, 0]] + 0.7 * x[[i, 1]] - 0.5 * x[[i, 2]] + 0.8 * ((i as f64 + 1.0) * 2.3).sin() > 2.9)
            .collect();
        (x, positive)
    }

    #[test]
    fn objectives_and_intercepts_are_those_of_libsvm() {
        // scikit-learn 1.9.1, SVC(kernel="linear", C=c, class_weight=…, tol=1e-10) on the same formula:
        // objective ½‖w‖² + Σ C hinge, and intercept. libsvm keeps its kernel in single precision: its objectives are
        // above ours by up to 5e-6 of themselves, where our duality gap leaves room for 1e-9.
        let golden = [
            (0.01, false, 1.8505568407, -1.843035),
            (0.1, true, 13.6139760501, -3.870342),
            (1.0, false, 114.8293323173, -5.089368),
            (10.0, true, 1182.1801530313, -5.630177),
        ];
        let (x, positive) = wave(300, 8);
        for (c, balanced, objective, intercept) in golden {
            let svm = LinearSvm { tolerance: 1e-9, rounds: 2000, ..LinearSvm::new(c).unwrap().balanced(balanced) };
            let fit = svm.fit(x.view(), &positive).unwrap();
            assert!(fit.converged, "{c}: {} of {}", fit.gap, fit.objective);
            let above = (objective - fit.objective) / objective;
            assert!((-1e-9..1e-5).contains(&above), "{c}: {} for {objective}", fit.objective);
            assert!((fit.intercept - intercept).abs() < 1e-3, "{c}: {} for {intercept}", fit.intercept);
        }
    }

    #[test]
    fn two_points_have_a_closed_form() {
        // The widest street between (0, 0) and (3, 4): w = 2 (3, 4) / 25, b = −1.
        let svm = LinearSvm { tolerance: 1e-12, ..LinearSvm::new(10.0).unwrap() };
        let fit = svm.fit(array![[0.0, 0.0], [3.0, 4.0]].view(), &[false, true]).unwrap();
        assert!((fit.weights[0] - 0.24).abs() < 1e-9 && (fit.weights[1] - 0.32).abs() < 1e-9, "{fit:?}");
        assert!((fit.intercept + 1.0).abs() < 1e-9 && fit.support == 2);
    }

    #[test]
    fn a_warm_start_ends_where_a_cold_one_does() {
        let (x, positive) = wave(200, 6);
        let svm = |c| LinearSvm { tolerance: 1e-8, rounds: 1000, ..LinearSvm::new(c).unwrap() };
        let mut descent = Descent::new(x.view(), &positive).unwrap();
        for c in [0.01, 0.1, 1.0] {
            let (warm, cold) = (descent.fit(&svm(c)), svm(c).fit(x.view(), &positive).unwrap());
            assert!((warm.objective - cold.objective).abs() < 1e-7 * cold.objective, "{c}: {warm:?} {cold:?}");
        }
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let x = array![[0.0], [1.0]];
        assert!(LinearSvm::new(0.0).unwrap_err().to_string().contains("above 0"));
        let one_side = LinearSvm::new(1.0).unwrap().fit(x.view(), &[true, true]).unwrap_err();
        assert_eq!(one_side.to_string(), "all of 2 samples are positive: both are needed");
    }
}
