//! Where activations come from: checkpoints of networks that can be run, or dumps of activations.

use super::dump::{Dump, is_dump};
use crate::subject::LayerActivations;
use crate::subject::graph::{Axis, Tap, select};
use crate::subject::model::{Model, ModelOptions, Pool, flat};
use crate::subject::samples::Samples;
use anyhow::{Context, Result, ensure};
use narrows_estimators::LayerNoise;
use ndarray::{Array2, Axis as Along, concatenate};
use std::path::{Path, PathBuf};

/// What is known of a checkpoint besides its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// Name of the run that it belongs to.
    pub run: String,
    /// Path of the file or folder.
    pub path: PathBuf,
    /// Its epoch, when known.
    pub epoch: Option<u64>,
    /// Its optimiser step, when known.
    pub step: Option<u64>,
    /// Seed that trained it, when known.
    pub seed: Option<u64>,
    /// Its layers, in order.
    pub layers: Vec<Tap>,
    /// Layers that are traced when nobody says which.
    pub usual: Vec<usize>,
    /// Names of its weights in the order of the layers, where they were matched by their order; none otherwise.
    pub weights: Vec<String>,
    /// What the user should hear of.
    pub notes: Vec<String>,
    /// Noise that the network itself adds to its layers, where it is known.
    pub noise: Option<LayerNoise>,
    /// Whether it is a dump of activations and no network.
    is_dump: bool,
}

/// How to read the files of one run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Source {
    /// Name of the run; when absent that of the checkpoint's own metadata, else of its folder.
    pub run: Option<String>,
    /// How models are read.
    pub model: ModelOptions,
    /// What is done with the space of images and the tokens of texts; kept is flattened here.
    pub pool: Pool,
}

/// Samples that a network is run on at once, where there are many: its maps are large.
const BATCH: usize = 256;

/// The name of a run whose files tell none: that of their folder, or of the folder above `checkpoints` or `activations`.
pub(crate) fn folder_name(path: &Path) -> String {
    let mut folders = path.ancestors().skip(1).filter_map(|p| p.file_name().and_then(|n| n.to_str()));
    folders.find(|name| !["checkpoints", "activations"].contains(name)).unwrap_or("run").to_string()
}

impl Source {
    /// Opens a file or folder, checks that it can be traced on the samples, and says what it is. Dumps must be of
    /// `n_samples`.
    ///
    /// # Errors
    /// When it cannot be read, is not what its description says, holds NaN or infinity, or does not fit the data.
    pub fn locate(&self, path: &Path, samples: Option<&Samples>, n_samples: usize) -> Result<Located> {
        if is_dump(path)? {
            let dump = Dump::open(path)?;
            ensure!(
                matches!(self.pool, Pool::Keep | Pool::Flatten),
                "{} holds activations, whose maps are taken as they are: pool them when they are captured, not here",
                path.display()
            );
            ensure!(
                dump.n_samples == n_samples,
                "{} holds the activations of {} samples, but there are {n_samples} labels: they must be rows of the same samples",
                path.display(),
                dump.n_samples
            );
            ensure!(
                self.model.noise.is_none(),
                "{} holds activations, whose noise is what it was when they were captured: leave out --noise-std",
                path.display()
            );
            let layers: Vec<Tap> = dump.layers.iter().map(|(name, width)| tap(name, *width)).collect();
            return Ok(Located {
                run: self.run.clone().or(dump.run).unwrap_or_else(|| folder_name(path)),
                path: path.into(),
                epoch: dump.epoch,
                step: dump.step,
                seed: dump.seed,
                usual: (0..layers.len()).collect(),
                layers,
                weights: vec![],
                notes: vec![],
                noise: dump.noise.map(LayerNoise::from),
                is_dump: true,
            });
        }
        let samples = samples
            .with_context(|| format!("{} is a network, which is run on inputs: give --inputs", path.display()))?;
        let model = Model::open(path, &self.model)?;
        let usual = model.select(&[])?;
        let located = Located {
            run: self.run.clone().or(model.run.clone()).unwrap_or_else(|| folder_name(path)),
            path: path.into(),
            epoch: model.epoch,
            step: model.step,
            seed: model.seed,
            layers: model.layers().to_vec(),
            usual,
            weights: model.weights.clone(),
            notes: model.notes.clone(),
            noise: model.noise.map(|source| source.noise.into()),
            is_dump: false,
        };
        model.check(samples)?;
        Ok(located)
    }

