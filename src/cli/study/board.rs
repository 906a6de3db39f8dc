//! What is seen of a study while it runs: a table of its steps, a bar for the whole and one for each cell that is worked
//! on; or, where nobody sits at a terminal, a line a cell.

use crate::cli::output::Output;
use crate::study::sweep::{Costs, Plan, Watch};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the time that is left is worked out, at most.
const LEFT: Duration = Duration::from_millis(900);

/// The watcher of a run.
pub(super) struct Board<'a> {
    plan: &'a Plan,
    output: Output,
    jobs: usize,
    total: usize,
    seen: Mutex<Seen<'a>>,
}

struct Seen<'a> {
    costs: Costs<'a>,
    open: BTreeSet<usize>,
    running: HashMap<usize, (Option<ProgressBar>, Instant)>,
    failed: usize,
    /// Steps with their cells: done, running, failed, all.
    steps: Vec<(String, [usize; 4])>,
    table: Vec<ProgressBar>,
    whole: Option<ProgressBar>,
    bars: Option<MultiProgress>,
    waited: bool,
    /// What was said of the time left, and when: of a large study that takes a while to work out.
    left: Option<(Instant, String)>,
}

impl<'a> Board<'a> {
    /// Of the cells of a run, those in `open` not done yet.
    pub(super) fn new(
        plan: &'a Plan,
        costs: Costs<'a>,
        cells: &[usize],
        open: BTreeSet<usize>,
        jobs: usize,
        output: Output,
    ) -> Self {
        let mut steps: Vec<(String, [usize; 4])> = vec![];
        for &at in cells {
            let step = &plan.cells[at].step;
            let place = steps.iter().position(|(name, _)| name == step).unwrap_or_else(|| {
                steps.push((step.clone(), [0; 4]));
                steps.len() - 1
            });
            steps[place].1[3] += 1;
            steps[place].1[0] += usize::from(!open.contains(&at));
        }
        let bars = output.is_watched().then(MultiProgress::new);
        let plain =
            |template: &str| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let (mut table, mut whole) = (vec![], None);
        if let Some(bars) = &bars {
            for _ in &steps {
                let line = bars.add(ProgressBar::new(0));
                line.set_style(plain("{msg}"));
                table.push(line);
            }
            let bar = bars.add(ProgressBar::new(cells.len() as u64));
            bar.set_style(
                plain("{prefix:>9} [{bar:30}] {pos}/{len} cells  {elapsed} elapsed, {msg}").progress_chars("=> "),
            );
            bar.set_prefix("study");
            bar.enable_steady_tick(std::time::Duration::from_millis(500));
            whole = Some(bar);
        }
        let seen = Seen {
            costs,
            open,
            running: HashMap::new(),
            failed: 0,
            steps,
            table,
            whole,
            bars,
            waited: false,
            left: None,
        };
        let board = Self { plan, output, jobs, total: cells.len(), seen: Mutex::new(seen) };
        board.with(|board, seen| board.redraw(seen));
        board
    }

