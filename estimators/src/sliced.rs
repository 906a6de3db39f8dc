//! Sliced mutual information ("Sliced mutual information: a scalable measure of statistical dependence", Goldfeld &
//! Greenewald 2021; k-sliced, Goldfeld, Greenewald, Nuradha & Reeves 2022).
//!
//! `SI_k(X;Y) = E[I(AᵀX; BᵀY)]` over random matrices A and B with k orthonormal columns, uniformly distributed; the mean
//! over `slices` of them, each with an estimate in k + k dimensions: KSG between two continuous variables, Ross's
//! neighbours when one is discrete. Zero just when the variables are independent, however many their dimensions, and
//! fast to converge; but a lower bound of I(X;Y) that falls with the dimension, and a measure of its own: projections
//! lose what other directions know, and it grows under linear maps that I(X;Y) does not see. Columns are standardised
//! first. The standard error is over the slices, not over the samples. Time O(slices·N·(D + log N)).

use crate::linalg::standardised;
use crate::neighbours::{Ksg, NeighbourOptions, Ross};
use crate::pair::{Classes, Pair};
use crate::random::generator;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable};
use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Mean information between random low-dimensional projections.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sliced {
    dimensions: usize,
    slices: usize,
    neighbours: usize,
    seed: u64,
}

const NAME: &str = "sliced";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "mean information between random projections to few dimensions (Goldfeld & Greenewald 2021)",
    parameters: &[
        ParameterDoc { name: "dimensions", default: "1", meaning: "dimensions that each variable is projected to" },
        ParameterDoc { name: "slices", default: "128", meaning: "pairs of random projections" },
        ParameterDoc { name: "neighbours", default: "3", meaning: "k of the neighbour estimate in each slice" },
        ParameterDoc { name: "seed", default: "0", meaning: "of the projections" },
    ],
    domain: Domain::NOT_DISCRETE,
    measure: Measure::Dependence,
    trained: false,
    cost: "O(slices·N·(D + log N))",
    choose: "dependence in many dimensions, for tests and rankings; below I(X;Y), and not to be compared with it",
    build: Build { mutual_information: Some(|p| Ok(Box::new(Sliced::from_parameters(p)?))), ..Build::NOTHING },
};

impl Sliced {
    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let whole = |key: &str, least: usize, default: usize| {
            let rule = format!("it must be a whole number of at least {least}");
            Ok::<_, EstimatorError>(p.value(key, &rule, |v: &usize| *v >= least)?.unwrap_or(default))
        };
        Ok(Self {
            dimensions: whole("dimensions", 1, 1)?,
            slices: whole("slices", 2, 128)?,
            neighbours: whole("neighbours", 1, 3)?,
            seed: p.value("seed", "it must be a whole number", |_: &u64| true)?.unwrap_or(0),
        })
    }

    /// Projections of `x` to at most its own dimension.
    fn slice(self, x: ArrayView2<'_, f64>, random: &mut ChaCha8Rng) -> Array2<f64> {
        let (d, k) = (x.ncols(), self.dimensions.min(x.ncols()));
        // The columns of the first factor of a normal matrix are uniform among orthonormal ones, up to signs, which
        // information does not see.
        let normal = DMatrix::from_fn(d, k, |_, _| -> f64 { StandardNormal.sample(random) });
        let orthonormal = normal.qr().q();
        x.dot(&Array2::from_shape_fn((d, k), |(row, column)| orthonormal[(row, column)]))
    }
}

impl Estimator for Sliced {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let Self { dimensions, slices, neighbours, seed } = self;
        format!("dimensions={dimensions} slices={slices} neighbours={neighbours} seed={seed}")
    }
}

enum Other {
    Continuous(Array2<f64>),
    Labels(Classes),
}

impl MutualInformation for Sliced {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let (a, b) = match Pair::new(&x, &y)? {
            Pair::Continuous(a, b) => (standardised(a), Other::Continuous(standardised(b))),
            Pair::Mixed(a, classes) => (standardised(a), Other::Labels(classes)),
            Pair::Discrete(..) => {
                return Err(EstimatorError::WrongKind { estimator: NAME, expected: "at least one continuous" });
            }
        };
        let options = NeighbourOptions::new(self.neighbours);
        let of_slice = |slice: usize| {
            let mut random = generator(self.seed, slice as u64);
            let of_a = self.slice(a.view(), &mut random);
            match &b {
                Other::Continuous(b) => {
                    let of_b = self.slice(b.view(), &mut random);
                    Ksg { options, ..Ksg::new(self.neighbours) }
                        .estimate(Variable::Continuous(of_a.view()), Variable::Continuous(of_b.view()))
                }
                Other::Labels(classes) => Ross { options }
                    .estimate(Variable::Continuous(of_a.view()), Variable::Discrete(classes.of_sample())),
            }
        };
        let slices = (0..self.slices).into_par_iter().map(of_slice).collect::<Result<Vec<_>, _>>()?;
        let values: Vec<f64> = slices.iter().map(|e| e.value.0).collect();
        let mut estimate = Estimate { n_samples: x.len(), ..Estimate::mean_of(&values) };
        for warning in slices.into_iter().flat_map(|e| e.warnings) {
            // A slice may well be below zero; their mean is what is judged.
            if !matches!(warning, crate::Warning::Negative) {
                estimate = estimate.warned(warning);
            }
        }
        Ok(estimate.with_detail("slices", self.slices as f64).judged(f64::INFINITY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    fn normal(n: usize, d: usize, stream: u64) -> Array2<f64> {
        let mut random = generator(3, stream);
        Array2::from_shape_fn((n, d), |_| StandardNormal.sample(&mut random))
    }

    #[test]
    fn one_column_each_is_the_information_itself() {
        let (x, noise) = (normal(2000, 1, 0), normal(2000, 1, 1));
        let y = &x * 0.75 + noise * 0.4375f64.sqrt();
        let of = |spec: &str| {
            let e = registry::mutual_information(spec).unwrap();
            e.estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap().value.0
        };
        assert!((of("sliced:slices=2") - of("ksg:transform=standard")).abs() < 0.01);
    }

    #[test]
    fn slices_of_a_linear_channel_read_their_closed_form() {
        // Y = X in d = 3: one-dimensional slices are normals with correlation a·b, whose square is Beta(1/2, 1): the
        // mean of −½ log(1 − s), s ~ Beta(½, (d−1)/2), is ½(ψ(d/2) − ψ((d−1)/2)) = 1 − log 2 for d = 3.
        let x = normal(4000, 3, 2);
        let e = registry::mutual_information("sliced:slices=200").unwrap();
        let found = e.estimate(Variable::Continuous(x.view()), Variable::Continuous(x.view())).unwrap();
        let truth = 1.0 - 2f64.ln();
        assert!((found.value.0 - truth).abs() < 4.0 * found.std_error.unwrap().0, "{found:?} for {truth}");
    }

    #[test]
    fn labels_are_taken_as_they_are() {
        let x = normal(1000, 4, 5);
        let labels: Vec<u32> = x.column(0).iter().map(|v| u32::from(*v > 0.0)).collect();
        let e = registry::mutual_information("sliced:slices=40").unwrap();
        let of =
            |labels: &[u32]| e.estimate(Variable::Continuous(x.view()), Variable::Discrete(labels)).unwrap().value.0;
        let unrelated: Vec<u32> = (0..1000).map(|i| i % 2).collect();
        assert!(of(&labels) > 0.08 && of(&unrelated).abs() < 0.03, "{} {}", of(&labels), of(&unrelated));
    }
}
