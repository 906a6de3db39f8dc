//! The file of a study of many jobs.

use super::axes::{Axis, axes, combinations};
use crate::similar::hint;
use crate::study::{Claim, Job};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::path::Path;
use toml::Table;

/// A study of many jobs, as its file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepFile {
    /// Its name.
    pub name: String,
    /// What it is about; the name where nothing is said.
    pub title: String,
    /// A paper that it follows.
    pub reference: Option<String>,
    /// Axes over which results are averaged.
    pub replicates: Vec<String>,
    /// Statements that the merged tables are held against.
    pub claims: Vec<Claim>,
    /// What is done, in order; each may need those before it.
    pub(super) steps: Vec<Step>,
    /// What is varied.
    pub(super) axes: Vec<Axis>,
    /// The combinations, as places in the axes' values.
    pub(super) combinations: Vec<Vec<usize>>,
}

/// One command over the grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// Its name, which `{name}` stands for in later steps.
    pub(super) name: String,
    /// The job, with names in braces.
    pub(super) job: Job,
}

/// As it is written.
#[derive(Deserialize)]
struct Written {
    name: String,
    title: Option<String>,
    reference: Option<String>,
    replicates: Option<Vec<String>>,
    #[serde(default)]
    grid: Table,
    #[serde(default)]
    zip: Vec<Vec<String>>,
    #[serde(default)]
    exclude: Vec<Table>,
    job: Option<Table>,
    #[serde(default)]
    steps: Vec<Table>,
    #[serde(default)]
    claims: Vec<Claim>,
}

const KEYS: [&str; 10] =
    ["name", "title", "reference", "replicates", "grid", "zip", "exclude", "job", "steps", "claims"];

/// What results are averaged over where the file does not say.
const USUAL_REPLICATES: [&str; 2] = ["seed", "seeds"];

impl SweepFile {
    /// Whether a text describes a study of many jobs, and not one of the kinds that are a single run. One that cannot be read
    /// is taken for it too, and then says why not.
    pub fn is_one(text: &str) -> bool {
        toml::from_str::<Table>(text).map_or(true, |table| !table.contains_key("kind"))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read the study {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("the study {} cannot be used", path.display()))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// When it is no TOML, a key is unknown or missing, or the grid is at fault.
    pub fn parse(text: &str) -> Result<Self> {
        let table: Table = toml::from_str(text)?;
        ensure!(
            !table.contains_key("command"),
            "it is a job and no study: `narrows run` takes it, and [job] with a [grid] makes a study of it"
        );
        ensure!(
            !table.contains_key("kind"),
            "it is a single run (kind = …) and has no cells: `narrows study run` takes it, with --preset and --resume"
        );
        if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            bail!("the key '{key}' is unknown{}; a study has: {}", hint(key, KEYS.into_iter()), KEYS.join(", "));
        }
        let written: Written = toml::from_str(text)?;
        ensure!(
            written.name.chars().any(|c| c.is_ascii_alphanumeric())
                && written.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)),
            "name = {:?}: it becomes a folder's name: letters, digits, - and _",
            written.name
        );
        let steps = match (written.job, written.steps) {
            (Some(_), steps) if !steps.is_empty() => {
                bail!("[job] and [[steps]] are both there: one job, or several steps")
            }
            (Some(job), _) => {
                ensure!(!job.contains_key("name") || job.contains_key("command"), "[job] names no command");
                vec![Step { name: "job".into(), job: Job::of(job).context("[job]")? }]
            }
            (None, steps) => steps.into_iter().enumerate().map(|(i, step)| Step::of(i, step)).collect::<Result<_>>()?,
        };
        ensure!(!steps.is_empty(), "there is nothing to do: [job] with a command is missing");
        for (i, step) in steps.iter().enumerate() {
            ensure!(!steps[..i].iter().any(|s| s.name == step.name), "two steps are called '{}'", step.name);
        }
        let axes = axes(&written.grid)?;
        if let Some(step) = steps.iter().find(|s| axes.iter().any(|a| a.name == s.name)) {
            bail!("'{}' is a step and an axis: call one of them otherwise", step.name);
        }
        if axes.iter().any(|a| a.name == "label") || steps.iter().any(|s| s.name == "label") {
            bail!(
                "'label' is what {{label}} stands for in every job, the cell's values in short: call the axis or step otherwise"
            );
        }
        let combinations = combinations(&axes, &written.zip, &written.exclude)?;
        let replicates = match written.replicates {
            Some(names) => {
                let known = || axes.iter().map(|a| a.name.as_str());
                if let Some(name) = names.iter().find(|name| !known().any(|k| k == name.as_str())) {
                    bail!("replicates: there is no axis '{name}'{}", hint(name, known()));
                }
                names
            }
            None => {
                let usual = |axis: &&Axis| axis.name.rsplit('.').next().is_some_and(|n| USUAL_REPLICATES.contains(&n));
                axes.iter().filter(usual).map(|axis| axis.name.clone()).collect()
            }
        };
        for claim in &written.claims {
            claim.check()?;
        }
        Ok(Self {
            title: written.title.unwrap_or_else(|| written.name.clone()),
            name: written.name,
            reference: written.reference,
            replicates,
            claims: written.claims,
            steps,
            axes,
            combinations,
        })
    }

    /// Names of the axes, in the order of their columns.
    pub fn axis_names(&self) -> Vec<String> {
        self.axes.iter().map(|axis| axis.name.clone()).collect()
    }

    /// Names of the steps.
    pub fn step_names(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.name.clone()).collect()
    }
}

