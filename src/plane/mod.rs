//! The information plane: layers × checkpoints × estimators → rows; and what follows from it: phases, means over seeds,
//! agreement of estimators.

mod agreement;
mod bound;
mod cell;
mod derived;
mod drift;
mod dump;
mod findings;
mod gradients;
mod inputs;
mod job;
mod phases;
mod processing;
mod seeds;
mod snapshot;
mod source;
mod track;

pub use crate::mean::Mean;
pub use agreement::{agreement, agreement_findings};
pub use bound::{bound_findings, with_bound};
pub(crate) use derived::both;
pub use derived::{Derived, derive};
pub use drift::{Drift, drift_rows, drifts};
pub(crate) use dump::is_dump;
pub use findings::findings;
pub use gradients::{KnownRun, gradients_of_training, read_gradients, training_tables};
pub use job::{PlaneJob, PlaneResult, Unit};
pub use phases::{COMPRESSION_SHARE, Moment, Verdict, phase_rows, verdicts};
pub use processing::processing;
pub use seeds::{group_of, groups, phase_means, plane_means};
pub(crate) use snapshot::Snapshots;
pub(crate) use source::folder_name;
pub use source::{Located, Source};
