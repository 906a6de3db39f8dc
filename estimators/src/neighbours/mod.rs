//! Nearest neighbours, and the estimators that rest on them.

mod candidates;
mod crate_tree;
mod gao;
mod kozachenko_leonenko;
mod ksg;
mod lnc;
mod metric;
mod options;
mod order;
mod ross;
mod scan;
mod sorted;
mod ties;
mod tree;
mod weights;

pub(crate) use gao::ENTRY as MIXED_KSG;
pub use gao::MixedKsg;
pub(crate) use kozachenko_leonenko::ENTRY as KOZACHENKO_LEONENKO;
pub use kozachenko_leonenko::KozachenkoLeonenko;
pub(crate) use ksg::ENTRY as KSG;
pub use ksg::{Ksg, KsgVariant};
pub(crate) use lnc::ENTRY as LNC;
pub use lnc::LocalNonUniformity;
pub use options::{K, NeighbourOptions};
pub(crate) use ross::ENTRY as ROSS;
pub use ross::Ross;
pub use ties::Ties;

use crate::EstimatorError;
use metric::{Euclidean, Maximum, Metric};
use ndarray::{ArrayView2, Axis, concatenate};
use serde::{Deserialize, Serialize};

/// How distances within one variable are measured. Between variables it is always the largest that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// The largest coordinate difference.
    Max,
    /// The Euclidean distance.
    Euclidean,
}

impl Norm {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Norm::Max => "max",
            Norm::Euclidean => "euclidean",
        }
    }

    /// Reduced length of a vector.
    fn reduced(self, differences: impl Iterator<Item = f64>) -> f64 {
        match self {
            Norm::Max => differences.fold(0.0, Maximum::add),
            Norm::Euclidean => differences.fold(0.0, Euclidean::add),
        }
    }
}

/// How neighbours are found. All give the same answer, to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// The fastest for the dimension and the number of samples, as measured: a sorted array on a line, a tree in some
    /// seven to ten dimensions or fewer, a scan above.
    Auto,
    /// Our own static k-d tree with vectorised leaves.
    Tree,
    /// All pairs, in tiles.
    Scan,
    /// The `kdtree` crate.
    KdTree,
}

impl Engine {
    const ALL: [Engine; 4] = [Engine::Auto, Engine::Tree, Engine::Scan, Engine::KdTree];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Auto => "auto",
            Engine::Tree => "tree",
            Engine::Scan => "scan",
            Engine::KdTree => "kdtree",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name() == name)
    }
}

/// Whether a tree is faster than a scan for the k nearest neighbours of `n` correlated normal samples: up to seven
/// dimensions for 10⁴ of them, up to nine for 5·10⁴, and so on with the logarithm (measured: tree and scan take 0.03 and
/// 0.05 s in six dimensions and 0.07 and 0.06 in eight for 10⁴; 0.55 and 1.19 in eight and 1.30 and 1.18 in ten for
/// 5·10⁴; `cargo bench -p narrows-estimators --bench neighbours`).
fn tree_pays(n: usize, dimension: usize) -> bool {
    dimension as f64 <= 7.5 + 1.3 * (n as f64 / 1e4).ln().max(0.0)
}

/// Whether points at exactly the radius are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// Only what is nearer.
    Strict,
    /// What is nearer or equally far.
    Inclusive,
}

impl Boundary {
    /// The radius that says the same when what lies on it counts.
    #[inline(always)]
    fn inclusive(self, radius: f64) -> f64 {
        match self {
            Boundary::Strict if radius > 0.0 => radius.next_down(),
            // Nothing is nearer than nought.
            Boundary::Strict => -1.0,
            Boundary::Inclusive => radius,
        }
    }
}

/// The k nearest other points of each point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nearest {
    k: usize,
    /// [point × k] reduced distances, ascending.
    distances: Vec<f64>,
    /// [point × k] rows.
    rows: Vec<u32>,
}

impl Nearest {
    fn new(n: usize, k: usize) -> Self {
        Self { k, distances: vec![f64::INFINITY; n * k], rows: vec![0; n * k] }
    }

    fn set(&mut self, row: usize, found: &[(f64, u32)]) {
        for (slot, &(distance, other)) in found.iter().enumerate() {
            self.distances[row * self.k + slot] = distance;
            self.rows[row * self.k + slot] = other;
        }
    }

    /// Reduced distance of the `j`-th neighbour (from 1) of each point.
    pub(crate) fn distances(&self, j: usize) -> Vec<f64> {
        self.distances.chunks_exact(self.k).map(|of_point| of_point[j - 1]).collect()
    }

    /// The neighbours of a point, the nearest first.
    pub(crate) fn rows(&self, point: usize) -> &[u32] {
        &self.rows[point * self.k..][..self.k]
    }
}

enum Found {
    Sorted(sorted::Sorted),
    Tree(tree::Tree),
    Scan(scan::Scan),
    KdTree(crate_tree::CrateTree),
}

/// Points that can be asked for their neighbours.
pub(crate) struct Points {
    norm: Norm,
    n: usize,
    found: Found,
}

