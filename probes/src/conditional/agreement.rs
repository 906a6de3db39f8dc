//! How well one way to know a joint law agrees with another: over all entries of a quantity at once.

use super::{Entry, Marginals, Quantity};

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
    /// What the mean absolute difference from the reference would be if the other were right, by the reference's own
    /// standard errors: √(2/π) of their mean. `None` where it has none.
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
    errors: f64,
    with_errors: u64,
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
        if !reference.std_error.is_nan() {
            self.errors += reference.std_error;
            self.with_errors += 1;
        }
    }
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
                noise: (g.with_errors > 0)
                    .then(|| std::f64::consts::FRAC_2_PI.sqrt() * g.errors / g.with_errors as f64),
            }
        };
        Quantity::COMPARED.iter().zip(&self.all).map(of).collect()
    }
}
