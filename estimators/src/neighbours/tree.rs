//! A static k-d tree whose leaves are scanned with vector instructions.
//!
//! Halved at the median of the widest side of its bounding box until a leaf holds at most [`LANES`] points, which then
//! stand coordinate by coordinate. Every node keeps the tight box of its points; a subtree is passed over when its box
//! is farther away than the k-th neighbour found, and counted whole when its box lies within the radius. Queries are
//! the points themselves, leaf by leaf, and begin in their own leaf, where near neighbours are.

use super::candidates::Candidates;
use super::metric::{LANES, Metric, distances, larger};
use super::{Boundary, Nearest};
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::ops::Range;

/// Leaves whose queries are answered by one task.
const TASK: usize = 64;

pub(crate) struct Tree {
    dimension: usize,
    blocks: Vec<Range<usize>>,
    n: usize,
    /// Rows in the order of the leaves.
    order: Vec<u32>,
    /// 2^height leaves.
    leaves: usize,
    /// First position of each leaf in `order`, and the end of the last.
    starts: Vec<u32>,
    /// [leaf][coordinate][lane], filled up with infinity.
    coordinates: Vec<f64>,
    /// [node][low…, high…]; node i has the children 2i+1 and 2i+2, the leaves come last.
    boxes: Vec<f64>,
    /// Points under each node.
    counts: Vec<u32>,
}

impl Tree {
    /// A tree over the rows of [N × D]; `blocks` says which coordinates belong together.
    pub(crate) fn new(points: ArrayView2<'_, f64>, blocks: &[Range<usize>]) -> Self {
        let (n, dimension) = points.dim();
        let mut leaves = 1;
        while n.div_ceil(leaves) > LANES {
            leaves *= 2;
        }
        let rows = points.as_standard_layout();
        let flat = rows.as_slice().unwrap_or(&[]);
        let mut order: Vec<u32> = (0..n as u32).collect();
        halve(flat, dimension, &mut order, leaves);
        let mut starts = vec![0u32; leaves + 1];
        divide(0, n, 0, leaves, &mut starts);
        starts[leaves] = n as u32;
        let nodes = 2 * leaves - 1;
        let mut tree = Self {
            dimension,
            blocks: blocks.to_vec(),
            n,
            order,
            leaves,
            starts,
            coordinates: vec![f64::INFINITY; leaves * dimension * LANES],
            boxes: vec![0.0; nodes * 2 * dimension],
            counts: vec![0; nodes],
        };
        tree.fill(flat);
        tree
    }

    fn fill(&mut self, flat: &[f64]) {
        let d = self.dimension;
        for leaf in 0..self.leaves {
            let (start, end) = (self.starts[leaf] as usize, self.starts[leaf + 1] as usize);
            let node = self.leaves - 1 + leaf;
            self.counts[node] = (end - start) as u32;
            let (low, high) = self.boxes[node * 2 * d..][..2 * d].split_at_mut(d);
            low.fill(f64::INFINITY);
            high.fill(f64::NEG_INFINITY);
            for (lane, &row) in self.order[start..end].iter().enumerate() {
                for (c, &value) in flat[row as usize * d..][..d].iter().enumerate() {
                    self.coordinates[(leaf * d + c) * LANES + lane] = value;
                    low[c] = low[c].min(value);
                    high[c] = high[c].max(value);
                }
            }
        }
        for node in (0..self.leaves - 1).rev() {
            let (left, right) = (2 * node + 1, 2 * node + 2);
            self.counts[node] = self.counts[left] + self.counts[right];
            for c in 0..d {
                let low = self.boxes[left * 2 * d + c].min(self.boxes[right * 2 * d + c]);
                let high = self.boxes[left * 2 * d + d + c].max(self.boxes[right * 2 * d + d + c]);
                self.boxes[node * 2 * d + c] = low;
                self.boxes[node * 2 * d + d + c] = high;
            }
        }
    }

    /// The k nearest other points of every point.
    pub(crate) fn nearest<M: Metric>(&self, k: usize) -> Nearest {
        let tasks = self.tasks();
        let parts: Vec<Vec<(f64, u32)>> = tasks
            .into_par_iter()
            .map(|leaves| {
                pulp::Arch::new().dispatch(NearestTask::<M> { tree: self, k, leaves, metric: Default::default() })
            })
            .collect();
        let mut nearest = Nearest::new(self.n, k);
        for (position, found) in parts.iter().flat_map(|part| part.chunks_exact(k)).enumerate() {
            nearest.set(self.order[position] as usize, found);
        }
        nearest
    }

