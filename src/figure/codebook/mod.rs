//! Figures of codebooks in a transformer, one file a kind.

mod bars;
mod states;
mod steering;
mod training;

use super::Drawing;
use crate::table::{CodeRow, CodebookRow, SteeringRow};

/// The tables that the figures of a codebook job are drawn from; any may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CodebookTables {
    /// How the training went.
    pub training: Vec<CodebookRow>,
    /// Numbers of models, codebooks and steering.
    pub numbers: Vec<CodebookRow>,
    /// Codes at states.
    pub codes: Vec<CodeRow>,
    /// Steered pairs.
    pub steering: Vec<SteeringRow>,
}

impl CodebookTables {
    /// Whether there is nothing to draw or to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Every figure that the tables have the numbers for.
pub(super) fn draw(tables: &CodebookTables) -> Vec<Drawing> {
    let mut drawings: Vec<Drawing> = training::draw(&tables.training).into_iter().collect();
    drawings.extend(states::scatter(&tables.codes));
    drawings.extend(states::matrix(&tables.codes));
    drawings.extend(bars::sharing(&tables.numbers));
    drawings.extend(bars::steering(&tables.numbers));
    drawings.extend(steering::draw(&tables.steering));
    drawings
}

/// The name of a codebook's place.
fn place(layer: u64, part: &str) -> String {
    let part = if part == "mlp" { "MLP" } else { part };
    format!("layer {layer} {part}")
}
