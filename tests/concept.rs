//! `narrows concept`: what it writes, what it refuses, and that a fitted bottleneck comes back.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, narrows, rows};
use std::fmt::Write;
use std::path::Path;

/// Two features, two concepts (their signs), three classes; the last line of each is odd where a test makes it so.
struct Files {
    dir: tempfile::TempDir,
}

const SAMPLES: usize = 60;

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = Self { dir };
        let (mut e, mut l, mut c) = (String::from("a,b,c\n"), String::from("class\n"), String::from("red,big\n"));
        for i in 0..SAMPLES {
            let wave = |k: usize| ((i * 37 + k * 17) % 29) as f64 / 14.0 - 1.0;
            let (x, y) = (wave(0), wave(5));
            writeln!(e, "{x},{y},{}", x - y).unwrap();
            writeln!(l, "{}", ["none", "one", "two"][usize::from(x > 0.0) + usize::from(y > 0.0)]).unwrap();
            writeln!(c, "{},{}", u8::from(x > 0.0), u8::from(y > 0.0)).unwrap();
        }
        files.write("e.csv", &e);
        files.write("l.csv", &l);
        files.write("c.csv", &c);
        files
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Replaces one line, counted from 0, of a file.
    fn spoil(&self, name: &str, line: usize, by: &str) {
        let text = self.read(name);
        let lines: Vec<&str> = text.lines().enumerate().map(|(i, l)| if i == line { by } else { l }).collect();
        self.write(name, &(lines.join("\n") + "\n"));
    }

    /// The usual arguments, with those of `more` in the place of their namesakes.
    fn fit(&self, more: &[&str]) -> std::process::Command {
        let usual = [
            ("--embeddings", "e.csv"),
            ("--labels", "l.csv"),
            ("--concepts", "c.csv"),
            ("--builder", "linear-probe"),
            ("--out", "o"),
        ];
        let mut command = narrows(self.path());
        command.args(["concept", "fit"]);
        for (key, value) in usual.iter().filter(|(key, _)| !more.contains(key)) {
            command.args([key, value]);
        }
        command.args(more);
        command
    }
}

#[test]
fn a_fit_writes_its_tables_and_comes_back() {
    let files = Files::new();
    files.fit(&[]).succeeds();
    let out = files.path().join("o");
    let metrics = rows(&out.join("metrics.csv"));
    let accuracy = metrics.iter().find(|r| r["metric"] == "accuracy" && r["split"] == "test").unwrap();
    let value: f64 = accuracy["value"].parse().unwrap();
    let chance: f64 = accuracy["chance"].parse().unwrap();
    assert!(value > chance, "{value} is no better than {chance}");
    let predictions = rows(&out.join("predictions.csv"));
    assert_eq!(predictions.len(), SAMPLES);
    let test: Vec<_> = predictions.iter().filter(|r| r["split"] == "test").collect();
    let right = test.iter().filter(|r| r["label"] == r["predicted"]).count();
    assert_eq!(right as f64 / test.len() as f64, value, "the tables disagree");
    // The same predictions come from the saved model.
    narrows(files.path()).args(["concept", "predict", "o", "--embeddings", "e.csv", "--out", "p"]).succeeds();
    let again = rows(&files.path().join("p/predictions.csv"));
    assert!(again.iter().zip(&predictions).all(|(a, b)| a["probability"] == b["probability"]));
    // Contributions add up to the score that the margin is of.
    narrows(files.path()).args(["concept", "explain", "o", "--sample", "7", "--out", "x"]).succeeds();
    let contributions = rows(&files.path().join("x/contributions.csv"));
    assert!(contributions.iter().all(|r| r["sample"] == "7" && r["class"] == predictions[6]["predicted"]));
    assert!(out.join("report.html").exists() && out.join("figures/concept_weights_linear-probe.png").exists());
}

#[test]
fn the_same_command_gives_the_same_bytes() {
    let files = Files::new();
    files.fit(&[]).succeeds();
    files.fit(&["--out", "o2"]).succeeds();
    for name in ["metrics.csv", "weights.csv", "predictions.csv", "model.json", "model.safetensors"] {
        assert_eq!(files.read_bytes("o", name), files.read_bytes("o2", name), "{name}");
    }
}