    /// The activations of some layers, on these rows of the samples.
    ///
    /// # Errors
    /// When the file can no longer be read as it was located, or the network cannot be run.
    pub fn trace(
        &self,
        located: &Located,
        layers: &[usize],
        samples: Option<&Samples>,
        rows: &[usize],
    ) -> Result<Vec<LayerActivations>> {
        if located.is_dump {
            return Dump::open(&located.path)?.trace(layers, rows);
        }
        let samples = samples.context("a network is run on inputs, and there are none")?;
        let ready = Model::open(&located.path, &self.model)?.prepare(layers)?;
        let mut parts: Vec<Vec<Array2<f32>>> = vec![Vec::new(); layers.len()];
        // What a network that is dense yields does not depend on how many samples it is run on; at once is fastest.
        let batch = if ready.is_dense() { rows.len().max(1) } else { BATCH };
        let keeps = matches!(self.pool, Pool::Keep | Pool::Flatten);
        let tokens = if keeps { ready.longest(samples, rows)? } else { 1 };
        for rows in rows.chunks(batch) {
            let mut found = ready.run(&samples.batch(rows)?, rows)?;
            if keeps {
                found = found.widened(tokens);
            }
            for (part, values) in parts.iter_mut().zip(found.values) {
                part.push(flat(self.pool.apply(values, found.mask.as_ref())?)?);
            }
        }
        ready
            .layers()
            .iter()
            .zip(parts)
            .map(|(tap, part)| {
                let views: Vec<_> = part.iter().map(|p| p.view()).collect();
                let values = match part.len() {
                    1 => part.into_iter().next().unwrap_or_default(),
                    _ => concatenate(Along(0), &views)?,
                };
                let bad = values.iter().filter(|v| !v.is_finite()).count();
                ensure!(
                    bad == 0,
                    "{}: {bad} value(s) of the layer {} are not finite on these inputs",
                    located.path.display(),
                    tap.name
                );
                Ok(LayerActivations { name: tap.name.clone(), lower_saturation: tap.lower_saturation, values })
            })
            .collect()
    }
}

impl Located {
    /// Whether it is a dump whose layers can be read one by one, and some rows at a time: an npz archive is read whole.
    pub(super) fn is_read_by_pieces(&self) -> bool {
        self.is_dump && !self.path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"))
    }

    /// A network whose layers are at hand, at an epoch of its training.
    pub(super) fn at_hand(run: &str, path: PathBuf, epoch: u64, seed: u64) -> Self {
        Self {
            run: run.into(),
            path,
            epoch: Some(epoch),
            step: None,
            seed: Some(seed),
            layers: vec![],
            usual: vec![],
            weights: vec![],
            notes: vec![],
            noise: None,
            is_dump: false,
        }
    }

    /// Places of the layers that patterns ask for; the usual ones when there are no patterns.
    ///
    /// # Errors
    /// When a pattern matches no layer; the message lists the layers.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<usize>> {
        match patterns {
            [] => Ok(self.usual.clone()),
            given => select(&self.layers, given, &self.path.display().to_string()),
        }
    }
}

/// A layer of a dump.
fn tap(name: &str, width: usize) -> Tap {
    Tap {
        name: name.into(),
        node: String::new(),
        operator: "array".into(),
        shape: Some(vec![Axis::Open("samples".into()), Axis::Known(width)]),
        is_output: false,
        is_layer: true,
        blocked_by: None,
        lower_saturation: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_called_like_its_folder() {
        assert_eq!(folder_name(Path::new("runs/tanh/checkpoints/e.pt")), "tanh");
        assert_eq!(folder_name(Path::new("runs/tanh/activations/e.npz")), "tanh");
        assert_eq!(folder_name(Path::new("runs/relu/e.pt")), "relu");
        assert_eq!(folder_name(Path::new("e.pt")), "run");
    }
}
