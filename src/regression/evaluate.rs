//! What is measured of a trained network.

use super::attack::Attacker;
use super::config::ConfigFile;
use super::data::{Part, Prepared};
use super::train::Trained;
use crate::table::RegressionRow;
use anyhow::Result;
use burn::tensor::Device;
use narrows_estimators::{CauchySchwarz, Estimate, Estimator, EstimatorError, MutualInformation, Variable, registry};
use ndarray::Array2;
use std::f64::consts::LN_2;

/// The cell that rows are of.
pub(super) struct Place<'a> {
    pub(super) dataset: &'a str,
    pub(super) objective: &'a str,
    pub(super) beta: f64,
    pub(super) seed: u64,
}

/// Name of the estimate ½ log₂(Var y / MSE): what a Gaussian channel of this error would carry.
pub(super) const PROXY: &str = "gaussian-proxy";

impl Place<'_> {
    /// A row that is filled in by whoever measures.
    fn row(&self, part: &str, quantity: &str, value: Option<f64>, unit: &str, n_samples: usize) -> RegressionRow {
        RegressionRow {
            dataset: self.dataset.into(),
            objective: self.objective.into(),
            beta: self.beta,
            seed: self.seed,
            part: part.into(),
            attack: "none".into(),
            epsilon: 0.0,
            quantity: quantity.into(),
            estimator: String::new(),
            parameters: String::new(),
            value: value.filter(|v| v.is_finite()),
            unit: unit.into(),
            n_samples: n_samples as u64,
            flags: String::new(),
        }
    }
}

/// Every row of a trained network.
pub(super) fn rows(
    place: &Place<'_>,
    trained: &Trained,
    prepared: &Prepared,
    config: &ConfigFile,
    device: &Device,
) -> Result<Vec<RegressionRow>> {
    let (network, test) = (&trained.network, &prepared.test);
    let n = test.target.len();
    let epoch = place.row("", "best_epoch", Some(trained.best_epoch as f64), "epochs", prepared.train.target.len());
    let mut rows = vec![epoch];
    for (name, part) in [("train", &prepared.train), ("validation", &prepared.validation), ("test", test)] {
        let error = network.rmse(part.inputs.view(), &part.target) * prepared.unit;
        rows.push(place.row(name, "rmse", Some(error), "target", part.target.len()));
    }
    let attacker = Attacker::new(network, test, device)?;
    for &kind in &config.attacks.methods {
        for &epsilon in &config.attacks.epsilons {
            let error = attacker.rmse(kind, epsilon, &config.attacks)? * prepared.unit;
            let row = place.row("test", "rmse", Some(error), "target", n);
            rows.push(RegressionRow { attack: kind.name().into(), epsilon, ..row });
        }
    }

    let code = network.encode(test.inputs.view()).sample(place.seed);
    let (inputs, target) = doubles(test);
    let (x, t, y) =
        (Variable::Continuous(inputs.view()), Variable::Continuous(code.view()), Variable::Continuous(target.view()));
    let mut add = |quantity: &str, estimator: &dyn Estimator, found: Result<Estimate, EstimatorError>, dependence| {
        let unit = if dependence { "ratio" } else { "bits" };
        let row = place.row("test", quantity, None, unit, n);
        let (value, flags) = match found {
            Ok(e) => {
                let flags: Vec<String> = e.warnings.iter().map(ToString::to_string).collect();
                (Some(if dependence { e.value.0 } else { e.value.bits() }), flags.join(";"))
            }
            // A code without spread, or too few samples: a fact about this cell, and no reason to lose the others.
            Err(e) => (None, format!("refused: {e}")),
        };
        let parameters = estimator.parameters();
        rows.push(RegressionRow { value, flags, estimator: estimator.name().into(), parameters, ..row });
    };
    let kernel = CauchySchwarz { sigma: config.evaluation.width, normalised: true };
    add("I_XT", &kernel, kernel.estimate(x.reborrow(), t.reborrow()), true);
    let estimator = registry::mutual_information(&config.evaluation.information)?;
    let dependence =
        registry::entry(&config.evaluation.information).is_some_and(|e| e.measure == registry::Measure::Dependence);
    add("I_XT", &*estimator, estimator.estimate(x, t.reborrow()), dependence);
    add("I_TY", &*estimator, estimator.estimate(t, y), dependence);
    let proxy = place.row("test", "I_TY", Some(proxy(network.rmse(test.inputs.view(), &test.target), test)), "bits", n);
    rows.push(RegressionRow { estimator: PROXY.into(), ..proxy });
    Ok(rows)
}

/// ½ log₂(Var y / MSE) of the test samples, in bits; below zero where the mean would predict better.
fn proxy(rmse: f64, test: &Part) -> f64 {
    let n = test.target.len() as f64;
    let mean = test.target.iter().map(|y| f64::from(*y)).sum::<f64>() / n;
    let variance = test.target.iter().map(|y| (f64::from(*y) - mean).powi(2)).sum::<f64>() / n;
    0.5 * (variance / (rmse * rmse)).ln() / LN_2
}

fn doubles(part: &Part) -> (Array2<f64>, Array2<f64>) {
    let target = Array2::from_shape_fn((part.target.len(), 1), |(i, _)| f64::from(part.target[i]));
    (part.inputs.mapv(f64::from), target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};

    #[test]
    fn the_proxy_of_half_the_deviation_is_a_bit() {
        let part = Part { inputs: Array2::zeros((4, 1)), target: array![2.0f32, -2.0, 2.0, -2.0] };
        assert!((proxy(1.0, &part) - 1.0).abs() < 1e-12 && proxy(4.0, &part) < 0.0);
        assert_eq!(Array1::from_vec(vec![2.0f64]).len(), doubles(&part).1.ncols() + doubles(&part).0.ncols() - 1);
    }
}
