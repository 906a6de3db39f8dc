//! Training of dictionaries in one pass over shuffled activations.

use super::rows;
use super::shuffle::Shuffle;
use super::source::Source;
use super::store::Saved;
use super::sweep::{Cell, Width};
use super::training_state::{Kept, keep, kept};
use crate::table::{DictionaryRow, DictionaryTrainingRow};
use anyhow::{Context, Result, ensure};
use narrows_dictionaries::Dictionary;
use narrows_dictionaries::evaluate::{Evaluation, Evaluator};
use narrows_dictionaries::train::{Plan, Progress, Recipe, Trainer};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows that scale and geometric median of the inputs are taken from.
const START: usize = 32_768;
/// Points of the curves of a training.
const POINTS: u64 = 100;
/// Rows of a part that the finished dictionaries are measured on, at most.
const MEASURED: usize = 65_536;
/// Rows held out that early stopping looks at, at most.
const WATCHED: usize = 8_192;
/// Rows that are encoded at once.
const PIECE: usize = 2_048;
/// Between two savings of what a killed training goes on from.
const EVERY: Duration = Duration::from_secs(30);
/// Explained variance that an epoch must gain to count as better.
const GAIN: f64 = 1e-4;

/// What is trained on what, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSpec {
    /// Places of activations, one a layer.
    pub activations: Vec<String>,
    /// Specifications, already expanded.
    pub dictionaries: Vec<String>,
    /// Widths.
    pub widths: Vec<Width>,
    /// How many seeds, from `seed` on.
    pub seeds: u64,
    /// Seed of the shuffle, and of the first dictionary of each kind.
    pub seed: u64,
    /// Share of the rows that trains: the first ones; the rest is held out.
    pub train_first: f64,
    /// Steps in all; or as many as the epochs take.
    pub steps: Option<u64>,
    /// Passes over the rows.
    pub epochs: u64,
    /// Rows of a batch.
    pub batch: usize,
    /// Rows in memory.
    pub buffer_rows: usize,
    /// Epochs without gain on the rows held out, after which the training ends.
    pub patience: Option<u64>,
}

/// What a training came to.
#[derive(Debug, Default)]
pub struct Trained {
    /// The dictionaries, in the order of their cells.
    pub dictionaries: Vec<Saved>,
    /// Numbers about them.
    pub numbers: Vec<DictionaryRow>,
    /// How the training went.
    pub training: Vec<DictionaryTrainingRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Steps that an earlier, interrupted run had done.
    pub resumed: u64,
    /// Steps done in all.
    pub steps: u64,
    /// Seconds of the steps of this run.
    pub seconds: f64,
}

impl TrainSpec {
    /// Rows that train.
    ///
    /// # Errors
    /// When layers differ in rows, or none is left to train.
    pub fn rows(&self, layers: &[Source]) -> Result<usize> {
        let first = layers.first().context("no activations are given")?;
        for layer in layers {
            ensure!(
                layer.rows() == first.rows(),
                "{} has {} rows, but {} has {}: layers are trained on the same samples; train them in runs of their own",
                layer.name,
                layer.rows(),
                first.name,
                first.rows()
            );
        }
        let rows = (first.rows() as f64 * self.train_first).floor() as usize;
        ensure!(rows > 0, "of {} row(s), none is left to train on: give a larger --train-first", first.rows());
        Ok(rows)
    }
}

