//! EDGE: mutual information in linear time by locality-sensitive hashing ("Scalable mutual information estimation using
//! dependence graphs", Noshad, Zeng & Hero 2019).
//!
//! Each variable is hashed to cells of a randomly shifted grid, `⌊(Wx + b)/ε⌋`. With N_i, M_j the samples in the cells
//! of X and of Y and N_ij in both, which weigh the edges of a bipartite graph,
//!
//! ```text
//! I_ε = Σ_ij (N_ij/N) log[N_ij N/(N_i M_j)] − bias
//! I   = Σ_t w_t I_{tε}
//! ```
//!
//! A grid of width ε blurs, which takes off information that grows with ε² where the densities are smooth, and it has
//! too few samples in a cell when ε is small. So, as in the paper, an ensemble of widths is combined with the weights of
//! least norm for which Σw = 1 and Σ w ε² = 0. Departures from the paper, each because it was measured to be nearer to
//! the truth on correlated normals: the finest width is that at which an occupied cell of the joint grid holds
//! `occupancy` samples in the mean, by default N^(2/(d+2))/5 for d joint dimensions (with which the blur and the bias
//! of few samples fall alike as N grows), in place of a width of N^(−1/2d); entropies are corrected by Grassberger's
//! function before the widths are combined; and each width is averaged over several shifts.
//!
//! Variables of more than `projections` columns are first projected on that many random directions (the 2-stable hash):
//! what they know beyond it is lost. Time O(N·D), memory O(N).

use crate::discrete::{Correction, SymbolCounts, row_symbols};
use crate::pair::{Classes, Pair};
use crate::random::generator;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Nats, Parameters, Transform, Variable, Warning};
use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Ensemble of hashed grids.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// `None`: by the number of samples.
    occupancy: Option<f64>,
    shifts: u32,
    projections: usize,
    transform: Transform,
    seed: u64,
}

const NAME: &str = "edge";
/// Widths of the ensemble, in units of the finest.
const WIDTHS: [f64; 5] = [1.0, 1.25, 1.5, 1.75, 2.0];
/// Halvings in the search for the finest width, which lies in (2⁻²⁰…1)·8 standard deviations.
const HALVINGS: u32 = 9;
/// Joint dimensions from which on cells that hold enough samples are too wide to see by.
const MANY: usize = 5;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "hashed grids of several widths, extrapolated to none (EDGE, Noshad et al. 2019)",
    parameters: &[
        ParameterDoc {
            name: "occupancy",
            default: "auto",
            meaning: "mean number of samples in an occupied cell of the finest grid: auto, or a number of at least 2",
        },
        ParameterDoc { name: "shifts", default: "4", meaning: "randomly shifted grids of each width" },
        ParameterDoc {
            name: "projections",
            default: "3",
            meaning: "random directions that replace the columns of a wider variable",
        },
        ParameterDoc {
            name: "transform",
            default: "asinh",
            meaning: "of each coordinate first: none, standard, rank, normal or asinh",
        },
        ParameterDoc { name: "seed", default: "0", meaning: "of the shifts and directions" },
    ],
    domain: Domain::NOT_DISCRETE,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·D)",
    choose: "a million samples of few dimensions, when neighbours take too long",
    build: Build { mutual_information: Some(|p| Ok(Box::new(Edge::from_parameters(p)?))), ..Build::NOTHING },
};

