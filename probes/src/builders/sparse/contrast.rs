//! Contrastive losses between the samples of a minibatch and the units of a layer.
//!
//! With U [samples × units], weights ω [samples × units] that sum to one, and Gumbel noise g, h:
//!
//! L = −½ Σ_ij ω_ij [ log softmax_samples((U + g)/τ)_ij + log softmax_units((U + h)/τ)_ij ].
//!
//! - *contrastive* (Semenov et al. 2024): ω is 1/m on m pairs of a sample and a unit, no noise, τ = 1. The symmetric
//!   cross entropy of CLIP, between samples and concepts.
//! - *gumbel, paper*: the same pairs with noise and τ: the sample of a Gumbel softmax (Jang et al. 2017) must find its
//!   pair. Where the paper writes log ⟨w, φ⟩ for the logits, U itself stands here, as in the released code: the inner
//!   products are of either sign, and the softmax of logits is what a Gumbel softmax takes.
//! - *gumbel, released*: ω is 1/(samples · units) everywhere. That is the cross entropy from the uniform distribution,
//!   smallest where U is flat: it works against peaked activations.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

/// ω.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Matched {
    /// The same weight on each pair of a sample and a unit.
    Pairs(Vec<(usize, usize)>),
    /// The same weight everywhere.
    All,
}

impl Matched {
    /// Sample k of the minibatch with unit k: the paper's φ_k with w_k. Where one side is longer, its rest has no
    /// partner and is only told apart from.
    pub(super) fn by_position(samples: usize, units: usize) -> Self {
        Matched::Pairs((0..samples.min(units)).map(|k| (k, k)).collect())
    }

    /// Each sample with the unit of the concept that is most similar to it.
    pub(super) fn nearest(similarities: ArrayView2<'_, f32>) -> Self {
        let best =
            |row: ArrayView1<'_, f32>| (0..row.len()).fold(0, |best, j| if row[j] > row[best] { j } else { best });
        Matched::Pairs(similarities.outer_iter().map(best).enumerate().collect())
    }

    fn each(&self, shape: (usize, usize)) -> f32 {
        let count = match self {
            Matched::Pairs(pairs) => pairs.len(),
            Matched::All => shape.0 * shape.1,
        };
        1.0 / count.max(1) as f32
    }
}

/// Gumbel(0, 1) noise for both directions, and the temperature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Relaxation {
    noise: [Array2<f32>; 2],
    tau: f32,
}

impl Relaxation {
    /// Draws noise for a minibatch.
    pub(super) fn draw(shape: (usize, usize), tau: f32, random: &mut ChaCha8Rng) -> Self {
        let mut gumbel = || {
            Array2::from_shape_simple_fn(shape, || {
                let e: f32 = Exp1.sample(random);
                -e.max(f32::MIN_POSITIVE).ln()
            })
        };
        Self { noise: [gumbel(), gumbel()], tau }
    }
}

/// L and its gradient by U.
pub(super) fn contrast(u: &Array2<f32>, matched: &Matched, relaxation: Option<&Relaxation>) -> (f64, Array2<f32>) {
    let each = matched.each(u.dim());
    let mut gradient = Array2::zeros(u.dim());
    let mut loss = 0.0;
    for direction in 0..2 {
        let tau = relaxation.map_or(1.0, |r| r.tau);
        let logits = match relaxation {
            Some(r) => (u + &r.noise[direction]) / tau,
            None => u.clone(),
        };
        // Over samples each column is a distribution, over units each row.
        let axis = Axis(direction);
        let shares = log_softmax(logits, axis);
        // How much weight each distribution carries.
        let mut mass: Array1<f32> = Array1::zeros(u.len_of(Axis(1 - direction)));
        match matched {
            Matched::All => {
                mass.fill(each * u.len_of(axis) as f32);
                loss -= 0.5 * f64::from(each) * shares.iter().map(|&s| f64::from(s)).sum::<f64>();
                gradient -= 0.5 * each / tau;
            }
            Matched::Pairs(pairs) => {
                for &(i, j) in pairs {
                    mass[if direction == 0 { j } else { i }] += each;
                    loss -= 0.5 * f64::from(each) * f64::from(shares[[i, j]]);
                    gradient[[i, j]] -= 0.5 * each / tau;
                }
            }
        }
        for (mut to, (share, &mass)) in
            gradient.lanes_mut(axis).into_iter().zip(shares.lanes(axis).into_iter().zip(&mass))
        {
            to.zip_mut_with(&share, |g, &s| *g += 0.5 * mass / tau * s.exp());
        }
    }
    (loss, gradient)
}

