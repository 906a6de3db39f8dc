//! Tasks × seeds × estimators.

use super::Suite;
use crate::run::Ledger;
use crate::table::AccuracyRow;
use anyhow::Result;
use narrows_datasets::truth::{Pairs, Task, TruthVariable};
use narrows_estimators::registry::ESTIMATORS;
use narrows_estimators::{MutualInformation, Variable, registry};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct AccuracyJob {
    /// The suite.
    pub suite: Suite,
    /// Estimators as specifications.
    pub estimators: Vec<String>,
    /// Samples of each task.
    pub n: usize,
    /// Seeds 0, 1, … of the samples.
    pub seeds: u64,
    /// Only tasks whose name contains one of these; all when empty.
    pub tasks: Vec<String>,
}

/// A finished cell: an estimator on a sample of a task.
#[derive(Serialize, Deserialize)]
struct Line {
    task: String,
    seed: u64,
    estimator: usize,
    row: AccuracyRow,
}

impl AccuracyJob {
    /// Number of estimates.
    ///
    /// # Errors
    /// As [`Suite::chosen`].
    pub fn n_cells(&self) -> Result<usize> {
        Ok(self.suite.chosen(&self.tasks)?.len() * self.seeds as usize * self.estimators.len())
    }

    /// Every row, in the order of tasks, estimators and seeds; `done` is called after each.
    ///
    /// An estimator that refuses a sample has a row that says why. What `state` holds already is not computed again.
    ///
    /// # Errors
    /// When a specification is wrong, or the state cannot be read or written.
    pub fn run(&self, state: &Path, done: &(dyn Fn() + Sync)) -> Result<Vec<AccuracyRow>> {
        let (ledger, lines) = Ledger::<Line>::open(&state.join("cells.jsonl"))?;
        let finished: HashMap<(String, u64, usize), AccuracyRow> =
            lines.into_iter().map(|l| ((l.task, l.seed, l.estimator), l.row)).collect();
        let built = self.estimators.iter().map(|s| registry::mutual_information(s)).collect::<Result<Vec<_>, _>>()?;
        let tasks = self.suite.chosen(&self.tasks)?;
        let cells: Vec<(usize, u64)> =
            (0..tasks.len()).flat_map(|task| (0..self.seeds).map(move |seed| (task, seed))).collect();
        let rows: Vec<Vec<AccuracyRow>> = cells
            .par_iter()
            .map(|&(at, seed)| {
                let task = &tasks[at];
                // Drawn when the first estimator needs it.
                let mut sample: Option<Pairs> = None;
                let mut rows = Vec::with_capacity(built.len());
                for (number, estimator) in built.iter().enumerate() {
                    let row = match finished.get(&(task.name().to_string(), seed, number)) {
                        Some(row) => row.clone(),
                        None => {
                            let pairs = sample.get_or_insert_with(|| task.sample(self.n, seed));
                            let row = self.row(task, pairs, seed, estimator.as_ref());
                            ledger.add(&Line {
                                task: task.name().into(),
                                seed,
                                estimator: number,
                                row: row.clone(),
                            })?;
                            row
                        }
                    };
                    done();
                    rows.push(row);
                }
                Ok(rows)
            })
            .collect::<Result<_>>()?;
        let mut ordered = Vec::with_capacity(rows.len() * built.len());
        for of_task in rows.chunks(self.seeds.max(1) as usize) {
            for number in 0..built.len() {
                ordered.extend(of_task.iter().map(|of_seed| of_seed[number].clone()));
            }
        }
        Ok(ordered)
    }

    fn row(&self, task: &Task, pairs: &Pairs, seed: u64, estimator: &dyn MutualInformation) -> AccuracyRow {
        let found = estimator.estimate(view(&pairs.x), view(&pairs.y));
        let (value, std_error, flags) = match found {
            Ok(e) => (
                Some(e.value.0),
                e.std_error.map(|se| se.0),
                e.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"),
            ),
            Err(e) => (None, None, format!("refused: {e}")),
        };
        AccuracyRow {
            suite: self.suite.name().into(),
            task: task.name().into(),
            family: task.family().into(),
            dim_x: task.dim_x() as u64,
            dim_y: task.dim_y() as u64,
            truth: task.mutual_information(),
            estimator: estimator.name().into(),
            parameters: estimator.parameters(),
            n_samples: self.n as u64,
            seed,
            value,
            std_error,
            unit: "nats".into(),
            flags,
        }
    }

    /// Estimators that a suite is measured with when nobody says: all that estimate an information of two continuous
    /// variables and are not trained.
    pub fn default_estimators() -> Vec<String> {
        ESTIMATORS
            .iter()
            .filter(|e| e.is_mutual_information() && e.domain.continuous && !e.trained)
            .filter(|e| e.measure == registry::Measure::Information)
            .map(|e| e.name.to_string())
            .collect()
    }
}

fn view(variable: &TruthVariable) -> Variable<'_> {
    match variable {
        TruthVariable::Continuous(values) => Variable::Continuous(values.view()),
        TruthVariable::Discrete(labels) => Variable::Discrete(labels),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_ordered_and_a_resumed_run_gives_the_same() {
        let job = AccuracyJob {
            suite: Suite::Dials,
            estimators: vec!["gaussian-copula".into(), "ksg".into()],
            n: 300,
            seeds: 2,
            tasks: vec!["correlated-normal-1d-1".into(), "uniformly-quantized-1d-1".into()],
        };
        let dir = tempfile::tempdir().unwrap();
        let first = job.run(dir.path(), &|| {}).unwrap();
        let ledger = dir.path().join("cells.jsonl");
        let text = std::fs::read_to_string(&ledger).unwrap();
        let half: String = text.split_inclusive('\n').take(5).collect();
        std::fs::write(&ledger, half).unwrap();
        assert_eq!(job.run(dir.path(), &|| {}).unwrap(), first);
        assert_eq!(first.len(), job.n_cells().unwrap());
        let copula = &first[0];
        assert_eq!((copula.estimator.as_str(), copula.seed, first[1].seed), ("gaussian-copula", 0, 1));
        assert!((copula.value.unwrap() - copula.truth).abs() < 0.2, "{copula:?}");
        // Labels are none of KSG's business: told, and no number.
        let labels = first.iter().find(|r| r.task.starts_with("uniformly") && r.estimator == "ksg").unwrap();
        assert!(labels.value.is_none() && labels.flags.starts_with("refused: ksg takes two continuous"));
    }
}
