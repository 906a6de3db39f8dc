//! Learners in closed form: linear rules from sums over the samples, which no order of the samples can change.
//!
//! They do not forget: whoever compares a network or a memory with them compares with what the same samples allow when
//! nothing is lost. Nearest class mean (Mensink et al. 2013), linear discriminant analysis with a shared covariance
//! accumulated as the samples come (Hayes & Kanan 2020, "Lifelong machine learning with deep streaming linear discriminant
//! analysis"), ridge regression on one-hot labels.

use super::statistics::Statistics;
use crate::ProbeError;
use crate::cholesky::Cholesky;
use crate::incremental::learner::{Learner, LearnerEntry, Samples};
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array1, Array2, Axis};

pub(crate) const NEAREST_MEAN: LearnerEntry = LearnerEntry {
    name: "nearest-mean",
    summary: "the class of the nearest mean; sums alone: it cannot forget",
    parameters: &[],
    order_free: true,
    build: |_, samples, _| Ok(start(samples, Rule::NearestMean)),
};

pub(crate) const LDA: LearnerEntry = LearnerEntry {
    name: "lda",
    summary: "streaming linear discriminant analysis; sums alone: it cannot forget",
    parameters: &[ParameterDoc {
        name: "shrinkage",
        default: "1e-2",
        meaning: "share of the covariance that is a multiple of the unit matrix",
    }],
    order_free: true,
    build: |given, samples, _| {
        let within = |s: &f64| *s > 0.0 && *s <= 1.0;
        Ok(start(samples, Rule::Lda(given.value("shrinkage", "it must be above 0 and at most 1", within)?)))
    },
};

pub(crate) const RIDGE: LearnerEntry = LearnerEntry {
    name: "ridge",
    summary: "ridge regression on one-hot labels; sums alone: it cannot forget",
    parameters: &[ParameterDoc {
        name: "lambda",
        default: "1e-2",
        meaning: "penalty, in units of the features' mean variance and a sample",
    }],
    order_free: true,
    build: |given, samples, _| Ok(start(samples, Rule::Ridge(given.positive("lambda")?))),
};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    NearestMean,
    Lda(f64),
    Ridge(f64),
}

fn start(samples: &Samples, rule: Rule) -> Box<dyn Learner + '_> {
    let (rows, features) = samples.inputs.dim();
    let statistics = Statistics::new(rows, features, samples.classes, rule != Rule::NearestMean);
    Box::new(ClosedForm { samples, statistics, rule, solved: None })
}

struct ClosedForm<'a> {
    samples: &'a Samples,
    statistics: Statistics,
    rule: Rule,
    /// Weights [features × classes] and intercepts, as long as nothing was added.
    solved: Option<(Array2<f64>, Array1<f64>)>,
}

impl Learner for ClosedForm<'_> {
    fn learn(&mut self, rows: &[usize]) -> Result<(), ProbeError> {
        if self.statistics.add(self.samples.inputs.view(), &self.samples.labels, rows) {
            self.solved = None;
        }
        Ok(())
    }

    fn scores(&mut self, rows: &[usize]) -> Result<Array2<f32>, ProbeError> {
        if self.solved.is_none() {
            self.solved = Some(match self.rule {
                Rule::NearestMean => nearest_mean(&self.statistics),
                Rule::Lda(shrinkage) => lda(&self.statistics, shrinkage)?,
                Rule::Ridge(lambda) => ridge(&self.statistics, lambda)?,
            });
        }
        let (weights, intercepts) = self.solved.as_ref().unwrap_or_else(|| unreachable!("solved above"));
        let scores = self.samples.inputs.select(Axis(0), rows).dot(weights) + intercepts;
        Ok(scores.mapv(|s| s as f32))
    }
}

/// −‖x − μ‖² up to what all classes share; a class without samples is never the nearest.
fn nearest_mean(s: &Statistics) -> (Array2<f64>, Array1<f64>) {
    let means = s.means();
    let lengths: Array1<f64> = means.outer_iter().map(|m| -m.dot(&m)).collect();
    (means.t().mapv(|v| 2.0 * v), without_unseen(lengths, s))
}

/// wₖ = Λ μₖ, bₖ = −½ μₖ·Λ μₖ, with Λ the inverse of the shrunk covariance within the classes.
fn lda(s: &Statistics, shrinkage: f64) -> Result<(Array2<f64>, Array1<f64>), ProbeError> {
    let means = s.means();
    let mut weighted = means.clone();
    weighted.outer_iter_mut().zip(&s.counts).for_each(|(mut m, &n)| m *= n);
    let within = (&s.products - &weighted.t().dot(&means)) / s.total().max(1.0);
    let weights = solved(within, shrinkage, means.t().to_owned(), "lda")?;
    let intercepts = (0..means.nrows()).map(|k| -0.5 * means.row(k).dot(&weights.column(k))).collect();
    Ok((weights, without_unseen(intercepts, s)))
}

