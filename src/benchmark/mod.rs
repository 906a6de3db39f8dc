//! Estimators measured: against distributions whose mutual information is known, and against the clock.

mod accuracy;
mod memory;
mod samples;
mod speed;
mod suite;
mod summary;

pub use accuracy::AccuracyJob;
pub(crate) use memory::{available_bytes, resident_bytes};
pub use samples::SamplesJob;
pub use speed::{SpeedJob, growth};
pub use suite::Suite;
pub use summary::{mean_absolute_errors, summarise};
