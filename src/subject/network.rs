//! A dense network with its weights, and what each of its layers says of an input.

use super::{Architecture, NoiseSource};
use crate::checkpoint::{Checkpoint, natural_order};
use anyhow::{Context, Result, bail, ensure};
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// One layer: `activation(x Wᵀ + b)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Weights [outputs × inputs], as PyTorch lays them out.
    pub weight: Array2<f32>,
    /// Biases `[outputs]`.
    pub bias: Array1<f32>,
}

/// The activations of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerActivations {
    /// Layer name.
    pub name: String,
    /// Value at which the layer saturates from below, when known.
    pub lower_saturation: Option<f32>,
    /// Activations [samples × units].
    pub values: Array2<f32>,
}

/// A dense network that can be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Its shape and functions.
    pub architecture: Architecture,
    /// Its layers in order.
    pub layers: Vec<Dense>,
}

impl Network {
    /// Finds the architecture's tensors in a checkpoint.
    ///
    /// Names are taken from `keys` where the architecture gives them; otherwise every two-dimensional `….weight` is a
    /// layer, with the bias of the same prefix, in the order of the numbers in the names (`2.weight` before `10.weight`)
    /// or, where the names have none, in the only order that the shapes allow.
    ///
    /// # Errors
    /// When a tensor is missing or left over, a shape does not fit, or a value is NaN or infinite; the message says
    /// which, what was found and what was expected.
    pub fn from_checkpoint(architecture: &Architecture, checkpoint: &Checkpoint) -> Result<Self> {
        Self::assemble(architecture, checkpoint)
            .with_context(|| format!("{} does not hold the network {architecture}", checkpoint.file.display()))
    }

    /// Names of the weight and the bias of each layer, in the network's order.
    ///
    /// # Errors
    /// When the number of weights is not that of the layers, or neither names nor shapes tell their order.
    pub fn tensor_names(architecture: &Architecture, checkpoint: &Checkpoint) -> Result<Vec<(String, Option<String>)>> {
        if let Some(keys) = &architecture.keys {
            return Ok(keys.chunks_exact(2).map(|pair| (pair[0].clone(), Some(pair[1].clone()))).collect());
        }
        let tensors = &checkpoint.tensors;
        let mut weights: Vec<(&str, &[usize])> = tensors
            .iter()
            .filter(|(name, tensor)| tensor.shape.len() == 2 && (name.ends_with(".weight") || *name == "weight"))
            .map(|(name, tensor)| (name, tensor.shape.as_slice()))
            .collect();
        weights.sort_by(|a, b| natural_order(a.0, b.0));
        ensure!(
            weights.len() == architecture.depth(),
            "it has {} two-dimensional weight(s), but {} are expected; its tensors: {}",
            weights.len(),
            architecture.depth(),
            listing(checkpoint)
        );
        // `fc1`, `fc2` or `0`, `2` tell the order; `encoder`, `head` do not.
        let template = |name: &str| {
            name.split(|c: char| c.is_ascii_digit()).filter(|p| !p.is_empty()).collect::<Vec<_>>().join("#")
        };
        let numbered = weights.windows(2).all(|pair| template(pair[0].0) == template(pair[1].0));
        if !numbered {
            let needed: Vec<[usize; 2]> = architecture.layers.windows(2).map(|sizes| [sizes[1], sizes[0]]).collect();
            let mut distinct = needed.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let by_shape: Option<Vec<_>> =
                needed.iter().map(|shape| weights.iter().copied().find(|(_, s)| s == shape)).collect();
            // Where a shape is missing, the order of the names serves for saying so.
            if let Some(by_shape) = by_shape {
                ensure!(
                    distinct.len() == needed.len(),
                    "neither the names {} nor their shapes tell the order of the layers: write it in the architecture, \
                     keys = [\"FIRST.weight\", \"FIRST.bias\", …]",
                    weights.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
                );
                weights = by_shape;
            }
        }
        let with_bias = |(weight, _): (&str, &[usize])| {
            let bias = format!("{}bias", &weight[..weight.len() - "weight".len()]);
            (weight.to_string(), tensors.get(&bias).is_some().then_some(bias))
        };
        Ok(weights.into_iter().map(with_bias).collect())
    }

