//! Where a training starts: the scale of its inputs, their middle, and the first features.

use crate::kernel::{Matrix, dot};
use crate::random::{Purpose, stream};
use crate::variants::{Variant, Weights};
use ndarray::{Array1, ArrayView2};
use rand_distr::{Distribution, StandardNormal};

/// Rows that the geometric median is taken of, at most: more change it little.
const MEDIAN_ROWS: usize = 32_768;
/// Rounds of Weiszfeld's algorithm at most.
const ROUNDS: usize = 100;
/// Relative change of the sum of distances at which it ends.
const TOLERANCE: f64 = 1e-7;

/// √(mean ‖x‖²), which inputs are divided by so that their mean square norm is 1; 1 where all are zero.
pub(super) fn scale(rows: ArrayView2<f32>) -> f32 {
    let sum: f64 = rows.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let scale = (sum / rows.nrows().max(1) as f64).sqrt() as f32;
    if scale > 0.0 { scale } else { 1.0 }
}

/// The point with the least sum of distances to the rows (Weiszfeld 1937), where the pre-bias starts.
pub(super) fn geometric_median(rows: ArrayView2<f32>) -> Array1<f64> {
    let stride = rows.nrows().div_ceil(MEDIAN_ROWS).max(1);
    let rows: Vec<_> = rows.rows().into_iter().step_by(stride).collect();
    let n = rows.len().max(1) as f64;
    let columns = rows.first().map_or(0, |r| r.len());
    let mut median = Array1::<f64>::zeros(columns);
    for row in &rows {
        median.zip_mut_with(row, |m, &x| *m += f64::from(x) / n);
    }
    let mut before = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (mut total, mut weights, mut next) = (0.0, 0.0, Array1::<f64>::zeros(columns));
        for row in &rows {
            let squared: f64 = row.iter().zip(&median).map(|(&x, m)| (f64::from(x) - m).powi(2)).sum();
            let distance = squared.sqrt();
            total += distance;
            // A row on the median itself would weigh infinitely.
            let weight = 1.0 / distance.max(1e-12);
            weights += weight;
            next.zip_mut_with(row, |m, &x| *m += weight * f64::from(x));
        }
        median = next / weights;
        if (before - total).abs() <= TOLERANCE * total {
            break;
        }
        before = total;
    }
    median
}

/// Decoder rows in random directions, the encoder the same, biases zero but for the pre-bias.
pub(super) fn weights(variant: &dyn Variant, width: usize, bias: Vec<f32>, seed: u64) -> Weights {
    let mut decoder = Matrix::zeros(width, bias.len());
    let mut generator = stream(seed, Purpose::Features, 0, 0);
    for feature in 0..width {
        let row = decoder.row_mut(feature);
        row.iter_mut().for_each(|w| *w = StandardNormal.sample(&mut generator));
        unit(row);
    }
    let own = variant.own().iter().map(|&(_, value)| vec![value; width]).collect();
    Weights { encoder: decoder.clone(), encoder_bias: vec![0.0; width], decoder, bias, own }
}

/// Scales a vector to norm 1; one of zeros stays.
pub(super) fn unit(vector: &mut [f32]) {
    let norm = dot(vector, vector).sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|v| *v /= norm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_median_is_not_moved_by_an_outlier() {
        let rows = array![[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.5, 1e4]];
        let median = geometric_median(rows.view());
        assert!(median[0].abs() < 0.2 && median[1].abs() < 0.8, "{median}");
        // Of three points on a line, it is the middle one.
        let line = geometric_median(array![[0.0], [1.0], [10.0]].view());
        assert!((line[0] - 1.0).abs() < 0.05, "{line}");
    }

    #[test]
    fn the_scale_makes_mean_square_norms_one() {
        assert_eq!(scale(array![[3.0, 0.0], [0.0, 3.0]].view()), 3.0);
        assert_eq!(scale(array![[0.0, 0.0]].view()), 1.0);
    }
}
