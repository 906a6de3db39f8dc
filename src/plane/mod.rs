//! The information plane: layers × checkpoints × estimators → rows.

mod cell;
mod dump;
mod findings;
mod inputs;
mod job;
mod source;

pub(crate) use dump::is_dump;
pub use findings::findings;
pub use job::{PlaneJob, PlaneResult, Unit};
pub(crate) use source::folder_name;
pub use source::{Located, Source};
