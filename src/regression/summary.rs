//! From one row a number to means over seeds, to the weight that each objective chooses, and to how much it compresses.

use super::objective::Objective;
use crate::table::{RegressionRow, RegressionSummaryRow};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::HashMap;

/// The estimator that compression is measured by.
const KERNEL: &str = "cauchy-schwarz";

/// Adds a row `compression` to every network whose reference is in the study: `r = 1 − I(X;T)/I₀(X;T)` by the normalised
/// Cauchy–Schwarz information on the test samples. The reference I₀ is that of the same data, seed and objective at β = 0
/// where the study has it, else that of the network without a bottleneck.
pub fn with_compression(rows: &[RegressionRow]) -> Vec<RegressionRow> {
    let information: HashMap<(&str, &str, u64, u64), f64> = rows
        .iter()
        .filter(|r| r.quantity == "I_XT" && r.estimator == KERNEL)
        .filter_map(|r| Some(((r.dataset.as_str(), r.objective.as_str(), r.beta.to_bits(), r.seed), r.value?)))
        .collect();
    let plain = super::OBJECTIVES.iter().filter(|o| !o.has_bottleneck()).map(|o| o.name).collect::<Vec<_>>();
    let mut result = Vec::with_capacity(rows.len());
    for (i, row) in rows.iter().enumerate() {
        result.push(row.clone());
        let next = rows.get(i + 1);
        let last = next.is_none_or(|n| cell(n) != cell(row));
        if !last {
            continue;
        }
        let of = |objective: &str, beta: f64| {
            information.get(&(row.dataset.as_str(), objective, beta.to_bits(), row.seed)).copied()
        };
        let reference = of(&row.objective, 0.0).or_else(|| plain.iter().find_map(|name| of(name, 0.0)));
        if let (Some(own), Some(reference)) = (of(&row.objective, row.beta), reference.filter(|r| *r > 0.0)) {
            let tested = rows[..=i].iter().rev().find(|r| r.quantity == "I_XT" && r.estimator == KERNEL);
            result.push(RegressionRow {
                part: "test".into(),
                attack: "none".into(),
                epsilon: 0.0,
                quantity: "compression".into(),
                estimator: KERNEL.into(),
                parameters: tested.map_or_else(String::new, |r| r.parameters.clone()),
                value: Some(1.0 - own / reference),
                unit: "share".into(),
                n_samples: tested.map_or(row.n_samples, |r| r.n_samples),
                flags: String::new(),
                ..row.clone()
            });
        }
    }
    result
}

/// What tells a network from the others.
fn cell(row: &RegressionRow) -> (&str, &str, u64, u64) {
    (&row.dataset, &row.objective, row.beta.to_bits(), row.seed)
}

/// Means over seeds, in the order of the rows, with the weight of each objective that the validation samples choose.
pub fn summarise(rows: &[RegressionRow]) -> Vec<RegressionSummaryRow> {
    type Key<'a> = (&'a str, &'a str, u64, &'a str, &'a str, u64, &'a str, &'a str);
    let mut order: Vec<(&RegressionRow, Vec<f64>)> = vec![];
    let mut places: HashMap<Key<'_>, usize> = HashMap::new();
    for row in rows {
        let key = (
            row.dataset.as_str(),
            row.objective.as_str(),
            row.beta.to_bits(),
            row.part.as_str(),
            row.attack.as_str(),
            row.epsilon.to_bits(),
            row.quantity.as_str(),
            row.estimator.as_str(),
        );
        let at = *places.entry(key).or_insert_with(|| {
            order.push((row, vec![]));
            order.len() - 1
        });
        order[at].1.extend(row.value);
    }
    let mut summary: Vec<RegressionSummaryRow> = order
        .into_iter()
        .map(|(row, values)| {
            let spread = Spread::of(&values);
            RegressionSummaryRow {
                dataset: row.dataset.clone(),
                objective: row.objective.clone(),
                beta: row.beta,
                chosen: String::new(),
                part: row.part.clone(),
                attack: row.attack.clone(),
                epsilon: row.epsilon,
                quantity: row.quantity.clone(),
                estimator: row.estimator.clone(),
                parameters: row.parameters.clone(),
                seeds: values.len() as u64,
                mean: spread.map(|s| s.mean),
                std: spread.and_then(|s| s.std),
                ci_low: spread.and_then(|s| Some(s.mean - s.half_interval?)),
                ci_high: spread.and_then(|s| Some(s.mean + s.half_interval?)),
                unit: row.unit.clone(),
            }
        })
        .collect();
    let mut choices: HashMap<(String, String), Option<f64>> = HashMap::new();
    for row in &summary {
        let key = (row.dataset.clone(), row.objective.clone());
        choices.entry(key).or_insert_with(|| chosen(&summary, &row.dataset, &row.objective));
    }
    for row in &mut summary {
        let choice = choices.get(&(row.dataset.clone(), row.objective.clone())).copied().flatten();
        row.chosen = if choice == Some(row.beta) { "yes" } else { "no" }.into();
    }
    summary
}

