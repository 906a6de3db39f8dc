//! Whole models, damaged ones, and weights in other files.

use super::blob::Blob;
use super::onnx::{fetch_external, model, open};
use super::onnx_check::check;
use super::{Dtype, Problem};
use std::path::Path;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataLocation;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, StringStringEntryProto, TensorProto,
    ValueInfoProto,
};

const SMALL: &[u8] = include_bytes!("fixtures/small.onnx");
const NESTED: &[u8] = include_bytes!("fixtures/nested.onnx");

const FLOAT: i32 = 1;
const INT64: i32 = 7;
const STRING: i32 = 8;
const BOOL: i32 = 9;
const HALF: i32 = 10;

fn node(operator: &str, takes: &[&str], makes: &[&str]) -> NodeProto {
    NodeProto {
        op_type: operator.into(),
        input: takes.iter().map(ToString::to_string).collect(),
        output: makes.iter().map(ToString::to_string).collect(),
        ..Default::default()
    }
}

fn value(name: &str) -> ValueInfoProto {
    ValueInfoProto { name: name.into(), ..Default::default() }
}

fn graph(node: Vec<NodeProto>, output: &str) -> GraphProto {
    GraphProto { node, input: vec![value("x")], output: vec![value(output)], ..Default::default() }
}

fn of(graph: GraphProto) -> ModelProto {
    ModelProto { graph: Some(graph), ..Default::default() }
}

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: FLOAT,
        float_data: values.to_vec(),
        ..Default::default()
    }
}

fn with(node: NodeProto, inner: GraphProto) -> NodeProto {
    let attribute = AttributeProto {
        name: "body".into(),
        r#type: AttributeType::Graph as i32,
        g: Some(inner),
        ..Default::default()
    };
    NodeProto { attribute: vec![attribute], ..node }
}

fn refusal(model: &ModelProto) -> String {
    check(model).unwrap_err().to_string()
}

/// What is said of a graph that is sound but for this.
fn of_graph(change: impl FnOnce(&mut GraphProto)) -> String {
    let mut graph = graph(vec![node("Relu", &["x"], &["a"]), node("Tanh", &["a"], &["y"])], "y");
    assert_eq!(check(&of(graph.clone())), Ok(()));
    change(&mut graph);
    refusal(&of(graph))
}

/// What is said of a tensor of two floats that is sound but for this.
fn of_tensor(change: impl FnOnce(&mut TensorProto)) -> Result<(), String> {
    let mut tensor = floats("w", &[2], &[1.0, 2.0]);
    change(&mut tensor);
    let graph = GraphProto { initializer: vec![tensor], ..graph(vec![node("Relu", &["x"], &["y"])], "y") };
    check(&of(graph)).map_err(|problem| problem.to_string())
}

#[test]
fn weights_and_texts_come_out() {
    let found = open(&Blob::of(SMALL.to_vec()), Path::new("small.onnx")).unwrap();
    assert_eq!(["producer", "opset", "ir_version"].map(|key| found.texts[key].as_str()), ["make_onnx", "17", "8"]);
    let read: Vec<_> = found.tensors.iter().map(|(name, t)| (name.as_str(), t.load().unwrap())).collect();
    assert_eq!(
        (read[0].0, &read[0].1.shape[..], &read[0].1.values[..]),
        ("w", &[3, 2][..], &[0., 1., 2., 3., 4., 5.][..])
    );
    assert_eq!((read[1].0, &read[1].1.values[..]), ("b", &[0.5, -0.5][..]));
    assert_eq!((read[2].0, read[2].1.dtype.as_str(), &read[2].1.values[..]), ("h", "F16", &[1.0, -2.0][..]));
    // An operator that nobody knows, within a branch, is no fault of the file.
    let nested = model(&Blob::of(NESTED.to_vec()), Path::new("nested.onnx")).unwrap();
    assert_eq!(nested.graph.unwrap().node[0].op_type, "If");
}

