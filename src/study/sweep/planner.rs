//! From a study's file to its cells: every combination of the grid, every step, each cell once.

use super::fingerprint::Fingerprints;
use super::plan::{Cell, Commands, Plan, token};
use super::spec::SweepFile;
use super::template::{bare, fill};
use crate::run::{InputFile, hexadecimal};
use crate::similar::hint;
use crate::study::{Job, merge, nested};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use toml::Value;

/// Works out the cells of a study.
pub(super) struct Planner<'a> {
    file: &'a SweepFile,
    commands: &'a dyn Commands,
    prints: &'a mut Fingerprints,
    cells: Vec<Cell>,
    by_id: HashMap<String, usize>,
    /// Cells by step and the values of the axes that concern it, so that each is worked out once.
    by_values: HashMap<(usize, Vec<usize>), usize>,
    /// Axes of each step.
    concern: Vec<Vec<usize>>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(file: &'a SweepFile, commands: &'a dyn Commands, prints: &'a mut Fingerprints) -> Result<Self> {
        let mut planner = Self {
            file,
            commands,
            prints,
            cells: vec![],
            by_id: HashMap::new(),
            by_values: HashMap::new(),
            concern: vec![],
        };
        for step in 0..file.steps.len() {
            let axes = planner.axes_of(step)?;
            planner.concern.push(axes);
        }
        let used = |at: &usize| planner.concern.iter().any(|axes| axes.contains(at));
        if let Some(at) = (0..file.axes.len()).find(|at| !used(at)) {
            let name = &file.axes[at].name;
            bail!(
                "the axis '{name}' has no use: no job says {{{name}}}{}",
                if file.steps.len() == 1 {
                    format!(", and narrows {} has no option of that name", file.steps[0].job.command)
                } else {
                    ", which in a study of several steps is what puts a value into one of them".into()
                }
            );
        }
        Ok(planner)
    }

    /// The axes that a step names, those that it takes as options, and those of the steps that it names.
    fn axes_of(&self, step: usize) -> Result<Vec<usize>> {
        let (file, it) = (self.file, &self.file.steps[step]);
        let mut axes: Vec<usize> = vec![];
        fill(&it.job.options, &mut |name| {
            if let Some(at) = file.axes.iter().position(|a| a.name == name) {
                axes.push(at);
            } else if let Some(before) = file.steps[..step].iter().position(|s| s.name == name) {
                axes.extend(&self.concern[before]);
            } else if name != "label" {
                let known: Vec<&str> = file
                    .axes
                    .iter()
                    .map(|a| a.name.as_str())
                    .chain(file.steps[..step].iter().map(|s| s.name.as_str()))
                    .collect();
                bail!(
                    "{{{name}}} is no axis{}{}; there are: {}",
                    if step > 0 { " and no step before it" } else { "" },
                    hint(name, known.iter().copied()),
                    known.join(", ")
                );
            }
            Ok(Value::String(String::new()))
        })
        .with_context(|| format!("the step '{}'", it.name))?;
        if file.steps.len() == 1 {
            for (at, axis) in file.axes.iter().enumerate() {
                let key = axis.name.split('.').next().unwrap_or_default();
                if !axes.contains(&at) && self.commands.has_key(&it.job.command, key)? {
                    axes.push(at);
                }
            }
        }
        axes.sort_unstable();
        axes.dedup();
        Ok(axes)
    }

    pub(super) fn plan(mut self) -> Result<Plan> {
        for combination in &self.file.combinations {
            for step in 0..self.file.steps.len() {
                self.cell(step, combination)?;
            }
        }
        // Those of a step together, in the order of the grid: what others need comes first.
        let order: Vec<usize> = {
            let step = |at: &usize| self.file.steps.iter().position(|s| s.name == self.cells[*at].step);
            let mut order: Vec<usize> = (0..self.cells.len()).collect();
            order.sort_by_key(step);
            order
        };
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| place[old] = new);
        let mut cells: Vec<Cell> = order.iter().map(|&old| self.cells[old].clone()).collect();
        cells.iter_mut().flat_map(|cell| &mut cell.needs).for_each(|need| *need = place[*need]);
        Ok(Plan { cells, axes: self.file.axis_names(), n_combinations: self.file.combinations.len() })
    }

    /// What tells the cells of a step apart: the places of the values that concern it.
    fn key(&self, step: usize, combination: &[usize]) -> (usize, Vec<usize>) {
        (step, self.concern[step].iter().map(|&at| combination[at]).collect())
    }

    /// The cell of a step under a combination of the grid.
    fn cell(&mut self, step: usize, combination: &[usize]) -> Result<usize> {
        let file = self.file;
        let it = &file.steps[step];
        let key = self.key(step, combination);
        if let Some(&known) = self.by_values.get(&key) {
            return Ok(known);
        }
        let values: BTreeMap<String, Value> = self.concern[step]
            .iter()
            .map(|&at| (file.axes[at].name.clone(), file.axes[at].values[combination[at]].clone()))
            .collect();
        let label = label(&values);
        let mut needs: Vec<usize> = vec![];
        let mut named: Vec<&str> = vec![];
        let mut options = fill(&it.job.options, &mut |name| {
            if name == "label" {
                return Ok(Value::String(if label.is_empty() { file.name.clone() } else { label.clone() }));
            }
            if let Some(axis) = file.axes.iter().find(|a| a.name == name) {
                named.push(&axis.name);
                return Ok(values[name].clone());
            }
            let before = file.steps[..step].iter().position(|s| s.name == name).context("a step that is not there")?;
            // Steps are planned in order: this one is there.
            let key = self.key(before, combination);
            let need = *self.by_values.get(&key).context("a step that is not planned yet")?;
            needs.push(need);
            Ok(Value::String(token(&self.cells[need].id)))
        })?;
        if file.steps.len() == 1 {
            for (name, value) in values.iter().filter(|(name, _)| !named.contains(&name.as_str())) {
                let changes = nested(name.split('.'), value.clone());
                merge(&mut options, &changes).with_context(|| format!("grid.{name}"))?;
            }
        }
        // The networks of a study are called by their cells, unless the file calls them otherwise.
        if let Some(Value::Table(config)) = options.get_mut("config")
            && it.job.command == "train"
            && !label.is_empty()
        {
            config.entry("name").or_insert_with(|| Value::String(label.clone()));
        }
        needs.sort_unstable();
        needs.dedup();
        let job = Job { command: it.job.command.clone(), options };
        let of_cell = || {
            format!("the step '{}'{}", it.name, if label.is_empty() { String::new() } else { format!(" at {label}") })
        };
        let effective = self.commands.effective(&job).with_context(of_cell)?;
        let mut inputs: Vec<InputFile> = vec![];
        for name in &effective.names {
            for found in self.prints.named(name).with_context(of_cell)? {
                if !inputs.contains(&found) {
                    inputs.push(found);
                }
            }
        }
        inputs.sort_by(|a, b| a.path.cmp(&b.path));
        let read = effective.read.iter().map(|path| self.prints.of(std::path::Path::new(path)));
        let read = read.collect::<Result<Vec<_>>>().with_context(of_cell)?;
        let id = id(&job.command, &effective.config, &inputs);
        if let Some(&twin) = self.by_id.get(&id) {
            let other = &self.cells[twin];
            bail!(
                "the steps '{} {}' and '{} {label}' are the same job: values of the grid make no difference to it, or a step is \
                 there twice",
                other.step,
                other.label,
                it.name
            );
        }
        ensure!(self.cells.len() < 10 * super::axes::MOST, "the study has too many cells");
        let at = self.cells.len();
        self.by_id.insert(id.clone(), at);
        self.by_values.insert(key, at);
        let (step, yields) = (it.name.clone(), effective.yields);
        self.cells.push(Cell { id, step, label, values, needs, inputs, read, yields, job });
        Ok(at)
    }
}

