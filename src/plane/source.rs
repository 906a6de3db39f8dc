//! Where activations come from: checkpoints of a known network, or dumps of activations.

use crate::checkpoint::{self, ActivationDump, ReadOptions};
use crate::subject::{Architecture, LayerActivations, Network};
use anyhow::{Context, Result, ensure};
use ndarray::ArrayView2;
use std::path::{Path, PathBuf};

/// What is known of a checkpoint besides its weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Name of the run that it belongs to.
    pub run: String,
    /// Path of the file.
    pub path: PathBuf,
    /// Its epoch, when known.
    pub epoch: Option<u64>,
    /// Its optimiser step, when known.
    pub step: Option<u64>,
    /// Seed that trained it, when known.
    pub seed: Option<u64>,
    /// Names of its layers, in order.
    pub layers: Vec<String>,
    /// Names of its weights in the same order; none for a dump.
    pub weights: Vec<String>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Weights(Architecture),
    Activations,
}

/// How to read the files of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Name of the run; when absent that of the checkpoint's own metadata, else of its folder.
    pub run: Option<String>,
    /// The network; that of the checkpoint's own metadata when absent.
    pub architecture: Option<Architecture>,
    /// Key of the state dict in a PyTorch file, when it must be given.
    pub state_dict_key: Option<String>,
}

/// The name of a run whose files tell none: that of their folder, or of the folder above a `checkpoints`.
pub(crate) fn folder_name(path: &Path) -> String {
    let mut folders = path.ancestors().skip(1).filter_map(|p| p.file_name().and_then(|n| n.to_str()));
    folders.find(|name| *name != "checkpoints").unwrap_or("run").to_string()
}

impl Source {
    /// Opens a file, checks that it can be traced on inputs of `n_features` and `n_samples`, and says what it is.
    ///
    /// # Errors
    /// When the file cannot be read, is not what the architecture says, holds NaN or infinity, or does not fit the data.
    pub fn locate(&self, path: &Path, n_features: usize, n_samples: usize) -> Result<Located> {
        if is_dump(path) {
            let dump = checkpoint::read_dump(path)?;
            let rows = dump.layers.first().map_or(0, |(_, values)| values.nrows());
            ensure!(
                rows == n_samples,
                "{} holds the activations of {rows} samples, but there are {n_samples} labels: they must be rows of the same samples",
                path.display()
            );
            return Ok(Located {
                run: self.run.clone().unwrap_or_else(|| folder_name(path)),
                path: path.into(),
                epoch: dump.epoch,
                step: dump.step,
                seed: None,
                layers: dump.layers.into_iter().map(|(name, _)| name).collect(),
                weights: vec![],
                kind: Kind::Activations,
            });
        }
        let file = checkpoint::read(path, &self.options())?;
        let architecture = match (&self.architecture, file.metadata.get("architecture")) {
            (Some(given), _) => given.clone(),
            (None, Some(text)) => serde_json::from_str::<Architecture>(text)
                .map_err(anyhow::Error::from)
                .and_then(Architecture::checked)
                .with_context(|| {
                    format!("the architecture in the metadata of {} cannot be used: give --arch FILE", path.display())
                })?,
            (None, None) => anyhow::bail!(
                "{} does not say what network it belongs to: give --arch FILE (sizes, activation, output)",
                path.display()
            ),
        };
        let network = Network::from_checkpoint(&architecture, &file)?;
        let weights = Network::tensor_names(&architecture, &file)?;
        ensure!(
            network.architecture.layers[0] == n_features,
            "the inputs have {n_features} features, but the network {architecture} of {} takes {}",
            path.display(),
            network.architecture.layers[0]
        );
        Ok(Located {
            run: self.run.clone().or(file.run).unwrap_or_else(|| folder_name(path)),
            path: path.into(),
            epoch: file.epoch,
            step: file.step,
            seed: file.seed,
            layers: architecture.layer_names(),
            weights: weights.into_iter().map(|(weight, _)| weight).collect(),
            kind: Kind::Weights(architecture),
        })
    }

    /// The activations of every layer; `rows` picks samples of a dump, whose inputs are already those samples.
    ///
    /// # Errors
    /// When the file can no longer be read as it was located.
    pub fn trace(
        &self,
        located: &Located,
        inputs: ArrayView2<'_, f32>,
        rows: Option<&[usize]>,
    ) -> Result<Vec<LayerActivations>> {
        match &located.kind {
            Kind::Weights(architecture) => {
                Network::from_checkpoint(architecture, &checkpoint::read(&located.path, &self.options())?)?
                    .trace(inputs)
            }
            Kind::Activations => {
                let ActivationDump { layers, .. } = checkpoint::read_dump(&located.path)?;
                let pick = |values: ndarray::Array2<f32>| match rows {
                    Some(rows) => values.select(ndarray::Axis(0), rows),
                    None => values,
                };
                Ok(layers
                    .into_iter()
                    .map(|(name, values)| LayerActivations {
                        name,
                        lower_saturation: repeated_minimum(&values),
                        values: pick(values),
                    })
                    .collect())
            }
        }
    }

    fn options(&self) -> ReadOptions {
        ReadOptions { with_key: self.state_dict_key.clone() }
    }
}

/// Whether a file is an activation dump: npz archives are, whatever holds weights is not.
fn is_dump(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"))
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
    fn a_run_is_called_like_its_folder() {
        assert_eq!(folder_name(Path::new("runs/tanh/checkpoints/e.pt")), "tanh");
        assert_eq!(folder_name(Path::new("runs/relu/e.pt")), "relu");
        assert_eq!(folder_name(Path::new("e.pt")), "run");
    }

    #[test]
    fn zeros_of_a_relu_are_its_saturation() {
        assert_eq!(repeated_minimum(&array![[0.0f32, 1.0], [0.0, 2.0]]), Some(0.0));
        assert_eq!(repeated_minimum(&array![[-0.5f32, 1.0], [0.0, 2.0]]), None);
    }
}
