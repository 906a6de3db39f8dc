//! Means over seeds.

use crate::table::{AccuracyRow, AccuracySummaryRow, Labels};

/// One row for each task and estimator, in the order in which they first appear.
pub fn summarise(rows: &[AccuracyRow]) -> Vec<AccuracySummaryRow> {
    let same = |a: &AccuracyRow, b: &AccuracyRow| {
        (&a.suite, &a.task, &a.estimator, &a.parameters, a.n_samples)
            == (&b.suite, &b.task, &b.estimator, &b.parameters, b.n_samples)
    };
    rows.chunk_by(same)
        .map(|group| {
            let first = &group[0];
            let values: Vec<f64> = group.iter().filter_map(|r| r.value).collect();
            let count = values.len() as f64;
            let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / count);
            let std = mean
                .filter(|_| values.len() > 1)
                .map(|mean| (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt());
            let covered: Vec<bool> = group
                .iter()
                .filter_map(|r| Some((r.value? - r.truth).abs() <= 1.959_963_984_540_054 * r.std_error?))
                .collect();
            let coverage =
                (!covered.is_empty()).then(|| covered.iter().filter(|c| **c).count() as f64 / covered.len() as f64);
            AccuracySummaryRow {
                suite: first.suite.clone(),
                task: first.task.clone(),
                truth: first.truth,
                estimator: first.estimator.clone(),
                parameters: first.parameters.clone(),
                n_samples: first.n_samples,
                seeds: values.len() as u64,
                mean,
                std,
                bias: mean.map(|m| m - first.truth),
                coverage,
            }
        })
        .collect()
}

/// Each estimator's mean absolute error over the tasks that it has values of, how many these are, and on how many of
/// them its mean is nearest to the truth; the smallest error first.
pub fn mean_absolute_errors(summary: &[AccuracySummaryRow]) -> Vec<(String, f64, usize, usize)> {
    let labels = Labels::new(summary.iter().map(|r| (r.estimator.as_str(), r.parameters.as_str())));
    let label = |row: &AccuracySummaryRow| labels.of(&row.estimator, &row.parameters);
    let names = labels.all();
    let best = |task: &str| {
        let of_task = summary.iter().filter(|r| r.task == task && r.bias.is_some());
        of_task.min_by(|a, b| {
            a.bias.map(f64::abs).unwrap_or(f64::MAX).total_cmp(&b.bias.map(f64::abs).unwrap_or(f64::MAX))
        })
    };
    let mut found: Vec<(String, f64, usize, usize)> = names
        .iter()
        .filter_map(|name| {
            let errors: Vec<f64> =
                summary.iter().filter(|r| label(r) == *name).filter_map(|r| r.bias.map(f64::abs)).collect();
            let wins = summary
                .iter()
                .filter(|r| label(r) == *name && best(&r.task).is_some_and(|b| label(b) == *name))
                .count();
            (!errors.is_empty())
                .then(|| (name.clone(), errors.iter().sum::<f64>() / errors.len() as f64, errors.len(), wins))
        })
        .collect();
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    found
}
