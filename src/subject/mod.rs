//! The network under study: its architecture, its weights, its layers' activations, its training, and what it is run on.

mod activation;
mod architecture;
pub mod capture;
pub mod data;
pub(crate) mod drawn;
pub mod graph;
pub mod model;
pub mod modules;
mod network;
mod noise;
pub mod samples;
pub mod train;

pub use activation::{Activation, Output};
pub use architecture::Architecture;
pub use network::{Dense, LayerActivations, Network};
pub(crate) use noise::METADATA as NOISE_METADATA;
pub use noise::{Noise, NoiseSource};
