//! Figures of concept bottlenecks, one file a kind.

mod compare;
mod contributions;
mod edits;
mod heat;
mod interventions;
mod weights;

use super::Drawing;
use crate::table::{
    ConceptComparisonRow, ConceptContributionRow, ConceptEditRow, ConceptInterventionRow, ConceptMetricRow,
    ConceptWeightRow,
};

/// The tables that the figures of a concept job are drawn from; any may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConceptTables {
    /// Numbers about bottlenecks.
    pub metrics: Vec<ConceptMetricRow>,
    /// Means over seeds.
    pub comparison: Vec<ConceptComparisonRow>,
    /// Weights of linear heads.
    pub weights: Vec<ConceptWeightRow>,
    /// What predictions rest on.
    pub contributions: Vec<ConceptContributionRow>,
    /// Curves of corrections.
    pub curves: Vec<ConceptInterventionRow>,
    /// Numbers of whole curves of corrections.
    pub interventions: Vec<ConceptInterventionRow>,
    /// Edits, before and after.
    pub edits: Vec<ConceptEditRow>,
}

impl ConceptTables {
    /// Whether there is nothing to draw or to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Every figure that the tables have the numbers for.
pub(super) fn draw(tables: &ConceptTables) -> Vec<Drawing> {
    let mut drawings: Vec<Drawing> = compare::draw(&tables.comparison).into_iter().collect();
    drawings.extend(interventions::draw(&tables.curves));
    drawings.extend(edits::draw(&tables.edits));
    drawings.extend(weights::draw(&tables.weights));
    drawings.extend(contributions::draw(&tables.contributions));
    drawings
}