impl Edge {
    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let whole = "it must be a whole number of at least 1";
        let occupancy = match p.text("occupancy") {
            None | Some("auto") => None,
            Some(_) => p.value("occupancy", "it must be auto, or a number of at least 2", |v: &f64| {
                v.is_finite() && *v >= 2.0
            })?,
        };
        Ok(Self {
            occupancy,
            shifts: p.value("shifts", whole, |v: &u32| *v > 0)?.unwrap_or(4),
            projections: p.value("projections", whole, |v: &usize| *v > 0)?.unwrap_or(3),
            transform: Transform::from_parameters(p, Transform::Asinh)?,
            seed: p.value("seed", "it must be a whole number", |_: &u64| true)?.unwrap_or(0),
        })
    }

    /// Few columns of unit size.
    fn prepared(self, x: ArrayView2<'_, f64>, stream: u64) -> Result<Array2<f64>, EstimatorError> {
        let z = self.transform.apply(x)?;
        if z.ncols() <= self.projections {
            return Ok(crate::linalg::standardised(z.view()));
        }
        let mut random = generator(self.seed, stream);
        let directions =
            Array2::from_shape_fn((z.ncols(), self.projections), |_| -> f64 { StandardNormal.sample(&mut random) });
        Ok(crate::linalg::standardised(crate::linalg::standardised(z.view()).dot(&directions).view()))
    }

    /// The width at which an occupied joint cell holds `occupancy` samples in the mean, by bisection of its logarithm.
    fn finest(self, x: &Side, y: &Side, n: usize) -> f64 {
        let d = (x.dimensions() + y.dimensions()) as f64;
        let occupancy = self.occupancy.unwrap_or(((n as f64).powf(2.0 / (d + 2.0)) / 5.0).max(4.0));
        let mean_occupancy = |width: f64| {
            let mut random = generator(self.seed, 2);
            n as f64 / graph(x, y, width, &mut random).0.cells() as f64
        };
        let (mut low, mut high) = (-20.0f64, 0.0f64);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if mean_occupancy(8.0 * middle.exp2()) < occupancy { low = middle } else { high = middle }
        }
        8.0 * high.exp2()
    }
}

/// A variable that can be hashed.
enum Side {
    Grid(Array2<f64>),
    Labels(Classes),
}

impl Side {
    /// Dimensions that are cut.
    fn dimensions(&self) -> usize {
        match self {
            Side::Grid(values) => values.ncols(),
            Side::Labels(_) => 0,
        }
    }

    /// A symbol for each sample, on a grid of this width with a random shift.
    fn hashed(&self, width: f64, random: &mut ChaCha8Rng) -> (Vec<u32>, usize) {
        match self {
            Side::Labels(classes) => (classes.of_sample().to_vec(), classes.counts().len()),
            Side::Grid(values) => {
                let shifts: Vec<f64> = (0..values.ncols()).map(|_| random.random::<f64>()).collect();
                let scale = 1.0 / width;
                row_symbols(values.view(), |column, v| ((v * scale + shifts[column]).floor()) as i64 as u32)
            }
        }
    }
}

/// The bipartite graph of occupied cells, with each sample's symbols.
fn graph(x: &Side, y: &Side, width: f64, random: &mut ChaCha8Rng) -> (SymbolCounts, Vec<u32>, Vec<u32>) {
    let ((x, of_x), (y, of_y)) = (x.hashed(width, random), y.hashed(width, random));
    (SymbolCounts::new(&x, of_x, &y, of_y), x, y)
}

/// The weights of least norm with Σw = 1 and Σ w t² = 0.
fn weights() -> [f64; WIDTHS.len()] {
    // w = a + b·t², from the two conditions.
    let n = WIDTHS.len() as f64;
    let (second, fourth) =
        WIDTHS.iter().fold((0.0, 0.0), |(second, fourth), t| (second + t.powi(2), fourth + t.powi(4)));
    let b = second / (second * second - n * fourth);
    let a = -b * fourth / second;
    WIDTHS.map(|t| a + b * t * t)
}

impl Estimator for Edge {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        format!(
            "occupancy={} shifts={} projections={} transform={} seed={}",
            self.occupancy.map_or_else(|| "auto".into(), |v| v.to_string()),
            self.shifts,
            self.projections,
            self.transform.name(),
            self.seed
        )
    }
}

