//! The tables of codebooks on a page.

use super::Sheet;
use crate::figure::CodebookTables;
use crate::figure::scale::readable;
use crate::table::{CodebookRow, Row, read_csv};
use anyhow::Result;
use std::path::Path;

/// Reads whatever of them a run has.
pub(super) fn read(folder: &Path) -> Result<CodebookTables> {
    fn table<R: Row>(folder: &Path, name: &str) -> Result<Vec<R>> {
        let path = folder.join(name);
        if path.exists() { read_csv(&path) } else { Ok(vec![]) }
    }
    Ok(CodebookTables {
        training: table(folder, "codebook_training.csv")?,
        numbers: table(folder, "codebook_metrics.csv")?,
        codes: table(folder, "codes.csv")?,
        steering: table(folder, "steering.csv")?,
    })
}

/// The numbers, a row each.
pub(super) fn sheets(tables: &CodebookTables) -> Vec<Sheet> {
    if tables.numbers.is_empty() {
        return vec![];
    }
    let columns = ["Metric", "Model", "Layer", "Part", "Value", "Reference", "Rests on"].map(String::from).into();
    let line = |r: &CodebookRow| {
        let value = r.value.map(readable).unwrap_or_default();
        vec![
            r.metric.replace('_', " "),
            r.model.clone(),
            r.layer.map(|l| l.to_string()).unwrap_or_default(),
            r.part.replace('_', " "),
            r.std_error.map_or(value.clone(), |e| format!("{value} ± {}", readable(e))),
            r.reference.map(readable).unwrap_or_default(),
            r.n.map(|n| n.to_string()).unwrap_or_default(),
        ]
    };
    let note = "Value ± standard error. Reference: the best possible model's loss and accuracy; any pairs of tokens; no steering. \
                Losses and divergences in nats.";
    let rows = tables.numbers.iter().map(line).collect();
    vec![Sheet { title: "Numbers of models and codebooks".into(), note: note.into(), columns, texts: 4, rows }]
}
