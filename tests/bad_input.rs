//! Bad input: refused with a message that names the file, what was found and what to do; nothing half-written.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, fixture, narrows};
use std::fs;
use std::path::Path;

struct Case {
    dir: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path().join(name), bytes).unwrap();
        self
    }

    /// Runs `narrows plane` on the fixture with some arguments replaced; yields the message and checks that no folder
    /// of results was made.
    fn plane(&self, replaced: &[(&str, &str)]) -> String {
        let defaults = [
            ("--checkpoints", fixture("epoch_00003.safetensors")),
            ("--arch", fixture("architecture.json")),
            ("--inputs", fixture("inputs.csv")),
            ("--label-column", "label".into()),
            ("--out", "out".into()),
        ];
        let mut arguments = vec!["plane".to_string()];
        for (option, default) in &defaults {
            // An empty value leaves the option out.
            let value = replaced.iter().find(|(o, _)| o == option).map_or(default.as_str(), |(_, v)| v);
            if !value.is_empty() {
                arguments.extend([option.to_string(), value.to_string()]);
            }
        }
        for (option, value) in replaced.iter().filter(|(o, _)| defaults.iter().all(|(d, _)| d != o)) {
            arguments.push(option.to_string());
            arguments.extend((!value.is_empty()).then(|| value.to_string()));
        }
        let message = failure(narrows(self.path()).args(&arguments), 1);
        assert!(!self.path().join("out").exists(), "something was written: {message}");
        assert!(message.starts_with("narrows: error: "), "{message}");
        message
    }
}

fn contains(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A safetensors file of 32-bit tensors.
fn safetensors(tensors: &[(&str, &[usize], Vec<f32>)]) -> Vec<u8> {
    let mut end = 0;
    let entries: Vec<String> = tensors
        .iter()
        .map(|(name, shape, values)| {
            let begin = end;
            end += 4 * values.len();
            format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{begin},{end}]}}"#)
        })
        .collect();
    let header = format!("{{{}}}", entries.join(","));
    let data: Vec<u8> = tensors.iter().flat_map(|(_, _, v)| floats(v)).collect();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

#[test]
fn a_missing_empty_or_truncated_checkpoint() {
    let case = Case::new();
    contains(&case.plane(&[("--checkpoints", "gone.pt")]), &["gone.pt", "no such file"]);
    contains(&case.write("a.pt", b"").plane(&[("--checkpoints", "a.pt")]), &["a.pt", "empty"]);
    for name in ["epoch_00003.safetensors", "epoch_00003.pt"] {
        let whole = fs::read(fixture(name)).unwrap();
        for part in [2, 3, 10] {
            case.write(name, &whole[..whole.len() - whole.len() / part]);
            contains(&case.plane(&[("--checkpoints", name)]), &[name, "damaged or truncated"]);
        }
    }
    contains(
        &case.write("b.npz", b"PK\x03\x04").plane(&[("--checkpoints", "b.npz")]),
        &["b.npz", "damaged or truncated npz"],
    );
}

#[test]
fn a_pickle_with_code_in_it() {
    // A zip as PyTorch writes it, whose pickle would call os.system if anybody executed it.
    let case = Case::new();
    let marker = case.path().join("executed");
    let pickle = format!("\x02cos\nsystem\n(Vtouch {}\ntR.", marker.display());
    let pickle = [&[0x80], pickle.as_bytes()].concat();
    let mut writer = zip::ZipWriter::new(fs::File::create(case.path().join("evil.pt")).unwrap());
    writer.start_file("evil/data.pkl", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut writer, &pickle).unwrap();
    writer.finish().unwrap();
    contains(
        &case.plane(&[("--checkpoints", "evil.pt")]),
        &["evil.pt", "the Python class os.system", "nothing is ever executed", "torch.save(model.state_dict()"],
    );
    assert!(!marker.exists());
}

