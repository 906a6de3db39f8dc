//! What can be wrong with data or parameters.

use thiserror::Error;

/// Why a fit or a prediction was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// Labels or concepts are not rows of the same samples.
    #[error("{embeddings} embeddings and {other} {what}: they must be rows of the same samples")]
    LengthMismatch {
        /// Rows of embeddings.
        embeddings: usize,
        /// Rows of the other array.
        other: usize,
        /// What the other array is.
        what: &'static str,
    },
    /// Fewer than two samples, or no features.
    #[error("embeddings of shape [{samples}, {features}]: two samples and one feature are needed at least")]
    TooSmall {
        /// Rows.
        samples: usize,
        /// Columns.
        features: usize,
    },
    /// NaN or infinity.
    #[error("{what}: the value at row {row}, column {column} (counted from 1) is {value}")]
    NotFinite {
        /// Which array.
        what: &'static str,
        /// Row from 1.
        row: usize,
        /// Column from 1.
        column: usize,
        /// The value.
        value: f64,
    },
    /// One class only.
    #[error("all samples have the label {label}: a probe needs at least two classes")]
    OneClass {
        /// That label.
        label: u32,
    },
    /// Features at prediction differ from those at the fit.
    #[error("{found} features, but the probe was fitted on {expected}")]
    WrongWidth {
        /// Features given.
        found: usize,
        /// Features of the fit.
        expected: usize,
    },
    /// A parameter outside its domain.
    #[error("{name} = {value}, but {rule}")]
    BadParameter {
        /// Parameter.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The rule.
        rule: &'static str,
    },
}
