//! Dense networks at rest: what a training leaves, evaluated in double precision, written down and read back.

use super::check_embeddings;
use crate::train::{Mlp, Scaling};
use crate::{Head, ProbeError, Record};
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Dense layers with a rectifier between them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layers {
    /// Weights [inputs × outputs] and intercepts of each.
    layers: Vec<(Array2<f64>, Array1<f64>)>,
    plan: Plan,
}

/// What layers are made of, beside their numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Inputs, units of the hidden layers, outputs.
    pub(crate) widths: Vec<usize>,
    /// Slope of the rectifier below zero.
    leak: f64,
    /// Whether the rectifier follows the last layer as well.
    closing: bool,
}

impl Layers {
    /// The trained network, for inputs that are not scaled any more.
    pub(crate) fn new(network: &Mlp, scaling: Option<&Scaling>) -> Self {
        let double = |l: &crate::train::Dense| (l.weights.mapv(f64::from), l.bias.mapv(f64::from));
        let mut layers: Vec<_> = network.layers.iter().map(double).collect();
        if let (Some(scaling), Some((weights, intercepts))) = (scaling, layers.first_mut()) {
            weights.outer_iter_mut().zip(&scaling.spread).for_each(|(mut row, s)| row /= *s);
            *intercepts -= &scaling.mean.dot(&*weights);
        }
        let mut widths: Vec<usize> = layers.iter().map(|(w, _)| w.nrows()).collect();
        widths.extend(layers.last().map(|(w, _)| w.ncols()));
        let plan = Plan { widths, leak: f64::from(network.leak()), closing: network.closing() };
        Self { layers, plan }
    }

    /// The one layer that a linear head is.
    pub(crate) fn linear(head: Head) -> Self {
        let plan = Plan { widths: vec![head.weights.nrows(), head.weights.ncols()], leak: 0.0, closing: false };
        Self { layers: vec![(head.weights, head.intercepts)], plan }
    }

    /// Inputs.
    pub(crate) fn inputs(&self) -> usize {
        self.plan.widths[0]
    }

    /// Whether it is this many layers, each with a plain rectifier behind it.
    pub(crate) fn is_rectified(&self, layers: usize) -> bool {
        self.layers.len() == layers && self.plan.closing && self.plan.leak == 0.0
    }

    /// As one linear map, where it is one.
    pub(crate) fn head(&self) -> Option<Head> {
        match &self.layers[..] {
            [(weights, intercepts)] if !self.plan.closing => {
                Some(Head { weights: weights.clone(), intercepts: intercepts.clone() })
            }
            _ => None,
        }
    }

    /// Outputs of `input` [rows × inputs].
    pub(crate) fn forward(&self, input: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut value = self.through(0, input);
        for layer in 1..self.layers.len() {
            value = self.through(layer, value.view());
        }
        value
    }

    /// [`Layers::forward`] of embeddings that come from outside.
    pub(crate) fn of_embeddings(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(embeddings, self.inputs())?;
        Ok(self.forward(embeddings))
    }

    fn through(&self, layer: usize, input: ArrayView2<'_, f64>) -> Array2<f64> {
        let (weights, intercepts) = &self.layers[layer];
        let mut out = input.dot(weights) + intercepts;
        if self.plan.closing || layer + 1 < self.layers.len() {
            let leak = self.plan.leak;
            out.mapv_inplace(|v| if v < 0.0 { leak * v } else { v });
        }
        out
    }

    /// What [`Layers::read`] must be told.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Adds all numbers to a record: `NAME.weights` and `NAME.intercepts` of a single layer, `NAME.1.weights` and so
    /// on of several.
    pub(crate) fn write(&self, name: &str, mut record: Record) -> Record {
        for (i, (weights, intercepts)) in self.layers.iter().enumerate() {
            let layer = self.layer_name(name, i);
            record = record
                .with_matrix(&format!("{layer}.weights"), weights.view())
                .with_vector(&format!("{layer}.intercepts"), intercepts.view());
        }
        record
    }