/// The weight with the smallest mean error on the validation samples; the larger of two equal ones.
pub fn chosen(summary: &[RegressionSummaryRow], dataset: &str, objective: &str) -> Option<f64> {
    summary
        .iter()
        .filter(|r| r.dataset == dataset && r.objective == objective && r.quantity == "rmse" && r.part == "validation")
        .filter_map(|r| Some((r.mean?, r.beta)))
        .min_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)))
        .map(|(_, beta)| beta)
}

/// Mean and spread over seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) mean: f64,
    /// Sample standard deviation, of two values or more.
    pub(super) std: Option<f64>,
    /// Half the 95 % interval of the mean by Student's t.
    pub(super) half_interval: Option<f64>,
    /// Standard error of the mean.
    pub(super) std_error: Option<f64>,
}

impl Spread {
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        if values.is_empty() {
            return None;
        }
        let std =
            (values.len() > 1).then(|| (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt());
        let std_error = std.map(|s| s / n.sqrt());
        let t = StudentsT::new(0.0, 1.0, (n - 1.0).max(1.0)).ok().map(|d| d.inverse_cdf(0.975));
        Some(Self { mean, std, half_interval: std_error.zip(t).map(|(e, t)| e * t), std_error })
    }
}

/// The objectives of a data set, in the order of the table, each with its chosen weight.
pub(crate) fn chosen_objectives(summary: &[RegressionSummaryRow], dataset: &str) -> Vec<(String, f64)> {
    let mut found: Vec<(String, f64)> = vec![];
    for row in summary.iter().filter(|r| r.dataset == dataset) {
        if found.iter().all(|(name, _)| *name != row.objective)
            && let Some(beta) = chosen(summary, dataset, &row.objective)
        {
            found.push((row.objective.clone(), beta));
        }
    }
    found
}

/// How an objective is named beside its weight.
pub(crate) fn named(objective: &str, beta: f64) -> String {
    match Objective::by_name(objective).is_none_or(Objective::has_bottleneck) {
        true => format!("{objective} (β = {beta})"),
        false => objective.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::regression_testing::regression_rows;

    #[test]
    fn a_t_interval_of_three() {
        let s = Spread::of(&[1.0, 2.0, 3.0]).unwrap();
        // t(2) at 0.975 is 4.3027.
        assert!((s.mean - 2.0).abs() < 1e-12 && (s.std.unwrap() - 1.0).abs() < 1e-12);
        assert!((s.half_interval.unwrap() - 4.302_652_7 / 3f64.sqrt()).abs() < 1e-5);
        assert_eq!(Spread::of(&[1.0]).unwrap().std, None);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn validation_chooses_and_compression_is_relative() {
        let rows = with_compression(&regression_rows());
        let summary = summarise(&rows);
        let sets = chosen_objectives(&summary, "a");
        // Errors of the sample grow with |β − 0.1|.
        assert_eq!(sets, [("mse".to_string(), 0.0), ("cs-ib".to_string(), 0.1)]);
        assert!(summary.iter().all(|r| (r.chosen == "yes") == (r.beta == 0.0 || r.beta == 0.1)));
        let compression = |objective: &str, beta: f64| {
            let of = |r: &&RegressionSummaryRow| {
                r.quantity == "compression" && r.objective == objective && r.beta == beta && r.dataset == "a"
            };
            summary.iter().find(of).unwrap().mean.unwrap()
        };
        assert!(compression("mse", 0.0).abs() < 1e-12);
        assert!((compression("cs-ib", 1.0) - 0.5).abs() < 1e-12, "{}", compression("cs-ib", 1.0));
        assert!(rows.iter().filter(|r| r.quantity == "compression").all(|r| r.part == "test" && r.attack == "none"));
    }
}
