//! Concept bottlenecks: a layer of named concepts on which a prediction rests.
//!
//! A [`Builder`] (parameters, checked when it is made) is fitted to [`ConceptData`] and yields a [`Bottleneck`], which
//! turns embeddings into concepts, concepts into class scores, and lets a person correct concepts in between. This
//! crate knows nothing of files: a fitted bottleneck is serde data, and whoever calls decides where it is kept.
//!
//! So far it holds the vocabulary and the [`LinearProbe`], the unrestricted linear baseline that every bottleneck is
//! measured against.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bottleneck;
mod data;
mod error;
mod lbfgs;
mod linear;

pub use bottleneck::{Bottleneck, Builder};
pub use data::ConceptData;
pub use error::ProbeError;
pub use linear::{FittedLinear, LinearProbe};
