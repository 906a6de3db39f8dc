//! How well one way to know a joint law agrees with another: over all entries of a quantity at once.

use super::{Entry, Marginals, Quantity};
use statrs::function::gamma::ln_gamma;

/// Of one quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Which.
    pub quantity: Quantity,
    /// Entries compared.
    pub entries: u64,
    /// Entries left out, as one of the two does not know them or their condition is too rare in the reference.
    pub left_out: u64,
    /// Pearson's correlation over the entries; `None` where they do not vary.
    pub correlation: Option<f64>,
    /// Mean absolute difference.
    pub mean_absolute: Option<f64>,
    /// What the mean absolute difference would be expected to be if the other were right and the reference a count of
    /// samples drawn from it; `None` where the reference is no count.
    pub noise: Option<f64>,
}

/// Gathers the entries of two laws, the second being the reference, class by class.
#[derive(Debug, Clone)]
pub struct Comparison {
    least: f64,
    all: Vec<Gathered>,
}

/// Running moments of pairs of numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Gathered {
    entries: u64,
    left_out: u64,
    mean: [f64; 2],
    squares: [f64; 2],
    product: f64,
    absolute: f64,
    noise: f64,
    counts: u64,
}

impl Gathered {
    fn add(&mut self, found: &Entry, reference: &Entry, least: f64) {
        if !found.is_known() || !reference.is_known() || reference.support < least {
            self.left_out += 1;
            return;
        }
        self.entries += 1;
        let n = self.entries as f64;
        let values = [found.value, reference.value];
        let before = [values[0] - self.mean[0], values[1] - self.mean[1]];
        self.mean.iter_mut().zip(before).for_each(|(m, d)| *m += d / n);
        let after = [values[0] - self.mean[0], values[1] - self.mean[1]];
        self.squares.iter_mut().zip(before.iter().zip(after)).for_each(|(s, (b, a))| *s += b * a);
        self.product += before[0] * after[1];
        self.absolute += (values[0] - values[1]).abs();
        // Only what was counted has a binomial error.
        if !reference.std_error.is_nan() {
            self.noise += mean_deviation(reference.support, found.value);
            self.counts += 1;
        }
    }
}

/// E |X/n − p| of a binomial X of n draws: De Moivre's 2 ν C(n, ν) p^ν (1 − p)^(n − ν + 1) / n with ν = ⌊np⌋ + 1.
fn mean_deviation(n: f64, p: f64) -> f64 {
    if !(0.0 < p && p < 1.0) || n < 1.0 {
        return 0.0;
    }
    let v = (n * p).floor() + 1.0;
    let choices = ln_gamma(n + 1.0) - ln_gamma(v + 1.0) - ln_gamma(n - v + 1.0);
    2.0 * v / n * (choices + v * p.ln() + (n - v + 1.0) * (-p).ln_1p()).exp()
}

impl Comparison {
    /// Of entries whose condition has at least this support in the reference.
    pub fn new(least: f64) -> Self {
        Self { least, all: vec![Gathered::default(); Quantity::COMPARED.len()] }
    }

    fn add(&mut self, quantity: Quantity, found: &Entry, reference: &Entry) {
        if let Some(at) = Quantity::COMPARED.iter().position(|q| *q == quantity) {
            self.all[at].add(found, reference, self.least);
        }
    }

    /// Adds p(y) of a class.
    pub fn class(&mut self, found: &Entry, reference: &Entry) {
        self.add(Quantity::Class, found, reference);
    }

    /// Adds what holds over all classes.
    pub fn overall(&mut self, found: &Marginals, reference: &Marginals) {
        use Quantity::{Concept, ConceptGivenConcept, Pair};
        self.marginals([Concept, Pair, ConceptGivenConcept], found, reference);
    }

    /// Adds what holds within a class.
    pub fn of_class(&mut self, found: &Marginals, reference: &Marginals) {
        use Quantity::{ConceptGivenBoth, ConceptGivenClass, PairGivenClass};
        self.marginals([ConceptGivenClass, PairGivenClass, ConceptGivenBoth], found, reference);
    }

    fn marginals(&mut self, [single, pair, given]: [Quantity; 3], found: &Marginals, reference: &Marginals) {
        for (a, b) in found.concepts.iter().zip(&reference.concepts) {
            self.add(single, a, b);
        }
        // A concept with itself says nothing, and a pair is the same either way round.
        for ((at, a), b) in found.pairs.indexed_iter().zip(&reference.pairs) {
            if at.0 < at.1 {
                self.add(pair, a, b);
            }
        }
        for ((at, a), b) in found.given.indexed_iter().zip(&reference.given) {
            if at.0 != at.1 {
                self.add(given, a, b);
            }
        }
    }

    /// One a quantity, in the order of [`Quantity::COMPARED`].
    pub fn finish(&self) -> Vec<Agreement> {
        let of = |(&quantity, g): (&Quantity, &Gathered)| {
            let n = g.entries as f64;
            let spread = (g.squares[0] * g.squares[1]).sqrt();
            // Rounding of equal numbers is no spread.
            let varies = g.squares.iter().all(|s| *s > 1e-20 * n);
            Agreement {
                quantity,
                entries: g.entries,
                left_out: g.left_out,
                correlation: (g.entries > 1 && varies).then(|| (g.product / spread).clamp(-1.0, 1.0)),
                mean_absolute: (g.entries > 0).then(|| g.absolute / n),
                noise: (g.counts > 0).then(|| g.noise / g.counts as f64),
            }
        };
        Quantity::COMPARED.iter().zip(&self.all).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_deviation_is_the_sum_written_out() {
        for (n, p) in [(1u32, 0.5f64), (7, 0.2), (20, 0.013), (20, 0.97), (50, 0.5)] {
            let mut chance = (1.0 - p).powi(n as i32);
            let mut wanted = 0.0;
            for k in 0..=n {
                wanted += chance * (f64::from(k) / f64::from(n) - p).abs();
                chance *= f64::from(n - k) / f64::from(k + 1) * p / (1.0 - p);
            }
            let found = mean_deviation(f64::from(n), p);
            assert!((found - wanted).abs() < 1e-12, "{n} {p}: {found} for {wanted}");
        }
        assert_eq!((mean_deviation(5.0, 0.0), mean_deviation(5.0, 1.0)), (0.0, 0.0));
    }

    #[test]
    fn correlation_and_error_are_those_of_all_entries() {
        let entry = |value: f64, support: f64| Entry { value, std_error: f64::NAN, support };
        let mut comparison = Comparison::new(10.0);
        let (a, b) = ([0.1, 0.5, 0.4, 0.9, 0.3], [0.2, 0.4, 0.5, 0.7, 0.9]);
        // The last is too rare.
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            comparison.class(&entry(*a, 1.0), &entry(b, if i == 4 { 9.0 } else { 10.0 }));
        }
        let found = comparison.finish()[0];
        let (ma, mb) = (0.475, 0.45);
        let sum = |f: &dyn Fn(usize) -> f64| (0..4).map(f).sum::<f64>();
        let cov = sum(&|i| (a[i] - ma) * (b[i] - mb));
        let wanted = cov / (sum(&|i| (a[i] - ma).powi(2)) * sum(&|i| (b[i] - mb).powi(2))).sqrt();
        assert!((found.correlation.unwrap() - wanted).abs() < 1e-12);
        assert!((found.mean_absolute.unwrap() - 0.125).abs() < 1e-12);
        assert_eq!((found.entries, found.left_out, found.noise), (4, 1, None));
    }
}
