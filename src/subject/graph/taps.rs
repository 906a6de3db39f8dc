//! What goes into a graph, and what can be taken from it.

use crate::checkpoint::{Dtype, onnx_dtype};
use crate::subject::modules::Function;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::Value as TypeValue;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

/// The length of an axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Axis {
    /// A number.
    Known(usize),
    /// As many as there are: the number of samples, say.
    Open(String),
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Axis::Known(n) => write!(f, "{n}"),
            Axis::Open(name) => f.write_str(name),
        }
    }
}

/// An input of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphInput {
    /// Its name.
    pub name: String,
    /// Type of its values.
    pub dtype: Dtype,
    /// Its axes, the samples' first; none when the file does not say.
    pub shape: Option<Vec<Axis>>,
}

/// A value that can be taken from a graph.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tap {
    /// Its name.
    pub name: String,
    /// Name of the node that makes it.
    pub node: String,
    /// The node's operator.
    pub operator: String,
    /// Its axes, where they can be told before it is computed.
    pub shape: Option<Vec<Axis>>,
    /// Whether it is one of the graph's outputs.
    pub is_output: bool,
    /// Whether it is a layer: real numbers, of each sample its own.
    pub is_layer: bool,
    /// An operator that is not known and that it depends on.
    pub blocked_by: Option<String>,
    /// Value at which it saturates from below, when known.
    pub lower_saturation: Option<f32>,
}

impl Tap {
    /// Whether an activation function yields it.
    pub fn is_activation(&self) -> bool {
        is_activation(&self.operator)
    }

    /// Its axes in a message: `[batch, 32, 7, 7]`.
    pub fn shape_text(&self) -> String {
        shape_text(self.shape.as_deref())
    }
}

/// Whether an operator of ONNX, or a kind of module, is an activation function.
pub(super) fn is_activation(operator: &str) -> bool {
    const ACTIVATIONS: [&str; 21] = [
        "Relu",
        "Clip",
        "Tanh",
        "Sigmoid",
        "Softmax",
        "LogSoftmax",
        "LeakyRelu",
        "PRelu",
        "Elu",
        "Selu",
        "Celu",
        "Gelu",
        "Mish",
        "Silu",
        "Swish",
        "HardSigmoid",
        "HardSwish",
        "Softplus",
        "Softsign",
        "ThresholdedRelu",
        "Hardmax",
    ];
    ACTIVATIONS.contains(&operator) || Function::of_name(operator).is_some()
}