#[test]
fn a_graph_that_does_not_hold_together_is_refused() {
    assert!(refusal(&ModelProto::default()).ends_with("it has no graph"));
    assert!(of_graph(|g| g.output.clear()).ends_with("its graph has no outputs"));
    let sparse = SparseTensorProto { values: Some(floats("s", &[1], &[1.0])), ..Default::default() };
    assert!(
        of_graph(|g| g.sparse_initializer.push(sparse)).ends_with("its tensor s is sparse; save it as an ordinary one")
    );
    let two = vec![floats("w", &[1], &[1.0]), floats("w", &[1], &[2.0])];
    assert!(of_graph(|g| g.initializer = two).ends_with("two tensors are called w"));
    assert!(of_graph(|g| g.input.push(value("x"))).ends_with("two inputs are called x"));
    assert!(of_graph(|g| g.node.push(node("Relu", &["x"], &["a"]))).ends_with("the value a is made by two nodes"));
    let before = "is made by a node, though it is there before";
    assert!(of_graph(|g| g.node.push(node("Relu", &["a"], &["x"]))).ends_with(&format!("the value x {before}")));
    assert!(of_graph(|g| g.initializer = vec![floats("a", &[1], &[1.0])]).ends_with(&format!("the value a {before}")));
    assert!(of_graph(|g| drop(g.node.remove(0))).ends_with("the node y (Tanh) takes the value a, which nothing makes"));
    assert!(
        of_graph(|g| g.node[0].input[0] = "z".into())
            .ends_with("the node a (Relu) takes the value z, which nothing makes")
    );
    assert!(of_graph(|g| g.output[0].name = "z".into()).ends_with("nothing makes its output z"));
}

#[test]
fn a_circle_is_told_at_one_of_its_nodes() {
    let message = of_graph(|g| g.node[0] = NodeProto { name: "first".into(), ..node("Add", &["x", "y"], &["a"]) });
    assert!(message.ends_with("its graph goes in a circle, at the node first (Add)"), "{message}");
    assert!(of_graph(|g| g.node[0].input[0] = "a".into()).ends_with("in a circle, at the node a (Relu)"));
    // By a graph within a node, which takes what comes of that node.
    let branch = |takes: &str| GraphProto { input: vec![], ..graph(vec![node("Relu", &[takes], &["i"])], "i") };
    let message = of_graph(|g| g.node[0] = with(node("If", &["x"], &["a"]), branch("y")));
    assert!(message.ends_with("its graph goes in a circle, at the node a (If)"), "{message}");
    let deep = GraphProto { input: vec![], ..graph(vec![with(node("If", &["x"], &["j"]), branch("y"))], "j") };
    assert!(of_graph(|g| g.node[0] = with(node("If", &["x"], &["a"]), deep)).contains("at the node a (If)"));
    let echo = GraphProto { input: vec![], output: vec![value("y")], ..Default::default() };
    assert!(of_graph(|g| g.node[0] = with(node("If", &["x"], &["a"]), echo)).contains("at the node a (If)"));
    // What is the inner graph's own goes before a name outside.
    let own = GraphProto { input: vec![value("y")], ..branch("y") };
    let sound = graph(vec![with(node("Loop", &["x"], &["a"]), own), node("Tanh", &["a"], &["y"])], "y");
    assert_eq!(check(&of(sound)), Ok(()));
}

#[test]
fn graphs_within_graphs_are_checked_too() {
    let inner = |node: Vec<NodeProto>, output: &str| GraphProto { input: vec![], ..graph(node, output) };
    let outer = |inner| refusal(&of(graph(vec![with(node("If", &["x"], &["y"]), inner)], "y")));
    assert!(outer(inner(vec![node("Relu", &["z"], &["i"])], "i")).contains("the node i (Relu) takes the value z"));
    assert!(outer(inner(vec![], "z")).ends_with("nothing makes its output z"));
    let short = GraphProto { initializer: vec![floats("w", &[3], &[1.0])], ..inner(vec![], "w") };
    assert!(outer(short).contains("the tensor w of type F32 and shape [3]"));
    let nested = |levels: usize| {
        let mut whole = inner(vec![node("Relu", &["x"], &["i"])], "i");
        for level in 0..levels {
            let name = format!("v{level}");
            whole = inner(vec![with(node("If", &["x"], &[&name]), whole)], &name);
        }
        check(&of(GraphProto { input: vec![value("x")], ..whole }))
    };
    assert_eq!(nested(16), Ok(()));
    assert!(nested(17).unwrap_err().to_string().ends_with("graphs are nested beyond all measure"));
    let constant = NodeProto {
        attribute: vec![AttributeProto { t: Some(floats("c", &[2], &[1.0])), ..Default::default() }],
        ..node("Constant", &[], &["y"])
    };
    assert!(refusal(&of(graph(vec![constant], "y"))).contains("the tensor c of type F32"));
}

