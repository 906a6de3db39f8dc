//! Running checkpoints on data and writing what their layers yield.

use super::export::{npz, npz_name, parquet, parquet_name};
use super::plan::{Batches, Memory};
use super::writer::{Slot, Writer};
use super::{FileFormat, Precision};
use crate::benchmark::resident_bytes;
use crate::run::Ledger;
use crate::subject::NOISE_METADATA;
use crate::subject::model::{Layers, Model, ModelOptions, Pool, Prepared, axes_text};
use crate::subject::samples::Samples;
use crate::table::ActivationRow;
use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Metadata by which a file of captured activations is known.
pub(crate) const KIND: (&str, &str) = ("kind", "narrows-activations/1");

/// What is captured of what.
pub struct CaptureJob {
    /// Files and folders of models, with the names of their runs.
    pub models: Vec<(PathBuf, String)>,
    /// How to read them.
    pub options: ModelOptions,
    /// What they are run on.
    pub samples: Samples,
    /// Which of the samples, ascending.
    pub rows: Vec<usize>,
    /// Layers by name or pattern; see [`Model::select`].
    pub layers: Vec<String>,
    /// What is done with space and tokens.
    pub pool: Pool,
    /// How values are written.
    pub precision: Precision,
    /// What files they go into.
    pub format: FileFormat,
    /// Samples in a batch, when the user says so.
    pub batch: Option<usize>,
    /// Bytes that the process may take.
    pub max_memory: Option<u64>,
}

/// What was captured.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// A row a layer and checkpoint.
    pub rows: Vec<ActivationRow>,
    /// What the user should hear of.
    pub notes: Vec<String>,
    /// Batches that were found finished.
    pub batches_resumed: usize,
    /// Samples in a batch.
    pub batch: usize,
}

/// A finished batch.
#[derive(Serialize, Deserialize)]
struct Line {
    model: usize,
    batch: usize,
}

/// What a run that goes on must repeat.
#[derive(Serialize, Deserialize)]
struct State {
    batch: usize,
    tokens: usize,
}

impl CaptureJob {
    /// Opens every model and finds its layers, so that a fault shows before anything is written.
    ///
    /// # Errors
    /// When a model cannot be read, has no such layers, or does not take the samples, or memory does not suffice.
    pub fn check(&self) -> Result<()> {
        for (index, (path, _)) in self.models.iter().enumerate() {
            let model = Model::open(path, &self.options)?;
            let kept = model.select(&self.layers)?;
            self.check_files(path, kept.iter().map(|&layer| model.layers()[layer].name.as_str()))?;
            if index == 0 {
                let ready = model.prepare(&kept)?;
                ready.check(&self.samples, self.rows[0])?;
                let tokens = ready.longest(&self.samples, &self.rows)?;
                Batches::plan(self.held(&ready, tokens), self.batch, 1)?;
            }
        }
        Ok(())
    }

