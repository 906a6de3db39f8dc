//! Small graphs: what can be taken from them, and what running them gives.

use super::{Axis, Feed, Graph, fold, prune};
use crate::checkpoint::Dtype;
use crate::guard::is_quiet;
use ndarray::{Array, ArrayD, IxDyn, array};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as DimValue;
use tract_onnx::pb::type_proto::{Tensor as TensorType, Value as TypeValue};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto,
};

fn node(operator: &str, takes: &[&str], makes: &str) -> NodeProto {
    NodeProto {
        name: format!("/{makes}"),
        op_type: operator.into(),
        input: takes.iter().map(ToString::to_string).collect(),
        output: vec![makes.into()],
        ..Default::default()
    }
}

fn whole(name: &str, numbers: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: numbers.to_vec(),
        ..Default::default()
    }
}

/// A value of floats; an axis of -1 is the number of samples, of -2 one that is not said.
fn value(name: &str, axes: &[i64]) -> ValueInfoProto {
    let dim = axes.iter().map(|&axis| Dimension {
        value: match axis {
            -1 => Some(DimValue::DimParam("batch".into())),
            -2 => None,
            length => Some(DimValue::DimValue(length)),
        },
        ..Default::default()
    });
    let shape = Some(TensorShapeProto { dim: dim.collect() });
    let tensor = TypeValue::TensorType(TensorType { elem_type: DataType::Float as i32, shape });
    let r#type = Some(TypeProto { value: Some(tensor), ..Default::default() });
    ValueInfoProto { name: name.into(), r#type, ..Default::default() }
}

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let data_type = DataType::Float as i32;
    TensorProto { name: name.into(), dims: dims.to_vec(), data_type, float_data: values.to_vec(), ..Default::default() }
}

fn model(
    node: Vec<NodeProto>,
    initializer: Vec<TensorProto>,
    input: Vec<ValueInfoProto>,
    outputs: &[&str],
) -> ModelProto {
    let output = outputs.iter().map(|name| ValueInfoProto { name: name.to_string(), ..Default::default() }).collect();
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { version: 13, ..Default::default() }],
        graph: Some(GraphProto { name: "g".into(), node, initializer, input, output, ..Default::default() }),
        ..Default::default()
    }
}

/// Two outputs, of which one comes after an operator that nobody knows.
fn branched() -> ModelProto {
    let nodes = vec![
        node("Relu", &["x"], "a"),
        node("Exotic", &["a"], "b"),
        node("Tanh", &["b"], "c"),
        node("Sigmoid", &["a"], "y"),
    ];
    model(nodes, vec![], vec![value("x", &[-1, 2])], &["c", "y"])
}

/// A layer of weights and a softmax over its two units.
fn layers(samples: i64) -> Graph {
    let nodes = vec![node("MatMul", &["x", "w"], "product"), node("Softmax", &["product"], "y")];
    let weights = vec![floats("w", &[3, 2], &[0.5, -1.0, 0.25, 2.0, -0.75, 1.5])];
    Graph::of(model(nodes, weights, vec![value("x", &[samples, 3])], &["y"]))
}

fn samples(n: usize) -> ArrayD<f32> {
    Array::from_shape_fn(IxDyn(&[n, 3]), |at| ((at[0] * 7 + at[1] * 3) % 11) as f32 * 0.3 - 1.0)
}

fn run(graph: &Graph, layer: &str, feeds: &[Feed]) -> anyhow::Result<ArrayD<f32>> {
    let taps = graph.select(&[layer.to_string()])?;
    Ok(graph.runner(&taps)?.run(feeds)?.remove(0))
}

fn assert_close(a: &ArrayD<f32>, b: &ArrayD<f32>) {
    assert_eq!(a.shape(), b.shape());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6), "{a}\n{b}");
}