#[test]
fn a_tensor_has_the_values_of_its_shape_and_type() {
    let message = |change: &dyn Fn(&mut TensorProto)| of_tensor(change).unwrap_err();
    let size = message(&|t| {
        t.float_data.clear();
        t.raw_data = vec![0; 7];
    });
    assert!(size.ends_with("the tensor w of type F32 and shape [2] should have 8 bytes, but it has 7"), "{size}");
    assert!(message(&|t| t.float_data.push(3.0)).ends_with("should have 8 bytes, but it has 12"));
    assert!(message(&|t| t.dims = vec![-2]).ends_with("the tensor w has the negative shape [-2]"));
    assert!(
        message(&|t| t.raw_data = vec![0; 8])
            .ends_with("the tensor w has its values twice, in raw_data and float_data")
    );
    assert!(message(&|t| t.float_data.clear()).ends_with("the tensor w has no values"));
    assert!(message(&|t| t.dims = vec![i64::MAX, 3]).ends_with("the tensor w is beyond all measure"));
    assert!(message(&|t| t.data_type = 77).contains("values of type ONNX 77, which are not read"));
    assert!(
        message(&|t| t.data_type = STRING).contains("the tensor w holds values of type STRING, which are not read")
    );
    let wrong = message(&|t| {
        t.data_type = INT64;
        t.dims = vec![1];
        t.float_data.clear();
        t.int32_data = vec![1];
    });
    assert!(
        wrong.ends_with("the tensor w of type I64 has its values in int32_data, where no such values are"),
        "{wrong}"
    );
    let text = message(&|t| {
        t.dims = vec![0];
        t.float_data.clear();
        t.string_data = vec![b"a".to_vec()];
    });
    assert!(text.contains("has its values in string_data"), "{text}");
    assert!(message(&|t| t.data_location = Some(1)).ends_with("its tensor w, within a node, is in another file"));
    // No values are fine where none are asked for, and so are halves and truths in a field of 32 bits.
    for (data_type, dims, values) in
        [(FLOAT, vec![0, 5], vec![]), (HALF, vec![2], vec![1, 2]), (BOOL, vec![1], vec![1])]
    {
        let sound = of_tensor(|t| {
            *t = TensorProto { data_type, dims, int32_data: values, ..floats("w", &[], &[]) };
        });
        assert_eq!(sound, Ok(()), "{}", super::onnx::dtype_of(data_type));
    }
    assert_eq!(super::onnx::dtype_of(BOOL), Dtype::Bool);
}

/// Whatever byte is changed or cut: an error or a model, and never a panic.
#[test]
fn a_changed_byte_does_no_harm() {
    let path = Path::new("nowhere/x.onnx");
    for whole in [SMALL, NESTED] {
        for at in 0..whole.len() {
            let _ = open(&Blob::of(whole[..at].to_vec()), path);
            for flip in [0xff, 0x01, 0x80, 0x08] {
                let mut bytes = whole.to_vec();
                bytes[at] ^= flip;
                let Ok(found) = open(&Blob::of(bytes), path) else { continue };
                for (_, tensor) in found.tensors {
                    let _ = tensor.load();
                }
            }
        }
        assert!(open(&Blob::of(whole[..whole.len() - 1].to_vec()), path).is_err());
    }
}

/// Two floats that are said to be elsewhere, fetched.
fn fetched(folder: &Path, entries: &[(&str, &str)]) -> Result<Vec<f32>, String> {
    let external_data =
        entries.iter().map(|(k, v)| StringStringEntryProto { key: k.to_string(), value: v.to_string() }).collect();
    let data_location = Some(DataLocation::External as i32);
    let tensor = TensorProto { external_data, data_location, ..floats("w", &[2], &[]) };
    let graph = GraphProto { initializer: vec![tensor], ..graph(vec![node("Relu", &["x"], &["y"])], "y") };
    let mut model = of(graph);
    let message = |problem: Problem| problem.to_string();
    fetch_external(&mut model, &folder.join("model.onnx")).map_err(message)?;
    check(&model).map_err(message)?;
    let raw = &model.graph.unwrap().initializer[0].raw_data;
    Ok(raw.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect())
}

