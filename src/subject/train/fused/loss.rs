//! Losses of minibatches, and their gradients by the logits.

use super::function::sigmoid;
use super::vector::{LANES, Lanes, exp};
use crate::subject::Output;
use narrows_estimators::simd::Simd;

/// Sum of losses and number of right answers over samples.
///
/// Every loss is a logarithm of 1 + s with s ≥ 0, and a linear part. The logarithms are taken of products of many
/// factors in 64 bits: no logarithm a sample, and losses far below 10⁻⁷ keep their digits.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    logarithms: f64,
    products: [f64; LANES],
    /// Bits that the products may have by now.
    bits: f64,
    linear: [f64; LANES],
    right: u64,
}

/// What is wanted of a tile's samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Class of each sample; samples from `count` on are filling.
    pub(super) labels: [u32; LANES],
    /// Samples in the tile.
    pub(super) count: usize,
    /// What a sample's loss counts in the gradient: 1 / samples in the minibatch.
    pub(super) weight: f32,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { logarithms: 0.0, products: [1.0; LANES], bits: 0.0, linear: [0.0; LANES], right: 0 }
    }

    /// Sum of the losses in nats.
    pub(super) fn loss(&self) -> f64 {
        self.logarithms + self.products.iter().map(|p| p.ln()).sum::<f64>() + self.linear.iter().sum::<f64>()
    }

    /// Samples whose largest logit, the first of equal ones, is their label's.
    pub(super) fn right(&self) -> u64 {
        self.right
    }

    /// Room for factors of together so many bits a lane.
    #[inline(always)]
    fn make_room(&mut self, bits: f64) {
        self.bits += bits;
        if self.bits > 900.0 {
            self.logarithms += self.products.iter().map(|p| p.ln()).sum::<f64>();
            self.products = [1.0; LANES];
            self.bits = bits;
        }
    }

    /// Adds a tile's samples and writes the gradient by the logits. `logits` and `gradient` hold the lanes of class c
    /// at c · `stride`.
    #[inline(always)]
    pub(super) fn add<S: Simd>(
        &mut self,
        output: Output,
        wanted: &Wanted,
        logits: &[Lanes],
        gradient: &mut [Lanes],
        stride: usize,
    ) {
        let mut largest = logits[0];
        let mut answer = [0u32; LANES];
        let mut own = [0.0f32; LANES];
        for (class, z) in (0u32..).zip(logits.iter().step_by(stride)) {
            for lane in 0..LANES {
                let above = z[lane] > largest[lane];
                largest[lane] = if above { z[lane] } else { largest[lane] };
                answer[lane] = if above { class } else { answer[lane] };
                own[lane] = if class == wanted.labels[lane] { z[lane] } else { own[lane] };
            }
        }
        let weights: Lanes = std::array::from_fn(|lane| if lane < wanted.count { wanted.weight } else { 0.0 });
        let classes = logits.iter().step_by(stride).len();
        match output {
            Output::Softmax | Output::Identity => {
                self.make_room((classes as f64).log2());
                // Of all but the largest: the largest adds exactly one.
                let mut rest = [0.0f32; LANES];
                for (class, (z, g)) in
                    (0u32..).zip(logits.iter().step_by(stride).zip(gradient.iter_mut().step_by(stride)))
                {
                    for lane in 0..LANES {
                        let e = exp::<S>(z[lane] - largest[lane]);
                        g[lane] = e;
                        rest[lane] += if class == answer[lane] { 0.0 } else { e };
                    }
                }
                let share: Lanes = std::array::from_fn(|lane| 1.0 / (1.0 + rest[lane]));
                for (class, g) in (0u32..).zip(gradient.iter_mut().step_by(stride)) {
                    for lane in 0..LANES {
                        let truth = if class == wanted.labels[lane] { 1.0 } else { 0.0 };
                        g[lane] = (g[lane] * share[lane] - truth) * weights[lane];
                    }
                }
                for lane in 0..wanted.count {
                    self.products[lane] *= 1.0 + f64::from(rest[lane]);
                    self.linear[lane] += f64::from(largest[lane]) - f64::from(own[lane]);
                }
            }
            // −y log σ(z) − (1−y) log(1−σ(z)) = max(z, 0) − y z + log(1 + e^−|z|)
            Output::Sigmoid => {
                for (class, (z, g)) in
                    (0u32..).zip(logits.iter().step_by(stride).zip(gradient.iter_mut().step_by(stride)))
                {
                    self.make_room(1.0);
                    let mut rest = [0.0f32; LANES];
                    for lane in 0..LANES {
                        let truth = if class == wanted.labels[lane] { 1.0 } else { 0.0 };
                        rest[lane] = exp::<S>(-z[lane].abs());
                        g[lane] = (sigmoid::<S>(z[lane]).0 - truth) * weights[lane];
                    }
                    for lane in 0..wanted.count {
                        self.products[lane] *= 1.0 + f64::from(rest[lane]);
                        self.linear[lane] += f64::from(if z[lane] < 0.0 { 0.0 } else { z[lane] });
                    }
                }
                for (linear, &z) in self.linear.iter_mut().zip(&own).take(wanted.count) {
                    *linear -= f64::from(z);
                }
            }
        }
        let answers = answer.iter().zip(&wanted.labels).take(wanted.count);
        self.right += answers.map(|(answer, label)| u64::from(answer == label)).sum::<u64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_estimators::simd::{Arch, WithSimd};

    struct Sum<'a>(Output, &'a [Lanes], &'a [u32], usize);

    impl WithSimd for Sum<'_> {
        type Output = (Tally, Vec<Lanes>);

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> Self::Output {
            let Sum(output, logits, labels, times) = self;
            let mut gradient = vec![[f32::NAN; LANES]; logits.len()];
            let mut tally = Tally::new();
            let mut wanted = Wanted { labels: [u32::MAX; LANES], count: labels.len(), weight: 1.0 };
            wanted.labels[..labels.len()].copy_from_slice(labels);
            for _ in 0..times {
                tally.add::<S>(output, &wanted, logits, &mut gradient, 1);
            }
            (tally, gradient)
        }
    }

    #[test]
    fn losses_and_gradients_are_the_textbook_ones() {
        let logits: Vec<Lanes> =
            (0..5).map(|c| std::array::from_fn(|i| ((c * 7 + i * 3) as f32 * 0.9).sin() * 3.0)).collect();
        let labels: Vec<u32> = (0..11).map(|i| i % 5).collect();
        for output in [Output::Softmax, Output::Sigmoid] {
            let (tally, gradient) = Arch::new().dispatch(Sum(output, &logits, &labels, 1));
            let (mut loss, mut right) = (0.0, 0);
            for (lane, &label) in labels.iter().enumerate() {
                let z: Vec<f64> = logits.iter().map(|z| f64::from(z[lane])).collect();
                let total: f64 = z.iter().map(|z| z.exp()).sum();
                for (class, (&z, g)) in (0u32..).zip(z.iter().zip(&gradient)) {
                    let y = f64::from(class == label);
                    let s = 1.0 / (1.0 + (-z).exp());
                    let (p, l) = match output {
                        Output::Sigmoid => (s, -(y * s.ln() + (1.0 - y) * (1.0 - s).ln())),
                        _ => (z.exp() / total, -y * (z.exp() / total).ln()),
                    };
                    loss += l;
                    assert!((f64::from(g[lane]) - (p - y)).abs() < 3e-7, "{output:?}");
                }
                let best = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                right += u64::from(z[label as usize] == best);
            }
            assert!((tally.loss() / loss - 1.0).abs() < 3e-7, "{output:?}: {} for {loss}", tally.loss());
            assert_eq!(tally.right(), right);
            assert!(gradient.iter().all(|g| g[11..].iter().all(|&v| v == 0.0)), "filling has no gradient");
        }
    }

    #[test]
    fn many_samples_and_tiny_losses_keep_their_digits() {
        let logits: Vec<Lanes> = vec![[25.0; LANES], [0.0; LANES]];
        let (tally, _) = Arch::new().dispatch(Sum(Output::Softmax, &logits, &[0; 16], 5000));
        let expected = 80_000.0 * (-25f64).exp();
        assert!((tally.loss() / expected - 1.0).abs() < 1e-4, "{} for {expected}", tally.loss());
        let (tally, _) = Arch::new().dispatch(Sum(Output::Sigmoid, &logits, &[1; 16], 5000));
        let expected = 80_000.0 * (25.0 + std::f64::consts::LN_2);
        assert!((tally.loss() / expected - 1.0).abs() < 1e-6, "{} for {expected}", tally.loss());
    }

    #[test]
    fn a_nan_is_seen_wherever_it_is() {
        for class in 0..3 {
            let mut logits: Vec<Lanes> = vec![[0.5; LANES]; 3];
            logits[class][2] = f32::NAN;
            for output in [Output::Softmax, Output::Sigmoid] {
                let (tally, _) = Arch::new().dispatch(Sum(output, &logits, &[1; 16], 1));
                assert!(tally.loss().is_nan(), "{output:?}, class {class}");
            }
        }
    }
}
