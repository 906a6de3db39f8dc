//! Estimators from Gaussian kernels between all pairs of samples.

mod density;
mod sums;

pub(crate) use density::{ADAPTIVE, LOWER, UPPER};
pub use density::{Bound, KernelDensity, NoiseScale};
pub(crate) use sums::KernelSums;