#[test]
fn shapes_that_do_not_fit_the_architecture() {
    let case = Case::new();
    case.write("arch.toml", "layers = [4, 5, 2]\nactivation = \"tanh\"");
    contains(&case.plane(&[("--arch", "arch.toml")]), &["epoch_00003.safetensors", "4-5-2", "[3, 4]", "[5, 4]"]);
    case.write("deep.toml", "layers = [4, 3, 3, 2]\nactivation = \"tanh\"");
    contains(&case.plane(&[("--arch", "deep.toml")]), &["2 two-dimensional", "3 are expected", "0.weight [3, 4]"]);
    case.write("wide.csv", "a,b,label\n1,2,0\n3,4,1\n");
    contains(&case.plane(&[("--inputs", "wide.csv")]), &["2 features", "takes 4"]);
    case.write("conv.safetensors", safetensors(&[("conv.weight", &[1, 1, 2, 2], vec![0.0; 4])]));
    contains(&case.plane(&[("--checkpoints", "conv.safetensors")]), &["conv.safetensors", "does not hold the network"]);
    contains(&case.plane(&[("--arch", "")]), &["does not say what network", "--arch FILE"]);
    case.write("bad.toml", "layers = [4, 3]\nactivation = \"swish\"");
    contains(&case.plane(&[("--arch", "bad.toml")]), &["bad.toml", "unknown variant `swish`", "expected a file like"]);
}

#[test]
fn labels_that_do_not_go_with_the_inputs() {
    let case = Case::new();
    case.write("inputs.csv", "1,2,3,4\n5,6,7,8\n9,1,2,3\n").write("labels.csv", "0\n1\n");
    let files = [("--inputs", "inputs.csv"), ("--label-column", ""), ("--labels", "labels.csv")];
    contains(&case.plane(&files), &["inputs.csv", "labels.csv", "3 inputs but 2 labels"]);
    contains(
        &case.plane(&[("--label-column", "lable")]),
        &["inputs.csv", "no column \"lable\"", "b0, b1, b2, b3, label"],
    );
    contains(&case.plane(&[("--label-column", "")]), &["without labels", "--label-column"]);
    case.write("one.csv", "1,2,3,4,7\n5,6,7,8,7\n");
    contains(
        &case.plane(&[("--inputs", "one.csv"), ("--label-column", "5")]),
        &["one.csv", "all 2 labels are 7", "two classes"],
    );
    case.write("single.csv", "1,2,3,4,7\n");
    contains(
        &case.plane(&[("--inputs", "single.csv"), ("--label-column", "5")]),
        &["single.csv", "at least two samples"],
    );
}

#[test]
fn values_that_are_no_numbers() {
    let case = Case::new();
    case.write("nan.csv", "1,2,3,4,0\n5,nan,7,inf,1\n");
    contains(
        &case.plane(&[("--inputs", "nan.csv"), ("--label-column", "5")]),
        &["nan.csv", "2 input value(s) are not finite", "NaN at row 2, column 2"],
    );
    let mut weights = vec![0.5; 12];
    weights[7] = f32::INFINITY;
    case.write(
        "inf.safetensors",
        safetensors(&[
            ("0.weight", &[3, 4], weights),
            ("0.bias", &[3], vec![0.0; 3]),
            ("2.weight", &[2, 3], vec![0.5; 6]),
            ("2.bias", &[2], vec![0.0; 2]),
        ]),
    );
    contains(&case.plane(&[("--checkpoints", "inf.safetensors")]), &["inf.safetensors", "0.weight", "inf at [1, 3]"]);
}

#[test]
fn a_csv_that_is_not_a_table_of_numbers() {
    let case = Case::new();
    case.write("ragged.csv", "a,b,label\n1,2,0\n3,1\n");
    contains(&case.plane(&[("--inputs", "ragged.csv")]), &["ragged.csv", "line 3 has 2 fields", "3 are expected"]);
    case.write("text.csv", "a,b,label\n1,2,0\n3,many,1\n");
    contains(
        &case.plane(&[("--inputs", "text.csv")]),
        &["text.csv", "line 3, column 2 (b)", "\"many\" is not a number"],
    );
    contains(&case.write("none.csv", "").plane(&[("--inputs", "none.csv")]), &["none.csv", "empty"]);
    contains(&case.plane(&[("--inputs", "mnist")]), &["mnist", "built in are digits, twelve-bit"]);
}

