//! Concept bottlenecks: a layer of named concepts on which a prediction rests.
//!
//! A [`Builder`] (parameters, checked when it is made) is fitted to [`ConceptData`] and yields a [`Bottleneck`], which
//! turns embeddings into concepts and concepts into class scores, and lets a person correct concepts in between
//! ([`intervene`]). Builders are found by name in [`registry`]; a fitted bottleneck becomes named tensors ([`Record`])
//! and comes back from them. This crate knows nothing of files: whoever calls decides where a record is kept.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod attention;
pub mod bank;
mod bottleneck;
mod builder;
mod builders;
mod cholesky;
pub mod conditional;
mod data;
pub mod edit;
pub mod elastic;
mod error;
mod grid;
pub mod incremental;
pub mod interventions;
mod joint;
mod lbfgs;
pub mod metrics;
mod record;
pub mod registry;
pub mod svm;
mod train;

pub use attention::Attention;
pub use bottleneck::{Bottleneck, Head, Scale, best_class, intervene, softmax};
pub use builder::{Builder, Fitted, Measure, Observer, Unwatched};
pub use builders::discover::Discover;
pub use builders::linear_probe::{FittedLinear, LinearProbe};
pub use builders::posthoc::{Posthoc, PosthocHybrid, SparsityPoint, StabilityPlan, VectorSource};
pub use data::{ConceptData, Names};
pub use error::ProbeError;
pub use grid::{ConceptPlaces, Grid};
pub use joint::{JointModel, Known, Posterior};
pub use record::Record;
