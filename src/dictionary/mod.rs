//! Dictionaries of features, learned from activations in files.
//!
//! The numbers are those of `narrows-dictionaries`; here activations are read, and dictionaries trained, judged, kept (in
//! the layouts of other tools too) and told of.

mod dictionary_learning;
pub mod eval;
pub(crate) mod findings;
mod fold;
mod name;
mod others;
mod pages;
pub(crate) mod rows;
mod saelens;
mod saelens_config;
pub mod shuffle;
pub mod source;
pub mod store;
pub mod sweep;
pub mod train;
mod training_state;
mod weights;

pub(crate) use fold::unit_norms;
pub(crate) use name::{NameJob, name};
pub(crate) use pages::{PagesJob, pages};
pub use store::Saved;
