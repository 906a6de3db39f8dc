//! Sums over samples in one pass: means with their spread, and ratios of sums with a jackknife's error.

use ndarray::{Array1, ArrayView1};

/// Groups of samples that the jackknife leaves out in turn; sample i is in group i mod 64.
pub(super) const GROUPS: usize = 64;

/// Mean and spread of a quantity that every sample has (Welford 1962).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    n: u64,
    mean: f64,
    squares: f64,
}

impl Mean {
    pub(super) fn add(&mut self, value: f64) {
        self.n += 1;
        let gap = value - self.mean;
        self.mean += gap / self.n as f64;
        self.squares += gap * (value - self.mean);
    }

    pub(super) fn n(&self) -> u64 {
        self.n
    }

    pub(super) fn value(&self) -> Option<f64> {
        (self.n > 0).then_some(self.mean)
    }

    /// Standard error of the mean.
    pub(super) fn error(&self) -> Option<f64> {
        (self.n > 1).then(|| (self.squares / (self.n - 1) as f64 / self.n as f64).sqrt())
    }
}

/// Sums of a group of samples. Inputs are taken relative to the first sample, so that a large common mean costs no
/// digits in ‖x − x̄‖².
#[derive(Debug, Clone)]
pub(super) struct Sums {
    n: f64,
    error: f64,
    square: f64,
    sum: Array1<f64>,
    residual: Array1<f64>,
    decoded: f64,
    cross: f64,
}

impl Sums {
    pub(super) fn new(inputs: usize) -> Self {
        let zeros = Array1::zeros(inputs);
        Self { n: 0.0, error: 0.0, square: 0.0, sum: zeros.clone(), residual: zeros, decoded: 0.0, cross: 0.0 }
    }

    /// Adds x and x̂, where `first` is the first sample of all; yields ‖x‖², ‖x̂‖², x·x̂ and ‖x − x̂‖².
    pub(super) fn add(&mut self, x: ArrayView1<f32>, decoded: ArrayView1<f32>, first: &Array1<f64>) -> [f64; 4] {
        let [mut xx, mut dd, mut xd, mut ee] = [0.0; 4];
        for (j, (&x, &y)) in x.iter().zip(&decoded).enumerate() {
            let (x, y) = (f64::from(x), f64::from(y));
            let moved = x - first[j];
            xx += x * x;
            dd += y * y;
            xd += x * y;
            ee += (x - y) * (x - y);
            self.square += moved * moved;
            self.sum[j] += moved;
            self.residual[j] += x - y;
        }
        self.n += 1.0;
        self.error += ee;
        self.decoded += dd;
        self.cross += xd;
        [xx, dd, xd, ee]
    }

    fn plus(&mut self, other: &Self, sign: f64) {
        self.n += sign * other.n;
        self.error += sign * other.error;
        self.square += sign * other.square;
        self.sum.scaled_add(sign, &other.sum);
        self.residual.scaled_add(sign, &other.residual);
        self.decoded += sign * other.decoded;
        self.cross += sign * other.cross;
    }

    /// Σ‖x − x̄‖² = Q − ‖S‖²/N.
    pub(super) fn total(&self) -> f64 {
        self.square - self.sum.dot(&self.sum) / self.n
    }

    pub(super) fn fvu(&self) -> Option<f64> {
        // Rounding leaves about 1e-16 of Q in the place of a variance that is nought.
        let total = self.total();
        (total > 1e-13 * self.square).then(|| self.error / total)
    }

    pub(super) fn explained(&self) -> Option<f64> {
        self.fvu().map(|f| 1.0 - f)
    }

    pub(super) fn explained_centred(&self) -> Option<f64> {
        let spread = self.error - self.residual.dot(&self.residual) / self.n;
        self.fvu().map(|_| 1.0 - spread.max(0.0) / self.total())
    }

    pub(super) fn bias(&self) -> Option<f64> {
        (self.cross != 0.0).then(|| self.decoded / self.cross)
    }
}

/// Groups of sums that a ratio and its error are taken from.
#[derive(Debug, Clone)]
pub(super) struct Grouped {
    groups: Vec<Sums>,
}

impl Grouped {
    pub(super) fn new(inputs: usize) -> Self {
        Self { groups: vec![Sums::new(inputs); GROUPS] }
    }

    pub(super) fn of(&mut self, sample: u64) -> &mut Sums {
        &mut self.groups[(sample % GROUPS as u64) as usize]
    }

    pub(super) fn all(&self) -> Sums {
        let mut all = Sums::new(self.groups[0].sum.len());
        self.groups.iter().for_each(|g| all.plus(g, 1.0));
        all
    }

    /// The quantity of all samples, and its error by the jackknife that leaves out a group at a time (of fewer than 64
    /// samples, a sample): √((G − 1)/G Σ (θ₋g − mean θ₋)²).
    pub(super) fn estimate(&self, of: impl Fn(&Sums) -> Option<f64>) -> (Option<f64>, Option<f64>) {
        let all = self.all();
        if all.n == 0.0 {
            return (None, None);
        }
        let without: Option<Vec<f64>> = (self.groups.iter().filter(|g| g.n > 0.0))
            .map(|g| {
                let mut rest = all.clone();
                rest.plus(g, -1.0);
                if rest.n > 0.0 { of(&rest) } else { None }
            })
            .collect();
        let error = without.filter(|w| w.len() > 1).map(|w| {
            let count = w.len() as f64;
            let mean = w.iter().sum::<f64>() / count;
            ((count - 1.0) / count * w.iter().map(|v| (v - mean).powi(2)).sum::<f64>()).sqrt()
        });
        (of(&all), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_their_errors_by_hand() {
        let mut mean = Mean::default();
        assert_eq!((mean.value(), mean.error()), (None, None));
        [1.0, 2.0, 6.0].iter().for_each(|&v| mean.add(v));
        // Variance (4 + 1 + 9)/2 = 7, over 3.
        assert_eq!(mean.value(), Some(3.0));
        assert!((mean.error().unwrap() - (7.0f64 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn the_jackknife_of_a_mean_is_the_usual_error() {
        // Of one column, with x̂ = 0 the sum of errors over N is a mean of x²: 1, 4, 36.
        let mut sums = Grouped::new(1);
        let zero = Array1::zeros(1);
        for (i, x) in [1.0f32, 2.0, 6.0].iter().enumerate() {
            sums.of(i as u64).add(Array1::from_elem(1, *x).view(), Array1::zeros(1).view(), &zero);
        }
        let (value, error) = sums.estimate(|s| Some(s.error / s.n));
        let mean = 41.0 / 3.0;
        let variance = [1.0, 4.0, 36.0f64].iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2.0;
        assert!((value.unwrap() - mean).abs() < 1e-12);
        assert!((error.unwrap() - (variance / 3.0).sqrt()).abs() < 1e-12);
    }
}
