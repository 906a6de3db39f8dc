//! The information plane: layers × checkpoints × estimators → rows.

mod bound;
mod cell;
mod dump;
mod findings;
mod job;
mod source;

pub use bound::{bound_findings, with_bound};
pub(crate) use dump::is_dump;
pub use findings::findings;
pub use job::{PlaneJob, PlaneResult, Unit};
pub(crate) use source::folder_name;
pub use source::{Located, Source};
