//! `narrows study submit`

use super::standing::Standing;
use crate::cli::output::Output;
use crate::run::now;
use crate::study::cluster::{
    JobId, Kept, Memory, Notes, Resources, Size, Slurm, Submission, WallTime, has_memory, spoken,
};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Memory of a task for each of its processors, where nothing is said.
const GIBIBYTES_A_CPU: u64 = 4;

/// Hand a study to a cluster: an array of tasks that share its cells, and a job after it that merges
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  narrows study submit study.toml --out /scratch/me/study --dry-run
  narrows study submit study.toml --out /scratch/me/study --tasks 16 --cpus 8 --time 4h
  narrows study status /scratch/me/study

Folder, file and program must have the same path on every node. Cells that are done stay done: when
tasks were killed or their time was over, submit once more. Everything that was submitted is kept in
DIR/submit. docs/cluster.md has recipes for other schedulers.")]
pub(super) struct SubmitArgs {
    /// The study's file
    #[arg(value_name = "STUDY.toml")]
    study: PathBuf,
    /// Folder of the study, which every node must see [default: notebooks-out/NAME]
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What takes the jobs
    #[arg(long, value_enum, default_value_t, value_name = "ENGINE")]
    engine: Engine,
    /// Tasks of the array [default: from the number of cells that are not done, and what they cost]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    tasks: Option<u32>,
    /// Tasks that may run at once [default: as many as the cluster lets]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Processors of each task, which works on as many cells at once
    #[arg(long, visible_alias = "jobs", value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    cpus: u16,
    /// Memory of each task, for all its cells together, as 4G or 800M [default: 4G for each processor]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Memory>,
    /// Time of each task, as 2h, 1h30m or 02:00:00 [default: three times what its cells should take, or 4 hours]
    #[arg(long, value_name = "TIME")]
    time: Option<WallTime>,
    /// Partition (queue) of the cluster
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Account that pays
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// One more option of sbatch, as --sbatch-arg=--gres=gpu:1; for both jobs; repeatable
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    sbatch_arg: Vec<String>,
    /// Try cells that failed again
    #[arg(long)]
    retry: bool,
    /// Print the scripts and the commands, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Engine {
    /// Slurm, by sbatch
    #[default]
    Slurm,
}

pub(super) fn run(args: &SubmitArgs, output: Output) -> Result<()> {
    match args.engine {
        Engine::Slurm => submit(args, &Slurm::default(), output),
    }
}

fn submit(args: &SubmitArgs, slurm: &Slurm, output: Output) -> Result<()> {
    let standing = Standing::of(&args.study, args.out.as_deref(), args.retry, args.dry_run)?;
    let told = standing.told(args.retry);
    if standing.unfinished.cells == 0 {
        return nothing_to_do(&standing, &told, output);
    }
    let folder = &standing.folder;
    let (most, mut notes) = match slurm.max_array_size() {
        (most, Some(note)) => (most, vec![note]),
        (most, None) => (most, vec![]),
    };
    let tasks = args.tasks.map(|n| n as usize);
    let size = Size::of(standing.unfinished, args.cpus.into(), tasks, args.time, most)?;
    notes.extend(size.notes.iter().cloned());
    for (kept, before) in Kept::earlier(folder) {
        notes.push(format!(
            "submission {} of {} (array {}) may still be at work: both would share the cells",
            kept.number, before.submitted, before.array
        ));
    }
    // What cannot be written into a script is refused before there is a folder for it.
    let next = Kept::next(folder);
    let submission = |kept: &Kept| submission(args, &standing, &size, kept);
    let planned = submission(&next)?;
    let scripts = [(next.array(), planned.array_script()?), (next.merge(), planned.merge_script()?)];
    if args.dry_run {
        return print(&planned, &next, &scripts, &told, &notes, output);
    }
    let kept = Kept::create(folder)?;
    let submission = submission(&kept)?;
    kept.write(&submission)?;
    let array = slurm
        .submit(&kept.array(), None)
        .with_context(|| format!("nothing was submitted; the scripts are in {}", kept.path.display()))?;
    let merge = slurm.submit(&kept.merge(), Some(&array));
    kept.note(&Notes {
        submitted: now(),
        engine: "slurm".into(),
        array: array.to_string(),
        merge: merge.as_ref().ok().map(JobId::to_string),
        tasks: size.tasks,
        cells: standing.cells,
        done: standing.done,
    })?;
    let merge = merge.with_context(|| {
        format!(
            "the array is submitted (job {array}), but not the job that merges; once the array is over: narrows study merge {}",
            folder.display()
        )
    })?;
    let resources = &submission.resources;
    let memory = resources.memory.map(|memory| format!(", {memory}")).unwrap_or_default();
    let mut lines = vec![
        told,
        format!("array   {array}: {} tasks of {} processors{memory}, {}", size.tasks, resources.cpus, resources.time),
        format!("merge   {merge}: after it, however its tasks ended"),
        format!("scripts {}, with logs/", kept.path.display()),
        format!("look    squeue --jobs={array},{merge}; narrows study status {}", folder.display()),
    ];
    lines.extend(notes.iter().map(|note| format!("note: {note}")));
    let value = json!({
        "out": folder,
        "submission": kept.path,
        "array": array.to_string(),
        "merge": merge.to_string(),
        "tasks": size.tasks,
        "cpus": resources.cpus,
        "memory": resources.memory,
        "time": resources.time,
        "cells": standing.cells,
        "done": standing.done,
        "to_do": standing.unfinished.cells,
        "notes": notes,
    });
    output.summary(&lines, &value)
}