impl Points {
    /// Points whose coordinates are those of the variables, one block each, all [N × their features].
    pub(crate) fn new(variables: &[ArrayView2<'_, f64>], norm: Norm, engine: Engine) -> Result<Self, EstimatorError> {
        let widths: Vec<usize> = variables.iter().map(ArrayView2::ncols).collect();
        let blocks = metric::blocks(&widths);
        let joint = concatenate(Axis(1), variables).map_err(|_| EstimatorError::LengthMismatch {
            left: variables.first().map_or(0, ArrayView2::nrows),
            right: variables.last().map_or(0, ArrayView2::nrows),
        })?;
        let (n, dimension) = joint.dim();
        let found = match engine {
            Engine::Auto if dimension == 1 => Found::Sorted(sorted::Sorted::new(joint.iter().copied())),
            Engine::Auto if !tree_pays(n, dimension) => Found::Scan(scan::Scan::new(joint.view(), &blocks)),
            Engine::Auto | Engine::Tree => Found::Tree(tree::Tree::new(joint.view(), &blocks)),
            Engine::Scan => Found::Scan(scan::Scan::new(joint.view(), &blocks)),
            Engine::KdTree => Found::KdTree(crate_tree::CrateTree::new(joint.view(), &blocks)?),
        };
        Ok(Self { norm, n, found })
    }

    /// Points on a line, sorted before.
    pub(crate) fn on_line(line: sorted::Sorted, norm: Norm) -> Self {
        Self { norm, n: line.len(), found: Found::Sorted(line) }
    }

    /// The k nearest other points of each; `k` must be below the number of points.
    pub(crate) fn nearest(&self, k: usize) -> Nearest {
        debug_assert!(k < self.n);
        match self.norm {
            Norm::Max => self.nearest_by::<Maximum>(k),
            Norm::Euclidean => self.nearest_by::<Euclidean>(k),
        }
    }

    /// How many other points lie within each point's own reduced radius.
    pub(crate) fn count(&self, radii: &[f64], boundary: Boundary) -> Vec<u32> {
        debug_assert_eq!(radii.len(), self.n);
        match self.norm {
            Norm::Max => self.count_by::<Maximum>(radii, boundary),
            Norm::Euclidean => self.count_by::<Euclidean>(radii, boundary),
        }
    }

    fn nearest_by<M: Metric>(&self, k: usize) -> Nearest {
        match &self.found {
            Found::Sorted(line) => line.nearest(k, |difference| M::add(0.0, difference)),
            Found::Tree(tree) => tree.nearest::<M>(k),
            Found::Scan(scan) => scan.nearest::<M>(k),
            Found::KdTree(tree) => tree.nearest::<M>(k),
        }
    }

    fn count_by<M: Metric>(&self, radii: &[f64], boundary: Boundary) -> Vec<u32> {
        match &self.found {
            Found::Sorted(line) => line.count(radii, boundary, |difference| M::add(0.0, difference), M::length),
            Found::Tree(tree) => tree.count::<M>(radii, boundary),
            Found::Scan(scan) => scan.count::<M>(radii, boundary),
            Found::KdTree(tree) => tree.count::<M>(radii, boundary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::RngExt;

    /// Normal-ish points with repeats: every fifth coordinate is rounded, every seventh row repeats the one before.
    fn points(n: usize, d: usize, seed: u64) -> Array2<f64> {
        let mut generator = crate::random::generator(seed, 0);
        let mut x = Array2::from_shape_fn((n, d), |(_, c)| {
            let v: f64 = generator.random::<f64>() + generator.random::<f64>() - 1.0;
            if c % 5 == 4 { (v * 4.0).round() } else { v }
        });
        for i in (7..n).step_by(7) {
            let before = x.row(i - 1).to_owned();
            x.row_mut(i).assign(&before);
        }
        x
    }

    fn brute(x: &Array2<f64>, blocks: &[std::ops::Range<usize>], norm: Norm, i: usize) -> Vec<(f64, u32)> {
        let mut all: Vec<(f64, u32)> = (0..x.nrows())
            .filter(|&j| j != i)
            .map(|j| {
                let (a, b) = (x.row(i).to_vec(), x.row(j).to_vec());
                let d = match norm {
                    Norm::Max => metric::distance::<Maximum>(&a, &b, blocks),
                    Norm::Euclidean => metric::distance::<Euclidean>(&a, &b, blocks),
                };
                (d, j as u32)
            })
            .collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        all
    }

    #[test]
    fn every_engine_agrees_with_the_definition_to_the_bit() {
        for (n, widths) in
            [(2, vec![1]), (40, vec![1]), (300, vec![1, 1]), (257, vec![2, 1]), (200, vec![5, 9]), (130, vec![3, 2, 1])]
        {
            let x = points(n, widths.iter().sum(), n as u64);
            let blocks = metric::blocks(&widths);
            let views: Vec<_> = blocks.iter().map(|b| x.slice_axis(Axis(1), ndarray::Slice::from(b.clone()))).collect();
            let k = 4.min(n - 1);
            for norm in [Norm::Max, Norm::Euclidean] {
                let truth: Vec<_> = (0..n).map(|i| brute(&x, &blocks, norm, i)).collect();
                for engine in Engine::ALL {
                    let set = Points::new(&views, norm, engine).unwrap();
                    let nearest = set.nearest(k);
                    for (i, expected) in truth.iter().enumerate() {
                        let rows: Vec<u32> = expected[..k].iter().map(|e| e.1).collect();
                        assert_eq!(nearest.rows(i), rows, "{engine:?} {norm:?} n {n} {widths:?} point {i}");
                    }
                    let radii = nearest.distances(k);
                    for boundary in [Boundary::Strict, Boundary::Inclusive] {
                        let counts = set.count(&radii, boundary);
                        for (i, expected) in truth.iter().enumerate() {
                            let within =
                                |d: f64| if boundary == Boundary::Strict { d < radii[i] } else { d <= radii[i] };
                            let true_count = expected.iter().filter(|e| within(e.0)).count();
                            assert_eq!(counts[i] as usize, true_count, "{engine:?} {norm:?} {boundary:?} {widths:?}");
                        }
                    }
                }
            }
        }
    }
}