#[test]
fn a_folder_that_holds_something_already() {
    let case = Case::new();
    let run = |more: &[&str]| {
        let mut arguments = common::plane_of("epoch_00003.pt", &case.path().join("run"));
        arguments.extend(more.iter().map(|m| m.to_string()));
        arguments
    };
    narrows(case.path()).args(run(&[])).succeeds();
    let before = fs::read(case.path().join("run/plane.csv")).unwrap();
    contains(
        &failure(narrows(case.path()).args(run(&[])), 1),
        &["run", "already holds a complete run", "--force", "--resume"],
    );
    assert_eq!(fs::read(case.path().join("run/plane.csv")).unwrap(), before);
    narrows(case.path()).args(run(&["--force", "--unit", "nats"])).succeeds();
    assert_ne!(fs::read(case.path().join("run/plane.csv")).unwrap(), before);
    fs::create_dir(case.path().join("mine")).unwrap();
    case.write("mine/thesis.tex", "x");
    contains(&case.plane(&[("--out", "mine"), ("--force", "")]), &["mine", "not a run of narrows", "left alone"]);
    contains(&case.plane(&[("--out", "mine/thesis.tex")]), &["thesis.tex", "is a file"]);
    assert!(case.path().join("mine/thesis.tex").exists());
}

#[test]
fn wrong_usage_exits_with_two() {
    let case = Case::new();
    let usage = |arguments: &[&str]| failure(narrows(case.path()).args(arguments), 2);
    contains(&usage(&["plane"]), &["--checkpoints"]);
    contains(
        &usage(&["plane", "--checkpoints", "x", "-e", "ksgg"]),
        &["no estimator is called 'ksgg'", "binning, adaptive, equal-mass, kde"],
    );
    contains(
        &usage(&["plane", "--checkpoints", "x", "-e", "kde:sigma=1"]),
        &["no parameter 'sigma'", "variance, scale"],
    );
    contains(&usage(&["plane", "--checkpoints", "x", "-e", "binning:bins=0"]), &["bins = 0", "at least 1"]);
    contains(&usage(&["plane", "--checkpoints", "x", "--samples", "1"]), &["--samples", "2"]);
    contains(&usage(&["demo", "--force", "--resume"]), &["cannot be used with"]);
    contains(&usage(&["plaen"]), &["plaen", "plane"]);
    assert_eq!(fs::read_dir(case.path()).unwrap().count(), 0);
}

#[test]
fn a_config_that_cannot_be_used() {
    let case = Case::new();
    let refuse = |text: &str| {
        case.write("c.toml", text);
        failure(narrows(case.path()).args(["train", "c.toml", "--out", "out"]), 1)
    };
    contains(&refuse("network.hidden = [3]\ntraining.epocs = 4"), &["c.toml", "unknown field `epocs`", "epochs"]);
    contains(&refuse("seeds = [1]"), &["c.toml", "network"]);
    contains(&refuse("network.hidden = [3]\ntraining.dropout = 2.0"), &["training.dropout = 2", "[0, 1)"]);
    contains(
        &refuse(
            "network = { hidden = [3], activation = \"relu\" }\ntraining.optimiser = { kind = \"sgd\", learning_rate = 1e38 }",
        ),
        &["diverged", "learning_rate"],
    );
    contains(&failure(narrows(case.path()).args(["train", "gone.toml"]), 1), &["gone.toml", "No such file"]);
    contains(&failure(narrows(case.path()).args(["report", "gone"]), 1), &["gone", "no manifest.json"]);
}

#[test]
fn errors_are_json_where_json_is_asked_for() {
    let case = Case::new();
    let output = narrows(case.path()).args(["report", "gone", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(value["error"].as_str().unwrap().contains("gone"));
}
