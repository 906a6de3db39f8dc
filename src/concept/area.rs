//! The height of intervention curves, as one number of a comparison.

use super::fit::row;
use super::score::some_of;
use super::{InterventionSpec, Model, Subject};
use crate::table::ConceptMetricRow;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Which curves are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// Policies and what is corrected, as of `narrows concept intervene`.
    pub interventions: InterventionSpec,
    /// Test samples at most, drawn by the seed.
    pub samples: usize,
}

impl Area {
    /// Mean height of each policy's curve of accuracy over the number of corrections, on some of the test samples. None
    /// of a bottleneck without concepts, and without their labels.
    ///
    /// # Errors
    /// As [`InterventionSpec::run`].
    pub(crate) fn of(&self, model: &Model, subject: &Subject, seed: u64) -> Result<Vec<ConceptMetricRow>> {
        if model.bottleneck.corrections().is_none() || subject.data.concepts().is_none() {
            return Ok(vec![]);
        }
        let rows = some_of(&subject.test, self.samples, seed);
        let found = self
            .interventions
            .run(model, subject, &rows, &|| ())
            .with_context(|| format!("cannot correct the concepts of {}", model.probe))?;
        let areas = found.summary.into_iter().filter(|r| r.metric == "auc_accuracy" && r.axis == "number");
        Ok(areas
            .map(|r| ConceptMetricRow {
                std_error: r.std_error,
                ci_low: r.ci_low,
                ci_high: r.ci_high,
                parameters: format!("policy={}", r.policy),
                ..row(model, "test", "intervention_area", r.value, rows.len())
            })
            .collect())
    }
}
