//! Which amounts of information go with the gap between training and test loss ("How Does Information Bottleneck Help
//! Deep Learning?", Kawaguchi, Deng, Ji & Huang 2023).
//!
//! Many models are trained over widths, penalties, training sets and seeds. Of each, the information in its
//! representation, I(X;Z) and I(X;Z|Y), is estimated; of each family of models that differ by their training set, the
//! information in the weights, I(S;θ). Both, their sum as in the paper's bound, and what else is said to tell of
//! generalisation (numbers of parameters, norms) are then correlated with the gap.

mod config;
mod correlate;
mod data;
mod derive;
mod findings;
mod job;
mod measure;
mod plan;
mod stochastic;
mod store;
mod train;

pub use config::{
    AnalysisConfig, Cluster, ConfigFile, DataConfig, InformationConfig, Kind, NetworkConfig, Source, SwagConfig,
    TrainingConfig,
};
pub use correlate::correlations;
pub use data::verify;
pub use findings::findings;
pub use job::{Outcome, run};
pub use plan::{ModelPlan, Plan, Setting};
