//! `narrows report RUN`

use super::output::Output;
use crate::figure::{ColorScale, Colormap, FigureOptions};
use crate::report::compose;
use crate::run::RunFolder;
use crate::study::sweep::Store;
use anyhow::Result;
use serde_json::json;
use std::path::PathBuf;

/// Redraw the figures and the report of a run from its tables
///
/// Reads manifest.json and the tables of the folder; writes figures/ and report.html. Of a study of many jobs it gathers
/// first what is done: small multiples, mean planes, and tables over all cells.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: narrows report notebooks-out/demo --color-scale linear --colormap cividis")]
pub(super) struct ReportArgs {
    /// Folder of the run or of the study
    run: PathBuf,
    #[command(flatten)]
    look: LookArgs,
}

/// How figures look.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Figures")]
pub(super) struct LookArgs {
    /// Scale of epochs in the colours
    #[arg(long, value_enum, default_value_t = ColorScale::Log)]
    color_scale: ColorScale,
    /// Colours of epochs
    #[arg(long, value_enum, default_value_t = Colormap::Viridis)]
    colormap: Colormap,
}

impl LookArgs {
    pub(super) fn options(self) -> FigureOptions {
        FigureOptions { color_scale: self.color_scale, colormap: self.colormap, ..FigureOptions::default() }
    }
}

pub(super) fn run(args: &ReportArgs, output: Output) -> Result<()> {
    if Store::is_one(&args.run) {
        return super::study::write_page(&args.run, args.look, output);
    }
    let manifest = RunFolder::read_manifest(&args.run)?;
    let figures = compose(&args.run, &manifest, &args.look.options())?;
    let report = args.run.join("report.html");
    let mut lines: Vec<String> = figures.iter().map(|f| format!("figure  {}", f.png.display())).collect();
    lines.push(format!("report  {}", report.display()));
    output.summary(&lines, &json!({ "report": report, "figures": figures.iter().map(|f| &f.png).collect::<Vec<_>>() }))
}
