//! I(X;Z) and I(X;Z|Y) of a stochastic encoder, Z ~ N(μ(x), diag σ(x)²) ("How Does Information Bottleneck Help Deep
//! Learning?", Kawaguchi, Deng, Ji & Huang 2023).
//!
//! A deterministic layer to which Gaussian noise is added is the case of one σ for all.

use crate::pair::Classes;
use crate::random::generator;
use crate::{Estimate, EstimatorError};
use ndarray::{ArrayView1, ArrayView2, Axis};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

const NAME: &str = "stochastic-encoder";
/// Streams of the seed, one for each input from here on.
const STREAM: u64 = 8_000_000;

/// What the code of an encoder tells of the input, estimated on N inputs, in nats.
///
/// Standard errors are over inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderInformation {
    /// I(X;Z) by Monte Carlo: `mean_i [log p(z_i|x_i) − log mean_j p(z_i|x_j)]`, z_i drawn from the code of input i. At
    /// most log N.
    pub mc: Estimate,
    /// I(X;Z|Y) by the same within each class, weighted by the number of its inputs.
    pub mc_given_label: Estimate,
    /// The upper bound in which the mean over inputs is taken of the logarithm,
    /// `mean_ij KL(p(z|x_i) ‖ p(z|x_j))`. In closed form, where the paper's code draws one z an input; no ceiling.
    pub jensen: Estimate,
    /// The same within each class.
    pub jensen_given_label: Estimate,
}

/// Estimates the information of the codes N(means, stds²), both [inputs × dimensions], of inputs with these labels, with
/// so many draws of z an input.
///
/// # Errors
/// When shapes or lengths differ, there are fewer than two inputs, a mean is not finite, a standard deviation is not
/// positive, or there are no draws.
pub fn encoder_information(
    means: ArrayView2<'_, f32>,
    stds: ArrayView2<'_, f32>,
    labels: &[u32],
    draws: usize,
    seed: u64,
) -> Result<EncoderInformation, EstimatorError> {
    let (n, dimensions) = means.dim();
    if stds.nrows() != n || labels.len() != n {
        return Err(EstimatorError::LengthMismatch { left: n, right: stds.nrows().min(labels.len()) });
    }
    let bad = |name: &str, value: String, rule: &str| EstimatorError::BadParameter {
        estimator: NAME,
        name: name.into(),
        value,
        rule: rule.into(),
    };
    if stds.ncols() != dimensions || dimensions == 0 {
        return Err(bad("dimensions", stds.ncols().to_string(), &format!("the means have {dimensions}")));
    }
    if n < 2 {
        return Err(EstimatorError::TooFewSamples { found: n, needed: 2 });
    }
    if draws == 0 {
        return Err(bad("draws", "0".into(), "there must be one at least"));
    }
    crate::pair::finite(&means)?;
    if let Some(std) = stds.iter().find(|s| !(**s > 0.0 && s.is_finite())) {
        return Err(bad("std", std.to_string(), "a standard deviation is positive"));
    }
    let codes = Codes::new(means, stds);
    let classes = Classes::new(labels);
    let of_sample = classes.of_sample();
    let rows: Vec<[f64; 4]> = (0..n)
        .into_par_iter()
        .map(|i| {
            let same = |j: usize| of_sample[j] == of_sample[i];
            let mut rng = generator(seed, STREAM + i as u64);
            let mut row = [0.0; 4];
            for _ in 0..draws {
                let logs = codes.log_densities_of_a_draw(i, &mut rng);
                let own = logs[i];
                row[0] += (own - log_mean(logs.iter().copied())) / draws as f64;
                row[1] += (own - log_mean((0..n).filter(|&j| same(j)).map(|j| logs[j]))) / draws as f64;
            }
            // To the others and from them: a mean over pairs moves with both.
            let both: Vec<f64> = (0..n).map(|j| codes.divergence(i, j) + codes.divergence(j, i)).collect();
            row[2] = both.iter().sum::<f64>() / n as f64;
            let (sum, count) = (0..n).filter(|&j| same(j)).fold((0.0, 0.0), |(s, c), j| (s + both[j], c + 1.0));
            row[3] = sum / count;
            row
        })
        .collect();
    let rows = projected(rows, of_sample, classes.counts());
    let of = |which: usize| Estimate::mean_of(&rows.iter().map(|r| r[which]).collect::<Vec<_>>());
    let counts = classes.counts().iter().map(|&c| c as f64);
    let within: f64 = counts.map(|c| c / n as f64 * c.ln()).sum();
    Ok(EncoderInformation {
        mc: of(0).judged((n as f64).ln()),
        mc_given_label: of(1).judged(within),
        jensen: of(2).judged(f64::INFINITY),
        jensen_given_label: of(3).judged(f64::INFINITY),
    })
}

