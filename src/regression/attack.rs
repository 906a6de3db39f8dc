//! Inputs changed, within a cube around each, to make the prediction worse; by the gradient of the squared error.
//!
//! FGSM is one step to the cube's corner along the gradient's signs ("Explaining and harnessing adversarial examples",
//! Goodfellow, Shlens & Szegedy 2015); PGD is several smaller ones, each brought back into the cube ("Towards deep
//! learning models resistant to adversarial attacks", Madry et al. 2018), here from the sample itself and not from a
//! random place in the cube, so that nothing is random. Predictions and gradients go through the code's mean.

use super::config::{AttackConfig, AttackKind};
use super::data::Part;
use super::model::Model;
use super::network::RegressionNetwork;
use anyhow::Result;
use burn::tensor::Device;
use ndarray::{Array2, Zip};

/// A network under attack.
pub(super) struct Attacker<'a> {
    network: &'a RegressionNetwork,
    model: Model,
    device: &'a Device,
    part: &'a Part,
    /// The gradient at the samples themselves: where every attack starts.
    first: Array2<f32>,
}

impl<'a> Attacker<'a> {
    pub(super) fn new(network: &'a RegressionNetwork, part: &'a Part, device: &'a Device) -> Result<Self> {
        let model = Model::new(network, device, false);
        let first = model.input_gradient(part.inputs.view(), part.target.view(), device)?;
        Ok(Self { network, model, device, part, first })
    }

    /// Root mean squared error on changed inputs, on the target's scale.
    pub(super) fn rmse(&self, kind: AttackKind, epsilon: f64, config: &AttackConfig) -> Result<f64> {
        let changed = self.changed(kind, epsilon as f32, config)?;
        Ok(self.network.rmse(changed.view(), &self.part.target))
    }

    fn changed(&self, kind: AttackKind, epsilon: f32, config: &AttackConfig) -> Result<Array2<f32>> {
        let clean = &self.part.inputs;
        let mut current = clean.clone();
        let (steps, size) = match kind {
            AttackKind::Fgsm => (1, epsilon),
            AttackKind::Pgd => (config.steps, config.step_size.map_or(epsilon / 4.0, |s| s as f32)),
        };
        for step in 0..steps {
            let at_step;
            let gradient = if step == 0 {
                &self.first
            } else {
                at_step = self.model.input_gradient(current.view(), self.part.target.view(), self.device)?;
                &at_step
            };
            Zip::from(&mut current).and(gradient).and(clean).for_each(|x, g, c| {
                // A gradient of zero has no sign: signum would make a direction of it.
                let direction = if *g == 0.0 { 0.0 } else { g.signum() };
                *x = (*x + size * direction).clamp(c - epsilon, c + epsilon);
            });
        }
        Ok(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::objective::CodeNoise;
    use crate::subject::train::Device as Choice;
    use ndarray::{Array1, array};

    /// y = x₁ − 2x₂ wherever the units are on: code (x₁ − 2x₂ + 50), decoder the same less 50.
    fn linear() -> RegressionNetwork {
        let one = |w: Array2<f32>, b: f32| (w, array![b]);
        let through = || array![[1.0f32]];
        RegressionNetwork {
            layers: vec![
                one(array![[1.0f32], [-2.0]], 50.0),
                one(through(), 0.0),
                one(through(), 0.0),
                one(through(), 0.0),
                one(through(), -50.0),
            ],
            noise: CodeNoise::None,
        }
    }

    #[test]
    fn the_corner_is_the_worst_for_a_linear_network() {
        let device = Choice::Flex.autodiff();
        let part = Part { inputs: array![[1.0f32, 1.0], [0.5, -1.0]], target: array![0.0f32, 2.0] };
        let network = linear();
        assert_eq!(network.predict(part.inputs.view()), array![-1.0f32, 2.5]);
        let attacker = Attacker::new(&network, &part, &device).unwrap();
        let config = AttackConfig::default();
        // Errors −1 and 0.5 grow by ε(1 + 2).
        let truth = |e: f64| (((1.0 + 3.0 * e).powi(2) + (0.5 + 3.0 * e).powi(2)) / 2.0).sqrt();
        for kind in [AttackKind::Fgsm, AttackKind::Pgd] {
            for epsilon in [0.1, 0.5] {
                let found = attacker.rmse(kind, epsilon, &config).unwrap();
                assert!((found - truth(epsilon)).abs() < 1e-4, "{kind:?} {epsilon}: {found}");
            }
        }
        // Two steps of 0.01 do not reach the wall of the cube.
        let short = AttackConfig { steps: 2, step_size: Some(0.01), ..config };
        assert!((attacker.rmse(AttackKind::Pgd, 0.5, &short).unwrap() - truth(0.02)).abs() < 1e-4);
    }

    #[test]
    fn gradients_are_those_of_differences() {
        let device = Choice::Flex.autodiff();
        for noise in [CodeNoise::None, CodeNoise::Unit, CodeNoise::Learned] {
            let network = RegressionNetwork::new(3, 16, 4, noise, 5);
            let x = Array2::from_shape_fn((4, 3), |(i, j)| ((i * 5 + j) as f32 * 0.9).sin());
            let y = Array1::from_shape_fn(4, |i| i as f32 - 1.0);
            let found = Model::new(&network, &device, false).input_gradient(x.view(), y.view(), &device).unwrap();
            let error = |x: &Array2<f32>| network.rmse(x.view(), &y).powi(2) * 4.0;
            for at in [(0, 0), (1, 2), (3, 1)] {
                let moved = |by: f32| {
                    let mut x = x.clone();
                    x[at] += by;
                    error(&x)
                };
                let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!(
                    (slope - f64::from(found[at])).abs() < 2e-2 * slope.abs().max(0.1),
                    "{noise:?} {at:?}: {slope} {}",
                    found[at]
                );
            }
        }
    }
}
