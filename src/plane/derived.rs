//! What follows from a plane and from the gradients of its training: phases, means over seeds, agreement of estimators.

use super::agreement::{agreement, agreement_findings};
use super::drift::{Drift, drift_rows, drifts};
use super::phases::{Verdict, phase_rows, verdicts};
use super::processing::processing;
use super::seeds::{phase_means, plane_means};
use crate::run::write_atomic;
use crate::table::{AgreementRow, GradientRow, MeanRow, PhaseRow, PlaneRow, ProcessingRow, Row, to_csv, write_parquet};
use anyhow::Result;
use std::path::Path;

/// The tables that follow from a plane.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Derived {
    /// The phases of each layer as each estimator sees them.
    pub verdicts: Vec<Verdict>,
    /// Drift and diffusion of each layer.
    pub drifts: Vec<Drift>,
    /// Both as the table `phases`.
    pub phases: Vec<PhaseRow>,
    /// The table `processing`: the data-processing inequality.
    pub processing: Vec<ProcessingRow>,
    /// The table `plane_mean`; empty without seeds to average over.
    pub plane_mean: Vec<MeanRow>,
    /// The table `phases_mean`.
    pub phases_mean: Vec<MeanRow>,
    /// The table `agreement`; empty for a single estimator.
    pub agreement: Vec<AgreementRow>,
}

impl Derived {
    /// Computes all of it. `seed` is that of the bootstrap.
    pub fn new(plane: &[PlaneRow], gradients: &[GradientRow], seed: u64) -> Self {
        let (verdicts, drifts) = (verdicts(plane), drifts(gradients));
        let mut phases = phase_rows(&verdicts);
        phases.extend(drift_rows(&drifts));
        Self {
            processing: processing(plane),
            plane_mean: plane_means(plane),
            phases_mean: phase_means(&phases),
            agreement: agreement(plane, &verdicts, seed),
            verdicts,
            drifts,
            phases,
        }
    }

    /// Writes the tables that have rows into a run's folder, as CSV and as Parquet.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        both(folder, "phases", &self.phases)?;
        both(folder, "processing", &self.processing)?;
        both(folder, "plane_mean", &self.plane_mean)?;
        both(folder, "phases_mean", &self.phases_mean)?;
        both(folder, "agreement", &self.agreement)
    }

    /// Sentences on whether the estimators agree.
    pub fn findings(&self) -> Vec<String> {
        agreement_findings(&self.verdicts)
    }
}

/// Computes what follows from a plane, and writes it into a run's folder.
///
/// `gradients` may be empty; those of a training table are [`GradientRow::of`] it. `seed` is that of the bootstrap of the
/// table `agreement`.
///
/// # Errors
/// When a file cannot be written.
pub fn derive(plane: &[PlaneRow], gradients: &[GradientRow], seed: u64, folder: &Path) -> Result<Derived> {
    let derived = Derived::new(plane, gradients, seed);
    derived.write(folder)?;
    Ok(derived)
}

/// Writes a table in both forms; nothing where it has no rows.
pub(crate) fn both<R: Row>(folder: &Path, name: &str, rows: &[R]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    write_atomic(&folder.join(format!("{name}.csv")), &to_csv(rows)?)?;
    write_atomic(&folder.join(format!("{name}.parquet")), &write_parquet(name, rows)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::samples::{plane_table, training_table};
    use crate::table::read_csv;

    #[test]
    fn tables_read_back_and_empty_ones_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut plane = plane_table(2, 2, 6, 3);
        plane.iter_mut().for_each(|r| r.run = r.run.replace("run ", "r-seed"));
        let derived = derive(&plane, &GradientRow::of(&training_table(2, 6, 3)), 0, folder.path()).unwrap();
        let path = |name: &str| folder.path().join(name);
        assert_eq!(read_csv::<PhaseRow>(&path("phases.csv")).unwrap(), derived.phases);
        assert_eq!(read_csv::<MeanRow>(&path("plane_mean.csv")).unwrap(), derived.plane_mean);
        assert_eq!(read_csv::<MeanRow>(&path("phases_mean.csv")).unwrap(), derived.phases_mean);
        assert_eq!(read_csv::<ProcessingRow>(&path("processing.csv")).unwrap(), derived.processing);
        assert_eq!(read_csv::<AgreementRow>(&path("agreement.csv")).unwrap(), derived.agreement);
        assert!(path("agreement.parquet").exists());
        // Ten numbers a layer, estimator and run, and four of its gradients.
        assert_eq!(derived.phases.len(), 2 * 2 * 3 * 10 + 2 * 3 * 4);

        let single = tempfile::tempdir().unwrap();
        derive(&plane_table(1, 1, 6, 3), &[], 0, single.path()).unwrap();
        assert!(!single.path().join("plane_mean.csv").exists() && !single.path().join("agreement.csv").exists());
    }
}
