//! Training of dense and convolutional networks: the only place where Narrows changes weights.
//!
//! Two engines work out the same steps of a dense network: passes written out for it ([`EngineKind::Fused`]), and burn's
//! automatic differentiation, which is slower and checks them. Convolutional networks are burn's.
//!
//! Everything random is drawn from streams that follow from the seed, the purpose and the epoch, on the CPU and in a
//! fixed order. So a training that was killed goes on from its last state and ends in the same bits, whatever the
//! number of trainings beside it.

mod backend;
mod burn_engine;
mod config;
mod convolutional;
mod engine;
mod fit;
mod fused;
mod gradients;
mod initialise;
mod minibatches;
mod model;
mod optimiser;
mod random;
mod schedule;
mod session;
mod state;

pub use backend::Device;
pub use config::TrainingConfig;
pub use config::{ConfigFile, DataConfig, OptimiserConfig, OptimiserKind, TrainConfig};
pub use convolutional::Convolutions;
pub use engine::EngineKind;
pub use fit::fit;
pub use initialise::Initialiser;
pub(crate) use model::{matrix, to_host};
pub(crate) use optimiser::build as build_optimiser;
pub(crate) use random::numbered;
pub use schedule::Schedule;
pub use session::{Progress, Session, TrainingData, train};
