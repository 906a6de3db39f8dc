//! The network under study: its architecture, its weights, its layers' activations, its training.

mod activation;
mod architecture;
pub mod data;
pub mod modules;
mod network;
pub mod train;

pub use activation::{Activation, Output};
pub use architecture::Architecture;
pub use network::{Dense, LayerActivations, Network};
