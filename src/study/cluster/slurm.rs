//! The two scripts that Slurm is given: an array of tasks, each a share of the cells, and a job after it that merges.
//!
//! What is in them, and why (`man sbatch`; faults tried on Slurm 22.05):
//!
//! - The merging job comes `afterany`: with `afterok` one killed task would cancel it. It asks the study's folder what is
//!   missing.
//! - `--requeue` and `--open-mode=append`: a task whose node died starts again, and its log has both starts.
//! - A task whose `narrows` was killed, or whose time is over (`--signal`), puts itself back into the queue, and only
//!   itself. Whoever cancels a task (`scancel`, SIGTERM) has it stay cancelled.
//! - Slurm replaces nothing in the name of a log after a backslash, and takes `%` for its own.

use super::quote::{directive, job_name, pattern, shell, text};
use super::{Memory, WallTime};
use anyhow::{Result, bail, ensure};
use std::fmt::Write;
use std::path::PathBuf;

const ARRAY: &str = include_str!("array.sh");
const MERGE: &str = include_str!("merge.sh");

/// Times that a task puts itself back into the queue.
const RESTARTS: usize = 3;
/// Seconds before its end in which a task is told, and may be told a minute earlier; tasks too short for that are not.
const WARNING_SECONDS: u64 = 120;
const LEAST_MINUTES_FOR_WARNING: u64 = 10;
/// The merging job reads small tables.
const MOST_MERGE_MINUTES: u64 = 60;

/// What a task is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    /// Processors: so many cells are worked on at once.
    pub cpus: usize,
    /// Memory of all of them together; none where the user gives it in Slurm's own words.
    pub memory: Option<Memory>,
    /// Time limit.
    pub time: WallTime,
}

/// What is to be submitted. All paths are absolute, and have to be the same on every node.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// Name of the study.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// The study's file.
    pub study: PathBuf,
    /// The study's folder.
    pub folder: PathBuf,
    /// Where relative paths count from.
    pub directory: PathBuf,
    /// Where the scripts are kept, and their logs below it.
    pub kept: PathBuf,
    /// Tasks of the array.
    pub tasks: usize,
    /// Tasks that may run at once; all where it is absent.
    pub limit: Option<usize>,
    /// What each task is given.
    pub resources: Resources,
    /// Partition, where it is not the default one.
    pub partition: Option<String>,
    /// Account, where it is not the default one.
    pub account: Option<String>,
    /// More options of `sbatch`, one a word, for both jobs.
    pub extra: Vec<String>,
    /// Whether cells that failed are tried again.
    pub retry: bool,
    /// The words of the command that submits what is missing once more, from [`Submission::directory`].
    pub again: Vec<String>,
}

impl Submission {
    /// The script of the array.
    ///
    /// # Errors
    /// Where a path cannot stand in a script, or an option is none of `sbatch` or one that Narrows sets itself.
    pub fn array_script(&self) -> Result<String> {
        ensure!(self.tasks > 0, "an array has at least one task");
        let mut array = format!("0-{}", self.tasks - 1);
        if let Some(limit) = self.limit {
            write!(array, "%{limit}")?;
        }
        let mut own = vec![
            format!("--array={array}"),
            format!("--cpus-per-task={}", self.resources.cpus),
            format!("--time={}", self.resources.time),
            "--requeue".into(),
            "--open-mode=append".into(),
            format!("--output={}", pattern(&self.logs(), "share-%A_%a.log")?),
        ];
        if self.resources.time.as_minutes() >= LEAST_MINUTES_FOR_WARNING {
            own.push(format!("--signal=B:USR1@{WARNING_SECONDS}"));
        }
        let head = "\
# A study as an array of tasks, each a share of its cells; written by `narrows study submit`. To change it and submit it by
# hand is safe: a cell that is done is not done again.";
        self.script(head, "", own, ARRAY)
    }

    /// The script of the job that merges.
    ///
    /// # Errors
    /// As [`Submission::array_script`].
    pub fn merge_script(&self) -> Result<String> {
        let own = vec![
            "--cpus-per-task=1".into(),
            format!("--time={}", WallTime::minutes(self.resources.time.as_minutes().min(MOST_MERGE_MINUTES))),
            "--requeue".into(),
            "--open-mode=append".into(),
            format!("--output={}", pattern(&self.logs(), "merge-%j.log")?),
        ];
        let head = "\
# The tables of a study, merged once the array is over; written by `narrows study submit`. By hand:
#   sbatch --dependency=afterany:NUMBER_OF_THE_ARRAY merge.sh";
        self.script(head, "-merge", own, MERGE)
    }

