//! A static k-d tree whose leaves are scanned with vector instructions.
//!
//! Cut in two across the widest side of its bounding box, as near to the median as lets the leaves be full, until a leaf
//! holds at most [`LANES`] points, which then stand coordinate by coordinate. Every node keeps the tight box of its points; a subtree is passed over when its box
//! is farther away than the k-th neighbour found, and counted whole when its box lies within the radius. Queries are
//! the points themselves, leaf by leaf, and begin in their own leaf, where near neighbours are. Those of a leaf go down
//! the tree together.

use super::candidates::Candidates;
use super::metric::{LANES, Metric, distances, larger};
use super::{Boundary, Nearest, order};
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
    /// Leaves, all but one of which are full.
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
        let leaves = n.div_ceil(LANES).max(1);
        let rows = points.as_standard_layout();
        let flat = rows.as_slice().unwrap_or(&[]);
        let mut halved: Vec<u32> = (0..n as u32).collect();
        halve(flat, dimension, &mut halved, &mut vec![0; n], leaves);
        let mut parts = vec![0..0; leaves];
        divide(0..n, 0, leaves, &mut parts);
        let (mut order, mut starts) = (Vec::with_capacity(n), vec![0u32]);
        for part in parts {
            order.extend_from_slice(&halved[part]);
            starts.push(order.len() as u32);
        }
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
        let inner = self.leaves - 1;
        let leaves = self.coordinates.par_chunks_mut(d * LANES).zip(self.boxes[inner * 2 * d..].par_chunks_mut(2 * d));
        let (order, starts) = (&self.order, &self.starts);
        leaves.zip(&mut self.counts[inner..]).enumerate().for_each(|(leaf, ((coordinates, sides), count))| {
            let rows = &order[starts[leaf] as usize..starts[leaf + 1] as usize];
            *count = rows.len() as u32;
            let (low, high) = sides.split_at_mut(d);
            low.fill(f64::INFINITY);
            high.fill(f64::NEG_INFINITY);
            for (lane, &row) in rows.iter().enumerate() {
                for (c, &value) in flat[row as usize * d..][..d].iter().enumerate() {
                    coordinates[c * LANES + lane] = value;
                    low[c] = low[c].min(value);
                    high[c] = high[c].max(value);
                }
            }
        });
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

    /// Reduced distances from the points of a leaf, by lane, to the nearest place of a node's box. Rounding cannot make
    /// one larger than the distance to a point in the box, as every operation is monotone.
    #[inline(always)]
    fn to_box<M: Metric>(&self, leaf: &[f64], node: usize) -> [f64; LANES] {
        self.by_box::<M>(leaf, node, |value, low, high| larger(larger(low - value, value - high), 0.0))
    }

    /// Reduced distances from the points of a leaf, by lane, to the farthest corner of a node's box.
    #[inline(always)]
    fn across_box<M: Metric>(&self, leaf: &[f64], node: usize) -> [f64; LANES] {
        self.by_box::<M>(leaf, node, |value, low, high| larger((value - low).abs(), (high - value).abs()))
    }

    /// Reduced distances by lane from what `difference` makes of a coordinate and its limits in a node's box.
    #[inline(always)]
    fn by_box<M: Metric>(&self, leaf: &[f64], node: usize, difference: impl Fn(f64, f64, f64) -> f64) -> [f64; LANES] {
        let d = self.dimension;
        let (low, high) = self.boxes[node * 2 * d..][..2 * d].split_at(d);
        let mut largest = [0.0; LANES];
        for block in &self.blocks {
            let mut total = [0.0; LANES];
            for c in block.clone() {
                let values: &[f64] = &leaf[c * LANES..][..LANES];
                for lane in 0..LANES {
                    total[lane] = M::add(total[lane], difference(values[lane], low[c], high[c]));
                }
            }
            for lane in 0..LANES {
                largest[lane] = larger(largest[lane], total[lane]);
            }
        }
        largest
    }

    /// Reduced distance between the nearest places of two nodes' boxes.
    #[inline(always)]
    fn apart<M: Metric>(&self, a: usize, b: usize) -> f64 {
        let d = self.dimension;
        let (a_low, a_high) = self.boxes[a * 2 * d..][..2 * d].split_at(d);
        let (b_low, b_high) = self.boxes[b * 2 * d..][..2 * d].split_at(d);
        let mut largest = 0.0;
        for block in &self.blocks {
            let mut total = 0.0;
            for c in block.clone() {
                total = M::add(total, larger(larger(a_low[c] - b_high[c], b_low[c] - a_high[c]), 0.0));
            }
            largest = larger(largest, total);
        }
        largest
    }

    /// Offers the points of all leaves to those of leaf `home`. One walk down the tree serves them all: they are near
    /// each other, and so are their neighbours.
    #[inline(always)]
    fn search<M: Metric>(&self, home: usize, seekers: &mut Seekers<'_>, stack: &mut Vec<(f64, u32)>) {
        let first_leaf = self.leaves - 1;
        let own = first_leaf + home;
        // What is farther from the leaf than this is too far for every one of its points.
        let mut bound = self.offer_leaf::<M>(home, seekers);
        stack.clear();
        stack.push((0.0, 0));
        while let Some((apart, node)) = stack.pop() {
            let mut node = node as usize;
            // An equally distant point may still win by its row.
            if apart > bound {
                continue;
            }
            loop {
                if node >= first_leaf {
                    if node != own {
                        bound = self.offer_leaf::<M>(node - first_leaf, seekers);
                    }
                    break;
                }
                let (left, right) = (2 * node + 1, 2 * node + 2);
                let (a, b) = (self.apart::<M>(own, left), self.apart::<M>(own, right));
                let ((near, nearer), (far, farther)) =
                    if a <= b { ((a, left), (b, right)) } else { ((b, right), (a, left)) };
                if far <= bound {
                    stack.push((far, farther as u32));
                }
                if near > bound {
                    break;
                }
                node = nearer;
            }
        }
    }

    /// Offers a leaf's points to those that they may be near to; the largest bound of all after that.
    #[inline(always)]
    fn offer_leaf<M: Metric>(&self, leaf: usize, seekers: &mut Seekers<'_>) -> f64 {
        let Seekers { points, rows, found, bounds } = seekers;
        let (coordinates, others) = self.leaf(leaf);
        let apart = self.to_box::<M>(points, self.leaves - 1 + leaf);
        let mut near = mask(|lane| apart[lane] <= bounds[lane]);
        while near != 0 {
            let seeker = near.trailing_zeros() as usize;
            near &= near - 1;
            let distance = distances::<M>(|c| points[c * LANES + seeker], coordinates, LANES, &self.blocks);
            let mut offered = mask(|lane| distance[lane] <= bounds[seeker]);
            while offered != 0 {
                let lane = offered.trailing_zeros() as usize;
                offered &= offered - 1;
                if lane < others.len() && others[lane] != rows[seeker] {
                    found[seeker].offer(distance[lane], others[lane]);
                }
            }
            bounds[seeker] = found[seeker].bound();
        }
        bounds.iter().copied().fold(0.0, larger)
    }
}

