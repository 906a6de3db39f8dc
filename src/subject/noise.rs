//! Gaussian noise inside a network that is run: a stochastic network, whose I(X;T) is finite.
//!
//! What a hidden layer yields is disturbed before it is looked at and before the next layer takes it: T = f(T′) + S·n, as
//! Goldfeld et al. 2019 define it, or, relative to the signal, T = f(T′) + S·f(T′)·n, as the networks of Butakov et al.
//! 2024 are made; n is standard normal and of each value its own. The output layer is left as it is: it is random as far
//! as the layers before it are.

use narrows_estimators::LayerNoise;
use ndarray::{Array2, ArrayD, Axis, IxDyn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Noise on what every hidden layer yields.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Standard deviation; where it is relative, that of the noise divided by the signal.
    pub std: f64,
    /// Whether each value's noise is proportional to it.
    #[serde(default)]
    pub relative: bool,
}

/// Key of the noise in a checkpoint's metadata.
pub(crate) const METADATA: &str = "activation_noise";

impl Noise {
    /// Whether it changes anything.
    pub fn is_some(self) -> bool {
        self.std > 0.0
    }
}

impl From<Noise> for LayerNoise {
    fn from(noise: Noise) -> Self {
        if noise.relative { LayerNoise::Relative(noise.std) } else { LayerNoise::Additive(noise.std) }
    }
}

impl std::fmt::Display for Noise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let relative = if self.relative { " times the value" } else { "" };
        write!(f, "Gaussian noise of standard deviation {}{relative}", self.std)
    }
}

/// Noise, and the seed that its draws follow from.
///
/// A draw depends on the seed, the layer and the sample's row in the data, and on nothing else: not on the batch, the
/// threads, the checkpoint, or which samples and layers are asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseSource {
    /// The noise.
    pub noise: Noise,
    /// The seed.
    pub seed: u64,
}

impl NoiseSource {
    /// What is added to hidden layer `layer` (from 0), or multiplied with it where the noise is relative: for each of the
    /// samples `rows` an array of `shape`.
    pub fn draws(&self, layer: usize, rows: &[usize], shape: &[usize]) -> ArrayD<f32> {
        let width: usize = shape.iter().product();
        let mut values = vec![0.0; rows.len() * width];
        self.fill(layer, rows, width, &mut values);
        let axes: Vec<usize> = std::iter::once(rows.len()).chain(shape.iter().copied()).collect();
        // The length is the product of the axes.
        ArrayD::from_shape_vec(IxDyn(&axes), values).unwrap_or_default()
    }

    /// Disturbs what hidden layer `layer` (from 0) yields for the samples `rows` [samples × units].
    pub fn disturb(&self, layer: usize, rows: &[usize], values: &mut Array2<f32>) {
        let draws = self.draws(layer, rows, &[values.len_of(Axis(1))]);
        let draws = draws.iter();
        if self.noise.relative {
            values.iter_mut().zip(draws).for_each(|(value, factor)| *value *= factor);
        } else {
            values.iter_mut().zip(draws).for_each(|(value, summand)| *value += summand);
        }
    }

    fn fill(&self, layer: usize, rows: &[usize], width: usize, values: &mut [f32]) {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&(layer as u64).to_le_bytes());
        // Apart from every other use that a seed is put to.
        key[16..].copy_from_slice(b"activation noise");
        let whole = ChaCha8Rng::from_seed(key);
        let (std, around) = (self.noise.std as f32, if self.noise.relative { 1.0 } else { 0.0 });
        values.par_chunks_mut(width.max(1)).zip(rows).for_each(|(values, &row)| {
            let mut rng = whole.clone();
            rng.set_stream(row as u64);
            for value in values {
                let n: f32 = StandardNormal.sample(&mut rng);
                *value = around + std * n;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(std: f64, relative: bool) -> NoiseSource {
        NoiseSource { noise: Noise { std, relative }, seed: 7 }
    }

    #[test]
    fn a_draw_follows_from_seed_layer_and_row_alone() {
        let s = source(0.5, false);
        let all = s.draws(1, &[0, 1, 2, 3], &[2, 3]);
        let some = s.draws(1, &[3, 1], &[2, 3]);
        assert_eq!(some.index_axis(Axis(0), 0), all.index_axis(Axis(0), 3));
        assert_eq!(some.index_axis(Axis(0), 1), all.index_axis(Axis(0), 1));
        assert_ne!(s.draws(0, &[3, 1], &[2, 3]), some);
        assert_ne!(NoiseSource { seed: 8, ..s }.draws(1, &[3, 1], &[2, 3]), some);
        assert_ne!(all.index_axis(Axis(0), 0), all.index_axis(Axis(0), 1));
    }

    #[test]
    fn noise_has_the_spread_that_is_asked_for() {
        let rows: Vec<usize> = (0..2000).collect();
        for (relative, mean) in [(false, 0.0f32), (true, 1.0)] {
            let draws = source(0.25, relative).draws(0, &rows, &[10]);
            // 20 000 draws: standard errors 0.0018 and 0.0013.
            assert!((draws.mean().unwrap() - mean).abs() < 0.008 && (draws.std(0.0) - 0.25).abs() < 0.006);
        }
    }

    #[test]
    fn relative_noise_is_in_proportion() {
        let mut values = ndarray::array![[0.0f32, 1.0, 100.0]];
        source(0.01, true).disturb(0, &[4], &mut values);
        assert_eq!(values[[0, 0]], 0.0);
        assert!(values[[0, 1]] != 1.0 && (values[[0, 1]] - 1.0).abs() < 0.06);
        assert!((values[[0, 2]] - 100.0).abs() > 0.001);
        let mut values = ndarray::array![[0.0f32, 1.0, 100.0]];
        source(0.01, false).disturb(0, &[4], &mut values);
        assert!(values[[0, 0]] != 0.0 && (values[[0, 2]] - 100.0).abs() < 0.06);
    }
}
