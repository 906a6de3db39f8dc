//! Information bottlenecks for regression: networks trained under several objectives, and what is measured of them.
//!
//! A study is data sets × objectives × weights β × seeds. Each network is trained, chosen by its validation samples, and
//! measured on its test samples: error, information of the code, error under attack.

mod attack;
mod config;
mod data;
mod evaluate;
mod findings;
mod job;
mod kernel;
mod model;
mod network;
mod objective;
mod random;
mod summary;
mod train;

pub use config::{
    AttackConfig, AttackKind, ConfigFile, DataConfig, Denominator, EvaluationConfig, KernelConfig, NetworkConfig,
    TrainingConfig,
};
pub use data::Loaded;
pub use findings::{cautions, findings};
pub use job::{RegressionJob, RegressionResult};
pub use objective::{CodeNoise, OBJECTIVES, Objective};
pub use summary::{chosen, summarise, with_compression};
pub(crate) use summary::{chosen_objectives, named};