/// The lanes of which something holds, as bits.
#[inline(always)]
fn mask(holds: impl Fn(usize) -> bool) -> u32 {
    (0..LANES).fold(0, |mask, lane| mask | u32::from(holds(lane)) << lane)
}

/// The points of a leaf, whose neighbours are sought.
struct Seekers<'a> {
    /// Coordinates as the leaf has them.
    points: &'a [f64],
    rows: &'a [u32],
    found: &'a mut [Candidates],
    /// What is farther away from a point can be left out; of lanes that fill up the leaf, everything.
    bounds: [f64; LANES],
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
        let mut output = Vec::with_capacity(self.leaves.len() * LANES * self.k);
        let mut found = vec![Candidates::new(self.k); LANES];
        let mut stack = Vec::with_capacity(64);
        for home in self.leaves {
            let (points, rows) = self.tree.leaf(home);
            found.iter_mut().for_each(Candidates::clear);
            let bounds = std::array::from_fn(|lane| if lane < rows.len() { f64::INFINITY } else { -1.0 });
            let mut seekers = Seekers { points, rows, found: &mut found, bounds };
            self.tree.search::<M>(home, &mut seekers, &mut stack);
            found[..rows.len()].iter().for_each(|found| output.extend_from_slice(found.found()));
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
        let mut output = Vec::with_capacity(self.leaves.len() * LANES);
        let mut stack: Vec<(u32, u32)> = Vec::with_capacity(64);
        let first_leaf = tree.leaves - 1;
        for home in self.leaves {
            let (points, rows) = tree.leaf(home);
            let mut radii = [-1.0; LANES];
            for (radius, &row) in radii.iter_mut().zip(rows) {
                *radius = self.boundary.inclusive(self.radii[row as usize]);
            }
            let mut counts = [0u32; LANES];
            stack.clear();
            stack.push((0, mask(|lane| radii[lane] >= 0.0)));
            // Nodes, and the points that have still to look at them.
            while let Some((node, looking)) = stack.pop() {
                let node = node as usize;
                let apart = tree.to_box::<M>(points, node);
                let mut looking = looking & mask(|lane| apart[lane] <= radii[lane]);
                if looking == 0 {
                    continue;
                }
                if node < first_leaf {
                    let across = tree.across_box::<M>(points, node);
                    let mut whole = looking & mask(|lane| across[lane] <= radii[lane]);
                    looking &= !whole;
                    while whole != 0 {
                        counts[whole.trailing_zeros() as usize] += tree.counts[node];
                        whole &= whole - 1;
                    }
                    if looking != 0 {
                        stack.push((2 * node as u32 + 1, looking));
                        stack.push((2 * node as u32 + 2, looking));
                    }
                    continue;
                }
                let (coordinates, _) = tree.leaf(node - first_leaf);
                while looking != 0 {
                    let lane = looking.trailing_zeros() as usize;
                    looking &= looking - 1;
                    let distance = distances::<M>(|c| points[c * LANES + lane], coordinates, LANES, &tree.blocks);
                    // The lanes that fill up a leaf are infinitely far away.
                    counts[lane] += distance.iter().map(|d| u32::from(*d <= radii[lane])).sum::<u32>();
                }
            }
            // Without the point itself, unless the radius was so small as to leave it out.
            output.extend(counts.iter().zip(radii).take(rows.len()).map(|(count, r)| count - u32::from(r >= 0.0)));
        }
        output
    }
}