/// Takes from each sum of row and column means of the divergences (the last two numbers) the mean over its pairs, over all
/// inputs and over those of its class: what is left has the mean over pairs as its mean, and the spread that gives the
/// standard error of such a mean (Hoeffding 1948).
fn projected(mut rows: Vec<[f64; 4]>, of_sample: &[u32], counts: &[usize]) -> Vec<[f64; 4]> {
    let n = rows.len() as f64;
    let whole = rows.iter().map(|r| r[2]).sum::<f64>() / (2.0 * n);
    let mut within = vec![0.0; counts.len()];
    for (row, &class) in rows.iter().zip(of_sample) {
        within[class as usize] += row[3] / (2.0 * counts[class as usize] as f64);
    }
    for (row, &class) in rows.iter_mut().zip(of_sample) {
        row[2] -= whole;
        row[3] -= within[class as usize];
    }
    rows
}

/// Means, and for the densities the logarithms and inverses of the standard deviations.
struct Codes {
    means: ndarray::Array2<f64>,
    stds: ndarray::Array2<f64>,
    inverses: ndarray::Array2<f64>,
    /// Σ log σ of each input.
    log_stds: Vec<f64>,
}

impl Codes {
    fn new(means: ArrayView2<'_, f32>, stds: ArrayView2<'_, f32>) -> Self {
        let (means, stds) = (means.mapv(f64::from), stds.mapv(f64::from));
        let log_stds = stds.axis_iter(Axis(0)).map(|row| row.iter().map(|s| s.ln()).sum()).collect();
        Self { means, inverses: stds.mapv(f64::recip), stds, log_stds }
    }

    /// log p(z|x_j) for all j, without the constant that all share.
    fn log_densities_of_a_draw(&self, i: usize, rng: &mut rand_chacha::ChaCha8Rng) -> Vec<f64> {
        let z: Vec<f64> = self
            .means
            .row(i)
            .iter()
            .zip(self.stds.row(i))
            .map(|(m, s)| {
                let e: f64 = StandardNormal.sample(rng);
                m + s * e
            })
            .collect();
        let z = ArrayView1::from(&z);
        (0..self.means.nrows())
            .map(|j| {
                let square: f64 = z
                    .iter()
                    .zip(self.means.row(j))
                    .zip(self.inverses.row(j))
                    .map(|((z, m), inverse)| ((z - m) * inverse).powi(2))
                    .sum();
                -self.log_stds[j] - 0.5 * square
            })
            .collect()
    }

    /// KL(p(z|x_i) ‖ p(z|x_j)).
    fn divergence(&self, i: usize, j: usize) -> f64 {
        let own = self.means.row(i).into_iter().zip(self.stds.row(i));
        let theirs = self.means.row(j).into_iter().zip(self.inverses.row(j));
        let squares: f64 = own
            .zip(theirs)
            .map(|((m, s), (n, inverse))| (s * inverse).powi(2) + ((m - n) * inverse).powi(2) - 1.0)
            .sum();
        self.log_stds[j] - self.log_stds[i] + 0.5 * squares
    }
}

