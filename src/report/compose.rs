//! Draws a run's figures and writes its report, from its tables and manifest alone.

use super::{ReportInput, Sheet, correlation, render};
use crate::figure::{FigureFile, FigureOptions, draw_all, draw_generalisation};
use crate::run::{Manifest, write_atomic};
use crate::table::{CorrelationRow, ModelRow, PlaneRow, Row, TrainingRow, read_csv};
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// The tables that a page leads to, where the run has them.
const TABLES: &[&str] = &[
    "plane.csv",
    "plane.parquet",
    "training.csv",
    "training.parquet",
    "models.csv",
    "models.parquet",
    "correlation.csv",
    "correlation.parquet",
    "timings.csv",
];

/// Draws `figures/` and writes `report.html` of the run in `folder`; yields the figures.
///
/// # Errors
/// When there is no table to draw from, a table cannot be read, or a file cannot be written.
pub fn compose(folder: &Path, manifest: &Manifest, options: &FigureOptions) -> Result<Vec<FigureFile>> {
    let plane: Vec<PlaneRow> = table(folder, "plane.csv")?;
    let training: Vec<TrainingRow> = table(folder, "training.csv")?;
    let models: Vec<ModelRow> = table(folder, "models.csv")?;
    let correlations: Vec<CorrelationRow> = table(folder, "correlation.csv")?;
    ensure!(
        !(plane.is_empty() && training.is_empty() && models.is_empty()),
        "{} holds no table to draw: none of plane.csv, training.csv and models.csv has rows",
        folder.display()
    );
    let target = folder.join("figures");
    std::fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    let mut figures = draw_all(&plane, &training, &manifest.limits, options, &target)?;
    figures.extend(draw_generalisation(&models, &correlations, options, &target)?);
    let sheets: Vec<Sheet> = correlation::correlation(&correlations).into_iter().collect();
    let tables: Vec<String> =
        TABLES.iter().copied().filter(|name| folder.join(name).exists()).map(String::from).collect();
    let title =
        format!("narrows {}: {}", manifest.identity.command, folder.file_name().unwrap_or_default().to_string_lossy());
    // Findings and warnings have their own places on the page.
    let mut provenance = serde_json::to_value(manifest)?;
    if let Some(entries) = provenance.as_object_mut() {
        entries.retain(|key, _| key != "findings" && key != "warnings");
    }
    let page = render(&ReportInput {
        title: &title,
        summary: &manifest.findings,
        manifest: &provenance,
        figures: &figures,
        plane: &plane,
        training: &training,
        warnings: &manifest.warnings,
        sheets: &sheets,
        tables: &tables,
    })?;
    write_atomic(&folder.join("report.html"), page.as_bytes())?;
    Ok(figures)
}

/// The rows of a table; none when the run does not have it.
fn table<R: Row>(folder: &Path, name: &str) -> Result<Vec<R>> {
    let path = folder.join(name);
    if path.exists() { read_csv(&path) } else { Ok(vec![]) }
}
