//! The page of a study of many jobs, from its merged tables.

use super::Sheet;
use super::compose::{Parts, table, write_page};
use crate::figure::scale::readable as number;
use crate::figure::{FigureFile, FigureOptions, FigureTables, draw_all};
use crate::plane::{Derived, derive};
use crate::run::{Limits, Manifest};
use crate::study::sweep::{StepCount, Summary};
use crate::table::{GradientRow, PlaneRow, TrainingRow};
use anyhow::{Context, Result};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// What a study's page is made of, beside its merged tables.
#[derive(Debug, Clone, Copy)]
pub struct StudyPage<'a> {
    /// Cells of each step.
    pub counts: &'a [StepCount],
    /// Cells that failed or wait for one that did: step, values, message.
    pub failures: &'a [[String; 3]],
    /// Numbers over replicates.
    pub summary: &'a Summary,
    /// Planes, and what follows from them.
    pub planes: &'a StudyPlanes,
}

/// Rows of the summary on the page; the file has all.
const MOST_ROWS: usize = 600;

/// The merged planes and trainings of a study, and what follows from them.
#[derive(Debug, Clone, Default)]
pub struct StudyPlanes {
    plane: Vec<PlaneRow>,
    training: Vec<TrainingRow>,
    derived: Derived,
}

impl StudyPlanes {
    /// Sentences on what follows.
    pub fn findings(&self) -> Vec<String> {
        self.derived.findings()
    }
}

/// Reads the merged planes and trainings in a study's folder, and writes the tables that follow from them. `labels` are the
/// cells' values in short, by which runs are called where their own names do not tell them apart.
///
/// # Errors
/// When a merged table cannot be read, or a file cannot be written.
pub fn derive_study(folder: &Path, labels: &HashMap<String, String>) -> Result<StudyPlanes> {
    let mut plane: Vec<PlaneRow> = table(folder, "plane.csv")?;
    let mut training: Vec<TrainingRow> = table(folder, "training.csv")?;
    let key = |r: &PlaneRow| {
        format!("{}\t{}\t{}\t{}\t{}\t{}", r.run, r.checkpoint, r.layer, r.estimator, r.parameters, r.quantity)
    };
    if !all_differ(plane.iter().map(key)) {
        rename(&folder.join("plane.csv"), labels, plane.iter_mut().map(|r| &mut r.run))?;
    }
    let key = |r: &TrainingRow| format!("{}\t{}\t{}\t{:?}\t{}", r.run, r.epoch, r.layer, r.step, r.quantity);
    if !all_differ(training.iter().map(key)) {
        rename(&folder.join("training.csv"), labels, training.iter_mut().map(|r| &mut r.run))?;
    }
    let derived = if plane.is_empty() {
        Derived::new(&[], &GradientRow::of(&training), 0)
    } else {
        derive(&plane, &GradientRow::of(&training), 0, folder)?
    };
    Ok(StudyPlanes { plane, training, derived })
}

/// Draws `figures/` and writes `report.html` in a study's folder; yields the figures.
///
/// # Errors
/// When a merged table cannot be read, or a file cannot be written.
pub fn compose_study(
    folder: &Path,
    manifest: &Manifest,
    page: &StudyPage,
    options: &FigureOptions,
) -> Result<Vec<FigureFile>> {
    let StudyPlanes { plane, training, derived } = page.planes;
    let target = folder.join("figures");
    std::fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    // Where there are means, single runs are left to the interactive plane: a hundred of them would bury the rest.
    let means = !derived.plane_mean.is_empty();
    let drawn = FigureTables {
        plane: if means { &[] } else { plane },
        training: if means { &[] } else { training },
        phases: &derived.phases,
        plane_mean: &derived.plane_mean,
        phases_mean: &derived.phases_mean,
        study: Some(page.summary),
        ..FigureTables::default()
    };
    let limits = Limits { n_samples: same(plane.iter().map(|r| r.n_samples)), ..manifest.limits };
    let figures = draw_all(&drawn, &limits, options, &target)?;
    let sheets: Vec<Sheet> = [Some(cells(page.counts)), failures(page.failures)]
        .into_iter()
        .flatten()
        .chain(numbers(page.summary))
        .collect();
    let parts = Parts { plane, training, derived, figures: &figures, sheets: &sheets };
    write_page(folder, manifest, (limits, *options), &parts)?;
    Ok(figures)
}