fn nothing_to_do(standing: &Standing, told: &str, output: Output) -> Result<()> {
    if standing.failed > 0 {
        bail!(
            "nothing was submitted: {} cells failed, and {} wait for them; --retry tries them again, `narrows study status {}` \
             says why they failed",
            standing.failed,
            standing.blocked,
            standing.folder.display()
        );
    }
    let lines = [
        told.into(),
        format!("nothing is left to submit; the tables: narrows study merge {}", standing.folder.display()),
    ];
    let value = json!({ "out": standing.folder, "cells": standing.cells, "done": standing.done, "to_do": 0 });
    output.summary(&lines, &value)
}

/// What the options come to.
fn submission(args: &SubmitArgs, standing: &Standing, size: &Size, kept: &Kept) -> Result<Submission> {
    let memory = match args.memory {
        None if has_memory(&args.sbatch_arg) => None,
        None => Some(Memory::gibibytes(GIBIBYTES_A_CPU * u64::from(args.cpus))),
        given => given,
    };
    let program = std::env::current_exe().context("this program's own file cannot be found")?;
    Ok(Submission {
        name: standing.name.clone(),
        study: std::path::absolute(&args.study)?,
        folder: standing.folder.clone(),
        directory: std::env::current_dir().context("there is no working directory")?,
        kept: kept.path.clone(),
        tasks: size.tasks,
        limit: args.limit.map(|n| n as usize),
        resources: Resources { cpus: args.cpus.into(), memory, time: size.time },
        partition: args.partition.clone(),
        account: args.account.clone(),
        extra: args.sbatch_arg.clone(),
        retry: args.retry,
        again: again(&program),
        program,
    })
}

/// The command line that this process was called by, for the next time.
fn again(program: &Path) -> Vec<String> {
    let once = ["--dry-run", "--json", "--quiet", "-q"];
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let words = words.filter(|word| !once.contains(&word.as_str()));
    [program.display().to_string()].into_iter().chain(words).collect()
}

/// What would be done.
fn print(
    submission: &Submission,
    kept: &Kept,
    scripts: &[(PathBuf, String)],
    told: &str,
    notes: &[String],
    output: Output,
) -> Result<()> {
    let commands = [spoken(&kept.array(), None)?, spoken(&kept.merge(), Some("NUMBER_OF_THE_ARRAY"))?];
    let mut lines = vec![format!("# {told}")];
    lines.extend(notes.iter().map(|note| format!("# note: {note}")));
    for (path, script) in scripts {
        lines.extend([String::new(), format!("# ==== {} ====", path.display()), script.trim_end().into()]);
    }
    lines.extend([String::new(), "# ==== commands; nothing was written, nothing submitted ====".into()]);
    lines.extend(commands.iter().cloned());
    let scripts: Vec<_> = scripts.iter().map(|(path, script)| json!({ "path": path, "text": script })).collect();
    let value = json!({
        "dry_run": true,
        "tasks": submission.tasks,
        "resources": { "cpus": submission.resources.cpus, "memory": submission.resources.memory, "time": submission.resources.time },
        "scripts": scripts,
        "commands": commands,
        "notes": notes,
    });
    output.summary(&lines, &value)
}
