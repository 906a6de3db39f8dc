//! `narrows concept map`

use super::data_args::ConceptDataArgs;
use super::ending::{Said, finish};
use super::explain::rows;
use super::fit::write_table;
use super::score::tell;
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::concept::{MapOptions, Model, map, scored_findings, write_overlays};
use crate::run::{Identity, Opened, RunFolder};
use anyhow::{Result, ensure};
use serde_json::json;
use std::path::PathBuf;

/// Show where a bottleneck sees its concepts, and measure whether that is where they are
///
/// Concept activation maps from feature maps before pooling: CEM and CLM over l and α, and with masks the pointing game, IoU
/// and the energy inside. Writes scores.csv, overlays.csv with its pixels, figures and a report. A reconstruction of the
/// definitions of Aysel et al. 2025; docs/concept-metrics.md names what they leave open, and the option for each.
#[derive(Debug, clap::Args)]
pub(super) struct MapArgs {
    /// Folder of a fitted bottleneck
    model: PathBuf,
    /// Rows of the data to draw, from 1, joined by commas; ranges as 5-9 [default: the first of different classes]
    #[arg(long, short, value_name = "ROWS")]
    sample: Option<String>,
    /// Images to draw where --sample names none
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u64).range(..=24))]
    shown: u64,
    /// Images at most to measure on, drawn by the seed
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    samples: u64,
    /// Numbers of concepts that CEM and CLM look at
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 3, 5])]
    tops: Vec<usize>,
    /// Sizes of the most active region, in parts of the image
    #[arg(long, value_name = "ALPHA", value_delimiter = ',', default_values_t = [1.0, 3.0, 6.0])]
    alphas: Vec<f64>,
    /// Parts that the image is divided into for α: 12 as published for CUB
    #[arg(long, value_name = "N", default_value_t = 12.0)]
    parts: f64,
    /// Absent concepts compete for the places of CLM, not the present ones alone
    #[arg(long)]
    all_compete: bool,
    /// CLM divides by l, not by the concepts among them that are present and have a place
    #[arg(long)]
    over_tops: bool,
    /// Maps grow by the nearest pixel, not linearly
    #[arg(long)]
    nearest: bool,
    /// Importance with the weights of the true class, not of the predicted one
    #[arg(long)]
    true_class: bool,
    /// Break ties by place, not by the mean over all orders
    #[arg(long)]
    first_of_ties: bool,
    /// Pixels by which the pointing game forgives
    #[arg(long, value_name = "PIXELS", default_value_t = 0)]
    tolerance: usize,
    /// IoU of the pixels above this share of the map's range, not of as many as the mask has
    #[arg(long, value_name = "SHARE")]
    iou_above: Option<f64>,
    /// Resamples of a bootstrap interval
    #[arg(long, value_name = "N", default_value_t = 200)]
    resamples: usize,
    /// Seed of draws
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

impl MapArgs {
    fn options(&self, n: usize) -> Result<MapOptions> {
        ensure!(
            self.parts >= 1.0 && self.alphas.iter().all(|a| *a > 0.0 && *a <= self.parts),
            "--alphas are parts of the image of which it has --parts: above 0, and at most {}",
            self.parts
        );
        ensure!(!self.tops.contains(&0), "--tops: 0 concepts have no share that is present");
        if let Some(share) = self.iou_above {
            ensure!((0.0..=1.0).contains(&share), "--iou-above {share}: a share from 0 to 1 is expected");
        }
        Ok(MapOptions {
            tops: self.tops.clone(),
            alphas: self.alphas.clone(),
            parts: self.parts,
            all_compete: self.all_compete,
            over_tops: self.over_tops,
            nearest: self.nearest,
            true_class: self.true_class,
            first_of_ties: self.first_of_ties,
            tolerance: self.tolerance,
            iou_above: self.iou_above,
            samples: self.samples as usize,
            shown: self.shown as usize,
            chosen: self.sample.as_deref().map(|text| rows(text, n)).transpose()?.unwrap_or_default(),
            resamples: self.resamples,
            seed: self.seed,
        })
    }
}

pub(super) fn run(args: &MapArgs, output: Output) -> Result<()> {
    let model = Model::load(&args.model)?;
    let spec = args.data.spec_for(&model.data);
    let subject = spec.load(model.seed)?;
    let options = args.options(subject.data.n_samples())?;
    let mut files = Model::files(&args.model)?;
    files.extend(subject.files.clone());
    let config = json!({ "model": args.model, "data": spec, "options": options });
    let identity = Identity::new("concept map", config, files);
    // Before a folder is made: a model that cannot be mapped leaves nothing behind.
    let found = map(&model, &subject, ("test", &subject.test), &options)?;
    let default = format!("concept-map-{}", model.probe);
    let folder = match RunFolder::open(&args.out.folder(&default), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    write_table(&folder, "scores", &found.metrics)?;
    write_overlays(&folder, &found.overlays)?;
    let said = Said {
        attribution: subject.attribution,
        findings: scored_findings(&found.metrics),
        warnings: subject.warnings.iter().chain(&found.warnings).cloned().collect(),
    };
    let ending = finish(folder, &identity, said, &args.look)?;
    tell(&model, &found.metrics, &ending, output)
}
