//! A small decoder-only transformer, with codebooks inside or without.
//!
//! Causal attention, rotary or learned positions, pre-norm, an MLP of exact GELU; residuals in parallel, as in GPT-NeoX, or
//! one after the other. Codebooks sit where codebook features have them (Tamkin, Taufeeque & Goodman 2023): at the heads'
//! outputs before the output projection, one group a head, and at the MLP's output.
//!
//! Parameters live on the host as arrays with names; a pass makes tensors of them. A batch is trained in two halves, each
//! with a graph of its own, and the halves' gradients are added in order: one thread or two, the numbers are the same.

mod config;
mod forward;
mod predict;
mod shards;
mod state;
mod tensors;
mod train;
mod weights;

pub use config::{Codebooks, Config, Kind, Positions, Residual, Site};
pub use predict::{Predictions, Traced};
pub use state::State;
pub use train::{Recipe, SiteReport, StepReport, Trainer};
pub use weights::Model;

/// In place of a token: nothing is predicted there, and nothing is learned from it.
pub const PADDING: u32 = u32::MAX;