#[test]
fn an_unknown_operator_hurts_only_what_comes_after_it() {
    let graph = Graph::of(branched());
    let told: Vec<_> = graph.taps().iter().map(|t| (t.name.as_str(), t.blocked_by.as_deref(), t.is_output)).collect();
    let exotic = Some("Exotic");
    assert_eq!(told, [("a", None, false), ("b", exotic, false), ("c", exotic, true), ("y", None, true)]);
    assert_eq!(graph.unknown_operators()["Exotic"], ["/b"]);
    assert_eq!(graph.operators()["Tanh"], 1);
    assert_eq!(graph.taps()[3].shape_text(), "[batch, 2]");
    assert_eq!((graph.taps()[0].lower_saturation, graph.taps()[2].lower_saturation), (Some(0.0), Some(-1.0)));

    assert_eq!(graph.select(&[]).unwrap(), [0, 3]);
    for refused in ["b", "c", "/c"] {
        let message = graph.select(&[refused.into()]).unwrap_err().to_string();
        assert!(message.contains("comes after the operator Exotic, which is not known here"), "{message}");
        assert!(message.ends_with("what can be taken: a, y"), "{message}");
    }
    let values = graph.runner(&[0, 3]).unwrap().run(&[Feed::Real(array![[1.0, -2.0]].into_dyn())]).unwrap();
    assert_eq!(values[0], array![[1.0f32, 0.0]].into_dyn());
    assert_close(&values[1], &array![[1.0 / (1.0 + (-1f32).exp()), 0.5]].into_dyn());
    // Whoever goes past the selection is told by the engine.
    assert!(graph.runner(&[2]).and_then(|runner| runner.run(&[Feed::Real(samples(1))])).is_err());
    assert!(graph.runner(&[]).is_err());
}

#[test]
fn an_unknown_operator_within_a_branch_is_found() {
    let inner = GraphProto {
        node: vec![node("Exotic", &["x"], "i")],
        output: vec![value("i", &[-1, 2])],
        ..Default::default()
    };
    let attribute = AttributeProto { name: "then_branch".into(), g: Some(inner), ..Default::default() };
    let switch = NodeProto { attribute: vec![attribute], ..node("If", &["x"], "y") };
    let graph =
        Graph::of(model(vec![switch, node("Relu", &["x"], "z")], vec![], vec![value("x", &[-1, 2])], &["y", "z"]));
    assert_eq!(graph.taps()[0].blocked_by.as_deref(), Some("If"));
    assert_eq!(graph.select(&[]).unwrap(), [1]);
}

#[test]
fn only_what_a_value_depends_on_is_kept() {
    let kept = prune::keep(&branched(), &["y"]).graph.unwrap();
    assert_eq!(kept.node.iter().map(|n| n.output[0].as_str()).collect::<Vec<_>>(), ["a", "y"]);
    assert_eq!((kept.input.len(), kept.output.len(), kept.output[0].name.as_str()), (1, 1, "y"));
    let two = model(
        vec![node("Add", &["x", "w"], "a"), node("Add", &["z", "v"], "b")],
        vec![floats("w", &[1], &[1.0]), floats("v", &[1], &[2.0])],
        vec![value("x", &[-1, 2]), value("z", &[-1, 2])],
        &["a", "b"],
    );
    let kept = prune::keep(&two, &["b"]).graph.unwrap();
    assert_eq!((kept.initializer[0].name.as_str(), kept.input[0].name.as_str(), kept.input.len()), ("v", "z", 1));
}

#[test]
fn a_fixed_number_of_samples_makes_no_difference() {
    let (open, fixed) = (layers(-1), layers(3));
    let rows = samples(7);
    let expected = run(&open, "y", &[Feed::Real(rows.clone())]).unwrap();
    // By hand: the first sample, whose values are -1, -0.1 and 0.8.
    let units = [-0.5 - 0.025 - 0.6f32, 1.0 - 0.2 + 1.2];
    let share = 1.0 / (1.0 + (units[1] - units[0]).exp());
    assert!((expected[[0, 0]] - share).abs() < 1e-6 && (expected[[0, 1]] - (1.0 - share)).abs() < 1e-6, "{expected}");

    assert_close(&run(&fixed, "y", &[Feed::Real(rows.clone())]).unwrap(), &expected);
    for n in 0..7 {
        let one = rows.select(ndarray::Axis(0), &[n]);
        let own = expected.select(ndarray::Axis(0), &[n]);
        assert_close(&run(&fixed, "y", &[Feed::Real(one.clone())]).unwrap(), &own);
        assert_close(&run(&open, "y", &[Feed::Real(one)]).unwrap(), &own);
    }
    let absurd = run(&layers(1 << 40), "y", &[Feed::Real(rows)]).unwrap_err().to_string();
    assert!(absurd.contains("1099511627776 samples at a time, and at most 65536 are run"), "{absurd}");
}

