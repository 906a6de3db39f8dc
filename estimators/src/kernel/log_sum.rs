//! Sums of kernels as logarithms, for samples so far apart that the sums themselves are zero.

use ndarray::ArrayView1;

/// A running log Σ exp.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogSum {
    largest: f64,
    /// Σ exp(term − largest)
    sum: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSum {
    pub(super) fn add(&mut self, term: f64) {
        if term <= self.largest {
            self.sum += (term - self.largest).exp();
        } else {
            self.sum = self.sum * (self.largest - term).exp() + 1.0;
            self.largest = term;
        }
    }

    pub(super) fn value(self) -> f64 {
        self.largest + self.sum.ln()
    }

    /// log Σ exp of the terms.
    pub(super) fn of(terms: impl IntoIterator<Item = f64>) -> f64 {
        let mut sum = Self::default();
        terms.into_iter().for_each(|term| sum.add(term));
        sum.value()
    }
}

/// The logarithm of the Gaussian kernel, −‖a−b‖²/2σ².
pub(super) fn log_kernel(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>, sigma: f64) -> f64 {
    let d: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    -d / (2.0 * sigma * sigma)
}
