//! Reconstruction of a batch, its error, and the derivatives of that by what is decoded.

use crate::kernel::{Entries, Matrix, add_scaled};
use rayon::prelude::*;

/// Errors of the reconstructions by nested prefixes, and their derivatives.
pub(super) struct Residual {
    /// x̂ − x, by all features [samples × inputs].
    pub(super) full: Matrix,
    /// For each prefix, the derivative of the loss by what its last group of features adds: `Σ_{m' ≥ m} w · 2 e_m' / B`.
    pub(super) slopes: Vec<Matrix>,
    /// `Σ_m w · mean_B ‖e_m‖²`.
    pub(super) loss: f64,
    /// `Σ_B ‖e‖²` of the full reconstruction.
    pub(super) squared: f64,
}

/// For each feature of entries, the number of the prefix that it is the first in.
pub(super) fn group_of(prefixes: &[usize], feature: u32) -> usize {
    prefixes.partition_point(|&end| end <= feature as usize)
}

impl Residual {
    /// Of codes on `targets`; `bias` is added to what is decoded. Prefixes weigh the same.
    pub(super) fn of(
        entries: &Entries,
        decoder: &Matrix,
        bias: Option<&[f32]>,
        targets: &Matrix,
        prefixes: &[usize],
    ) -> Self {
        let (samples, inputs, n) = (targets.n_rows(), targets.n_columns(), prefixes.len());
        // One block a sample: the error of each prefix in turn.
        let mut errors = Matrix::zeros(samples, n * inputs);
        let sums: Vec<(f64, f64)> = errors
            .par_rows_mut()
            .with_min_len(8)
            .enumerate()
            .map(|(sample, blocks)| {
                let (features, values) = entries.row(sample);
                let (mut place, mut loss, mut last) = (0, 0.0, 0.0);
                for (m, &end) in prefixes.iter().enumerate() {
                    if m == 0 {
                        blocks[..inputs].iter_mut().zip(targets.row(sample)).for_each(|(e, x)| *e = -x);
                        if let Some(bias) = bias {
                            add_scaled(&mut blocks[..inputs], 1.0, bias);
                        }
                    } else {
                        blocks.copy_within((m - 1) * inputs..m * inputs, m * inputs);
                    }
                    let error = &mut blocks[m * inputs..(m + 1) * inputs];
                    while place < features.len() && (features[place] as usize) < end {
                        if values[place] != 0.0 {
                            add_scaled(error, values[place], decoder.row(features[place] as usize));
                        }
                        place += 1;
                    }
                    last = error.iter().map(|&e| f64::from(e) * f64::from(e)).sum();
                    loss += last;
                }
                (loss, last)
            })
            .collect();
        let loss = sums.iter().map(|s| s.0).sum::<f64>() / (samples * n) as f64;
        let squared = sums.iter().map(|s| s.1).sum();
        let weight = 2.0 / (samples * n) as f32;
        let mut slopes = vec![Matrix::zeros(samples, inputs); n];
        for m in (0..n).rev() {
            let (before, after) = slopes.split_at_mut(m + 1);
            let later = after.first();
            before[m].par_rows_mut().with_min_len(8).enumerate().for_each(|(sample, row)| {
                let error = &errors.row(sample)[m * inputs..(m + 1) * inputs];
                row.iter_mut().zip(error).for_each(|(s, e)| *s = weight * e);
                if let Some(later) = later {
                    add_scaled(row, 1.0, later.row(sample));
                }
            });
        }
        let mut full = Matrix::zeros(samples, inputs);
        full.par_rows_mut().with_min_len(8).enumerate().for_each(|(sample, row)| {
            row.copy_from_slice(&errors.row(sample)[(n - 1) * inputs..]);
        });
        Self { full, slopes, loss, squared }
    }

    /// Writes the derivative by each entry's value into its slope.
    pub(super) fn by_values(&self, entries: &mut Entries, decoder: &Matrix, prefixes: &[usize]) {
        entries.for_each_row(|sample, features, _, slopes| {
            for (&feature, slope) in features.iter().zip(slopes) {
                let by_output = self.slopes[group_of(prefixes, feature)].row(sample);
                *slope = crate::kernel::dot(by_output, decoder.row(feature as usize));
            }
        });
    }
}
