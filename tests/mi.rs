//! `narrows mi`, `narrows entropy`, `narrows estimators` and `narrows bench accuracy`.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, narrows, rows};
use serde_json::Value;
use std::path::Path;

/// y is x and a little more; the class is the sign of x.
fn table(folder: &Path) {
    let mut text = String::from("x,y,class\n");
    for i in 0..600 {
        let (x, e) = ((f64::from(i) * 0.7).sin(), (f64::from(i) * 1.93).cos());
        text += &format!("{x},{},{}\n", x + 0.3 * e, if x > 0.0 { "up" } else { "down" });
    }
    std::fs::write(folder.join("d.csv"), text).unwrap();
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = narrows(folder).args(arguments).arg("--json").succeeds();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_estimate_carries_all_that_a_script_needs() {
    let dir = tempfile::tempdir().unwrap();
    table(dir.path());
    let found = json(dir.path(), &["mi", "--x", "d.csv:x", "--y", "d.csv:y", "--estimator", "ksg:k=3"]);
    for key in ["value", "std_error", "ci_low", "ci_high", "n_samples", "seconds", "unit", "warnings", "parameters"] {
        assert!(!found[key].is_null(), "{key}: {found}");
    }
    let nats = json(dir.path(), &["mi", "--x", "d.csv:x", "--y", "d.csv:y", "-e", "ksg", "--unit", "nats"]);
    let ratio = nats["value"].as_f64().unwrap() / found["value"].as_f64().unwrap();
    assert!((ratio - std::f64::consts::LN_2).abs() < 1e-12 && found["value"].as_f64().unwrap() > 0.5);
}

#[test]
fn kinds_are_taken_from_the_file_and_independence_is_tested() {
    let dir = tempfile::tempdir().unwrap();
    table(dir.path());
    let found = json(dir.path(), &["mi", "--x", "d.csv:x", "--y", "d.csv:class", "--permutations", "19"]);
    assert_eq!(found["y"]["kind"], "discrete");
    assert_eq!(found["p_value"], 0.05);
    assert!((found["value"].as_f64().unwrap() - 1.0).abs() < 0.1, "{found}");
    let entropy = json(dir.path(), &["entropy", "--x", "d.csv:class"]);
    assert!((entropy["value"].as_f64().unwrap() - 1.0).abs() < 0.01, "{entropy}");
}

#[test]
fn faults_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    table(dir.path());
    let of = |arguments: &[&str]| failure(narrows(dir.path()).args(arguments), 1);
    assert!(of(&["mi", "--x", "d.csv:z", "--y", "d.csv:y"]).contains("there are: x, y, class"));
    assert!(of(&["mi", "--x", "no.npy", "--y", "d.csv:y"]).contains("no.npy: there is no such file"));
    assert!(of(&["mi", "--x", "d.csv:x", "--y", "d.csv:y", "-e", "ksg:q=1"]).contains("no parameter 'q'"));
    let message = of(&["mi", "--x", "d.csv:x", "--y", "d.csv:class", "-e", "ksg"]);
    assert!(message.contains("ksg takes two continuous variables"), "{message}");
}

#[test]
fn every_estimator_is_listed_with_its_parameters() {
    let dir = tempfile::tempdir().unwrap();
    let list = json(dir.path(), &["estimators"]);
    assert_eq!(list.as_array().unwrap().len(), narrows::estimators::registry::ESTIMATORS.len());
    let ksg = narrows(dir.path()).args(["estimators", "ksg"]).succeeds();
    assert!(String::from_utf8(ksg.stdout).unwrap().contains("[default: jitter]"));
}

#[test]
fn accuracy_is_measured_and_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let arguments =
        ["bench", "accuracy", "--tasks", "1v1-normal", "-e", "ksg", "-e", "auto", "--n", "500", "--out", "a"];
    narrows(dir.path()).args(arguments).succeeds();
    let summary = rows(&dir.path().join("a/summary.csv"));
    assert_eq!(summary.len(), 2);
    for row in summary {
        let number = |key: &str| row[key].parse::<f64>().unwrap();
        assert!((number("mean") - number("truth")).abs() < 0.12 && number("seeds") == 3.0, "{row:?}");
    }
    assert!(dir.path().join("a/figures/accuracy_by_task.png").exists());
    assert!(failure(narrows(dir.path()).args(arguments).arg("--seeds=2"), 1).contains("--force"));
}
