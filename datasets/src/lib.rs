//! Data sets that are built in, and loaders for data of one's own.
//!
//! Loaders take bytes and yield arrays: this crate knows nothing of paths, the terminal or the clock. Whoever opens a
//! file adds its name to the error.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod blob_tasks;
mod blobs;
mod builtin;
pub mod concepts;
mod dataset;
mod digits;
mod error;
pub mod load;
mod machine;
mod planted;
pub mod regression;
pub mod truth;
mod twelve_bit;

pub use blob_tasks::BlobTasks;
pub use blobs::Blobs;
pub use builtin::{BUILTIN, Builtin, by_name};
pub use dataset::{Dataset, renumber, sample_rows};
pub use digits::digits;
pub use error::{DatasetError, LoadError};
pub use machine::{Bound, Machine};
pub use planted::{Coefficients, Planted, PlantedData};
pub use twelve_bit::{twelve_bit, twelve_bit_noisy, twelve_bit_probabilities};
