//! Batches of CIFAR-10 and CIFAR-100 as samples.

use super::array::Array;
use super::decode::regular;
use super::image_options::ImageOptions;
use super::{Samples, Store};
use crate::run::InputFile;
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::load::cifar::{Kind, kinds, read};
use narrows_datasets::load::gunzip;
use std::path::{Path, PathBuf};

/// Whether a file may be a batch, by its name.
pub(super) fn is_batch(path: &Path) -> bool {
    let name = name_of(path);
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(".bin")
}

/// The training batches of a folder as it is distributed, in order: `data_batch_1.bin`, … or `train.bin`; `None` for
/// another folder. The test batch is had by its own name.
pub(super) fn batches(folder: &Path) -> Result<Option<Vec<PathBuf>>> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))? {
        let path = entry?.path();
        let name = name_of(&path);
        if is_batch(&path) && (name.starts_with("data_batch") || name.starts_with("train.")) {
            found.push(path);
        }
    }
    found.sort();
    Ok((!found.is_empty()).then_some(found))
}

/// Reads batches into one set; pixels stay bytes.
///
/// # Errors
/// When a file is no batch, may be one of either data set, or is one of another data set than the first.
pub(super) fn open(name: &str, batches: &[PathBuf], options: &ImageOptions) -> Result<Samples> {
    let (mut pixels, mut labels, mut files) = (vec![], vec![], vec![]);
    let mut first: Option<(Kind, &Path)> = None;
    for path in batches {
        let of_file = || format!("cannot use the batch {}", path.display());
        let kind = append(path, &mut pixels, &mut labels).with_context(of_file)?;
        files.push(InputFile::of(path)?);
        match first {
            Some((before, of)) if before != kind => bail!(
                "{} is a batch of CIFAR-{}, but {} of CIFAR-{}: name batches of one of them",
                of.display(),
                before.classes(),
                path.display(),
                kind.classes()
            ),
            _ => first = Some((kind, path)),
        }
    }
    let (kind, path) = first.context("there are no batches")?;
    let array = Array::of_planes(pixels, [3, 32, 32], options)?;
    let mut samples = Samples::of(name, Store::Array(Box::new(array)), files);
    samples.labels = Some(labels);
    if let Some((names, file)) = class_names(path, kind)? {
        samples.class_names = Some(names);
        samples.files.push(file);
    }
    Ok(samples)
}

fn append(path: &Path, pixels: &mut Vec<u8>, labels: &mut Vec<i64>) -> Result<Kind> {
    regular(path)?;
    let raw = std::fs::read(path)?;
    let bytes = gunzip(&raw)?;
    let kind = match kinds(&bytes)[..] {
        [kind] => kind,
        [] => bail!(
            "its {} bytes are no CIFAR batch: records of CIFAR-10 have 3073 bytes and a label below 10, those of \
             CIFAR-100 3074 bytes and labels below 20 and 100",
            bytes.len()
        ),
        // Sizes that both divide begin at 9 MB; then the names under which batches are distributed decide.
        _ => by_name(path).context(
            "its size fits CIFAR-10 and CIFAR-100: keep the name that it was distributed under (data_batch_1.bin, \
             test_batch.bin; train.bin, test.bin)",
        )?,
    };
    let batch = read(&bytes, kind)?;
    pixels.extend(batch.pixels);
    labels.extend(batch.labels);
    Ok(kind)
}

fn by_name(path: &Path) -> Option<Kind> {
    let name = name_of(path);
    let folder = path.parent().map(name_of).unwrap_or_default();
    let ten = name.contains("batch") || folder.contains("cifar-10-") || folder == "cifar10";
    let hundred = name.starts_with("train.") || name.starts_with("test.") || folder.contains("cifar-100");
    match (ten, hundred) {
        (true, false) => Some(Kind::Ten),
        (false, true) => Some(Kind::Hundred),
        _ => None,
    }
}

/// The names of the classes, where they lie beside the batch as they are distributed.
fn class_names(batch: &Path, kind: Kind) -> Result<Option<(Vec<String>, InputFile)>> {
    let name = if kind == Kind::Ten { "batches.meta.txt" } else { "fine_label_names.txt" };
    let path = batch.with_file_name(name);
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let names: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect();
    ensure!(
        names.len() == usize::from(kind.classes()),
        "{} has {} names, but CIFAR-{} has as many classes as its name says: restore the file, or remove it",
        path.display(),
        names.len(),
        kind.classes()
    );
    Ok(Some((names, InputFile::of(&path)?)))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_size_leaves_it_open_the_name_decides() {
        let kind = |path: &str| by_name(Path::new(path));
        assert_eq!(kind("x/data_batch_1.bin"), Some(Kind::Ten));
        assert_eq!(kind("cifar-10-batches-bin/mine.bin"), Some(Kind::Ten));
        assert_eq!(kind("cifar-100-binary/train.bin"), Some(Kind::Hundred));
        assert_eq!((kind("x/mine.bin"), kind("cifar-10-batches-bin/train.bin")), (None, None));
    }
}
