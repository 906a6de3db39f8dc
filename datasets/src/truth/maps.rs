//! Maps of one variable that leave its information as it is: each is one to one.

use statrs::function::erf::erfc;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

use super::closed_form::bisect;

/// Φ, the distribution function of the standard normal.
pub(super) fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x * FRAC_1_SQRT_2)
}

/// x √|x|: lengthens the tails.
pub(super) fn half_cube(x: f64) -> f64 {
    x * x.abs().sqrt()
}

/// The wiggly map of X.
pub(super) fn wiggly_x(x: f64) -> f64 {
    x + 0.4 * x.sin() + 0.2 * (1.7 * x + 1.0).sin() + 0.03 * (3.3 * x - 2.5).sin()
}

/// The wiggly map of Y.
pub(super) fn wiggly_y(y: f64) -> f64 {
    y - 0.4 * (0.4 * y).sin() + 0.17 * (1.3 * y + 3.5).sin() + 0.02 * (4.3 * y - 2.5).sin()
}

/// Two normal components of unit variance, by the weight and mean of each.
pub(super) type Bimodal = [(f64, f64); 2];

/// The bimodal distribution of X.
pub(super) const BIMODAL_X: Bimodal = [(0.3, 0.0), (0.7, 5.0)];
/// The bimodal distribution of Y.
pub(super) const BIMODAL_Y: Bimodal = [(0.5, -1.0), (0.5, 3.0)];

/// The quantile of the bimodal distribution at the level Φ(z).
///
/// The level is given by its normal score, and above the median the upper tails are compared: so neither tail loses
/// digits. The quantile lies between those of the components, and bisection between them ends at the resolution of
/// doubles.
pub(super) fn bimodal(z: f64, components: Bimodal) -> f64 {
    let [a, b] = components.map(|(_, mean)| mean);
    let tail = |x: f64, sign: f64| components.iter().map(|(w, mean)| w * normal_cdf(sign * (x - mean))).sum::<f64>();
    bisect(z + a.min(b), z + a.max(b), |x| {
        if z < 0.0 { tail(x, 1.0) < normal_cdf(z) } else { tail(x, -1.0) > normal_cdf(-z) }
    })
}

/// Turns coordinates `plane` and `plane` + 1 by the angle ‖row‖² / dimensions: rows further out are turned further.
pub(super) fn spiral(row: &mut [f64], plane: usize) {
    let angle = row.iter().map(|v| v * v).sum::<f64>() / row.len() as f64;
    let (sine, cosine) = angle.sin_cos();
    if let Some([a, b]) = row.get_mut(plane..plane + 2) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// A number between 0 and 1 to a point of the Swiss roll: (t cos t, t sin t)/21, t = 1.5π(1 + 2u).
pub(super) fn swiss_roll(u: f64) -> [f64; 2] {
    let t = 1.5 * PI * (1.0 + 2.0 * u);
    [t * t.cos() / 21.0, t * t.sin() / 21.0]
}
