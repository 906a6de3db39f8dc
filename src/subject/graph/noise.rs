//! Noise inside a graph: what a hidden activation yields is added to, or multiplied with, a further input of the graph,
//! which whoever runs it fills with draws.
//!
//! It is put in before anything is cut away or optimised, so that every value after it, tapped or not, is made of the
//! noisy ones.

use super::taps::{Axis, GraphInput, Tap, is_activation, shape_text, taken};
use anyhow::{Context, Result, bail, ensure};
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto};

/// An input that takes the noise of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoiseInput {
    /// Its name in the graph.
    pub name: String,
    /// The layer that it disturbs.
    pub layer: String,
    /// Which of the hidden activations that is, from 0, whether the others are looked at or not.
    pub index: usize,
    /// Lengths of the axes of one sample.
    pub shape: Vec<usize>,
}

/// Places of the hidden activations: what activation functions yield and something takes, but for softmax, which is an
/// output or the weights of an attention.
fn hidden(graph: &GraphProto, taps: &[Tap]) -> Vec<usize> {
    let used: HashSet<&str> = graph.node.iter().flat_map(taken).collect();
    let is_share =
        |tap: &Tap| matches!(tap.operator.as_str(), "Softmax" | "LogSoftmax" | "Hardmax" | "softmax" | "log-softmax");
    // A block with an activation behind its sum is called after the block, and is known by its node.
    let made: HashMap<&str, &str> =
        graph.node.iter().flat_map(|n| n.output.iter().map(|o| (o.as_str(), n.op_type.as_str()))).collect();
    let by_node = |tap: &Tap| made.get(tap.name.as_str()).is_some_and(|operator| is_activation(operator));
    let is_hidden = |tap: &Tap| {
        let usable = tap.is_layer && tap.blocked_by.is_none();
        usable && (tap.is_activation() || by_node(tap)) && !is_share(tap) && used.contains(tap.name.as_str())
    };
    (0..taps.len()).filter(|&i| is_hidden(&taps[i])).collect()
}

/// Puts the inputs in.
///
/// # Errors
/// When there is no hidden activation, or the length of one of its axes is not known.
pub(super) fn insert(
    model: &mut ModelProto,
    inputs: &[GraphInput],
    taps: &[Tap],
    relative: bool,
) -> Result<Vec<NoiseInput>> {
    let graph = model.graph.as_mut().context("the file holds no graph")?;
    let places = hidden(graph, taps);
    ensure!(
        !places.is_empty(),
        "noise goes on what hidden activation functions yield, and this network names none (narrows inspect lists what it \
         has): --noise-std 0 runs it without"
    );
    // Samples come as the network's own input has them.
    let samples = inputs.first().and_then(|input| input.shape.as_ref()?.first());
    let mut found = Vec::with_capacity(places.len());
    for (index, place) in places.into_iter().enumerate() {
        let tap = &taps[place];
        let shape = sample_shape(tap, samples)?;
        let (name, quiet) = (format!("noise/{}", tap.name), format!("{}/without-noise", tap.name));
        let at = graph.node.iter().position(|node| node.output.contains(&tap.name));
        let at = at.with_context(|| format!("{} is made by no node", tap.name))?;
        graph.node[at].output.iter_mut().filter(|o| **o == tap.name).for_each(|o| o.clone_from(&quiet));
        let node = NodeProto {
            input: vec![quiet, name.clone()],
            output: vec![tap.name.clone()],
            name: format!("{name}/node"),
            op_type: if relative { "Mul" } else { "Add" }.into(),
            ..Default::default()
        };
        graph.node.insert(at + 1, node);
        graph.input.push(input(&name, samples, &shape));
        found.push(NoiseInput { name, layer: tap.name.clone(), index, shape });
    }
    Ok(found)
}

fn sample_shape(tap: &Tap, samples: Option<&Axis>) -> Result<Vec<usize>> {
    let known = |axis: &Axis| match axis {
        Axis::Known(n) => Some(*n),
        Axis::Open(_) => None,
    };
    let shape: Option<Vec<usize>> = tap.shape.as_ref().and_then(|axes| axes.get(1..)?.iter().map(known).collect());
    let Some(shape) = shape else {
        bail!(
            "noise is drawn for every value of {}, and the file does not say how many there are in a sample ({}): save it for \
             inputs of one size",
            tap.name,
            shape_text(tap.shape.as_deref())
        );
    };
    // A layer with samples and something else in one axis has not one row a sample.
    let first = tap.shape.as_ref().and_then(|axes| axes.first());
    if let (Some(first), Some(samples)) = (first, samples) {
        let differs = matches!(samples, Axis::Known(_)) && first != samples;
        ensure!(
            !differs,
            "{} has the shape {}, which is not one row a sample: noise cannot be drawn for it",
            tap.name,
            shape_text(tap.shape.as_deref())
        );
    }
    Ok(shape)
}

fn input(name: &str, samples: Option<&Axis>, shape: &[usize]) -> ValueInfoProto {
    let first = match samples {
        Some(Axis::Known(n)) => Some(dimension::Value::DimValue(*n as i64)),
        Some(Axis::Open(name)) if name != "?" => Some(dimension::Value::DimParam(name.clone())),
        _ => None,
    };
    let lengths = shape.iter().map(|&n| Some(dimension::Value::DimValue(n as i64)));
    let dim = std::iter::once(first).chain(lengths).map(|value| Dimension { value, ..Default::default() }).collect();
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(TensorShapeProto { dim }) };
    let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(r#type), ..Default::default() }
}
