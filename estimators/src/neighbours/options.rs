//! What all estimators from nearest neighbours can be told.

use super::sorted::Sorted;
use super::{Engine, Norm, Points, ties::Ties};
use crate::registry::ParameterDoc;
use crate::{Estimate, EstimatorError, Parameters, Transform, Warning};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// One k, or a range of them whose estimates are combined by their median.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct K {
    /// Smallest.
    pub low: usize,
    /// Largest.
    pub high: usize,
}

impl K {
    const RULE: &'static str = "it must be a whole number of at least 1, or a range such as 2..8";

    fn parse(text: &str) -> Option<Self> {
        let (low, high) = text.split_once("..").unwrap_or((text, text));
        let k = Self { low: low.parse().ok()?, high: high.parse().ok()? };
        (k.low >= 1 && k.low <= k.high && k.high <= 1000).then_some(k)
    }

    pub(crate) fn name(self) -> String {
        if self.low == self.high { self.low.to_string() } else { format!("{}..{}", self.low, self.high) }
    }
}

/// Options shared by the estimators from nearest neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NeighbourOptions {
    /// Which neighbour's distance is taken.
    pub k: K,
    /// Distance within a variable.
    pub norm: Norm,
    /// What is done to each coordinate first.
    pub transform: Transform,
    /// What is done about repeated values.
    pub ties: Ties,
    /// How neighbours are found.
    pub engine: Engine,
    /// Seed of the jitter.
    pub seed: u64,
}

impl NeighbourOptions {
    /// The `k`-th neighbour, by the largest coordinate difference, of standardised coordinates.
    pub fn new(k: usize) -> Self {
        Self {
            k: K { low: k, high: k },
            norm: Norm::Max,
            transform: Transform::Standard,
            ties: Ties::Jitter,
            engine: Engine::Auto,
            seed: 0,
        }
    }

    pub(super) const fn docs(k: &'static str) -> [ParameterDoc; 6] {
        [
            ParameterDoc {
                name: "k",
                default: k,
                meaning: "which neighbour; a range such as 2..8 takes the median over it",
            },
            ParameterDoc { name: "norm", default: "max", meaning: "distance within a variable: max or euclidean" },
            ParameterDoc {
                name: "transform",
                default: "standard",
                meaning: "of each coordinate first: none, standard, rank, normal or asinh (for heavy tails)",
            },
            ParameterDoc {
                name: "ties",
                default: "jitter",
                meaning: "repeated values: jitter (noise of 1e-10 standard deviations), refuse or keep",
            },
            ParameterDoc {
                name: "engine",
                default: "auto",
                meaning: "how neighbours are found: auto, tree, scan or kdtree",
            },
            ParameterDoc { name: "seed", default: "0", meaning: "seed of the jitter" },
        ]
    }

    pub(crate) fn read(p: &Parameters, mut options: Self) -> Result<Self, EstimatorError> {
        if let Some(text) = p.text("k") {
            options.k = K::parse(text).ok_or_else(|| p.bad("k", text, K::RULE))?;
        }
        Self::read_but_k(p, options)
    }

    /// The same for an estimator whose k has a meaning of its own. A key that it does not declare is not asked for.
    pub(super) fn read_but_k(p: &Parameters, mut options: Self) -> Result<Self, EstimatorError> {
        if let Some(text) = p.text("norm") {
            options.norm = [Norm::Max, Norm::Euclidean]
                .into_iter()
                .find(|n| n.name() == text)
                .ok_or_else(|| p.bad("norm", text, "it must be max or euclidean"))?;
        }
        options.transform = Transform::from_parameters(p, options.transform)?;
        if let Some(text) = p.text("ties") {
            options.ties = Ties::from_name(text).ok_or_else(|| p.bad("ties", text, Ties::RULE))?;
        }
        if let Some(text) = p.text("engine") {
            options.engine = Engine::from_name(text)
                .ok_or_else(|| p.bad("engine", text, "it must be auto, tree, scan or kdtree"))?;
        }
        if let Some(seed) = p.value("seed", "it must be a whole number", |_: &u64| true)? {
            options.seed = seed;
        }
        Ok(options)
    }

    pub(super) fn text(&self) -> String {
        format!(
            "k={} norm={} transform={} ties={} engine={} seed={}",
            self.k.name(),
            self.norm.name(),
            self.transform.name(),
            self.ties.name(),
            self.engine.name(),
            self.seed
        )
    }

