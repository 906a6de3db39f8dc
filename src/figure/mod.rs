//! Figures of a run, drawn from its tables alone: the same tables give the same bytes.
//!
//! Every figure comes as SVG, which follows the reader's light or dark scheme, and as PNG.

mod accuracy;
mod canvas;
mod colormap;
mod correlation;
mod curve;
pub(crate) mod data;
mod gap_scatter;
mod grid;
mod information_over_epochs;
mod information_plane;
mod legend;
mod panel;
mod picture;
mod png;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod scale;
mod speed;
mod style;
mod svg;
mod training;

pub use colormap::Colormap;
pub use data::Limits;

use crate::table::{AccuracyRow, AccuracySummaryRow, PlaneRow, SpeedRow, TrainingRow};
use crate::table::{CorrelationRow, ModelRow};
use anyhow::{Context, Result};
use data::PlaneData;
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

/// Draws every figure that the tables have the numbers for, into a folder that is made where it does not exist.
///
/// A table may be empty: its figures are left out.
///
/// # Errors
/// When the folder cannot be written, or a drawing fails.
pub fn draw_all(
    plane: &[PlaneRow],
    training: &[TrainingRow],
    limits: &Limits,
    options: &FigureOptions,
    folder: &Path,
) -> Result<Vec<FigureFile>> {
    let data = PlaneData::new(plane, limits);
    let mut drawings = information_plane::draw(&data, options);
    drawings.extend(information_over_epochs::draw(&data));
    drawings.extend(training::draw(training));

    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    drawings.into_iter().map(|drawing| written(drawing, options.png_scale, folder)).collect()
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

/// Draws a study of generalisation: which quantities go with the gap, and how.
///
/// # Errors
/// When a file cannot be written.
pub fn draw_generalisation(
    models: &[ModelRow],
    correlations: &[CorrelationRow],
    options: &FigureOptions,
    folder: &Path,
) -> Result<Vec<FigureFile>> {
    let drawings = correlation::dots(correlations).into_iter().chain(gap_scatter::scatter(models, correlations));
    drawings.map(|drawing| written(drawing, options.png_scale, folder)).collect()
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
            let files = draw_all(&plane, &training, &limits, &FigureOptions::default(), &folder.path().join("figures"))
                .unwrap();
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
        assert_eq!(draw_all(&[], &[], &Limits::default(), &FigureOptions::default(), folder.path()).unwrap(), []);
    }

    #[test]
    fn a_run_name_cannot_lead_out_of_the_folder() {
        let runs = ["../../etc/x", "a b", "a_b", "A_B", "", "ä…"].map(String::from);
        let names = file_names("plane", &runs);
        assert_eq!(names, ["plane_.._.._etc_x", "plane_a_b", "plane_a_b-2", "plane_A_B-3", "plane", "plane-2"]);
    }
}
