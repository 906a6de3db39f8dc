//! Columns of the tables that are written without a row type of their own.

use crate::table::Column;
use crate::table::ColumnKind::{self, Integer, Real, Text};

const fn column(name: &'static str, kind: ColumnKind, meaning: &'static str) -> Column {
    Column { name, kind, meaning }
}

/// `split.csv`.
pub(super) const SPLIT: &[Column] = &[
    column("run", Text, "name of the run"),
    column("row", Integer, "row of the data, from 0"),
    column("part", Text, "train or test"),
];

/// `claims.csv`.
pub(super) const CLAIMS: &[Column] = &[
    column("says", Text, "the claim"),
    column("observed", Real, "the number that it is about"),
    column("compared", Real, "what that is compared to, where it is"),
    column("rows", Integer, "rows that the number rests on"),
    column("holds", Text, "true or false; empty where it could not be judged"),
    column("reason", Text, "why it could not"),
];

/// `cells.csv` of a study of many jobs, without the axes.
pub(super) const CELLS: &[Column] = &[
    column("cell", Text, "cell of the study"),
    column("cell_step", Text, "step of the study that the cell does"),
    column("status", Text, "ok, failed, outdated, blocked or missing"),
    column("message", Text, "why it failed, or what has changed"),
];

/// `summary.csv` of a study of many jobs, without the axes.
pub(super) const STUDY_SUMMARY: &[Column] = &[
    column("table", Text, "merged table, without its ending"),
    column("what", Text, "which number of it: its other columns, key=value joined by spaces"),
    column("mean", Real, "mean over the replicates"),
    column("std", Real, "standard deviation over them, with n - 1; empty for a single one"),
    column("n", Integer, "values that it is the mean of"),
    column("ci_low", Real, "lower end of the 95 % interval of the mean by Student's t"),
    column("ci_high", Real, "upper end of it"),
];

/// `labels.csv` of a built-in set.
pub(super) const LABELS: &[Column] = &[
    column("sample", Integer, "sample, from 1"),
    column("class", Text, "name of its class"),
    column("split", Text, "train or test"),
    column("shift", Text, "shifted or none"),
    column("background", Text, "scene behind a bird; empty where there is none"),
];

/// `concept_groups.csv`.
pub(super) const CONCEPT_GROUPS: &[Column] =
    &[column("concept", Text, "concept"), column("group", Text, "group of concepts that exclude one another")];

/// `concept_parts.csv`.
pub(super) const CONCEPT_PARTS: &[Column] =
    &[column("concept", Text, "concept"), column("part", Text, "part that it is about; empty for scenes")];

/// `centres.csv`.
pub(super) const CENTRES: &[Column] = &[
    column("sample", Integer, "sample, from 1"),
    column("part", Text, "part"),
    column("row", Real, "row of the pixel nearest to its middle, from 0; empty where it is hidden"),
    column("column", Real, "column of that pixel"),
    column("pixels", Integer, "pixels of the part that are seen"),
];

/// `ceilings.csv`.
pub(super) const CEILINGS: &[Column] = &[
    column("quantity", Text, "label_entropy, concept_information, bayes_accuracy"),
    column("value", Real, "its value"),
    column("unit", Text, "bits or share"),
    column("std_error", Real, "standard error; empty where exact"),
];