    /// Checks that there are more samples than neighbours.
    pub(super) fn enough(&self, n: usize) -> Result<(), EstimatorError> {
        if n <= self.k.high {
            return Err(EstimatorError::TooFewSamples { found: n, needed: self.k.high + 1 });
        }
        Ok(())
    }

    /// The variable as distances are measured in it, and the share of its samples that are tied. `stream` tells the
    /// variables apart, so that the jitter of one is not that of another.
    pub(super) fn prepare(
        &self,
        estimator: &'static str,
        x: ArrayView2<'_, f64>,
        stream: u64,
    ) -> Result<(Array2<f64>, f64), EstimatorError> {
        self.treated(estimator, self.transform.apply(x)?, stream)
    }

    /// [`NeighbourOptions::prepare`] of two variables at once.
    pub(super) fn prepare_both(
        &self,
        estimator: &'static str,
        x: ArrayView2<'_, f64>,
        y: ArrayView2<'_, f64>,
    ) -> Result<(Prepared, Prepared), EstimatorError> {
        let prepared = |variable, stream| -> Result<Prepared, EstimatorError> {
            let values = self.transform.apply(variable)?;
            if values.ncols() == 1 && self.engine == Engine::Auto {
                // Sorted for its ties, and again for its neighbours: once is enough where it has none.
                let line = Sorted::new(values.iter().copied());
                if !line.has_ties() {
                    return Ok(Prepared { values, tied: 0.0, line: Some(line) });
                }
            }
            let (values, tied) = self.treated(estimator, values, stream)?;
            Ok(Prepared { values, tied, line: None })
        };
        let (x, y) = rayon::join(|| prepared(x, 0), || prepared(y, 1));
        Ok((x?, y?))
    }

    fn treated(
        &self,
        estimator: &'static str,
        mut values: Array2<f64>,
        stream: u64,
    ) -> Result<(Array2<f64>, f64), EstimatorError> {
        let tied = self.ties.treat(estimator, &mut values, self.seed, stream)?;
        Ok((values, tied))
    }

    pub(super) fn points(&self, variables: &[ArrayView2<'_, f64>]) -> Result<Points, EstimatorError> {
        Points::new(variables, self.norm, self.engine)
    }

    /// The median over the range of k of what `of_k` finds, each told as a detail when there are several.
    pub(super) fn median(&self, of_k: impl Fn(usize) -> Estimate) -> Estimate {
        let estimates: Vec<(usize, Estimate)> = (self.k.low..=self.k.high).map(|k| (k, of_k(k))).collect();
        let mut order: Vec<usize> = (0..estimates.len()).collect();
        order.sort_by(|&a, &b| estimates[a].1.value.0.total_cmp(&estimates[b].1.value.0));
        let middle = &estimates[order[(order.len() - 1) / 2]].1;
        let mut combined = middle.clone();
        if order.len() > 1 {
            // Of an even number the two in the middle are averaged.
            combined.value.0 = (middle.value.0 + estimates[order[order.len() / 2]].1.value.0) / 2.0;
            for (k, estimate) in &estimates {
                combined = combined.with_detail(format!("k_{k}_nats"), estimate.value.0);
            }
        }
        combined
    }
}

/// A variable as distances are measured in it.
pub(super) struct Prepared {
    /// [N × D].
    pub(super) values: Array2<f64>,
    /// Share of its samples that are tied.
    pub(super) tied: f64,
    /// Its values in order, where it has one column and no ties.
    line: Option<Sorted>,
}

impl Prepared {
    /// The variable's points alone.
    pub(super) fn margin(&mut self, options: &NeighbourOptions) -> Result<Points, EstimatorError> {
        match self.line.take() {
            Some(line) => Ok(Points::on_line(line, options.norm)),
            None => options.points(&[self.values.view()]),
        }
    }
}

/// Share of tied samples above which neighbour counts are not to be trusted.
const MANY_TIES: f64 = 0.05;

/// Adds the warnings that neighbours call for: ties, and more dimensions than so many samples can fill.
///
/// KSG reads 0.68 of 1.02 nat in 5 + 5 dimensions at N = 10⁴, and 0.98 in 3 + 3: the line is drawn between, and grows
/// with the logarithm of N because the distance to a neighbour falls as N^(−1/D).
pub(super) fn warned(mut estimate: Estimate, tied: f64, dimension: usize) -> Estimate {
    if tied > MANY_TIES {
        estimate = estimate.warned(Warning::Ties);
    }
    if dimension as f64 > 1.5 * (estimate.n_samples as f64).log10() {
        estimate = estimate.warned(Warning::HighDimension);
    }
    estimate
}
