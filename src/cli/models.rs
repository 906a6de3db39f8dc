//! Models and dumps that patterns stand for.

use crate::checkpoint::companions;
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

/// What a run remembers of a model: its file and those that it refers to, or all files of its folder.
pub(super) fn input_file(path: &Path) -> Result<InputFile> {
    if path.is_dir() {
        let mut files = vec![];
        files_below(path, "", 0, &mut files)?;
        files.sort();
        return InputFile::of_all(path, &files);
    }
    let companions = companions(path)?;
    if companions.is_empty() {
        return InputFile::of(path);
    }
    let name = |p: &Path| p.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let all = std::iter::once(path.to_path_buf()).chain(companions);
    InputFile::of_all(path, &all.map(|p| (name(&p), p)).collect::<Vec<_>>())
}

/// Files of a folder and of those in it, links followed: a cache of models is made of links.
fn files_below(folder: &Path, before: &str, depth: usize, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let (name, path) = (format!("{before}{}", entry.file_name().to_string_lossy()), entry.path());
        if path.is_file() {
            files.push((name, path));
        } else if path.is_dir() && depth < 2 {
            files_below(&path, &format!("{name}/"), depth + 1, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_in_any_file_of_a_model_shows() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("model");
        std::fs::create_dir_all(folder.join("1_Pooling")).unwrap();
        std::fs::write(dir.path().join("weights"), "a").unwrap();
        std::fs::write(folder.join("1_Pooling/config.json"), "mean").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path().join("weights"), folder.join("model.safetensors")).unwrap();
        let before = input_file(&folder).unwrap();
        std::fs::write(folder.join("1_Pooling/config.json"), "cls!").unwrap();
        let pooling = input_file(&folder).unwrap();
        assert!(before.bytes == pooling.bytes && before.sha256 != pooling.sha256);
        #[cfg(unix)]
        {
            std::fs::write(dir.path().join("weights"), "b").unwrap();
            assert!(input_file(&folder).unwrap().sha256 != pooling.sha256);
        }
    }
}
