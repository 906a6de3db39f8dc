//! What a training says in sentences.

use super::sweep::Cell;
use super::train::Trained;

/// A line a dictionary: active features, explained variance, dead features.
pub(crate) fn trained(cells: &[Cell], trained: &Trained) -> Vec<String> {
    let split = if trained.numbers.iter().any(|r| r.split == "test") { "test" } else { "train" };
    let of = |cell: &Cell, metric: &str| {
        let found =
            trained.numbers.iter().find(|r| r.dictionary == cell.name && r.split == split && r.metric == metric);
        found.and_then(|r| r.value)
    };
    let number = |value: Option<f64>, digits: usize| value.map_or("–".into(), |v| format!("{v:.digits$}"));
    let longest = cells.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
    let on = if split == "test" { "rows held out" } else { "the rows trained on" };
    let mut lines: Vec<String> = cells
        .iter()
        .map(|cell| {
            format!(
                "{:longest$}  L0 {:>6}, explained variance {}, dead {}",
                cell.name,
                number(of(cell, "l0"), 1),
                number(of(cell, "explained_variance"), 3),
                number(of(cell, "dead_share").map(|d| 100.0 * d), 1) + " %"
            )
        })
        .collect();
    lines.push(format!("Measured on {on}."));
    lines
}
