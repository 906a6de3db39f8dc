//! What can be wrong with a sample or a parameter.

use thiserror::Error;

/// Why an estimate was refused. Each variant carries the offending value and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum EstimatorError {
    /// Fewer samples than an estimate can rest on.
    #[error("{found} sample(s), but {needed} are needed at least")]
    TooFewSamples {
        /// Samples given.
        found: usize,
        /// Samples needed.
        needed: usize,
    },
    /// A layer without units.
    #[error("the layer has no units: an array of shape [samples, units] with at least one unit is needed")]
    NoUnits,
    /// The two variables differ in length.
    #[error("{left} samples in one variable and {right} in the other: they must be rows of the same samples")]
    LengthMismatch {
        /// Samples of the first variable.
        left: usize,
        /// Samples of the second variable.
        right: usize,
    },
    /// NaN or infinity in a sample.
    #[error("{count} value(s) are not finite, the first {value} at row {row}, unit {column} (counted from 1)")]
    NotFinite {
        /// Row of the first, from 1.
        row: usize,
        /// Column of the first, from 1.
        column: usize,
        /// The value itself.
        value: f64,
        /// How many there are.
        count: usize,
    },
    /// NaN or infinity in data that are read some rows at a time.
    #[error(
        "the value {value} at row {row}, column {column} (counted from 1) is not finite; nothing was read beyond it"
    )]
    NotFiniteAt {
        /// Row, from 1.
        row: usize,
        /// Column, from 1.
        column: usize,
        /// The value itself.
        value: f64,
    },
    /// An estimator that needs all samples at once.
    #[error("{estimator} needs all samples in memory at once; these read them some rows at a time: {known}")]
    NotStreaming {
        /// Estimator or encoder.
        estimator: String,
        /// The estimators that stream.
        known: String,
    },
    /// More columns than their cross products can be held of.
    #[error("{encoder} takes at most {most} columns here, and there are {found}: choose fewer, or others")]
    TooWide {
        /// What was asked for.
        encoder: &'static str,
        /// Columns found.
        found: usize,
        /// Columns allowed.
        most: usize,
    },
    /// Data that changed between two passes.
    #[error("the data had {first} rows when they were read first, and have {found} now: they changed meanwhile")]
    ChangedMeanwhile {
        /// Rows at first.
        first: usize,
        /// Rows now.
        found: usize,
    },
    /// Parts of one variable that do not fit together.
    #[error("a part of a variable is of another kind or width than the parts before it")]
    UnlikeParts,
    /// A finite value that is too large to work with.
    #[error(
        "the value {value:e} at row {row}, column {column} is too large: sums of squares are not finite; rescale the data, or use transform=rank"
    )]
    TooLarge {
        /// Row, from 1.
        row: usize,
        /// Column, from 1.
        column: usize,
        /// The value.
        value: f64,
    },
    /// Repeated values, which the method was told to refuse.
    #[error(
        "{estimator}: {share:.1} % of the samples share a value of column {column} with another sample, and ties=refuse was asked for; use mixed-ksg, or ties=jitter"
    )]
    Tied {
        /// Estimator name.
        estimator: &'static str,
        /// Percentage of the samples.
        share: f64,
        /// The column with most, from 1.
        column: usize,
    },
    /// A differential entropy that is −∞.
    #[error(
        "{estimator}: the variable has no density, for a column is constant or follows from others: its differential entropy is minus infinity; leave that column out"
    )]
    NoDensity {
        /// Estimator name.
        estimator: &'static str,
    },
    /// A discrete variable with more values than the method can take.
    #[error(
        "{estimator}: a discrete variable of {found} values, and {most} are the most it takes; use plug-in or ross, or pass it as continuous"
    )]
    TooManyClasses {
        /// Estimator name.
        estimator: &'static str,
        /// Values found.
        found: usize,
        /// Values allowed.
        most: usize,
    },
    /// Every sample has the same label.
    #[error(
        "all samples have the same label {label}: I(T;Y) is zero by definition; give labels of at least two classes"
    )]
    OneClass {
        /// That label.
        label: u32,
    },
    /// A parameter outside its domain.
    #[error("{estimator}: {name} = {value}, but {rule}")]
    BadParameter {
        /// Estimator name.
        estimator: &'static str,
        /// Parameter name.
        name: String,
        /// Value given.
        value: String,
        /// What it must satisfy.
        rule: String,
    },
    /// A parameter that the estimator does not have.
    #[error("{estimator} has no parameter '{name}'; it has: {known}")]
    UnknownParameter {
        /// Estimator name.
        estimator: &'static str,
        /// Parameter given.
        name: String,
        /// The parameters that exist.
        known: String,
    },
    /// A name that is not in the registry.
    #[error("no estimator is called '{name}'; there are: {known}")]
    UnknownEstimator {
        /// Name given.
        name: String,
        /// All names.
        known: String,
    },
    /// An estimator of something else.
    #[error("{estimator} does not estimate {quantity}; these do: {known}")]
    NotOfThis {
        /// Estimator name.
        estimator: &'static str,
        /// What was asked for.
        quantity: &'static str,
        /// The estimators that do.
        known: String,
    },
    /// `key=value` was expected.
    #[error("'{text}' is not a parameter: write NAME:KEY=VALUE,KEY=VALUE, for example binning:bins=30,range=run")]
    Malformed {
        /// The piece that could not be read.
        text: String,
    },
    /// Binning over the run's range was asked for, but the range was not given.
    #[error("{estimator}: the range over the whole run was not supplied with the layer")]
    MissingRunRange {
        /// Estimator name.
        estimator: &'static str,
    },
    /// An estimator looks at the input's values, which were not given.
    #[error(
        "{estimator} looks at the values of the input, and they were not supplied with the layer: give the inputs (--inputs), whose rows are the samples of the activations"
    )]
    MissingInputs {
        /// Estimator name.
        estimator: &'static str,
    },
    /// The input's codes repeat, so that they have no density.
    #[error(
        "{estimator}: {share:.1} % of the samples share their whole code of the input with another sample: inputs of a few values (bits, categories) have no density; use kde, gaussian-channel or binning, which do not look at their values"
    )]
    DiscreteInputs {
        /// Estimator name.
        estimator: &'static str,
        /// Percentage of the samples.
        share: f64,
    },
    /// Samples share their whole row of activations, so that the layer has no density.
    #[error(
        "{estimator}: {share:.1} % of the samples share their whole row of activations with another sample (dead or saturated units): the layer has no density; use a network with noise in its layers, or let the estimator add some, as with {estimator}:noise=0.1"
    )]
    RepeatedActivations {
        /// Estimator name.
        estimator: &'static str,
        /// Percentage of the samples.
        share: f64,
    },
    /// A permutation test of other than two variables.
    #[error(
        "a permutation test is of two variables, and {found} were given: shuffling X would also part it from the third, which is no test of conditional independence"
    )]
    NotTestable {
        /// Variables given.
        found: usize,
    },
    /// A variable of a kind that the estimator cannot take.
    #[error("{estimator} takes {expected} variables")]
    WrongKind {
        /// Estimator name.
        estimator: &'static str,
        /// What it takes.
        expected: &'static str,
    },
}

impl EstimatorError {
    /// Whether it is this one sample that has no such estimate, where another layer or checkpoint may: a table then has
    /// a row without a value, and the work goes on.
    pub fn is_of_one_sample(&self) -> bool {
        matches!(self, Self::RepeatedActivations { .. } | Self::NoDensity { .. })
    }
}
