//! KSG with the correction for local non-uniformity ("Efficient estimation of mutual information for strongly dependent
//! variables", Gao, Ver Steeg & Galstyan 2015).
//!
//! KSG takes the density to be even within the box around the k nearest neighbours. Where the variables depend strongly,
//! the neighbours lie along a thin tilted slab instead, and N would have to grow as e^I. So the box is also laid along
//! the principal axes of the neighbours; where its volume V̄ is less than α of the upright box's V, the local estimate
//! is raised by log V/V̄:
//!
//! ```text
//! I = I_KSG⁽²⁾ + (1/N) Σ_i log(V_i/V̄_i) [V̄_i < α V_i]
//! ```
//!
//! α is the ratio below which only one in 200 clouds of k even points would fall, found by drawing such clouds. More
//! neighbours are needed than there are dimensions.

use super::ksg::box_side;
use super::options::{NeighbourOptions, warned};
use super::{Boundary, Norm};
use crate::linalg::side_by_side;
use crate::pair::Pair;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::special::digamma_table;
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable, random};
use nalgebra::DMatrix;
use ndarray::ArrayView2;
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// KSG with the correction for local non-uniformity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LocalNonUniformity {
    /// Neighbours that tell the local shape; `None` for two a dimension and three more.
    pub k: Option<usize>,
    /// Transform and ties. The norm is the largest difference.
    pub options: NeighbourOptions,
}

const NAME: &str = "lnc";
const DOCS: [ParameterDoc; 6] = NeighbourOptions::docs("auto");

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "KSG with boxes laid along the neighbours where these lie aslant (Gao, Ver Steeg & Galstyan 2015)",
    parameters: &[
        ParameterDoc {
            name: "k",
            default: "auto",
            meaning: "neighbours that tell the local shape; auto: 2 (D_x + D_y) + 3",
        },
        DOCS[2],
        DOCS[3],
        DOCS[4],
        DOCS[5],
    ],
    domain: Domain::CONTINUOUS,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·(log N + k·D² + D³))",
    choose: "strong, nearly functional dependence (more than 3 nats) in few dimensions",
    build: Build {
        mutual_information: Some(|p| Ok(Box::new(LocalNonUniformity::from_parameters(p)?))),
        ..Build::NOTHING
    },
};

impl LocalNonUniformity {
    /// With `k` neighbours; `None` for as many as the dimension asks for.
    pub fn new(k: Option<usize>) -> Self {
        Self { k, options: NeighbourOptions::new(1) }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let k = match p.text("k") {
            None | Some("auto") => None,
            Some(_) => {
                p.value("k", "it must be auto or a whole number from 2 to 1000", |k: &usize| (2..=1000).contains(k))?
            }
        };
        Ok(Self { k, options: NeighbourOptions::read_but_k(p, NeighbourOptions::new(1))? })
    }
}

impl Estimator for LocalNonUniformity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let k = self.k.map_or("auto".into(), |k| k.to_string());
        let o = &self.options;
        format!(
            "k={k} transform={} ties={} engine={} seed={}",
            o.transform.name(),
            o.ties.name(),
            o.engine.name(),
            o.seed
        )
    }
}

