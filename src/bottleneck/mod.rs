//! The information-bottleneck bound of a joint distribution: where it comes from, its table, and what it shows.

mod file;
mod findings;
mod own;
mod rows;

pub use file::{JointFile, JointFormat, LoadedJoint};
pub use findings::{curve_findings, curve_warnings};
pub use own::own_joint;
pub use rows::{curve_of_rows, curve_rows};
