//! How weights start. Biases start at zero.

use super::random::{Purpose, stream};
use crate::subject::{Architecture, Dense, Network};
use ndarray::{Array1, Array2};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// Distribution of the initial weights; `fan_in` inputs and `fan_out` outputs of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initialiser {
    /// Normal of standard deviation 1/√fan_in, redrawn beyond two of them (Shwartz-Ziv & Tishby 2017).
    #[default]
    TruncatedNormal,
    /// Normal of standard deviation √(2/fan_in) (He et al. 2015).
    #[serde(alias = "kaiming")]
    KaimingNormal,
    /// Uniform on ±√(6/fan_in) (He et al. 2015).
    KaimingUniform,
    /// Normal of standard deviation √(2/(fan_in+fan_out)) (Glorot & Bengio 2010).
    XavierNormal,
    /// Uniform on ±√(6/(fan_in+fan_out)) (Glorot & Bengio 2010).
    #[serde(alias = "xavier")]
    XavierUniform,
}

/// Size of a layer's matrix [outputs × inputs], and how many values one of its inputs goes to: as many as there are
/// outputs, but for convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LayerSize {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) fan_out: usize,
}

impl LayerSize {
    /// Those of dense layers.
    pub(super) fn of(units: &[usize]) -> impl Iterator<Item = Self> {
        units.windows(2).map(|pair| Self { inputs: pair[0], outputs: pair[1], fan_out: pair[1] })
    }
}

impl Initialiser {
    /// A network with fresh weights, the same for the same seed.
    pub fn network(self, architecture: &Architecture, seed: u64) -> Network {
        let sizes: Vec<LayerSize> = LayerSize::of(&architecture.layers).collect();
        Network { architecture: architecture.clone(), layers: self.layers(&sizes, seed) }
    }

    /// Fresh layers, the same for the same seed.
    pub(super) fn layers(self, sizes: &[LayerSize], seed: u64) -> Vec<Dense> {
        let mut rng = stream(seed, Purpose::Weights, 0);
        sizes
            .iter()
            .map(|size| {
                let (fan_in, fan_out) = (size.inputs as f32, size.fan_out as f32);
                let mut normal = || -> f32 { StandardNormal.sample(&mut rng) };
                let mut draw: Box<dyn FnMut() -> f32> = match self {
                    Initialiser::TruncatedNormal => Box::new(move || {
                        loop {
                            let z = normal();
                            if z.abs() <= 2.0 {
                                break z / fan_in.sqrt();
                            }
                        }
                    }),
                    Initialiser::KaimingNormal => Box::new(move || normal() * (2.0 / fan_in).sqrt()),
                    Initialiser::XavierNormal => Box::new(move || normal() * (2.0 / (fan_in + fan_out)).sqrt()),
                    Initialiser::KaimingUniform | Initialiser::XavierUniform => {
                        let fan = if self == Initialiser::KaimingUniform { fan_in } else { fan_in + fan_out };
                        let limit = (6.0 / fan).sqrt();
                        let rng = &mut rng;
                        Box::new(move || rng.random_range(-limit..limit))
                    }
                };
                Dense {
                    weight: Array2::from_shape_simple_fn((size.outputs, size.inputs), &mut *draw),
                    bias: Array1::zeros(size.outputs),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::{Activation, Output};

    fn first_layer(initialiser: Initialiser, seed: u64) -> Array2<f32> {
        let layers = vec![300, 100, 2];
        let architecture = Architecture { layers, activation: Activation::Tanh, output: Output::Softmax, keys: None };
        initialiser.network(&architecture, seed).layers[0].weight.clone()
    }

    #[test]
    fn spreads_are_the_published_ones() {
        // The standard deviation of a normal cut at two is 0.8796 of the uncut one.
        for (initialiser, expected) in [
            (Initialiser::TruncatedNormal, 0.8796 / 300f32.sqrt()),
            (Initialiser::KaimingNormal, (2f32 / 300.0).sqrt()),
            (Initialiser::KaimingUniform, (2f32 / 300.0).sqrt()),
            (Initialiser::XavierNormal, (2f32 / 400.0).sqrt()),
            (Initialiser::XavierUniform, (2f32 / 400.0).sqrt()),
        ] {
            let w = first_layer(initialiser, 1);
            let std = w.std(0.0);
            assert!((std / expected - 1.0).abs() < 0.02, "{initialiser:?}: {std} for {expected}");
            assert!(w.mean().unwrap().abs() < 0.02 * expected.max(0.05), "{initialiser:?}");
        }
        let w = first_layer(Initialiser::TruncatedNormal, 1);
        assert!(w.iter().all(|v| v.abs() <= 2.0 / 300f32.sqrt()));
    }

    #[test]
    fn a_seed_decides_everything() {
        assert_eq!(first_layer(Initialiser::XavierUniform, 5), first_layer(Initialiser::XavierUniform, 5));
        assert_ne!(first_layer(Initialiser::XavierUniform, 5), first_layer(Initialiser::XavierUniform, 6));
    }
}