/// Trains all cells. What a killed run goes on from is kept in `state`; `tell` hears of steps done, of all, and of the
/// last numbers of the first dictionary.
///
/// # Errors
/// When the activations or a recipe are at fault, a training diverges, or a file cannot be written.
pub fn train(
    spec: &TrainSpec,
    layers: &[Source],
    cells: &[Cell],
    state: &Path,
    tell: &mut dyn FnMut(u64, u64, Option<&Progress>),
) -> Result<Trained> {
    let rows = spec.rows(layers)?;
    let shuffle = Shuffle::new(layers, rows, spec.batch, spec.buffer_rows, spec.seed)?;
    let steps = spec.steps.unwrap_or(spec.epochs * shuffle.batches());
    ensure!(steps > 0, "nothing is trained in 0 steps: give --steps or --epochs");
    let plan = Plan { steps, batch: spec.batch };
    let mut run = Run::open(layers, cells, plan, &shuffle, state)?;
    let resumed = run.kept.steps;
    let began = Instant::now();
    let mut saved = Instant::now();
    let watched = if spec.patience.is_some() { run.watched(rows)? } else { vec![] };
    while run.kept.steps < steps && !run.kept.stopped {
        let epoch = run.kept.steps / shuffle.batches();
        let first = run.kept.steps % shuffle.batches();
        shuffle.epoch(epoch, first, |batches| {
            let told = run.step(batches, steps, spec.batch)?;
            tell(run.kept.steps, steps, told.as_ref());
            if saved.elapsed() > EVERY {
                run.keep(state)?;
                saved = Instant::now();
            }
            Ok(run.kept.steps < steps)
        })?;
        if let Some(patience) = spec.patience {
            run.watch(&watched, patience)?;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let mut trained = run.finish(rows, spec)?;
    (trained.resumed, trained.seconds) = (resumed, seconds);
    Ok(trained)
}

/// A training under way: a trainer a layer.
struct Run<'a> {
    layers: &'a [Source],
    cells: &'a [Cell],
    trainers: Vec<Trainer>,
    kept: Kept,
}

impl<'a> Run<'a> {
    fn open(layers: &'a [Source], cells: &'a [Cell], plan: Plan, shuffle: &Shuffle<'_>, state: &Path) -> Result<Self> {
        let recipes = |layer: usize| -> Vec<Recipe> {
            let own = cells.iter().filter(|c| c.layer == layer);
            own.map(|c| Recipe {
                name: c.name.clone(),
                specification: c.specification.clone(),
                width: c.width,
                seed: c.seed,
            })
            .collect()
        };
        if let Some((kept, states)) = kept(state, layers.len())? {
            let trainers = states
                .into_iter()
                .enumerate()
                .map(|(layer, state)| Ok(Trainer::restore(recipes(layer), plan, state)?))
                .collect::<Result<_>>()?;
            return Ok(Self { layers, cells, trainers, kept });
        }
        let start = shuffle.start(START)?;
        let trainers = start
            .iter()
            .enumerate()
            .map(|(layer, rows)| Ok(Trainer::new(recipes(layer), plan, rows.view())?))
            .collect::<Result<_>>()?;
        Ok(Self { layers, cells, trainers, kept: Kept::default() })
    }

    fn step(&mut self, batches: &[ndarray::Array2<f32>], steps: u64, batch: usize) -> Result<Option<Progress>> {
        for (trainer, batch) in self.trainers.iter_mut().zip(batches) {
            trainer.step(batch.view())?;
        }
        self.kept.steps += 1;
        let every = (steps / POINTS).max(1);
        if !self.kept.steps.is_multiple_of(every) && self.kept.steps != steps {
            return Ok(None);
        }
        let mut first = None;
        for (layer, trainer) in self.trainers.iter_mut().enumerate() {
            let own = self.cells.iter().filter(|c| c.layer == layer);
            for (cell, progress) in own.zip(trainer.progress()) {
                let point = |metric: &str, value: f64| DictionaryTrainingRow {
                    dictionary: cell.name.clone(),
                    variant: cell.specification.clone(),
                    layer: self.layers[layer].name.clone(),
                    width: cell.width as u64,
                    seed: cell.seed,
                    step: self.kept.steps,
                    rows: self.kept.steps * batch as u64,
                    metric: metric.into(),
                    value: Some(value).filter(|v| v.is_finite()),
                };
                self.kept.training.extend([
                    point("loss", progress.loss),
                    point("mse", progress.mse),
                    point("l0", progress.l0),
                    point("explained_variance", progress.explained_variance),
                    point("dead_share", progress.dead_share),
                    point("resampled", progress.resampled as f64),
                ]);
                first.get_or_insert(progress);
            }
        }
        Ok(first)
    }

    fn keep(&self, state: &Path) -> Result<()> {
        keep(state, &self.kept, &self.trainers.iter().map(Trainer::state).collect::<Vec<_>>())
    }

    fn dictionary(&self, cell: usize) -> Result<Dictionary> {
        let layer = self.cells[cell].layer;
        let before = self.cells[..cell].iter().filter(|c| c.layer == layer).count();
        Ok(self.trainers[layer].dictionary(before)?)
    }

    /// Rows that early stopping looks at: those held out, of every layer.
    fn watched(&self, rows: usize) -> Result<Vec<ndarray::Array2<f32>>> {
        let of = |layer: &Source| {
            ensure!(layer.rows() > rows, "--patience looks at rows held out: give --train-first below 1");
            layer.read(rows, layer.rows().min(rows + WATCHED))
        };
        self.layers.iter().map(of).collect()
    }

    /// Ends the training when no dictionary has gained for so many epochs.
    fn watch(&mut self, watched: &[ndarray::Array2<f32>], patience: u64) -> Result<()> {
        let mut gained = false;
        for at in 0..self.cells.len() {
            let dictionary = self.dictionary(at)?;
            let x = &watched[self.cells[at].layer];
            let decoded = dictionary.decode(&dictionary.encode(x.view())?)?;
            let mean = x.mean_axis(ndarray::Axis(0)).context("rows are held out")?;
            let square = |v: ndarray::Array2<f32>| v.iter().map(|d| f64::from(*d).powi(2)).sum::<f64>();
            let explained = 1.0 - square(x - &decoded) / square(x - &mean);
            if self.kept.best.len() <= at {
                self.kept.best.push(f64::NEG_INFINITY);
            }
            if explained > self.kept.best[at] + GAIN {
                self.kept.best[at] = explained;
                gained = true;
            }
        }
        self.kept.idle = if gained { 0 } else { self.kept.idle + 1 };
        self.kept.stopped = self.kept.idle >= patience;
        Ok(())
    }

    fn finish(self, rows: usize, spec: &TrainSpec) -> Result<Trained> {
        let mut trained = Trained { steps: self.kept.steps, ..Trained::default() };
        for (at, cell) in self.cells.iter().enumerate() {
            let (layer, dictionary) = (&self.layers[cell.layer], self.dictionary(at)?);
            dictionary.check().with_context(|| format!("the training of {} failed", cell.name))?;
            let training = evaluation(&dictionary, layer, (0, rows))?;
            trained.numbers.extend(rows::evaluated(cell, &layer.name, "train", &training));
            if layer.rows() > rows {
                let test = evaluation(&dictionary, layer, (rows, layer.rows()))?;
                trained.numbers.extend(rows::evaluated(cell, &layer.name, "test", &test));
                trained.warnings.extend(test.warnings.iter().map(|w| format!("{}: {w}", cell.name)));
            }
            let mut saved = Saved::new(dictionary, cell.name.clone());
            saved.sparsity = Some(training.features.iter().map(|f| (f.density + 1e-10).log10() as f32).collect());
            saved.about = json!({
                "variant": cell.specification.split(':').next(),
                "specification": cell.specification,
                "seed": cell.seed,
                "layer": layer.name,
                "steps": self.kept.steps,
                "batch": spec.batch,
                "rows": rows,
                "files": layer.files.iter().map(|f| f.path.clone()).collect::<Vec<_>>(),
            });
            trained.dictionaries.push(saved);
        }
        trained.training = self.kept.training;
        Ok(trained)
    }
}

/// Evaluates on the first rows of a part, up to a number that says enough.
fn evaluation(dictionary: &Dictionary, layer: &Source, (start, end): (usize, usize)) -> Result<Evaluation> {
    let mut evaluator = Evaluator::new(dictionary);
    layer.pieces((start, end.min(start + MEASURED)), PIECE, |piece| {
        evaluator.add(piece.view())?;
        Ok(())
    })?;
    Ok(evaluator.finish()?)
}
