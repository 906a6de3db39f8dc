//! Draws a run's figures and writes its report, from its tables and manifest alone.

use super::{
    ReportInput, Sheet, codebook, concept, concept_conditional, concept_corrections, correlation, dictionary, render,
    sheet,
};
use crate::figure::{FigureFile, FigureOptions, FigureTables, draw_all};
use crate::plane::Derived;
use crate::run::{Limits, Manifest, TABLES, write_atomic};
use crate::table::{
    CorrelationRow, GradientRow, IbCurveRow, ModelRow, PlaneRow, RegressionSummaryRow, Row, TrainingRow, read_csv,
};
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Draws `figures/` and writes `report.html` of the run in `folder`; yields the figures.
///
/// # Errors
/// When there is no table to draw from, a table cannot be read, or a file cannot be written.
pub fn compose(folder: &Path, manifest: &Manifest, options: &FigureOptions) -> Result<Vec<FigureFile>> {
    let plane: Vec<PlaneRow> = table(folder, "plane.csv")?;
    let mut training: Vec<TrainingRow> = table(folder, "training.csv")?;
    let ib_curve: Vec<IbCurveRow> = table(folder, "ib_curve.csv")?;
    let regression: Vec<RegressionSummaryRow> = table(folder, "regression_summary.csv")?;
    let models: Vec<ModelRow> = table(folder, "models.csv")?;
    let correlations: Vec<CorrelationRow> = table(folder, "correlation.csv")?;
    let concept = concept::read(folder)?;
    let dictionaries = dictionary::read(folder)?;
    let codebooks = codebook::read(folder)?;
    let nothing = plane.is_empty() && training.is_empty() && ib_curve.is_empty() && regression.is_empty();
    ensure!(
        !(nothing && models.is_empty() && concept.is_empty() && dictionaries.is_empty() && codebooks.is_empty()),
        "{} holds no table to draw: none of plane.csv, training.csv, ib_curve.csv, regression_summary.csv, models.csv, \
         metrics.csv, dictionaries.csv and codebook_metrics.csv has rows",
        folder.display()
    );
    let gradients: Vec<GradientRow> = table(folder, "gradients.csv")?;
    if training.is_empty() {
        training = gradients.iter().map(GradientRow::as_training).collect();
    }
    let derived = derived(folder, manifest, &plane, &training)?;
    let target = folder.join("figures");
    std::fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    let drawn = FigureTables {
        plane: &plane,
        training: &training,
        phases: &derived.phases,
        plane_mean: &derived.plane_mean,
        phases_mean: &derived.phases_mean,
        ib_curve: &ib_curve,
        regression: &regression,
        models: &models,
        correlations: &correlations,
        concept: Some(&concept),
        dictionary: Some(&dictionaries),
        codebook: Some(&codebooks),
        study: None,
    };
    let figures = draw_all(&drawn, &manifest.limits, options, &target)?;
    let sheets: Vec<Sheet> = sheet::regression(&regression)
        .into_iter()
        .chain(correlation::correlation(&correlations))
        .chain(concept::sheets(&concept))
        .chain(concept_conditional::sheets(&concept))
        .chain(concept_corrections::sheets(&concept))
        .chain(dictionary::sheets(&dictionaries))
        .chain(codebook::sheets(&codebooks))
        .collect();
    let look = (manifest.limits, *options);
    let parts = Parts { plane: &plane, training: &training, derived: &derived, figures: &figures, sheets: &sheets };
    write_page(folder, manifest, look, &parts)?;
    Ok(figures)
}

/// What a page shows.
pub(super) struct Parts<'a> {
    pub(super) plane: &'a [PlaneRow],
    pub(super) training: &'a [TrainingRow],
    pub(super) derived: &'a Derived,
    pub(super) figures: &'a [FigureFile],
    pub(super) sheets: &'a [Sheet],
}

/// Writes `report.html`.
pub(super) fn write_page(
    folder: &Path,
    manifest: &Manifest,
    (limits, look): (Limits, FigureOptions),
    parts: &Parts,
) -> Result<()> {
    let tables: Vec<String> = TABLES.iter().filter(|name| folder.join(name).exists()).map(|n| n.to_string()).collect();
    let title = title(folder, manifest);
    // Findings and warnings have their own places on the page.
    let mut provenance = serde_json::to_value(manifest)?;
    if let Some(entries) = provenance.as_object_mut() {
        entries.retain(|key, _| key != "findings" && key != "warnings");
    }
    let page = render(&ReportInput {
        title: &title,
        summary: &manifest.findings,
        manifest: &provenance,
        figures: parts.figures,
        plane: parts.plane,
        plane_mean: &parts.derived.plane_mean,
        limits,
        look,
        training: parts.training,
        phases: &parts.derived.phases,
        phases_mean: &parts.derived.phases_mean,
        warnings: &manifest.warnings,
        sheets: parts.sheets,
        tables: &tables,
    })?;
    write_atomic(&folder.join("report.html"), page.as_bytes())
}

/// The title of the page: a study's own, with its paper; else the command and the folder.
fn title(folder: &Path, manifest: &Manifest) -> String {
    let text = |key: &str| manifest.identity.config.get(key).and_then(serde_json::Value::as_str);
    match (text("title"), text("reference")) {
        (Some(title), Some(reference)) => format!("{title} ({reference})"),
        (Some(title), None) => title.to_string(),
        _ => {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            format!("narrows {}: {name}", manifest.identity.command)
        }
    }
}

/// What follows from the plane: from its tables, or computed where an older run does not have them.
fn derived(folder: &Path, manifest: &Manifest, plane: &[PlaneRow], training: &[TrainingRow]) -> Result<Derived> {
    if !folder.join("phases.csv").exists() {
        let seed = manifest.identity.config.get("seed").and_then(serde_json::Value::as_u64).unwrap_or(0);
        return Ok(Derived::new(plane, &GradientRow::of(training), seed));
    }
    Ok(Derived {
        phases: table(folder, "phases.csv")?,
        plane_mean: table(folder, "plane_mean.csv")?,
        phases_mean: table(folder, "phases_mean.csv")?,
        ..Derived::default()
    })
}

/// The rows of a table; none when the run does not have it.
pub(super) fn table<R: Row>(folder: &Path, name: &str) -> Result<Vec<R>> {
    let path = folder.join(name);
    if path.exists() { read_csv(&path) } else { Ok(vec![]) }
}
