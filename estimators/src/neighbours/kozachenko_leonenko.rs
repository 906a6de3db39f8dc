//! Kozachenko–Leonenko entropy (1987), with the weights of Berrett, Samworth and Yuan (2019), and the mutual information
//! that three such entropies give.
//!
//! With ρ_j the Euclidean distance to the j-th neighbour and V the unit ball's volume in D dimensions:
//!
//! ```text
//! H = Σ_j w_j (1/N) Σ_i log[ρ_j^D V (N−1) / exp ψ(j)]
//! ```
//!
//! Up to four dimensions w = (1, 0, …), whatever k; above, the weights are the shortest vector that cancels the terms
//! of the bias in N^(−2l/D), l ≤ D/4. They can be large and of either sign, which costs variance.
//!
//! The variable is first turned and scaled so that its covariance is the identity, and the logarithm of the scale is
//! added again: without that, strong correlation makes a density that no ball can follow. `I = h(x) + h(y) − h(x, y)`
//! for two continuous variables, `I = h(x) − Σ p(y) h(x|y)` for labels.

use super::options::{NeighbourOptions, warned};
use super::weights::weights;
use crate::linalg::{Whitened, side_by_side, whitened};
use crate::pair::{Pair, continuous};
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::special::{digamma, ln_unit_ball};
use crate::{Entropy, Estimate, Estimator, EstimatorError, MutualInformation, Nats, Parameters, Transform, Variable};
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// The weighted Kozachenko–Leonenko estimator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KozachenkoLeonenko {
    /// The farthest neighbour that may carry weight.
    pub k: usize,
    /// Whether the neighbours are weighted; else the k-th alone counts.
    pub weighted: bool,
    /// Whether the covariance is made the identity first.
    pub whiten: bool,
    /// Norm, transform and ties.
    pub options: NeighbourOptions,
}

const NAME: &str = "kozachenko-leonenko";
const DOCS: [ParameterDoc; 6] = NeighbourOptions::docs("5");

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "differential entropies from neighbour distances, weighted against the bias of the dimension (Berrett et al. 2019)",
    parameters: &[
        ParameterDoc { name: "k", default: "5", meaning: "the farthest neighbour that may carry weight" },
        ParameterDoc {
            name: "weights",
            default: "yes",
            meaning: "yes: Berrett-Samworth-Yuan (the nearest neighbour alone up to 4 dimensions); no: the k-th alone",
        },
        ParameterDoc { name: "whiten", default: "yes", meaning: "make the covariance the identity first: yes or no" },
        ParameterDoc {
            name: "transform",
            default: "none",
            meaning: "of each coordinate first (not for entropies): none, standard, rank, normal or asinh",
        },
        DOCS[3],
        DOCS[4],
        DOCS[5],
    ],
    domain: Domain::NOT_DISCRETE,
    measure: Measure::Information,
    trained: false,
    cost: "O(N·log N) in few dimensions, O(N²·D) in many",
    choose: "strong dependence in few dimensions, nearly linear after a transform; entropies; after compression",
    build: Build {
        mutual_information: Some(|p| Ok(Box::new(KozachenkoLeonenko::from_parameters(p)?))),
        entropy: Some(|p| Ok(Box::new(KozachenkoLeonenko::from_parameters(p)?))),
        ..Build::NOTHING
    },
};

impl KozachenkoLeonenko {
    /// Weighted, whitened, with neighbours up to the `k`-th.
    pub fn new(k: usize) -> Self {
        let options =
            NeighbourOptions { transform: Transform::None, norm: super::Norm::Euclidean, ..NeighbourOptions::new(k) };
        Self { k, weighted: true, whiten: true, options }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let k =
            p.value("k", "it must be a whole number from 1 to 1000", |k: &usize| (1..=1000).contains(k))?.unwrap_or(5);
        let new = Self::new(k);
        Ok(Self {
            weighted: p.yes_or_no("weights")?.unwrap_or(true),
            whiten: p.yes_or_no("whiten")?.unwrap_or(true),
            options: NeighbourOptions { norm: super::Norm::Euclidean, ..NeighbourOptions::read_but_k(p, new.options)? },
            ..new
        })
    }

