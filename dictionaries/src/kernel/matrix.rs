//! A matrix as rows in one piece of memory, which threads can divide between them.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

/// [rows × columns], row after row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    columns: usize,
    data: Vec<f32>,
}

impl Matrix {
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        Self { columns, data: vec![0.0; rows * columns] }
    }

    pub(crate) fn from_view(view: ArrayView2<f32>) -> Self {
        Self { columns: view.ncols(), data: view.iter().copied().collect() }
    }

    /// Makes it [rows × columns] of zeros, in the memory that it has.
    pub(crate) fn reset(&mut self, rows: usize, columns: usize) {
        self.columns = columns;
        self.data.clear();
        self.data.resize(rows * columns, 0.0);
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.data.len() / self.columns.max(1)
    }

    pub(crate) fn n_columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.columns..][..self.columns]
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.columns..][..self.columns]
    }

    pub(crate) fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.data.chunks_exact(self.columns.max(1))
    }

    /// The rows, for threads to share.
    pub(crate) fn par_rows_mut(&mut self) -> rayon::slice::ChunksMut<'_, f32> {
        self.data.par_chunks_mut(self.columns.max(1))
    }

    /// Groups of `rows` rows, for threads to share.
    pub(crate) fn par_blocks_mut(&mut self, rows: usize) -> rayon::slice::ChunksMut<'_, f32> {
        self.data.par_chunks_mut((rows * self.columns).max(1))
    }

    pub(crate) fn data(&self) -> &[f32] {
        &self.data
    }

    pub(crate) fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    pub(crate) fn to_array(&self) -> Array2<f32> {
        Array2::from_shape_fn((self.n_rows(), self.columns), |(i, j)| self.data[i * self.columns + j])
    }
}
