//! Figures of dictionaries, one file a kind.

mod training;

use super::Drawing;
use crate::table::{DictionaryRow, DictionaryTrainingRow};

/// The tables that the figures of a dictionary job are drawn from; any may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DictionaryTables {
    /// Numbers about dictionaries.
    pub numbers: Vec<DictionaryRow>,
    /// How their training went.
    pub training: Vec<DictionaryTrainingRow>,
}

impl DictionaryTables {
    /// Whether there is nothing to draw or to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Every figure that the tables have the numbers for.
pub(super) fn draw(tables: &DictionaryTables) -> Vec<Drawing> {
    training::draw(&tables.training).into_iter().collect()
}
