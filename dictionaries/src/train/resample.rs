//! Dead features start anew from samples that are reconstructed badly (Bricken et al. 2023, appendix on resampling).
//!
//! Samples are drawn without replacement with a chance ∝ (‖x − x̂‖²)². The decoder row becomes the direction of x − b, the
//! encoder row the same times 0.2 of the mean norm of live encoder rows, biases zero, and Adam forgets the feature.

use super::adam::Moments;
use super::start::unit;
use crate::kernel::{Matrix, dot};
use crate::random::{Purpose, stream};
use crate::variants::{Variant, Weights};
use rand::RngExt;

/// Part of the mean norm of live encoder rows that new ones get.
const SHRINK: f32 = 0.2;

/// Starts dead features anew, as many as there are samples at most, and returns which.
pub(super) fn resample(
    variant: &dyn Variant,
    weights: &mut Weights,
    moments: &mut Moments,
    dead: &[u32],
    centred: &Matrix,
    error: &Matrix,
    seed_and_step: (u64, u64),
) -> Vec<u32> {
    let width = weights.decoder.n_rows();
    let mut is_dead = vec![false; width];
    dead.iter().for_each(|&j| is_dead[j as usize] = true);
    let norms: Vec<f32> = (0..width)
        .filter(|&j| !is_dead[j])
        .map(|j| dot(weights.encoder.row(j), weights.encoder.row(j)).sqrt())
        .collect();
    let norm = if norms.is_empty() { 1.0 } else { norms.iter().sum::<f32>() / norms.len() as f32 };
    let samples = draw(error, dead.len(), seed_and_step);
    let own = variant.own();
    let revived: Vec<u32> = dead.iter().copied().take(samples.len()).collect();
    for (&feature, &sample) in revived.iter().zip(&samples) {
        let feature = feature as usize;
        let mut direction = centred.row(sample).to_vec();
        unit(&mut direction);
        weights.decoder.row_mut(feature).copy_from_slice(&direction);
        let encoder = weights.encoder.row_mut(feature);
        encoder.iter_mut().zip(&direction).for_each(|(e, d)| *e = d * norm * SHRINK);
        weights.encoder_bias[feature] = 0.0;
        for (vector, &(_, start)) in weights.own.iter_mut().zip(&own) {
            vector[feature] = start;
        }
        moments.forget(feature);
    }
    revived
}

/// Samples by weight, without replacement: those with the largest u^(1/w) (Efraimidis & Spirakis 2006).
fn draw(error: &Matrix, most: usize, (seed, step): (u64, u64)) -> Vec<usize> {
    let mut generator = stream(seed, Purpose::Resampling, 0, step);
    let mut keys: Vec<(f64, usize)> = error
        .rows()
        .enumerate()
        .map(|(sample, row)| {
            let u: f64 = generator.random_range(f64::MIN_POSITIVE..1.0);
            let weight = f64::from(dot(row, row)).powi(2);
            // The logarithm of the key, which has the same order and does not vanish.
            (if weight > 0.0 { u.ln() / weight } else { f64::NEG_INFINITY }, sample)
        })
        .filter(|k| k.0 > f64::NEG_INFINITY)
        .collect();
    keys.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    keys.into_iter().take(most).map(|k| k.1).collect()
}