/// The logarithm of the softmax along an axis.
fn log_softmax(mut logits: Array2<f32>, axis: Axis) -> Array2<f32> {
    for mut lane in logits.lanes_mut(axis) {
        let largest = lane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = lane.iter().map(|v| (v - largest).exp()).sum();
        let rest = largest + total.ln();
        lane.mapv_inplace(|v| v - rest);
    }
    logits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::oracle::{assert_near, matrix};
    use crate::train::{Purpose, stream};
    use burn::tensor::{Device, activation};

    fn noise() -> ChaCha8Rng {
        stream(0, Purpose::Noise, 0, 0)
    }

    fn logits(rows: usize, columns: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 7 + j * 3) as f32 * 0.9).sin() * 2.0)
    }

    #[test]
    fn value_and_gradient_are_those_of_burn() {
        let u = logits(5, 4);
        let relaxation = Relaxation::draw((5, 4), 0.7, &mut noise());
        let cases = [
            (Matched::by_position(5, 4), None),
            (Matched::Pairs(vec![(0, 2), (1, 2), (4, 0)]), Some(&relaxation)),
            (Matched::All, Some(&relaxation)),
        ];
        for (matched, relaxation) in cases {
            let weights = match &matched {
                Matched::All => Array2::from_elem((5, 4), 0.05),
                Matched::Pairs(pairs) => {
                    let mut weights = Array2::zeros((5, 4));
                    pairs.iter().for_each(|&at| weights[at] += 1.0 / pairs.len() as f32);
                    weights
                }
            };
            let device = Device::flex().autodiff();
            let held = matrix(&u, &device).require_grad();
            let of = |direction: usize| match relaxation {
                Some(r) => {
                    activation::log_softmax((held.clone() + matrix(&r.noise[direction], &device)) / r.tau, direction)
                }
                None => activation::log_softmax(held.clone(), direction),
            };
            let total = ((of(0) + of(1)) * matrix(&weights, &device)).sum() * -0.5;
            let expected = held.grad(&total.backward()).unwrap().to_data().try_to_vec::<f32>().unwrap();
            let (found, gradient) = contrast(&u, &matched, relaxation);
            assert!((found - f64::from(total.into_scalar::<f32>())).abs() < 1e-5, "{matched:?}");
            assert_near(gradient.as_slice().unwrap(), &expected, 1e-6);
        }
    }

    #[test]
    fn the_released_loss_rises_with_the_logits_scale_and_the_paper_s_falls_on_a_matched_diagonal() {
        let mean = |u: &Array2<f32>, matched: &Matched| {
            let mut random = noise();
            let draw = |_| contrast(u, matched, Some(&Relaxation::draw(u.dim(), 1.0, &mut random))).0;
            (0..50).map(draw).sum::<f64>() / 50.0
        };
        let scales = [0.0, 0.5, 1.0, 2.0, 5.0, 10.0];
        let released: Vec<f64> = scales.iter().map(|&a| mean(&(logits(32, 64) * a), &Matched::All)).collect();
        assert!(released.windows(2).all(|w| w[1] > w[0]), "{released:?}");
        let diagonal = |a: f32| Array2::from_shape_fn((32, 64), |(i, j)| if i == j { a } else { 0.0 });
        let paper: Vec<f64> = scales.iter().map(|&a| mean(&diagonal(a), &Matched::by_position(32, 64))).collect();
        assert!(paper.windows(2).all(|w| w[1] < w[0]), "{paper:?}");
        assert!(paper[5] < 0.05 * paper[0]);
    }

    #[test]
    fn flat_logits_without_noise_cost_the_logarithms_of_both_sides() {
        let (loss, gradient) = contrast(&Array2::zeros((8, 5)), &Matched::by_position(8, 5), None);
        assert!((loss - 0.5 * (8f64.ln() + 5f64.ln())).abs() < 1e-6);
        assert!(gradient.sum().abs() < 1e-6);
    }

    #[test]
    fn pairs_end_with_the_shorter_side_or_follow_the_nearest_concept() {
        assert_eq!(Matched::by_position(2, 5), Matched::Pairs(vec![(0, 0), (1, 1)]));
        assert_eq!(Matched::by_position(5, 2), Matched::Pairs(vec![(0, 0), (1, 1)]));
        let similarities = ndarray::array![[0.1, 0.9, 0.3], [0.8, 0.2, 0.8]];
        assert_eq!(Matched::nearest(similarities.view()), Matched::Pairs(vec![(0, 1), (1, 0)]));
    }

    #[test]
    fn gumbel_noise_has_its_mean_and_variance() {
        let drawn = Relaxation::draw((200, 200), 1.0, &mut noise());
        let values: Vec<f64> = drawn.noise.iter().flatten().map(|&v| f64::from(v)).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        assert!((mean - 0.577_215_66).abs() < 0.02, "{mean}");
        assert!((variance - std::f64::consts::PI.powi(2) / 6.0).abs() < 0.05, "{variance}");
    }
}