    /// Per-sample contributions to h of a variable whose ties have been treated.
    pub(crate) fn contributions(&self, x: ArrayView2<'_, f64>) -> Result<Vec<f64>, EstimatorError> {
        let (n, d) = x.dim();
        let k = self.k.min(n - 1);
        let Whitened { values, log_scale } = if self.whiten { whitened(x) } else { Whitened::not(x) };
        // Directions without any spread have no density; they carry no information about anything.
        if values.ncols() == 0 {
            return Ok(vec![0.0; n]);
        }
        let d = if self.whiten { values.ncols() } else { d };
        let w = if self.weighted { weights(k, d) } else { (1..=k).map(|j| f64::from(u8::from(j == k))).collect() };
        let nearest = self.options.points(&[values.view()])?.nearest(k);
        let constant = ln_unit_ball(d) + (n as f64 - 1.0).ln() + log_scale;
        let mut contributions = vec![constant; n];
        for (j, weight) in (1..=k).zip(&w).filter(|(_, weight)| **weight != 0.0) {
            let psi = digamma(j as f64);
            for (h, reduced) in contributions.iter_mut().zip(nearest.distances(j)) {
                // Half the logarithm of the square. A distance of nought (ties=keep) is taken for the smallest number.
                *h += weight * (d as f64 / 2.0 * reduced.max(f64::MIN_POSITIVE).ln() - psi);
            }
        }
        Ok(contributions)
    }
}

impl Estimator for KozachenkoLeonenko {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let yes = |b| if b { "yes" } else { "no" };
        format!(
            "k={} weights={} whiten={} transform={} ties={} engine={} seed={}",
            self.k,
            yes(self.weighted),
            yes(self.whiten),
            self.options.transform.name(),
            self.options.ties.name(),
            self.options.engine.name(),
            self.options.seed
        )
    }
}

impl Entropy for KozachenkoLeonenko {
    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let x = continuous(&x, NAME)?;
        self.options.enough(x.nrows())?;
        // A transform would change the entropy.
        let (x, tied) = NeighbourOptions { transform: Transform::None, ..self.options }.prepare(NAME, x, 0)?;
        Ok(warned(Estimate::mean_of(&self.contributions(x.view())?), tied, x.ncols()))
    }
}

impl MutualInformation for KozachenkoLeonenko {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        match Pair::new(&x, &y)? {
            Pair::Continuous(x, y) => {
                let n = x.nrows();
                self.options.enough(n)?;
                let (x, y) = self.options.prepare_both(NAME, x, y)?;
                let (tied, x, y) = (x.tied.max(y.tied), x.values, y.values);
                let joint = side_by_side(x.view(), y.view());
                let (h_x, h_y) = (self.contributions(x.view())?, self.contributions(y.view())?);
                let h_xy = self.contributions(joint.view())?;
                let pointwise: Vec<f64> = (0..n).map(|i| h_x[i] + h_y[i] - h_xy[i]).collect();
                let estimate = Estimate::mean_of(&pointwise).judged((n as f64).ln());
                Ok(warned(estimate, tied, joint.ncols()))
            }
            Pair::Mixed(x, classes) => {
                let n = x.nrows();
                self.options.enough(n)?;
                let (x, tied) = self.options.prepare(NAME, x, 0)?;
                let mut pointwise = self.contributions(x.view())?;
                for (class, &count) in classes.counts().iter().enumerate() {
                    // A class too small for a density is left out, which the warning tells.
                    let rows: Vec<usize> = (0..n).filter(|&i| classes.of_sample()[i] as usize == class).collect();
                    if count > self.k {
                        let own: Array2<f64> = x.select(Axis(0), &rows);
                        for (&row, h) in rows.iter().zip(self.contributions(own.view())?) {
                            pointwise[row] -= h;
                        }
                    } else {
                        rows.iter().for_each(|&row| pointwise[row] = f64::NAN);
                    }
                }
                let left_out = pointwise.iter().filter(|v| v.is_nan()).count();
                pointwise.retain(|v| !v.is_nan());
                if pointwise.len() < 2 {
                    return Err(EstimatorError::TooFewSamples { found: pointwise.len(), needed: self.k + 1 });
                }
                let mut estimate = Estimate::mean_of(&pointwise).judged(classes.entropy());
                estimate.n_samples = n;
                if left_out > 0 {
                    estimate =
                        estimate.warned(crate::Warning::Undersampled).with_detail("samples_left_out", left_out as f64);
                }
                Ok(warned(estimate, tied, x.ncols()))
            }
            Pair::Discrete(..) => {
                Err(EstimatorError::WrongKind { estimator: NAME, expected: "at least one continuous of two" })
            }
        }
    }
}

impl KozachenkoLeonenko {
    /// The entropy of [N × D] samples in nats.
    ///
    /// # Errors
    /// As [`Entropy::entropy`].
    pub fn of(&self, x: ArrayView2<'_, f64>) -> Result<Nats, EstimatorError> {
        Ok(self.entropy(Variable::Continuous(x))?.value)
    }
}
