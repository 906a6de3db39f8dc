//! Embeddings that are grids of cells, and where in them concepts lie.

use ndarray::{Array3, Axis};
use serde::{Deserialize, Serialize};

/// The layout of an embedding that is a feature map, or an image cut into patches: cell after cell, row by row, the
/// channels of a cell together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Rows of cells.
    pub height: usize,
    /// Columns of cells.
    pub width: usize,
    /// Numbers in a cell.
    pub channels: usize,
}

impl Grid {
    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.height * self.width
    }

    /// Number of features of an embedding: cells × channels.
    pub fn features(&self) -> usize {
        self.cells() * self.channels
    }
}

/// Where concepts lie in the cells of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct ConceptPlaces {
    /// Share [samples × parts × cells] of each cell that a part covers.
    pub shares: Array3<f32>,
    /// The part that each concept is about.
    pub parts: Vec<Option<usize>>,
}

impl ConceptPlaces {
    /// Of these samples alone, in this order.
    pub(crate) fn rows(&self, rows: &[usize]) -> Self {
        Self { shares: self.shares.select(Axis(0), rows), parts: self.parts.clone() }
    }

    /// Of these concepts alone, in this order.
    pub(crate) fn columns(&self, columns: &[usize]) -> Self {
        Self { shares: self.shares.clone(), parts: columns.iter().map(|&c| self.parts[c]).collect() }
    }
}
