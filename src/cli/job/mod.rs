//! `narrows run`: any command's work as a file.

mod argv;
mod effective;
mod keys;
mod schema;

use super::Cli;
use super::options::OutArgs;
use super::output::Output;
use crate::study::Job;
use crate::study::cluster::shell;
use crate::study::sweep::{Commands, Effective};
use anyhow::{Context, Result, anyhow, ensure};
use clap::FromArgMatches;
pub(super) use schema::{SchemaArgs, run as print_schema};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use toml::Value;

/// Do the work that a file describes: any command, every option a key
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example: narrows run job.toml, with this job.toml:
  command = \"plane\"
  checkpoints = \"run/checkpoints\"
  inputs = \"twelve-bit\"
  estimator = [\"binning\", \"kde:variance=0.1\"]
  out = \"my-plane\"

Keys are the long options of the command (narrows plane --help); a switch is true or false; what may be given several
times is a list. A command that reads a config has it as a table, [config], or as the name of its file. `narrows
job-schema` prints a schema for editors; docs/jobs.md says more.")]
pub(super) struct RunArgs {
    /// The job
    job: PathBuf,
    /// Put a value over the file's, as seed=3 or config.training.epochs=100; repeatable
    #[arg(long, short, value_name = "KEY=VALUE", value_hint = clap::ValueHint::Other)]
    set: Vec<String>,
    /// Print the command line that the job stands for, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    out: OutArgs,
}

/// Does a job.
pub(super) fn run(args: &RunArgs, output: Output) -> Result<()> {
    let shown = args.job.display();
    let text = std::fs::read_to_string(&args.job).with_context(|| format!("cannot read the job {shown}"))?;
    let mut job = Job::parse(&text).with_context(|| format!("the job {shown} cannot be used"))?;
    for setting in &args.set {
        job.set(setting)?;
    }
    if let Some(out) = &args.out.out {
        job.options.insert("out".into(), out.display().to_string().into());
    }
    for (key, given) in [("force", args.out.force), ("resume", args.out.resume)] {
        if given {
            job.options.insert(key.into(), Value::Boolean(true));
        }
    }
    let of_job = || format!("the job {}", args.job.display());
    let root = tree();
    let held = tempfile::Builder::new().prefix("narrows-job-").tempdir().context("cannot make a temporary folder")?;
    let file = held.path().join("config.toml");
    if args.dry_run {
        let mut config = String::new();
        let words = argv::words(&root, &job, &mut |text| {
            config = text.into();
            Ok("config.toml".into())
        });
        let words = words.with_context(of_job)?;
        let mut lines = vec![line(&words)];
        if !config.is_empty() {
            lines.push(format!("\nwith this config.toml:\n\n{}", config.trim_end()));
        }
        return output.summary(&lines, &json!({ "command": lines[0], "arguments": words, "config": config }));
    }
    let words = argv::words(&root, &job, &mut |text| write_config(&file, text)).with_context(of_job)?;
    let matches = root
        .try_get_matches_from(std::iter::once("narrows".to_string()).chain(words))
        .map_err(|e| anyhow!("{}", effective::said(&e)))
        .with_context(of_job)?;
    super::run(Cli::from_arg_matches(&matches)?, output).map_err(|e| of_config(e, &file, &of_job()))
}

/// An error about a config that stood in a job, which is not where the message says.
pub(super) fn of_config(error: anyhow::Error, file: &Path, job: &str) -> anyhow::Error {
    let (said, place) = (format!("{error:#}"), file.display().to_string());
    if said.contains(&place) {
        anyhow!("{}", said.replace(&format!("the config {place}"), &format!("[config] of {job}")).replace(&place, job))
    } else {
        error
    }
}

/// The command tree, in which every command has the options of all.
fn tree() -> clap::Command {
    let mut root = super::command();
    root.build();
    root
}

/// Writes a table that stands in a job to where its command can read it.
fn write_config(file: &Path, text: &str) -> Result<String> {
    let mut out = std::fs::File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    out.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file.display().to_string())
}

/// Words as a shell takes them.
fn line(words: &[String]) -> String {
    std::iter::once("narrows".to_string()).chain(words.iter().map(|word| shell(word))).collect::<Vec<_>>().join(" ")
}

/// The commands of this program, as studies need them.
pub(super) struct OwnCommands {
    root: clap::Command,
}

impl OwnCommands {
    pub(super) fn new() -> Self {
        Self { root: tree() }
    }
}

impl Commands for OwnCommands {
    fn effective(&self, job: &Job) -> Result<Effective> {
        effective::effective(&self.root, job)
    }

    fn words(&self, job: &Job, config: &Path) -> Result<Vec<String>> {
        argv::words(&self.root, job, &mut |text| write_config(config, text))
    }

    fn has_key(&self, command: &str, key: &str) -> Result<bool> {
        let leaf = keys::command(&self.root, command)?;
        ensure!(!key.is_empty(), "an empty key");
        Ok(keys::find(command, leaf, key).is_ok())
    }
}
