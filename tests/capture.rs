//! `narrows inspect` and `narrows capture`, and what `narrows plane` makes of a capture.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, fixture, narrows, plane_of, rows, shared};
use std::fs;
use std::path::Path;

/// Arguments of a capture of the fixture's three checkpoints.
fn capture_of(out: &str, more: &[&str]) -> Vec<String> {
    let checkpoints = fixture("*.safetensors");
    let (arch, inputs) = (fixture("architecture.json"), fixture("inputs.csv"));
    let arguments = ["capture", "--checkpoints", &checkpoints, "--arch", &arch, "--inputs", &inputs];
    arguments.iter().chain(&["--label-column", "label", "--out", out]).chain(more).map(ToString::to_string).collect()
}

fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .filter(|p| p.is_file())
        .map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), fs::read(p).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_capture_traces_to_the_same_plane_as_its_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("direct");
    narrows(dir.path()).args(plane_of("epoch_00003.safetensors", &out)).succeeds();
    for format in ["safetensors", "npz"] {
        let folder = format!("captured-{format}");
        narrows(dir.path()).args(capture_of(&folder, &["--format", format])).succeeds();
        let table = rows(&dir.path().join(&folder).join("activations.csv"));
        assert!(table.iter().all(|r| r["n_samples"] == "16" && r["dtype"] == "float32"), "{table:?}");
        let dump = dir.path().join(&folder).join(table.iter().find(|r| r["epoch"] == "3").unwrap()["file"].clone());
        let plane = format!("plane-{format}");
        let mut arguments = vec!["plane".into(), "--checkpoints".to_string(), dump.display().to_string()];
        if format == "npz" {
            // The names of an npz say less than a captured file does; its labels are beside it all the same.
            arguments.extend(["--run-name".into(), "x".into()]);
        }
        for estimator in ["binning:width=0.07", "kde:variance=1e-3", "kde-lower:variance=1e-3"] {
            arguments.extend(["--estimator".into(), estimator.into()]);
        }
        narrows(dir.path()).args(arguments).args(["--out", &plane]).succeeds();
        let values = |path: &Path| -> Vec<(String, String, String)> {
            rows(path).into_iter().map(|r| (r["layer"].clone(), r["quantity"].clone(), r["value"].clone())).collect()
        };
        assert_eq!(values(&dir.path().join(plane).join("plane.csv")), values(&out.join("plane.csv")), "{format}");
    }
}

#[test]
fn threads_and_kills_change_no_byte() {
    let dir = tempfile::tempdir().unwrap();
    narrows(dir.path()).args(capture_of("whole", &["--batch", "2"])).succeeds();
    narrows(dir.path()).args(capture_of("one", &["--batch", "2", "--threads", "1"])).succeeds();
    let whole = files_of(&dir.path().join("whole/activations"));
    assert!(!whole.is_empty());
    assert!(whole == files_of(&dir.path().join("one/activations")));
    // A run as a kill leaves it: nothing but the ledger of some batches, and their file.
    for kill in [3, 8, 20, 45] {
        let mut child = narrows(dir.path())
            .args(capture_of("killed", &["--batch", "1", "--format", "npz"]))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(kill));
        let _ = child.kill();
        child.wait().unwrap();
        narrows(dir.path()).args(capture_of("killed", &["--batch", "1", "--format", "npz", "--resume"])).succeeds();
        narrows(dir.path()).args(capture_of("unkilled", &["--batch", "1", "--format", "npz", "--force"])).succeeds();
        let (a, b) = (dir.path().join("killed"), dir.path().join("unkilled"));
        assert!(files_of(&a.join("activations")) == files_of(&b.join("activations")), "killed after {kill} ms");
        assert_eq!(fs::read(a.join("activations.csv")).unwrap(), fs::read(b.join("activations.csv")).unwrap());
        assert!(!a.join(".resume").exists());
        fs::remove_dir_all(a).unwrap();
    }
}

