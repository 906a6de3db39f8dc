//! A file as it was found: what it says of itself, and tensors that are still in it.

use super::blob::Blob;
use super::format::{self, Format};
use super::found::Found;
use super::tensor::without_wrappers;
use super::{Checkpoint, CheckpointError, LazyTensor, Problem, ReadOptions, StateDict, place};
use super::{burnpack, hdf5, keras, npy, npz, onnx, safetensors, sharded, torch};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A saved model whose tensors are read when somebody asks for them.
#[derive(Debug, Clone)]
pub struct Contents {
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
    /// Names and tensors, in the file's order.
    pub tensors: Vec<(String, LazyTensor)>,
}

impl Contents {
    /// Opens a file and reads what is in it, but no values. In a folder of Hugging Face's layout it is the model's
    /// file; of an index, all the files that it names.
    ///
    /// # Errors
    /// When the file is missing, empty, truncated, of no known format, or holds what is refused; the message names the
    /// file, what was found, and what to do.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, CheckpointError> {
        let path = &sharded::in_folder(path);
        Blob::open(path).and_then(|blob| Self::parse(&blob, path, options)).map_err(|problem| problem.of(path))
    }

    /// Reads a file that is in memory already, as [`Contents::open`] does. `name` is what messages call it; files that
    /// it names are looked for beside that place.
    ///
    /// # Errors
    /// As [`Contents::open`].
    pub fn of_bytes(name: &Path, bytes: Vec<u8>, options: &ReadOptions) -> Result<Self, CheckpointError> {
        Self::parse(&Blob::of(bytes), name, options).map_err(|problem| problem.of(name))
    }

    fn parse(blob: &Blob, path: &Path, options: &ReadOptions) -> Result<Self, Problem> {
        let format = format::of(blob)?;
        let mut found = match format {
            Format::Safetensors => safetensors::open(blob)?,
            Format::TorchZip | Format::TorchLegacy => torch::open(blob, format, options)?,
            Format::Onnx => onnx::open(blob, path)?,
            Format::Npy => npy::open(blob, path)?,
            Format::Npz => npz::open(blob)?,
            Format::Hdf5 => hdf5::open(blob)?,
            Format::Keras => keras::open(blob)?,
            Format::Burnpack => burnpack::open(blob)?,
            Format::Sharded => sharded::open(blob, path, options)?,
        };
        if found.tensors.is_empty() {
            return Err(Problem::NoTensors);
        }
        without_wrappers(&mut found.tensors);
        if !blob.is_unchanged() {
            return Err(Problem::Changed);
        }
        Ok(Self::new(path, format, found))
    }

    pub(super) fn new(file: &Path, format: Format, Found { texts, tensors }: Found) -> Self {
        let number = |keys: &[&str]| keys.iter().find_map(|key| texts.get(*key)?.trim().parse::<u64>().ok());
        let (epoch, step) = (number(&["epoch"]), number(&["step", "global_step", "iteration"]));
        let mut named = place::of_name(file);
        // `ckpt-500` that says of itself to be of step 500 is not of epoch 500 besides.
        if named.is_guess && named.epoch == step {
            named.epoch = None;
        }
        Self {
            file: file.into(),
            format,
            epoch: epoch.or(named.epoch),
            step: step.or(named.step),
            seed: number(&["seed"]),
            run: texts.get("run").cloned(),
            metadata: texts,
            tensors,
        }
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&LazyTensor> {
        self.tensors.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor)
    }

    /// Reads all tensors.
    ///
    /// # Errors
    /// When a tensor is of a type that is not read, or the file is no longer what it was.
    pub fn load(self) -> Result<Checkpoint, CheckpointError> {
        let mut tensors = StateDict::default();
        for (name, tensor) in &self.tensors {
            tensors.insert(name, tensor.load().map_err(|problem| problem.at(name).of(&self.file))?);
        }
        Ok(Checkpoint {
            file: self.file,
            format: self.format,
            epoch: self.epoch,
            step: self.step,
            seed: self.seed,
            run: self.run,
            metadata: self.metadata,
            tensors,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_says_goes_before_its_name() {
        let of = |name: &str, pairs: &[(&str, &str)]| {
            let texts = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            let c = Contents::new(Path::new(name), Format::Safetensors, Found { texts, tensors: vec![] });
            (c.epoch, c.step, c.seed, c.run)
        };
        assert_eq!(of("epoch_3-step_9.pt", &[("epoch", "5")]), (Some(5), Some(9), None, None));
        assert_eq!(
            of("epoch_3.pt", &[("global_step", " 70 "), ("seed", "1"), ("run", "a")]),
            (Some(3), Some(70), Some(1), Some("a".into()))
        );
        assert_eq!(of("epoch_3.pt", &[("epoch", "last"), ("iteration", "8")]), (Some(3), Some(8), None, None));
        assert_eq!(of("ckpt-500.pt", &[("step", "500")]), (None, Some(500), None, None));
        assert_eq!(of("model_12.pt", &[("step", "500")]), (Some(12), Some(500), None, None));
    }
}