impl Files {
    fn read_bytes(&self, folder: &str, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(folder).join(name)).unwrap()
    }
}

#[test]
fn bad_files_are_refused_by_name_and_nothing_is_written() {
    let check = |spoil: &dyn Fn(&Files), more: &[&str], wanted: &[&str]| {
        let files = Files::new();
        spoil(&files);
        let message = failure(&mut files.fit(more), 1);
        for part in wanted {
            assert!(message.contains(part), "'{part}' is not in: {message}");
        }
        assert!(!files.path().join("o").exists(), "something was written: {message}");
    };
    check(&|f| f.write("l.csv", "class\nnone\none\n"), &[], &["e.csv has 60 rows and l.csv has 2 labels"]);
    check(&|f| f.write("c.csv", "red,big\n1,0\n"), &[], &["60 embeddings and 1 rows of concepts"]);
    check(&|f| f.spoil("c.csv", 0, "red,red"), &[], &["c.csv", "'red' is there twice"]);
    check(&|f| f.spoil("c.csv", 4, "2,0"), &[], &["'red', row 4", "2 is no label"]);
    check(&|f| f.spoil("c.csv", 4, "maybe,0"), &[], &["line 5, column 'red'", "maybe"]);
    check(&|f| f.spoil("e.csv", 3, "1,NaN,2"), &[], &["row 3, column 2", "NaN"]);
    check(&|f| f.spoil("e.csv", 3, "1,,2"), &[], &["e.csv", "line 4", "missing"]);
    check(&|f| f.write("n.txt", "red\n"), &["--concept-names", "n.txt"], &["names for 2 columns of concepts: 1 found"]);
    check(&|f| f.write("v.csv", "1,0\n0,1\n"), &["--concept-vectors", "v.csv"], &["v.csv", "2 found, 3 expected"]);
    check(&|f| f.write("v.csv", "1,0,0\n0,0,0\n"), &["--concept-vectors", "v.csv"], &["v.csv", "'big' is zero"]);
    check(&|f| f.write("k.csv", "1,0,0\n0,1,0\n"), &["--class-vectors", "k.csv"], &["k.csv", "2 found, 3 expected"]);
    check(&|_| (), &["--labels", "nowhere.csv"], &["nowhere.csv"]);
    check(&|_| (), &["--builder", "linear"], &["did you mean linear-probe?"]);
    check(&|_| (), &["--builder", "linear-probe:lambda=-1"], &["lambda = -1", "negative"]);
    check(&|_| (), &["--split-column", "fold"], &["there is no column fold"]);
    check(&|_| (), &["--builder", "sparse-l1"], &["sparse-l1 needs concept vectors (--concept-vectors)"]);
}

#[test]
fn concepts_that_cannot_be_learned_are_left_out_or_refused() {
    let files = Files::new();
    let text = files.read("c.csv");
    let constant: Vec<String> =
        text.lines().enumerate().map(|(i, l)| if i == 0 { format!("{l},odd") } else { format!("{l},0") }).collect();
    files.write("c.csv", &(constant.join("\n") + "\n"));
    let output = files.fit(&["--json"]).succeeds();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("odd (never present)"), "{told}");
    let refused = failure(&mut files.fit(&["--strict", "--force"]), 1);
    assert!(refused.contains("odd (never present)") && refused.contains("--strict"), "{refused}");
}

#[test]
fn missing_labels_and_absent_classes_are_told() {
    let files = Files::new();
    files.spoil("c.csv", 3, ",1");
    files.spoil("c.csv", 5, "NA,?");
    files.write("k.txt", "none\none\ntwo\nthree\n");
    let output = files.fit(&["--json", "--class-names", "k.txt", "--train-first", "0.9"]).succeeds();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("3 of 108 concept labels"), "{told}");
    assert!(told.contains("no training sample") && told.contains("three"), "{told}");
}

