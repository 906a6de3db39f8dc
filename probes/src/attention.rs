//! Bottlenecks that look at the cells of an embedding which is a grid.

use crate::{Grid, ProbeError};
use ndarray::{Array3, ArrayView2};
use std::fmt::Debug;

/// Where each concept is seen, and what it then speaks for.
pub trait Attention: Debug + Send + Sync {
    /// The grid.
    fn grid(&self) -> Grid;

    /// Attention [samples × cells × concepts] of embeddings [samples × features]: of each cell, shares that add up to 1
    /// over the concepts and whatever takes the cells of none.
    ///
    /// # Errors
    /// When the number of features does not fit, or a value is not finite.
    fn attention(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array3<f32>, ProbeError>;

    /// Weights [samples × concepts × classes] of each sample's own: what one unit of a concept adds to a class's score.
    ///
    /// # Errors
    /// As [`Attention::attention`].
    fn weights(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array3<f64>, ProbeError>;
}
