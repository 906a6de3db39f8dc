//! Dumps of activations: npz archives, and what `narrows capture` writes.

use crate::checkpoint::{self, CheckpointError, Contents, Format, Problem, ReadOptions};
use crate::subject::capture::KIND;
use crate::subject::{LayerActivations, NOISE_METADATA, Noise};
use anyhow::Result;
use ndarray::{Array2, Axis};
use std::path::Path;

/// A dump of a network's layers at one checkpoint.
pub(super) struct Dump {
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
    fn zeros_of_a_relu_are_its_saturation() {
        assert_eq!(repeated_minimum(&array![[0.0f32, 1.0], [0.0, 2.0]]), Some(0.0));
        assert_eq!(repeated_minimum(&array![[-0.5f32, 1.0], [0.0, 2.0]]), None);
    }
}