#[test]
fn what_is_captured_is_pooled_sampled_and_halved() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("arch.toml"), "input = [1, 4, 4]\n[[module]]\nkind = \"conv\"\nname = \"c\"\nactivation = \"relu\"\n[[module]]\nkind = \"flatten\"\nname = \"f\"\n").unwrap();
    // One filter of 2 × 2 that adds up its window.
    let header = r#"{"c.weight":{"dtype":"F32","shape":[1,1,2,2],"data_offsets":[0,16]},"c.bias":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}"#;
    let values = [1.0f32, 1.0, 1.0, 1.0, 0.0].iter().flat_map(|v| v.to_le_bytes());
    let file: Vec<u8> = (header.len() as u64).to_le_bytes().into_iter().chain(header.bytes()).chain(values).collect();
    fs::write(dir.path().join("epoch_2.safetensors"), file).unwrap();
    // Three images of 4 × 4 in the IDX format, the sum of whose first window is 0, 8 and 4.
    let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 4];
    for level in [0u8, 2, 1] {
        idx.extend([level; 16]);
    }
    fs::write(dir.path().join("images"), idx).unwrap();
    let run = |out: &str, more: &[&str]| {
        narrows(dir.path())
            .args(["capture", "--checkpoints", "epoch_2.safetensors", "--arch", "arch.toml", "--inputs", "images"])
            .args(["--scale", "1", "--layers", "c.relu", "--out", out])
            .args(more)
            .succeeds();
        let bytes = fs::read(dir.path().join(out).join("activations/epoch_2.safetensors")).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        (String::from_utf8(bytes[8..8 + header].to_vec()).unwrap(), bytes[8 + header..].to_vec())
    };
    let (header, values) = run("kept", &[]);
    assert!(header.contains(r#""shape":[3,1,3,3]"#) && header.contains(r#""epoch":"2""#), "{header}");
    assert_eq!(values.len(), 3 * 9 * 4);
    let (header, values) = run("mean", &["--pool", "mean"]);
    assert!(header.contains(r#""shape":[3,1]"#), "{header}");
    let floats: Vec<f32> = values.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    assert_eq!(floats, [0.0, 8.0, 4.0]);
    let (header, values) = run("half", &["--pool", "max", "--dtype", "f16", "--samples", "2", "--seed", "1"]);
    assert!(header.contains(r#""dtype":"F16","shape":[2,1]"#) && values.len() == 4, "{header}");
    let sampled = rows(&dir.path().join("half/samples.csv"));
    assert_eq!(sampled.len(), 2);

    let inspected = |arch: &str| {
        let output =
            narrows(dir.path()).args(["inspect", "epoch_2.safetensors", "--arch", arch, "--no-values"]).succeeds();
        String::from_utf8(output.stdout).unwrap()
    };
    let text = inspected("arch.toml");
    assert!(text.contains("c.weight") && text.contains("3 layer(s) that can be taken"), "{text}");
    fs::write(dir.path().join("other.toml"), "input = [1, 4, 4]\n[[module]]\nkind = \"conv\"\nname = \"d\"\n").unwrap();
    let text = inspected("other.toml");
    assert!(text.contains("unused: c.weight [1, 1, 2, 2]") && text.contains("missing: d.weight"), "{text}");
    assert!(text.contains("the network cannot be run: "), "{text}");

    let fails = |more: &[&str], parts: &[&str]| {
        let mut command = narrows(dir.path());
        command
            .args(["capture", "--checkpoints", "epoch_2.safetensors", "--inputs", "images", "--out", "no"])
            .args(more);
        let message = failure(&mut command, 1);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert!(!dir.path().join("no").exists());
    };
    fails(&[], &["epoch_2.safetensors does not say what network it belongs to: give --arch FILE"]);
    fails(
        &["--arch", "arch.toml", "--layers", "d*"],
        &["no layer of epoch_2.safetensors is called so; it has: c, c.relu, f"],
    );
    fails(&["--arch", "arch.toml", "--max-memory", "1M"], &["--max-memory 1 MB: the program takes", "allow at least"]);
    fails(
        &["--arch", "arch.toml", "--resize", "5"],
        &["the samples have the shape [5, 5]", "input takes [batch, 1, 4, 4]"],
    );
}

#[test]
fn a_file_is_inspected() {
    let dir = tempfile::tempdir().unwrap();
    let file = fixture("epoch_00003.safetensors");
    let text = String::from_utf8(narrows(dir.path()).args(["inspect", &file]).succeeds().stdout).unwrap();
    assert!(text.contains("safetensors") && text.contains("epoch 3") && text.contains("weight"), "{text}");
    let json = narrows(dir.path()).args(["inspect", &file, "--json", "--tensors", "*.bias"]).succeeds().stdout;
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((value["schema"].as_str(), value["tensors"].as_array().unwrap().len()), (Some("narrows-inspect/1"), 2));
    assert_eq!(value["tensors"][0]["nan"], 0);
    let message = failure(narrows(dir.path()).args(["inspect", &file, "--tensors", "nothing*"]), 1);
    assert!(message.contains("has no tensor that matches nothing*"), "{message}");
    fs::write(dir.path().join("cut.onnx"), [0x08, 0x08, 0x3a, 0x7f, 0x0a]).unwrap();
    let message = failure(narrows(dir.path()).args(["inspect", "cut.onnx"]), 1);
    assert!(
        message.contains("cut.onnx: a damaged or truncated ONNX file: the field at byte 2 should have 127 bytes"),
        "{message}"
    );
}

#[test]
fn real_graphs_yield_what_pytorch_stored_where_they_are_at_hand() {
    let Some(models) = shared("torch/cnn-mnist") else { return };
    let dir = tempfile::tempdir().unwrap();
    let images = shared("mnist-test/t10k-images-idx3-ubyte.gz").unwrap().display().to_string();
    let arch = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/arch/cnn-mnist.toml").display().to_string();
    for (ending, layers) in [
        ("onnx", ["/Relu_2_output_0", "/Relu_3_output_0", "logits"]),
        ("pt", ["conv3.relu", "fc1.relu", "fc2"]),
        ("safetensors", ["conv3.relu", "fc1.relu", "fc2"]),
    ] {
        for epoch in ["00", "06", "12"] {
            let model = models.join(format!("epoch_{epoch}.{ending}")).display().to_string();
            let mut arguments = vec!["capture", "--checkpoints", &model, "--inputs", &images, "--out", "o", "--force"];
            arguments.extend(["--format", "npz", "--batch", "200"]);
            if ending != "onnx" {
                arguments.extend(["--arch", &arch]);
            }
            let layers_joined = layers.join(",");
            arguments.extend(["--layers", &layers_joined]);
            narrows(dir.path()).args(&arguments).succeeds();
            let read = |path: &Path| narrows_datasets::load::npz::read(&fs::read(path).unwrap()).unwrap();
            let found = read(&dir.path().join(format!("o/activations/epoch_{epoch}.npz")));
            let stored = read(&models.join(format!("epoch_{epoch}.activations.npz")));
            for (layer, name) in layers.iter().zip(["conv3", "fc1", "logits"]) {
                let of = |arrays: &[(String, narrows_datasets::load::npy::NpyArray)], name: &str| {
                    arrays.iter().find(|(n, _)| n == name).unwrap().1.values.clone()
                };
                let (a, b) = (of(&found, layer.trim_start_matches('/')), of(&stored, name));
                let worst = a.iter().zip(&b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
                assert!(worst < 1e-4, "{ending} {epoch} {name}: {worst}");
            }
        }
    }
}
