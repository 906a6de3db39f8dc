//! Losses against the estimators' own numbers and published ones; gradients against differences.

use super::*;
use crate::regression::model::{Model, column};
use crate::regression::network::RegressionNetwork;
use crate::subject::train::{Device as Choice, matrix, to_host};
use narrows_estimators::{
    CauchySchwarz, ConditionalWeights, Hsic, MutualInformation, Variable, conditional_cauchy_schwarz,
};
use ndarray::Array2;
use std::f64::consts::LN_2;

/// The data of the golden values: X, T, y₁ and y₂ of 60 samples.
fn golden() -> [Array2<f64>; 4] {
    let x = Array2::from_shape_fn((60, 3), |(i, j)| {
        let (i, j) = (i as f64, j as f64);
        (0.7 * i + 1.3 * j).sin() + 0.1 * (2.1 * i * (j + 1.0)).cos()
    });
    let w = ndarray::array![[0.9, -0.4], [0.3, 0.8], [-0.6, 0.5]];
    let t = x.dot(&w).mapv(f64::tanh);
    let y1 = Array2::from_shape_fn((60, 1), |(i, _)| (0.31 * i as f64).sin());
    let y2 = y1.mapv(|v| 0.9 * v + 0.05);
    [x, t, y1, y2]
}

fn pass(values: &[Array2<f64>; 4]) -> Pass {
    let device = Choice::Flex.autodiff();
    let [x, t, y1, y2] = values.each_ref().map(|v| matrix(v.mapv(|v| v as f32).view(), &device));
    Pass { inputs: x, target: y1, mean: t.clone(), std: Some(t.clone().abs() + 0.5), code: t, predicted: y2 }
}

fn number(tensor: &Tensor<1>) -> f64 {
    f64::from(to_host(tensor).unwrap()[0])
}

fn settings(width: KernelWidth, denominator: Denominator) -> KernelSettings {
    KernelSettings { width, denominator }
}

const ONE: KernelWidth = KernelWidth::Sigma(1.0);

#[test]
fn cauchy_schwarz_has_the_golden_values() {
    let pass = pass(&golden());
    for (denominator, bits) in [(Denominator::Paper, 0.005_381_009_4), (Denominator::Code, 0.005_559_588_7)] {
        let found = number(&cs_ib::conditional_divergence(&pass, &settings(ONE, denominator)).unwrap()) / LN_2;
        assert!((found - bits).abs() < 5e-6, "{denominator:?}: {found} for {bits}");
    }
    let found = number(&cs_ib::information(&pass, &settings(ONE, Denominator::Paper)).unwrap());
    assert!((found - 0.968_722_653_7).abs() < 5e-6, "{found}");
    let loss = number(&(cs_ib::OBJECTIVE.loss)(&pass, 0.3, &settings(ONE, Denominator::Paper)).unwrap());
    assert!((loss - (0.005_381_009_4 + 0.3 * 0.968_722_653_7)).abs() < 1e-5, "{loss}");
}

#[test]
fn every_width_gives_what_the_estimators_give() {
    let values = golden();
    let [x, t, y1, y2] = &values;
    let pass = pass(&values);
    let estimate = |e: &dyn MutualInformation, a: &Array2<f64>| {
        e.estimate(Variable::Continuous(a.view()), Variable::Continuous(t.view())).unwrap()
    };
    for width in [KernelWidth::Sigma(0.4), KernelWidth::Median, KernelWidth::Silverman] {
        let settings = settings(width, Denominator::Paper);
        let truth = estimate(&CauchySchwarz { sigma: width, normalised: true }, x);
        let found = number(&cs_ib::information(&pass, &settings).unwrap());
        assert!((found - truth.value.0).abs() < 2e-5, "{width}: {found} for {truth:?}");
        let [with_x, with_y] = hsic::criteria(&pass, &settings).unwrap();
        for (found, side) in [(with_x, x), (with_y, y1)] {
            let truth = estimate(&Hsic { sigma: width, normalised: true, linear: false }, side).value.0;
            assert!((number(&found) - truth).abs() < 2e-5, "{width}: {} for {truth}", number(&found));
        }
        let (sigma_x, sigma_y) = (width.of(x.view()), width.of(y1.view()));
        let weights = ConditionalWeights::SquareOfSum;
        let truth = conditional_cauchy_schwarz(x.view(), y1.view(), y2.view(), sigma_x, sigma_y, weights).unwrap();
        let found = number(&cs_ib::conditional_divergence(&pass, &settings).unwrap());
        assert!((found - truth).abs() < 2e-5, "{width}: {found} for {truth}");
    }
}

