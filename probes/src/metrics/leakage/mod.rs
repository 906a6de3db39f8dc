//! Leakage in bits: how much more than its concepts a bottleneck tells of the class and of itself.

mod information;
mod null;
mod pair;
mod published;
mod task;
mod whole;

pub use information::patterns;
pub use null::{Null, movable};
pub use pair::pair_leakage;
pub use published::{published_leakage, self_information};
pub use task::{LeakageOptions, task_leakage};
pub use whole::{representation_leakage, whole_leakage};
