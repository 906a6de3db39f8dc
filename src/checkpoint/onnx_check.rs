//! What must hold of an ONNX model before an engine sees it.
//!
//! Engines trust a graph: that what a node takes is made by another, that nothing goes in a circle, that a tensor has
//! as many bytes as its shape says.

use super::Problem;
use super::onnx::{damaged, dtype_of, twice};
use std::collections::{HashMap, HashSet, VecDeque};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

/// Graphs within graphs.
const MAX_DEPTH: usize = 16;

/// Checks a model whose weights are all in it.
///
/// # Errors
/// [`Problem::Damaged`], which names the node or tensor.
pub(super) fn check(model: &ModelProto) -> Result<(), Problem> {
    let graph = model.graph.as_ref().ok_or_else(|| damaged("it has no graph".into()))?;
    if graph.output.is_empty() {
        return Err(damaged("its graph has no outputs".into()));
    }
    if let Some(sparse) = graph.sparse_initializer.first() {
        let name = sparse.values.as_ref().map_or("", |v| v.name.as_str());
        return Err(unsupported(format!("its tensor {name} is sparse; save it as an ordinary one")));
    }
    check_graph(graph, None, 0)
}

/// Names that a graph may use: its own, and those of the graphs around it.
struct Scope<'a> {
    own: HashSet<&'a str>,
    outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    fn has(&self, name: &str) -> bool {
        self.own.contains(name) || self.outer.is_some_and(|outer| outer.has(name))
    }
}

fn check_graph(graph: &GraphProto, outer: Option<&Scope<'_>>, depth: usize) -> Result<(), Problem> {
    if depth > MAX_DEPTH {
        return Err(damaged("graphs are nested beyond all measure".into()));
    }
    if let Some(name) = twice(graph.initializer.iter().map(|t| t.name.as_str())) {
        return Err(damaged(format!("two tensors are called {name}")));
    }
    for tensor in &graph.initializer {
        check_tensor(tensor)?;
    }
    if let Some(name) = twice(graph.input.iter().map(|i| i.name.as_str())) {
        return Err(damaged(format!("two inputs are called {name}")));
    }
    if let Some(name) = twice(graph.node.iter().flat_map(|n| n.output.iter().map(String::as_str))) {
        return Err(damaged(format!("the value {name} is made by two nodes")));
    }
    let mut known = Scope { own: given(graph), outer };
    if let Some(name) = graph.node.iter().flat_map(|n| &n.output).find(|o| !o.is_empty() && known.has(o)) {
        return Err(damaged(format!("the value {name} is made by a node, though it is there before")));
    }
    let made: HashMap<&str, usize> = graph
        .node
        .iter()
        .enumerate()
        .flat_map(|(i, node)| node.output.iter().filter(|o| !o.is_empty()).map(move |o| (o.as_str(), i)))
        .collect();
    for node in &graph.node {
        if let Some(input) =
            node.input.iter().find(|i| !i.is_empty() && !known.has(i) && !made.contains_key(i.as_str()))
        {
            return Err(damaged(format!("the node {} takes the value {input}, which nothing makes", label(node))));
        }
    }
    if let Some(output) = graph.output.iter().find(|o| !known.has(&o.name) && !made.contains_key(o.name.as_str())) {
        return Err(damaged(format!("nothing makes its output {}", output.name)));
    }
    refuse_circle(graph, &made)?;
    known.own.extend(made.keys());
    for node in &graph.node {
        for attribute in &node.attribute {
            attribute.t.iter().chain(&attribute.tensors).try_for_each(check_tensor)?;
            attribute.g.iter().chain(&attribute.graphs).try_for_each(|g| check_graph(g, Some(&known), depth + 1))?;
        }
    }
    Ok(())
}

/// Names that are there before a graph's nodes make any.
fn given(graph: &GraphProto) -> HashSet<&str> {
    let inputs = graph.input.iter().map(|i| i.name.as_str());
    inputs.chain(graph.initializer.iter().map(|t| t.name.as_str())).collect()
}

/// What a node takes, the graphs within it included: these may use any value around them.
fn taken(node: &NodeProto) -> HashSet<&str> {
    let mut names: HashSet<&str> = node.input.iter().map(String::as_str).collect();
    for inner in node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs)) {
        let mut within: HashSet<&str> = inner.output.iter().map(|o| o.name.as_str()).collect();
        within.extend(inner.node.iter().flat_map(taken));
        let own = given(inner);
        names.extend(within.into_iter().filter(|name| !own.contains(name)));
    }
    names
}