impl Step {
    fn of(i: usize, mut step: Table) -> Result<Self> {
        // `step` and not `name`: several commands have an option of that name.
        let name = match step.remove("step") {
            Some(toml::Value::String(name)) => name,
            Some(other) => bail!("step {}: step = {other}: a name is expected", i + 1),
            None => match step.get("command") {
                Some(toml::Value::String(command)) => command.split_whitespace().last().unwrap_or_default().to_string(),
                _ => bail!("step {} names no command", i + 1),
            },
        };
        ensure!(
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)),
            "step {}: the name '{name}' may have letters, digits, - and _",
            i + 1
        );
        let job = Job::of(step).with_context(|| format!("the step '{name}'"))?;
        Ok(Self { name, job })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_over_a_grid() {
        let text = "name = \"s\"\n[grid]\nestimator = [\"ksg\", \"gaussian\"]\nseed = { from = 0, to = 2 }\n[job]\ncommand = \"mi\"\nx = \"a\"";
        let file = SweepFile::parse(text).unwrap();
        assert_eq!(
            (file.combinations.len(), file.steps.len(), file.replicates.as_slice()),
            (6, 1, ["seed".to_string()].as_slice())
        );
        assert!(SweepFile::is_one(text) && !SweepFile::is_one("name = \"x\"\nkind = \"trace\"\n[job]"));
    }

    #[test]
    fn faults_of_the_file_are_named() {
        let e = |text: &str| format!("{:#}", SweepFile::parse(text).unwrap_err());
        assert!(e("name = \"s\"\n[gird]\n[job]\ncommand = \"mi\"").contains("did you mean 'grid'"));
        assert!(e("name = \"s\"").contains("[job] with a command is missing"));
        assert!(e("name = \"s\"\n[job]\nx = 1").contains("'command' is missing"));
        assert!(e("name = \"a/b\"\n[job]\ncommand = \"mi\"").contains("folder's name"));
        assert!(e("name = \"s\"\n[job]\ncommand = \"mi\"\n[[steps]]\ncommand = \"mi\"").contains("both there"));
        assert!(
            e("name = \"s\"\n[[steps]]\ncommand = \"mi\"\n[[steps]]\ncommand = \"mi\"")
                .contains("two steps are called 'mi'")
        );
        assert!(e("name = \"s\"\ngrid.mi = [1]\n[[steps]]\ncommand = \"mi\"").contains("a step and an axis"));
        assert!(
            e("name = \"s\"\nreplicates = [\"sed\"]\ngrid.seed = [1]\n[job]\ncommand = \"mi\"")
                .contains("did you mean 'seed'")
        );
    }
}
