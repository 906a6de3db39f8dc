//! burn's optimisers, applied to plain tensors, with a state that can be written down and read back.

use super::config::{OptimiserConfig, OptimiserKind};
use anyhow::{Result, anyhow};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, Optimizer, RecordState, SgdConfig, StateSink, StateSource};
use burn::tensor::{Device, Tensor, TensorData};
use burn_pack::Scalar;
use std::collections::BTreeMap;

/// PyTorch's default, smaller than burn's: with 10⁻⁵ small gradients would be damped.
const EPSILON: f32 = 1e-8;

/// The numbers behind an optimiser's state: tensors and counters by name.
#[derive(Debug, Default)]
pub(crate) struct SavedState {
    pub(crate) tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
    pub(crate) scalars: BTreeMap<String, String>,
}

/// An optimiser with its state for every parameter.
pub(crate) trait Steps {
    /// The weight matrix `layer` after a step.
    fn step_weight(&mut self, layer: usize, weight: Tensor<2>, gradient: Tensor<2>) -> Tensor<2>;
    /// The bias of `layer` after a step.
    fn step_bias(&mut self, layer: usize, bias: Tensor<1>, gradient: Tensor<1>) -> Tensor<1>;
    /// Everything that the next step depends on.
    fn save(&self) -> Result<SavedState>;
    /// Goes back to a saved state.
    fn restore(&mut self, saved: SavedState, device: &Device) -> Result<()>;
}

/// The optimiser that a config asks for, for a network of `layers` layers.
pub(crate) fn build(config: &OptimiserConfig, layers: usize) -> Box<dyn Steps> {
    match config.kind {
        OptimiserKind::Sgd => {
            let momentum = (config.momentum > 0.0)
                .then(|| MomentumConfig::new().with_momentum(config.momentum).with_dampening(0.0));
            Box::new(Slots::new(SgdConfig::new().with_momentum(momentum).build(), config.learning_rate, layers))
        }
        OptimiserKind::Adam => {
            Box::new(Slots::new(AdamConfig::new().with_epsilon(EPSILON).build(), config.learning_rate, layers))
        }
        OptimiserKind::AdamW => {
            let adamw = AdamWConfig::new().with_epsilon(EPSILON).with_weight_decay(config.weight_decay as f32);
            Box::new(Slots::new(adamw.build(), config.learning_rate, layers))
        }
    }
}

struct Slots<O: Optimizer> {
    optimizer: O,
    learning_rate: f64,
    weights: Vec<Option<O::State<2>>>,
    biases: Vec<Option<O::State<1>>>,
}

impl<O: Optimizer> Slots<O> {
    fn new(optimizer: O, learning_rate: f64, layers: usize) -> Self {
        Self { optimizer, learning_rate, weights: vec![None; layers], biases: vec![None; layers] }
    }
}

fn slot(layer: usize, kind: &str) -> String {
    format!("optimiser.{layer}.{kind}")
}

impl<O: Optimizer> Steps for Slots<O> {
    fn step_weight(&mut self, layer: usize, weight: Tensor<2>, gradient: Tensor<2>) -> Tensor<2> {
        let (weight, state) = self.optimizer.step(self.learning_rate, weight, gradient, self.weights[layer].take());
        self.weights[layer] = state;
        weight
    }

    fn step_bias(&mut self, layer: usize, bias: Tensor<1>, gradient: Tensor<1>) -> Tensor<1> {
        let (bias, state) = self.optimizer.step(self.learning_rate, bias, gradient, self.biases[layer].take());
        self.biases[layer] = state;
        bias
    }

    fn save(&self) -> Result<SavedState> {
        let mut sink = StateSink::default();
        for (layer, state) in self.weights.iter().enumerate() {
            if let Some(state) = state {
                state.state_flatten(&slot(layer, "weight"), &mut sink);
            }
        }
        for (layer, state) in self.biases.iter().enumerate() {
            if let Some(state) = state {
                state.state_flatten(&slot(layer, "bias"), &mut sink);
            }
        }
        let mut saved = SavedState::default();
        for (name, data) in sink.tensors {
            let shape = data.shape().iter().copied().collect();
            let values = data.try_to_vec::<f32>().map_err(|e| anyhow!("the optimiser's state {name}: {e:?}"))?;
            saved.tensors.push((name, shape, values));
        }
        for (name, scalar) in sink.scalars {
            saved.scalars.insert(name, serde_json::to_string(&scalar)?);
        }
        Ok(saved)
    }