    fn assemble(architecture: &Architecture, checkpoint: &Checkpoint) -> Result<Self> {
        checkpoint.check_finite()?;
        let tensors = &checkpoint.tensors;
        let pairs = Self::tensor_names(architecture, checkpoint)?;
        let used: Vec<&str> = pairs.iter().flat_map(|(w, b)| std::iter::once(w.as_str()).chain(b.as_deref())).collect();
        let left: Vec<&str> = tensors.iter().map(|(name, _)| name).filter(|name| !used.contains(name)).collect();
        ensure!(
            left.is_empty(),
            "a dense network has no place for the tensor(s) {}; narrows runs dense networks only",
            left.join(", ")
        );

        let mut layers = Vec::with_capacity(pairs.len());
        for (index, (weight_name, bias_name)) in pairs.iter().enumerate() {
            let (inputs, outputs) = (architecture.layers[index], architecture.layers[index + 1]);
            let tensor = |name: &str, expected: &[usize]| -> Result<Vec<f32>> {
                let Some(tensor) = tensors.get(name) else {
                    bail!("the tensor {name} is missing; it has: {}", listing(checkpoint))
                };
                ensure!(
                    tensor.shape == expected,
                    "layer {}: {name} has the shape {:?}, but {expected:?} is expected ([outputs, inputs] for a weight)",
                    index + 1,
                    tensor.shape
                );
                Ok(tensor.values.clone())
            };
            let weight = Array2::from_shape_vec((outputs, inputs), tensor(weight_name, &[outputs, inputs])?)?;
            let bias = bias_name.as_deref().map_or_else(|| Ok(vec![0.0; outputs]), |name| tensor(name, &[outputs]))?;
            layers.push(Dense { weight, bias: Array1::from_vec(bias) });
        }
        Ok(Self { architecture: architecture.clone(), layers })
    }

    /// The network's logits [samples × outputs], before the output function.
    pub fn logits(&self, inputs: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut current = inputs.to_owned();
        for (index, layer) in self.layers.iter().enumerate() {
            current = current.dot(&layer.weight.t()) + &layer.bias;
            if index + 1 < self.layers.len() {
                current.mapv_inplace(|v| self.architecture.activation.apply(v));
            }
        }
        current
    }

    /// The activations of every layer after the input, the output function's values last.
    ///
    /// # Errors
    /// When the input's width is not the network's.
    pub fn trace(&self, inputs: ArrayView2<'_, f32>) -> Result<Vec<LayerActivations>> {
        self.trace_disturbed(inputs, None)
    }

    /// The same of a network with noise on every hidden layer: later layers take the noisy values. With the noise come the
    /// rows of the data that the inputs are, one each.
    ///
    /// # Errors
    /// As [`Network::trace`], and when there is not one row an input.
    pub fn trace_disturbed(
        &self,
        inputs: ArrayView2<'_, f32>,
        noise: Option<(&NoiseSource, &[usize])>,
    ) -> Result<Vec<LayerActivations>> {
        let expected = self.architecture.layers[0];
        ensure!(
            inputs.ncols() == expected,
            "the inputs have {} features, but the network {} takes {expected}",
            inputs.ncols(),
            self.architecture
        );
        if let Some((_, rows)) = noise {
            ensure!(rows.len() == inputs.nrows(), "{} inputs, but the rows of {}", inputs.nrows(), rows.len());
        }
        let mut traced: Vec<LayerActivations> = Vec::with_capacity(self.layers.len());
        for (index, (layer, name)) in self.layers.iter().zip(self.architecture.layer_names()).enumerate() {
            let before = traced.last().map_or(inputs, |l| l.values.view());
            let mut values = before.dot(&layer.weight.t()) + &layer.bias;
            if index + 1 < self.layers.len() {
                values.mapv_inplace(|v| self.architecture.activation.apply(v));
                if let Some((source, rows)) = noise {
                    source.disturb(index, rows, &mut values);
                }
            } else {
                for mut row in values.axis_iter_mut(Axis(0)) {
                    if let Some(logits) = row.as_slice_mut() {
                        self.architecture.output.apply(logits);
                    }
                }
            }
            traced.push(LayerActivations { name, lower_saturation: self.architecture.lower_saturation(index), values });
        }
        Ok(traced)
    }
}

fn listing(checkpoint: &Checkpoint) -> String {
    checkpoint.tensors.iter().map(|(name, t)| format!("{name} {:?}", t.shape)).collect::<Vec<_>>().join(", ")
}