    /// Captures what `state` does not say is captured, into files under `folder`; `begun` is told the number of batches
    /// of all models, `done` is called after each.
    ///
    /// # Errors
    /// When a model cannot be read or run, or a file cannot be written; finished batches stay finished.
    pub fn run(
        &self,
        folder: &Path,
        state: &Path,
        begun: &(dyn Fn(u64) + Sync),
        done: &(dyn Fn() + Sync),
    ) -> Result<Captured> {
        let (ledger, lines) = Ledger::<Line>::open(&state.join("batches.jsonl"))?;
        let finished: HashSet<(usize, usize)> = lines.into_iter().map(|l| (l.model, l.batch)).collect();
        let names = file_names(&self.models);
        let mut captured = Captured { rows: vec![], notes: vec![], batches_resumed: finished.len(), batch: 0 };
        for (index, (path, run)) in self.models.iter().enumerate() {
            let model = Model::open(path, &self.options)?;
            let kept = model.select(&self.layers)?;
            let run = model.run.clone().unwrap_or_else(|| run.clone());
            let mut about = about(&model, &run, self.pool)?;
            let (epoch, step) = (model.epoch, model.step);
            for note in &model.notes {
                if !captured.notes.contains(note) {
                    captured.notes.push(note.clone());
                }
            }
            let ready = model.prepare(&kept)?;
            let settled = self.settle(&state.join(format!("capture-{index}.json")), &ready)?;
            let first = self.pooled(ready.check(&self.samples, self.rows[0])?, settled.tokens)?;
            let slots: Vec<Slot> = ready
                .layers()
                .iter()
                .zip(&first)
                .map(|(tap, values)| Slot { name: tap.name.clone(), shape: values.shape()[1..].to_vec() })
                .collect();
            drop(first);
            let batches: Vec<&[usize]> = self.rows.chunks(settled.batch).collect();
            if index == 0 {
                captured.batch = settled.batch;
                begun((batches.len() * self.models.len()) as u64);
            }
            about.insert("samples".into(), self.rows.len().to_string());
            let place = self.place(folder, &names[index]);
            let part = state.join(format!("part-{index}.safetensors"));
            if !part.exists() && place.exists() && (0..batches.len()).all(|b| finished.contains(&(index, b))) {
                batches.iter().for_each(|_| done());
            } else {
                let dtype = self.precision.dtype();
                let bad: Vec<AtomicU64> = slots.iter().map(|_| AtomicU64::new(0)).collect();
                let (writer, was_begun) = Writer::open(&part, &slots, self.rows.len(), dtype, &about)?;
                let left: Vec<usize> =
                    (0..batches.len()).filter(|&b| !(was_begun && finished.contains(&(index, b)))).collect();
                (left.len()..batches.len()).for_each(|_| done());
                let at_once = self.at_once(&ready, &settled)?;
                for group in left.chunks(at_once) {
                    group.par_iter().try_for_each(|&number| -> Result<()> {
                        let layers = ready.run(&self.samples.batch(batches[number])?, batches[number])?;
                        for (layer, values) in self.pooled(layers, settled.tokens)?.iter().enumerate() {
                            let count = values.iter().filter(|v| !v.is_finite()).count();
                            bad[layer].fetch_add(count as u64, Ordering::Relaxed);
                            writer.write(layer, number * settled.batch, values)?;
                        }
                        done();
                        Ok(())
                    })?;
                    writer.sync()?;
                    group.iter().try_for_each(|&batch| ledger.add(&Line { model: index, batch }))?;
                }
                drop(writer);
                for (slot, bad) in slots.iter().zip(bad).filter(|(_, bad)| bad.load(Ordering::Relaxed) > 0) {
                    captured.notes.push(format!(
                        "{}: {} value(s) of {} are NaN or infinite on these inputs",
                        path.display(),
                        bad.into_inner(),
                        slot.name
                    ));
                }
                self.put(&part, &place)?;
            }
            for (layer, slot) in slots.iter().enumerate() {
                captured.rows.push(ActivationRow {
                    run: run.clone(),
                    checkpoint: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                    epoch,
                    step,
                    layer: slot.name.clone(),
                    layer_index: layer as u64 + 1,
                    operator: ready.layers()[layer].operator.clone(),
                    shape: axes_text(&slot.shape),
                    width: slot.shape.iter().product::<usize>() as u64,
                    n_samples: self.rows.len() as u64,
                    dtype: if self.precision == Precision::F16 { "float16" } else { "float32" }.into(),
                    file: self.file(&names[index], &slot.name),
                });
            }
        }
        Ok(captured)
    }

    /// Size of a batch and tokens of a text: found once, and the same when a run goes on.
    fn settle(&self, file: &Path, ready: &Prepared) -> Result<State> {
        if let Ok(bytes) = std::fs::read(file) {
            return serde_json::from_slice(&bytes).with_context(|| format!("cannot understand {}", file.display()));
        }
        let tokens = ready.longest(&self.samples, &self.rows)?;
        let batches = Batches::plan(self.held(ready, tokens), self.batch, 1)?;
        let settled = State { batch: batches.size, tokens };
        crate::run::write_atomic(file, &serde_json::to_vec(&settled)?)?;
        Ok(settled)
    }

    /// Batches that are run at once.
    fn at_once(&self, ready: &Prepared, settled: &State) -> Result<usize> {
        // A batch that was settled when a run began stands when it goes on.
        let memory = self.held(ready, settled.tokens);
        Ok(Batches::plan(memory, Some(settled.batch), rayon::current_num_threads())?.at_once)
    }

    /// What a batch may take; texts have `tokens` at most.
    fn held(&self, ready: &Prepared, tokens: usize) -> Memory {
        Memory {
            ceiling: self.max_memory,
            taken: resident_bytes().unwrap_or(0),
            per_sample: ready.bytes_per_sample(&self.samples, tokens),
        }
    }

    fn pooled(&self, mut layers: Layers, tokens: usize) -> Result<Vec<ndarray::ArrayD<f32>>> {
        if matches!(self.pool, Pool::Keep | Pool::Flatten) {
            layers = layers.widened(tokens);
        }
        let Layers { values, mask } = layers;
        values.into_iter().map(|v| self.pool.apply(v, mask.as_ref())).collect()
    }

