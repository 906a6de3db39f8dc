//! The same questions put to the `kdtree` crate: an independent answer to check our own by, and the engine `kdtree`.

use super::candidates::Candidates;
use super::metric::{Metric, distance};
use super::{Boundary, Nearest};
use crate::EstimatorError;
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::ops::Range;

pub(crate) struct CrateTree {
    tree: kdtree::KdTree<f64, u32, Vec<f64>>,
    points: Vec<Vec<f64>>,
    blocks: Vec<Range<usize>>,
}

impl CrateTree {
    pub(crate) fn new(points: ArrayView2<'_, f64>, blocks: &[Range<usize>]) -> Result<Self, EstimatorError> {
        let points: Vec<Vec<f64>> = points.rows().into_iter().map(|row| row.to_vec()).collect();
        let dimension = points.first().map_or(1, Vec::len);
        let mut tree = kdtree::KdTree::with_capacity(dimension, 16);
        for (row, point) in points.iter().enumerate() {
            // Only values that are not finite are refused, and those have been refused at the door.
            tree.add(point.clone(), row as u32).map_err(|_| EstimatorError::NotFinite {
                row: row + 1,
                column: 1,
                value: f64::NAN,
                count: 1,
            })?;
        }
        Ok(Self { tree, points, blocks: blocks.to_vec() })
    }

    fn metric<M: Metric>(&self) -> impl Fn(&[f64], &[f64]) -> f64 {
        |a, b| distance::<M>(a, b, &self.blocks)
    }

    pub(crate) fn nearest<M: Metric>(&self, k: usize) -> Nearest {
        let found: Vec<Candidates> = self
            .points
            .par_iter()
            .enumerate()
            .map(|(row, point)| {
                let mut found = Candidates::new(k);
                // Itself is among them, and equally distant ones come in no order: take all up to the k-th distance.
                let near = self.tree.nearest(point, k + 1, &self.metric::<M>()).unwrap_or_default();
                let bound = near.last().map_or(f64::INFINITY, |last| last.0);
                for (distance, &other) in self.tree.within(point, bound, &self.metric::<M>()).unwrap_or_default() {
                    if other as usize != row {
                        found.offer(distance, other);
                    }
                }
                found
            })
            .collect();
        let mut nearest = Nearest::new(self.points.len(), k);
        found.iter().enumerate().for_each(|(row, found)| nearest.set(row, found.found()));
        nearest
    }

    pub(crate) fn count<M: Metric>(&self, radii: &[f64], boundary: Boundary) -> Vec<u32> {
        self.points
            .par_iter()
            .zip(radii)
            .map(|(point, &radius)| {
                let radius = boundary.inclusive(radius);
                if radius < 0.0 {
                    return 0;
                }
                self.tree.within_count(point, radius, &self.metric::<M>()).unwrap_or(1) as u32 - 1
            })
            .collect()
    }
}
