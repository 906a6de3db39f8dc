//! Why a file could not be read as a checkpoint.

use std::path::{Path, PathBuf};
use thiserror::Error;

/// A problem with a file.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}: {problem}", file.display())]
pub struct CheckpointError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The system would not read it.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// Of no format that is read.
    #[error("not a checkpoint: {0}")]
    UnknownFormat(&'static str),
    /// Not what its first bytes promise.
    #[error("a damaged or truncated {format} file: {reason}")]
    Damaged {
        /// The format.
        format: &'static str,
        /// Why.
        reason: String,
    },
    /// A type of values that is not read.
    #[error(
        "the tensor {tensor} holds values of type {dtype}, which are not read; floating-point and integer types are"
    )]
    Dtype {
        /// Name of the tensor.
        tensor: String,
        /// Name of the type.
        dtype: String,
    },
    /// A class that a checkpoint has no need of.
    #[error(
        "the file holds the Python class {class}; only tensors, plain containers and numbers are read, and nothing is \
         ever executed. Save the weights alone, with torch.save(model.state_dict(), …)"
    )]
    ForeignClass {
        /// Module and name of the class.
        class: String,
    },
    /// Several places could hold the state dict.
    #[error("{reason}: name the state dict's key by --state-dict; the file has: {known}")]
    WhichStateDict {
        /// Why it is not clear.
        reason: String,
        /// The keys.
        known: String,
    },
    /// No tensors at all.
    #[error("the file holds no tensors")]
    NoTensors,
    /// NaN or infinity.
    #[error(
        "the tensor {tensor} holds {count} value(s) that are not finite; the first is {value} at {index:?} (counted from 0)"
    )]
    NotFinite {
        /// Name of the tensor.
        tensor: String,
        /// Place of the first.
        index: Vec<usize>,
        /// The value.
        value: f32,
        /// How many there are.
        count: usize,
    },
    /// Layers of a dump are not of the same samples.
    #[error("the layers {first} and {second} have {first_rows} and {second_rows} rows: each has one row a sample")]
    RaggedDump {
        /// A layer.
        first: String,
        /// Its rows.
        first_rows: usize,
        /// Another layer.
        second: String,
        /// Its rows.
        second_rows: usize,
    },
    /// An array of a dump that is no layer.
    #[error("the array {name} has the shape {shape:?}, but a layer's activations are [samples, units, …]")]
    NotALayer {
        /// Name of the array.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
}

impl Problem {
    /// The same, of a file.
    pub fn of(self, file: &Path) -> CheckpointError {
        CheckpointError { file: file.into(), problem: self }
    }
}
