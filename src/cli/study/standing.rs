//! How far a study is that is to be submitted.

use super::planned::{Planned, looked_at, usual_folder};
use crate::study::cluster::Unfinished;
use crate::study::sweep::{CellState, Costs, Plan, States, SweepFile};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// How far the study is.
pub(super) struct Standing {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) cells: usize,
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) blocked: usize,
    pub(super) unfinished: Unfinished,
}

impl Standing {
    /// Reads the study and looks into its folder, which is made unless nothing is to be done.
    pub(super) fn of(study: &Path, out: Option<&Path>, retry: bool, dry_run: bool) -> Result<Self> {
        let source = study.to_str().context("the name of the study's file is not UTF-8")?;
        let text = std::fs::read_to_string(study).with_context(|| format!("cannot read the study {source}"))?;
        ensure!(
            SweepFile::is_one(&text),
            "{source} is no study of many jobs (with [job] or [[steps]]), and has nothing to share among tasks"
        );
        let file = SweepFile::read(study)?;
        let out = out.map_or_else(|| usual_folder(&file), Path::to_path_buf);
        let (plan, states) = looked_at(&file, source, &out)?;
        if !dry_run {
            Planned::of_file(source, &out)?;
        }
        let folder = std::path::absolute(&out).with_context(|| format!("cannot use {}", out.display()))?;
        Ok(Self { folder, ..Self::counted(file.name, &plan, &states, retry) })
    }

    fn counted(name: String, plan: &Plan, states: &States, retry: bool) -> Self {
        let all = 0..plan.cells.len();
        let is_failed = |&at: &usize| matches!(states.0[at], CellState::Failed(_));
        let is_blocked = |&at: &usize| !is_failed(&at) && states.is_blocked(plan, at);
        let open = |&at: &usize| !states.is_done(at) && (retry || !(is_failed(&at) || is_blocked(&at)));
        let unfinished: Vec<usize> = all.clone().filter(open).collect();
        // What nothing is known of costs what the others cost, which is better than to know nothing of all.
        let (seconds, unknown) = Costs::of(plan, states).total(unfinished.iter().copied());
        let known = unfinished.len() - unknown;
        Self {
            name,
            folder: PathBuf::new(),
            cells: plan.cells.len(),
            done: all.clone().filter(|&at| states.is_done(at)).count(),
            failed: all.clone().filter(is_failed).count(),
            blocked: all.filter(is_blocked).count(),
            unfinished: Unfinished { cells: unfinished.len(), seconds: (known > 0).then(|| seconds / known as f64) },
        }
    }

    /// The same in a line.
    pub(super) fn told(&self, retry: bool) -> String {
        let mut told =
            format!("{}: {} cells, {} done, {} to do", self.name, self.cells, self.done, self.unfinished.cells);
        if self.failed > 0 && !retry {
            told += &format!("; {} failed and {} wait for them (--retry tries them again)", self.failed, self.blocked);
        }
        told
    }
}
