//! Variational bounds by a critic: training, and the estimate from samples that took no part in it.

use super::critic::{Critic, CriticKind};
use super::fit::fit;
use super::options::NeuralOptions;
use super::sample::{Part, Sample};
use crate::registry::ParameterDoc;
use crate::{Estimate, EstimatorError, Parameters, Variable};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::ops::Range;

/// Options shared by the estimators from a critic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CriticOptions {
    /// How the critic sees a pair.
    pub critic: CriticKind,
    /// The network and its training.
    pub training: NeuralOptions,
}

impl Default for CriticOptions {
    fn default() -> Self {
        Self { critic: CriticKind::Separable, training: NeuralOptions::new(&[64, 64]) }
    }
}

pub(super) const CRITIC: ParameterDoc =
    ParameterDoc { name: "critic", default: "separable", meaning: "separable (inner product) or joint (side by side)" };
pub(super) const TRAINING: [ParameterDoc; 8] = NeuralOptions::docs("64x64");
pub(super) const DOCS: [ParameterDoc; 9] =
    [CRITIC, TRAINING[0], TRAINING[1], TRAINING[2], TRAINING[3], TRAINING[4], TRAINING[5], TRAINING[6], TRAINING[7]];

impl CriticOptions {
    pub(super) fn read(p: &Parameters) -> Result<Self, EstimatorError> {
        let critic = match p.text("critic") {
            None | Some("separable") => CriticKind::Separable,
            Some("joint") => CriticKind::Joint,
            Some(other) => return Err(p.bad("critic", other, "it must be separable or joint")),
        };
        Ok(Self { critic, training: NeuralOptions::read(p, Self::default().training)? })
    }

    pub(super) fn text(&self) -> String {
        let critic = match self.critic {
            CriticKind::Separable => "separable",
            CriticKind::Joint => "joint",
        };
        format!("critic={critic} {}", self.training.text())
    }
}

/// What a bound needs of one held-out sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The score of its own pair.
    pub(super) own: f64,
    /// The bound's summary of its x with the other samples' y.
    pub(super) others: f64,
    /// What early stopping maximises, where that is not the bound's own value.
    pub(super) objective: f64,
}

/// One bound on the mutual information.
pub(super) trait Bound {
    /// The derivatives of the loss by the scores [B × B] of a batch, in which the drawn pairs are on the diagonal.
    fn slope(&mut self, scores: Array2<f32>) -> Array2<f32>;

    /// What is needed of one row of scores, whose own pair is at `own`.
    fn row(&self, scores: &[f32], own: usize) -> Row;

    /// Contributions whose mean is the estimate.
    fn contributions(&self, rows: &[Row]) -> Vec<f64>;

    /// What the exponentials of scores are measured against, from all rows.
    fn scale(&self, rows: &[Row]) -> f64 {
        let _ = rows;
        0.0
    }

    /// How much a score of a row with another sample's y weighs in the bound, of which the row's own share is `others`.
    fn weight(&self, score: f32, row: &Row, scale: f64) -> f64 {
        let _ = row;
        (f64::from(score) - scale).exp()
    }

    /// What early stopping maximises.
    fn objective(&self, rows: &[Row]) -> f64 {
        mean(self.contributions(rows).into_iter())
    }
}

/// Most samples that are scored against each other, for early stopping and for the estimate.
const VALIDATION_BLOCK: usize = 512;
pub(super) const TEST_BLOCK: usize = 4096;

/// Rows of scores in memory at once.
const STRIP: usize = 64;

/// The samples in blocks of at most `most`, each scored against its block: what the bound needs of each.
fn rows(bound: &impl Bound, critic: &Critic, part: &Part, most: usize) -> Vec<Row> {
    let mut out = Vec::with_capacity(part.len());
    each_strip(critic, part, most, |scores, rows, block| {
        for (row, scores) in rows.zip(scores.rows()) {
            // Both ways of scoring return rows without gaps.
            out.push(bound.row(&scores.to_vec(), row - block.start));
        }
    });
    out
}

