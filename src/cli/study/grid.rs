//! `narrows study run` of a study of many jobs.

use super::board::Board;
use super::planned::{Planned, spoken, usual_folder};
use crate::cli::job::OwnCommands;
use crate::cli::output::Output;
use crate::study::sweep::{CellState, Costs, Order, Outcome, Plan, Shard, States, Store, SweepFile, work};
use anyhow::{Result, bail, ensure};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Options of a study of many jobs.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Studies of many jobs")]
pub(super) struct GridArgs {
    /// Cells at a time [default: as many as there are cores]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Do only this share of the cells, counted from 0: 0/4, 1/4, 2/4, 3/4 together are the whole
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Try cells again that failed before
    #[arg(long)]
    retry: bool,
    /// Do at most N more cells of each step, to see what they cost
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    first: Option<u32>,
    /// End at the first cell that fails
    #[arg(long)]
    fail_fast: bool,
    /// Leave the tables in the cells; `narrows study merge` gathers them
    #[arg(long)]
    no_merge: bool,
}

impl GridArgs {
    /// Refuses what only a study of many jobs has.
    pub(super) fn none_given(&self) -> Result<()> {
        let Self { jobs, shard, retry, first, fail_fast, no_merge } = self;
        ensure!(
            jobs.is_none() && shard.is_none() && !(*retry || *fail_fast || *no_merge) && first.is_none(),
            "--jobs, --shard, --retry, --first, --fail-fast and --no-merge are for studies of many jobs, with a [job] or [[steps]] \
             that name a command; this one is a single run (kind = …)"
        );
        Ok(())
    }
}

/// `narrows study run`.
pub(super) fn run(source: &str, args: &GridArgs, out: Option<&Path>, output: Output) -> Result<Option<PathBuf>> {
    let file = SweepFile::read(Path::new(source))?;
    let out = out.map_or_else(|| usual_folder(&file), Path::to_path_buf);
    let Planned { file, plan, store } = Planned::of_file(source, &out)?;
    let states = States::look(&plan, &store);
    let shard = args.shard.unwrap_or_default();
    let mut cells = shard.cells(&plan);
    if let Some(first) = args.first {
        cells = first_cells(&plan, &states, &cells, first as usize, args.retry);
    }
    // --threads, or what the system gives.
    let cores = rayon::current_num_threads();
    let open: BTreeSet<usize> = cells
        .iter()
        .copied()
        .filter(|&at| !states.is_done(at) && (args.retry || !matches!(states.0[at], CellState::Failed(_))))
        .collect();
    let jobs = args.jobs.map_or(cores, usize::from).min(open.len().max(1));
    let done_before = cells.iter().filter(|&&at| states.is_done(at)).count();
    output.note(&format!(
        "{}: {} cells{}, {done_before} done already; {} to do, {jobs} at a time",
        file.title,
        cells.len(),
        if shard.is_part() { format!(" of share {shard}") } else { String::new() },
        open.len()
    ));
    let board = Board::new(&plan, Costs::of(&plan, &states), &cells, open, jobs, output);
    let commands = OwnCommands::new();
    let order = Order {
        plan: &plan,
        states: &states,
        store: &store,
        commands: &commands,
        cells: &cells,
        jobs,
        threads: (cores / jobs).max(1),
        retry: args.retry,
        fail_fast: args.fail_fast,
    };
    let outcome = work(&order, &board);
    board.end();
    let outcome = outcome?;
    complain(&plan, &store, &outcome, &spoken(&file, source, &out))?;
    let all_done = !shard.is_part() && args.first.is_none();
    let lines = vec![
        format!("done    {} cells here, {} elsewhere, {done_before} before", outcome.done, outcome.elsewhere),
        format!("study   {}", out.display()),
    ];
    let value = json!({ "out": out, "done": outcome.done, "elsewhere": outcome.elsewhere, "before": done_before, "cells": cells.len() });
    if all_done && !args.no_merge {
        output.note(&lines[0]);
        return Ok(Some(out));
    }
    output.summary(&lines, &value)?;
    Ok(None)
}

/// The first cells of each step that are not done, with what they need.
fn first_cells(plan: &Plan, states: &States, cells: &[usize], first: usize, retry: bool) -> Vec<usize> {
    let mut begun: HashMap<&str, usize> = HashMap::new();
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    // A cell comes after those that it needs: of each step those are taken that rest on what is taken or done.
    let open = |at: usize| !states.is_done(at) && (retry || !matches!(states.0[at], CellState::Failed(_)));
    for &at in cells.iter().filter(|&&at| open(at)) {
        let cell = &plan.cells[at];
        let count = begun.entry(&cell.step).or_default();
        if *count < first && cell.needs.iter().all(|need| chosen.contains(need) || states.is_done(*need)) {
            *count += 1;
            chosen.insert(at);
        }
    }
    chosen.into_iter().collect()
}

/// Says what did not go well, and what to do.
fn complain(plan: &Plan, store: &Store, outcome: &Outcome, command: &str) -> Result<()> {
    let name = |at: usize| plan.cells[at].name();
    if let Some(why) = &outcome.ended {
        bail!(
            "{why}\nThe study has ended early; {} cell(s) were done, and nothing that is done is lost: mend it, and the same command goes on.",
            outcome.done
        );
    }
    if let Some((at, path)) = outcome.changed.first() {
        bail!(
            "{path} changed while the study ran (first seen at {}): the results of {} cell(s) were put away. The same command plans \
             anew, and redoes what depends on it.",
            name(*at),
            outcome.changed.len()
        );
    }
    if outcome.failed.is_empty() {
        return Ok(());
    }
    let told = outcome.failed.iter().take(5).map(|&at| {
        let message = store.failure(&plan.cells[at].id).map(|f| f.message).unwrap_or_default();
        format!("\n  {}: {}", name(at), message.lines().next().unwrap_or_default())
    });
    let told: String = told.collect();
    let more = if outcome.failed.len() > 5 { "\n  …" } else { "" };
    let blocked = if outcome.blocked.is_empty() {
        String::new()
    } else {
        format!(", and {} wait for them", outcome.blocked.len())
    };
    bail!(
        "{} cell(s) failed{blocked}; the others are done:{told}{more}\nWhat they printed is in {}; narrows study run {command} --retry \
         tries them again, and `narrows study merge` takes the others.",
        outcome.failed.len(),
        store.path().join("failures").display()
    )
}
