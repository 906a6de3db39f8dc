//! `narrows study plan`, `run`, `merge` and `status` of a study of many jobs.

use super::board::Board;
use super::time::span;
use crate::cli::job::OwnCommands;
use crate::cli::output::Output;
use crate::study::sweep::{
    CellState, Costs, Order, Outcome, Plan, Shard, States, Store, SweepFile, counts, merge as merge_tables, work,
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
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

/// A study with its plan.
pub(super) struct Planned {
    pub(super) file: SweepFile,
    pub(super) plan: Plan,
    pub(super) store: Store,
}

impl Planned {
    /// Reads a study's file and plans it in a folder.
    pub(super) fn of_file(source: &str, out: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(source).with_context(|| format!("cannot read the study {source}"))?;
        let file = SweepFile::read(Path::new(source))?;
        // Before the folder is made: a study that cannot be planned leaves nothing behind.
        let kept = out.join(".inputs.json");
        let plan = plan_of(&file, source, &kept)?;
        let store = Store::open(out, &file, &text, source)?;
        Ok(Self { file, plan, store })
    }

    /// The study of a folder, or of a file whose folder is the usual one. Relative paths count from where it was begun.
    pub(super) fn existing(place: &Path) -> Result<Self> {
        let folder = if place.is_file() { usual_folder(&SweepFile::read(place)?) } else { place.to_path_buf() };
        let (store, opening, file) = Store::existing(&folder)?;
        std::env::set_current_dir(&opening.directory).with_context(|| {
            format!(
                "the study in {} was begun in {}, which cannot be entered, and relative paths in it count from there",
                folder.display(),
                opening.directory.display()
            )
        })?;
        let plan = plan_of(&file, &opening.source, &store.fingerprints())?;
        Ok(Self { file, plan, store })
    }
}

fn plan_of(file: &SweepFile, source: &str, kept: &Path) -> Result<Plan> {
    Plan::of(file, &OwnCommands::new(), kept).with_context(|| format!("the study {source} cannot be used"))
}

/// Where a study's folder is when nobody says.
pub(super) fn usual_folder(file: &SweepFile) -> PathBuf {
    Path::new("notebooks-out").join(&file.name)
}

/// The plan of a study, and how its cells stand in a folder. Nothing is written: where there is no folder yet, none is done.
pub(super) fn looked_at(file: &SweepFile, source: &str, out: &Path) -> Result<(Plan, States)> {
    let plan = plan_of(file, source, &out.join(".inputs.json"))?;
    let store = Store::is_one(out).then(|| Store::existing(out)).transpose()?.map(|(store, ..)| store);
    let states = store.map_or_else(|| States(vec![CellState::Missing; plan.cells.len()]), |s| States::look(&plan, &s));
    Ok((plan, states))
}

/// `narrows study plan`.
pub(super) fn plan(source: &str, out: Option<&Path>, output: Output) -> Result<()> {
    let file = SweepFile::read(Path::new(source))?;
    let out = out.map_or_else(|| usual_folder(&file), Path::to_path_buf);
    let (plan, states) = looked_at(&file, source, &out)?;
    let costs = Costs::of(&plan, &states);
    let mut lines = vec![];
    let mut cells = vec![];
    for (at, cell) in plan.cells.iter().enumerate() {
        let (state, seconds) = match &states.0[at] {
            CellState::Done(seconds) => ("done", Some(*seconds)),
            CellState::Outdated(_) => ("outdated", costs.estimate(at)),
            CellState::Failed(_) => ("failed", costs.estimate(at)),
            CellState::Missing => ("to do", costs.estimate(at)),
        };
        let about = if states.is_done(at) { "" } else { "about " };
        let cost = seconds.map_or("?".into(), |s| format!("{about}{}", span(s)));
        lines.push(format!("{:10}  {:12}  {:>12}  {:9}  {}", &cell.id[..10], cell.step, cost, state, cell.label));
        cells.push(
            json!({ "cell": cell.id, "step": cell.step, "label": cell.label, "state": state, "seconds": seconds }),
        );
    }
    lines.insert(0, format!("{:10}  {:12}  {:>12}  {:9}  {}", "cell", "step", "cost", "state", "values"));
    let open: Vec<usize> = (0..plan.cells.len()).filter(|&at| !states.is_done(at)).collect();
    let (seconds, unknown) = costs.total(open.iter().copied());
    lines.push(format!(
        "{} cells of {} combinations; {} to do{}",
        plan.cells.len(),
        plan.n_combinations,
        open.len(),
        if open.is_empty() || unknown == open.len() {
            String::new()
        } else {
            format!(", about {} on one core", span(seconds))
        }
    ));
    if unknown > 0 {
        lines.push(format!(
            "Of {unknown} cells the cost is unknown, since none of their step is done: narrows study run {source} --first 1{} does \
             one cell of each step, and the plan then says more.",
            if out == usual_folder(&file) { String::new() } else { format!(" --out {}", out.display()) }
        ));
    }
    output.summary(
        &lines,
        &json!({ "study": file.name, "cells": cells, "to_do": open.len(), "seconds": seconds, "unknown": unknown }),
    )
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
        cells = first_cells(&plan, &states, &cells, first as usize);
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
    complain(&plan, &store, &outcome, source)?;
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
fn first_cells(plan: &Plan, states: &States, cells: &[usize], first: usize) -> Vec<usize> {
    let mut begun: HashMap<&str, usize> = HashMap::new();
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    // From the last step backwards, so that what is chosen of a step shares what it needs.
    for &at in cells.iter().filter(|&&at| !states.is_done(at)) {
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
fn complain(plan: &Plan, store: &Store, outcome: &Outcome, source: &str) -> Result<()> {
    let name = |at: usize| {
        let cell = &plan.cells[at];
        if cell.label.is_empty() { cell.step.clone() } else { format!("{} {}", cell.step, cell.label) }
    };
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
        "{} cell(s) failed{blocked}; the others are done:{told}{more}\nWhat they printed is in {}; narrows study run {source} --retry \
         tries them again, and `narrows study merge` takes the others.",
        outcome.failed.len(),
        store.path().join("failures").display()
    )
}

/// `narrows study merge`.
pub(super) fn merge(place: &Path, partial: bool, output: Output) -> Result<()> {
    let Planned { file, plan, store } = Planned::existing(place)?;
    let states = States::look(&plan, &store);
    let merged = merge_tables(&plan, &states, &store, partial)?;
    let mut lines: Vec<String> = merged
        .tables
        .iter()
        .map(|(stem, rows)| format!("table   {}  ({rows} rows)", place.join(format!("{stem}.csv")).display()))
        .collect();
    lines.insert(0, format!("merged  {} of {} cells of {}", merged.cells, plan.cells.len(), file.name));
    if merged.left_out > 0 {
        lines.push(format!("warning: {} cells are left out: cells.csv says why", merged.left_out));
    }
    output.summary(&lines, &json!({ "cells": merged.cells, "left_out": merged.left_out, "tables": merged.tables.iter().map(|(s, n)| json!({ "table": s, "rows": n })).collect::<Vec<_>>() }))
}

/// `narrows study status`.
pub(super) fn status(place: &Path, output: Output) -> Result<()> {
    let Planned { file, plan, store } = Planned::existing(place)?;
    let states = States::look(&plan, &store);
    let counts = counts(&plan, &states, &file.step_names());
    let mut lines = vec![format!(
        "{:12} {:>7} {:>7} {:>7} {:>7} {:>8} {:>9}  {}",
        "step", "cells", "done", "to do", "failed", "blocked", "outdated", "time"
    )];
    for c in &counts {
        lines.push(format!(
            "{:12} {:>7} {:>7} {:>7} {:>7} {:>8} {:>9}  {}",
            c.step,
            c.cells,
            c.done,
            c.missing,
            c.failed,
            c.blocked,
            c.outdated,
            span(c.seconds)
        ));
    }
    let mut failures: Vec<Value> = vec![];
    for state in &states.0 {
        if let CellState::Failed(failure) = state {
            let first = failure.message.lines().next().unwrap_or_default();
            lines.push(format!("failed: {} {}: {first}", failure.step, failure.label));
            lines.push(format!("        {}", store.failure_log(&failure.id).display()));
            failures.push(serde_json::to_value(failure)?);
        }
    }
    let open = (0..plan.cells.len()).filter(|&at| !states.is_done(at));
    let (seconds, unknown) = Costs::of(&plan, &states).total(open);
    if seconds > 0.0 {
        let also = if unknown > 0 { format!(", and {unknown} cells of unknown cost") } else { String::new() };
        lines.push(format!("left: about {} on one core{also}", span(seconds)));
    }
    output.summary(&lines, &json!({ "study": file.name, "steps": counts, "failures": failures, "seconds_left": seconds, "cells_of_unknown_cost": unknown }))
}