#[test]
fn a_model_refuses_what_is_not_its_own() {
    let files = Files::new();
    files.fit(&[]).succeeds();
    files.write("wide.csv", "1,2,3,4\n5,6,7,8\n");
    let predict = |e: &str, model: &str| {
        failure(narrows(files.path()).args(["concept", "predict", model, "--embeddings", e, "--out", "p"]), 1)
    };
    assert!(predict("wide.csv", "o").contains("wide.csv has 4 features a row, but the model was fitted on 3"));
    assert!(predict("e.csv", "nowhere").contains("nowhere holds no model"));
    std::fs::write(files.path().join("o/model.safetensors"), b"short").unwrap();
    assert!(predict("e.csv", "o").contains("model.safetensors is damaged"));
    let bad_sample = failure(narrows(files.path()).args(["concept", "explain", "o", "--sample", "99"]), 1);
    assert!(bad_sample.contains("damaged"), "{bad_sample}");
}

#[test]
fn builders_are_compared_in_one_table_and_one_figure() {
    let files = Files::new();
    let mut command = narrows(files.path());
    command.args(["concept", "compare", "--data", "xor:samples=300", "--seeds", "2", "--out", "k"]);
    command.args(["--builder", "linear-probe", "--builder", "linear-probe:lambda=1"]).succeeds();
    let table = rows(&files.path().join("k/comparison.csv"));
    let accuracy: Vec<f64> = table
        .iter()
        .filter(|r| r["metric"] == "accuracy" && r["split"] == "test")
        .map(|r| r["mean"].parse().unwrap())
        .collect();
    assert_eq!(accuracy.len(), 2);
    // No line parts an exclusive or.
    assert!(accuracy.iter().all(|a| *a < 0.78), "{accuracy:?}");
    assert!(files.path().join("k/figures/concept_compare.png").exists());
    assert!(files.path().join("k/models/linear-probe_lambda_1-seed1/model.json").exists());
}

#[test]
fn built_in_birds_are_written_whole_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = |more: &[&str]| {
        let mut command = narrows(dir.path());
        command.args(["concept", "data", "birds", "--samples", "60", "--seed", "4", "--out", "b"]).args(more);
        command
    };
    data(&[]).succeeds();
    let labels = rows(&dir.path().join("b/labels.csv"));
    assert_eq!(labels.iter().filter(|r| r["split"] == "train").count(), 48);
    let sheet = std::fs::read(dir.path().join("b/contact_sheet.png")).unwrap();
    assert!(sheet.starts_with(b"\x89PNG"));
    assert!(failure(&mut data(&[]), 1).contains("already holds a complete run"));
    data(&["--force"]).succeeds();
    assert_eq!(std::fs::read(dir.path().join("b/contact_sheet.png")).unwrap(), sheet);
    let mut fit = narrows(dir.path());
    fit.args(["concept", "fit", "--builder", "linear-probe", "--embeddings", "b/embeddings.npy", "--labels"]);
    fit.args([
        "b/labels.csv",
        "--label-column",
        "class",
        "--class-names",
        "b/class_names.txt",
        "--split-column",
        "split",
        "--concepts",
        "b/concepts.csv",
    ]);
    fit.args([
        "--concept-groups",
        "b/concept_groups.csv",
        "--feature-maps",
        "b/maps.npy",
        "--part-masks",
        "b/masks.npz",
    ]);
    fit.args(["--part-centres", "b/centres.npy", "--concept-parts", "b/concept_parts.csv", "--out", "f"]).succeeds();
    // The same from the name.
    let mut named = narrows(dir.path());
    named.args(["concept", "fit", "--builder", "linear-probe", "--data", "birds:samples=60,seed=4"]);
    named.args(["--train-first", "0.8", "--out", "n"]).succeeds();
    let predicted = |folder: &str| -> Vec<String> {
        rows(&dir.path().join(folder).join("predictions.csv")).iter().map(|r| r["probability"].clone()).collect()
    };
    assert_eq!(predicted("f"), predicted("n"));
    let message = failure(narrows(dir.path()).args(["concept", "data", "birds:flip=2", "--out", "x"]), 1);
    assert!(message.contains("flip = 2") && !dir.path().join("x").exists(), "{message}");
}
