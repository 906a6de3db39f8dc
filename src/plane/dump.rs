//! Dumps of activations: npz archives, and what `narrows capture` writes.

use crate::checkpoint::{self, CheckpointError, Contents, Format, Problem, ReadOptions};
use crate::subject::capture::KIND;
use crate::subject::{LayerActivations, NOISE_METADATA, Noise};
use anyhow::Result;
use ndarray::{Array2, ArrayView2, Axis};
use std::path::{Path, PathBuf};

/// Values that are read together where a layer is gone through some rows at a time.
const PIECE: usize = 1 << 20;

/// A dump of a network's layers at one checkpoint.
pub(super) struct Dump {
    file: PathBuf,
    pub(super) run: Option<String>,
    pub(super) epoch: Option<u64>,
    pub(super) step: Option<u64>,
    pub(super) seed: Option<u64>,
    /// Noise on the hidden layers of the network that was captured.
    pub(super) noise: Option<Noise>,
    pub(super) n_samples: usize,
    /// Names and widths.
    pub(super) layers: Vec<(String, usize)>,
    values: Values,
}

enum Values {
    Read(Vec<(String, Array2<f32>)>),
    InFile(Contents),
}

/// Whether a file is a dump of activations: npz archives are, and safetensors files that say so.
///
/// # Errors
/// When a safetensors file is damaged.
pub(crate) fn is_dump(path: &Path) -> Result<bool, CheckpointError> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "npz" => Ok(true),
        "safetensors" if path.is_file() => {
            let contents = Contents::open(path, &ReadOptions::default())?;
            Ok(contents.format == Format::Safetensors && contents.metadata.get(KIND.0).is_some_and(|k| k == KIND.1))
        }
        _ => Ok(false),
    }
}

impl Dump {
    /// Opens a dump. An npz archive is read whole, for its arrays may be packed; of a captured file only what is asked for
    /// is.
    ///
    /// # Errors
    /// When it is damaged, an array is no layer, layers differ in their number of samples, or a value is not finite.
    pub(super) fn open(path: &Path) -> Result<Self, CheckpointError> {
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz")) {
            let dump = checkpoint::read_dump(path)?;
            return Ok(Self {
                file: path.into(),
                run: None,
                epoch: dump.epoch,
                step: dump.step,
                seed: None,
                noise: None,
                n_samples: dump.layers.first().map_or(0, |(_, values)| values.nrows()),
                layers: dump.layers.iter().map(|(name, values)| (name.clone(), values.ncols())).collect(),
                values: Values::Read(dump.layers),
            });
        }
        let contents = Contents::open(path, &ReadOptions::default())?;
        let mut layers = Vec::new();
        let mut n_samples = 0;
        for (name, tensor) in &contents.tensors {
            let shape = tensor.shape.clone();
            if shape.len() < 2 || shape.contains(&0) || tensor.count().is_none() {
                return Err(Problem::NotALayer { name: name.clone(), shape }.of(path));
            }
            if let Some((first, _)) = layers.first().filter(|_| shape[0] != n_samples) {
                let problem = Problem::RaggedDump {
                    first: String::clone(first),
                    first_rows: n_samples,
                    second: name.clone(),
                    second_rows: shape[0],
                };
                return Err(problem.of(path));
            }
            n_samples = shape[0];
            layers.push((name.clone(), shape[1..].iter().product()));
        }
        Ok(Self {
            file: path.into(),
            run: contents.run.clone(),
            epoch: contents.epoch,
            step: contents.step,
            seed: contents.seed,
            // What cannot be understood is no noise that can be told of.
            noise: contents.metadata.get(NOISE_METADATA).and_then(|text| serde_json::from_str(text).ok()),
            n_samples,
            layers,
            values: Values::InFile(contents),
        })
    }

    /// Some layers, on some rows.
    ///
    /// # Errors
    /// When the file is no longer what it was, or a value is not finite.
    pub(super) fn trace(self, layers: &[usize], rows: &[usize]) -> Result<Vec<LayerActivations>> {
        let all = rows.len() == self.n_samples;
        layers
            .iter()
            .map(|&index| {
                let values = self.layer(index)?;
                let lower_saturation = repeated_minimum(&values);
                let values = if all { values } else { values.select(Axis(0), rows) };
                Ok(LayerActivations { name: self.layers[index].0.clone(), lower_saturation, values })
            })
            .collect()
    }

    /// Goes through a layer some rows at a time: `look` is shown the activations of some of `rows`, which are ascending,
    /// and how many came before.
    ///
    /// # Errors
    /// When the file is no longer what it was, a value is not finite, or `look` refuses.
    pub(super) fn pieces(
        &self,
        index: usize,
        rows: &[usize],
        mut look: impl FnMut(ArrayView2<'_, f32>, usize) -> Result<()>,
    ) -> Result<()> {
        let (name, width) = (&self.layers[index].0, self.layers[index].1);
        let at_once = (PIECE / width.max(1)).max(1);
        let mut done = 0;
        while done < rows.len() {
            // From the first row that is wanted and not yet seen on.
            let (start, end) = (rows[done], (rows[done] + at_once).min(self.n_samples));
            let wanted = &rows[done..done + rows[done..].partition_point(|&row| row < end)];
            let values = match &self.values {
                Values::Read(layers) => layers[index].1.slice_axis(Axis(0), (start..end).into()).to_owned(),
                Values::InFile(contents) => {
                    let read = contents.tensors[index].1.rows(start, end);
                    Array2::from_shape_vec((end - start, width), read.map_err(|p| p.of(&contents.file))?)?
                }
            };
            if let Some(((row, unit), &value)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
                let count = values.iter().filter(|v| !v.is_finite()).count();
                let problem = Problem::NotFinite { tensor: name.clone(), index: vec![start + row, unit], value, count };
                return Err(problem.of(&self.file).into());
            }
            if wanted.len() == values.nrows() {
                look(values.view(), done)?;
            } else {
                let places: Vec<usize> = wanted.iter().map(|row| row - start).collect();
                look(values.select(Axis(0), &places).view(), done)?;
            }
            done += wanted.len();
        }
        Ok(())
    }

    fn layer(&self, index: usize) -> Result<Array2<f32>> {
        let contents = match &self.values {
            Values::Read(layers) => return Ok(layers[index].1.clone()),
            Values::InFile(contents) => contents,
        };
        let (name, tensor) = &contents.tensors[index];
        let loaded = tensor.load().map_err(|problem| problem.of(&contents.file))?;
        let values = Array2::from_shape_vec((self.n_samples, self.layers[index].1), loaded.values)?;
        if let Some(((row, unit), &value)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
            let count = values.iter().filter(|v| !v.is_finite()).count();
            let problem = Problem::NotFinite { tensor: name.clone(), index: vec![row, unit], value, count };
            return Err(problem.of(&contents.file).into());
        }
        Ok(values)
    }
}