    /// Reads back what [`Layers::write`] wrote, with the plan under `setting` in the record's settings; the network
    /// must take `inputs` and yield `outputs`.
    pub(crate) fn read(name: &str, record: &Record, inputs: usize, outputs: usize) -> Result<Self, ProbeError> {
        let plan: Plan = record.setting(name)?;
        let ends = (plan.widths.first(), plan.widths.last());
        if plan.widths.len() < 2 || ends != (Some(&inputs), Some(&outputs)) || !plan.leak.is_finite() {
            let widths = &plan.widths;
            return Err(ProbeError::Record(format!(
                "the layers '{name}' have widths {widths:?}, which do not lead from {inputs} to {outputs}"
            )));
        }
        let mut read = Self { layers: vec![], plan };
        for i in 0..read.plan.widths.len() - 1 {
            let (from, to, layer) = (read.plan.widths[i], read.plan.widths[i + 1], read.layer_name(name, i));
            let weights = record.matrix(&format!("{layer}.weights"), (from, to))?;
            read.layers.push((weights, record.vector(&format!("{layer}.intercepts"), to)?));
        }
        Ok(read)
    }

    fn layer_name(&self, name: &str, layer: usize) -> String {
        if self.plan.widths.len() == 2 { name.into() } else { format!("{name}.{}", layer + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Names;
    use crate::train::{Purpose, Shape, stream};
    use serde_json::json;

    #[test]
    fn both_forward_passes_agree_on_scaled_inputs() {
        let x = Array2::from_shape_fn((40, 5), |(i, j)| 100.0 * j as f64 + ((i * 5 + j) as f64 * 1.3).sin());
        let scaling = Scaling::of(x.view());
        for (hidden, leak, closing) in [(vec![], 0.0, false), (vec![7, 6], 0.0, false), (vec![7], 0.01, true)] {
            let shape = Shape { leak, closing, ..Shape::relu(5, &hidden, 3, 0.5) };
            let network = Mlp::new(&shape, &mut stream(1, Purpose::Weights, 0, 0));
            let trained = network.forward(scaling.apply(x.view()).view());
            let kept = Layers::new(&network, Some(&scaling)).of_embeddings(x.view()).unwrap();
            for (a, b) in trained.iter().zip(&kept) {
                assert!((f64::from(*a) - b).abs() < 1e-5, "{a} {b}");
            }
        }
    }

    #[test]
    fn what_is_written_comes_back_and_damage_is_seen() {
        let network = Mlp::new(&Shape::relu(4, &[6], 2, 0.0), &mut stream(1, Purpose::Weights, 0, 0));
        let layers = Layers::new(&network, None);
        let record = Record::new("x", &Names::default(), 4, json!({ "part": layers.plan() }));
        let record = layers.write("part", record);
        assert_eq!(Layers::read("part", &record, 4, 2).unwrap(), layers);
        let error = Layers::read("part", &record, 5, 2).unwrap_err().to_string();
        assert!(error.contains("[4, 6, 2], which do not lead from 5 to 2"), "{error}");
        let mut damaged = record;
        damaged.tensors.remove("part.2.intercepts");
        assert!(Layers::read("part", &damaged, 4, 2).unwrap_err().to_string().contains("part.2.intercepts"));
    }

    #[test]
    fn one_layer_is_a_linear_head_and_two_are_none() {
        let of = |hidden: &[usize]| {
            Layers::new(&Mlp::new(&Shape::relu(3, hidden, 2, 0.0), &mut stream(1, Purpose::Weights, 0, 0)), None)
        };
        let x = Array2::from_shape_fn((4, 3), |(i, j)| (i + j) as f64);
        let one = of(&[]);
        assert_eq!(one.head().unwrap().scores(x.view()), one.forward(x.view()));
        assert_eq!(Layers::linear(one.head().unwrap()), one);
        assert!(of(&[4]).head().is_none());
    }
}
