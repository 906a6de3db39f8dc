//! Mean and spread of the minibatch gradients of an epoch: the drift and diffusion of Shwartz-Ziv & Tishby 2017.

use crate::subject::Architecture;

/// Running mean and squared deviation of each weight's gradient over the minibatches of one epoch (Welford's update).
#[derive(Debug, Clone)]
pub(super) struct GradientMoments {
    batches: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

/// Gradient statistics of one layer and epoch, both norms divided by the weight norm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct GradientNorms {
    /// Frobenius norm of the mean gradient.
    pub(super) mean: f64,
    /// Frobenius norm of the elementwise (population) standard deviation.
    pub(super) std: f64,
}

impl GradientMoments {
    /// One a layer, for its weights.
    pub(super) fn of(architecture: &Architecture) -> Vec<Self> {
        architecture.layers.windows(2).map(|sizes| Self::new(sizes[0] * sizes[1])).collect()
    }

    pub(super) fn new(size: usize) -> Self {
        Self { batches: 0.0, mean: vec![0.0; size], squares: vec![0.0; size] }
    }

    pub(super) fn add(&mut self, gradient: &[f32]) {
        self.batches += 1.0;
        let share = 1.0 / self.batches;
        for ((mean, square), &g) in self.mean.iter_mut().zip(&mut self.squares).zip(gradient) {
            let difference = f64::from(g) - *mean;
            *mean += difference * share;
            *square += difference * (f64::from(g) - *mean);
        }
    }

    /// The norms, relative to a weight norm; `None` before the first batch or for a weight of zero.
    pub(super) fn norms(&self, weight_norm: f64) -> Option<GradientNorms> {
        (self.batches > 0.0 && weight_norm > 0.0).then(|| GradientNorms {
            mean: self.mean.iter().map(|m| m * m).sum::<f64>().sqrt() / weight_norm,
            std: (self.squares.iter().sum::<f64>() / self.batches).sqrt() / weight_norm,
        })
    }
}

/// Standard deviation of the annealed gradient noise at step t, counted from 0: √(η/(1+t)^0.55).
pub(super) fn annealed_noise_std(eta: f64, step: u64) -> f64 {
    (eta / (1.0 + step as f64).powf(0.55)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_batches_by_hand() {
        let mut m = GradientMoments::new(2);
        m.add(&[1.0, 0.0]);
        m.add(&[3.0, 4.0]);
        // Mean (2, 2), standard deviations (1, 2).
        let n = m.norms(2.0).unwrap();
        assert!((n.mean - 8f64.sqrt() / 2.0).abs() < 1e-12);
        assert!((n.std - 5f64.sqrt() / 2.0).abs() < 1e-12);
    }

    /// G_b[i,j] = 0.1 sin(1+i+2j+0.9b) + 0.05(i−j) for b = 0…3, in a 3 × 2 matrix; numpy in 64-bit.
    #[test]
    fn four_batches_as_numpy_has_them() {
        let mut m = GradientMoments::new(6);
        for b in 0..4 {
            let gradient: Vec<f32> = (0..6)
                .map(|at| {
                    let (i, j) = (f64::from(at / 2), f64::from(at % 2));
                    (0.1 * (1.0 + i + 2.0 * j + 0.9 * f64::from(b)).sin() + 0.05 * (i - j)) as f32
                })
                .collect();
            m.add(&gradient);
        }
        let n = m.norms(1.519868415).unwrap();
        assert!((n.mean - 0.09470164953).abs() < 1e-8 && (n.std - 0.09497927833).abs() < 1e-8, "{n:?}");
    }

    #[test]
    fn nothing_is_said_of_no_batches() {
        assert_eq!(GradientMoments::new(1).norms(1.0), None);
    }

    #[test]
    fn noise_anneals_as_published() {
        assert!((annealed_noise_std(0.3, 0) - 0.3f64.sqrt()).abs() < 1e-15);
        assert!((annealed_noise_std(1.0, 99) - 100f64.powf(-0.275)).abs() < 1e-15);
    }
}