    /// Checks that the layers of a model have files, or entries of an archive, of their own.
    fn check_files<'a>(&self, path: &Path, layers: impl Iterator<Item = &'a str>) -> Result<()> {
        let mut known: HashMap<String, &str> = HashMap::new();
        for layer in layers {
            let file = match self.format {
                FileFormat::Safetensors => layer.to_string(),
                FileFormat::Npz => npz_name(layer),
                FileFormat::Parquet => parquet_name(layer),
            };
            if let Some(other) = known.insert(file.clone(), layer) {
                bail!(
                    "{}: the layers {other} and {layer} would both be written as {file}: use --format safetensors, or capture \
                     them one after the other",
                    path.display()
                );
            }
        }
        Ok(())
    }

    fn place(&self, folder: &Path, name: &str) -> PathBuf {
        folder.join(match self.format {
            FileFormat::Safetensors => format!("{name}.safetensors"),
            FileFormat::Npz => format!("{name}.npz"),
            FileFormat::Parquet => name.to_string(),
        })
    }

    /// A layer's file as the table names it, from the run's folder.
    fn file(&self, name: &str, layer: &str) -> String {
        match self.format {
            FileFormat::Safetensors => format!("activations/{name}.safetensors"),
            FileFormat::Npz => format!("activations/{name}.npz"),
            FileFormat::Parquet => format!("activations/{name}/{}", parquet_name(layer)),
        }
    }

    /// Brings a whole file to its place.
    fn put(&self, part: &Path, place: &Path) -> Result<()> {
        match self.format {
            FileFormat::Safetensors => {
                return std::fs::rename(part, place).with_context(|| format!("cannot write {}", place.display()));
            }
            FileFormat::Npz => npz(part, place)?,
            FileFormat::Parquet => parquet(part, place)?,
        }
        std::fs::remove_file(part).with_context(|| format!("cannot remove {}", part.display()))
    }

    /// Checks that checkpoints' files have names of their own.
    ///
    /// # Errors
    /// When two models would be written to one file.
    pub fn check_names(&self) -> Result<()> {
        let names = file_names(&self.models);
        let distinct: HashSet<&String> = names.iter().collect();
        ensure!(distinct.len() == names.len(), "two checkpoints have one name; capture them one after the other");
        Ok(())
    }
}

fn about(model: &Model, run: &str, pool: Pool) -> Result<BTreeMap<String, String>> {
    let mut about = BTreeMap::from([(KIND.0.to_string(), KIND.1.to_string()), ("run".into(), run.into())]);
    about.insert("pool".into(), format!("{pool:?}").to_lowercase());
    for (key, number) in [("epoch", model.epoch), ("step", model.step), ("seed", model.seed)] {
        about.extend(number.map(|n| (key.to_string(), n.to_string())));
    }
    if let Some(source) = &model.noise {
        about.insert(NOISE_METADATA.into(), serde_json::to_string(&source.noise)?);
    }
    Ok(about)
}

/// Names of files: those of the checkpoints, with their runs before them where two are called alike.
fn file_names(models: &[(PathBuf, String)]) -> Vec<String> {
    let safe = |text: &str| -> String {
        let keep = |c: char| if c.is_alphanumeric() || "-_.=".contains(c) { c } else { '_' };
        text.trim_start_matches('.').chars().map(keep).collect()
    };
    let stem = |path: &PathBuf| {
        let named = match path.file_name().and_then(|n| n.to_str()) {
            // Hugging Face calls every model alike; its folder has the name.
            Some("model.safetensors" | "pytorch_model.bin" | "model.onnx") => path.parent().and_then(Path::file_name),
            _ if path.is_dir() => path.file_name(),
            _ => path.file_stem(),
        };
        safe(&named.unwrap_or_default().to_string_lossy())
    };
    let stems: Vec<String> = models.iter().map(|(path, _)| stem(path)).collect();
    let is_alone = |stem: &String| stems.iter().filter(|s| *s == stem).count() == 1;
    stems
        .iter()
        .zip(models)
        .map(|(stem, (_, run))| if is_alone(stem) { stem.clone() } else { format!("{}-{stem}", safe(run)) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_never_share_a_file() {
        let check = |format, layers: &[&str]| {
            let job = CaptureJob {
                models: vec![],
                options: ModelOptions::default(),
                samples: Samples::of_matrix("x", ndarray::array![[1.0]]).unwrap(),
                rows: vec![0],
                layers: vec![],
                pool: Pool::Keep,
                precision: Precision::F32,
                format,
                batch: None,
                max_memory: None,
            };
            job.check_files(Path::new("m.onnx"), layers.iter().copied())
        };
        let e = check(FileFormat::Parquet, &["c a", "b", "c_a"]).unwrap_err().to_string();
        assert!(e.contains("m.onnx: the layers c a and c_a would both be written as c_a.parquet"), "{e}");
        assert!(check(FileFormat::Npz, &["/a", "a"]).is_err());
        assert!(check(FileFormat::Safetensors, &["/a", "a", "c a", "c_a"]).is_ok());
    }

    #[test]
    fn files_are_called_like_their_checkpoints() {
        let of = |paths: &[&str]| {
            let models: Vec<_> = paths
                .iter()
                .map(|p| (PathBuf::from(p), Path::new(p).parent().unwrap().to_string_lossy().into_owned()))
                .collect();
            file_names(&models)
        };
        assert_eq!(of(&["a/epoch_1.pt", "a/epoch_2.onnx"]), ["epoch_1", "epoch_2"]);
        assert_eq!(of(&["tanh/e1.pt", "relu/e1.pt"]), ["tanh-e1", "relu-e1"]);
        assert_eq!(of(&["x/checkpoint-500/model.safetensors"]), ["checkpoint-500"]);
    }
}
