//! `narrows study`: one file, its presets, its grid and its claims.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, narrows, rows};
use std::path::Path;

const STUDY: &str = r#"
name = "tiny"
title = "A title & more"
reference = "Nobody 2026"
kind = "trace"

[job]
seeds = 3
data = { inputs = "digits" }
network = { hidden = [6, 4] }
training = { epochs = 30, checkpoints = "every 5", record = "every 5" }
grid.network.activation = ["tanh", "relu"]
plane = { estimators = ["binning", "kde:variance=0.01"], samples = 300 }

[presets.small]
seeds = 2

[[claims]]
says = "It learns"
table = "training.csv"
column = "value"
where = { run = "*", epoch = "30", quantity = "train_loss" }
than = { epoch = "0" }
below = 0.0

[[claims]]
says = "There is a third function"
table = "training.csv"
column = "value"
where = { run = "elu*" }
"#;

fn study(folder: &Path, text: &str) {
    std::fs::write(folder.join("study.toml"), text).unwrap();
}

#[test]
fn networks_are_trained_traced_averaged_and_judged() {
    let dir = tempfile::tempdir().unwrap();
    study(dir.path(), STUDY);
    narrows(dir.path()).args(["study", "run", "study.toml"]).succeeds();
    let out = dir.path().join("notebooks-out/tiny-small");
    let plane = rows(&out.join("plane.csv"));
    let mut runs: Vec<&str> = plane.iter().map(|r| r["run"].as_str()).collect();
    runs.dedup();
    assert_eq!(runs, ["relu-seed0", "relu-seed1", "tanh-seed0", "tanh-seed1"]);
    let means = rows(&out.join("plane_mean.csv"));
    assert!(means.iter().all(|r| r["n_seeds"] == "2" && ["relu", "tanh"].contains(&r["group"].as_str())));
    let claims = rows(&out.join("claims.csv"));
    assert_eq!((claims[0]["holds"].as_str(), claims[0]["rows"].as_str()), ("true", "4"));
    assert!(claims[1]["holds"].is_empty() && claims[1]["reason"].contains("relu-seed0"), "{claims:?}");
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains("Claim: It learns."));
    // The tables do not depend on threads, and the same study is not run twice.
    narrows(dir.path()).args(["study", "run", "study.toml", "--out", "one", "--threads", "1"]).succeeds();
    for table in ["plane.csv", "plane_mean.csv", "phases_mean.csv", "training.csv", "claims.csv"] {
        assert!(
            std::fs::read(out.join(table)).unwrap() == std::fs::read(dir.path().join("one").join(table)).unwrap(),
            "{table}"
        );
    }
    let again = failure(narrows(dir.path()).args(["study", "run", "study.toml"]), 1);
    assert!(again.contains("--resume"), "{again}");
    // Claims are no part of what a run is.
    study(dir.path(), &STUDY.replace("below = 0.0", "below = -0.1"));
    narrows(dir.path()).args(["study", "run", "study.toml", "--resume"]).succeeds();
}

#[test]
fn what_is_wrong_in_a_file_is_told_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    for (from, to, told) in [
        ("epochs = 30", "epoch = 30", "unknown field `epoch`"),
        ("kind = \"trace\"", "kind = \"trance\"", "trace"),
        ("[\"tanh\", \"relu\"]", "[\"tanh\", \"tanh\"]", "tanh again"),
        ("[\"tanh\", \"relu\"]", "\"tanh\"", "a list of values is expected"),
        ("\nseeds = 2", "\ntraining = 2", "training = 2"),
        ("samples = 300", "samples = 1", "two are needed"),
        ("\"binning\", ", "\"bining\", ", "bining"),
        ("table = \"training.csv\"", "table = \"../training.csv\"", "in the run's folder"),
    ] {
        assert!(STUDY.contains(from), "{from}");
        study(dir.path(), &STUDY.replacen(from, to, 1));
        let message = failure(narrows(dir.path()).args(["study", "run", "study.toml"]), 1);
        assert!(message.contains(told), "{from} → {to}: {message}");
        assert!(!dir.path().join("notebooks-out").exists(), "{from} → {to}");
    }
    let message = failure(narrows(dir.path()).args(["study", "run", "tishbi"]), 1);
    assert!(message.contains("built in are tishby-tanh"), "{message}");
    let message = failure(narrows(dir.path()).args(["study", "run", "saxe-relu", "--preset", "huge"]), 1);
    assert!(message.contains("full, small"), "{message}");
}

#[test]
fn a_built_in_study_can_be_shown_and_goes_on_as_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let shown = narrows(dir.path()).args(["study", "show", "saxe-relu"]).output().unwrap();
    assert!(shown.status.success());
    std::fs::write(dir.path().join("mine.toml"), &shown.stdout).unwrap();
    let text = narrows(dir.path()).args(["study", "show", "mine.toml"]).output().unwrap();
    assert_eq!(text.stdout, shown.stdout);
    let list = narrows(dir.path()).args(["study", "list", "--json"]).output().unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert!(list.as_array().unwrap().iter().any(|s| s["name"] == "kawaguchi-generalisation"));
}
