//! Training of sparse autoencoders: several at once on the same batches.
//!
//! Derivatives are written out by hand, so that whatever is zero is passed over: of a step, only the product of samples
//! and encoder is dense. The tests hold them to automatic differentiation. Nothing depends on the number of threads.

mod adam;
mod auxiliary;
mod gradient;
mod learner;
mod progress;
mod recipe;
mod resample;
mod residual;
mod schedule;
mod start;
mod state;
mod trainer;

#[cfg(test)]
mod tests;

pub use progress::Progress;
pub use recipe::{Plan, Recipe};
pub use state::State;
pub use trainer::Trainer;