/// Leaves under the first child of a node with so many, at least two, when only the last level has gaps, and those at
/// its end.
fn under_first_child(leaves: usize) -> usize {
    let room = leaves.next_power_of_two();
    (room / 4 + (leaves - room / 2).min(room / 4)).max(1)
}

/// Orders rows so that those of a node's first child come before those of the second, all of whose leaves but one are
/// full. `keys` is room to work in, one for each row.
pub(super) fn halve(flat: &[f64], d: usize, rows: &mut [u32], keys: &mut [u128], leaves: usize) {
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
    let first = under_first_child(leaves);
    // By the coordinate and, where it is equal, by the row.
    for (key, &row) in keys.iter_mut().zip(rows.iter()) {
        *key = u128::from(order::key(flat[row as usize * d + widest])) << 32 | u128::from(row);
    }
    keys.select_nth_unstable(first * LANES);
    rows.iter_mut().zip(keys.iter()).for_each(|(row, key)| *row = *key as u32);
    let ((left, right), (left_keys, right_keys)) = (rows.split_at_mut(first * LANES), keys.split_at_mut(first * LANES));
    let mut left = || halve(flat, d, left, left_keys, first);
    let mut right = || halve(flat, d, right, right_keys, leaves - first);
    // Small ones are not worth handing over.
    if leaves > 256 {
        rayon::join(left, right);
    } else {
        left();
        right();
    }
}

/// The positions of each leaf's rows as [`halve`] orders them, by the leaf's number among the nodes.
fn divide(rows: Range<usize>, node: usize, leaves: usize, parts: &mut [Range<usize>]) {
    if leaves == 1 {
        parts[node + 1 - parts.len()] = rows;
        return;
    }
    let first = under_first_child(leaves);
    let middle = rows.start + first * LANES;
    divide(rows.start..middle, 2 * node + 1, first, parts);
    divide(middle..rows.end, 2 * node + 2, leaves - first, parts);
}
