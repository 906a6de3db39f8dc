//! What can be wrong with a joint distribution, or with what is asked of its curve.

use thiserror::Error;

/// Why there is no curve. Each variant carries what was found and what would do.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum BottleneckError {
    /// A table without rows, without columns, or whose counts are all zero.
    #[error(
        "the joint distribution is empty: a table [inputs × classes] with at least one count above zero is needed, and this one is {rows} × {columns}"
    )]
    Empty {
        /// Rows (values of x).
        rows: usize,
        /// Columns (values of y).
        columns: usize,
    },
    /// A probability that is none.
    #[error(
        "the entry {value} in row {row}, column {column} (from 1) is no probability: finite numbers from zero on are needed"
    )]
    BadEntry {
        /// Row, from 1.
        row: usize,
        /// Column, from 1.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// Probabilities that do not sum to one.
    #[error("{what} sums to {sum}, and not to 1: divide it by its sum")]
    BadSum {
        /// Of what.
        what: String,
        /// Its sum.
        sum: f64,
    },
    /// Only one value of y occurs.
    #[error(
        "only one value of y occurs: H(Y) = 0, so that I(T;Y) = 0 for every T and there is no curve; give a y of two values at least"
    )]
    OneClass,
    /// X says nothing of Y.
    #[error(
        "each of the {inputs} value(s) of x has the same p(y|x): I(X;Y) = 0, so that I(T;Y) = 0 for every T and there is no curve"
    )]
    Independent {
        /// Values of x.
        inputs: usize,
    },
    /// Two parts that do not belong together.
    #[error("{left} values of x in one part and {right} in the other: they must be of the same samples or inputs")]
    LengthMismatch {
        /// In the first.
        left: usize,
        /// In the second.
        right: usize,
    },
    /// More cells than can be held.
    #[error(
        "{rows} values of x and {columns} of y make a table of more than {most} cells: group the values of x or y (or bin them) first"
    )]
    TooLarge {
        /// Values of x.
        rows: usize,
        /// Values of y.
        columns: usize,
        /// Cells allowed.
        most: usize,
    },
    /// An option outside its domain.
    #[error("{name} = {value}, but {rule}")]
    BadOption {
        /// Which.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it must satisfy.
        rule: &'static str,
    },
    /// Covariances that are none, or leave no density.
    #[error("{what}")]
    BadCovariance {
        /// What is wrong.
        what: String,
    },
}
