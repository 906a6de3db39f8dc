//! An ONNX graph in the making.
//!
//! Operators and their attributes are those of ONNX's operator set 17
//! (<https://github.com/onnx/onnx/blob/main/docs/Operators.md>). Tensors that can be tapped bear the name of the module
//! that yields them; those within a module have a name with a slash behind it. Nodes are numbered: the runner gives the
//! parts of a node names of its own that begin with the node's, and two nodes must never share one.

use std::collections::HashSet;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};

/// Version of the operator set.
const OPERATORS: i64 = 17;

/// Length of an axis: a number, or a name for what is known only when the graph runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Axis {
    Length(usize),
    Name(&'static str),
}

/// A graph in the making.
#[derive(Debug, Default)]
pub(super) struct Graph {
    proto: GraphProto,
    constants: HashSet<String>,
}

impl Graph {
    /// Declares an input.
    pub(super) fn input(&mut self, name: &str, data_type: DataType, axes: &[Axis]) {
        let dim = axes.iter().map(|axis| Dimension {
            value: Some(match axis {
                Axis::Length(n) => dimension::Value::DimValue(*n as i64),
                Axis::Name(name) => dimension::Value::DimParam((*name).into()),
            }),
            ..Default::default()
        });
        let tensor =
            type_proto::Tensor { elem_type: data_type as i32, shape: Some(TensorShapeProto { dim: dim.collect() }) };
        let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
        self.proto.input.push(ValueInfoProto { name: name.into(), r#type: Some(r#type), ..Default::default() });
    }

    /// Adds a node with one output.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>, output: &str) {
        self.proto.node.push(NodeProto {
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![output.into()],
            name: format!("#{} {operator}", self.proto.node.len()),
            op_type: operator.into(),
            attribute: attributes,
            ..Default::default()
        });
    }

    /// Adds weights of this shape, row-major, under a name of their own; gives the tensor's name.
    pub(super) fn weights(&mut self, key: &str, shape: &[usize], values: &[f32]) -> String {
        let name = format!("weights/{key}");
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, DataType::Float, shape.iter().map(|&n| n as i64).collect(), raw)
    }

    /// A number.
    pub(super) fn scalar(&mut self, value: f32) -> String {
        self.constant(format!("number/{value:e}"), DataType::Float, vec![], value.to_le_bytes().into())
    }

    /// A list of whole numbers.
    pub(super) fn wholes(&mut self, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(format!("wholes/{values:?}"), DataType::Int64, vec![values.len() as i64], raw)
    }

    /// One whole number without axes.
    pub(super) fn index(&mut self, value: i64) -> String {
        self.constant(format!("index/{value}"), DataType::Int64, vec![], value.to_le_bytes().into())
    }

    fn constant(&mut self, name: String, data_type: DataType, dims: Vec<i64>, raw_data: Vec<u8>) -> String {
        if self.constants.insert(name.clone()) {
            let data_type = data_type as i32;
            self.proto.initializer.push(TensorProto {
                name: name.clone(),
                data_type,
                dims,
                raw_data,
                ..Default::default()
            });
        }
        name
    }

    /// The model, whose only output is the tensor `output`.
    pub(super) fn finish(mut self, output: &str) -> ModelProto {
        self.proto.name = "modules".into();
        self.proto.output.push(ValueInfoProto { name: output.into(), ..Default::default() });
        ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATORS }],
            producer_name: "narrows".into(),
            graph: Some(self.proto),
            ..Default::default()
        }
    }
}

/// An attribute: a number.
pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Float as i32, f: value, ..Default::default() }
}

/// An attribute: a whole number.
pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i: value, ..Default::default() }
}

/// An attribute: whole numbers.
pub(super) fn ints(name: &str, values: impl IntoIterator<Item = i64>) -> AttributeProto {
    let ints = values.into_iter().collect();
    AttributeProto { name: name.into(), r#type: AttributeType::Ints as i32, ints, ..Default::default() }
}
