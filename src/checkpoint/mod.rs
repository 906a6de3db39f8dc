//! Reading saved models and saved activations, whatever wrote them.
//!
//! Formats are told by content, not by name. Files are read, never mapped: a file that shrinks under the reader is an
//! error and not a crash. Nothing in a pickle is executed: a file that asks for a class other than tensors and plain
//! containers is refused.

mod dump;
mod error;
mod pickle;
mod place;
mod safetensors;
mod save;
mod tensor;
mod torch;

pub use dump::{ActivationDump, read_dump};
pub use error::{CheckpointError, Problem};
pub use save::write_safetensors;
pub(crate) use tensor::natural_order;
pub use tensor::{StateDict, Tensor};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A saved model: its tensors and what the file says of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The file.
    pub file: PathBuf,
    /// Epoch, from the file's content or else its name.
    pub epoch: Option<u64>,
    /// Optimiser step, from the file's content or else its name.
    pub step: Option<u64>,
    /// Seed that trained it, when the file says so.
    pub seed: Option<u64>,
    /// Name of the run, when the file says so.
    pub run: Option<String>,
    /// Everything that the file says as text.
    pub metadata: BTreeMap<String, String>,
    /// The tensors of the state dict.
    pub tensors: StateDict,
}

/// How to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Key of the state dict in a PyTorch file, when it is none of the usual ones.
    pub with_key: Option<String>,
}

impl Checkpoint {
    fn new(file: &Path, metadata: BTreeMap<String, String>, tensors: StateDict) -> Self {
        let number = |keys: &[&str]| keys.iter().find_map(|key| metadata.get(*key)?.trim().parse::<u64>().ok());
        let named = place::of_name(file);
        Self {
            file: file.into(),
            epoch: number(&["epoch"]).or(named.epoch),
            step: number(&["step", "global_step", "iteration"]).or(named.step),
            seed: number(&["seed"]),
            run: metadata.get("run").cloned(),
            metadata,
            tensors,
        }
    }

    /// Checks that every value is a number.
    ///
    /// # Errors
    /// [`Problem::NotFinite`], which names the first tensor and value that is not.
    pub fn check_finite(&self) -> Result<(), CheckpointError> {
        for (name, tensor) in self.tensors.iter() {
            if let Some((index, value)) = tensor.first_non_finite() {
                let count = tensor.values.iter().filter(|v| !v.is_finite()).count();
                return Err(Problem::NotFinite { tensor: name.into(), index, value, count }.of(&self.file));
            }
        }
        Ok(())
    }
}

/// Reads a checkpoint.
///
/// # Errors
/// When the file is missing, empty, truncated, of no known format, or holds what is refused; the message names the
/// file, what was found, and what to do.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Checkpoint, CheckpointError> {
    let bytes = std::fs::read(path).map_err(|e| Problem::Unreadable(e.to_string()).of(path))?;
    let found = match bytes.as_slice() {
        [] => Err(Problem::Empty),
        b if b.starts_with(b"PK\x03\x04") => torch::parse(path, b, options),
        b if b.get(8) == Some(&b'{') => safetensors::parse(b),
        b => Err(unknown(b)),
    };
    let (metadata, tensors) = found.map_err(|problem| problem.of(path))?;
    if tensors.is_empty() {
        return Err(Problem::NoTensors.of(path));
    }
    Ok(Checkpoint::new(path, metadata, tensors))
}

/// What a file that is no checkpoint seems to be, and what to do about it.
fn unknown(bytes: &[u8]) -> Problem {
    let lower: Vec<u8> = bytes.iter().take(64).map(u8::to_ascii_lowercase).collect();
    let what = if bytes.starts_with(b"version https://git-lfs") {
        "it is a git-lfs pointer; fetch the file itself with git lfs pull"
    } else if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
        "it is a web page; the download gave a page instead of the file"
    } else if bytes.starts_with(b"\x93NUMPY") {
        "it is a numpy array; activations are read from .npz archives with one array a layer"
    } else if bytes.starts_with(b"\x89HDF") {
        "it is HDF5, which is not read; save the weights as safetensors"
    } else if bytes.first() == Some(&0x80) {
        "it is a PyTorch file of before version 1.6; load it there and save it again with torch.save(model.state_dict(), …)"
    } else if bytes.len() < 16 {
        "it is too short for any checkpoint: it may be truncated"
    } else {
        "safetensors or a PyTorch zip file is expected"
    };
    Problem::UnknownFormat(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.pt");
        std::fs::write(&path, bytes).unwrap();
        read(&path, &ReadOptions::default()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_checkpoint_is_told_what_it_is() {
        assert!(message(b"").ends_with("x.pt: the file is empty"));
        assert!(message(b"version https://git-lfs.github.com/spec/v1\n").contains("git lfs pull"));
        assert!(message(b"<!DOCTYPE html><html>").contains("web page"));
        assert!(message(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.").contains("1.6"));
        assert!(message(b"short").contains("truncated"));
        let e = read(Path::new("nowhere/x.pt"), &ReadOptions::default()).unwrap_err().to_string();
        assert!(e.contains("nowhere/x.pt") && e.contains("No such file"), "{e}");
    }

    #[test]
    fn the_first_value_that_is_no_number_is_named() {
        let mut tensors = StateDict::default();
        tensors.insert(
            "0.weight",
            Tensor { shape: vec![2, 2], dtype: "F32".into(), values: vec![1.0, 2.0, f32::NAN, f32::INFINITY] },
        );
        let e = Checkpoint::new(Path::new("a.pt"), BTreeMap::new(), tensors).check_finite().unwrap_err().to_string();
        assert_eq!(
            e,
            "a.pt: the tensor 0.weight holds 2 value(s) that are not finite; the first is NaN at [1, 0] (counted from 0)"
        );
    }
}
