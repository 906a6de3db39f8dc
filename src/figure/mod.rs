//! Figures of a run, drawn from its tables alone: the same tables give the same bytes.
//!
//! Every figure comes as SVG, which follows the reader's light or dark scheme, and as PNG.

mod accuracy;
mod canvas;
mod codebook;
mod colormap;
mod compression_by_estimator;
mod concept;
mod correlation;
pub(crate) mod curve;
pub(crate) mod data;
mod dictionary;
mod gap_scatter;
mod grid;
mod ib_curve;
pub(crate) mod information_mean;
mod information_over_epochs;
mod information_plane;
mod legend;
pub(crate) mod looks;
mod marks;
mod panel;
mod picture;
mod png;
mod regression;
mod robustness;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod scale;
mod speed;
mod study;
mod style;
mod svg;
mod training;

pub use codebook::CodebookTables;
pub use colormap::Colormap;
pub use concept::{ConceptOverlays, ConceptTables};
pub use data::Limits;
pub use dictionary::DictionaryTables;

use crate::plane::groups;
use crate::study::sweep::Summary;
use crate::table::{
    AccuracyRow, AccuracySummaryRow, CorrelationRow, IbCurveRow, MeanRow, ModelRow, PhaseRow, PlaneRow,
    RegressionSummaryRow, SpeedRow, TrainingRow,
};
use anyhow::{Context, Result};
use data::PlaneData;
use marks::Marks;
use picture::Picture;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// How the colours of the information plane are spread over the epochs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ColorScale {
    /// By log(1 + epoch): most happens early.
    #[default]
    Log,
    /// Evenly.
    Linear,
}

/// How figures look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FigureOptions {
    /// How the colours of the information plane are spread over the epochs.
    pub color_scale: ColorScale,
    /// The colours of the information plane.
    pub colormap: Colormap,
    /// Pixels of the PNG for one of the SVG.
    pub png_scale: u32,
}

impl Default for FigureOptions {
    fn default() -> Self {
        Self { color_scale: ColorScale::default(), colormap: Colormap::default(), png_scale: 2 }
    }
}

/// A figure that was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureFile {
    /// Name of its files without the ending.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// What its lines and colours mean.
    pub caption: String,
    /// The drawing as SVG.
    pub svg: PathBuf,
    /// The same as PNG.
    pub png: PathBuf,
}

/// A figure before it is written.
pub(crate) struct Drawing {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) caption: String,
    pub(crate) picture: Picture,
}

/// The tables that the figures of a run are drawn from; any may be empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct FigureTables<'a> {
    /// The information plane.
    pub plane: &'a [PlaneRow],
    /// The training, or the gradients alone.
    pub training: &'a [TrainingRow],
    /// Turning points and the change from drift to diffusion.
    pub phases: &'a [PhaseRow],
    /// Means of the plane over seeds.
    pub plane_mean: &'a [MeanRow],
    /// Means of the phases.
    pub phases_mean: &'a [MeanRow],
    /// The information-bottleneck curve.
    pub ib_curve: &'a [IbCurveRow],
    /// Regression studies, over seeds.
    pub regression: &'a [RegressionSummaryRow],
    /// The models of a study of generalisation.
    pub models: &'a [ModelRow],
    /// What goes with their gap.
    pub correlations: &'a [CorrelationRow],
    /// Concept bottlenecks.
    pub concept: Option<&'a ConceptTables>,
    /// Dictionaries.
    pub dictionary: Option<&'a DictionaryTables>,
    /// Codebooks.
    pub codebook: Option<&'a CodebookTables>,
    /// The numbers of a study over the settings of its grid.
    pub study: Option<&'a Summary>,
}

/// Runs up to which each has figures of its own, where they differ by their seed.
const MOST_RUNS: usize = 9;
/// Groups of runs up to which one run of each has.
const MOST_GROUPS: usize = 24;