impl MutualInformation for Edge {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (a, b, ceiling) = match Pair::new(&x, &y)? {
            Pair::Continuous(a, b) => {
                (Side::Grid(self.prepared(a, 0)?), Side::Grid(self.prepared(b, 1)?), (x.len() as f64).ln())
            }
            Pair::Mixed(a, classes) => {
                let entropy = classes.entropy();
                (Side::Grid(self.prepared(a, 0)?), Side::Labels(classes), entropy)
            }
            Pair::Discrete(..) => {
                return Err(EstimatorError::WrongKind { estimator: NAME, expected: "at least one continuous" });
            }
        };
        let finest = self.finest(&a, &b, x.len());
        let members: Vec<(usize, u32)> =
            (0..WIDTHS.len()).flat_map(|t| (0..self.shifts).map(move |shift| (t, shift))).collect();
        // One member after another: each is parallel inside, and memory stays that of one.
        let weights = weights();
        let mut contributions = vec![0.0; x.len()];
        let (mut value, mut finest_value) = (0.0, 0.0);
        for (t, shift) in members {
            let stream = 3 + (t as u64) * u64::from(self.shifts) + u64::from(shift);
            let (graph, of_a, of_b) = graph(&a, &b, finest * WIDTHS[t], &mut generator(self.seed, stream));
            let weight = weights[t] / f64::from(self.shifts);
            let member = graph.mutual_information(Correction::Grassberger).value.0;
            value += weight * member;
            if t == 0 {
                finest_value += member / f64::from(self.shifts);
            }
            contributions.par_iter_mut().zip(graph.pointwise(&of_a, &of_b)).for_each(|(sum, i)| *sum += weight * i);
        }
        let estimate = Estimate { value: Nats(value), ..Estimate::mean_of(&contributions) }
            .with_detail("finest_width", finest)
            .with_detail("finest_nats", finest_value)
            .judged(ceiling);
        let dimensions = x.dimension() + y.dimension();
        let projected = x.dimension().max(y.dimension()) > self.projections;
        Ok(if dimensions > MANY || projected { estimate.warned(Warning::HighDimension) } else { estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    fn normals(n: usize, d: usize, rho: f64) -> (Array2<f64>, Array2<f64>) {
        let mut random = generator(7, d as u64);
        let mut normal = || Array2::from_shape_fn((n, d), |_| -> f64 { StandardNormal.sample(&mut random) });
        let (x, noise) = (normal(), normal());
        let y = &x * rho + noise * (1.0 - rho * rho).sqrt();
        (x, y)
    }

    #[test]
    fn the_weights_cancel_the_blur() {
        let w = weights();
        assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(w.iter().zip(WIDTHS).map(|(w, t)| w * t * t).sum::<f64>().abs() < 1e-12);
    }

    #[test]
    fn correlated_normals_and_independent_ones() {
        let edge = registry::mutual_information("edge").unwrap();
        let of = |(x, y): (Array2<f64>, Array2<f64>)| {
            edge.estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap().value.0
        };
        let found = of(normals(20_000, 1, 0.75));
        assert!((found - 0.4133).abs() < 0.02, "{found}");
        let found = of(normals(20_000, 2, 0.75));
        assert!((found - 0.8267).abs() < 0.08, "{found}");
        let found = of(normals(20_000, 1, 0.0));
        assert!(found.abs() < 0.01, "{found}");
    }

    #[test]
    fn a_label_and_a_wide_variable() {
        let (x, _) = normals(5000, 1, 0.0);
        let labels: Vec<u32> = x.iter().map(|v| u32::from(*v > 0.0)).collect();
        let edge = registry::mutual_information("edge").unwrap();
        let found = edge.estimate(Variable::Discrete(&labels), Variable::Continuous(x.view())).unwrap();
        assert!((found.value.0 - 2f64.ln()).abs() < 0.05, "{found:?}");
        let (wide, y) = normals(2000, 8, 0.9);
        let found = edge.estimate(Variable::Continuous(wide.view()), Variable::Continuous(y.view())).unwrap();
        assert!(found.warnings.contains(&Warning::HighDimension), "{found:?}");
    }
}
