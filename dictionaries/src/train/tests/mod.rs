//! Tests of whole trainings, and of derivatives against automatic differentiation.

mod oracle;
mod planted;
mod resume;

use crate::random::{Purpose, stream};
use ndarray::{Array2, Axis};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// Sparse sums of known directions.
pub(super) struct Planted {
    /// [features × inputs], of unit norm.
    pub(super) truth: Array2<f32>,
    /// [samples × inputs].
    pub(super) samples: Array2<f32>,
}

impl Planted {
    /// `active` of 32 features in 16 dimensions in each sample, with weights from 0.5 to 1.5, and an offset.
    pub(super) fn new(samples: usize, active: usize, seed: u64) -> Self {
        let mut generator = stream(seed, Purpose::Clusters, 7, 0);
        let mut truth = Array2::<f32>::zeros((32, 16));
        for mut row in truth.rows_mut() {
            row.iter_mut().for_each(|w| *w = StandardNormal.sample(&mut generator));
            let norm = row.dot(&row).sqrt();
            row /= norm;
        }
        let mut rows = Array2::from_elem((samples, 16), 0.3);
        for mut row in rows.rows_mut() {
            for _ in 0..active {
                let feature = generator.random_range(0..32usize);
                let weight: f32 = generator.random_range(0.5..1.5);
                row.scaled_add(weight, &truth.row(feature));
            }
        }
        Self { truth, samples: rows }
    }

    /// Batches in order, over and over.
    pub(super) fn batch(&self, step: u64, batch: usize) -> ndarray::ArrayView2<'_, f32> {
        let batches = self.samples.nrows() / batch;
        let first = (step as usize % batches) * batch;
        self.samples.slice_axis(Axis(0), (first..first + batch).into())
    }

    /// Mean over the true features of the largest cosine with a decoder row.
    pub(super) fn recovery(&self, decoder: &Array2<f32>) -> f32 {
        let best = |row: ndarray::ArrayView1<f32>| decoder.dot(&row).iter().copied().fold(-1.0, f32::max);
        self.truth.rows().into_iter().map(best).sum::<f32>() / self.truth.nrows() as f32
    }
}
