//! Trains the models of a study and measures them, on all threads, going on from where a killed run was.

use super::config::ConfigFile;
use super::data::samples;
use super::derive::derived;
use super::measure::{Number, measured};
use super::plan::{ModelPlan, Plan};
use super::train::trained;
use super::{config::Kind, config::Source, store};
use crate::run::Ledger;
use crate::table::ModelRow;
use anyhow::{Context, Result};
use narrows_estimators::posterior::{Posterior, WeightInformation};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What a study came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The models' numbers, in the order of the plan.
    pub rows: Vec<ModelRow>,
    /// What a reader should beware of.
    pub warnings: Vec<String>,
}

/// A line of the ledger.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Entry {
    /// A model that was trained and measured; without numbers when it diverged.
    Model { index: usize, layers: Vec<(String, usize)>, numbers: Option<Vec<Number>> },
    /// The information in the weights of a setting's models.
    Group { group: usize, numbers: Vec<(usize, Vec<Number>)> },
}

/// A finished model.
#[derive(Debug, Clone)]
struct Done {
    layers: Vec<(String, usize)>,
    numbers: Option<Vec<Number>>,
}

struct Job<'a> {
    config: &'a ConfigFile,
    plan: &'a Plan,
    ledger: Ledger<Entry>,
    state: PathBuf,
    models: HashMap<usize, Done>,
    groups: HashMap<usize, Vec<(usize, Vec<Number>)>>,
    progress: &'a (dyn Fn() + Sync),
}

/// Trains and measures every model; `state` is a folder for what a killed run goes on from, `progress` is told of every
/// finished model.
///
/// # Errors
/// When the data are too few, a file cannot be written, or an estimate is refused.
pub fn run(config: &ConfigFile, state: &Path, progress: &(dyn Fn() + Sync)) -> Result<Outcome> {
    let plan = Plan::new(config);
    let (ledger, lines) = Ledger::<Entry>::open(&state.join("models.jsonl"))?;
    let (mut models, mut groups) = (HashMap::new(), HashMap::new());
    for line in lines {
        match line {
            Entry::Model { index, layers, numbers } => drop(models.insert(index, Done { layers, numbers })),
            Entry::Group { group, numbers } => drop(groups.insert(group, numbers)),
        }
    }
    let posteriors = state.join("posteriors");
    std::fs::create_dir_all(&posteriors).with_context(|| format!("cannot create {}", posteriors.display()))?;
    let job = Job { config, plan: &plan, ledger, state: posteriors, models, groups, progress };
    let by_group: Vec<Vec<(usize, Option<Vec<Number>>)>> =
        (0..plan.groups).into_par_iter().map(|group| job.group(group)).collect::<Result<_>>()?;
    let numbers: Vec<Option<Vec<Number>>> = by_group.into_iter().flatten().map(|(_, numbers)| numbers).collect();
    Ok(outcome(config, &plan, numbers))
}

