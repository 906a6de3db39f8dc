//! Codebook jobs: a transformer on a finite-state machine, with codebooks and without; what its codes mean; steering.

mod evaluate;
mod model;
mod plan;
mod steering;
mod train;

pub use evaluate::{Evaluated, evaluate};
pub use model::Saved;
pub use plan::{Plan, Preset};
pub use steering::{Request, steering, summary};
pub use train::{Trained, train};
