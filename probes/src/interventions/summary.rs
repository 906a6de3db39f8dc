//! A policy in a few numbers: area under its curve, and how often a correction does harm.

use super::curve::{Axis, Point, by_amount};
use super::paths::Paths;
use super::share::{Measured, balanced, mean_variance, ratio, share, z};
use crate::ProbeError;

/// A fall of the true class's probability by no more than this is rounding.
const ROUNDING: f64 = 1e-9;

/// For each sample the area under its curve of right (1) and wrong (0) predictions, trapezoidal, divided by the width.
fn areas(paths: &[Paths], labels: &[u32], axis: Axis) -> Result<Vec<f64>, ProbeError> {
    let right = by_amount(paths, axis, |p, i, t| f64::from(u8::from(p.predicted[[i, t]] == labels[i])))?;
    let n = labels.len();
    if right.len() < 2 {
        return Ok(right.into_iter().next().map_or_else(Vec::new, |(_, values)| values));
    }
    let intervals = (right.len() - 1) as f64;
    let weight = |t: usize| if t == 0 || t == right.len() - 1 { 0.5 } else { 1.0 };
    let area = |i: usize| right.iter().enumerate().map(|(t, (_, v))| weight(t) * v[i]).sum::<f64>() / intervals;
    Ok((0..n).map(area).collect())
}

/// Numbers about the paths of one policy, one a seed. Their `amount` is 0. Metrics:
///
/// - `auc_accuracy`, `auc_balanced_accuracy`: mean height of the curve (area under it over its width);
/// - `first_harmful`: share of all samples whose right prediction the first correction turns wrong;
///   `first_harmful_of_right`: the same of the samples that were right; `first_helpful`: wrong before, right after;
/// - `harmful_steps`: share of all corrections that lower the true class's probability;
/// - `ever_harmed`: share of all samples that are right before and wrong after some number of corrections.
///
/// # Errors
/// As [`super::curve`].
pub fn summary(paths: &[Paths], labels: &[u32], n_classes: usize, axis: Axis) -> Result<Vec<Point>, ProbeError> {
    let areas = areas(paths, labels, axis)?;
    let seeds = paths.len() as f64;
    let n = labels.len();
    let mean = |of: &dyn Fn(&Paths, usize) -> f64| -> Vec<f64> {
        (0..n).map(|i| paths.iter().map(|p| of(p, i)).sum::<f64>() / seeds).collect()
    };
    let right = |p: &Paths, i: usize, t: usize| p.predicted[[i, t.min(p.last())]] == labels[i];
    let number = |yes: bool| f64::from(u8::from(yes));
    let harmful = mean(&|p, i| number(right(p, i, 0) && !right(p, i, 1)));
    let helpful = mean(&|p, i| number(!right(p, i, 0) && right(p, i, 1)));
    let ever = mean(&|p, i| number(right(p, i, 0) && (1..=p.last()).any(|t| !right(p, i, t))));
    let falls = mean(&|p, i| {
        let fell = |t: &usize| p.probability[[i, *t]] < p.probability[[i, t - 1]] - ROUNDING;
        (1..=p.steps[i]).filter(fell).count() as f64
    });
    let steps = mean(&|p, i| p.steps[i] as f64);
    // Before any correction every seed finds the same.
    let of_right: Vec<f64> = (0..n).filter(|&i| right(&paths[0], i, 0)).map(|i| harmful[i]).collect();
    let measured = [
        ("auc_accuracy", share(&areas)),
        ("auc_balanced_accuracy", balanced(&areas, labels, n_classes)),
        ("first_harmful", share(&harmful)),
        ("first_harmful_of_right", share(&of_right)),
        ("first_helpful", share(&helpful)),
        ("harmful_steps", ratio(&falls, &steps)),
        ("ever_harmed", share(&ever)),
    ];
    Ok(measured.into_iter().filter_map(|(metric, m)| Some(Point::new(0.0, metric, m?))).collect())
}

/// How much higher one policy's curve is than another's, over the same samples (paired): metric `auc_gain`.
///
/// # Errors
/// As [`super::curve`], and when the paths are not of the same samples.
pub fn auc_difference(paths: &[Paths], than: &[Paths], labels: &[u32], axis: Axis) -> Result<Point, ProbeError> {
    let (a, b) = (areas(paths, labels, axis)?, areas(than, labels, axis)?);
    if a.len() != b.len() {
        return Err(ProbeError::Shape { what: "samples of two policies".into(), found: a.len(), expected: b.len() });
    }
    let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
    let (value, variance) = mean_variance(&differences);
    let half = z() * variance.sqrt();
    let measured = Measured { value, std_error: variance.sqrt(), low: value - half, high: value + half };
    Ok(Point::new(0.0, "auc_gain", measured))
}
