//! Figures of concept bottlenecks, one file a kind.

mod calibration;
mod compare;
mod conditional;
mod contributions;
mod edits;
mod energy_trace;
pub(super) mod heat;
mod importance;
mod incremental;
mod incremental_tasks;
mod interventions;
mod leakage;
mod location;
mod neighbours;
mod overlay;
mod path;
mod propagation;
mod weights;

use super::Drawing;
use crate::table::{
    ConceptAgreementRow, ConceptCalibrationRow, ConceptComparisonRow, ConceptConditionalRow, ConceptContributionRow,
    ConceptEditRow, ConceptInterventionRow, ConceptMetricRow, ConceptNeighbourRow, ConceptPathRow,
    ConceptPropagationRow, ConceptTimingRow, ConceptWeightRow, EnergyTraceRow, IncrementalSummaryRow,
};
use ndarray::Array3;

pub use overlay::ConceptOverlays;

/// The tables that the figures of a concept job are drawn from; any may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConceptTables {
    /// Numbers about bottlenecks.
    pub metrics: Vec<ConceptMetricRow>,
    /// Means over seeds.
    pub comparison: Vec<ConceptComparisonRow>,
    /// Weights of linear heads.
    pub weights: Vec<ConceptWeightRow>,
    /// Accuracy along paths of penalties.
    pub path: Vec<ConceptPathRow>,
    /// What predictions rest on.
    pub contributions: Vec<ConceptContributionRow>,
    /// Numbers of a scoring.
    pub scores: Vec<ConceptMetricRow>,
    /// Bins of calibration.
    pub calibration: Vec<ConceptCalibrationRow>,
    /// Maps over images.
    pub overlays: ConceptOverlays,
    /// Conditional probabilities.
    pub conditional: Vec<ConceptConditionalRow>,
    /// How well they agree.
    pub conditional_agreement: Vec<ConceptAgreementRow>,
    /// Curves of corrections.
    pub curves: Vec<ConceptInterventionRow>,
    /// Numbers of whole curves of corrections.
    pub interventions: Vec<ConceptInterventionRow>,
    /// One sample before and after something was told of it.
    pub propagation: Vec<ConceptPropagationRow>,
    /// Its image [height × width × 3], where there is one.
    pub sample: Option<Array3<u8>>,
    /// What corrections do to other concepts, pooled.
    pub neighbours: Vec<ConceptNeighbourRow>,
    /// Energies of the inference of joint models.
    pub energy_trace: Vec<EnergyTraceRow>,
    /// Edits, before and after.
    pub edits: Vec<ConceptEditRow>,
    /// Class-incremental learning, over seeds.
    pub incremental: Vec<IncrementalSummaryRow>,
    /// How long fits took.
    pub timings: Vec<ConceptTimingRow>,
}

impl ConceptTables {
    /// Whether there is nothing to draw or to tell.
    pub fn is_empty(&self) -> bool {
        // Times alone tell nothing.
        Self { timings: vec![], ..self.clone() } == Self::default()
    }
}

/// Every figure that the tables have the numbers for.
pub(super) fn draw(tables: &ConceptTables) -> Vec<Drawing> {
    let mut drawings: Vec<Drawing> = compare::draw(&tables.comparison).into_iter().collect();
    drawings.extend(interventions::draw(&tables.curves));
    drawings.extend(conditional::draw(&tables.conditional));
    drawings.extend(propagation::draw(&tables.propagation, tables.sample.as_ref()));
    drawings.extend(neighbours::draw(&tables.neighbours));
    drawings.extend(energy_trace::draw(&tables.energy_trace));
    drawings.extend(edits::draw(&tables.edits));
    drawings.extend(incremental::draw(&tables.incremental));
    drawings.extend(incremental_tasks::draw(&tables.incremental));
    drawings.extend(path::draw(&tables.path));
    drawings.extend(weights::draw(&tables.weights));
    drawings.extend(contributions::draw(&tables.contributions));
    drawings.extend(overlay::draw(&tables.overlays));
    drawings.extend(location::draw(&tables.scores));
    drawings.extend(leakage::draw(&tables.scores));
    drawings.extend(importance::draw(&tables.scores));
    drawings.extend(calibration::draw(&tables.calibration));
    drawings
}
