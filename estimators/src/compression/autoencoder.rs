//! A dense autoencoder: a network that rebuilds its input through a narrow layer ("Reducing the dimensionality of data
//! with neural networks", Hinton & Salakhutdinov 2006). The narrow layer, which is linear, is the code.

use super::training::{Fitting, Pass, whole};
use super::{Compressed, Encoder, EncoderEntry};
use crate::linalg::standardised;
use crate::neural::{Activation, Mlp, widths, widths_text};
use crate::pair;
use crate::registry::ParameterDoc;
use crate::{Estimator, EstimatorError, Parameters, Transform, Variable};
use ndarray::ArrayView2;
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
    /// How it is trained.
    pub fitting: Fitting,
}

const NAME: &str = "autoencoder";
const DOCS: [ParameterDoc; 4] = Fitting::docs("20000");

pub(super) const ENTRY: EncoderEntry = EncoderEntry {
    name: NAME,
    summary: "the narrow layer of a dense network that rebuilds its input (Hinton & Salakhutdinov 2006)",
    parameters: &[
        ParameterDoc { name: "components", default: "4", meaning: "numbers in a code" },
        ParameterDoc { name: "hidden", default: "64x32", meaning: "units of the encoder's hidden layers" },
        DOCS[0],
        DOCS[1],
        DOCS[2],
        DOCS[3],
    ],
    build: |p| Ok(Box::new(Autoencoder::from_parameters(p)?)),
    stream: None,
};

impl Autoencoder {
    /// With codes of so many numbers.
    pub fn new(components: usize) -> Self {
        Self { components, hidden: vec![64, 32], fitting: Fitting::new(20_000) }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let default = Self::new(4);
        Ok(Self {
            components: whole(p, "components", default.components)?,
            hidden: widths(p)?.unwrap_or(default.hidden),
            fitting: Fitting::read(p, default.fitting)?,
        })
    }
}

impl Estimator for Autoencoder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        format!("components={} hidden={} {}", self.components, widths_text(&self.hidden), self.fitting.text())
    }
}

impl Encoder for Autoencoder {
    fn compress(&self, data: ArrayView2<'_, f64>) -> Result<Compressed, EstimatorError> {
        pair::check(&[Variable::Continuous(data)])?;
        // For its check of the range of numbers.
        Transform::Standard.apply(data)?;
        let x = standardised(data).mapv(|v| v as f32);
        let d = x.ncols();
        self.fitting.train(
            &x,
            |random| {
                let mut back = self.hidden.clone();
                back.reverse();
                let encoder =
                    Mlp::new(&[&[d], &self.hidden[..], &[self.components]].concat(), Activation::Relu, random);
                let decoder = Mlp::new(&[&[self.components], &back[..], &[d]].concat(), Activation::Relu, random);
                (encoder, decoder)
            },
            |(encoder, decoder), input, (into_encoder, into_decoder)| {
                let coding = encoder.trace(input);
                let rebuilding = decoder.trace(coding.output().clone());
                let slope = (rebuilding.output() - coding.input()) * (2.0 / coding.input().len() as f32);
                let slope = decoder.backward(&rebuilding, slope, into_decoder);
                encoder.backward_to_first(&coding, slope, into_encoder);
            },
            |(encoder, decoder), x| {
                let codes = encoder.forward(x.view());
                let rebuilt = decoder.forward(codes.view());
                Pass { codes, rebuilt }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pca;
    use ndarray::Array2;

    #[test]
    fn a_bent_curve_fits_in_one_number_better_than_its_principal_component() {
        let x = Array2::from_shape_fn((1000, 3), |(i, j)| {
            let t = (i as f64 * 0.618_034).fract() * 3.0;
            [t.cos(), t.sin(), t * t / 5.0][j]
        });
        let encoder = Autoencoder { fitting: Fitting::new(3000), ..Autoencoder::new(1) };
        let found = encoder.compress(x.view()).unwrap();
        let linear = Pca::new(1).compress(standardised(x.view()).view()).unwrap();
        assert_eq!(found.codes.dim(), (1000, 1));
        assert!(found.reconstruction_error < 0.02 && linear.reconstruction_error > 0.1, "{found:?} {linear:?}");
        assert_eq!(found, encoder.compress(x.view()).unwrap());
    }
}