    /// How many other points lie within each point's own (reduced) radius.
    pub(crate) fn count<M: Metric>(&self, radii: &[f64], boundary: Boundary) -> Vec<u32> {
        let parts: Vec<Vec<u32>> = self
            .tasks()
            .into_par_iter()
            .map(|leaves| {
                let task = CountTask::<M> { tree: self, radii, boundary, leaves, metric: Default::default() };
                pulp::Arch::new().dispatch(task)
            })
            .collect();
        let mut counts = vec![0; self.n];
        for (position, count) in parts.into_iter().flatten().enumerate() {
            counts[self.order[position] as usize] = count;
        }
        counts
    }

    fn tasks(&self) -> Vec<Range<usize>> {
        (0..self.leaves).step_by(TASK).map(|start| start..(start + TASK).min(self.leaves)).collect()
    }

    #[inline(always)]
    fn leaf(&self, leaf: usize) -> (&[f64], &[u32]) {
        let width = self.dimension * LANES;
        let rows = &self.order[self.starts[leaf] as usize..self.starts[leaf + 1] as usize];
        (&self.coordinates[leaf * width..][..width], rows)
    }

    /// Reduced distance from a point to the nearest place of a node's box. Rounding cannot make it larger than the
    /// distance to a point in the box, as every operation is monotone.
    #[inline(always)]
    fn to_box<M: Metric>(&self, point: &[f64], node: usize) -> f64 {
        let d = self.dimension;
        let (low, high) = self.boxes[node * 2 * d..][..2 * d].split_at(d);
        let mut largest = 0.0;
        for block in &self.blocks {
            let mut total = 0.0;
            for c in block.clone() {
                let outside = larger(larger(low[c] - point[c], point[c] - high[c]), 0.0);
                total = M::add(total, outside);
            }
            largest = larger(largest, total);
        }
        largest
    }

    /// Reduced distance from a point to the farthest corner of a node's box.
    #[inline(always)]
    fn across_box<M: Metric>(&self, point: &[f64], node: usize) -> f64 {
        let d = self.dimension;
        let (low, high) = self.boxes[node * 2 * d..][..2 * d].split_at(d);
        let mut largest = 0.0;
        for block in &self.blocks {
            let mut total = 0.0;
            for c in block.clone() {
                total = M::add(total, larger((point[c] - low[c]).abs(), (high[c] - point[c]).abs()));
            }
            largest = larger(largest, total);
        }
        largest
    }

    #[inline(always)]
    fn search<M: Metric>(
        &self,
        point: &[f64],
        row: u32,
        home: usize,
        found: &mut Candidates,
        stack: &mut Vec<(f64, u32)>,
    ) {
        self.offer_leaf::<M>(point, row, home, found);
        stack.clear();
        stack.push((0.0, 0));
        let first_leaf = self.leaves - 1;
        while let Some((bound, node)) = stack.pop() {
            let mut node = node as usize;
            // An equally distant point may still win by its row.
            if bound > found.bound() {
                continue;
            }
            loop {
                if node >= first_leaf {
                    if node - first_leaf != home {
                        self.offer_leaf::<M>(point, row, node - first_leaf, found);
                    }
                    break;
                }
                let (left, right) = (2 * node + 1, 2 * node + 2);
                let (a, b) = (self.to_box::<M>(point, left), self.to_box::<M>(point, right));
                let ((near, nearer), (far, farther)) =
                    if a <= b { ((a, left), (b, right)) } else { ((b, right), (a, left)) };
                if far <= found.bound() {
                    stack.push((far, farther as u32));
                }
                if near > found.bound() {
                    break;
                }
                node = nearer;
            }
        }
    }

    #[inline(always)]
    fn offer_leaf<M: Metric>(&self, point: &[f64], row: u32, leaf: usize, found: &mut Candidates) {
        let (coordinates, rows) = self.leaf(leaf);
        let distance = distances::<M>(point, coordinates, LANES, &self.blocks);
        let bound = found.bound();
        if !distance.iter().fold(false, |any, d| any | (*d <= bound)) {
            return;
        }
        for (lane, &other) in rows.iter().enumerate() {
            if distance[lane] <= found.bound() && other != row {
                found.offer(distance[lane], other);
            }
        }
    }
}

