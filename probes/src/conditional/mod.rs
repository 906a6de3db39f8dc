//! What a bottleneck says of concepts and classes together, without a sample at hand: the conditional probabilities and
//! the importances of "Energy-Based Concept Bottleneck Models" (Xu et al. 2024, propositions 3.2–3.5).
//!
//! Everything follows from a joint law of patterns of concepts c ∈ {0, 1}^K and classes y,
//!
//! `p(c, y) = p(y | c) · p(c)`, with `p(c) = 1/N Σ_x Π_k p(c_k | x)`:
//!
//! p(y | c) is [`Bottleneck::class_given_concepts`], and p(c_k | x) the concept probabilities of N samples. [`Exact`] sums
//! over all 2^K patterns, [`Sampled`] draws some; [`Tally`] counts predictions (as the code released with the paper does)
//! or true labels; [`Truth`] reads the table of a law that is known. All of them answer the same questions
//! ([`Conditionals`]), so that one can be held against another ([`Comparison`]).

mod agreement;
mod calibrate;
mod enumerate;
mod exact;
mod law;
mod sampled;
mod tally;
#[cfg(test)]
mod tests;
mod truth;

pub use agreement::{Agreement, Comparison};
pub use calibrate::Calibration;
pub use exact::{Exact, MOST_ENUMERATED};
pub use law::{ClassLaw, class_law};
pub use sampled::Sampled;
pub use tally::Tally;
pub use truth::Truth;

#[allow(unused_imports)] // For the links above.
use crate::Bottleneck;
use crate::ProbeError;
use ndarray::Array2;

/// Numbers of the concepts that are present, ascending; all others are absent.
pub type Pattern = Vec<usize>;

/// A probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// NaN where the condition never occurs.
    pub value: f64,
    /// NaN where the method has none: a sum over all patterns, a law.
    pub std_error: f64,
    /// How much the condition occurs: samples of a count, effective draws of a sampling, expected samples (N times the
    /// probability of the condition) of a sum over all patterns and of a law.
    pub support: f64,
}

impl Entry {
    /// Of a condition that never occurs.
    pub const NONE: Self = Self { value: f64::NAN, std_error: f64::NAN, support: 0.0 };

    /// Whether there is a number.
    pub fn is_known(&self) -> bool {
        !self.value.is_nan()
    }
}

/// Probabilities of concepts within one class, or over all classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Marginals {
    /// p(c_k = 1): the marginal importance of a concept where it is of a class.
    pub concepts: Vec<Entry>,
    /// p(c_j = 1, c_k = 1) [concepts × concepts]; on the diagonal p(c_k = 1).
    pub pairs: Array2<Entry>,
    /// p(c_k = 1 | c_j = 1) at [j, k]: a row a condition; 1 on the diagonal.
    pub given: Array2<Entry>,
}

impl Marginals {
    /// From the mass of pairs [concepts × concepts] (on the diagonal of single concepts) and of everything, without
    /// errors; `samples` is what a mass of one is worth.
    fn of_masses(pairs: &Array2<f64>, total: f64, samples: f64) -> Self {
        let share = |part: f64, whole: f64| {
            if whole > 0.0 {
                // Rounding may take a share of a sum a little beyond it.
                Entry { value: (part / whole).min(1.0), std_error: f64::NAN, support: samples * whole }
            } else {
                Entry::NONE
            }
        };
        Self {
            concepts: pairs.diag().iter().map(|&p| share(p, total)).collect(),
            pairs: pairs.mapv(|p| share(p, total)),
            given: Array2::from_shape_fn(pairs.dim(), |(j, k)| share(pairs[[j, k]], pairs[[j, j]])),
        }
    }
}

/// Probabilities of one pattern of all concepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfPattern {
    /// p(c).
    pub pattern: Entry,
    /// p(c | y): the joint importance of the pattern for a class.
    pub importance: Entry,
    /// p(y | c).
    pub class: Entry,
}

/// A way to know the joint law of concepts and class.
pub trait Conditionals: Sync {
    /// Name in tables.
    fn method(&self) -> &'static str;

    /// Numbers of concepts and of classes.
    fn size(&self) -> (usize, usize);

    /// p(y).
    fn class(&self, class: usize) -> Entry;

    /// Over all classes: p(c_k), p(c_j, c_k), p(c_k | c_j) (proposition 3.5).
    fn overall(&self) -> Marginals;

    /// Within a class: p(c_k | y) (proposition 3.2), p(c_j, c_k | y), p(c_k | y, c_j) (proposition 3.4).
    fn of_class(&self, class: usize) -> Marginals;

    /// The most probable patterns of a class, the most probable first; fewer than `most` where there are no more.
    ///
    /// # Errors
    /// When the law of classes cannot be asked.
    fn top_patterns(&self, class: usize, most: usize) -> Result<Vec<Pattern>, ProbeError>;

    /// p(c), p(c | y) (proposition 3.3) and p(y | c) of patterns.
    ///
    /// # Errors
    /// When the law of classes cannot be asked.
    fn of_patterns(&self, class: usize, patterns: &[Pattern]) -> Result<Vec<OfPattern>, ProbeError>;
}

/// The quantities, by the names that they have in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// p(y)
    Class,
    /// p(c_k)
    Concept,
    /// p(c_j, c_k)
    Pair,
    /// p(c_k | c_j)
    ConceptGivenConcept,
    /// p(c_k | y)
    ConceptGivenClass,
    /// p(c_j, c_k | y)
    PairGivenClass,
    /// p(c_k | y, c_j)
    ConceptGivenBoth,
    /// p(c)
    Pattern,
    /// p(c | y)
    PatternGivenClass,
    /// p(y | c)
    ClassGivenPattern,
}

impl Quantity {
    /// Those that an agreement is worked out for, in the order of tables.
    pub const COMPARED: [Self; 7] = [
        Self::Class,
        Self::Concept,
        Self::ConceptGivenClass,
        Self::ConceptGivenConcept,
        Self::ConceptGivenBoth,
        Self::Pair,
        Self::PairGivenClass,
    ];

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Concept => "concept",
            Self::Pair => "pair",
            Self::ConceptGivenConcept => "concept_given_concept",
            Self::ConceptGivenClass => "concept_given_class",
            Self::PairGivenClass => "pair_given_class",
            Self::ConceptGivenBoth => "concept_given_class_and_concept",
            Self::Pattern => "pattern",
            Self::PatternGivenClass => "pattern_given_class",
            Self::ClassGivenPattern => "class_given_pattern",
        }
    }

    /// As it is written in the paper.
    pub fn formula(self) -> &'static str {
        match self {
            Self::Class => "p(y)",
            Self::Concept => "p(c_k)",
            Self::Pair => "p(c_j, c_k)",
            Self::ConceptGivenConcept => "p(c_k | c_j)",
            Self::ConceptGivenClass => "p(c_k | y)",
            Self::PairGivenClass => "p(c_j, c_k | y)",
            Self::ConceptGivenBoth => "p(c_k | y, c_j)",
            Self::Pattern => "p(c)",
            Self::PatternGivenClass => "p(c | y)",
            Self::ClassGivenPattern => "p(y | c)",
        }
    }
}

/// Standard error of a share of `hits` of `n`: that of a binomial of the proportion (hits + ½)/(n + 1), so that nothing of
/// few is not said to be nothing for sure.
fn binomial_error(hits: f64, n: f64) -> f64 {
    let p = (hits + 0.5) / (n + 1.0);
    (p * (1.0 - p) / n).sqrt()
}