#[test]
fn weights_in_other_files_are_fetched_from_the_models_folder_only() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("model");
    std::fs::create_dir_all(folder.join("a")).unwrap();
    let values: Vec<u8> = [1f32, 2., 3.].iter().flat_map(|v| v.to_le_bytes()).collect();
    for place in ["model/w.bin", "model/a/w.bin", "x.bin"] {
        std::fs::write(dir.path().join(place), &values).unwrap();
    }
    let at = |location: &str| fetched(&folder, &[("location", location), ("length", "8")]);
    assert_eq!(fetched(&folder, &[("location", "w.bin"), ("offset", "4")]), Ok(vec![2., 3.]));
    for inside in ["w.bin", "./w.bin", "a/w.bin"] {
        assert_eq!(at(inside), Ok(vec![1., 2.]), "{inside}");
    }
    let absolute = dir.path().join("x.bin");
    for outside in ["../x.bin", "a/../../x.bin", "a/../w.bin", "..", "", absolute.to_str().unwrap()] {
        let message = at(outside).unwrap_err();
        assert!(message.contains("only files in the model's own folder are read"), "{outside}: {message}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&absolute, folder.join("link.bin")).unwrap();
        assert!(at("link.bin").unwrap_err().contains("only files in the model's own folder are read"));
        std::os::unix::fs::symlink(dir.path(), folder.join("out")).unwrap();
        assert!(at("out/x.bin").unwrap_err().contains("only files in the model's own folder are read"));
    }
    let missing = at("gone.bin").unwrap_err();
    assert!(
        missing.contains("its weights are in gone.bin, which cannot be read (") && missing.contains("copy that file")
    );
    assert!(at("a").unwrap_err().contains("it is a folder"));
}

#[test]
fn places_in_other_files_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("w.bin"), [0; 12]).unwrap();
    let message =
        |entries: &[(&str, &str)]| fetched(dir.path(), &[&[("location", "w.bin")], entries].concat()).unwrap_err();
    let beyond = message(&[("offset", "8"), ("length", "8")]);
    assert!(beyond.ends_with("the tensor w should be bytes 8 to 16 of w.bin, which has 12"), "{beyond}");
    let largest = u64::MAX.to_string();
    assert!(message(&[("offset", &largest), ("length", "8")]).contains("should be bytes"));
    assert!(
        message(&[("length", "4")])
            .ends_with("the tensor w of shape [2] takes 4 bytes in w.bin, which is not its length")
    );
    assert!(message(&[]).contains("takes 12 bytes in w.bin"));
    assert!(message(&[("offset", "99")]).contains("takes 0 bytes in w.bin"));
    assert!(message(&[("offset", "four")]).ends_with("the offset of the tensor w is \"four\""));
    assert!(message(&[("length", "-8")]).ends_with("the length of the tensor w is \"-8\""));
    assert!(fetched(dir.path(), &[("offset", "0")]).unwrap_err().contains("but no file is named"));
}

#[test]
fn the_same_bytes_are_not_fetched_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("w.bin"), vec![0; 1 << 20]).unwrap();
    let tensor = |index: usize| TensorProto {
        external_data: vec![StringStringEntryProto { key: "location".into(), value: "w.bin".into() }],
        data_location: Some(DataLocation::External as i32),
        ..floats(&format!("w{index}"), &[1 << 18], &[])
    };
    let fetch = |tensors: usize| {
        let initializer = (0..tensors).map(tensor).collect();
        let graph = GraphProto { initializer, ..graph(vec![node("Relu", &["x"], &["y"])], "y") };
        fetch_external(&mut of(graph), &dir.path().join("model.onnx"))
    };
    assert_eq!(fetch(5), Ok(()));
    let message = fetch(6).unwrap_err().to_string();
    assert!(message.contains("its tensors take 6291456 bytes from files that have 1048576"), "{message}");
}
