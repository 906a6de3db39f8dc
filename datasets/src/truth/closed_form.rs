//! Mutual information in closed form, in nats, and the inverses that turn a dial's information into a parameter.

use std::f64::consts::EULER_GAMMA;

use statrs::function::gamma::{digamma, ln_gamma};

/// Mutual information of two normal variables of correlation `rho`: −½ ln(1 − ρ²) (Cover & Thomas 2006, example 8.5.1).
pub(super) fn normal(rho: f64) -> f64 {
    -0.5 * (-rho * rho).ln_1p()
}

/// The correlation at which two normal variables share `information` nats: √(1 − e^(−2I)).
pub(super) fn normal_correlation(information: f64) -> f64 {
    (-(-2.0 * information).exp_m1()).sqrt()
}

/// Two blocks of `dim` coordinates, unit variances, every correlation `rho` within and across the blocks.
///
/// The one eigenvalue off 1 − ρ is 1 + (m − 1)ρ for m coordinates, so with I = ½ ln(|Σx||Σy| / |Σ|) all powers of
/// 1 − ρ but one cancel.
pub(super) fn equicorrelated_normal(dim: usize, rho: f64) -> f64 {
    let top = |m: usize| (1.0 + (m as f64 - 1.0) * rho).ln();
    0.5 * (2.0 * top(dim) - top(2 * dim) - (1.0 - rho).ln())
}

/// What a shared denominator √(χ²/ν) adds to the information of normal blocks of `dim_x` and `dim_y` coordinates.
///
/// c = f(ν) + f(ν + m + n) − f(ν + m) − f(ν + n), f(x) = ln Γ(x/2) − (x/2) ψ(x/2), from the entropy of the multivariate
/// Student distribution (Arellano-Valle, Contreras-Reyes & Genton 2013; Czyż et al. 2023).
pub(super) fn student_excess(dof: u32, dim_x: usize, dim_y: usize) -> f64 {
    let f = |x: f64| ln_gamma(x / 2.0) - x / 2.0 * digamma(x / 2.0);
    let (dof, m, n) = (f64::from(dof), dim_x as f64, dim_y as f64);
    f(dof) + f(dof + m + n) - f(dof + m) - f(dof + n)
}

/// X ~ U(0, 1) and Y = X + U(−ε, ε): ε − ln 2ε up to ε = ½, 1/(4ε) beyond (Czyż et al. 2023).
pub(super) fn additive_noise(epsilon: f64) -> f64 {
    if epsilon <= 0.5 { epsilon - (2.0 * epsilon).ln() } else { 0.25 / epsilon }
}

/// The a at which X ~ U(0, 1) and Y = X + U(0, 1)/a share `information` nats.
///
/// I = a/2 below a = 1 and ln a + 1/(2a) from there, whose inverse is a = −1 / 2W(−e^(−I)/2) with the principal branch
/// of Lambert's W (Butakov et al., mutinfo).
pub(super) fn smoothed_uniform_sharpness(information: f64) -> f64 {
    if information < 0.5 { 2.0 * information } else { -0.5 / lambert_w(-0.5 * (-information).exp()) }
}

/// Lambert's W, principal branch, for −1/e < z ≤ 0: the w ≥ −1 with w e^w = z.
///
/// w e^w is convex there, so Newton's steps from w = 0 come down to the root without passing it.
fn lambert_w(z: f64) -> f64 {
    let mut w = 0.0;
    for _ in 0..64 {
        let step = (w - z * f64::exp(-w)) / (1.0 + w);
        w -= step;
        if step.abs() <= f64::EPSILON * w.abs() {
            break;
        }
    }
    w
}

/// X = ln G, G ~ Γ(1/k), and Y = ln E − X with E exponential: ψ(1/k) + k + ln k = ψ(1 + 1/k) + ln k.
///
/// Y is exponential at the rate e^X on a logarithmic scale, so this is the gamma-exponential pair of Darbellay & Vajda
/// (2000) through logarithms.
pub(super) fn log_gamma_exponential(k: f64) -> f64 {
    let theta = 1.0 / k;
    // Past this the two terms cancel to more than the six orders of the expansion leave out.
    if theta > 1e3 {
        let square = theta * theta;
        return 0.5 / theta - 1.0 / (12.0 * square) + 1.0 / (120.0 * square * square);
    }
    digamma(1.0 + theta) + k.ln()
}

/// The k at which the log-gamma-exponential pair shares `information` nats, which must be more than 0.
pub(super) fn log_gamma_exponential_shape(information: f64) -> f64 {
    // ln k − γ < I < k/2: both ends of ln k follow from them.
    let (low, high) = ((2.0 * information).ln(), information + EULER_GAMMA);
    bisect(low, high, |ln_k| log_gamma_exponential(ln_k.exp()) < information).exp()
}

/// Probability of the last label where the others share the rest equally and the entropy is `information`: (number
/// of labels, that probability). The last is the smallest, so no other choice of that many labels is more uniform.
pub(super) fn quantised_labels(information: f64) -> (usize, f64) {
    // At a whole e^I rounding must not add a label of probability nearly 0.
    let labels = (information.exp() * (1.0 - 1e-12)).ceil().max(1.0);
    let last = bisect(0.0, 1.0 / labels, |last| remainder_entropy(labels, last) < information);
    (labels as usize, if labels == 1.0 { 1.0 } else { last })
}

/// Entropy in nats of `labels` labels, all but the last equally likely.
pub(super) fn remainder_entropy(labels: f64, last: f64) -> f64 {
    let term = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    term(last) + term(1.0 - last) + (1.0 - last) * (labels - 1.0).max(1.0).ln()
}

/// Where `below` turns from true to false between `low` and `high`, to the resolution of doubles.
pub(super) fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
}
