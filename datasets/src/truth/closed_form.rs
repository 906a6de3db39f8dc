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

#[cfg(test)]
mod tests {
    use super::*;

    /// Length of the part of (0, 1) within `width` below y: p(y) is this over `width` where Y = U(0, 1) + U(0, width).
    fn overlap(y: f64, width: f64) -> f64 {
        (y.min(1.0) - (y - width).max(0.0)).max(0.0)
    }

    /// h(Y) − h(noise) of a uniform X and uniform noise on (0, width), by the midpoint rule.
    fn uniform_plus_noise(width: f64) -> f64 {
        let n = 2_000_000;
        let step = (1.0 + width) / f64::from(n);
        let entropy: f64 = (0..n)
            .map(|i| overlap((f64::from(i) + 0.5) * step, width) / width)
            .map(|p| if p > 0.0 { -p * p.ln() } else { 0.0 })
            .sum();
        entropy * step - width.ln()
    }

    #[test]
    fn normal_information_and_correlation_are_inverses() {
        for information in [0.0, 1e-9, 0.4133, 1.0, 5.0, 15.0] {
            let rho = normal_correlation(information);
            assert!((normal(rho) - information).abs() < 1e-9 * information.exp().max(1.0), "{information}");
        }
        assert!((normal(0.75) - 0.413339).abs() < 1e-6 && (2.0 * normal(0.8) - 1.021651).abs() < 1e-6);
    }

    #[test]
    fn dense_normals_and_students_have_the_published_information() {
        for (dim, want) in [(2, 0.293893), (3, 0.413339), (5, 0.592812), (25, 1.292184), (50, 1.624265)] {
            assert!((equicorrelated_normal(dim, 0.5) - want).abs() < 1e-6, "{dim}");
        }
        let students = [
            (1, 1, 0.224171),
            (2, 1, 0.431946),
            (2, 2, 0.193147),
            (3, 2, 0.290922),
            (3, 3, 0.178712),
            (5, 2, 0.448151),
            (5, 3, 0.298544),
        ];
        for (dim, dof, want) in students {
            assert!((student_excess(dof, dim, dim) - want).abs() < 1e-6, "{dim} {dof}");
        }
        // In one dimension each at one degree of freedom it is ln(8π) − 3, in two dimensions at two ln 2 − ½.
        assert!((student_excess(1, 1, 1) - ((8.0 * std::f64::consts::PI).ln() - 3.0)).abs() < 1e-12);
        assert!((student_excess(2, 2, 2) - (2f64.ln() - 0.5)).abs() < 1e-12);
    }

    #[test]
    fn uniforms_with_noise_agree_with_a_numerical_integral() {
        for epsilon in [0.1, 0.5, 0.75, 3.0] {
            assert!((additive_noise(epsilon) - uniform_plus_noise(2.0 * epsilon)).abs() < 1e-8, "{epsilon}");
        }
        for information in [0.05, 0.3, 0.499, 0.5, 0.501, 1.0, 3.0, 6.0] {
            let width = 1.0 / smoothed_uniform_sharpness(information);
            assert!((uniform_plus_noise(width) - information).abs() < 1e-6, "{information}");
        }
        assert_eq!(smoothed_uniform_sharpness(0.0), 0.0);
        for information in [0.5, 0.7, 2.0, 10.0, 30.0] {
            let a = smoothed_uniform_sharpness(information);
            assert!((a.ln() + 0.5 / a - information).abs() < 1e-12, "{information}");
        }
    }

    #[test]
    fn lambert_w_solves_its_equation() {
        assert!((lambert_w(-0.5 * (-0.5f64).exp()) + 0.5).abs() < 1e-14);
        for z in [-0.36, -0.2, -1e-3, -1e-12, 0.0] {
            let w = lambert_w(z);
            assert!(w >= -1.0 && (w * w.exp() - z).abs() <= 1e-15 * z.abs().max(1e-300) + 4e-16 * z.abs(), "{z}");
        }
    }

    #[test]
    fn log_gamma_exponential_agrees_with_a_numerical_integral() {
        for information in [0.2, 1.0, 2.0] {
            let theta = 1.0 / log_gamma_exponential_shape(information);
            let step = 0.04;
            let log_gamma = |s: f64| theta * s - s.exp() - ln_gamma(theta);
            let log_exponential = |t: f64| t - t.exp();
            // s = ln G runs down to where e^(θs) is nothing; t = y + s = ln E to where e^t is.
            let (low, high) = (-32.0 / theta - 10.0, (theta + 60.0).ln());
            let steps = ((high - low) / step) as i64;
            let s = |i: i64| high - i as f64 * step;
            // t − s on a grid of the same step, up to a constant: so p(y) is a sum over the rows.
            let (lowest, highest) = (-(30.0 / step) as i64, (4.2 / step) as i64);
            let t = |j: i64, i: i64| (j - i + lowest) as f64 * step;
            let columns = |i: i64| i..=i + highest - lowest;
            let joint = |i: i64, j: i64| log_gamma(s(i)) + log_exponential(t(j, i));
            let mut marginal = vec![0.0; (steps + highest - lowest + 1) as usize];
            for i in 0..steps {
                columns(i).for_each(|j| marginal[j as usize] += joint(i, j).exp() * step);
            }
            let (mut mass, mut total) = (0.0, 0.0);
            for i in 0..steps {
                for j in columns(i) {
                    let p = joint(i, j).exp() * step * step;
                    mass += p;
                    total += if p > 0.0 { p * (log_exponential(t(j, i)) - marginal[j as usize].ln()) } else { 0.0 };
                }
            }
            assert!((mass - 1.0).abs() < 1e-9, "{information}: {mass}");
            assert!((total - information).abs() < 1e-6, "{information}: {total}");
        }
    }

    #[test]
    fn log_gamma_exponential_is_inverted_over_its_whole_range() {
        for information in [1e-12, 1e-6, 4e-4, 6e-4, 0.1, 1.0, 10.0, 30.0] {
            let k = log_gamma_exponential_shape(information);
            assert!((log_gamma_exponential(k) - information).abs() < 1e-13 * information.max(1.0), "{information}");
        }
        // Both sides of the change of formula, where the slope is ½ − k/6.
        let (a, b) = (log_gamma_exponential(0.999_999e-3), log_gamma_exponential(1.000_001e-3));
        assert!((b - a - 2e-9 * (0.5 - 1e-3 / 6.0)).abs() < 1e-14, "{}", b - a);
    }

    #[test]
    fn quantised_labels_have_the_entropy_asked_for() {
        for information in [0.0, 0.01, 2f64.ln(), 1.0, 3f64.ln(), 2.5, 6.0] {
            let (labels, last) = quantised_labels(information);
            let other = (1.0 - last) / (labels - 1).max(1) as f64;
            let entropy: f64 = (1..labels).map(|_| -other * other.ln()).sum::<f64>() - last * last.ln();
            assert!((entropy - information).abs() < 1e-11, "{information}: {entropy}");
            assert!(labels == 1 || last <= other + 1e-12);
            // No fewer labels have that much entropy.
            assert!(((labels - 1) as f64).ln() < information || labels == 1);
        }
        assert_eq!(quantised_labels(3f64.ln()).0, 3);
        assert_eq!(quantised_labels(0.0), (1, 1.0));
    }
}