/// A network's tensors as PyTorch names and lays them out in `Sequential(Linear, activation, Linear, …)`: the linear
/// layers have the even numbers, weights are [outputs × inputs].
pub(super) fn tensors_of(network: &Network) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let tensors = network.layers.iter().enumerate().flat_map(|(index, layer)| {
        let (outputs, inputs) = layer.weight.dim();
        [
            (format!("{}.weight", 2 * index), vec![outputs, inputs], layer.weight.iter().copied().collect()),
            (format!("{}.bias", 2 * index), vec![outputs], layer.bias.to_vec()),
        ]
    });
    tensors.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::{Activation, Output};
    use ndarray::array;

    fn tiny() -> Network {
        Network {
            architecture: Architecture {
                layers: vec![2, 2, 2],
                activation: Activation::Relu,
                output: Output::Softmax,
                keys: None,
            },
            layers: vec![
                Dense { weight: array![[1.0, -1.0], [0.5, 0.5]], bias: array![0.0, -1.0] },
                Dense { weight: array![[1.0, 0.0], [0.0, 2.0]], bias: array![0.0, 0.0] },
            ],
        }
    }

    #[test]
    fn a_hand_computed_pass() {
        let traced = tiny().trace(array![[3.0f32, 1.0], [0.0, 4.0]].view()).unwrap();
        assert_eq!(traced[0].values, array![[2.0, 1.0], [0.0, 1.0]]);
        // Logits (2, 2) and (0, 2).
        assert!((traced[1].values[[0, 0]] - 0.5).abs() < 1e-7);
        assert!((traced[1].values[[1, 1]] - 1.0 / (1.0 + (-2f32).exp())).abs() < 1e-7);
        assert_eq!((traced[0].name.as_str(), traced[1].name.as_str()), ("hidden1", "output"));
    }

    #[test]
    fn noise_reaches_the_layers_after_it_and_not_the_output_itself() {
        let source = NoiseSource { noise: crate::subject::Noise { std: 0.5, relative: false }, seed: 3 };
        let x = array![[3.0f32, 1.0], [0.0, 4.0]];
        let quiet = tiny().trace(x.view()).unwrap();
        let noisy = tiny().trace_disturbed(x.view(), Some((&source, &[5, 9]))).unwrap();
        let draws = source.draws(0, &[5, 9], &[2]);
        let expected = (quiet[0].values.clone().into_dyn() + &draws).into_dimensionality::<ndarray::Ix2>().unwrap();
        assert_eq!(noisy[0].values, expected);
        // The second layer is the quiet one, fed with the noisy values of the first.
        for (row, hidden) in noisy[1].values.outer_iter().zip(expected.outer_iter()) {
            let p = 1.0 / (1.0 + (2.0 * hidden[1] - hidden[0]).exp());
            assert!((row[0] - p).abs() < 1e-6, "{row} for {hidden}");
        }
        assert!(tiny().trace_disturbed(x.view(), Some((&source, &[5]))).is_err());
    }

    fn checkpoint(tensors: &[(&str, [usize; 2])]) -> Checkpoint {
        let mut state = crate::checkpoint::StateDict::default();
        for (name, shape) in tensors {
            let values = vec![0.5; shape[0] * shape[1]];
            state.insert(name, crate::checkpoint::Tensor { shape: shape.to_vec(), dtype: "F32".into(), values });
        }
        Checkpoint {
            file: "x.pt".into(),
            format: crate::checkpoint::Format::Safetensors,
            epoch: None,
            step: None,
            seed: None,
            run: None,
            metadata: Default::default(),
            tensors: state,
        }
    }

    #[test]
    fn the_order_of_layers_comes_from_numbers_or_shapes_and_is_never_guessed() {
        let architecture = |layers: &[usize]| Architecture { layers: layers.to_vec(), ..tiny().architecture };
        let order = |layers: &[usize], tensors: &[(&str, [usize; 2])]| {
            let names = Network::tensor_names(&architecture(layers), &checkpoint(tensors));
            names.map(|n| n.into_iter().map(|(w, _)| w).collect::<Vec<_>>()).map_err(|e| e.to_string())
        };
        let square = [2, 2];
        assert_eq!(
            order(&[2, 2, 2], &[("fc10.weight", square), ("fc9.weight", square)]).unwrap(),
            ["fc9.weight", "fc10.weight"]
        );
        assert_eq!(
            order(&[4, 3, 2], &[("head.weight", [2, 3]), ("encoder.weight", [3, 4])]).unwrap(),
            ["encoder.weight", "head.weight"]
        );
        let e = order(&[2, 2, 2], &[("head.weight", square), ("encoder.weight", square)]).unwrap_err();
        assert!(e.contains("encoder.weight, head.weight") && e.contains("keys ="), "{e}");
    }

    #[test]
    fn inputs_of_the_wrong_width_are_refused() {
        let e = tiny().trace(array![[1.0f32], [2.0]].view()).unwrap_err().to_string();
        assert!(e.contains("1 features") && e.contains("takes 2"), "{e}");
    }
}