/// W = (C + λ v I)⁻¹ B and b = ȳ − x̄ W, with C the covariance of the features, v its mean diagonal, B the covariance of the
/// features with the one-hot labels.
fn ridge(s: &Statistics, lambda: f64) -> Result<(Array2<f64>, Array1<f64>), ProbeError> {
    let n = s.total().max(1.0);
    let mean = s.sums.sum_axis(Axis(0)) / n;
    let shares = &s.counts / n;
    let column = mean.view().insert_axis(Axis(1));
    let covariance = &s.products / n - column.dot(&column.t());
    let cross = &s.sums.t() / n - column.dot(&shares.view().insert_axis(Axis(0)));
    // λ of the unit matrix beside the whole covariance is a share λ / (1 + λ) of their mixture, but for a factor.
    let weights = solved(covariance, lambda / (1.0 + lambda), cross, "ridge")? / (1.0 + lambda);
    let intercepts = shares - mean.dot(&weights);
    Ok((weights, without_unseen(intercepts, s)))
}

/// ((1 − share) A + share · v I)⁻¹ B, v the mean of A's diagonal.
fn solved(a: Array2<f64>, share: f64, mut b: Array2<f64>, rule: &str) -> Result<Array2<f64>, ProbeError> {
    let unit = a.diag().mean().unwrap_or(0.0).max(f64::MIN_POSITIVE);
    let mut mixed = a * (1.0 - share);
    mixed.diag_mut().mapv_inplace(|d| d + share * unit);
    let factor = Cholesky::new(mixed.view()).ok_or_else(|| {
        ProbeError::Data(format!("{rule}: the covariance of the features cannot be inverted; a larger penalty helps"))
    })?;
    b.columns_mut().into_iter().for_each(|column| factor.solve(column));
    Ok(b)
}

/// Intercepts that keep classes without a sample from being predicted.
fn without_unseen(mut intercepts: Array1<f64>, s: &Statistics) -> Array1<f64> {
    intercepts.iter_mut().zip(&s.counts).filter(|(_, n)| **n == 0.0).for_each(|(b, _)| *b = f64::NEG_INFINITY);
    intercepts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bottleneck::best_class;

    /// Three clouds in four dimensions with a shared, stretched spread.
    fn samples() -> Samples {
        let inputs = Array2::from_shape_fn((300, 4), |(i, j)| {
            let wobble = ((i * 31 + j * 17) as f64 * 1.7).sin() * if j == 0 { 6.0 } else { 1.0 };
            wobble + if j == 1 + i % 3 { 2.5 } else { 0.0 }
        });
        let labels = (0..300).map(|i| i % 3).collect();
        let unlabelled = inputs.clone();
        Samples { inputs, labels, classes: 4, train: (0..300).collect(), test: vec![], unlabelled }
    }

    #[test]
    fn order_and_repetition_change_nothing_and_unseen_classes_are_not_predicted() {
        let samples = samples();
        let all: Vec<usize> = (0..300).collect();
        let by_class: Vec<usize> = (0..3).flat_map(|k| (k..300).step_by(3)).collect();
        for rule in [Rule::NearestMean, Rule::Lda(1e-3), Rule::Ridge(1e-3)] {
            let scores = |order: &[usize]| {
                let mut learner = start(&samples, rule);
                order.chunks(32).chain(order.chunks(50)).for_each(|rows| learner.learn(rows).unwrap());
                learner.scores(&all).unwrap()
            };
            let (one, other) = (scores(&all), scores(&by_class));
            let same = |(a, b): (&f32, &f32)| a == b || (a - b).abs() < 1e-4 * a.abs().max(1.0);
            assert!(one.iter().zip(&other).all(same), "{rule:?}");
            let best = best_class(one.mapv(f64::from).view());
            let right = best.iter().zip(&samples.labels).filter(|(a, b)| a == b).count();
            assert!(right > 180 && !best.contains(&3), "{rule:?}: {right}");
        }
    }

    #[test]
    fn lda_sees_through_a_spread_that_nearest_mean_does_not() {
        // Two classes that differ along a direction in which neither feature alone tells them apart.
        let inputs = Array2::from_shape_fn((400, 2), |(i, j)| {
            let along = (i as f64 * 0.7).sin() * 10.0;
            along + if j == 1 && i % 2 == 0 { -2.0 } else { 0.0 } + 0.2 * ((i * 2 + j) as f64 * 2.3).cos()
        });
        let labels: Vec<u32> = (0..400).map(|i| i % 2).collect();
        let samples = Samples { unlabelled: inputs.clone(), inputs, labels, classes: 2, train: vec![], test: vec![] };
        let all: Vec<usize> = (0..400).collect();
        let right = |rule| {
            let mut learner = start(&samples, rule);
            learner.learn(&all).unwrap();
            let best = best_class(learner.scores(&all).unwrap().mapv(f64::from).view());
            best.iter().zip(&samples.labels).filter(|(a, b)| a == b).count()
        };
        assert!(right(Rule::NearestMean) < 280);
        assert!(right(Rule::Lda(1e-6)) > 395 && right(Rule::Ridge(1e-6)) > 395);
    }
}
