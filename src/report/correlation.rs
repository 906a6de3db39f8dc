//! The table of correlations of a study of generalisation.

use super::Sheet;
use crate::table::{CorrelationRow, is_main, main_sample};

const GAPS: [&str; 2] = ["loss", "error"];
const COEFFICIENTS: [&str; 3] = ["spearman", "pearson", "kendall"];

/// The main quantities over all models with their correlations, by the size of Spearman's with the gap in loss; none
/// without rows.
pub(super) fn correlation(rows: &[CorrelationRow]) -> Option<Sheet> {
    let main = main_sample(rows.iter().map(|r| r.sample.as_str()));
    let all: Vec<&CorrelationRow> = rows
        .iter()
        .filter(|r| r.scope == "all" && is_main(&r.quantity, &r.estimator, &r.sample, &r.layer, &main))
        .collect();
    let mut first: Vec<&CorrelationRow> =
        all.iter().copied().filter(|r| r.gap == GAPS[0] && r.coefficient == COEFFICIENTS[0]).collect();
    first.sort_by(|a, b| b.value.unwrap_or(0.0).abs().total_cmp(&a.value.unwrap_or(0.0).abs()));
    let lead = *first.first()?;
    let mut columns: Vec<String> = ["Quantity", "Estimator", "Layer"].map(String::from).into();
    for gap in GAPS {
        columns.extend(COEFFICIENTS.map(|c| format!("{c}, {gap}")));
    }
    let cell = |row: &CorrelationRow, gap: &str, coefficient: &str| {
        let found = all.iter().find(|r| {
            r.gap == gap
                && r.coefficient == coefficient
                && (&r.quantity, &r.estimator, &r.sample, &r.layer)
                    == (&row.quantity, &row.estimator, &row.sample, &row.layer)
        });
        match found.map(|r| (r.value, r.ci_low, r.ci_high)) {
            Some((Some(v), Some(low), Some(high))) => format!("{v:.2} ({low:.2} to {high:.2})"),
            Some((Some(v), ..)) => format!("{v:.2}"),
            _ => String::new(),
        }
    };
    let table = first.iter().map(|row| {
        let mut line = vec![row.quantity.clone(), row.estimator.clone(), row.layer.clone()];
        for gap in GAPS {
            line.extend(COEFFICIENTS.map(|c| cell(row, gap, c)));
        }
        line
    });
    Some(Sheet {
        title: "Correlations".into(),
        note: format!(
            "Of the main quantities with the gap in loss and in error, over {} models, with {:.0} % bootstrap intervals over \
             {} clusters ({}); information on the sample {main}. The other forms, and groups of models, are in \
             correlation.csv.",
            lead.n_models,
            100.0 * lead.level,
            lead.clusters,
            lead.cluster_by
        ),
        columns,
        texts: 3,
        rows: table.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_a_quantity_with_what_is_defined() {
        let row = |gap: &str, coefficient: &str, value| CorrelationRow {
            run: "r".into(),
            scope: "all".into(),
            group: String::new(),
            quantity: "parameters".into(),
            estimator: String::new(),
            sample: String::new(),
            layer: String::new(),
            gap: gap.into(),
            coefficient: coefficient.into(),
            value,
            ci_low: Some(0.1),
            ci_high: Some(0.9),
            level: 0.95,
            n_models: 20,
            clusters: 5,
            cluster_by: "setting".into(),
        };
        let sheet = correlation(&[row("loss", "spearman", Some(0.5)), row("error", "kendall", None)]).unwrap();
        assert_eq!((sheet.rows.len(), sheet.columns.len()), (1, 9));
        assert_eq!((sheet.rows[0][3].as_str(), sheet.rows[0][8].as_str()), ("0.50 (0.10 to 0.90)", ""));
        assert_eq!(correlation(&[]), None);
    }
}
