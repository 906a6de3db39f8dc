//! Models and dumps that patterns stand for.

use crate::run::InputFile;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// The files that patterns, folders and names stand for, each once, in natural order of the pattern. The folder of a
/// Hugging Face model stands for itself.
pub(super) fn expand(patterns: &[String]) -> Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let path = Path::new(pattern);
        let mut found: Vec<PathBuf> = if path.exists() {
            files_of(path)?
        } else {
            let matches = glob::glob(pattern).with_context(|| format!("{pattern} is not a pattern"))?;
            matches.filter_map(Result::ok).map(|p| files_of(&p)).collect::<Result<Vec<_>>>()?.concat()
        };
        ensure!(
            !found.is_empty(),
            "{pattern}: {}",
            if path.is_dir() {
                "the folder holds no model (.onnx, .safetensors, .pt, .pth, .ckpt, .bin, .h5, .keras, .bpk) and no dump of \
                 activations (.npz, .safetensors), nor do the folders in it"
            } else {
                "there is no such file, and no file matches it as a pattern"
            }
        );
        found.sort_by(|a, b| crate::checkpoint::natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
        for path in found {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

/// The file itself, or the checkpoints in a folder and the folders in it.
fn files_of(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() || is_model_folder(path) {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = vec![];
    for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
        let entry = entry?.path();
        if entry.is_dir() {
            found.extend(files_of(&entry)?);
        } else if is_checkpoint(&entry) {
            found.push(entry);
        }
    }
    Ok(found)
}

/// Whether a folder is one model: its configuration and its weights.
pub(super) fn is_model_folder(path: &Path) -> bool {
    let weights =
        ["model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "pytorch_model.bin.index.json"];
    path.join("config.json").exists() && weights.iter().any(|name| path.join(name).exists())
}

fn is_checkpoint(path: &Path) -> bool {
    const ENDINGS: [&str; 11] =
        ["safetensors", "pt", "pth", "ckpt", "bin", "npz", "onnx", "h5", "hdf5", "keras", "bpk"];
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| ENDINGS.contains(&e))
}

/// What a run remembers of a model: its file, or the files of its folder.
pub(super) fn input_file(path: &Path) -> Result<InputFile> {
    if !path.is_dir() {
        return InputFile::of(path);
    }
    let mut files = vec![];
    for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    files.sort();
    InputFile::of_all(path, &files)
}
