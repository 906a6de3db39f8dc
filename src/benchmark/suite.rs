//! The suites: lists of tasks.

use anyhow::Result;
use narrows_datasets::truth::{Dial, Task, beyond_normal, dial, high_dimensional};
use serde::{Deserialize, Serialize};

/// A list of distributions with known mutual information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Suite {
    /// The forty tasks of Czyż et al. (NeurIPS 2023)
    BeyondNormal,
    /// Families with 0 to 10 nats, in one dimension each
    Dials,
    /// Images of Gaussian blobs and rectangles with 0 to 10 nats
    Images,
    /// Correlated normals of two nats a dimension, in 2 to 64 dimensions
    HighDimension,
}

impl Suite {
    /// The tasks whose name contains one of these; all when there are none.
    ///
    /// # Errors
    /// As [`Suite::tasks`]; also when no task is called so.
    pub fn chosen(self, names: &[String]) -> Result<Vec<Task>> {
        let all = self.tasks()?;
        let known = || all.iter().map(Task::name).collect::<Vec<_>>().join(", ");
        for name in names {
            anyhow::ensure!(
                all.iter().any(|t| t.name().contains(name)),
                "no task's name contains {name}; there are: {}",
                known()
            );
        }
        let chosen = |task: &Task| names.is_empty() || names.iter().any(|name| task.name().contains(name));
        Ok(all.into_iter().filter(chosen).collect())
    }

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::BeyondNormal => "beyond-normal",
            Self::Dials => "dials",
            Self::Images => "images",
            Self::HighDimension => "high-dimension",
        }
    }

    /// Whether its tasks are dialled, so that they are drawn as lines over the truth.
    pub fn is_dialled(self) -> bool {
        self != Self::BeyondNormal
    }

    /// The tasks.
    ///
    /// # Errors
    /// When a family cannot carry an information that the suite asks for, which would be a fault of the suite.
    pub fn tasks(self) -> Result<Vec<Task>> {
        let dialled = |families: &[Dial]| -> Result<Vec<Task>> {
            let mut tasks = Vec::new();
            for &family in families {
                let dim = family.fixed_dim().unwrap_or(1);
                for nats in 0..=10 {
                    // Student variables have information of their own below which the dial does not go.
                    let nats = f64::from(nats);
                    if nats >= family.least(dim) && nats <= family.most(dim) {
                        tasks.push(dial(family, nats, dim)?);
                    }
                }
            }
            Ok(tasks)
        };
        match self {
            Self::BeyondNormal => Ok(beyond_normal()),
            Self::Dials => dialled(&Dial::ALL.into_iter().filter(|d| d.fixed_dim().is_none()).collect::<Vec<_>>()),
            Self::Images => dialled(&Dial::ALL.into_iter().filter(|d| d.fixed_dim().is_some()).collect::<Vec<_>>()),
            Self::HighDimension => {
                [2, 4, 8, 16, 32, 64].into_iter().map(|dim| Ok(high_dimensional(dim, 2.0)?)).collect()
            }
        }
    }
}
