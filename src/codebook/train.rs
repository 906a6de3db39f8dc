//! Training the models of a plan, one after the other, with a state to go on from.

use super::model::{read_arrays, write_arrays};
use super::{Plan, Saved};
use crate::run::RunFolder;
use crate::table::CodebookRow;
use anyhow::{Context, Result};
use narrows_dictionaries::codebook::metrics::Walks;
use narrows_dictionaries::transformer::{Model, State, StepReport, Trainer};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Sequences that are drawn for a transition accuracy on the way.
const DRAWN: usize = 100;
/// Sequences at which k-means starts, at most.
const START: usize = 512;
/// A state is written at least so far apart.
const APART: Duration = Duration::from_secs(20);
/// Draws of sequences that are no steps of a training.
const START_DRAW: u64 = 1 << 40;

/// What a training came to.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The models.
    pub saved: Saved,
    /// How it went.
    pub rows: Vec<CodebookRow>,
    /// Seconds of each model, of this process.
    pub seconds: BTreeMap<String, f64>,
}

/// Trains the models; `progress` gets the steps done of all of them.
///
/// # Errors
/// When the plan does not hold together, a loss does not stay finite, or a state cannot be written or read.
pub fn train(plan: &Plan, folder: &RunFolder, mut progress: impl FnMut(u64)) -> Result<Trained> {
    let walks = plan.walks()?;
    let mut trained = Trained {
        saved: Saved { plan: plan.clone(), steps: BTreeMap::new(), models: BTreeMap::new() },
        rows: vec![],
        seconds: BTreeMap::new(),
    };
    for (at, (name, with_codebooks)) in plan.models().into_iter().enumerate() {
        let started = Instant::now();
        let state = folder.state().join(format!("{name}.safetensors"));
        let mut run = Run::new(plan, name, with_codebooks, &state)?;
        let before = at as u64 * plan.steps;
        while !run.ended {
            run.step(plan, &walks)?;
            progress(before + run.trainer.steps_done());
            if run.written.elapsed() > APART || run.ended {
                run.save(&state)?;
            }
        }
        trained.rows.append(&mut run.rows);
        trained.saved.steps.insert(name.into(), run.trainer.steps_done());
        trained.saved.models.insert(name.into(), run.trainer.model().clone());
        trained.seconds.insert(name.into(), started.elapsed().as_secs_f64());
    }
    Ok(trained)
}

/// A model under way.
struct Run {
    name: &'static str,
    trainer: Trainer,
    rows: Vec<CodebookRow>,
    /// Reports since the last row.
    since: Vec<StepReport>,
    ended: bool,
    written: Instant,
}

impl Run {
    fn new(plan: &Plan, name: &'static str, with_codebooks: bool, state: &Path) -> Result<Self> {
        let model = Model::new(plan.config(with_codebooks), plan.recipe.seed)?;
        let mut run = Self {
            name,
            trainer: Trainer::new(model.clone(), plan.recipe.clone(), plan.device())?,
            rows: vec![],
            since: vec![],
            ended: false,
            written: Instant::now(),
        };
        if state.exists() {
            let damaged = || format!("{}: the state of the training; start anew with --force", state.display());
            let (tensors, metadata) = read_arrays(state).with_context(damaged)?;
            let text = |key: &str| metadata.get(key).with_context(|| format!("it lacks '{key}'")).with_context(damaged);
            let json = serde_json::from_str(text("counts")?).with_context(damaged)?;
            run.rows = serde_json::from_str(text("rows")?).with_context(damaged)?;
            run.ended = text("ended")? == "yes";
            run.trainer = Trainer::restore(model, plan.recipe.clone(), plan.device(), State { json, tensors })?;
        } else if with_codebooks && plan.k_means {
            let count = START.min(plan.batch.max(START / 4));
            run.trainer
                .start_by_k_means(plan.machine()?.sequences(count, plan.length, plan.recipe.seed, START_DRAW).view())?;
        }
        Ok(run)
    }

    fn step(&mut self, plan: &Plan, walks: &Walks) -> Result<()> {
        let draw = self.trainer.steps_done();
        let tokens = plan.machine()?.sequences(plan.batch, plan.length, plan.recipe.seed, draw);
        self.since.push(self.trainer.step(tokens.view()).with_context(|| format!("the model '{}'", self.name))?);
        let done = self.trainer.steps_done();
        self.ended = done >= plan.steps;
        if done.is_multiple_of(plan.every.max(1)) || self.ended {
            let accuracy = self.tell(plan, walks)?;
            self.ended |= plan.stop_at.is_some_and(|least| accuracy >= least);
        }
        Ok(())
    }

    /// Adds the rows of the steps since the last ones; yields the transition accuracy.
    fn tell(&mut self, plan: &Plan, walks: &Walks) -> Result<f64> {
        let step = self.trainer.steps_done();
        let row = |metric: &str, value: f64| CodebookRow {
            model: self.name.into(),
            step,
            metric: metric.into(),
            value: Some(value),
            ..CodebookRow::default()
        };
        let mean = |of: &dyn Fn(&StepReport) -> f64| self.since.iter().map(of).sum::<f64>() / self.since.len() as f64;
        let bound = plan.machine()?.bound(plan.length).loss;
        let best = bound.iter().sum::<f64>() / bound.len() as f64;
        let drawn =
            self.trainer.model().sample(&plan.device(), walks.start(), (DRAWN, plan.length), plan.recipe.seed)?;
        let found = walks.accuracy(drawn.view())?;
        let mut rows = vec![
            CodebookRow { reference: Some(best), ..row("train_loss", mean(&|r| r.loss)) },
            row("gradient_norm", mean(&|r| r.gradient_norm)),
            CodebookRow {
                std_error: Some(found.std_error),
                n: Some(DRAWN as u64),
                ..row("transition_accuracy", found.accuracy)
            },
        ];
        let counts: Vec<_> = self.since.first().map(|r| r.sites.len()).into_iter().flat_map(|n| 0..n).collect();
        for (at, (site, live, all)) in counts.into_iter().zip(self.trainer.live()) {
            let numbers = [
                ("reconstruction_error", mean(&|r| r.sites[at].error)),
                ("live_codes", live as f64),
                ("replaced_codes", self.since.iter().map(|r| r.sites[at].replaced as f64).sum()),
            ];
            rows.extend(numbers.map(|(metric, value)| CodebookRow {
                layer: Some(site.layer as u64 + 1),
                part: site.kind.to_string(),
                n: (metric == "live_codes").then_some(all as u64),
                ..row(metric, value)
            }));
        }
        self.rows.extend(rows);
        self.since.clear();
        Ok(found.accuracy)
    }

    /// Writes all that the next steps depend on, where no step waits to be told of: so that a run that goes on from here
    /// ends in the same rows.
    fn save(&mut self, path: &Path) -> Result<()> {
        if !self.since.is_empty() {
            return Ok(());
        }
        let state = self.trainer.state();
        let metadata = BTreeMap::from([
            ("counts".to_owned(), serde_json::to_string(&state.json)?),
            ("rows".to_owned(), serde_json::to_string(&self.rows)?),
            ("ended".to_owned(), if self.ended { "yes" } else { "no" }.to_owned()),
        ]);
        write_arrays(path, state.tensors.iter().map(|(n, a)| (n.clone(), a)), &metadata)?;
        self.written = Instant::now();
        Ok(())
    }
}
