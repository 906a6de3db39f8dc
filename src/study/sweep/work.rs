//! Doing the cells of a study, several at a time, each in a process of its own.

use super::attempt::{Ended, attempt};
use super::fingerprint::Fingerprints;
use super::lease::{Asked, BEAT, Lease, Watched};
use super::plan::{Commands, Plan};
use super::state::{CellState, States};
use super::store::Store;
use anyhow::Result;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is to be done.
pub struct Order<'a> {
    /// All cells of the study.
    pub plan: &'a Plan,
    /// How they stand.
    pub states: &'a States,
    /// The folder.
    pub store: &'a Store,
    /// The program's commands.
    pub commands: &'a dyn Commands,
    /// The cells to do, with all that they need.
    pub cells: &'a [usize],
    /// Cells at a time.
    pub jobs: usize,
    /// Threads of each.
    pub threads: usize,
    /// Whether cells that failed before are tried again.
    pub retry: bool,
    /// Whether the first failure ends it.
    pub fail_fast: bool,
}

/// Who wants to know how it goes on.
pub trait Watch: Sync {
    /// A cell is begun.
    fn begins(&self, at: usize);
    /// How far a cell is: what its process says.
    fn progress(&self, at: usize, said: &Value);
    /// A cell is done, by this process or another.
    fn done(&self, at: usize, seconds: f64, here: bool);
    /// A cell could not be done.
    fn failed(&self, at: usize, message: &str);
    /// A cell was taken over by another process, since this one stood still for long.
    fn lost(&self, at: usize);
    /// There is nothing to do but to wait for cells that others are at work on.
    fn waits(&self, cells: &[(usize, String)]);
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Cells that were done by this process.
    pub done: usize,
    /// Cells that another process did meanwhile.
    pub elsewhere: usize,
    /// Cells that could not be done, now or before.
    pub failed: Vec<usize>,
    /// Cells that wait for those.
    pub blocked: Vec<usize>,
    /// Cells whose results were put away, because a file changed while they were worked on: this one.
    pub changed: Vec<(usize, String)>,
    /// Why it ended early, if it did.
    pub ended: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mark {
    Open,
    Running,
    Done,
    Failed,
    Blocked,
    Changed,
}

struct Shared {
    marks: Vec<Mark>,
    open: BTreeSet<usize>,
    running: usize,
    watched: Watched,
    outcome: Outcome,
    stop: bool,
}

struct Worker<'a> {
    order: &'a Order<'a>,
    watch: &'a dyn Watch,
    shared: Mutex<Shared>,
    news: Condvar,
    leases: Mutex<Vec<Arc<Lease>>>,
    prints: Mutex<Fingerprints>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does the cells; ends when each is done, has failed, or waits for one that has.
///
/// # Errors
/// When the folder cannot be written.
pub fn work(order: &Order, watch: &dyn Watch) -> Result<Outcome> {
    let mut marks = vec![Mark::Open; order.plan.cells.len()];
    for &at in order.cells {
        marks[at] = match &order.states.0[at] {
            CellState::Done(_) => Mark::Done,
            CellState::Failed(_) if !order.retry => Mark::Failed,
            _ => Mark::Open,
        };
    }
    let open = order.cells.iter().copied().filter(|&at| marks[at] == Mark::Open).collect();
    let worker = Worker {
        order,
        watch,
        shared: Mutex::new(Shared {
            marks,
            open,
            running: 0,
            watched: Watched::default(),
            outcome: Outcome::default(),
            stop: false,
        }),
        news: Condvar::new(),
        leases: Mutex::new(vec![]),
        prints: Mutex::new(Fingerprints::kept_in(order.store.fingerprints())),
    };
    let over = (Mutex::new(false), Condvar::new());
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut ended = held(&over.0);
            while !*ended {
                ended = over.1.wait_timeout(ended, BEAT).unwrap_or_else(PoisonError::into_inner).0;
                held(&worker.leases).iter().for_each(|lease| lease.touch());
            }
        });
        let threads: Vec<_> = (0..order.jobs.max(1)).map(|_| scope.spawn(|| worker.run())).collect();
        let results: Vec<Result<()>> = threads
            .into_iter()
            .map(|thread| {
                thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a worker of the study ended in a panic")))
            })
            .collect();
        *held(&over.0) = true;
        over.1.notify_all();
        results.into_iter().collect::<Result<()>>()
    });
    held(&worker.prints).keep();
    let shared = worker.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut outcome = shared.outcome;
    let all = |mark: Mark| order.cells.iter().copied().filter(|&at| shared.marks[at] == mark).collect::<Vec<_>>();
    (outcome.failed, outcome.blocked) = (all(Mark::Failed), all(Mark::Blocked));
    result.map(|()| outcome)
}