/// Draws every figure that the tables have the numbers for, into a folder that is made where it does not exist.
///
/// Means over seeds come first. Of many runs some of each group have figures of their own, which then say so.
///
/// # Errors
/// When the folder cannot be written, or a drawing fails.
pub fn draw_all(
    tables: &FigureTables<'_>,
    limits: &Limits,
    options: &FigureOptions,
    folder: &Path,
) -> Result<Vec<FigureFile>> {
    let mut drawings = tables.study.map(study::draw).unwrap_or_default();
    drawings.extend(information_mean::draw(tables.plane_mean, tables.phases_mean, tables.ib_curve, limits, options)?);
    let marks = Marks::of(tables.phases);

    let all = data::distinct(tables.plane.iter().map(|r| r.run.as_str()));
    let kept = chosen(&all);
    let rows: Vec<PlaneRow> = tables.plane.iter().filter(|r| kept.contains(r.run.as_str())).cloned().collect();
    let data = PlaneData::new(&rows, limits).with_bound(tables.ib_curve)?;
    let own = |d| saying(d, kept.len(), all.len());
    drawings.extend(information_plane::draw(&data, options).into_iter().map(own));
    drawings.extend(compression_by_estimator::draw(tables.phases));
    drawings.extend(information_over_epochs::draw(&data, &marks).into_iter().map(own));

    let all = data::distinct(tables.training.iter().map(|r| r.run.as_str()));
    let kept = chosen(&all);
    let rows: Vec<TrainingRow> = tables.training.iter().filter(|r| kept.contains(r.run.as_str())).cloned().collect();
    drawings.extend(training::draw(&rows, &marks).into_iter().map(|d| saying(d, kept.len(), all.len())));
    drawings.extend(ib_curve::draw(tables.ib_curve)?);
    drawings.extend(regression::plane(tables.regression));
    drawings.extend(robustness::draw(tables.regression));
    drawings.extend(correlation::dots(tables.correlations));
    drawings.extend(gap_scatter::scatter(tables.models, tables.correlations));
    drawings.extend(tables.concept.map(concept::draw).unwrap_or_default());
    drawings.extend(tables.dictionary.map(dictionary::draw).unwrap_or_default());
    drawings.extend(tables.codebook.map(codebook::draw).unwrap_or_default());

    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    drawings.into_iter().map(|drawing| written(drawing, options.png_scale, folder)).collect()
}

/// The runs that have figures of their own: all of a few; of many one of each group, then a second of each, and so on.
fn chosen<'a>(runs: &[&'a str]) -> HashSet<&'a str> {
    let groups = groups(runs.iter().copied());
    let most = MOST_RUNS.max(groups.len().min(MOST_GROUPS));
    let longest = groups.iter().map(|g| g.1.len()).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|place| groups.iter().filter_map(move |g| g.1.get(place).copied()));
    in_turn.take(most).collect()
}

/// The drawing, with a word on the runs that have none.
fn saying(drawing: Drawing, kept: usize, all: usize) -> Drawing {
    if kept == all {
        return drawing;
    }
    let caption = format!("{} Of {all} runs {kept} have such a figure; the tables have all.", drawing.caption);
    Drawing { caption, ..drawing }
}

/// Draws what estimators make of known information: lines over the truth where it is dialled, else a table of tasks.
///
/// # Errors
/// When the folder cannot be written, or the drawing fails.
pub fn draw_accuracy(
    rows: &[AccuracyRow],
    summary: &[AccuracySummaryRow],
    dialled: bool,
    folder: &Path,
) -> Result<Option<FigureFile>> {
    let drawing = if dialled { accuracy::dials(rows, summary) } else { accuracy::tasks(summary) };
    drawing.map(|drawing| written(drawing, FigureOptions::default().png_scale, folder)).transpose()
}

/// Draws the cost of estimates over the number of samples, as SVG and PNG.
///
/// # Errors
/// When a file cannot be written.
pub fn draw_speed(rows: &[SpeedRow], folder: &Path) -> Result<Option<FigureFile>> {
    speed::growth(rows).map(|drawing| written(drawing, FigureOptions::default().png_scale, folder)).transpose()
}

fn written(drawing: Drawing, png_scale: u32, folder: &Path) -> Result<FigureFile> {
    let Drawing { name, title, caption, picture } = drawing;
    let (svg, png) = canvas::save(&picture, &title, &name, png_scale, folder)?;
    Ok(FigureFile { name, title, caption, svg, png })
}

