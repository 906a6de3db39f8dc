//! What the tests of this folder share: checkpoints in memory, and the runner without anything around it.

use super::assemble::{Assembled, assemble};
use super::description::{Description, ModuleNet};
use super::graph::{Axis, Graph};
use crate::checkpoint::{Contents, LazyTensor, ReadOptions};
use std::path::{Path, PathBuf};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::*;

/// A checkpoint of these tensors.
pub(super) fn contents(tensors: &[(&str, &[usize], &[f32])]) -> Contents {
    let pack = |(name, shape, values): &(&str, &[usize], &[f32])| {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let tensor = LazyTensor::packed(crate::checkpoint::Dtype::F32, shape.to_vec(), move || Ok(bytes.clone()));
        (name.to_string(), tensor)
    };
    Contents {
        file: "x.safetensors".into(),
        format: crate::checkpoint::Format::Safetensors,
        epoch: None,
        step: None,
        seed: None,
        run: None,
        metadata: Default::default(),
        tensors: tensors.iter().map(pack).collect(),
    }
}

/// A checkpoint of a file.
pub(super) fn open(path: &Path) -> Contents {
    Contents::open(path, &ReadOptions::default()).unwrap()
}

/// A file or folder of Python's packages, where the variable NARROWS_SITE_PACKAGES says that they are.
pub(super) fn site_packages(name: &str) -> Option<PathBuf> {
    let path = Path::new(&std::env::var_os("NARROWS_SITE_PACKAGES")?).join(name);
    path.exists().then_some(path)
}

/// What a description's text says.
pub(super) fn read(text: &str) -> anyhow::Result<Description> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("arch.toml");
    std::fs::write(&path, text).unwrap();
    Description::read(&path)
}

/// The modules that a description's text says.
pub(super) fn net(text: &str) -> ModuleNet {
    match read(text).unwrap() {
        Description::Modules(net) => net,
        Description::Dense(_) => panic!("a dense network"),
    }
}

/// Values of the tensors `outputs` of a graph, and their shapes.
pub(super) fn run(
    model: &tract_onnx::pb::ModelProto,
    inputs: &[(&str, Tensor)],
    outputs: &[&str],
) -> Vec<(Vec<usize>, Vec<f32>)> {
    let mut model = model.clone();
    let graph = model.graph.as_mut().unwrap();
    graph.output = outputs
        .iter()
        .map(|name| tract_onnx::pb::ValueInfoProto { name: name.to_string(), ..Default::default() })
        .collect();
    let order: Vec<String> = graph.input.iter().map(|i| i.name.clone()).collect();
    let plan = tract_onnx::onnx().parse(&model, None).unwrap().model.into_optimized().unwrap().into_runnable().unwrap();
    let values = order.iter().map(|name| inputs.iter().find(|(n, _)| n == name).unwrap().1.clone().into());
    let found = plan.run(values.collect()).unwrap();
    found
        .iter()
        .map(|t| (t.shape().to_vec(), t.to_plain_array_view::<f32>().unwrap().iter().copied().collect()))
        .collect()
}

/// Values of the graph `y` of one input, made by `make`.
pub(super) fn run_graph(shape: &[usize], x: &[f32], make: impl FnOnce(&mut Graph)) -> Vec<f32> {
    let mut g = Graph::default();
    let mut axes = vec![Axis::Name("batch")];
    axes.extend(shape[1..].iter().map(|&n| Axis::Length(n)));
    g.input("input", DataType::Float, &axes);
    make(&mut g);
    run(&g.finish("y"), &[("input", Tensor::from_shape(shape, x).unwrap())], &["y"]).remove(0).1
}

/// Values of every tap of a network for samples of this shape, by name.
pub(super) fn taps(text: &str, c: &Contents, shape: &[usize], x: &[f32]) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let assembled = assemble(&net(text), c).unwrap();
    run_taps(&assembled, &[("input", Tensor::from_shape(shape, x).unwrap())])
}

/// Values of every tap, with the shapes that the assembler promised.
pub(super) fn run_taps(assembled: &Assembled, inputs: &[(&str, Tensor)]) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let names: Vec<&str> = assembled.taps.iter().map(|t| t.name.as_str()).collect();
    let values = run(&assembled.model, inputs, &names);
    let taps = assembled.taps.iter().zip(values).map(|(tap, (shape, values))| {
        let fits = shape.len() == tap.shape.len() + 1
            && shape[1..].iter().zip(&tap.shape).all(|(found, said)| said.is_none_or(|said| said == *found));
        assert!(fits, "{}: {shape:?} where {:?} was said", tap.name, tap.shape);
        (tap.name.clone(), shape, values)
    });
    taps.collect()
}

/// Checks values against the expected ones; the tolerance is relative where a value is above one.
pub(super) fn close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{what}: value {at} is {a}, not {b}");
    }
}
