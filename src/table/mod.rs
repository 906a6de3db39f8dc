//! The tidy tables of a run: one row a number, a fixed order of columns, the same rows as CSV and as Parquet.
//!
//! A missing value is an empty field, never zero. Columns are only ever appended, so that a script that reads
//! today's files reads tomorrow's.

mod accuracy;
mod activation;
mod agreement;
mod association;
mod catalogue;
mod codebook;
mod concept;
mod concept_conditional;
mod concept_edit;
mod concept_intervention;
mod concept_path;
mod concept_propagation;
mod concept_score;
mod dictionary;
mod dictionary_feature;
mod feature_name;
mod generalisation;
mod gradient;
mod ib_curve;
mod incremental;
mod label;
mod matrix;
mod mean;
mod parquet;
mod phases;
mod plane;
mod processing;
mod regression;
mod samples;
mod speed;
mod timing;
mod training;

pub use accuracy::{AccuracyRow, AccuracySummaryRow};
pub use activation::{ActivationRow, CapturedSampleRow};
pub use agreement::AgreementRow;
pub use association::AssociationRow;
pub use catalogue::{CATALOGUE, TableEntry, dictionary, entry, entry_of, entry_within, page};
pub use codebook::{CodeRow, CodebookRow, SteeringRow};
pub use concept::{
    ConceptComparisonRow, ConceptContributionRow, ConceptMetricRow, ConceptPredictionRow, ConceptTimingRow,
    ConceptWeightRow,
};
pub use concept_conditional::{ConceptAgreementRow, ConceptConditionalRow};
pub use concept_edit::{ConceptEditRow, ConceptPruneRow};
pub use concept_intervention::ConceptInterventionRow;
pub use concept_path::ConceptPathRow;
pub use concept_propagation::{ConceptNeighbourRow, ConceptPropagationRow, EnergyTraceRow};
pub use concept_score::{ConceptCalibrationRow, ConceptOverlayRow};
pub use dictionary::{DictionaryRow, DictionaryTrainingRow};
pub use dictionary_feature::{DictionaryFeatureRow, DictionaryPairRow};
pub use feature_name::FeatureNameRow;
pub use generalisation::{CorrelationRow, ModelRow};
pub(crate) use generalisation::{is_main, main_sample};
pub use gradient::GradientRow;
pub use ib_curve::{IbCurveRow, curve_quantity};
pub use incremental::{IncrementalRow, IncrementalSummaryRow, UnlearningRow};
pub(crate) use label::Labels;
pub use matrix::MatrixWriter;
pub use mean::MeanRow;
pub use parquet::{ParquetFile, csv_to_parquet, read_parquet, write_parquet};
pub use phases::{PhaseRow, phase, phase_flags};
pub use plane::{PlaneRow, flags, quantity};
pub use processing::ProcessingRow;
#[cfg(test)]
pub(crate) use regression::testing as regression_testing;
pub use regression::{RegressionRow, RegressionSummaryRow};
pub use samples::SampleRow;
pub use speed::{GrowthRow, SpeedRow};
pub use timing::TimingRow;
pub use training::TrainingRow;

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::path::Path;

/// What a column holds; decides its Parquet type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// UTF-8 text; empty where not applicable.
    Text,
    /// An unsigned integer; empty where unknown.
    Integer,
    /// A real number; empty where not available.
    Real,
}

/// One column of a tidy table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name in the header.
    pub name: &'static str,
    /// Type of its values.
    pub kind: ColumnKind,
    /// One line for the column dictionary.
    pub meaning: &'static str,
}

/// A row type that knows its columns, in the order in which serde writes its fields.
pub trait Row: Serialize + DeserializeOwned {
    /// The columns, in file order.
    const COLUMNS: &'static [Column];
}

/// The rows as CSV text: header always, LF line ends, shortest form of a number that reads back the same.
///
/// # Errors
/// When a row does not serialise, which would be a fault of the row type.
pub fn to_csv<R: Row>(rows: &[R]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(R::COLUMNS.iter().map(|c| c.name))?;
    for row in rows {
        writer.serialize(row)?;
    }
    writer.into_inner().context("flushing a CSV table")
}

/// Reads a table back, for `narrows report` and `--resume`.
///
/// # Errors
/// When the file is missing, or a row does not fit the schema: the message names the file and the line.
pub fn read_csv<R: Row>(path: &Path) -> Result<Vec<R>> {
    let mut reader =
        csv::Reader::from_path(path).with_context(|| format!("cannot read the table {}", path.display()))?;
    reader
        .deserialize()
        .enumerate()
        .map(|(i, row)| {
            row.with_context(|| format!("{}: row {} does not fit the table's schema", path.display(), i + 2))
        })
        .collect()
}
