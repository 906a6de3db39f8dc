//! What is drawn over images, on the disk: `overlays.csv` says what each map is, `overlays.safetensors` holds the pixels.

use super::numbers;
use crate::figure::ConceptOverlays;
use crate::run::RunFolder;
use crate::table::{read_csv, to_csv, write_parquet};
use anyhow::{Context, Result, bail};
use ndarray::{ArrayD, Ix3, Ix4};
use std::collections::BTreeMap;
use std::path::Path;

const ROWS: &str = "overlays.csv";
const PIXELS: &str = "overlays.safetensors";

/// Writes both; nothing where there is nothing to draw.
///
/// # Errors
/// When a file cannot be written.
pub fn write_overlays(folder: &RunFolder, overlays: &ConceptOverlays) -> Result<()> {
    if overlays.rows.is_empty() {
        return Ok(());
    }
    let mut tensors = BTreeMap::from([("maps".to_string(), overlays.maps.clone().into_dyn())]);
    if let Some(images) = &overlays.images {
        tensors.insert("images".into(), images.mapv(f64::from).into_dyn());
    }
    if let Some(masks) = &overlays.masks {
        tensors.insert("masks".into(), masks.mapv(f64::from).into_dyn());
    }
    folder.write(PIXELS, &numbers::encode(&tensors)?)?;
    folder.write(ROWS, &to_csv(&overlays.rows)?)?;
    folder.write("overlays.parquet", &write_parquet("overlays", &overlays.rows)?)
}

/// Reads both; nothing where the run has none.
///
/// # Errors
/// When a file is damaged, or the two do not fit together.
pub fn read_overlays(folder: &Path) -> Result<ConceptOverlays> {
    let (rows, pixels) = (folder.join(ROWS), folder.join(PIXELS));
    if !rows.exists() || !pixels.exists() {
        return Ok(ConceptOverlays::default());
    }
    let read = || -> Result<ConceptOverlays> {
        let mut tensors = numbers::decode_all(&std::fs::read(&pixels)?)?;
        let rows = read_csv(&rows)?;
        let maps = tensors.remove("maps").context("it has no tensor 'maps'")?.into_dimensionality::<Ix3>()?;
        if maps.dim().0 != rows.len() {
            bail!("it holds {} maps, and {ROWS} has {} rows", maps.dim().0, rows.len());
        }
        let bytes = |t: ArrayD<f64>| t.mapv(|v| v.round().clamp(0.0, 255.0) as u8);
        let images = tensors.remove("images").map(|t| bytes(t).into_dimensionality::<Ix4>()).transpose()?;
        let masks = tensors.remove("masks").map(|t| bytes(t).into_dimensionality::<Ix3>()).transpose()?;
        let (_, height, width) = maps.dim();
        let fits = images.as_ref().is_none_or(|i| i.dim().1 == height && i.dim().2 == width && i.dim().3 == 3)
            && masks.as_ref().is_none_or(|m| m.dim() == maps.dim());
        if !fits {
            bail!("its images, maps and masks are of different sizes");
        }
        Ok(ConceptOverlays { rows, images, maps, masks })
    };
    read().with_context(|| format!("cannot use {}", pixels.display()))
}
