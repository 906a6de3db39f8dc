//! Training of the bottlenecks that are small networks.
//!
//! A step of such a network is a few matrix products, of which a general automatic differentiation makes several times
//! their time (measured in `docs/concept-builders.md`); so the passes are written out, in single precision, on one
//! thread, and tests hold their gradients to burn's. What is fitted is then kept, saved and evaluated in double
//! precision by plain products ([`crate::builders`]): prediction needs nothing from here.

mod loss;
mod network;
mod optimiser;
mod options;
#[cfg(test)]
pub(crate) mod oracle;
mod random;
mod run;
mod scaling;
mod tasks;
mod watch;
mod weights;

pub(crate) use loss::{ConceptLoss, cross_entropy, sigmoid};
pub(crate) use network::{Dense, Mlp, Shape, Trace};
pub(crate) use optimiser::{Method, Optimiser, Step};
pub(crate) use options::{Given, Schedule, joined};
pub(crate) use random::{Purpose, stream};
pub(crate) use run::{Run, Split, Task, WHOLE};
pub(crate) use scaling::{Scaling, single};
pub(crate) use tasks::{ClassTask, ConceptTask};
pub(crate) use watch::Watch;
pub(crate) use weights::Weights;
