//! Fewer numbers a sample, of which a sample can be rebuilt: what makes neighbours useful in many dimensions.
//!
//! An encoder is a function of the data, and so I(f(X); Y) ≤ I(X; Y), with equality when nothing is lost that bears on
//! Y. The reconstruction error says how much is lost at all ("Information bottleneck analysis of deep neural networks
//! via lossy compression", Butakov et al. 2024, section 3).

mod autoencoder;
mod before;
#[cfg(feature = "neural")]
mod convolutional;
mod pca;
mod training;

pub use autoencoder::Autoencoder;
pub use before::Compressing;
pub(crate) use before::{Lost, explained};
#[cfg(feature = "neural")]
pub use convolutional::ConvolutionalAutoencoder;
pub(crate) use pca::Projection;
pub use pca::{Keep, Pca};
pub use training::Fitting;

use crate::registry::ParameterDoc;
use crate::{Estimator, EstimatorError, Parameters};
use ndarray::{Array2, ArrayView2};

/// The data in fewer numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Compressed {
    /// [samples × components].
    pub codes: Array2<f64>,
    /// The share of the variance that the components hold, in 0…1, where components have one.
    pub explained_variance: Option<f64>,
    /// Mean squared error of the samples rebuilt from their codes, over the variance of the data: 0 when nothing is
    /// lost, 1 when only the mean is kept.
    pub reconstruction_error: f64,
}

/// Finds a code for every sample.
pub trait Encoder: Estimator {
    /// The codes of `data`, [samples × features], by an encoder fitted to the same samples.
    ///
    /// # Errors
    /// When there are too few samples, no features, a value is not finite or too large to be squared.
    fn compress(&self, data: ArrayView2<'_, f64>) -> Result<Compressed, EstimatorError>;
}

type StreamBuilder = fn(&Parameters) -> Result<Pca, EstimatorError>;

/// One encoder, as [`crate::registry::Entry`] is one estimator.
pub struct EncoderEntry {
    /// Name in specifications.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Its parameters.
    pub parameters: &'static [ParameterDoc],
    build: fn(&Parameters) -> Result<Box<dyn Encoder>, EstimatorError>,
    /// The same, where data can be encoded that are read some rows at a time.
    stream: Option<StreamBuilder>,
}

impl EncoderEntry {
    /// Whether it can encode data that are read some rows at a time.
    pub fn streams(&self) -> bool {
        self.stream.is_some()
    }
}

/// All encoders.
pub const ENCODERS: &[&EncoderEntry] = &[
    &pca::ENTRY,
    &autoencoder::ENTRY,
    #[cfg(feature = "neural")]
    &convolutional::ENTRY,
];

/// Builds the encoder that `NAME` or `NAME:KEY=VALUE,KEY=VALUE` asks for, such as `pca:variance=0.95`.
///
/// # Errors
/// When there is no such encoder or parameter, or a value is outside its domain.
pub fn encoder(specification: &str) -> Result<Box<dyn Encoder>, EstimatorError> {
    let (entry, parameters) = find(specification)?;
    (entry.build)(&parameters)
}

/// As [`encoder`], of data that are read some rows at a time.
pub(crate) fn streaming_encoder(specification: &str) -> Result<Pca, EstimatorError> {
    let (entry, parameters) = find(specification)?;
    match entry.stream {
        Some(build) => build(&parameters),
        None => {
            let known = ENCODERS.iter().filter(|e| e.streams()).map(|e| e.name).collect::<Vec<_>>().join(", ");
            Err(EstimatorError::NotStreaming { estimator: entry.name.into(), known })
        }
    }
}

fn find(specification: &str) -> Result<(&'static EncoderEntry, Parameters), EstimatorError> {
    let (name, rest) = specification.split_once(':').unwrap_or((specification, ""));
    let entry = ENCODERS.iter().find(|e| e.name == name.trim()).ok_or_else(|| EstimatorError::UnknownEstimator {
        name: name.into(),
        known: ENCODERS.iter().map(|e| e.name).collect::<Vec<_>>().join(", "),
    })?;
    Ok((entry, Parameters::parse(entry.name, entry.parameters, rest)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoder_reads_back_its_own_parameters() {
        for entry in ENCODERS {
            let built = encoder(entry.name).unwrap();
            assert_eq!(built.name(), entry.name);
            let again = encoder(&format!("{}:{}", entry.name, built.parameters().replace(' ', ","))).unwrap();
            assert_eq!(again.parameters(), built.parameters());
        }
        let unknown = encoder("umap").err().unwrap().to_string();
        assert!(unknown.contains("pca, autoencoder"), "{unknown}");
    }
}
