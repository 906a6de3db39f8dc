//! Class-incremental learning: classes arrive in blocks, each block alone, and the learner is never told where one ends.
//!
//! A [`Learner`] is shown minibatches of one block after the other and is tested on all classes throughout ([`run`]). What
//! it loses is measured as forgetting and as the stability gap (De Lange, van de Ven & Tuytelaars 2023, "Continual
//! evaluation for lifelong learning: identifying the stability gap"): a learner may end well and still have lost everything
//! for some iterations after a boundary ([`Outcome`]).
//!
//! Embeddings, keys' positions and the units of the features are what a frozen encoder and unlabelled samples give: all
//! learners have the same unlabelled rows ([`Samples::unlabelled`]), and see labels in the stream alone.

mod blocks;
mod learner;
mod learners;
mod outcome;
mod protocol;
mod unlearning;

pub use blocks::Blocks;
pub use learner::{LEARNERS, Learner, LearnerEntry, LearnerSpec, Samples};
pub use outcome::Outcome;
pub use protocol::{Plan, Point, Record, Watch, run};
pub use unlearning::{Unlearned, unlearn};