/// A dump does not say its activation function. A smallest value that at least one entry in a hundred has exactly is
/// taken for its lower saturation (0 of a ReLU, −1 of a saturated tanh).
fn repeated_minimum(values: &ndarray::Array2<f32>) -> Option<f32> {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let count = values.iter().filter(|&&v| v == low).count();
    (count > 1 && count * 100 >= values.len()).then_some(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn pieces_of_some_rows_are_those_rows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.npz");
        let values = Array2::from_shape_fn((3, PIECE), |(i, j)| (i * 7 + j % 5) as f32);
        let mut writer = ndarray_npy::NpzWriter::new(std::fs::File::create(&path).unwrap());
        writer.add_array("wide", &values).unwrap();
        writer.add_array("narrow", &array![[1.0f32], [2.0], [3.0]]).unwrap();
        writer.finish().unwrap();
        let dump = Dump::open(&path).unwrap();
        let gathered = |layer: usize, rows: &[usize]| {
            let (mut found, mut pieces) = (vec![], 0);
            let look = |part: ArrayView2<'_, f32>, before: usize| {
                assert_eq!(before * part.ncols(), found.len());
                found.extend(part.iter().copied());
                pieces += 1;
                Ok(())
            };
            dump.pieces(layer, rows, look).unwrap();
            (found, pieces)
        };
        // A row of the wide one is a piece of its own.
        let both: Vec<f32> = values.select(Axis(0), &[0, 2]).iter().copied().collect();
        assert_eq!(gathered(0, &[0, 2]), (both, 2));
        assert_eq!(gathered(1, &[0, 2]), (vec![1.0, 3.0], 1));
        assert_eq!(gathered(1, &[0, 1, 2]).1, 1);
    }

    #[test]
    fn zeros_of_a_relu_are_its_saturation() {
        assert_eq!(repeated_minimum(&array![[0.0f32, 1.0], [0.0, 2.0]]), Some(0.0));
        assert_eq!(repeated_minimum(&array![[-0.5f32, 1.0], [0.0, 2.0]]), None);
    }
}
