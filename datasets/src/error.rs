//! What can be wrong with data.

use thiserror::Error;

/// Why inputs and labels are not a data set.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// Fewer than two samples, or no features.
    #[error("{samples} sample(s) of {features} feature(s): at least two samples and one feature are needed")]
    TooSmall {
        /// Rows.
        samples: usize,
        /// Columns.
        features: usize,
    },
    /// Labels do not go with the inputs.
    #[error("{inputs} inputs but {labels} labels: there must be one label for each input, in the same order")]
    LabelCount {
        /// Rows of inputs.
        inputs: usize,
        /// Labels.
        labels: usize,
    },
    /// NaN or infinity in the inputs.
    #[error(
        "{count} input value(s) are not finite; the first is {value} at row {row}, column {column} (counted from 1)"
    )]
    NotFinite {
        /// How many.
        count: usize,
        /// Row of the first, from 1.
        row: usize,
        /// Column of the first, from 1.
        column: usize,
        /// The value.
        value: f32,
    },
    /// One class only.
    #[error(
        "all {samples} labels are {label}: at least two classes are needed, or there is nothing to know about the target"
    )]
    OneClass {
        /// Number of samples.
        samples: usize,
        /// The label.
        label: i64,
    },
    /// A split would leave one side empty.
    #[error(
        "a training share of {share} of {samples} samples leaves {train} to train on and {test} to test on: both need at least one"
    )]
    EmptySplit {
        /// Share asked for.
        share: f64,
        /// Samples.
        samples: usize,
        /// Samples to train on.
        train: usize,
        /// Samples to test on.
        test: usize,
    },
    /// Targets do not go with the inputs.
    #[error("{inputs} inputs but {targets} targets: there must be one target for each input, in the same order")]
    TargetCount {
        /// Rows of inputs.
        inputs: usize,
        /// Targets.
        targets: usize,
    },
    /// NaN or infinity among the targets.
    #[error("the target of row {row} (counted from 1) is {value}, but targets are finite numbers")]
    TargetNotFinite {
        /// Row, from 1.
        row: usize,
        /// The value.
        value: f64,
    },
    /// One target only.
    #[error("all {samples} targets are {value}: there is nothing to predict")]
    ConstantTarget {
        /// Number of samples.
        samples: usize,
        /// The target.
        value: f64,
    },
    /// A split in three would leave a part with fewer than two samples.
    #[error(
        "{samples} samples split into {train} to train on, {validation} to choose by and {test} to test on: each part needs at least two"
    )]
    SmallParts {
        /// Samples.
        samples: usize,
        /// Samples to train on.
        train: usize,
        /// Samples to choose by.
        validation: usize,
        /// Samples to test on.
        test: usize,
    },
    /// A generator was asked for what it cannot make.
    #[error("{set}: {name} = {value}, but it must be {rule}")]
    Parameter {
        /// Data set.
        set: &'static str,
        /// Parameter.
        name: &'static str,
        /// The value.
        value: f64,
        /// What is allowed.
        rule: &'static str,
    },
    /// Text that should set a generator's option, and does not.
    #[error("{set}: {found:?} was found, but {expected} is expected")]
    Setting {
        /// Data set.
        set: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
    /// A row number beyond the data.
    #[error("row {row} was asked for, but there are {samples} samples")]
    NoSuchRow {
        /// The row, from 0.
        row: usize,
        /// Samples.
        samples: usize,
    },
    /// Concepts, names or classes do not go with the samples.
    #[error("{what}: {found}, but {expected} are expected")]
    ConceptShape {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A concept that is neither absent nor present.
    #[error("concept {concept:?} is {value} in row {row} (counted from 1), but 0 or 1 is expected")]
    ConceptValue {
        /// Row, from 1.
        row: usize,
        /// Name of the concept.
        concept: String,
        /// The value.
        value: f64,
    },
    /// No concept set of this name.
    #[error("there is no built-in concept set {name:?}; built in are {known}")]
    NoConceptSet {
        /// The name asked for.
        name: String,
        /// All names.
        known: String,
    },
    /// A built-in file does not read: a fault of the build.
    #[error("the built-in data set {name} does not read: {reason}")]
    Builtin {
        /// Name.
        name: &'static str,
        /// Why.
        reason: String,
    },
}

/// Why bytes could not be read as data.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// A header and nothing else.
    #[error("the file has a header and no rows")]
    HeaderOnly,
    /// Text in another encoding.
    #[error("the file is not UTF-8 text ({what}); save it as UTF-8")]
    Encoding {
        /// What it seems to be.
        what: String,
    },
    /// A row with more or fewer fields than the first.
    #[error("line {line} has {found} fields, but {expected} are expected as in the first line")]
    Ragged {
        /// Line from 1.
        line: u64,
        /// Fields found.
        found: usize,
        /// Fields of the first line.
        expected: usize,
    },
    /// Text where a number belongs.
    #[error("line {line}, column {column}: {text:?} is not a number{hint}")]
    NotANumber {
        /// Line from 1.
        line: u64,
        /// Column, by number and name.
        column: String,
        /// What stands there.
        text: String,
        /// What to do.
        hint: &'static str,
    },
    /// The CSV reader gave up.
    #[error("line {line}: {reason}")]
    Csv {
        /// Line from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// A column that is not there.
    #[error("there is no column {wanted:?}; the columns are: {known}")]
    NoColumn {
        /// Column asked for.
        wanted: String,
        /// The columns.
        known: String,
    },
    /// Two columns of one name.
    #[error("the column {name:?} stands twice in the header; name it by its number")]
    TwoColumns {
        /// The name.
        name: String,
    },
    /// A file of labels with more than labels in it.
    #[error("the file has {found} columns: name the one with the labels by --label-column")]
    ManyColumns {
        /// Columns found.
        found: usize,
    },
    /// A label that is no whole number.
    #[error("label {at} (counted from 1) is {value}, but labels are whole numbers or names of classes")]
    Label {
        /// Position from 1.
        at: usize,
        /// The value.
        value: f64,
    },
    /// Labels of the wrong shape.
    #[error("labels have the shape {shape:?}, but one label a sample is expected: [samples] or [samples, 1]")]
    LabelShape {
        /// Shape found.
        shape: Vec<usize>,
    },
    /// An array that is no table of samples.
    #[error("an array of shape {shape:?} is not a table of samples: [samples, features] is expected")]
    Shape {
        /// Shape found.
        shape: Vec<usize>,
    },
    /// A text that is not there.
    #[error("line {line} is empty: a text is missing; every sample has one")]
    NoText {
        /// Line from 1.
        line: u64,
    },
    /// More than one column that may be the texts.
    #[error("the columns {columns} all hold texts: name the one by --text-column")]
    ManyTexts {
        /// The columns.
        columns: String,
    },
    /// A first line that may be a header or a sample.
    #[error(
        "whether the first line ({first:?}) is a header cannot be told: give --text-column by its name if it is one, by its number if it is none"
    )]
    UnclearHeader {
        /// What stands there.
        first: String,
    },
    /// A record of CIFAR with a label that it does not have.
    #[error("record {record} (counted from 1) has the label {label}, but CIFAR has such labels below {classes} only")]
    CifarLabel {
        /// Record from 1.
        record: usize,
        /// The label.
        label: u8,
        /// Number of classes.
        classes: u8,
    },
    /// A file that no whole number of CIFAR's records makes up.
    #[error("{found} bytes are no whole number of records of CIFAR-{classes}, which have {record} bytes each")]
    CifarSize {
        /// Bytes of the file.
        found: usize,
        /// Number of classes.
        classes: u8,
        /// Bytes of a record.
        record: usize,
    },
    /// Not what its first bytes or its header promise.
    #[error("it is not a valid {format} file: {reason}")]
    Invalid {
        /// Format.
        format: &'static str,
        /// Why.
        reason: String,
    },
    /// A type of values that has no place here.
    #[error("values of type {dtype} cannot be used; save the array as float32, float64 or integers")]
    Dtype {
        /// numpy's name of the type.
        dtype: String,
    },
    /// The file ends too early, or says that it is larger than it is.
    #[error("the file is truncated: its header promises {promised} bytes of values, but {found} follow")]
    Truncated {
        /// Bytes that the header promises.
        promised: u128,
        /// Bytes that are there.
        found: usize,
    },
    /// More than may be unpacked.
    #[error("it unpacks to more than {limit} bytes, which no data set of this kind needs")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
}