fn all_differ(keys: impl Iterator<Item = String>) -> bool {
    let mut seen = HashSet::new();
    keys.into_iter().all(|key| seen.insert(key))
}

fn same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|v| v == first).then_some(first)
}

/// Calls runs by their cells, where their own names do not tell them apart.
fn rename<'a>(path: &Path, labels: &HashMap<String, String>, runs: impl Iterator<Item = &'a mut String>) -> Result<()> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let at = reader.headers()?.iter().position(|h| h == "cell").context("a merged table without a column 'cell'")?;
    for (record, run) in reader.records().zip(runs) {
        if let Some(label) = labels.get(&record?[at]).filter(|label| !label.is_empty()) {
            *run = label.clone();
        }
    }
    Ok(())
}

fn cells(counts: &[StepCount]) -> Sheet {
    let row = |c: &StepCount| {
        let count = |n: usize| n.to_string();
        let left = c.missing + c.outdated;
        let each = if c.done > 0 { number(c.seconds / c.done as f64) } else { String::new() };
        vec![
            c.step.clone(),
            count(c.cells),
            count(c.done),
            count(c.failed),
            count(c.blocked),
            count(left),
            number(c.seconds),
            each,
        ]
    };
    Sheet {
        title: "Cells".into(),
        note: "The jobs of the study, by step; those that are blocked wait for one that failed. Times are of one cell at a time.".into(),
        columns: ["Step", "Cells", "Done", "Failed", "Blocked", "To do", "Time [s]", "a cell [s]"].map(String::from).into(),
        texts: 1,
        rows: counts.iter().map(row).collect(),
    }
}

fn failures(failures: &[[String; 3]]) -> Option<Sheet> {
    (!failures.is_empty()).then(|| Sheet {
        title: "What failed".into(),
        note: "Tried again by narrows study run with --retry.".into(),
        columns: ["Step", "Values", "Message"].map(String::from).into(),
        texts: 3,
        rows: failures.iter().map(|row| row.to_vec()).collect(),
    })
}

/// A table of means a merged table.
fn numbers(summary: &Summary) -> Vec<Sheet> {
    let mut tables: Vec<&str> = vec![];
    summary.rows.iter().for_each(|r| {
        if !tables.contains(&r.table.as_str()) {
            tables.push(&r.table)
        }
    });
    let over =
        if summary.replicates.is_empty() { String::new() } else { format!(" over {}", summary.replicates.join(", ")) };
    let sheet = |name: &str| {
        let of_table = || summary.rows.iter().filter(|r| r.table == name);
        let used: Vec<usize> =
            (0..summary.axes.len()).filter(|&a| of_table().any(|r| !r.settings[a].is_empty())).collect();
        let mut columns: Vec<String> = used.iter().map(|&a| summary.axes[a].clone()).collect();
        columns.push("Number".into());
        let texts = columns.len();
        columns.extend(["Mean", "± (95 %)", "Standard deviation", "Values"].map(String::from));
        let row = |r: &crate::study::sweep::SummaryRow| {
            let mut row: Vec<String> = used.iter().map(|&a| r.settings[a].clone()).collect();
            row.push(r.what.clone());
            row.push(number(r.mean.mean));
            row.push(r.mean.interval.map_or(String::new(), |(_, high)| number(high - r.mean.mean)));
            row.push(r.mean.std.map_or(String::new(), number));
            row.push(r.n.to_string());
            row
        };
        let n = of_table().count();
        let left = if n > MOST_ROWS {
            format!(" The first {MOST_ROWS} of {n} rows; study_summary.csv has all.")
        } else {
            String::new()
        };
        Sheet {
            title: format!("Numbers of {name}"),
            note: format!("Means{over}; of tables over epochs, the last epoch. A click on a head sorts.{left}"),
            columns,
            texts,
            rows: of_table().take(MOST_ROWS).map(row).collect(),
        }
    };
    tables.into_iter().map(sheet).collect()
}
