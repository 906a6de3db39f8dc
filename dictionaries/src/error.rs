//! What can be wrong with activations, parameters or a saved dictionary.

use narrows_estimators::EstimatorError;
use thiserror::Error;

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum DictionaryError {
    /// Activations of another width than the dictionary's.
    #[error("the activations have {found} columns, but the dictionary was made for {expected}")]
    WrongWidth {
        /// Columns given.
        found: usize,
        /// Columns that the dictionary takes.
        expected: usize,
    },
    /// Codes of another number of features than the dictionary's.
    #[error("codes of {found} features, but the dictionary has {expected}")]
    WrongFeatures {
        /// Features of the codes.
        found: usize,
        /// Features of the dictionary.
        expected: usize,
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
    /// NaN or infinity.
    #[error("{what}: the value at row {row}, column {column} (counted from 1) is {value}")]
    NotFinite {
        /// Which array.
        what: String,
        /// Row from 1.
        row: usize,
        /// Column from 1.
        column: usize,
        /// The value.
        value: f32,
    },
    /// Too few rows for what is asked.
    #[error("{found} row(s) of {what}, but {needed} are needed at least")]
    TooFew {
        /// Of what.
        what: &'static str,
        /// Rows given.
        found: usize,
        /// Rows needed.
        needed: usize,
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
    /// Nothing of that name in a registry.
    #[error("there is no {kind} '{name}'{hint}; there are: {known}")]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// As given.
        name: String,
        /// A similar name, as a question, or nothing.
        hint: String,
        /// All of them.
        known: String,
    },
    /// The parameters of a specification.
    #[error(transparent)]
    Parameters(#[from] EstimatorError),
    /// A training that did not stay finite.
    #[error("{name}: the loss became {loss} in step {step}; a smaller learning rate helps")]
    Diverged {
        /// What was trained.
        name: String,
        /// Step from 1.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// A saved state that cannot be gone on with.
    #[error("the saved state is damaged: {0}")]
    State(String),
    /// Anything else that the data do not allow.
    #[error("{0}")]
    Data(String),
}
