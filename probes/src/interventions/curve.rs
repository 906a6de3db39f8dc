//! Paths of samples as curves: how good things are after so many corrections, or for so much money.

use super::paths::Paths;
use super::share::{Measured, balanced, ratio, share};
use crate::ProbeError;

/// What a curve's abscissa counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Corrections of a sample.
    Number,
    /// Cost of a sample's corrections: the last state that the budget pays for.
    Cost,
}

/// One number, with its 95 % interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Number or cost of corrections.
    pub amount: f64,
    /// `accuracy`, `balanced_accuracy`, `concept_accuracy`, `true_class_probability`, `corrected`.
    pub metric: &'static str,
    /// The number.
    pub value: f64,
    /// Standard error over samples, seeds included.
    pub std_error: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Point {
    pub(super) fn new(amount: f64, metric: &'static str, of: Measured) -> Self {
        Self { amount, metric, value: of.value, std_error: of.std_error, low: of.low, high: of.high }
    }
}

/// Points of a curve over the cost, where it is not over the number.
const BUDGETS: usize = 65;

/// The amounts of a curve.
fn amounts(paths: &[Paths], axis: Axis) -> Vec<f64> {
    let last = paths.iter().map(Paths::last).max().unwrap_or(0);
    match axis {
        Axis::Number => (0..=last).map(|t| t as f64).collect(),
        Axis::Cost => {
            let most = paths.iter().flat_map(|p| &p.spent).fold(0.0, |most: f64, &s| most.max(s));
            (0..BUDGETS).map(|i| most * i as f64 / (BUDGETS - 1) as f64).collect()
        }
    }
}

/// The step at which a sample stands for an amount.
fn step(paths: &Paths, sample: usize, axis: Axis, amount: f64) -> usize {
    match axis {
        Axis::Number => (amount as usize).min(paths.last()),
        // What is spent only grows; a budget pays for what it equals up to rounding.
        Axis::Cost => {
            let spent = paths.spent.row(sample);
            spent.iter().rposition(|&s| s <= amount * (1.0 + 1e-9)).unwrap_or(0).min(paths.last())
        }
    }
}

/// For each amount the mean over seeds of a number of each sample [samples].
pub(super) fn by_amount(
    paths: &[Paths],
    axis: Axis,
    of: impl Fn(&Paths, usize, usize) -> f64,
) -> Result<Vec<(f64, Vec<f64>)>, ProbeError> {
    let Some(first) = paths.first() else {
        return Err(ProbeError::Data("a curve of interventions needs the paths of one seed at least".into()));
    };
    if let Some(other) = paths.iter().find(|p| p.predicted.dim() != first.predicted.dim()) {
        let (found, expected) = (other.n_samples(), first.n_samples());
        return Err(ProbeError::Shape { what: "samples of the paths of another seed".into(), found, expected });
    }
    let mean = |amount: f64, sample: usize| {
        paths.iter().map(|p| of(p, sample, step(p, sample, axis, amount))).sum::<f64>() / paths.len() as f64
    };
    let at = |amount: f64| (amount, (0..first.n_samples()).map(|sample| mean(amount, sample)).collect());
    Ok(amounts(paths, axis).into_iter().map(at).collect())
}

/// The curve of the paths of one policy, one a seed, with intervals over samples and seeds.
///
/// # Errors
/// When there are no paths, or they are not of the same samples.
pub fn curve(paths: &[Paths], labels: &[u32], n_classes: usize, axis: Axis) -> Result<Vec<Point>, ProbeError> {
    let right = by_amount(paths, axis, |p, i, t| f64::from(u8::from(p.predicted[[i, t]] == labels[i])))?;
    let probability = by_amount(paths, axis, |p, i, t| p.probability[[i, t]])?;
    let concepts = by_amount(paths, axis, |p, i, t| f64::from(p.concepts_right[[i, t]]))?;
    let corrected = by_amount(paths, axis, |p, i, t| t.min(p.steps[i]) as f64)?;
    let known: Vec<f64> = paths[0].known.iter().map(|&k| f64::from(k)).collect();
    let units = paths[0].last().max(1) as f64;
    let mut points = vec![];
    for (i, (amount, right)) in right.iter().enumerate() {
        let scaled: Vec<f64> = corrected[i].1.iter().map(|c| c / units).collect();
        let number = share(&scaled).map(|m| Measured {
            value: m.value * units,
            std_error: m.std_error * units,
            low: m.low * units,
            high: m.high * units,
        });
        let measured = [
            ("accuracy", share(right)),
            ("balanced_accuracy", balanced(right, labels, n_classes)),
            ("true_class_probability", share(&probability[i].1)),
            ("concept_accuracy", ratio(&concepts[i].1, &known)),
            ("corrected", number),
        ];
        points.extend(measured.into_iter().filter_map(|(metric, m)| Some(Point::new(*amount, metric, m?))));
    }
    Ok(points)
}
