//! Standardised cells: each channel has mean 0 and spread 1 over all cells of the training samples.

use ndarray::{Array1, Array2, ArrayView2};

/// Mean and spread of each channel over all cells of all samples.
pub(super) fn scaling(embeddings: ArrayView2<'_, f64>, channels: usize) -> (Array1<f64>, Array1<f64>) {
    let count = (embeddings.len() / channels) as f64;
    let over = |of: &dyn Fn(usize, f64) -> f64| {
        let mut sum = Array1::<f64>::zeros(channels);
        for row in embeddings.outer_iter() {
            row.iter().enumerate().for_each(|(at, v)| sum[at % channels] += of(at % channels, *v));
        }
        sum / count
    };
    let mean = over(&|_, v| v);
    let variance = over(&|channel, v| (v - mean[channel]).powi(2));
    (mean, variance.mapv(|v| if v > 0.0 { v.sqrt() } else { 1.0 }))
}

/// Standardised values of embeddings [samples × cells · channels].
pub(super) fn standardised(
    embeddings: ArrayView2<'_, f64>,
    (mean, spread): &(Array1<f64>, Array1<f64>),
) -> Array2<f32> {
    let channels = mean.len();
    let mut out = Array2::zeros(embeddings.dim());
    for (row, mut to) in embeddings.outer_iter().zip(out.outer_iter_mut()) {
        for (at, (v, to)) in row.iter().zip(&mut to).enumerate() {
            *to = ((v - mean[at % channels]) / spread[at % channels]) as f32;
        }
    }
    out
}
