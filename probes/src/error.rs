//! What can be wrong with data or parameters.

use narrows_estimators::EstimatorError;
use thiserror::Error;

/// Why a fit, a prediction or a measurement was refused.
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
    /// Two arrays disagree in a size that they must share.
    #[error("{what}: {found} found, {expected} expected")]
    Shape {
        /// What was counted.
        what: String,
        /// As given.
        found: usize,
        /// As it must be.
        expected: usize,
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
    /// A concept label that is neither a probability nor missing.
    #[error("concept '{concept}', row {row} (counted from 1): {value} is no label: 0, 1, between them, or missing")]
    BadConcept {
        /// Its name.
        concept: String,
        /// Row from 1.
        row: usize,
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
    /// Two concepts or classes of one name.
    #[error("the {kind} '{name}' is there twice (numbers {first} and {second}, counted from 1): names must differ")]
    DuplicateName {
        /// `concept` or `class`.
        kind: &'static str,
        /// The name.
        name: String,
        /// Place of the first, from 1.
        first: usize,
        /// Place of the second, from 1.
        second: usize,
    },
    /// A vector without direction.
    #[error("the vector of the {kind} '{name}' is zero: it has no direction; leave it out")]
    ZeroVector {
        /// `concept` or `class`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Something that a builder needs is not there.
    #[error("{builder} needs {what}")]
    Needs {
        /// Builder.
        builder: &'static str,
        /// What is missing, and how to give it.
        what: &'static str,
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
    /// No builder of that name.
    #[error("there is no builder '{name}'{hint}; there are: {known}")]
    UnknownBuilder {
        /// As given.
        name: String,
        /// A similar name, as a question, or nothing.
        hint: String,
        /// All of them.
        known: String,
    },
    /// The parameters of a builder's specification, or an estimator within.
    #[error(transparent)]
    Parameters(#[from] EstimatorError),
    /// A saved bottleneck that cannot be restored.
    #[error("the saved bottleneck is damaged: {0}")]
    Record(String),
    /// A training that did not stay finite.
    #[error("{builder}: the loss became {loss} in epoch {epoch}; a smaller learning rate helps")]
    Diverged {
        /// Builder.
        builder: &'static str,
        /// Epoch from 1.
        epoch: usize,
        /// The loss.
        loss: f64,
    },
    /// Anything else that the data do not allow.
    #[error("{0}")]
    Data(String),
}
