//! The samples themselves, for other programs.

use super::Suite;
use crate::run::RunFolder;
use crate::table::SampleRow;
use anyhow::Result;
use narrows_datasets::truth::TruthVariable;
use ndarray::Array1;
use ndarray_npy::NpzWriter;
use std::io::Cursor;

/// Which samples.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplesJob {
    /// The suite.
    pub suite: Suite,
    /// Samples of each task.
    pub n: usize,
    /// Seeds 0, 1, … of the samples.
    pub seeds: u64,
    /// Only tasks whose name contains one of these; all when empty.
    pub tasks: Vec<String>,
}

impl SamplesJob {
    /// Number of files.
    ///
    /// # Errors
    /// As [`Suite::chosen`].
    pub fn n_files(&self) -> Result<usize> {
        Ok(self.suite.chosen(&self.tasks)?.len() * self.seeds as usize)
    }

    /// Writes a file a task and seed, and returns a row for each; `done` is called after each.
    ///
    /// # Errors
    /// As [`Suite::chosen`], or when a file cannot be written.
    pub fn run(&self, folder: &RunFolder, done: &dyn Fn()) -> Result<Vec<SampleRow>> {
        let mut rows = Vec::new();
        for task in self.suite.chosen(&self.tasks)? {
            for seed in 0..self.seeds {
                let file = format!("{}-seed-{seed}.npz", task.name());
                let pairs = task.sample(self.n, seed);
                let mut bytes = Cursor::new(Vec::new());
                let mut archive = NpzWriter::new(&mut bytes);
                for (name, variable) in [("x", &pairs.x), ("y", &pairs.y)] {
                    match variable {
                        TruthVariable::Continuous(values) => archive.add_array(name, values)?,
                        TruthVariable::Discrete(labels) => archive.add_array(name, &Array1::from(labels.clone()))?,
                    }
                }
                archive.finish()?;
                folder.write(&file, bytes.get_ref())?;
                rows.push(SampleRow {
                    suite: self.suite.name().into(),
                    task: task.name().into(),
                    family: task.family().into(),
                    dim_x: task.dim_x() as u64,
                    dim_y: task.dim_y() as u64,
                    truth: task.mutual_information(),
                    unit: "nats".into(),
                    n_samples: self.n as u64,
                    seed,
                    file,
                });
                done();
            }
        }
        Ok(rows)
    }
}
