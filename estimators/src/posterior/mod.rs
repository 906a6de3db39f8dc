//! What trained weights tell of the data that they were trained on: I(S;θ).
//!
//! The distribution of the weights that one training set leads to is approximated by a Gaussian, from the weights that
//! stochastic gradient descent passes through near its end ([`Swag`]); the information is that of a family of such
//! [`Posterior`]s, one or several for each training set ([`WeightInformation`]; "How Does Information Bottleneck Help
//! Deep Learning?", Kawaguchi, Deng, Ji & Huang 2023).

mod density;
mod information;
mod swag;

pub use density::{Density, Spread};
pub use information::{WeightEstimates, WeightInformation};
pub use swag::{Posterior, Swag};
