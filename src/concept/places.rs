//! Where concepts are: feature maps before pooling, images, and the true places of parts.

use super::data::few;
use crate::run::{InputFile, within};
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::load::{Format, gunzip, npy, npz, sniff};
use ndarray::{Array3, Array4, ArrayD, Axis, Ix3, Ix4};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What is known of places in images.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Places {
    /// Feature maps [samples × height × width × features]; their mean over height and width is the embedding.
    pub maps: Array4<f32>,
    /// Images [samples × height × width × 3].
    pub images: Option<Array4<u8>>,
    /// Names of the parts.
    pub parts: Vec<String>,
    /// Row and column of the middle of each part, in pixels of the image [samples × parts × 2]; NaN where it is hidden.
    pub centres: Option<Array3<f64>>,
    /// Whether a pixel shows a part [samples × parts × height × width]: 0 or 1.
    pub masks: Option<Array4<u8>>,
    /// Part that each concept is about, by its place in `parts`; none for concepts of no part.
    pub concept_parts: Vec<Option<usize>>,
}

/// The files that say so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlaceFiles {
    /// Feature maps of four axes, features last or second.
    pub feature_maps: Option<String>,
    /// Images of four axes, bytes or 0…1, channels last or second.
    pub images: Option<String>,
    /// Centres [samples × parts × 2].
    pub part_centres: Option<String>,
    /// Masks [samples × parts × height × width].
    pub part_masks: Option<String>,
    /// A CSV of concept and part.
    pub concept_parts: Option<String>,
}

impl PlaceFiles {
    /// Reads them; `width` is that of the embeddings. None where no feature maps are given.
    ///
    /// # Errors
    /// When a file cannot be read, its axes are others, or it has another number of samples.
    pub(crate) fn load(
        &self,
        (samples, width): (usize, usize),
        concepts: &[String],
        files: &mut Vec<InputFile>,
    ) -> Result<Option<Places>> {
        let Some(path) = &self.feature_maps else { return Ok(None) };
        let mut read = |path: &str, axes: usize| -> Result<ArrayD<f64>> {
            let (array, file) = array(path).with_context(|| format!("cannot use {path}"))?;
            files.push(file);
            let shape = array.shape().to_vec();
            ensure!(shape.len() == axes, "{path} has the shape {shape:?}: {axes} axes are expected");
            ensure!(shape[0] == samples, "{path} has {} samples, and there are {samples} embeddings", shape[0]);
            Ok(array)
        };
        let maps = channels_last(read(path, 4)?.into_dimensionality::<Ix4>()?, width)
            .with_context(|| format!("cannot use {path}: the embeddings have {width} features"))?
            .mapv(|v| v as f32);
        let images = match &self.images {
            None => None,
            Some(path) => {
                let images = channels_last(read(path, 4)?.into_dimensionality::<Ix4>()?, 3)
                    .with_context(|| format!("cannot use {path}: three channels are needed"))?;
                let bright = images.iter().any(|v| *v > 1.0);
                Some(images.mapv(|v| (if bright { v } else { 255.0 * v }).round().clamp(0.0, 255.0) as u8))
            }
        };
        let centres = self.part_centres.as_deref().map(|p| read(p, 3)).transpose()?;
        let centres = centres.map(|c| c.into_dimensionality::<Ix3>()).transpose()?;
        let masks = self.part_masks.as_deref().map(|p| read(p, 4)).transpose()?;
        let masks = masks.map(|m| m.into_dimensionality::<Ix4>()).transpose()?.map(|m| m.mapv(|v| u8::from(v > 0.5)));
        let (parts, concept_parts) = match &self.concept_parts {
            None => (vec![], vec![None; concepts.len()]),
            Some(path) => {
                let found = parts_of(path, concepts).with_context(|| format!("cannot use {path}"))?;
                files.push(InputFile::of(Path::new(path))?);
                found
            }
        };
        let told = [centres.as_ref().map(|c| c.dim().1), masks.as_ref().map(|m| m.dim().1)];
        for count in told.into_iter().flatten() {
            ensure!(
                self.concept_parts.is_none() || count >= parts.len(),
                "--concept-parts names {} parts, and there are places of {count}",
                parts.len()
            );
        }
        Ok(Some(Places { maps, images, parts, centres, masks, concept_parts }))
    }
}