    fn restore(&mut self, saved: SavedState, device: &Device) -> Result<()> {
        let scalars = saved
            .scalars
            .into_iter()
            .map(|(name, text)| Ok((name, serde_json::from_str::<Scalar>(&text)?)))
            .collect::<Result<_>>()?;
        let mut source = StateSource::new(scalars);
        for (name, shape, values) in saved.tensors {
            source.insert_tensor(name, TensorData::new(values, shape));
        }
        for (layer, state) in self.weights.iter_mut().enumerate() {
            *state = RecordState::state_unflatten(&slot(layer, "weight"), &mut source, device);
        }
        for (layer, state) in self.biases.iter_mut().enumerate() {
            *state = RecordState::state_unflatten(&slot(layer, "bias"), &mut source, device);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::train::Device as Choice;
    use crate::subject::train::model::to_host;

    fn tensor(values: [f32; 2], device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, 2]), device)
    }

    /// The rules by hand, three steps with gradients (1, −2), (0.5, 0), (−1, 3).
    fn by_hand(kind: OptimiserKind, momentum: f64) -> Vec<f64> {
        let gradients = [[1.0, -2.0], [0.5, 0.0], [-1.0, 3.0]];
        let (mut w, mut m, mut v) = ([1.0f64, -1.0], [0.0; 2], [0.0; 2]);
        for (t, g) in gradients.iter().enumerate() {
            for i in 0..2 {
                match kind {
                    OptimiserKind::Sgd => {
                        m[i] = if t == 0 { g[i] } else { momentum * m[i] + g[i] };
                        w[i] -= 0.1 * m[i];
                    }
                    _ => {
                        if kind == OptimiserKind::AdamW {
                            w[i] *= 1.0 - 0.1 * 0.01;
                        }
                        m[i] = 0.9 * m[i] + 0.1 * g[i];
                        v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
                        let step = t as i32 + 1;
                        let (mh, vh) = (m[i] / (1.0 - 0.9f64.powi(step)), v[i] / (1.0 - 0.999f64.powi(step)));
                        w[i] -= 0.1 * mh / (vh.sqrt() + 1e-8);
                    }
                }
            }
        }
        w.to_vec()
    }

    #[test]
    fn steps_follow_the_published_rules() {
        let device = Choice::Flex.autodiff().inner();
        for (kind, momentum) in [
            (OptimiserKind::Sgd, 0.0),
            (OptimiserKind::Sgd, 0.9),
            (OptimiserKind::Adam, 0.0),
            (OptimiserKind::AdamW, 0.0),
        ] {
            let config = OptimiserConfig { kind, learning_rate: 0.1, momentum, weight_decay: 0.01 };
            let mut optimiser = build(&config, 1);
            let mut w = tensor([1.0, -1.0], &device);
            for g in [[1.0, -2.0], [0.5, 0.0], [-1.0, 3.0]] {
                w = optimiser.step_weight(0, w, tensor(g, &device));
            }
            for (found, expected) in to_host(&w).unwrap().iter().zip(by_hand(kind, momentum)) {
                assert!((f64::from(*found) - expected).abs() < 2e-6, "{kind:?} {momentum}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn a_restored_state_goes_on_in_the_same_bits() {
        let device = Choice::Flex.autodiff().inner();
        for (kind, momentum) in [(OptimiserKind::Sgd, 0.9), (OptimiserKind::Adam, 0.0), (OptimiserKind::AdamW, 0.0)] {
            let config = OptimiserConfig { kind, learning_rate: 0.1, momentum, weight_decay: 0.01 };
            let mut first = build(&config, 1);
            let w = first.step_weight(0, tensor([1.0, -1.0], &device), tensor([0.3, 0.7], &device));
            let mut second = build(&config, 1);
            second.restore(first.save().unwrap(), &device).unwrap();
            let g = tensor([-0.2, 0.9], &device);
            let a = to_host(&first.step_weight(0, w.clone(), g.clone())).unwrap();
            let b = to_host(&second.step_weight(0, w.clone(), g.clone())).unwrap();
            let fresh = to_host(&build(&config, 1).step_weight(0, w, g)).unwrap();
            assert_eq!(a, b, "{kind:?}");
            assert_ne!(a, fresh, "{kind:?}: the state does not matter, so this test shows nothing");
        }
    }
}
