//! Weights of neighbours that cancel the bias of nearest-neighbour entropies in many dimensions ("Efficient multivariate
//! entropy estimation via k-nearest neighbour distances", Berrett, Samworth & Yuan, Annals of Statistics 2019).

use crate::special::ln_gamma;
use nalgebra::{DMatrix, DVector};

/// The largest sum of the weights' sizes that is of use.
const MOST: f64 = 100.0;

/// The weights of neighbours 1…k in `d` dimensions.
///
/// Σ w = 1, Σ_j w_j Γ(j + 2l/d)/Γ(j) = 0 for l = 1…⌊d/4⌋, only at j ∈ {⌊k/d⌋, ⌊2k/d⌋, …, k}, the shortest such vector.
/// For d ≤ 4 there is no condition but the sum, and the paper's choice is the nearest neighbour alone. Where there are
/// fewer neighbours than conditions, or the weights that meet them are so large and of so changing a sign that the
/// noise of the distances is blown up a hundredfold (k = 5 from 16 dimensions on), the k-th neighbour stands alone.
pub(super) fn weights(k: usize, d: usize) -> Vec<f64> {
    let mut w = vec![0.0; k];
    if d <= 4 {
        w[0] = 1.0;
        return w;
    }
    let mut support: Vec<usize> = (1..=d).map(|i| i * k / d).filter(|j| *j >= 1).collect();
    support.dedup();
    let conditions = d / 4 + 1;
    let alone = || (1..=k).map(|j| f64::from(u8::from(j == k))).collect::<Vec<f64>>();
    if support.len() < conditions {
        return alone();
    }
    // Each condition is divided by its length: as they stand they differ by orders of magnitude.
    let mut rows = DMatrix::zeros(conditions, support.len());
    let mut target = DVector::zeros(conditions);
    for l in 0..conditions {
        let shift = 2.0 * l as f64 / d as f64;
        let row: Vec<f64> = support.iter().map(|&j| (ln_gamma(j as f64 + shift) - ln_gamma(j as f64)).exp()).collect();
        let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        for (column, value) in row.iter().enumerate() {
            rows[(l, column)] = value / length;
        }
        if l == 0 {
            target[0] = 1.0 / length;
        }
    }
    // Least squares of least norm.
    let solution = rows.svd(true, true).solve(&target, 1e-6).unwrap_or_else(|_| DVector::zeros(support.len()));
    for (&j, value) in support.iter().zip(solution.iter()) {
        w[j - 1] = *value;
    }
    // Whatever the conditions, the weights must add up, or the entropy is off by a constant.
    let sum: f64 = w.iter().sum();
    w.iter_mut().for_each(|v| *v /= sum);
    if w.iter().map(|v| v.abs()).sum::<f64>() <= MOST { w } else { alone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(k: usize, d: usize, expected: &[f64]) {
        for (found, truth) in weights(k, d).iter().zip(expected) {
            assert!((found - truth).abs() < 2e-6 * truth.abs().max(1.0), "k {k} d {d}: {:?}", weights(k, d));
        }
    }

    #[test]
    fn the_kth_neighbour_where_the_conditions_ask_too_much() {
        for d in [16, 20, 50, 100] {
            assert_eq!(weights(5, d), [0.0, 0.0, 0.0, 0.0, 1.0], "{d}");
        }
    }

    /// Weights of the authors' conditions solved with numpy's lstsq.
    #[test]
    fn equals_the_published_conditions() {
        close(5, 5, &[1.540_589_848_3, 0.669_624_510_3, 0.059_948_773_6, -0.427_791_815_7, -0.842_371_316_6]);
        close(5, 8, &[9.854_136_576_7, -7.669_104_924_3, -7.229_967_014_6, -1.205_031_658_5, 7.249_967_020_8]);
        close(
            10,
            8,
            &[
                5.958_036_335_6,
                -0.968_521_963_1,
                -2.955_061_954_4,
                0.0,
                -2.800_521_040_6,
                -1.885_894_803_9,
                -0.701_270_766,
                0.658_399_755_1,
                0.0,
                3.694_834_435_2,
            ],
        );
    }

    #[test]
    fn the_nearest_alone_up_to_four_dimensions() {
        assert_eq!(weights(3, 4), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn they_always_add_up() {
        for (k, d) in [(1, 5), (2, 20), (20, 10), (7, 64)] {
            assert!((weights(k, d).iter().sum::<f64>() - 1.0).abs() < 1e-9, "{k} {d}: {:?}", weights(k, d));
        }
    }
}
