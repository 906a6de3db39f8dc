//! Entropy and mutual information of samples: arrays in, numbers out.
//!
//! This crate knows nothing of files, plots or command lines. Every estimator is a plain struct of its parameters,
//! checked when it is built; what it returns is an [`Estimate`]: a value in nats with its standard error, the sample
//! count, and warnings where the number cannot mean what it seems to.
//!
//! A [`MutualInformation`] estimates I(X;Y) of two [`Variable`]s; [`ConditionalMutualInformation`] and [`Entropy`] do
//! what they say. A [`PlaneEstimator`] looks at one layer of a network at one checkpoint and yields I(X;T), I(T;Y) and
//! H(T). All of them are listed in [`registry`], from which the command line, the configs, the benchmarks and the
//! contract tests take them.
//!
//! ```
//! use narrows_estimators::{LayerSample, Targets, registry};
//! use ndarray::array;
//!
//! let activations = array![[0.1f32, 0.9], [0.2, -0.8], [0.15, 0.85], [-0.7, -0.9]];
//! let targets = Targets::new(&[1, 0, 1, 0]).unwrap();
//! let estimator = registry::plane("binning:width=0.5").unwrap();
//! let found = estimator.estimate_layer(&LayerSample::new(activations.view(), &targets).unwrap()).unwrap();
//! assert!((found.i_ty.value.bits() - 1.0).abs() < 1e-12);
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod auto;
mod binning;
pub mod bottleneck;
pub mod compression;
pub mod correlation;
mod discrete;
mod edge;
mod encoder;
mod error;
mod estimate;
mod inputs;
mod invariance;
mod kernel;
mod layer;
mod linalg;
mod lossy;
mod neighbours;
mod neural;
mod pair;
mod parameters;
mod parametric;
pub mod posterior;
mod random;
pub mod registry;
pub mod simd;
mod sliced;
mod special;
mod streaming;
mod transform;
pub mod uncertainty;
mod variable;

pub use auto::Auto;
pub use binning::{AdaptiveBinning, BinRange, EqualMassBinning, Saturation, UniformBinning};
#[cfg(feature = "neural")]
pub use compression::ConvolutionalAutoencoder;
pub use compression::{Autoencoder, Compressed, Compressing, Encoder, Fitting, Keep, Pca};
pub use discrete::{Correction, PlugIn, SymbolCounts};
pub use edge::Edge;
pub use encoder::{EncoderInformation, encoder_information};
pub use error::EstimatorError;
pub use estimate::{Detail, Estimate, Nats, Warning};
pub use inputs::{InputCodes, LayerNoise};
pub use invariance::transformed;
pub use kernel::{
    Bound, CauchySchwarz, ChannelForm, ConditionalWeights, DensityWidth, GaussianChannel, Hsic, KernelDensity,
    KernelWidth, LeaveOneOut, NoiseScale, Renyi, cauchy_schwarz_divergence, conditional_cauchy_schwarz,
};
pub use layer::{LayerSample, PlaneEstimate, PlaneEstimator, Targets, ValueRange};
pub use lossy::{EntropyMethod, Lossy};
pub use neighbours::{
    Engine, K, KozachenkoLeonenko, Ksg, KsgVariant, LocalNonUniformity, MixedKsg, NeighbourOptions, Norm, Ross, Ties,
};
pub use neural::{
    CriticKind, CriticOptions, DifferenceOfEntropies, InfoNce, LatentInformation, Mine, NeuralOptions, Nwj, Smile,
};
pub use parameters::Parameters;
pub use parametric::{Gaussian, Shrinkage, StudentCopula};
pub use sliced::Sliced;
pub use streaming::{LayerStream, Pass, Streaming};
pub use transform::Transform;
pub use variable::{ConditionalMutualInformation, Entropy, Estimator, MutualInformation, OwnedVariable, Variable};
