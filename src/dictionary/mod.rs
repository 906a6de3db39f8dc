//! Dictionaries of features, learned from activations in files.
//!
//! The numbers are those of `narrows-dictionaries`; here activations are read, and dictionaries kept and told of.

pub mod source;
//! Dictionaries on disk: read and written in the layouts of other tools.
mod dictionary_learning;
mod fold;
mod others;
mod saelens;
mod saelens_config;
pub mod store;
mod weights;
pub(crate) use fold::unit_norms;
pub use store::Saved;
