//! Estimators measured against distributions whose mutual information is known.

mod accuracy;
mod suite;
mod summary;

pub use accuracy::AccuracyJob;
pub use suite::Suite;
pub use summary::{mean_absolute_errors, summarise};
