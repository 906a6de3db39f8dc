//! What is known of a dictionary, as rows of the table.

use super::sweep::Cell;
use crate::table::DictionaryRow;
use narrows_dictionaries::evaluate::Evaluation;

/// A row about a dictionary; what is measured is filled in by the caller.
pub(crate) fn row(cell: &Cell, layer: &str, split: &str, metric: &str, value: Option<f64>) -> DictionaryRow {
    DictionaryRow {
        dictionary: cell.name.clone(),
        variant: cell.specification.clone(),
        layer: layer.into(),
        width: cell.width as u64,
        seed: cell.seed,
        split: split.into(),
        metric: metric.into(),
        value: value.filter(|v| v.is_finite()),
        ..DictionaryRow::default()
    }
}

/// The numbers of an evaluation about the whole dictionary.
pub(crate) fn evaluated(cell: &Cell, layer: &str, split: &str, evaluation: &Evaluation) -> Vec<DictionaryRow> {
    let of = |m: &narrows_dictionaries::evaluate::Measure| DictionaryRow {
        std_error: m.std_error,
        n_samples: m.n,
        ..row(cell, layer, split, m.name, m.value)
    };
    evaluation.measures.iter().map(of).collect()
}