/// A file name for each run, safe on any system and all different, whatever the runs are called.
pub(crate) fn file_names(kind: &str, runs: &[String]) -> Vec<String> {
    const LONGEST: usize = 60;
    let mut taken = HashSet::new();
    runs.iter()
        .map(|run| {
            let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
            let base = format!("{kind}_{}", run.chars().take(LONGEST).map(safe).collect::<String>());
            let base = base.trim_end_matches(['.', '_']).to_string();
            // Lower case, because some file systems do not tell the cases apart.
            let name = (1..)
                .map(|n| if n == 1 { base.clone() } else { format!("{base}-{n}") })
                .find(|name| !taken.contains(&name.to_lowercase()))
                .unwrap_or(base);
            taken.insert(name.to_lowercase());
            name
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_from_the_tables_and_are_the_same_each_time() {
        let (plane, training) = (samples::plane_table(2, 2, 5, 3), samples::training_table(2, 5, 3));
        let limits = Limits { label_entropy_bits: Some(1.0), n_samples: Some(4096) };
        let draw = || {
            let folder = tempfile::tempdir().unwrap();
            let tables = FigureTables { plane: &plane, training: &training, ..FigureTables::default() };
            let target = folder.path().join("figures");
            let files = draw_all(&tables, &limits, &FigureOptions::default(), &target).unwrap();
            let bytes: Vec<_> = files
                .iter()
                .map(|f| (f.name.clone(), std::fs::read(&f.svg).unwrap(), std::fs::read(&f.png).unwrap()))
                .collect();
            bytes
        };
        let first = draw();
        let names: Vec<&str> = first.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(
            names,
            ["information_plane", "information_over_epochs_run_0", "information_over_epochs_run_1", "training"]
        );
        assert!(first == draw(), "the same tables gave other bytes");
    }

    #[test]
    fn empty_tables_give_no_figures() {
        let folder = tempfile::tempdir().unwrap();
        let (tables, options) = (FigureTables::default(), FigureOptions::default());
        assert_eq!(draw_all(&tables, &Limits::default(), &options, folder.path()).unwrap(), []);
    }

    #[test]
    fn many_seeds_have_their_means_first_and_few_figures_of_their_own() {
        let mut plane = samples::plane_table(12, 1, 4, 2);
        plane.iter_mut().for_each(|r| r.run = r.run.replace("run ", "net-seed"));
        let derived = crate::plane::Derived::new(&plane, &[], 0);
        let tables = FigureTables {
            plane: &plane,
            phases: &derived.phases,
            plane_mean: &derived.plane_mean,
            phases_mean: &derived.phases_mean,
            ..FigureTables::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let options = FigureOptions { png_scale: 1, ..FigureOptions::default() };
        let files = draw_all(&tables, &Limits::default(), &options, folder.path()).unwrap();
        assert_eq!(files[0].name, "information_plane_mean");
        let own: Vec<_> = files.iter().filter(|f| f.name.starts_with("information_over_epochs_net-seed")).collect();
        assert!(own.len() == 9 && own[0].caption.contains("Of 12 runs 9 have"), "{files:?}");
    }

    #[test]
    fn every_group_has_a_run_that_is_drawn() {
        let names: Vec<String> =
            ["a", "b"].iter().flat_map(|g| (0..20).map(move |seed| format!("{g}-seed{seed}"))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let kept = chosen(&names);
        assert!(kept.len() == 9 && kept.contains("a-seed4") && kept.contains("b-seed3"), "{kept:?}");
        let different: Vec<String> = (0..12).map(|i| format!("net{i}")).collect();
        assert_eq!(chosen(&different.iter().map(String::as_str).collect::<Vec<_>>()).len(), 12);
    }

    #[test]
    fn a_run_name_cannot_lead_out_of_the_folder() {
        let runs = ["../../etc/x", "a b", "a_b", "A_B", "", "ä…"].map(String::from);
        let names = file_names("plane", &runs);
        assert_eq!(names, ["plane_.._.._etc_x", "plane_a_b", "plane_a_b-2", "plane_A_B-3", "plane", "plane-2"]);
    }
}
