//! The elastic-net penalty λ(α‖w‖₁ + (1−α)/2 ‖w‖²), its proximal step, its dual and what it says of optimality.

use crate::ProbeError;

/// λ and α of `λ(α‖w‖₁ + (1−α)/2 ‖w‖²)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Penalty {
    lambda: f64,
    alpha: f64,
}

impl Penalty {
    /// A penalty of strength λ > 0 of which the share α ∈ [0, 1] is absolute and the rest quadratic.
    ///
    /// # Errors
    /// When a value is outside its range.
    pub fn new(lambda: f64, alpha: f64) -> Result<Self, ProbeError> {
        let bad = |name, value, rule| Err(ProbeError::BadParameter { name, value, rule });
        if !(lambda > 0.0 && lambda.is_finite()) {
            return bad("lambda", lambda, "it must be above 0: without a penalty there may be no minimum");
        }
        if !(0.0..=1.0).contains(&alpha) {
            return bad("alpha", alpha, "it must be between 0 (ridge) and 1 (lasso)");
        }
        Ok(Self { lambda, alpha })
    }

    /// λ.
    pub fn lambda(self) -> f64 {
        self.lambda
    }

    /// α.
    pub fn alpha(self) -> f64 {
        self.alpha
    }

    /// Factor λα of |w|.
    pub(super) fn absolute(self) -> f64 {
        self.lambda * self.alpha
    }

    /// Factor λ(1−α) of w²/2.
    pub(super) fn quadratic(self) -> f64 {
        self.lambda * (1.0 - self.alpha)
    }

    /// The penalty of one weight.
    pub(super) fn of(self, w: f64) -> f64 {
        self.absolute() * w.abs() + 0.5 * self.quadratic() * w * w
    }

    /// The penalty of all weights.
    pub(super) fn sum(self, weights: &[f64]) -> f64 {
        weights.iter().map(|&w| self.of(w)).sum()
    }

    /// argmin over w of `curvature/2 (w − at)² + penalty(w)`.
    pub(super) fn proximal(self, at: f64, curvature: f64) -> f64 {
        let pull = curvature * at;
        (pull.abs() - self.absolute()).max(0.0).copysign(pull) / (curvature + self.quadratic())
    }

    /// How far a weight is from optimal: the smallest subgradient of the objective with respect to it, where
    /// `gradient` is that of the loss.
    pub(super) fn violation(self, w: f64, gradient: f64) -> f64 {
        if w == 0.0 {
            (gradient.abs() - self.absolute()).max(0.0)
        } else {
            (gradient + self.absolute().copysign(w) + self.quadratic() * w).abs()
        }
    }

    /// A weight's part in the duality gap (Fenchel–Young): `w g + penalty(w) + penalty*(−g)`.
    ///
    /// The conjugate is taken over |w| ≤ `bound`, which may be any bound that the minimiser obeys: with it the gap is
    /// finite for the lasso too, and it is still a bound of how far the objective is above its minimum.
    pub(super) fn gap(self, w: f64, gradient: f64, bound: f64) -> f64 {
        let excess = (gradient.abs() - self.absolute()).max(0.0);
        let conjugate = if excess <= bound * self.quadratic() {
            if excess == 0.0 { 0.0 } else { excess * excess / (2.0 * self.quadratic()) }
        } else {
            bound * excess - 0.5 * self.quadratic() * bound * bound
        };
        w * gradient + self.of(w) + conjugate
    }

    /// A bound of |w| at the minimum, from an objective value that the minimum does not exceed: the penalty of one
    /// weight alone is no larger.
    pub(super) fn bound(self, objective: f64) -> f64 {
        let (a, q) = (self.absolute(), self.quadratic());
        // The positive root of q/2 w² + a w = objective, written so that q = 0 is no special case.
        2.0 * objective / (a + (a * a + 2.0 * q * objective).sqrt())
    }
}
