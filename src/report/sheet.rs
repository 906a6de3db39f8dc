//! A small table that a kind of run shows on its page.

use crate::figure::scale::readable as number;
use crate::regression::{chosen_objectives, named};
use crate::table::RegressionSummaryRow;
use serde::Serialize;
use std::collections::BTreeSet;

/// A table that is ready to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sheet {
    /// Heading.
    pub title: String,
    /// A sentence above the table.
    pub note: String,
    /// Column heads; those after the first `texts` are numbers.
    pub columns: Vec<String>,
    /// Columns of text at the left.
    pub texts: usize,
    /// The rows, as long as the heads.
    pub rows: Vec<Vec<String>>,
}

/// The table of a regression study: each objective at the weight that its validation samples choose. None without rows.
pub(super) fn regression(summary: &[RegressionSummaryRow]) -> Option<Sheet> {
    let mut sets: Vec<&str> = summary.iter().map(|r| r.dataset.as_str()).collect();
    sets.dedup();
    let attacks: BTreeSet<(&str, u64)> = summary
        .iter()
        .filter(|r| r.quantity == "rmse" && r.attack != "none")
        .map(|r| (r.attack.as_str(), r.epsilon.to_bits()))
        .collect();
    // The middle strength of each attack: the curves are in the figure.
    let mut told: Vec<(&str, f64)> = vec![];
    for name in attacks.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>() {
        let mut own: Vec<f64> = attacks.iter().filter(|(n, _)| *n == name).map(|(_, e)| f64::from_bits(*e)).collect();
        own.sort_by(f64::total_cmp);
        told.push((name, own[(own.len() - 1) / 2]));
    }
    let mut columns: Vec<String> = ["Data", "Objective", "RMSE, train", "validation", "test"].map(String::from).into();
    columns.extend(told.iter().map(|(name, e)| format!("{name}, ε = {e}")));
    columns.extend(["I(X;T), CS", "compression", "I(T;Y), proxy [bits]"].map(String::from));
    let mut rows = vec![];
    for set in sets {
        for (objective, beta) in chosen_objectives(summary, set) {
            let find = |part: &str, attack: &str, epsilon: f64, quantity: &str, estimator: &str| {
                let found = summary.iter().find(|r| {
                    (r.dataset.as_str(), &r.objective, r.beta) == (set, &objective, beta)
                        && (r.part.as_str(), r.attack.as_str(), r.epsilon) == (part, attack, epsilon)
                        && (r.quantity.as_str(), r.estimator.as_str()) == (quantity, estimator)
                });
                match found.map(|r| (r.mean, r.std)) {
                    Some((Some(mean), Some(std))) => format!("{} ± {}", number(mean), number(std)),
                    Some((Some(mean), None)) => number(mean),
                    _ => String::new(),
                }
            };
            let mut row = vec![set.to_string(), named(&objective, beta)];
            row.extend(["train", "validation", "test"].map(|part| find(part, "none", 0.0, "rmse", "")));
            row.extend(told.iter().map(|(name, e)| find("test", name, *e, "rmse", "")));
            row.push(find("test", "none", 0.0, "I_XT", "cauchy-schwarz"));
            row.push(find("test", "none", 0.0, "compression", "cauchy-schwarz"));
            row.push(find("test", "none", 0.0, "I_TY", "gaussian-proxy"));
            rows.push(row);
        }
    }
    (!rows.is_empty()).then(|| Sheet {
        title: "Objectives at their chosen β".into(),
        note:
            "Each objective at the β with the smallest mean error on the validation samples; mean ± standard deviation \
               over seeds. Errors are in the target's unit."
                .into(),
        columns,
        texts: 2,
        rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::{summarise, with_compression};
    use crate::table::regression_testing::regression_rows;

    #[test]
    fn a_row_an_objective_and_every_cell_filled() {
        let sheet = regression(&summarise(&with_compression(&regression_rows()))).unwrap();
        assert_eq!(sheet.rows.len(), 4);
        assert_eq!(sheet.columns[5..7], ["fgsm, ε = 0.1", "pgd, ε = 0.1"]);
        assert!(sheet.rows.iter().all(|row| row.len() == sheet.columns.len()));
        assert_eq!((sheet.rows[1][1].as_str(), sheet.rows[1][4].as_str()), ("cs-ib (β = 0.1)", "2.45 ± 0.0707"));
        assert_eq!(regression(&[]), None);
    }
}
