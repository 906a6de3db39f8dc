//! Leave-one-out kernel density estimates of entropy and mutual information ("Estimation of entropy and other
//! functionals of a multivariate density", Joe 1989; width by leave-one-out likelihood or least squares as in
//! Butakov et al. 2024).
//!
//! With a Gaussian kernel K_h of width h in D dimensions, `p̂₋ᵢ(x_i) = 1/(N−1) Σ_{j≠i} K_h(x_i−x_j)`:
//!
//! ```text
//! h(X)   = −(1/N) Σ_i log p̂₋ᵢ(x_i)
//! I(X;Y) = (1/N) Σ_i [log p̂₋ᵢ(x_i,y_i) − log p̂₋ᵢ(x_i) − log p̂₋ᵢ(y_i)]
//! ```
//!
//! The information takes the joint sample's width for the margins too, so that what the kernel blurs is blurred alike
//! on both sides. `bandwidth=likelihood` maximises Σ log p̂₋ᵢ; `least-squares` minimises ∫p̂² − (2/N) Σ p̂₋ᵢ. Both search
//! a logarithmic grid of seven widths, each grid from one pass over all pairs, that narrows around the best, or moves
//! when the best is at its end, until it is within one per cent. Found widths are those of standardised columns.
//! Samples farther than the kernel reaches are not dropped, as elsewhere, which would bias the entropy down: their
//! density is then found by a running log-sum-exp. Time O(N²·D) a pass, memory O(N·D).

use super::bands::{BANDS, sums_by_band};
use super::log_sum::{LogSum, log_kernel};
use super::tiles::{ROWS, TILE, Tiles, exp2_negative};
use super::width::silverman;
use crate::linalg::{side_by_side, standard_deviations};
use crate::pair::{Pair, continuous};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{
    Entropy, Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Transform, Variable, Warning,
};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::f64::consts::{LOG2_E, PI};

/// How the width of the density's kernel is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DensityWidth {
    /// The most likely, leaving one out.
    Likelihood,
    /// The least integrated squared error, leaving one out.
    LeastSquares,
    /// By Silverman's rule.
    Silverman,
    /// This one, in the data's own unit.
    Given(f64),
}

/// Leave-one-out kernel density estimator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LeaveOneOut {
    /// How the width is found.
    pub width: DensityWidth,
}

const NAME: &str = "loo-kde";
const RULE: &str = "it must be likelihood, least-squares, silverman, or a positive number";
/// Widths tried in one pass.
const GRID: usize = 7;
/// Search rounds at most; each narrows the grid by a factor of three in logarithms, or moves it.
const ROUNDS: usize = 24;
/// Kernel sums below it are lost to underflow, and are found again with logarithms.
const UNDERFLOW: f64 = 1e-290;
/// Dimensions from which on a kernel density needs more samples than anyone has.
const MOST_DIMENSIONS: usize = 10;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "leave-one-out Gaussian kernel densities, width by likelihood (Joe 1989; Butakov et al. 2024)",
    parameters: &[ParameterDoc {
        name: "bandwidth",
        default: "likelihood",
        meaning: "likelihood, least-squares, silverman, or a positive number in the data's own unit",
    }],
    domain: Domain::CONTINUOUS,
    measure: Measure::Information,
    trained: false,
    cost: "O(N²·D), some ten passes while it searches",
    choose: "smooth densities in few dimensions; a second opinion beside the nearest neighbours",
    build: Build {
        mutual_information: Some(|p| Ok(Box::new(LeaveOneOut::from_parameters(p)?))),
        entropy: Some(|p| Ok(Box::new(LeaveOneOut::from_parameters(p)?))),
        ..Build::NOTHING
    },
};

impl LeaveOneOut {
    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let width = match p.text("bandwidth") {
            None | Some("likelihood") => DensityWidth::Likelihood,
            Some("least-squares") => DensityWidth::LeastSquares,
            Some("silverman") => DensityWidth::Silverman,
            Some(_) => {
                DensityWidth::Given(p.value("bandwidth", RULE, |h: &f64| h.is_finite() && *h > 0.0)?.unwrap_or(1.0))
            }
        };
        Ok(Self { width })
    }

    /// The sample in the units that the width is in, with the log of the factor that volumes were divided by.
    fn prepared(self, x: ArrayView2<'_, f64>) -> Result<(Array2<f64>, f64), EstimatorError> {
        if let DensityWidth::Given(_) = self.width {
            return Ok((Transform::None.apply(x)?, 0.0));
        }
        let log_scale = standard_deviations(x).iter().filter(|s| **s > 0.0).map(|s| s.ln()).sum();
        Ok((Transform::Standard.apply(x)?, log_scale))
    }

    /// The width for a variable, in its own unit.
    pub(crate) fn width_for(self, z: ArrayView2<'_, f64>) -> f64 {
        let positive = |h: f64| if h.is_finite() && h > 0.0 { h } else { 1.0 };
        match self.width {
            DensityWidth::Given(h) => h,
            DensityWidth::Silverman => positive(silverman(z)),
            DensityWidth::Likelihood => search(z, false),
            DensityWidth::LeastSquares => search(z, true),
        }
    }
}