    /// Where the logs go.
    pub fn logs(&self) -> PathBuf {
        self.kept.join("logs")
    }

    fn script(&self, head: &str, suffix: &str, own: Vec<String>, body: &str) -> Result<String> {
        let mut script = format!("#!/bin/bash\n{head}\n");
        let mut line = |option: &str| writeln!(script, "#SBATCH {option}");
        line(&format!("--job-name=narrows-{}{suffix}", job_name(&self.name)))?;
        line("--nodes=1")?;
        line("--ntasks=1")?;
        for option in own {
            line(&option)?;
        }
        if let Some(memory) = self.resources.memory {
            line(&format!("--mem={memory}"))?;
        }
        for (name, value) in [("partition", &self.partition), ("account", &self.account)] {
            if let Some(value) = value {
                line(&format!("--{name}={}", one_line(value)?))?;
            }
        }
        line(&format!("--chdir={}", directive(text(&self.directory)?)))?;
        for option in &self.extra {
            line(&allowed(option)?)?;
        }
        script.push('\n');
        script.push_str(&self.filled(body)?);
        Ok(script)
    }

    /// The body with what is this study's, in one pass: a path that looks like a sign of ours stays as it is.
    fn filled(&self, body: &str) -> Result<String> {
        // Relative paths in the command count from the study's working folder.
        let directory = shell(text(&self.directory)?);
        let words = |more: &[&str]| {
            let words = self.again.iter().map(String::as_str).chain(more.iter().copied());
            shell(&format!("cd {directory} && {}", words.map(shell).collect::<Vec<_>>().join(" ")))
        };
        let (program, folder) = (text(&self.program)?, text(&self.folder)?);
        let partial = [program, "study", "merge", folder, "--partial"].map(shell).join(" ");
        let retry: &[&str] = if self.again.iter().any(|word| word == "--retry") { &[] } else { &["--retry"] };
        let mut filled = String::new();
        for (i, part) in body.split('@').enumerate() {
            match (i % 2, part) {
                (0, part) => filled.push_str(part),
                (_, "PROGRAM") => filled.push_str(&shell(program)),
                (_, "STUDY") => filled.push_str(&shell(text(&self.study)?)),
                (_, "OUT") => filled.push_str(&shell(folder)),
                (_, "DIRECTORY") => filled.push_str(&directory),
                (_, "RESTARTS") => write!(filled, "{RESTARTS}")?,
                (_, "TASKS") => write!(filled, "{}", self.tasks)?,
                (_, "RETRY") => filled.push_str(if self.retry { " --retry" } else { "" }),
                (_, "AGAIN") => filled.push_str(&words(&[])),
                (_, "AGAIN_RETRY") => filled.push_str(&words(retry)),
                (_, "PARTIAL") => filled.push_str(&shell(&partial)),
                (_, other) => bail!("internal error: the job script has no place @{other}@"),
            }
        }
        Ok(filled)
    }
}

/// Whether memory is given among more options, in Slurm's own words.
pub fn has_memory(extra: &[String]) -> bool {
    extra.iter().any(|option| matches!(name(option), "--mem" | "--mem-per-cpu" | "--mem-per-gpu"))
}

fn name(option: &str) -> &str {
    option.split('=').next().unwrap_or(option)
}

fn one_line(value: &str) -> Result<String> {
    ensure!(!value.is_empty() && !value.contains(['\n', '\r', '\0']), "{value:?}: a word is expected");
    Ok(directive(value))
}

/// One more option for a `#SBATCH` line.
fn allowed(option: &str) -> Result<String> {
    ensure!(
        option.starts_with('-') && !name(option).contains(char::is_whitespace),
        "--sbatch-arg {option:?}: one option of sbatch in one word is expected, as --sbatch-arg=--gres=gpu:1"
    );
    let instead = match name(option) {
        "--array" | "-a" => "--tasks and --limit",
        "--cpus-per-task" | "-c" => "--cpus",
        "--time" | "-t" => "--time",
        "--partition" | "-p" => "--partition",
        "--account" | "-A" => "--account",
        "--dependency" | "-d" | "--wrap" | "--wait" | "-W" | "--parsable" | "--test-only" | "--output" | "-o"
        | "--open-mode" | "--chdir" | "-D" | "--ntasks" | "-n" => {
            "the scripts (--dry-run prints them), changed and submitted by hand"
        }
        _ => return one_line(option),
    };
    bail!("--sbatch-arg {option}: Narrows sets this itself; use {instead}")
}

#[cfg(test)]
mod tests;
