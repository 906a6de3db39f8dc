//! Features that nobody chose beforehand, learned from activations: sparse autoencoders, codebooks, key–value memories.
//!
//! A [`Dictionary`] turns activations into sparse [`Codes`] and back. Arrays in, numbers out: this crate knows nothing
//! of files, pictures or the terminal, and nothing of concept labels' meaning; whoever calls names things and keeps them.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adamw;
pub mod baselines;
pub mod codebook;
mod coder;
mod codes;
mod dictionary;
mod error;
pub mod evaluate;
mod kernel;
pub mod key_value;
mod kmeans;
pub mod naming;
mod random;
mod summary;
mod tensors;
pub mod train;
pub mod transformer;
pub mod variants;

pub use adamw::{AdamW, Moments, clip};
pub use coder::Coder;
pub use codes::Codes;
pub use dictionary::{Activation, Dictionary};
pub use error::DictionaryError;
pub use kmeans::{Clustering, k_means};
pub use summary::{FeatureSummary, Summaries};
