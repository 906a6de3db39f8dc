//! The image of one sample, on the disk: `sample.safetensors`, so that a report can be drawn again.

use super::Subject;
use super::numbers;
use crate::run::RunFolder;
use anyhow::{Context, Result, ensure};
use ndarray::{Array3, Axis, Ix3};
use std::collections::BTreeMap;
use std::path::Path;

const FILE: &str = "sample.safetensors";
const TENSOR: &str = "image";

impl Subject {
    /// The image [height × width × 3] of a row of the data, where the data have images.
    pub fn image(&self, row: usize) -> Option<Array3<u8>> {
        let images = self.places.as_ref()?.images.as_ref()?;
        (row < images.dim().0 && images.dim().3 == 3).then(|| images.index_axis(Axis(0), row).to_owned())
    }
}

/// Writes the image.
///
/// # Errors
/// When the file cannot be written.
pub fn write_sample(folder: &RunFolder, image: &Array3<u8>) -> Result<()> {
    let tensors = BTreeMap::from([(TENSOR.to_string(), image.mapv(f64::from).into_dyn())]);
    folder.write(FILE, &numbers::encode(&tensors)?)
}

/// Reads it; `None` where the run has none.
///
/// # Errors
/// When the file is damaged.
pub fn read_sample(folder: &Path) -> Result<Option<Array3<u8>>> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let read = || -> Result<Array3<u8>> {
        let mut tensors = numbers::decode_all(&std::fs::read(&path)?)?;
        let image = tensors.remove(TENSOR).with_context(|| format!("it has no tensor '{TENSOR}'"))?;
        let image = image.into_dimensionality::<Ix3>()?.mapv(|v| v.round().clamp(0.0, 255.0) as u8);
        ensure!(image.dim().2 == 3, "an image of {} channels is there, and three are expected", image.dim().2);
        Ok(image)
    };
    read().map(Some).with_context(|| format!("cannot use {}", path.display()))
}
