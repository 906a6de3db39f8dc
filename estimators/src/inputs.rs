//! The input's values, for estimators that look at them: encoded once, and shared by every layer and checkpoint.

use crate::compression::{Compressed, encoder};
use crate::{EstimatorError, PlaneEstimator};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The input in the codes that estimators ask for (see [`PlaneEstimator::needs_inputs`]).
#[derive(Debug, Clone, PartialEq)]
pub struct InputCodes {
    n_samples: usize,
    /// By the specification of the encoder.
    codes: Vec<(String, Compressed)>,
}

impl InputCodes {
    /// Encodes `inputs`, [samples × features], for some estimators: once for each encoder that they ask for.
    ///
    /// # Errors
    /// When an encoder refuses the inputs: too few samples, no features, values that are not finite or too large.
    pub fn new(inputs: ArrayView2<'_, f64>, estimators: &[Box<dyn PlaneEstimator>]) -> Result<Self, EstimatorError> {
        let mut wanted: Vec<String> = vec![];
        for specification in estimators.iter().filter_map(|e| e.needs_inputs()) {
            if !wanted.contains(&specification) {
                wanted.push(specification);
            }
        }
        let codes = wanted
            .into_par_iter()
            .map(|specification| {
                let compressed = encoder(&specification)?.compress(inputs)?;
                Ok((specification, compressed))
            })
            .collect::<Result<_, EstimatorError>>()?;
        Ok(Self { n_samples: inputs.nrows(), codes })
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// The codes by the encoder of this specification, if it was asked for.
    pub fn by(&self, encoder: &str) -> Option<&Compressed> {
        self.codes.iter().find(|(specification, _)| specification == encoder).map(|(_, found)| found)
    }
}

/// Gaussian noise that a stochastic network itself adds to a layer, in training and when it is traced.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerNoise {
    /// Of this standard deviation.
    Additive(f64),
    /// Of this share of each activation, t(1 + σε), as in Butakov et al. 2024.
    Relative(f64),
}

impl LayerNoise {
    /// Its variance on a layer; of relative noise the mean over all activations.
    pub fn variance(self, activations: ArrayView2<'_, f32>) -> f64 {
        match self {
            Self::Additive(std) => std * std,
            Self::Relative(share) => {
                let squares: f64 = activations.iter().map(|&t| f64::from(t).powi(2)).sum();
                share * share * squares / activations.len().max(1) as f64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn relative_noise_grows_with_the_activations() {
        let t = array![[3.0f32, -1.0], [1.0, 1.0]];
        assert!((LayerNoise::Relative(0.1).variance(t.view()) - 0.01 * 3.0).abs() < 1e-12);
        assert!((LayerNoise::Additive(0.1).variance(t.view()) - 0.01).abs() < 1e-15);
    }
}
