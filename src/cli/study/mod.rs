//! `narrows study`

mod board;
mod gather;
mod grid;
mod page;
mod plan;
mod planned;
mod standing;
mod submit;
mod tell;
mod time;
mod trace;

use super::options::OutArgs;
use super::output::Output;
use super::report::LookArgs;
use super::{generalise, regress};
use crate::run::{Identity, RunFolder, write_atomic};
use crate::study::sweep::SweepFile;
use crate::study::{BUILTIN, Claim, Kind, Study, Verdict};
use crate::{generalisation, regression};
use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Many jobs from one file, on one machine or a cluster; and papers' experiments
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  narrows study plan mine.toml                    the cells of a grid, and what they will cost
  narrows study run mine.toml --jobs 4            do what is not done yet; again after whatever ended it
  narrows study status notebooks-out/mine
  narrows study run mine.toml --shard 0/8         one share of eight, on any scheduler
  narrows study submit mine.toml --out DIR        to a Slurm cluster, as an array of tasks
  narrows study list                              papers' experiments that are built in
  narrows study run tishby-tanh                   a few minutes
  narrows study show saxe-relu > mine.toml        a file to begin one's own with")]
pub(super) struct StudyArgs {
    #[command(subcommand)]
    command: StudyCommand,
}

#[derive(Debug, Subcommand)]
enum StudyCommand {
    /// The studies that are built in
    List,
    /// Print the file of a study
    Show {
        /// Name of a built-in study, or a file
        study: String,
    },
    /// List the cells of a study, and what they will cost
    Plan {
        /// The study's file
        study: String,
        /// Folder of the study [default: notebooks-out/NAME]
        #[arg(long, short, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Run a study: what is not done yet
    Run(RunArgs),
    /// Gather the tables of all cells, with the grid's columns
    Merge {
        /// Folder of the study, or its file
        study: PathBuf,
        /// Merge what is there, though cells are missing
        #[arg(long)]
        partial: bool,
    },
    Submit(submit::SubmitArgs),
    /// How far a study is, and what failed
    Status {
        /// Folder of the study, or its file
        study: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// A study's file, or the name of a built-in study
    study: String,
    /// Which preset of it, where it has presets [default: small]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    #[command(flatten)]
    grid: grid::GridArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn run(args: &StudyArgs, output: Output) -> Result<()> {
    match &args.command {
        StudyCommand::List => list(output),
        StudyCommand::Show { study } => show(study, output),
        StudyCommand::Plan { study, out } => plan::plan(study, out.as_deref(), output),
        StudyCommand::Run(run) if is_grid(&run.study) => run_grid(run, output),
        StudyCommand::Run(run) => run_study(run, output),
        StudyCommand::Merge { study, partial } => tell::merge(study, *partial, output),
        StudyCommand::Submit(submit) => submit::run(submit, output),
        StudyCommand::Status { study } => tell::status(study, output),
    }
}

pub(super) use page::write as write_page;

/// Whether a study is one of many jobs.
fn is_grid(study: &str) -> bool {
    std::fs::read_to_string(study).is_ok_and(|text| SweepFile::is_one(&text))
}

fn run_grid(args: &RunArgs, output: Output) -> Result<()> {
    ensure!(args.preset.is_none(), "--preset is for studies that have presets (kind = …); this one has a grid of jobs");
    ensure!(
        !args.out.force,
        "--force: a cell that is done stays good as long as its options and inputs are what they were; to do all anew, remove the \
         study's folder or give another --out"
    );
    match grid::run(&args.study, &args.grid, args.out.out.as_deref(), output)? {
        Some(out) => {
            output.note("gathering the tables, drawing the report");
            page::write(&out, args.look, output)
        }
        None => Ok(()),
    }
}

fn list(output: Output) -> Result<()> {
    let studies = BUILTIN.iter().map(|b| Study::parse(b.text)).collect::<Result<Vec<_>>>()?;
    let lines: Vec<String> = studies.iter().map(|s| format!("{:26} {} ({})", s.name, s.title, s.reference)).collect();
    let values: Vec<_> = studies
        .iter()
        .map(|s| {
            let presets: Vec<&String> = s.presets.keys().collect();
            json!({ "name": s.name, "title": s.title, "reference": s.reference, "presets": presets })
        })
        .collect();
    output.summary(&lines, &json!(values))
}

fn show(name: &str, output: Output) -> Result<()> {
    if is_grid(name) {
        let text = std::fs::read_to_string(name)?;
        let file = SweepFile::read(Path::new(name))?;
        return output.summary(&[text.trim_end().to_string()], &json!({ "name": file.name, "text": text }));
    }
    let study = Study::read(name)?;
    let text = match BUILTIN.iter().find(|b| b.name == name) {
        Some(builtin) => builtin.text.to_string(),
        None => std::fs::read_to_string(name)?,
    };
    output.summary(&[text.trim_end().to_string()], &json!({ "name": study.name, "text": text }))
}

fn run_study(args: &RunArgs, output: Output) -> Result<()> {
    args.grid.none_given()?;
    let study = Study::read(&args.study)?;
    let (preset, job) = study.job(args.preset.as_deref())?;
    let folder = args.out.folder(&format!("{}-{preset}", study.name));
    let (existing, look) = (args.out.existing(), args.look.options());
    let judged = |folder: &RunFolder| judge(&study.claims, folder.path());
    let unusable = || format!("job of the study {}", args.study);
    match study.kind {
        Kind::Trace => trace::run(&study, &preset, job, (&folder, existing), &look, output),
        Kind::Regress => {
            let mut config: regression::ConfigFile = with_name(&study, job).try_into().with_context(unusable)?;
            config.check().with_context(unusable)?;
            regress::run_config(&config, &folder, existing, &look, output, judged)
        }
        Kind::Generalise => {
            let config: generalisation::ConfigFile = with_name(&study, job).try_into().with_context(unusable)?;
            config.check().with_context(unusable)?;
            let identity = Identity::new("generalise", serde_json::to_value(&config)?, vec![]);
            generalise::run_config(&config, &identity, &folder, existing, &look, output, judged)
        }
    }
}

/// The job as a command's own config, under the study's name.
fn with_name(study: &Study, mut job: toml::Table) -> toml::Table {
    job.insert("name".into(), study.name.clone().into());
    job
}

/// Holds the paper's claims against the tables of a run: `claims.csv`, and a sentence each.
fn judge(claims: &[Claim], folder: &Path) -> Result<Vec<String>> {
    if claims.is_empty() {
        return Ok(vec![]);
    }
    let verdicts: Vec<Verdict> = claims.iter().map(|claim| claim.judge(folder)).collect();
    let mut table = csv::Writer::from_writer(Vec::new());
    for verdict in &verdicts {
        table.serialize(verdict)?;
    }
    write_atomic(&folder.join("claims.csv"), &table.into_inner().context("flushing the table of claims")?)?;
    Ok(verdicts.iter().map(Verdict::sentence).collect())
}
