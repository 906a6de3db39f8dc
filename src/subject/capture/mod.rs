//! Checkpoints × data → files of activations.

mod export;
mod job;
mod plan;
mod writer;

pub(crate) use job::KIND;
pub use job::{CaptureJob, Captured};
pub use plan::{Batches, Memory};
pub use writer::{Slot, Writer};

use crate::checkpoint::Dtype;
use serde::{Deserialize, Serialize};

/// What files activations go into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// A safetensors file a checkpoint, a layer a tensor
    #[default]
    Safetensors,
    /// An npz archive a checkpoint, a layer an array
    Npz,
    /// A folder a checkpoint, a Parquet file a layer, a column a unit
    Parquet,
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats
    #[default]
    F32,
    /// 16-bit floats: half the size, three digits
    F16,
}

impl Precision {
    fn dtype(self) -> Dtype {
        match self {
            Precision::F32 => Dtype::F32,
            Precision::F16 => Dtype::F16,
        }
    }
}