#[test]
fn two_inputs_are_fed_in_their_order() {
    let two = |n| {
        let inputs = vec![value("x", &[n, 2]), value("z", &[n, 2])];
        Graph::of(model(vec![node("Sub", &["x", "z"], "y")], vec![], inputs, &["y"]))
    };
    let (x, z) = (Feed::Real(array![[5., 6.], [7., 8.]].into_dyn()), Feed::Real(array![[1., 2.], [3., 5.]].into_dyn()));
    assert_eq!(two(-1).inputs().iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["x", "z"]);
    for n in [-1, 2, 3] {
        let values = run(&two(n), "y", &[x.clone(), z.clone()]).unwrap();
        assert_eq!(values, array![[4f32, 4.], [4., 3.]].into_dyn(), "{n}");
    }
    let few = run(&two(-1), "y", std::slice::from_ref(&x)).unwrap_err().to_string();
    assert_eq!(few, "the graph has 2 input(s) (x, z), but 1 were given");
    let short = Feed::Real(array![[1., 2.]].into_dyn());
    let ragged = run(&two(3), "y", &[x, short]).unwrap_err().to_string();
    assert_eq!(ragged, "the graph's input z was given [1, 2], but the first one has 2 samples");
}

#[test]
fn what_does_not_fit_is_told() {
    let graph = layers(-1);
    let message = |shape: &[usize]| run(&graph, "y", &[Feed::Real(ArrayD::zeros(shape))]).unwrap_err().to_string();
    assert_eq!(message(&[5, 4]), "the graph's input x takes [batch, 3], but it was given [5, 4]");
    assert_eq!(message(&[5, 1, 3]), "the graph's input x takes [batch, 3], but it was given [5, 1, 3]");
    assert_eq!(message(&[0, 3]), "there are no samples");
    assert_eq!(message(&[]), "there are no samples");
    // Whole numbers are as good as others.
    let values = run(&graph, "product", &[Feed::Whole(array![[2i64, 0, 0]].into_dyn())]).unwrap();
    assert_eq!(values, array![[1.0f32, -2.0]].into_dyn());
}

#[test]
fn samples_are_folded_into_the_shape_of_an_input() {
    let input = |axes: &[i64]| {
        let model = model(vec![node("Relu", &["x"], "y")], vec![], vec![value("x", axes)], &["y"]);
        Graph::of(model).inputs()[0].clone()
    };
    let shape = |from: &[usize], axes: &[i64]| {
        fold(ArrayD::zeros(from), &input(axes)).map(|values| values.shape().to_vec()).map_err(|e| e.to_string())
    };
    assert_eq!(shape(&[5, 28, 28], &[-1, 1, 28, 28]), Ok(vec![5, 1, 28, 28]));
    assert_eq!(shape(&[5, 784], &[1, 1, 28, 28]), Ok(vec![5, 1, 28, 28]));
    assert_eq!(shape(&[5, 28, 28], &[-1, 784]), Ok(vec![5, 784]));
    assert_eq!(shape(&[5, 28, 28], &[-1, 1, -2, -2]), Ok(vec![5, 1, 28, 28]));
    assert_eq!(shape(&[5, 3], &[-1, 3]), Ok(vec![5, 3]));
    let told = "the samples have the shape [28, 28], but the network's input x takes [batch, 3, 28, 28]";
    assert_eq!(shape(&[5, 28, 28], &[-1, 3, 28, 28]), Err(told.into()));
    // An axis that is not said takes any length, but not with a known one of another beside it.
    assert!(shape(&[5, 28, 28], &[-1, -2, 784]).is_err());
    assert!(shape(&[5, 4], &[-1, i64::MAX, 8]).is_err());
    assert!(shape(&[], &[-1, 4]).is_err());
    // In their order: a row of the image stays a row.
    let image = Array::from_iter((0..6).map(|v| v as f32)).into_shape_with_order(IxDyn(&[1, 2, 3])).unwrap();
    assert_eq!(fold(image, &input(&[-1, 1, 2, 3])).unwrap()[[0, 0, 1, 0]], 3.0);
    assert_eq!(
        (input(&[-1, 4]).dtype, input(&[-1, 4]).shape),
        (Dtype::F32, Some(vec![Axis::Open("batch".into()), Axis::Known(4)]))
    );
}

