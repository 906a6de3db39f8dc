//! Edits of a bottleneck's linear head, and what they do to its predictions.
//!
//! A person who sees that a class rests on a concept that has no business there prunes the weight (Yuksekgonul, Wang &
//! Zou 2023, "Post-hoc concept bottleneck models", section 4), gives it another value, or has the class's weights fitted
//! anew. A reproduction study did not find the gains that were reported for that (TMLR 2024), so the tools here say how
//! sure a gain is: [`compare`] (paired intervals, every class), [`random_prunes`] (what pruning anything else would have
//! done), [`greedy_prunes`] and [`fine_tune`] on target data (what could be had at most).

mod apply;
mod compare;
mod fine_tune;
mod greedy;
mod random;
mod scores;

pub use apply::{Edit, Settle, Sign, apply};
pub use compare::{Gain, compare};
pub use fine_tune::{FineTuned, fine_tune};
pub use greedy::greedy_prunes;
pub use random::{RandomPrunes, random_prunes};
pub use scores::{Editable, EditedScores};