fn log_mean(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    let (sum, count) = logs.fold((0.0, 0.0), |(s, c): (f64, f64), l| (s + (l - largest).exp(), c + 1.0));
    largest + (sum / count).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Nats, Warning};
    use ndarray::{Array2, array};

    fn of(means: &Array2<f32>, std: f32, labels: &[u32]) -> EncoderInformation {
        let stds = Array2::from_elem(means.dim(), std);
        encoder_information(means.view(), stds.view(), labels, 4000, 3).unwrap()
    }

    #[test]
    fn one_code_for_all_tells_nothing() {
        let found = of(&Array2::zeros((4, 3)), 1.0, &[0, 0, 1, 1]);
        for value in [found.mc, found.mc_given_label, found.jensen, found.jensen_given_label] {
            assert!(value.value.0.abs() < 1e-12, "{value:?}");
        }
    }

    #[test]
    fn codes_far_apart_tell_the_input() {
        let means = Array2::from_shape_fn((6, 2), |(i, _)| 100.0 * i as f32);
        let found = of(&means, 1.0, &[0, 0, 0, 0, 1, 1]);
        assert!((found.mc.value.0 - 6f64.ln()).abs() < 1e-9 && found.mc.warnings == [Warning::Saturated]);
        let within = 4.0 / 6.0 * 4f64.ln() + 2.0 / 6.0 * 2f64.ln();
        assert!((found.mc_given_label.value.0 - within).abs() < 1e-9);
        assert!(found.jensen.value.0 > 1000.0);
    }

    /// Two inputs whose codes are two standard deviations apart: the channel's information by numerical integration.
    #[test]
    fn two_inputs_against_numerical_integration() {
        let density = |x: f64, m: f64| (-(x - m).powi(2) / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let expected: f64 = (-10_000..12_000)
            .map(|i| f64::from(i) * 1e-3)
            .map(|x| {
                let (a, b) = (density(x, 0.0), density(x, 2.0));
                1e-3 * a * (a / (0.5 * (a + b))).ln()
            })
            .sum();
        let found = of(&array![[0.0], [4.0]], 2.0, &[0, 1]);
        assert!((found.mc.value.0 - expected).abs() < 0.015, "{:?} for {expected}", found.mc);
        assert!((found.jensen.value.0 - 1.0).abs() < 1e-9, "{:?}", found.jensen);
        assert!(found.mc_given_label.value.0.abs() < 1e-12);
    }

    /// KL of two Gaussians of different widths, (ln(2) + 1/8 + 1/8 − 1/2) and back.
    #[test]
    fn widths_that_differ_between_inputs() {
        let means = array![[0.0f32], [1.0]];
        let stds = array![[1.0f32], [2.0]];
        let found = encoder_information(means.view(), stds.view(), &[0, 0], 1, 0).unwrap();
        let forth = 2f64.ln() + (1.0 + 1.0) / 8.0 - 0.5;
        let back = -(2f64.ln()) + (4.0 + 1.0) / 2.0 - 0.5;
        assert!((found.jensen.value.0 - (forth + back) / 4.0).abs() < 1e-9);
        assert_eq!(found.jensen.value, found.jensen_given_label.value);
        assert_eq!(found.mc.value, found.mc_given_label.value);
        assert!(found.mc.std_error > Some(Nats(0.0)));
    }

    /// Codes of one spread are as far apart as their means: the mean over pairs is the mean square from the mean.
    #[test]
    fn the_standard_error_is_that_of_a_mean_over_pairs() {
        let means =
            Array2::from_shape_fn((40, 2), |(i, j)| ((i * 7 + j * 3) as f32 * 0.9).sin() * (1.0 + i as f32 / 20.0));
        let labels: Vec<u32> = (0..40).map(|i| i % 2).collect();
        let found = of(&means, 1.0, &labels);
        let error = |rows: Vec<usize>| {
            let own = means.mapv(f64::from).select(Axis(0), &rows);
            let squares: Vec<f64> =
                (&own - &own.mean_axis(Axis(0)).unwrap()).rows().into_iter().map(|r| r.dot(&r)).collect();
            Estimate::mean_of(&squares)
        };
        let whole = error((0..40).collect());
        assert!((found.jensen.value.0 - whole.value.0).abs() < 1e-6);
        assert!((found.jensen.std_error.unwrap().0 - whole.std_error.unwrap().0).abs() < 1e-6);
        let halves: f64 = (0..2).map(|y| error((0..40).filter(|i| i % 2 == y).collect()).value.0 / 2.0).sum();
        assert!((found.jensen_given_label.value.0 - halves).abs() < 1e-6);
    }

    #[test]
    fn faults_are_named() {
        let (means, stds) = (Array2::<f32>::zeros((3, 2)), Array2::<f32>::ones((3, 2)));
        let refuse = |m: &Array2<f32>, s: &Array2<f32>, l: &[u32], d| {
            encoder_information(m.view(), s.view(), l, d, 0).unwrap_err().to_string()
        };
        assert!(refuse(&means, &stds, &[0, 1], 1).contains("3 samples in one"));
        assert!(refuse(&means, &Array2::zeros((3, 2)), &[0, 0, 1], 1).contains("positive"));
        assert!(refuse(&means, &stds, &[0, 0, 1], 0).contains("draws"));
        assert!(refuse(&Array2::from_elem((3, 2), f32::NAN), &stds, &[0, 0, 1], 1).contains("not finite"));
    }
}