struct NearestTask<'a, M> {
    tree: &'a Tree,
    k: usize,
    leaves: Range<usize>,
    metric: std::marker::PhantomData<M>,
}

impl<M: Metric> pulp::WithSimd for NearestTask<'_, M> {
    type Output = Vec<(f64, u32)>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
        let mut output = Vec::new();
        let mut found = Candidates::new(self.k);
        let mut stack = Vec::with_capacity(64);
        let mut point = vec![0.0; self.tree.dimension];
        for home in self.leaves {
            let (coordinates, rows) = self.tree.leaf(home);
            for (lane, &row) in rows.iter().enumerate() {
                for (c, value) in point.iter_mut().enumerate() {
                    *value = coordinates[c * LANES + lane];
                }
                found.clear();
                self.tree.search::<M>(&point, row, home, &mut found, &mut stack);
                output.extend_from_slice(found.found());
            }
        }
        output
    }
}

struct CountTask<'a, M> {
    tree: &'a Tree,
    radii: &'a [f64],
    boundary: Boundary,
    leaves: Range<usize>,
    metric: std::marker::PhantomData<M>,
}

impl<M: Metric> pulp::WithSimd for CountTask<'_, M> {
    type Output = Vec<u32>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
        let tree = self.tree;
        let mut output = Vec::new();
        let mut stack: Vec<u32> = Vec::with_capacity(64);
        let mut point = vec![0.0; tree.dimension];
        let first_leaf = tree.leaves - 1;
        for home in self.leaves {
            let (coordinates, rows) = tree.leaf(home);
            for (lane, &row) in rows.iter().enumerate() {
                for (c, value) in point.iter_mut().enumerate() {
                    *value = coordinates[c * LANES + lane];
                }
                let radius = self.boundary.inclusive(self.radii[row as usize]);
                let mut count = 0;
                stack.clear();
                stack.push(0);
                while let Some(node) = stack.pop() {
                    let node = node as usize;
                    if tree.to_box::<M>(&point, node) > radius {
                        continue;
                    }
                    if node >= first_leaf {
                        let (coordinates, rows) = tree.leaf(node - first_leaf);
                        let distance = distances::<M>(&point, coordinates, LANES, &tree.blocks);
                        // The lanes that fill up a leaf are infinitely far away.
                        debug_assert!(rows.len() <= LANES && radius < f64::INFINITY);
                        count += distance.iter().map(|d| u32::from(*d <= radius)).sum::<u32>();
                    } else if tree.across_box::<M>(&point, node) <= radius {
                        count += tree.counts[node];
                    } else {
                        stack.push(2 * node as u32 + 1);
                        stack.push(2 * node as u32 + 2);
                    }
                }
                // The point itself, unless the radius was so small as to leave it out.
                output.push(count - u32::from(radius >= 0.0));
            }
        }
        output
    }
}

/// Orders rows so that each of `leaves` equal shares is one leaf.
fn halve(flat: &[f64], d: usize, rows: &mut [u32], leaves: usize) {
    if leaves == 1 {
        return;
    }
    let widest = (0..d)
        .map(|c| {
            let (low, high) = rows.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &row| {
                let value = flat[row as usize * d + c];
                (low.min(value), high.max(value))
            });
            high - low
        })
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (c, width)| if width > best.1 { (c, width) } else { best })
        .0;
    let middle = rows.len() / 2;
    let by =
        |a: &u32, b: &u32| flat[*a as usize * d + widest].total_cmp(&flat[*b as usize * d + widest]).then(a.cmp(b));
    rows.select_nth_unstable_by(middle, by);
    let (left, right) = rows.split_at_mut(middle);
    if left.len() > 4096 {
        rayon::join(|| halve(flat, d, left, leaves / 2), || halve(flat, d, right, leaves / 2));
    } else {
        halve(flat, d, left, leaves / 2);
        halve(flat, d, right, leaves / 2);
    }
}

/// The start of each leaf when every range is halved as [`halve`] does.
fn divide(start: usize, len: usize, leaf: usize, leaves: usize, starts: &mut [u32]) {
    if leaves == 1 {
        starts[leaf] = start as u32;
        return;
    }
    let middle = len / 2;
    divide(start, middle, leaf, leaves / 2, starts);
    divide(start + middle, len - middle, leaf + leaves / 2, leaves / 2, starts);
}
