//! How sparse a bottleneck has become, and whether its units are the concepts whose names they bear.
//!
//! Gradient steps on any of these losses leave no weight at exactly zero, so that counting zeros would say nothing.

use crate::{Head, Measure, best_class};
use ndarray::{Array2, ArrayView2};

/// Share of the weights below a thousandth of the largest.
pub(super) fn small_weights(weights: ArrayView2<'_, f64>) -> f64 {
    let largest = weights.iter().fold(0.0f64, |m, w| m.max(w.abs()));
    weights.iter().filter(|w| w.abs() < 1e-3 * largest).count() as f64 / weights.len().max(1) as f64
}

/// The fewest concepts whose contributions |concept · weight| to the predicted class make nine tenths of all: mean over
/// the samples and its standard error.
pub(super) fn concepts_for_most(concepts: ArrayView2<'_, f64>, head: &Head) -> Measure {
    let predicted = best_class(head.scores(concepts).view());
    let needed: Vec<f64> = concepts
        .outer_iter()
        .zip(predicted)
        .map(|(row, class)| {
            let column = head.weights.column(class as usize);
            let mut parts: Vec<f64> = row.iter().zip(column).map(|(c, w)| (c * w).abs()).collect();
            parts.sort_unstable_by(|a, b| b.total_cmp(a));
            let (most, mut sum) = (0.9 * parts.iter().sum::<f64>(), 0.0);
            let enough = parts.iter().position(|part| {
                sum += part;
                sum >= most
            });
            enough.map_or(parts.len(), |i| i + 1) as f64
        })
        .collect();
    let n = needed.len() as f64;
    let mean = needed.iter().sum::<f64>() / n;
    let variance = needed.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    Measure { std_error: Some((variance / n).sqrt()), ..Measure::whole("concepts_for_90_percent", mean) }
}

/// Correlation of each column of `a` with that of `b`; 0 for a constant one.
pub(super) fn correlations(a: &Array2<f64>, b: &Array2<f64>) -> Vec<f64> {
    let n = a.nrows() as f64;
    let of = |j: usize| {
        let (x, y) = (a.column(j), b.column(j));
        let (mx, my) = (x.sum() / n, y.sum() / n);
        let [mut xy, mut xx, mut yy] = [0.0; 3];
        for (&x, &y) in x.iter().zip(y) {
            let (x, y) = (x - mx, y - my);
            (xy, xx, yy) = (xy + x * y, xx + x * x, yy + y * y);
        }
        if xx > 0.0 && yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 }
    };
    (0..a.ncols()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn small_weights_are_counted_against_the_largest() {
        assert_eq!(small_weights(array![[10.0, 0.009, -0.02, 0.0]].view()), 0.5);
    }

    #[test]
    fn concepts_that_carry_the_prediction_are_counted() {
        let head = Head { weights: array![[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], intercepts: array![0.0, 0.0] };
        // The first sample rests on one concept, the second on two of the same size, the third on another class's.
        let concepts = array![[10.0, 1.0, 0.0], [3.0, 3.0, 0.0], [0.0, 0.0, 1.0]];
        let found = concepts_for_most(concepts.view(), &head);
        assert!((found.value - 4.0 / 3.0).abs() < 1e-12);
        assert!((found.std_error.unwrap() - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn correlations_are_of_columns_of_the_same_number() {
        let a = array![[1.0, 2.0, 5.0], [2.0, 1.0, 5.0], [3.0, 0.0, 5.0]];
        let b = array![[2.0, 0.0, 1.0], [4.0, 1.0, 2.0], [6.0, 2.0, 3.0]];
        let found = correlations(&a, &b);
        assert!((found[0] - 1.0).abs() < 1e-12 && (found[1] + 1.0).abs() < 1e-12 && found[2] == 0.0);
    }
}