/// Hands on the scores of some rows at a time with all samples of their block, and where the rows and the block are.
fn each_strip(
    critic: &Critic,
    part: &Part,
    most: usize,
    mut visit: impl FnMut(&Array2<f32>, Range<usize>, Range<usize>),
) {
    let (x, y) = critic.encode(part.x.view(), part.y.view());
    let block = block_size(part.len(), most);
    for start in (0..part.len()).step_by(block) {
        let end = (start + block).min(part.len());
        for from in (start..end).step_by(STRIP) {
            let to = (from + STRIP).min(end);
            visit(&critic.scores(strip(&x, from..to), strip(&y, start..end)), from..to, start..end);
        }
    }
}

/// Sums over the rows of a block of how much each sample's y weighs in them.
struct Pulls {
    sums: Vec<f64>,
    counts: Vec<f64>,
}

impl Pulls {
    fn new(n: usize) -> Self {
        Self { sums: vec![0.0; n], counts: vec![0.0; n] }
    }

    /// Adds the rows at `rows`, of scores with the samples at `block`.
    fn add(
        &mut self,
        bound: &impl Bound,
        scores: &Array2<f32>,
        known: &[Row],
        scale: f64,
        rows: Range<usize>,
        block: Range<usize>,
    ) {
        for (row, scores) in rows.zip(scores.rows()) {
            for (other, &score) in block.clone().zip(scores) {
                if other != row {
                    self.sums[other] += bound.weight(score, &known[row], scale);
                    self.counts[other] += 1.0;
                }
            }
        }
    }

    /// Contributions that hold what a sample does to the bound through other samples' rows, too. Their mean is that of
    /// `contributions`; without this their scatter would be too small (the bound is a mean over pairs, and each sample
    /// is in two of a row and a column: Hoeffding 1948).
    fn taken_off(self, contributions: Vec<f64>) -> Vec<f64> {
        let pulls: Vec<f64> = self.sums.iter().zip(&self.counts).map(|(sum, count)| sum / count.max(1.0)).collect();
        let middle = mean(pulls.iter().copied());
        contributions.into_iter().zip(pulls).map(|(c, pull)| c - (pull - middle)).collect()
    }
}

fn strip(codes: &Array2<f32>, rows: Range<usize>) -> ArrayView2<'_, f32> {
    codes.slice_axis(Axis(0), Slice::from(rows))
}

/// The size of the fewest equal blocks of at most `most`, the last of which may be a little smaller.
pub(super) fn block_size(n: usize, most: usize) -> usize {
    n.div_ceil(n.div_ceil(most))
}

/// Trains a critic by the bound, and estimates by the bound of the test part.
///
/// Returns the estimate with its details, not yet judged, and the ceiling that discrete variables set.
pub(super) fn estimate<B: Bound>(
    estimator: &'static str,
    options: &CriticOptions,
    x: &Variable<'_>,
    y: &Variable<'_>,
    mut bound: B,
) -> Result<(Estimate, f64), EstimatorError> {
    let training = &options.training;
    let sample = Sample::new(estimator, x, y, training)?;
    let Sample { train, validation, test, ceiling } = &sample;
    let critic = Critic::new(options.critic, train.x.ncols(), train.y.ncols(), &training.hidden, training.seed);
    let fitted = {
        // Training changes the bound's memory, and judging looks at the bound between two steps.
        let bound = RefCell::new(&mut bound);
        fit(
            critic,
            train.len(),
            &training.schedule(),
            |critic, batch, gradient| {
                let (scores, trace) = critic.trace(train.x.select(Axis(0), batch), train.y.select(Axis(0), batch));
                critic.backward(&trace, bound.borrow_mut().slope(scores), gradient);
            },
            |critic| {
                let bound = bound.borrow();
                bound.objective(&rows(&**bound, critic, validation, VALIDATION_BLOCK))
            },
        )
    };
    let on_train = bound.contributions(&rows(&bound, &fitted.model, train, TEST_BLOCK));
    let on_test = rows(&bound, &fitted.model, test, TEST_BLOCK);
    let (scale, mut pulls) = (bound.scale(&on_test), Pulls::new(test.len()));
    each_strip(&fitted.model, test, TEST_BLOCK, |scores, rows, block| {
        pulls.add(&bound, scores, &on_test, scale, rows, block);
    });
    let estimate = Estimate::mean_of(&pulls.taken_off(bound.contributions(&on_test)))
        .with_detail("train_nats", mean(on_train.into_iter()));
    Ok((fitted.told(estimate), *ceiling))
}

pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

/// log Σ exp of the scores, without overflow.
pub(super) fn log_sum_exp(scores: &[f32]) -> f64 {
    let largest = scores.iter().fold(f32::NEG_INFINITY, |m, &s| m.max(s));
    if largest == f32::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    let sum: f64 = scores.chunks(64).map(|c| f64::from(c.iter().map(|&s| (s - largest).exp()).sum::<f32>())).sum();
    f64::from(largest) + sum.ln()
}

/// log of the mean of exp of the scores but the one at `own`.
pub(super) fn log_mean_exp_of_others(scores: &[f32], own: usize) -> f64 {
    let (before, after) = (log_sum_exp(&scores[..own]), log_sum_exp(&scores[own + 1..]));
    let largest = before.max(after);
    largest + ((before - largest).exp() + (after - largest).exp()).ln() - (scores.len() as f64 - 1.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_exponentials_do_not_overflow() {
        assert!((log_sum_exp(&[1000.0, 1000.0]) - 1000.0 - 2f64.ln()).abs() < 1e-6);
        assert!((log_mean_exp_of_others(&[0.0, 500.0, 0.0], 1)).abs() < 1e-6);
        assert!((log_mean_exp_of_others(&[500.0, 0.0, 0.0], 0)).abs() < 1e-6);
    }

    /// The standard error of a bound of fixed scores agrees with that of the jackknife, which leaves out a sample's row
    /// and column.
    fn check_error(bound: impl Bound) {
        let n = 60;
        let z = |i: usize| (i as f64 * 2.399).sin() * 1.3;
        let scores = Array2::from_shape_fn((n, n), |(i, j)| {
            (1.2 * z(i) * z(j + 1000 * usize::from(i != j)) - 0.3 * z(3 * j).powi(2)) as f32
        });
        let of = |kept: &[usize]| {
            let scores = scores.select(Axis(0), kept).select(Axis(1), kept);
            let rows: Vec<Row> =
                scores.rows().into_iter().enumerate().map(|(i, r)| bound.row(&r.to_vec(), i)).collect();
            let (scale, all) = (bound.scale(&rows), 0..kept.len());
            let mut pulls = Pulls::new(kept.len());
            pulls.add(&bound, &scores, &rows, scale, all.clone(), all);
            Estimate::mean_of(&pulls.taken_off(bound.contributions(&rows)))
        };
        let all: Vec<usize> = (0..n).collect();
        let told = of(&all).std_error.unwrap().0;
        let without: Vec<f64> = all.iter().map(|&i| of(&[&all[..i], &all[i + 1..]].concat()).value.0).collect();
        let middle = mean(without.iter().copied());
        let jackknife =
            ((n as f64 - 1.0) / n as f64 * without.iter().map(|v| (v - middle).powi(2)).sum::<f64>()).sqrt();
        assert!((told / jackknife - 1.0).abs() < 0.15, "{told} for {jackknife}");
    }

    #[test]
    fn errors_hold_what_a_sample_does_to_others() {
        check_error(super::super::mine::DonskerVaradhan::new(0));
        check_error(super::super::nwj::Convex { warm_up: 0 });
        check_error(super::super::smile::Clipped { tau: 1.5 });
        check_error(super::super::infonce::Contrast);
    }

    #[test]
    fn blocks_are_equal_and_cover_everything() {
        assert_eq!((block_size(4096, 4096), block_size(4097, 4096), block_size(10, 512)), (4096, 2049, 10));
    }
}
