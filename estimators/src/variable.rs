//! The vocabulary of estimates between variables: what a variable is, and one trait for each thing to be estimated.

use crate::{Estimate, EstimatorError};
use ndarray::{Array2, ArrayView2, Axis};

/// One side of a mutual information.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Variable<'a> {
    /// Real vectors, [samples × features].
    Continuous(ArrayView2<'a, f64>),
    /// Class numbers, one a sample.
    Discrete(&'a [u32]),
}

impl Variable<'_> {
    /// The same variable for a shorter time. Array views do not shorten their borrow by themselves.
    pub fn reborrow(&self) -> Variable<'_> {
        match self {
            Variable::Continuous(values) => Variable::Continuous(values.view()),
            Variable::Discrete(labels) => Variable::Discrete(labels),
        }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Variable::Continuous(values) => values.nrows(),
            Variable::Discrete(labels) => labels.len(),
        }
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Features of a continuous variable; 1 for a discrete one.
    pub fn dimension(&self) -> usize {
        match self {
            Variable::Continuous(values) => values.ncols(),
            Variable::Discrete(_) => 1,
        }
    }
}

impl Variable<'_> {
    /// The samples of these row numbers, in this order.
    ///
    /// # Panics
    /// When a row number is not below [`Variable::len`].
    pub fn select(&self, rows: &[usize]) -> OwnedVariable {
        match self {
            Variable::Continuous(values) => OwnedVariable::Continuous(values.select(Axis(0), rows)),
            Variable::Discrete(labels) => OwnedVariable::Discrete(rows.iter().map(|&row| labels[row]).collect()),
        }
    }
}

/// A variable that holds its samples itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OwnedVariable {
    /// Real vectors, [samples × features].
    Continuous(Array2<f64>),
    /// Class numbers, one a sample.
    Discrete(Vec<u32>),
}

impl OwnedVariable {
    /// The variable that estimators take.
    pub fn view(&self) -> Variable<'_> {
        match self {
            OwnedVariable::Continuous(values) => Variable::Continuous(values.view()),
            OwnedVariable::Discrete(labels) => Variable::Discrete(labels),
        }
    }
}

/// What every estimator can say of itself.
pub trait Estimator: Send + Sync {
    /// Name in the registry.
    fn name(&self) -> &'static str;

    /// Every parameter with its effective value, `key=value` joined by spaces, in a fixed order.
    fn parameters(&self) -> String;
}

/// Estimates I(X;Y) from paired samples.
pub trait MutualInformation: Estimator {
    /// The mutual information of the two variables, whose samples are paired by position.
    ///
    /// # Errors
    /// When the lengths differ, there are too few samples, a value is not finite, or a variable is of a kind that the
    /// method does not take.
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError>;
}

/// Estimates I(X;Y|Z) from samples of three variables.
pub trait ConditionalMutualInformation: Estimator {
    /// The mutual information of `x` and `y` given `z`, whose samples are paired by position.
    ///
    /// # Errors
    /// As for [`MutualInformation::estimate`].
    fn estimate_given(&self, x: Variable<'_>, y: Variable<'_>, z: Variable<'_>) -> Result<Estimate, EstimatorError>;
}

/// Estimates H(X): discrete entropy of a discrete variable, differential entropy of a continuous one.
pub trait Entropy: Estimator {
    /// The entropy of the variable.
    ///
    /// # Errors
    /// As for [`MutualInformation::estimate`].
    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimatorError>;
}