#[test]
fn what_the_engine_does_not_bear_is_an_error() {
    let index = TensorProto {
        name: "i".into(),
        dims: vec![1],
        data_type: DataType::Int64 as i32,
        int64_data: vec![99],
        ..Default::default()
    };
    let gather = NodeProto {
        attribute: vec![AttributeProto {
            name: "axis".into(),
            r#type: AttributeType::Int as i32,
            i: 1,
            ..Default::default()
        }],
        ..node("Gather", &["x", "i"], "y")
    };
    let conv = NodeProto { attribute: vec![whole("strides", &[0, 0])], ..node("Conv", &["x", "w"], "y") };
    let pool = NodeProto {
        attribute: vec![whole("kernel_shape", &[2, 2]), whole("strides", &[0, 0])],
        ..node("MaxPool", &["x"], "y")
    };
    let kernel = floats("w", &[1, 1, 2, 2], &[1.0; 4]);
    for (name, node, tensors, axes) in [
        ("Gather", gather, vec![index], &[-1, 3][..]),
        ("Conv", conv, vec![kernel], &[-1, 1, 4, 4]),
        ("MaxPool", pool, vec![], &[-1, 1, 4, 4]),
        ("Reshape", self::node("Reshape", &["x", "s"], "y"), vec![floats("s", &[1], &[f32::NAN])], &[-1, 3]),
    ] {
        let graph = Graph::of(model(vec![node], tensors, vec![value("x", axes)], &["y"]));
        let shape: Vec<usize> = axes.iter().map(|&axis| usize::try_from(axis).unwrap_or(2)).collect();
        let result = graph.runner(&[0]).and_then(|runner| runner.run(&[Feed::Real(ArrayD::zeros(shape))]));
        assert!(result.is_err(), "{name}: {result:?}");
        assert!(!is_quiet(), "{name}");
    }
}

/// input → relu → scaled → tanh → y, with a hidden layer that is an output of the file besides.
fn noisy_pair(batch: i64) -> ModelProto {
    model(
        vec![node("Relu", &["input"], "r"), node("Add", &["r", "r"], "twice"), node("Tanh", &["twice"], "t")],
        vec![],
        vec![value("input", &[batch, 2])],
        &["r", "t"],
    )
}

#[test]
fn noise_goes_in_behind_hidden_activations() {
    // A graph for any number of samples, and one that was saved for two.
    for batch in [-1, 2] {
        let mut graph = Graph::of(noisy_pair(batch));
        graph.add_noise(false).unwrap();
        // Nothing takes t: it is the output.
        let names: Vec<(&str, usize)> = graph.noise_inputs().iter().map(|n| (n.layer.as_str(), n.index)).collect();
        assert_eq!(names, [("r", 0)]);
        let runner = graph.runner(&[0, 2]).unwrap();
        let inputs: Vec<&str> = runner.inputs().iter().map(|i| i.name.as_str()).collect();
        assert_eq!(inputs, ["input", "noise/r"]);
        let x = array![[1.0f32, -1.0], [0.5, 2.0], [-3.0, 0.0]].into_dyn();
        let noise = array![[0.1f32, -0.2], [0.0, 0.3], [0.25, 0.5]].into_dyn();
        let values = runner.run(&[Feed::Real(x.clone()), Feed::Real(noise.clone())]).unwrap();
        let r = x.mapv(|v| v.max(0.0)) + &noise;
        assert_close(&values[0], &r);
        assert_close(&values[1], &r.mapv(|v| (2.0 * v).tanh()));
    }
}

#[test]
fn relative_noise_multiplies() {
    let mut graph = Graph::of(noisy_pair(-1));
    graph.add_noise(true).unwrap();
    let x = array![[1.0f32, 2.0]].into_dyn();
    let factors = array![[1.5f32, 0.5]].into_dyn();
    let values = graph.runner(&[0]).unwrap().run(&[Feed::Real(x), Feed::Real(factors)]).unwrap();
    assert_close(&values[0], &array![[1.5, 1.0]].into_dyn());
}

#[test]
fn noise_needs_layers_of_known_size() {
    let pair = |axes: &[i64]| {
        let nodes = vec![node("Relu", &["input"], "r"), node("Tanh", &["r"], "t")];
        model(nodes, vec![], vec![value("input", axes)], &["t"])
    };
    let e = Graph::of(pair(&[-1, -2])).add_noise(false).unwrap_err().to_string();
    assert!(e.contains("every value of r") && e.contains("inputs of one size"), "{e}");
    assert!(Graph::of(pair(&[-1, 3])).add_noise(false).is_ok());
}
