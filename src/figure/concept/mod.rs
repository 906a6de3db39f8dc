//! Figures of concept bottlenecks, one file a kind.

mod compare;
mod contributions;
mod heat;
mod weights;

use super::Drawing;
use crate::table::{ConceptComparisonRow, ConceptContributionRow, ConceptMetricRow, ConceptWeightRow};

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
    drawings.extend(weights::draw(&tables.weights));
    drawings.extend(contributions::draw(&tables.contributions));
    drawings
}