/// Takes away nodes that wait for nothing until none is left; what is left then waits for itself.
fn refuse_circle(graph: &GraphProto, made: &HashMap<&str, usize>) -> Result<(), Problem> {
    let mut waits: Vec<usize> = vec![0; graph.node.len()];
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    for (index, node) in graph.node.iter().enumerate() {
        for &from in taken(node).into_iter().filter_map(|name| made.get(name)) {
            feeds[from].push(index);
            waits[index] += 1;
        }
    }
    let mut ready: VecDeque<usize> = (0..waits.len()).filter(|&i| waits[i] == 0).collect();
    let mut done = 0;
    while let Some(index) = ready.pop_front() {
        done += 1;
        for &next in &feeds[index] {
            waits[next] -= 1;
            if waits[next] == 0 {
                ready.push_back(next);
            }
        }
    }
    match (0..waits.len()).find(|&i| waits[i] > 0) {
        Some(index) if done < waits.len() => {
            Err(damaged(format!("its graph goes in a circle, at the node {}", label(&graph.node[index]))))
        }
        _ => Ok(()),
    }
}

/// A node's name, or else what it makes.
pub(super) fn label(node: &NodeProto) -> String {
    let name = if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name };
    format!("{name} ({})", node.op_type)
}

/// Bytes of a tensor's values by its shape and type; `None` for a negative or absurd shape, or a type that is not read.
pub(super) fn byte_len(tensor: &TensorProto) -> Option<u64> {
    let size = dtype_of(tensor.data_type).size()? as u64;
    tensor.dims.iter().try_fold(size, |n, &axis| n.checked_mul(u64::try_from(axis).ok()?))
}

fn check_tensor(tensor: &TensorProto) -> Result<(), Problem> {
    let name = &tensor.name;
    if tensor.dims.iter().any(|&axis| axis < 0) {
        return Err(damaged(format!("the tensor {name} has the negative shape {:?}", tensor.dims)));
    }
    let dtype = dtype_of(tensor.data_type);
    let Some(size) = dtype.size() else {
        return Err(Problem::Dtype { tensor: name.clone(), dtype: dtype.to_string() });
    };
    if !tensor.external_data.is_empty() || tensor.data_location.is_some_and(|l| l != 0) {
        return Err(unsupported(format!("its tensor {name}, within a node, is in another file")));
    }
    let expected = byte_len(tensor).ok_or_else(|| damaged(format!("the tensor {name} is beyond all measure")))?;
    let typed = [
        ("raw_data", tensor.raw_data.len(), tensor.raw_data.len() as u64),
        ("float_data", tensor.float_data.len(), 4 * tensor.float_data.len() as u64),
        ("double_data", tensor.double_data.len(), 8 * tensor.double_data.len() as u64),
        ("int64_data", tensor.int64_data.len(), 8 * tensor.int64_data.len() as u64),
        ("int32_data", tensor.int32_data.len(), (size * tensor.int32_data.len()) as u64),
        ("uint64_data", tensor.uint64_data.len(), (size * tensor.uint64_data.len()) as u64),
        ("string_data", tensor.string_data.len(), 0),
    ];
    let mut given = typed.iter().filter(|(_, count, _)| *count > 0);
    match (given.next(), given.next()) {
        (Some((a, ..)), Some((b, ..))) => {
            Err(damaged(format!("the tensor {name} has its values twice, in {a} and {b}")))
        }
        (Some((_, _, bytes)), None) if *bytes != expected => Err(damaged(format!(
            "the tensor {name} of type {dtype} and shape {:?} should have {expected} bytes, but it has {bytes}",
            tensor.dims
        ))),
        (None, _) if expected > 0 => Err(damaged(format!("the tensor {name} has no values"))),
        (Some((field, ..)), None) if !fits(field, size, &dtype) => Err(damaged(format!(
            "the tensor {name} of type {dtype} has its values in {field}, where no such values are"
        ))),
        _ => Ok(()),
    }
}

/// Whether ONNX keeps values of a type in this field.
fn fits(field: &str, size: usize, dtype: &super::Dtype) -> bool {
    use super::Dtype::{Bf16, F16, F32, F64, I64, U32, U64};
    match field {
        "raw_data" => true,
        "float_data" => *dtype == F32,
        "double_data" => *dtype == F64,
        "int64_data" => *dtype == I64,
        "uint64_data" => matches!(dtype, U32 | U64),
        "int32_data" => matches!(dtype, F16 | Bf16) || dtype.is_integer() && size <= 4 && *dtype != U32,
        _ => false,
    }
}

fn unsupported(reason: String) -> Problem {
    Problem::Unsupported { format: "ONNX", reason }
}