/// Brings the axis of this length to the end.
fn channels_last(array: Array4<f64>, width: usize) -> Result<Array4<f64>> {
    let shape = array.shape().to_vec();
    if shape[3] == width {
        return Ok(array);
    }
    ensure!(
        shape[1] == width,
        "its shape is {shape:?}, and neither the last nor the second axis has the length {width}"
    );
    Ok(array.permuted_axes([0, 2, 3, 1]).as_standard_layout().into_owned())
}

/// One array of an npy file, or of an npz with one array or one that is named after a colon.
fn array(place: &str) -> Result<(ArrayD<f64>, InputFile)> {
    let (path, which) = within(place);
    let bytes = gunzip(&std::fs::read(path)?)?.into_owned();
    let values = match sniff(&bytes)? {
        Format::Npy => npy::read(&bytes)?.values,
        Format::Npz => {
            let mut arrays = npz::read(&bytes)?;
            let known = arrays.iter().map(|a| a.0.clone()).collect::<Vec<_>>();
            let at = match which {
                Some(name) => known.iter().position(|n| n == name),
                None => (known.len() == 1).then_some(0),
            };
            let at = at.with_context(|| format!("the archive holds {}: say which, as {path}:NAME", few(&known)))?;
            arrays.swap_remove(at).1.values
        }
        other => bail!("it is {other:?}: a numpy array (npy or npz) is needed"),
    };
    Ok((values, InputFile::of(Path::new(path))?))
}

/// Reads lines of concept and part; parts are numbered in the order in which they first occur.
fn parts_of(path: &str, concepts: &[String]) -> Result<(Vec<String>, Vec<Option<usize>>)> {
    let bytes = std::fs::read(path)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(&bytes[..]);
    let mut parts: Vec<String> = Vec::new();
    let mut of = vec![None; concepts.len()];
    for (line, record) in reader.records().enumerate() {
        let (record, line) = (record.context("it is not a table")?, line + 1);
        ensure!(record.len() == 2, "line {line}: concept and part are expected");
        let Some(concept) = concepts.iter().position(|c| c == &record[0]) else {
            if line == 1 {
                continue;
            }
            bail!("line {line}: there is no concept '{}'; there are: {}", &record[0], few(concepts));
        };
        if record[1].is_empty() {
            continue;
        }
        let part = parts.iter().position(|p| p == &record[1]).unwrap_or_else(|| {
            parts.push(record[1].to_string());
            parts.len() - 1
        });
        of[concept] = Some(part);
    }
    Ok((parts, of))
}

impl Places {
    /// These samples alone.
    pub fn rows(&self, rows: &[usize]) -> Self {
        Self {
            maps: self.maps.select(Axis(0), rows),
            images: self.images.as_ref().map(|i| i.select(Axis(0), rows)),
            parts: self.parts.clone(),
            centres: self.centres.as_ref().map(|c| c.select(Axis(0), rows)),
            masks: self.masks.as_ref().map(|m| m.select(Axis(0), rows)),
            concept_parts: self.concept_parts.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_go_to_the_end() {
        let first = Array4::from_shape_fn((2, 3, 4, 5), |(n, c, y, x)| (((n * 3 + c) * 4 + y) * 5 + x) as f64);
        let last = channels_last(first.clone(), 3).unwrap();
        assert_eq!(last.dim(), (2, 4, 5, 3));
        assert_eq!(last[[1, 2, 3, 1]], first[[1, 1, 2, 3]]);
        assert!(channels_last(first, 7).unwrap_err().to_string().contains("length 7"));
    }

    #[test]
    fn parts_are_numbered_as_they_come() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.csv");
        std::fs::write(&file, "concept,part\nred wing,wing\nlong beak,beak\nblue wing,wing\nsky,\n").unwrap();
        let concepts: Vec<String> = ["long beak", "red wing", "sky", "blue wing"].map(String::from).into();
        let (parts, of) = parts_of(&file.display().to_string(), &concepts).unwrap();
        assert_eq!(parts, ["wing", "beak"]);
        assert_eq!(of, [Some(1), Some(0), None, Some(0)]);
    }
}