impl Worker<'_> {
    fn run(&self) -> Result<()> {
        while let Some((at, lease)) = self.next().inspect_err(|_| self.stop())? {
            let lease = Arc::new(lease);
            held(&self.leases).push(lease.clone());
            let result = self.cell(at, &lease);
            held(&self.leases).retain(|other| !Arc::ptr_eq(other, &lease));
            drop(lease);
            let mut shared = held(&self.shared);
            shared.running -= 1;
            match result {
                Ok(mark) => shared.marks[at] = mark,
                Err(_) => shared.stop = true,
            }
            drop(shared);
            self.news.notify_all();
            result?;
        }
        Ok(())
    }

    fn stop(&self) {
        held(&self.shared).stop = true;
        self.news.notify_all();
    }

    /// The next cell to do, which is this process's then; none when there is nothing left.
    fn next(&self) -> Result<Option<(usize, Lease)>> {
        let (plan, store) = (self.order.plan, self.order.store);
        let mut shared = held(&self.shared);
        loop {
            if shared.stop {
                return Ok(None);
            }
            let mut others = vec![];
            for at in shared.open.clone() {
                let cell = &plan.cells[at];
                let of_needs = |mark: Mark| cell.needs.iter().any(|&need| shared.marks[need] == mark);
                if of_needs(Mark::Failed) || of_needs(Mark::Blocked) || of_needs(Mark::Changed) {
                    shared.marks[at] = Mark::Blocked;
                    shared.open.remove(&at);
                    continue;
                }
                if !cell.needs.iter().all(|&need| shared.marks[need] == Mark::Done) {
                    continue;
                }
                if self.settled_elsewhere(at, &mut shared) {
                    continue;
                }
                match Lease::ask(store, &cell.id, &mut shared.watched)? {
                    Asked::Ours(lease) => {
                        // Its last holder may have finished between the two looks.
                        if self.settled_elsewhere(at, &mut shared) {
                            lease.clear();
                            continue;
                        }
                        shared.open.remove(&at);
                        shared.marks[at] = Mark::Running;
                        shared.running += 1;
                        return Ok(Some((at, lease)));
                    }
                    Asked::Held(by) => others.push((at, by.host)),
                }
            }
            if shared.open.is_empty() {
                return Ok(None);
            }
            if shared.running == 0 && !others.is_empty() {
                self.watch.waits(&others);
            }
            // What others do is looked for; what happens here is told.
            let pause = if others.is_empty() { BEAT } else { Duration::from_secs(1) };
            shared = self.news.wait_timeout(shared, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether another process has done a cell, or failed at it, since this one looked.
    fn settled_elsewhere(&self, at: usize, shared: &mut Shared) -> bool {
        let cell = &self.order.plan.cells[at];
        let before = &self.order.states.0[at];
        // What was there before and is not good any more is not what is waited for.
        if let Some(finished) = self.order.store.finished(&cell.id)
            && self.order.states.seen(at).is_none_or(|seen| *seen != finished)
        {
            shared.marks[at] = Mark::Done;
            shared.open.remove(&at);
            shared.outcome.elsewhere += 1;
            self.watch.done(at, finished.seconds, false);
            return true;
        }
        let tried = if let CellState::Failed(failure) = before { failure.tries } else { 0 };
        if let Some(failure) = self.order.store.failure(&cell.id).filter(|f| f.tries > tried) {
            shared.marks[at] = Mark::Failed;
            shared.open.remove(&at);
            self.watch.failed(at, &failure.message);
            return true;
        }
        false
    }

    /// Does a cell, and says so.
    fn cell(&self, at: usize, lease: &Lease) -> Result<Mark> {
        self.watch.begins(at);
        let ended = attempt(self.order, at, lease, &self.prints, &mut |said| self.watch.progress(at, said))?;
        let mut shared = held(&self.shared);
        Ok(match ended {
            Ended::Done(seconds) => {
                shared.outcome.done += 1;
                self.watch.done(at, seconds, true);
                Mark::Done
            }
            Ended::Failed(message) => {
                if self.order.fail_fast {
                    shared.outcome.ended = Some("a cell failed, and --fail-fast was asked for".into());
                    shared.stop = true;
                }
                self.watch.failed(at, &message);
                Mark::Failed
            }
            Ended::Changed(path) => {
                shared.outcome.changed.push((at, path));
                Mark::Changed
            }
            // The others would fare no better.
            Ended::Full(message) => {
                shared.outcome.ended.get_or_insert(message);
                shared.stop = true;
                Mark::Open
            }
            Ended::Lost => {
                shared.open.insert(at);
                self.watch.lost(at);
                Mark::Open
            }
        })
    }
}
