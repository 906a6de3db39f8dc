//! Dictionaries of features, learned from activations in files.
//!
//! The numbers are those of `narrows-dictionaries`; here activations are read, and dictionaries kept and told of, in the
//! layouts of this and of other tools.

mod dictionary_learning;
mod fold;
mod name;
mod others;
mod pages;
mod saelens;
mod saelens_config;
pub mod source;
pub mod store;
mod weights;

pub(crate) use fold::unit_norms;
pub(crate) use name::{NameJob, fits, name};
pub(crate) use pages::{PagesJob, pages};
pub use store::Saved;