impl MutualInformation for LocalNonUniformity {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (x, y) = Pair::new(&x, &y)?.continuous(NAME)?;
        let (n, d) = (x.nrows(), x.ncols() + y.ncols());
        let k = self.k.unwrap_or(2 * d + 3);
        if k <= d {
            return Err(EstimatorError::BadParameter {
                estimator: NAME,
                name: "k".into(),
                value: k.to_string(),
                rule: format!("the local shape of {d} dimensions needs more neighbours than that"),
            });
        }
        if n <= k {
            return Err(EstimatorError::TooFewSamples { found: n, needed: k + 1 });
        }
        let (mut x, mut y) = self.options.prepare_both(NAME, x, y)?;
        let (in_x, in_y) = (x.margin(&self.options)?, y.margin(&self.options)?);
        let (tied, x, y) = (x.tied.max(y.tied), x.values, y.values);
        let joint = side_by_side(x.view(), y.view());
        let nearest = self.options.points(&[x.view(), y.view()])?.nearest(k);
        let (side_x, side_y) = (box_side(&nearest, k, x.view(), Norm::Max), box_side(&nearest, k, y.view(), Norm::Max));
        let n_x = in_x.count(&side_x, Boundary::Inclusive);
        let n_y = in_y.count(&side_y, Boundary::Inclusive);
        let psi = digamma_table(n);
        let constant = psi[k] - 1.0 / k as f64 + psi[n];
        // Drawn for the smaller side first, so that exchanging the two changes nothing.
        let log_alpha = log_threshold(k, x.ncols().min(y.ncols()), x.ncols().max(y.ncols()));
        let contributions: Vec<(f64, bool)> = (0..n)
            .into_par_iter()
            .map(|i| {
                let upright = x.ncols() as f64 * side_x[i].ln() + y.ncols() as f64 * side_y[i].ln();
                let gain = upright - log_slanted_volume(joint.view(), i, nearest.rows(i));
                let corrected = gain.is_finite() && gain > -log_alpha;
                let plain = constant - psi[n_x[i] as usize] - psi[n_y[i] as usize];
                (if corrected { plain + gain } else { plain }, corrected)
            })
            .collect();
        let corrected = contributions.iter().filter(|c| c.1).count();
        let values: Vec<f64> = contributions.into_iter().map(|c| c.0).collect();
        // Not bounded by log N: the boxes' volumes are differential quantities.
        let estimate = Estimate::mean_of(&values)
            .judged(f64::INFINITY)
            .with_detail("corrected_share", corrected as f64 / n as f64);
        Ok(warned(estimate, tied, d))
    }
}

/// log of the volume of the box around the neighbours of a point along their principal axes, as half sides.
fn log_slanted_volume(joint: ArrayView2<'_, f64>, point: usize, neighbours: &[u32]) -> f64 {
    let own = joint.row(point);
    let offsets = DMatrix::from_fn(neighbours.len(), own.len(), |j, c| joint[[neighbours[j] as usize, c]] - own[c]);
    log_box_along_axes(&offsets)
}

/// The same from the offsets [k × D] to the point.
fn log_box_along_axes(offsets: &DMatrix<f64>) -> f64 {
    // The point itself counts among those that tell the axes.
    let mean = offsets.row_sum() / (offsets.nrows() as f64 + 1.0);
    let mut scatter = offsets.transpose() * offsets;
    scatter -= mean.transpose() * &mean * (offsets.nrows() as f64 + 1.0);
    let axes = scatter.symmetric_eigen().eigenvectors;
    let along = offsets * axes;
    along.column_iter().map(|column| column.amax().ln()).sum()
}

/// log α for k neighbours in D_x + D_y dimensions.
fn log_threshold(k: usize, d_x: usize, d_y: usize) -> f64 {
    const CLOUDS: usize = 4000;
    const SHARE: f64 = 0.005;
    let mut generator = random::generator(0, 17);
    let mut ratios: Vec<f64> = (0..CLOUDS)
        .map(|_| {
            let offsets = DMatrix::from_fn(k, d_x + d_y, |_, _| 2.0 * generator.random::<f64>() - 1.0);
            let side = |columns: std::ops::Range<usize>| {
                columns.clone().len() as f64 * offsets.columns(columns.start, columns.len()).amax().ln()
            };
            log_box_along_axes(&offsets) - side(0..d_x) - side(d_x..d_x + d_y)
        })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    ratios[(CLOUDS as f64 * SHARE) as usize].min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand_distr::{Distribution, StandardNormal};

    fn correlated(n: usize, rho: f64) -> (Array2<f64>, Array2<f64>) {
        let mut generator = random::generator(3, 0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
        let x = Array2::from_shape_fn((n, 1), |_| normal());
        let y = x.mapv(|v| rho * v + (1.0 - rho * rho).sqrt() * normal());
        (x, y)
    }

    #[test]
    fn follows_strong_dependence_where_ksg_falls_behind() {
        let (x, y) = correlated(2000, (1.0 - (-2.0 * 8f64).exp()).sqrt());
        let of = |spec: &str| {
            let e = crate::registry::mutual_information(spec).unwrap();
            e.estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap().value.0
        };
        assert!((of("lnc") - 8.0).abs() < 0.35, "{}", of("lnc"));
        assert!(of("ksg:k=3") < 7.2, "{}", of("ksg:k=3"));
    }

    #[test]
    fn needs_more_neighbours_than_dimensions() {
        let (x, y) = correlated(50, 0.5);
        let e = LocalNonUniformity::new(Some(2))
            .estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view()))
            .unwrap_err();
        assert!(e.to_string().contains("more neighbours"), "{e}");
    }
}