impl LeaveOneOut {
    /// −log p̂₋ᵢ(x_i) of each sample for kernels of a width: their mean is the entropy.
    pub(crate) fn surprises(z: ArrayView2<'_, f64>, width: f64) -> Vec<f64> {
        log_densities(z, width).into_iter().map(|log| -log).collect()
    }
}

/// The width at which the leave-one-out likelihood is largest, or the squared error least, to one per cent.
fn search(z: ArrayView2<'_, f64>, least_squares: bool) -> f64 {
    let (n, d) = (z.nrows() as f64, z.ncols() as f64);
    let tiles = Tiles::new(z, 1.0);
    let norms = |widths: [f64; GRID]| widths.map(|h| (2.0 * PI * h * h).powf(d / 2.0));
    let losses = |widths: [f64; GRID]| -> [f64; GRID] {
        let (sums, norm) = (pair_sums(&tiles, widths), norms(widths));
        if !least_squares {
            // A density of zero is as unlikely as a number can say.
            let log = |s: f64, norm: f64| (s.max(f64::MIN_POSITIVE) / ((n - 1.0) * norm)).ln();
            return std::array::from_fn(|g| -sums.iter().map(|s| log(s[g], norm[g])).sum::<f64>());
        }
        // ∫p̂² is the mean of the kernel density of width √2·h, each sample itself included.
        let wide = widths.map(|h| h * 2f64.sqrt());
        let (squares, wide_norm) = (pair_sums(&tiles, wide), norms(wide));
        std::array::from_fn(|g| {
            let squared = squares.iter().map(|s| s[g] + 1.0).sum::<f64>() / (n * n * wide_norm[g]);
            squared - 2.0 * sums.iter().map(|s| s[g]).sum::<f64>() / (n * (n - 1.0) * norm[g])
        })
    };
    let (mut low, mut high) = (0.5 / n.powf(0.2 / d), 1.06 / n.powf(0.2 / d));
    let mut best = (low * high).sqrt();
    for _ in 0..ROUNDS {
        let step = (high / low).powf(1.0 / (GRID - 1) as f64);
        let widths: [f64; GRID] = std::array::from_fn(|g| low * step.powi(g as i32));
        let losses = losses(widths);
        let index = (0..GRID).fold(0, |b, g| if losses[g] < losses[b] { g } else { b });
        best = widths[index];
        let ratio = high / low;
        (low, high) = match index {
            0 => (low / ratio, low * step),
            i if i == GRID - 1 => (high / step, high * ratio),
            _ => (best / step, best * step),
        };
        // Samples that all repeat are likeliest at no width at all; the search stops on its way there.
        if high / low < 1.01 || best < 1e-6 {
            break;
        }
    }
    best
}

/// Σ_{j≠i} exp(−‖z_i−z_j‖²/2h²) of each sample, for several widths from one pass.
fn pair_sums<const G: usize>(tiles: &Tiles, widths: [f64; G]) -> Vec<[f64; G]> {
    let factors = widths.map(|h| LOG2_E / (2.0 * h * h));
    let bands = sums_by_band(
        tiles.count(),
        BANDS,
        || vec![[0.0; G]; tiles.count() * TILE],
        |sums, a, b| pulp::Arch::new().dispatch(TilePair { tiles, a, b, factors: &factors, sums }),
    );
    let samples = (0..tiles.count()).map(|t| tiles.len_of(t)).sum();
    (0..samples)
        .map(|i| bands.iter().fold([0.0; G], |total, band| std::array::from_fn(|g| total[g] + band[i][g])))
        .collect()
}

struct TilePair<'a, const G: usize> {
    tiles: &'a Tiles,
    a: usize,
    b: usize,
    factors: &'a [f64; G],
    sums: &'a mut [[f64; G]],
}

impl<const G: usize> pulp::WithSimd for TilePair<'_, G> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { tiles, a, b, factors, sums } = self;
        let (a_rows, b_rows) = (tiles.len_of(a), tiles.len_of(b));
        let mut columns = [[0.0; TILE]; G];
        for first in (0..a_rows).step_by(ROWS) {
            let block = tiles.distances::<S>(a, first, b);
            for row in 0..ROWS.min(a_rows - first) {
                for (g, (factor, column)) in factors.iter().zip(&mut columns).enumerate() {
                    let mut kernels = [0.0; TILE];
                    for lane in 0..TILE {
                        kernels[lane] = exp2_negative::<S>(block[row][lane] * factor);
                    }
                    if a == b {
                        kernels[first + row] = 0.0;
                    }
                    for lane in 0..TILE {
                        column[lane] += kernels[lane];
                    }
                    sums[a * TILE + first + row][g] += kernels[..b_rows].iter().sum::<f64>();
                }
            }
        }
        if a != b {
            for lane in 0..b_rows {
                for g in 0..G {
                    sums[b * TILE + lane][g] += columns[g][lane];
                }
            }
        }
    }
}