impl Job<'_> {
    /// The numbers of a setting's models, those of their weights included.
    fn group(&self, group: usize) -> Result<Vec<(usize, Option<Vec<Number>>)>> {
        let models = self.plan.of_group(group);
        let known = self.groups.get(&group);
        let found: Vec<(Done, Option<Posterior>)> =
            models.par_iter().map(|plan| self.model(plan, known.is_none())).collect::<Result<_>>()?;
        let of_weights = match known {
            Some(numbers) => numbers.clone(),
            None => {
                let numbers = self.weights(&models, &found)?;
                self.ledger.add(&Entry::Group { group, numbers: numbers.clone() })?;
                numbers
            }
        };
        for plan in &models {
            let _ = std::fs::remove_file(self.file(plan));
        }
        Ok(models
            .iter()
            .zip(found)
            .map(|(plan, (done, _))| {
                let own = of_weights.iter().filter(|(index, _)| *index == plan.index).flat_map(|(_, n)| n.clone());
                (plan.index, done.numbers.map(|numbers| numbers.into_iter().chain(own).collect()))
            })
            .collect())
    }

    fn file(&self, plan: &ModelPlan) -> PathBuf {
        self.state.join(format!("{}.safetensors", plan.index))
    }

    /// Trains a model, or takes it from the ledger; with its posterior where that is wanted.
    fn model(&self, plan: &ModelPlan, with_posterior: bool) -> Result<(Done, Option<Posterior>)> {
        let file = self.file(plan);
        if let Some(done) = self.models.get(&plan.index) {
            if !with_posterior || done.numbers.is_none() {
                (self.progress)();
                return Ok((done.clone(), None));
            }
            if file.exists() {
                (self.progress)();
                return Ok((done.clone(), Some(store::restore(&file)?)));
            }
        }
        let samples = samples(self.config, plan.setting.train, plan.data_seed)?;
        let (done, posterior) = match trained(self.config, plan, &samples)? {
            Some(model) => {
                let numbers = Some(measured(self.config, plan, &model, &samples)?);
                store::write(&file, &model.posterior)?;
                (Done { layers: model.network.ends(), numbers }, Some(model.posterior))
            }
            None => (Done { layers: vec![], numbers: None }, None),
        };
        // A model whose posterior was lost is in the ledger already.
        if !self.models.contains_key(&plan.index) {
            let Done { layers, numbers } = done.clone();
            self.ledger.add(&Entry::Model { index: plan.index, layers, numbers })?;
        }
        (self.progress)();
        Ok((done, posterior))
    }

    /// I(S;θ) of the models of a setting: of each training seed by itself, and over all of them.
    fn weights(&self, models: &[&ModelPlan], found: &[(Done, Option<Posterior>)]) -> Result<Vec<(usize, Vec<Number>)>> {
        let Some(layers) = found.iter().map(|(done, _)| &done.layers).find(|l| !l.is_empty()) else {
            return Ok(vec![]);
        };
        let ends: Vec<usize> = layers.iter().map(|(_, end)| *end).collect();
        let swag = &self.config.swag;
        let seed = self.config.analysis.seed.wrapping_add(models[0].group as u64);
        let information = WeightInformation::new(self.config.spread(), swag.draws, seed)?;
        let posterior = |data_seed: u64, seed: u64| {
            let at = models.iter().position(|m| m.data_seed == data_seed && m.seed == seed)?;
            Some((models[at].index, found[at].1.as_ref()?))
        };
        let mut numbers: Vec<(usize, Vec<Number>)> = vec![];
        let mut add = |prefix: &str, sets: &[Vec<(usize, &Posterior)>]| -> Result<()> {
            if sets.len() < 2 || sets[0].is_empty() {
                return Ok(());
            }
            let posteriors: Vec<Vec<&Posterior>> = sets.iter().map(|s| s.iter().map(|(_, p)| *p).collect()).collect();
            let mut own = vec![];
            for (at, estimates) in information.estimate(&posteriors, &ends)?.into_iter().enumerate() {
                let forms = [
                    ("jensen", Some(&estimates.jensen)),
                    ("mixture", Some(&estimates.mixture)),
                    ("pairwise", estimates.pairwise.as_ref()),
                ];
                for (form, estimate) in forms {
                    let Some(estimate) = estimate else { continue };
                    let number = Number::information("I_S_theta", &format!("{prefix}-{form}"), estimate);
                    own.push(number.at(&layers[at].0, at));
                }
            }
            numbers.extend(sets.iter().flatten().map(|(index, _)| (*index, own.clone())));
            Ok(())
        };
        let (data_seeds, seeds) = (&self.config.data.seeds, &self.config.training.seeds);
        for &seed in seeds {
            add("single", &data_seeds.iter().filter_map(|&d| Some(vec![posterior(d, seed)?])).collect::<Vec<_>>())?;
        }
        // Only seeds that every training set has.
        let whole: Vec<u64> =
            seeds.iter().copied().filter(|&s| data_seeds.iter().all(|&d| posterior(d, s).is_some())).collect();
        if whole.len() >= 2 {
            let set = |&d: &u64| whole.iter().filter_map(|&s| posterior(d, s)).collect::<Vec<_>>();
            add("multi", &data_seeds.iter().map(set).collect::<Vec<_>>())?;
        }
        Ok(numbers)
    }
}

fn outcome(config: &ConfigFile, plan: &Plan, numbers: Vec<Option<Vec<Number>>>) -> Outcome {
    let mut warnings = vec![];
    let diverged: Vec<&str> =
        plan.models.iter().zip(&numbers).filter(|(_, n)| n.is_none()).map(|(m, _)| m.name.as_str()).collect();
    if !diverged.is_empty() {
        warnings.push(format!(
            "{} of {} models diverged and have no numbers, the first {}: lower training.learning_rate.",
            diverged.len(),
            plan.models.len(),
            diverged[0]
        ));
    }
    if config.data.seeds.len() < 2 {
        warnings.push("I(S;θ) needs two data.seeds at least; with one it is not estimated.".into());
    } else if config.data.seeds.len() < 6 {
        warnings.push(format!(
            "I(S;θ) rests on {} training sets a setting: its mixture and pairwise forms cannot exceed log₂ {0} = {:.2} bits, and the standard errors are those of {0} numbers.",
            config.data.seeds.len(),
            (config.data.seeds.len() as f64).log2()
        ));
    }
    let numbers = derived(config, numbers);
    let rows = plan
        .models
        .iter()
        .zip(numbers)
        .flat_map(|(model, numbers)| numbers.unwrap_or_default().into_iter().map(|n| row(config, model, n)))
        .collect();
    Outcome { rows, warnings }
}

fn row(config: &ConfigFile, model: &ModelPlan, number: Number) -> ModelRow {
    let s = model.setting;
    ModelRow {
        run: config.name.clone(),
        model: model.name.clone(),
        setting: model.group as u64,
        kind: match config.network.kind {
            Kind::Stochastic => "stochastic",
            Kind::Dense => "dense",
        }
        .into(),
        source: match config.data.source {
            Source::Blobs => "blobs",
            Source::Digits => "digits",
        }
        .into(),
        train: s.train as u64,
        width: s.width as u64,
        depth: s.depth as u64,
        weight_decay: s.weight_decay,
        constraint_rate: s.constraint_rate,
        data_seed: model.data_seed,
        seed: model.seed,
        layer: number.layer,
        layer_index: number.layer_index,
        quantity: number.quantity,
        estimator: number.estimator,
        sample: number.sample,
        value: number.value,
        unit: number.unit,
        std_error: number.std_error,
        n_samples: number.n_samples,
        flags: number.flags,
    }
}