#[test]
fn a_code_that_has_shrunk_keeps_its_information() {
    let mut values = golden();
    values[1] *= 0.03;
    let e = CauchySchwarz { sigma: ONE, normalised: true };
    let truth = e.estimate(Variable::Continuous(values[0].view()), Variable::Continuous(values[1].view())).unwrap();
    let found = number(&cs_ib::information(&pass(&values), &settings(ONE, Denominator::Paper)).unwrap());
    assert!((found / truth.value.0 - 1.0).abs() < 0.01, "{found} for {}", truth.value.0);
}

#[test]
fn far_predictions_leave_large_numbers_and_not_infinity() {
    let mut values = golden();
    values[3] += 1e3;
    let found = number(&cs_ib::conditional_divergence(&pass(&values), &settings(ONE, Denominator::Paper)).unwrap());
    assert!(found.is_finite() && found > 1e5, "{found}");
}

#[test]
fn closed_forms_of_the_noisy_codes() {
    let values = golden();
    let t = &values[1];
    let pass = pass(&values);
    let mut truth = 0.0;
    for i in 0..60 {
        let mean = (0..60).map(|j| (-0.5 * (&t.row(i) - &t.row(j)).mapv(|v| v * v).sum()).exp()).sum::<f64>() / 60.0;
        truth -= mean.ln() / 60.0;
    }
    let found = number(&nib::information(&pass));
    assert!((found - truth).abs() < 1e-5, "{found} for {truth}");
    let truth: f64 =
        t.iter().map(|m| (m * m + (m.abs() + 0.5).powi(2) - 1.0) / 2.0 - (m.abs() + 0.5).ln()).sum::<f64>() / 60.0;
    let found = number(&vib::divergence(&pass).unwrap());
    assert!((found - truth).abs() < 1e-5, "{found} for {truth}");
}

/// The gradient of every loss by a few weights of every layer, against central differences of the loss itself.
#[test]
fn gradients_are_those_of_differences() {
    let device = Choice::Flex.autodiff();
    let [x, _, y, _] = golden();
    let (x, y) = (x.mapv(|v| v as f32), y.mapv(|v| v as f32));
    for objective in OBJECTIVES {
        for width in [ONE, KernelWidth::Sigma(2.5)] {
            let mut network = RegressionNetwork::new(3, 12, 3, objective.noise, 4);
            // Larger than at the start of a training, so that differences stand out of the rounding of 32 bits.
            network.layers[2].0 *= 5.0;
            let loss = |network: &RegressionNetwork| {
                let model = Model::new(network, &device, true);
                // The same noise each time.
                let mut draw = |count: usize| (0..count).map(|i| (i as f32 * 1.7).sin()).collect();
                let pass = model.forward(matrix(x.view(), &device), column(y.column(0), &device), &mut draw);
                let loss = (objective.loss)(&pass, 0.5, &settings(width, Denominator::Paper)).unwrap();
                (model, loss)
            };
            let (model, found) = loss(&network);
            let gradients = found.backward();
            for layer in 0..5 {
                let gradient = to_host(&model.weights[layer].grad(&gradients).unwrap()).unwrap();
                // The entry with the largest gradient: the least of its digits are lost to rounding.
                let at = (0..gradient.len()).max_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs())).unwrap();
                let columns = network.layers[layer].0.ncols();
                let moved = |by: f32| {
                    let mut network = network.clone();
                    network.layers[layer].0[[at / columns, at % columns]] += by;
                    number(&loss(&network).1)
                };
                let slope = (moved(5e-3) - moved(-5e-3)) / 1e-2;
                let own = f64::from(gradient[at]);
                assert!(own.abs() > 5e-3, "{} layer {layer} width {width}: {own} shows nothing", objective.name);
                assert!(
                    (slope - own).abs() < 0.05 * slope.abs() + 5e-4,
                    "{} layer {layer} width {width}: {own} for {slope}",
                    objective.name
                );
            }
        }
    }
}

#[test]
fn names_are_unique_and_the_plain_one_has_no_bottleneck() {
    for (i, objective) in OBJECTIVES.iter().enumerate() {
        assert!(OBJECTIVES[..i].iter().all(|o| o.name != objective.name));
        assert_eq!(Objective::by_name(objective.name).unwrap().summary, objective.summary);
        assert_eq!(objective.has_bottleneck(), objective.name != "mse");
    }
}