    fn with(&self, act: impl FnOnce(&Self, &mut Seen<'a>)) {
        act(self, &mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn count(&self, seen: &mut Seen, at: usize, changes: [isize; 3]) {
        let step = &self.plan.cells[at].step;
        if let Some((_, counts)) = seen.steps.iter_mut().find(|(name, _)| name == step) {
            counts.iter_mut().zip(changes).for_each(|(count, change)| *count = count.saturating_add_signed(change));
        }
    }

    /// Time that is left, in words.
    fn left(&self, seen: &mut Seen) -> String {
        if let Some((when, text)) = &seen.left
            && when.elapsed() < LEFT
        {
            return text.clone();
        }
        let text = self.estimated(seen);
        seen.left = Some((Instant::now(), text.clone()));
        text
    }

    fn estimated(&self, seen: &Seen) -> String {
        let (seconds, unknown) = seen.costs.total(seen.open.iter().copied());
        if unknown > 0 {
            return "time left unknown yet".into();
        }
        let under_way: f64 = seen.running.values().map(|(_, began)| began.elapsed().as_secs_f64()).sum();
        let at_once = self.jobs.min(seen.open.len()).max(1);
        format!("about {} left", super::time::span(((seconds - under_way) / at_once as f64).max(0.0)))
    }

    fn redraw(&self, seen: &mut Seen) {
        let left = self.left(seen);
        let widest = seen.steps.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (line, (name, [done, running, failed, all])) in seen.table.iter().zip(&seen.steps) {
            let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
            line.set_message(format!(
                "{name:>wide$}  {done} of {all} done, {running} running{failed}",
                wide = widest.max(9)
            ));
        }
        if let Some(bar) = &seen.whole {
            bar.set_position((self.total - seen.open.len()) as u64);
            bar.set_message(left);
        }
    }

    /// Clears the board; the summary follows.
    pub(super) fn end(self) {
        let seen = self.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(bars) = seen.bars {
            let _ = bars.clear();
        }
    }

    fn line(&self, seen: &Seen, text: &str) {
        match &seen.bars {
            Some(bars) => {
                let _ = bars.println(text);
            }
            None => self.output.note(text),
        }
    }

    fn name(&self, at: usize) -> String {
        self.plan.cells[at].name()
    }
}

impl Watch for Board<'_> {
    fn begins(&self, at: usize) {
        self.with(|board, seen| {
            let bar = seen.bars.as_ref().map(|bars| {
                let bar = bars.add(ProgressBar::new(1));
                let style = ProgressStyle::with_template("{spinner:>9} [{bar:30}] {prefix}  {msg}");
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
                bar.set_prefix(board.name(at));
                bar.enable_steady_tick(std::time::Duration::from_millis(250));
                bar
            });
            seen.running.insert(at, (bar, Instant::now()));
            seen.waited = false;
            board.count(seen, at, [0, 1, 0]);
            board.redraw(seen);
        });
    }

    fn progress(&self, at: usize, said: &Value) {
        self.with(|_, seen| {
            if let Some((Some(bar), _)) = seen.running.get(&at)
                && let (Some(pos), Some(len)) = (said["pos"].as_u64(), said["len"].as_u64())
            {
                let text = |key: &str| said[key].as_str().unwrap_or_default().to_string();
                bar.set_length(len);
                bar.set_position(pos);
                bar.set_message(format!("{} {pos}/{len} {}", text("what"), text("unit")));
            }
        });
    }

    fn done(&self, at: usize, seconds: f64, here: bool) {
        self.with(|board, seen| {
            if let Some((Some(bar), _)) = seen.running.remove(&at) {
                bar.finish_and_clear();
            }
            seen.open.remove(&at);
            seen.costs.add(at, seconds);
            board.count(seen, at, [1, if here { -1 } else { 0 }, 0]);
            if seen.bars.is_none() {
                let ready = board.total - seen.open.len();
                let how = if here { "" } else { " elsewhere" };
                let (name, time, left) = (board.name(at), super::time::span(seconds), board.left(seen));
                board.line(seen, &format!("[{ready}/{}] {name}: done{how} in {time}, {left}", board.total));
            }
            board.redraw(seen);
        });
    }

    fn failed(&self, at: usize, message: &str) {
        self.with(|board, seen| {
            let ran = match seen.running.remove(&at) {
                Some((Some(bar), _)) => {
                    bar.finish_and_clear();
                    -1
                }
                Some(_) => -1,
                None => 0,
            };
            seen.open.remove(&at);
            seen.failed += 1;
            board.count(seen, at, [0, ran, 1]);
            let short: String = message.lines().next().unwrap_or_default().chars().take(200).collect();
            board.line(seen, &format!("{}: failed: {short}", board.name(at)));
            board.redraw(seen);
        });
    }

    fn lost(&self, at: usize) {
        self.with(|board, seen| {
            if let Some((Some(bar), _)) = seen.running.remove(&at) {
                bar.finish_and_clear();
            }
            board.count(seen, at, [0, -1, 0]);
            board.line(seen, &format!("{}: another process has taken it over", board.name(at)));
            board.redraw(seen);
        });
    }

    fn waits(&self, cells: &[(usize, String)]) {
        self.with(|board, seen| {
            if !std::mem::replace(&mut seen.waited, true) {
                let hosts: BTreeSet<&str> = cells.iter().map(|(_, host)| host.as_str()).collect();
                let hosts = hosts.into_iter().collect::<Vec<_>>().join(", ");
                board.line(
                    seen,
                    &format!("waiting for {} cell(s) that another process works on ({hosts})", cells.len()),
                );
            }
        });
    }
}
