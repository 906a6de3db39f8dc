//! Reading saved models and saved activations, whatever wrote them.
//!
//! Formats are told by content, not by name. Files are read, never mapped: a file that shrinks under the reader is an
//! error and not a crash. Nothing in a pickle is executed: a file that asks for a class other than tensors and plain
//! containers is refused, by the name of the class and its place.

mod archive;
mod blob;
mod burnpack;
mod classes;
mod contents;
mod cursor;
mod dtype;
mod dump;
mod error;
mod format;
mod found;
mod hdf5;
mod hdf5_source;
#[cfg(test)]
mod hdf5_tests;
mod hdf5_types;
mod keras;
mod lazy;
mod machine;
mod npy;
mod npz;
mod onnx;
mod onnx_check;
#[cfg(test)]
mod onnx_tests;
mod outline;
mod pickle;
mod place;
mod safetensors;
mod save;
mod save_torch;
mod sharded;
mod state_dict;
mod statistics;
mod tensor;
mod torch;
#[cfg(test)]
mod torch_tests;
mod wire;
mod zipped;

pub(crate) use blob::Blob;
pub use contents::Contents;
pub use dtype::Dtype;
pub use dump::{ActivationDump, read_dump};
pub(crate) use error::shown;
pub use error::{CheckpointError, Problem};
pub use format::Format;
pub use lazy::LazyTensor;
pub(crate) use save::safetensors_bytes;
pub use save::write_safetensors;
pub(crate) use save_torch::{Values, torch_bytes};
pub use statistics::Statistics;
pub(crate) use tensor::natural_order;
pub use tensor::{StateDict, Tensor};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A saved model: its tensors and what the file says of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The file.
    pub file: PathBuf,
    /// Its format, by its content.
    pub format: Format,
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
    /// Key of the state dict in a PyTorch file, when it is none of the usual ones; empty for the saved object itself.
    pub with_key: Option<String>,
}

impl Checkpoint {
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

/// Reads an ONNX model with all of its weights, checked: its graph holds together, and every tensor has as many values
/// as its shape says.
///
/// # Errors
/// When the file is no ONNX model, or is damaged; the message names the node or tensor.
pub fn read_onnx(path: &Path) -> Result<tract_onnx::pb::ModelProto, CheckpointError> {
    blob::Blob::open(path).and_then(|blob| onnx::model(&blob, path)).map_err(|problem| problem.of(path))
}

/// Other files that a file refers to and that are read with it: the weights beside an ONNX model, the shards of an index.
///
/// # Errors
/// When the file is damaged.
pub(crate) fn companions(path: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let names = blob::Blob::open(path).and_then(|blob| match format::of(&blob)? {
        Format::Onnx => onnx::locations(&blob),
        Format::Sharded => sharded::shards(&blob),
        _ => Ok(vec![]),
    });
    Ok(names.map_err(|problem| problem.of(path))?.into_iter().map(|name| folder.join(name)).collect())
}

/// The type behind ONNX' number for it.
pub(crate) fn onnx_dtype(number: i32) -> Dtype {
    onnx::dtype_of(number)
}

/// Reads a checkpoint with all of its tensors.
///
/// # Errors
/// When the file is missing, empty, truncated, of no known format, or holds what is refused; the message names the
/// file, what was found, and what to do.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Checkpoint, CheckpointError> {
    Contents::open(path, options)?.load()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_told() {
        let message = |path: &Path| read(path, &ReadOptions::default()).unwrap_err().to_string();
        let e = message(Path::new("nowhere/x.pt"));
        assert!(e.starts_with("nowhere/x.pt: cannot be read: ") && e.contains("No such file"), "{e}");
        let dir = tempfile::tempdir().unwrap();
        assert!(message(dir.path()).contains("it is a folder"));
        #[cfg(unix)]
        assert!(message(Path::new("/dev/zero")).contains("a device"));
        let path = dir.path().join("x.pt");
        std::fs::write(&path, b"").unwrap();
        assert!(message(&path).ends_with("x.pt: the file is empty"));
        std::fs::write(&path, b"\x08\0\0\0\0\0\0\0{}      ").unwrap();
        assert!(message(&path).ends_with("x.pt: the file holds no tensors"));
    }

    #[test]
    fn the_first_value_that_is_no_number_is_named() {
        let mut tensors = StateDict::default();
        tensors.insert(
            "0.weight",
            Tensor { shape: vec![2, 2], dtype: "F32".into(), values: vec![1.0, 2.0, f32::NAN, f32::INFINITY] },
        );
        let checkpoint = Checkpoint {
            file: "a.pt".into(),
            format: Format::TorchZip,
            epoch: None,
            step: None,
            seed: None,
            run: None,
            metadata: BTreeMap::new(),
            tensors,
        };
        assert_eq!(
            checkpoint.check_finite().unwrap_err().to_string(),
            "a.pt: the tensor 0.weight holds 2 value(s) that are not finite; the first is NaN at [1, 0] (counted from 0)"
        );
    }

    #[test]
    fn real_checkpoints_read_where_they_are_at_hand() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/torch");
        let Ok(files) = std::fs::read_dir(folder.join("mlp12-tanh")) else { return };
        let mut epochs = Vec::new();
        for file in files.map(|f| f.unwrap().path()).filter(|f| f.extension().is_some_and(|e| e == "safetensors")) {
            let weights = read(&file, &ReadOptions::default()).unwrap();
            weights.check_finite().unwrap();
            let number: u64 = file.file_stem().unwrap().to_str().unwrap()["epoch_".len()..].parse().unwrap();
            assert_eq!((weights.format, weights.epoch, weights.tensors.len()), (Format::Safetensors, Some(number), 12));
            epochs.push(number);
            let twin = file.with_extension("pt");
            if twin.exists() {
                let twin = read(&twin, &ReadOptions::default()).unwrap();
                assert_eq!((twin.format, twin.epoch), (Format::TorchZip, Some(number)));
                assert_same_bits(&weights.tensors, &twin.tensors);
            }
        }
        assert_eq!(epochs.len(), 49);
        for epoch in [0, 2, 4, 6, 8, 10, 12] {
            let read = |ending: &str| {
                read(&folder.join(format!("cnn-mnist/epoch_{epoch:02}.{ending}")), &ReadOptions::default()).unwrap()
            };
            let (nested, plain) = (read("pt"), read("safetensors"));
            assert_eq!((nested.epoch, plain.epoch), (Some(epoch), Some(epoch)));
            assert_same_bits(&nested.tensors, &plain.tensors);
        }
    }

    fn assert_same_bits(a: &StateDict, b: &StateDict) {
        assert_eq!(a.len(), b.len());
        for (name, tensor) in a.iter() {
            let other = b.get(name).unwrap();
            assert_eq!((&tensor.shape, &tensor.dtype), (&other.shape, &other.dtype), "{name}");
            assert!(tensor.values.iter().map(|v| v.to_bits()).eq(other.values.iter().map(|v| v.to_bits())), "{name}");
        }
    }
}
