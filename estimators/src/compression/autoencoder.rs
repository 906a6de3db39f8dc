//! A dense autoencoder: a network that rebuilds its input through a narrow layer ("Reducing the dimensionality of data
//! with neural networks", Hinton & Salakhutdinov 2006). The narrow layer, which is linear, is the code.

use super::{Compressed, Encoder, EncoderEntry};
use crate::linalg::standardised;
use crate::neural::{Activation, Mlp, Schedule, fit, widths, widths_text};
use crate::pair;
use crate::random::{generator, permutation};
use crate::registry::ParameterDoc;
use crate::{Estimator, EstimatorError, Parameters, Transform, Variable};
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// A dense autoencoder of standardised features, trained for the mean squared error by Adam.
///
/// A tenth of the samples is held out to stop by; the codes and the reconstruction error are of all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Autoencoder {
    /// Numbers in a code, at least 1.
    pub components: usize,
    /// Units of the encoder's hidden layers; the decoder's are the same backwards.
    pub hidden: Vec<usize>,
    /// Samples of a minibatch, at least 1.
    pub batch: usize,
    /// Most training steps, at least 1.
    pub steps: usize,
    /// Adam's learning rate, above zero.
    pub rate: f64,
    /// Of the split, the initial weights and the minibatches.
    pub seed: u64,
}

const NAME: &str = "autoencoder";

pub(super) const ENTRY: EncoderEntry = EncoderEntry {
    name: NAME,
    summary: "the narrow layer of a dense network that rebuilds its input (Hinton & Salakhutdinov 2006)",
    parameters: &[
        ParameterDoc { name: "components", default: "4", meaning: "numbers in a code" },
        ParameterDoc { name: "hidden", default: "64x32", meaning: "units of the encoder's hidden layers" },
        ParameterDoc { name: "batch", default: "128", meaning: "samples of a minibatch" },
        ParameterDoc { name: "steps", default: "20000", meaning: "most training steps" },
        ParameterDoc { name: "rate", default: "0.002", meaning: "Adam's learning rate" },
        ParameterDoc { name: "seed", default: "0", meaning: "of the split, the weights and the minibatches" },
    ],
    build: |p| Ok(Box::new(Autoencoder::from_parameters(p)?)),
};

/// Steps without a better validation error after which to stop.
const PATIENCE: usize = 1000;

impl Autoencoder {
    /// With codes of so many numbers.
    pub fn new(components: usize) -> Self {
        Self { components, hidden: vec![64, 32], batch: 128, steps: 20_000, rate: 0.002, seed: 0 }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let whole = |key, default: usize| {
            let found = p.value(key, "it must be a whole number of at least 1", |v: &usize| *v >= 1)?;
            Ok::<_, EstimatorError>(found.unwrap_or(default))
        };
        let default = Self::new(4);
        Ok(Self {
            components: whole("components", default.components)?,
            hidden: widths(p)?.unwrap_or(default.hidden),
            batch: whole("batch", default.batch)?,
            steps: whole("steps", default.steps)?,
            rate: p
                .value("rate", "it must be a number above 0", |v: &f64| *v > 0.0 && v.is_finite())?
                .unwrap_or(default.rate),
            seed: p.value("seed", "it must be a whole number", |_| true)?.unwrap_or(default.seed),
        })
    }
}

impl Estimator for Autoencoder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        format!(
            "components={} hidden={} batch={} steps={} rate={} seed={}",
            self.components,
            widths_text(&self.hidden),
            self.batch,
            self.steps,
            self.rate,
            self.seed
        )
    }
}

impl Encoder for Autoencoder {
    fn compress(&self, data: ArrayView2<'_, f64>) -> Result<Compressed, EstimatorError> {
        pair::check(&[Variable::Continuous(data)])?;
        // For its check of the range of numbers.
        Transform::Standard.apply(data)?;
        let x = standardised(data).mapv(|v| v as f32);
        let (n, d) = x.dim();
        const FEWEST: usize = 20;
        if n < FEWEST {
            return Err(EstimatorError::TooFewSamples { found: n, needed: FEWEST });
        }
        let order = permutation(n, &mut generator(self.seed, 0));
        let (held, trained) = order.split_at(n / 10);
        let (validation, train) = (x.select(Axis(0), held), x.select(Axis(0), trained));
        let random = &mut generator(self.seed, 2);
        let mut back = self.hidden.clone();
        back.reverse();
        let encoder = Mlp::new(&[&[d], &self.hidden[..], &[self.components]].concat(), Activation::Relu, random);
        let decoder = Mlp::new(&[&[self.components], &back[..], &[d]].concat(), Activation::Relu, random);
        let schedule =
            Schedule { batch: self.batch, steps: self.steps, rate: self.rate, patience: PATIENCE, seed: self.seed };
        let fitted = fit(
            (encoder, decoder),
            train.nrows(),
            &schedule,
            |(encoder, decoder), batch, (into_encoder, into_decoder)| {
                let input = train.select(Axis(0), batch);
                let coding = encoder.trace(input.clone());
                let rebuilding = decoder.trace(coding.output().clone());
                let slope = (rebuilding.output() - &input) * (2.0 / input.len() as f32);
                let slope = decoder.backward(&rebuilding, slope, into_decoder);
                encoder.backward_to_first(&coding, slope, into_encoder);
            },
            |(encoder, decoder)| -error(&decoder.forward(encoder.forward(validation.view()).view()), &validation),
        );
        let (encoder, decoder) = &fitted.model;
        let codes = encoder.forward(x.view());
        let total: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
        let lost = error(&decoder.forward(codes.view()), &x);
        let reconstruction_error = if total > 0.0 { lost / total } else { 0.0 };
        Ok(Compressed { codes: codes.mapv(f64::from), explained_variance: None, reconstruction_error })
    }
}

/// The sum of squared differences.
fn error(a: &Array2<f32>, b: &Array2<f32>) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pca;

    #[test]
    fn a_bent_curve_fits_in_one_number_better_than_its_principal_component() {
        let x = Array2::from_shape_fn((1000, 3), |(i, j)| {
            let t = (i as f64 * 0.618_034).fract() * 3.0;
            [t.cos(), t.sin(), t * t / 5.0][j]
        });
        let encoder = Autoencoder { steps: 3000, ..Autoencoder::new(1) };
        let found = encoder.compress(x.view()).unwrap();
        let linear = Pca::new(1).compress(standardised(x.view()).view()).unwrap();
        assert_eq!(found.codes.dim(), (1000, 1));
        assert!(found.reconstruction_error < 0.02 && linear.reconstruction_error > 0.1, "{found:?} {linear:?}");
        assert_eq!(found, encoder.compress(x.view()).unwrap());
    }
}