/// The name of a cell. Paths of inputs are part of its options; here their contents go in.
fn id(command: &str, config: &Json, inputs: &[InputFile]) -> String {
    let inputs: Vec<Json> = inputs.iter().map(|f| json!([f.path, f.sha256])).collect();
    let whole = json!({
        "command": command,
        "config": sorted(config),
        "inputs": inputs,
        "program": concat!("narrows ", env!("CARGO_PKG_VERSION")),
    });
    hexadecimal(&Sha256::digest(whole.to_string())[..10])
}

/// The same value, with keys in alphabetical order at every level.
fn sorted(value: &Json) -> Json {
    match value {
        Json::Object(entries) => {
            let ordered: BTreeMap<&String, Json> = entries.iter().map(|(k, v)| (k, sorted(v))).collect();
            Json::Object(ordered.into_iter().map(|(k, v)| (k.clone(), v)).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Values in short: words speak for themselves, numbers need the last part of their key.
fn label(values: &BTreeMap<String, Value>) -> String {
    let part = |(name, value): (&String, &Value)| {
        let key = name.rsplit('.').next().unwrap_or(name);
        let text: String = bare(value).chars().map(|c| if "/\\ {}*?[]".contains(c) { '_' } else { c }).collect();
        match value {
            Value::String(_) => text,
            Value::Integer(_) if key == "seed" => format!("seed{text}"),
            _ => format!("{key}={text}"),
        }
    };
    // A seed comes last, as in the names of trained networks: what stands before it is the group.
    let (seeds, others): (Vec<_>, Vec<_>) =
        values.iter().partition(|(name, _)| name.rsplit('.').next() == Some("seed"));
    others.into_iter().chain(seeds).map(part).collect::<Vec<_>>().join("-")
}
