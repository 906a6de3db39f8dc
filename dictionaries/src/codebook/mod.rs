//! Codebook features: an activation is replaced by the few of many learned codes that are most like it (Tamkin, Taufeeque
//! & Goodman 2023).
//!
//! A [`Codebook`] holds the numbers and works on arrays: it reads which codes fire, and yields what given codes stand for,
//! so that whoever calls can force or forbid codes in between. [`CodebookTensors`] is the same layer where gradients are
//! recorded, inside any network made of burn's tensors; its update goes by [`crate::AdamW`] or whatever the network uses.
//!
//! The layer, as in the released code: a layer norm of its own; the `k` codes of largest similarity; their mean (the
//! paper's prose: their sum), not renormalised. Nothing of the input goes around it. With several groups the columns are
//! cut in as many equal parts, each with its own codes and its own layer norm.

mod dead;
mod layer;
pub mod metrics;
mod nearest;
mod settings;
mod snap;

pub use dead::Usage;
pub use layer::{Codebook, NONE};
pub use settings::{Combine, Settings, Similarity, SnapLoss};
pub use snap::{CodebookTensors, Snapped};
