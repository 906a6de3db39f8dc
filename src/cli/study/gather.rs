//! Everything in tables that a study comes to: the merged ones, means over replicates, what follows from planes, claims.

use super::planned::Planned;
use crate::report::{StudyPlanes, derive_study};
use crate::study::sweep::{Merged, States, Summary, merge};
use anyhow::Result;
use std::collections::HashMap;

/// What was gathered.
pub(super) struct Gathered {
    pub(super) merged: Merged,
    pub(super) summary: Summary,
    pub(super) planes: StudyPlanes,
    /// Verdicts on claims, and what follows from planes, in sentences.
    pub(super) findings: Vec<String>,
}

/// Gathers what is done; of a study in which cells are missing only if `partial`.
pub(super) fn gather(of: &Planned, states: &States, partial: bool) -> Result<Gathered> {
    let Planned { file, plan, store } = of;
    let merged = merge(plan, states, store, partial)?;
    let summary = Summary::of(plan, &file.replicates, store, &merged.tables)?;
    summary.write(store.path())?;
    let labels: HashMap<String, String> = plan.cells.iter().map(|c| (c.id.clone(), c.label.clone())).collect();
    let planes = derive_study(store.path(), &labels)?;
    // Claims may be about what follows.
    let mut findings = super::judge(&file.claims, store.path())?;
    findings.extend(planes.findings());
    Ok(Gathered { merged, summary, planes, findings })
}
