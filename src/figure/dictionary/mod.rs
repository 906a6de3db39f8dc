//! Figures of dictionaries, one file a kind.

mod bars;
mod density;
mod frontier;
mod kinds;
mod training;

use super::Drawing;
use crate::table::{DictionaryFeatureRow, DictionaryRow, DictionaryTrainingRow};

/// The tables that the figures of a dictionary job are drawn from; any may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DictionaryTables {
    /// Numbers about dictionaries.
    pub numbers: Vec<DictionaryRow>,
    /// How their training went.
    pub training: Vec<DictionaryTrainingRow>,
    /// Their features.
    pub features: Vec<DictionaryFeatureRow>,
}

impl DictionaryTables {
    /// Whether there is nothing to draw or to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Every figure that the tables have the numbers for.
pub(super) fn draw(tables: &DictionaryTables) -> Vec<Drawing> {
    let drawings = [
        frontier::draw(&tables.numbers),
        bars::recovery(&tables.numbers),
        bars::probing(&tables.numbers),
        density::draw(&tables.features),
        training::draw(&tables.training),
    ];
    drawings.into_iter().flatten().collect()
}