/// log p̂₋ᵢ(x_i) of each sample.
fn log_densities(z: ArrayView2<'_, f64>, width: f64) -> Vec<f64> {
    let tiles = Tiles::new(z, 1.0);
    let (n, d) = (z.nrows() as f64, z.ncols() as f64);
    let constant = (n - 1.0).ln() + d / 2.0 * (2.0 * PI * width * width).ln();
    pair_sums(&tiles, [width])
        .into_par_iter()
        .enumerate()
        .map(|(i, [sum])| if sum > UNDERFLOW { sum.ln() } else { log_sum(z, i, width) } - constant)
        .collect()
}

fn log_sum(z: ArrayView2<'_, f64>, i: usize, width: f64) -> f64 {
    let others = z.rows().into_iter().enumerate().filter(|(j, _)| *j != i);
    LogSum::of(others.map(|(_, row)| log_kernel(row, z.row(i), width)))
}

impl Estimator for LeaveOneOut {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        match self.width {
            DensityWidth::Likelihood => "bandwidth=likelihood".into(),
            DensityWidth::LeastSquares => "bandwidth=least-squares".into(),
            DensityWidth::Silverman => "bandwidth=silverman".into(),
            DensityWidth::Given(h) => format!("bandwidth={h}"),
        }
    }
}

fn judged_by_dimension(estimate: Estimate, dimensions: usize) -> Estimate {
    if dimensions > MOST_DIMENSIONS { estimate.warned(Warning::HighDimension) } else { estimate }
}

impl Entropy for LeaveOneOut {
    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let values = continuous(&x, NAME)?;
        let (z, log_scale) = self.prepared(values)?;
        let width = self.width_for(z.view());
        let surprises: Vec<f64> = log_densities(z.view(), width).iter().map(|p| log_scale - p).collect();
        let estimate = Estimate::mean_of(&surprises).with_detail("bandwidth", width);
        Ok(judged_by_dimension(estimate, values.ncols()))
    }
}

impl MutualInformation for LeaveOneOut {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (a, b) = Pair::new(&x, &y)?.continuous(NAME)?;
        let ((a, _), (b, _)) = (self.prepared(a)?, self.prepared(b)?);
        let joint = side_by_side(a.view(), b.view());
        let width = self.width_for(joint.view());
        let [of_a, of_b, of_both] = [a.view(), b.view(), joint.view()].map(|z| log_densities(z, width));
        let contributions: Vec<f64> = of_both.iter().zip(&of_a).zip(&of_b).map(|((both, a), b)| both - a - b).collect();
        let estimate = Estimate::mean_of(&contributions).with_detail("bandwidth", width);
        Ok(judged_by_dimension(estimate, joint.ncols()).judged((x.len() as f64).ln()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{random, registry};
    use ndarray::Axis;
    use rand_distr::{Distribution, StandardNormal};

    fn normal(n: usize, d: usize) -> Array2<f64> {
        let mut g = random::generator(5, 0);
        Array2::from_shape_fn((n, d), |_| StandardNormal.sample(&mut g))
    }

    #[test]
    fn the_entropy_of_a_normal_sample_for_every_way_to_a_width() {
        let x = normal(1500, 1) * 3.0;
        let truth = 0.5 * (2.0 * PI * std::f64::consts::E * 9.0).ln();
        for spec in ["loo-kde", "loo-kde:bandwidth=least-squares", "loo-kde:bandwidth=silverman"] {
            let found = registry::entropy(spec).unwrap().entropy(Variable::Continuous(x.view())).unwrap();
            assert!((found.value.0 - truth).abs() < 4.0 * found.std_error.unwrap().0, "{spec}: {found:?} for {truth}");
        }
    }

    #[test]
    fn a_far_sample_counts_and_repeats_end() {
        let mut x = normal(200, 1);
        x[[7, 0]] = 1e6;
        let of = |x: &Array2<f64>, spec: &str| {
            registry::entropy(spec).unwrap().entropy(Variable::Continuous(x.view())).unwrap().value.0
        };
        assert!(of(&x, "loo-kde:bandwidth=0.3").is_finite());
        assert!(of(&x, "loo-kde:bandwidth=0.3") > 1e8);
        assert!(of(&Array2::zeros((50, 1)), "loo-kde").is_finite());
    }

    #[test]
    fn information_of_correlated_normals() {
        let (a, b) = (normal(2000, 1), normal(2000, 2));
        let x = b.column(0).to_owned().insert_axis(Axis(1));
        let y = &x * 0.75 + b.column(1).to_owned().insert_axis(Axis(1)) * (1.0f64 - 0.75 * 0.75).sqrt();
        let e = registry::mutual_information("loo-kde").unwrap();
        let of = |x: &Array2<f64>, y: &Array2<f64>| {
            e.estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap().value.0
        };
        assert!((of(&x, &y) - 0.4133).abs() < 0.06, "{}", of(&x, &y));
        assert!(of(&a, &y).abs() < 0.1, "{}", of(&a, &y));
    }
}