/// Axes in a message.
pub(crate) fn shape_text(shape: Option<&[Axis]>) -> String {
    match shape {
        Some(axes) => format!("[{}]", axes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        None => "[?]".into(),
    }
}

/// Inputs that are no weights.
pub(super) fn inputs(model: &ModelProto) -> Vec<GraphInput> {
    let Some(graph) = &model.graph else { return vec![] };
    let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let of = |info: &tract_onnx::pb::ValueInfoProto| {
        let tensor = info.r#type.as_ref().and_then(|t| t.value.as_ref()).map(|TypeValue::TensorType(t)| t);
        let axis = |d: &tract_onnx::pb::tensor_shape_proto::Dimension| match &d.value {
            Some(DimValue::DimValue(n)) if *n >= 0 => Axis::Known(*n as usize),
            Some(DimValue::DimParam(name)) if !name.is_empty() => Axis::Open(name.clone()),
            _ => Axis::Open("?".into()),
        };
        GraphInput {
            name: info.name.clone(),
            dtype: onnx_dtype(tensor.map_or(0, |t| t.elem_type)),
            shape: tensor.and_then(|t| t.shape.as_ref()).map(|s| s.dim.iter().map(axis).collect()),
        }
    };
    graph.input.iter().filter(|i| !weights.contains(i.name.as_str())).map(of).collect()
}

/// Every value that a node of the graph itself makes, but for constants.
pub(super) fn taps(model: &ModelProto) -> Vec<Tap> {
    let Some(graph) = &model.graph else { return vec![] };
    let engine = tract_onnx::onnx();
    let outputs: HashSet<&str> = graph.output.iter().map(|o| o.name.as_str()).collect();
    let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    // Values that come, by whatever way, from an input; and those that a foreign operator has touched.
    let mut fed: HashSet<&str> =
        graph.input.iter().map(|i| i.name.as_str()).filter(|name| !weights.contains(name)).collect();
    let mut blocked: BTreeMap<&str, String> = BTreeMap::new();
    let mut taps = Vec::new();
    for index in order(graph) {
        let node = &graph.node[index];
        let takes = taken(node);
        let is_fed = takes.iter().any(|name| fed.contains(name));
        let own = (!knows(&engine, node)).then(|| node.op_type.clone());
        let blocked_by = own.or_else(|| takes.iter().find_map(|name| blocked.get(name).cloned()));
        for output in node.output.iter().filter(|o| !o.is_empty()) {
            if is_fed {
                fed.insert(output);
            }
            if let Some(operator) = &blocked_by {
                blocked.insert(output, operator.clone());
            }
            taps.push((
                index,
                Tap {
                    name: output.clone(),
                    node: node.name.clone(),
                    operator: node.op_type.clone(),
                    shape: None,
                    is_output: outputs.contains(output.as_str()),
                    is_layer: is_fed && !matches!(node.op_type.as_str(), "Constant" | "Shape" | "Size"),
                    blocked_by: blocked_by.clone(),
                    lower_saturation: lower_saturation(&node.op_type),
                },
            ));
        }
    }
    taps.sort_by_key(|(index, _)| *index);
    taps.into_iter().map(|(_, tap)| tap).collect()
}

/// Where the values of an activation function end below.
fn lower_saturation(operator: &str) -> Option<f32> {
    match operator {
        "Relu" | "Sigmoid" | "Softmax" | "Softplus" | "HardSigmoid" => Some(0.0),
        "Tanh" | "Elu" | "Softsign" => Some(-1.0),
        _ => None,
    }
}

/// Operators that the engine does not know, with the nodes that have them.
pub(super) fn unknown_operators(model: &ModelProto) -> BTreeMap<String, Vec<String>> {
    let engine = tract_onnx::onnx();
    let mut unknown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in model.graph.iter().flat_map(|graph| &graph.node).filter(|node| !knows(&engine, node)) {
        let name =
            if node.name.is_empty() { node.output.first().cloned().unwrap_or_default() } else { node.name.clone() };
        unknown.entry(node.op_type.clone()).or_default().push(name);
    }
    unknown
}

fn knows(engine: &tract_onnx::Onnx, node: &NodeProto) -> bool {
    let inner = node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs)).flat_map(|g| &g.node);
    engine.op_register.0.contains_key(&node.op_type) && inner.into_iter().all(|n| knows(engine, n))
}

/// Everything that a node takes, graphs within it included.
pub(super) fn taken(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).filter(|i| !i.is_empty()).collect();
    for inner in node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs)) {
        names.extend(inner.node.iter().flat_map(taken));
        names.extend(inner.output.iter().map(|o| o.name.as_str()));
    }
    names
}

/// Nodes so that each comes after those that it takes from.
pub(super) fn order(graph: &GraphProto) -> Vec<usize> {
    let made: BTreeMap<&str, usize> =
        graph.node.iter().enumerate().flat_map(|(i, n)| n.output.iter().map(move |o| (o.as_str(), i))).collect();
    let (mut order, mut state) = (Vec::with_capacity(graph.node.len()), vec![0u8; graph.node.len()]);
    for root in 0..graph.node.len() {
        let mut pending = vec![root];
        while let Some(&index) = pending.last() {
            if state[index] == 0 {
                state[index] = 1;
                let before = taken(&graph.node[index]).into_iter().filter_map(|name| made.get(name).copied());
                pending.extend(before.filter(|&i| state[i] == 0));
            } else {
                pending.pop();
                if state[index] == 1 {
                    state[index] = 2;
                    order.push(index);
                }
            }
        }
    }
    order
}
