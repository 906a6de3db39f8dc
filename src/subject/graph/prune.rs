//! The part of a graph that some of its values depend on.

use super::taps::taken;
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto};

/// A model that computes these values and nothing else.
pub(super) fn keep(model: &ModelProto, values: &[&str]) -> ModelProto {
    let Some(graph) = &model.graph else { return model.clone() };
    let made: HashMap<&str, usize> =
        graph.node.iter().enumerate().flat_map(|(i, n)| n.output.iter().map(move |o| (o.as_str(), i))).collect();
    let mut wanted: HashSet<&str> = HashSet::new();
    let mut nodes = vec![false; graph.node.len()];
    let mut pending: Vec<&str> = values.to_vec();
    while let Some(name) = pending.pop() {
        if !wanted.insert(name) {
            continue;
        }
        if let Some(&index) = made.get(name)
            && !std::mem::replace(&mut nodes[index], true)
        {
            pending.extend(taken(&graph.node[index]));
        }
    }
    let is_wanted = |name: &str| wanted.contains(name);
    let pruned = GraphProto {
        node: graph.node.iter().zip(&nodes).filter(|(_, keep)| **keep).map(|(node, _)| node.clone()).collect(),
        name: graph.name.clone(),
        initializer: graph.initializer.iter().filter(|t| is_wanted(&t.name)).cloned().collect(),
        input: graph.input.iter().filter(|i| is_wanted(&i.name)).cloned().collect(),
        output: values.iter().map(|name| ValueInfoProto { name: (*name).into(), ..Default::default() }).collect(),
        ..Default::default()
    };
    ModelProto {
        graph: Some(pruned),
        ir_version: model.ir_version,
        opset_import: model.opset_import.clone(),
        functions: model.functions.clone(),
        ..Default::default()
    }
}
