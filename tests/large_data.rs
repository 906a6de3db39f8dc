//! Data that are read some rows at a time: the same answers as of data in memory, and refusals that say what to do.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, fixture, narrows, rows};
use narrows::estimators::registry::ESTIMATORS;
use serde_json::Value;
use std::path::Path;

fn table(folder: &Path) {
    let mut text = String::from("a,b,y,class\n");
    for i in 0..3000 {
        let (a, b, e) = ((f64::from(i) * 0.7).sin(), (f64::from(i) * 1.3).cos(), (f64::from(i) * 1.93).cos());
        text += &format!("{a},{b},{},{}\n", a + b + 0.3 * e, if a > 0.2 { "up" } else { "down" });
    }
    std::fs::write(folder.join("d.csv"), text).unwrap();
}

/// The answer without what depends on the clock, or says how the data were read.
fn answer(folder: &Path, arguments: &[&str]) -> (Value, Option<String>) {
    let output = narrows(folder).args(arguments).arg("--json").succeeds();
    let mut found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let object = found.as_object_mut().unwrap();
    object.remove("seconds");
    let streamed = object.remove("streamed").map(|s| s.as_str().unwrap().to_string());
    (found, streamed)
}

#[test]
fn streamed_answers_are_those_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    table(dir.path());
    for arguments in [
        &["mi", "--x", "d.csv:a,b", "--y", "d.csv:y", "-e", "gaussian"][..],
        &["mi", "--x", "d.csv:a,b", "--y", "d.csv:y", "-e", "gaussian:shrinkage=ledoit-wolf"],
        &["mi", "--x", "d.csv:a", "--y", "d.csv:class", "-e", "binning:bins=9"],
        &["mi", "--x", "d.csv:a,b", "--y", "d.csv:class", "-e", "hsic:kernel=linear,normalised=yes"],
        &["mi", "--x", "d.csv:a,b", "--y", "d.csv:y", "-e", "gaussian", "--compress", "pca:components=1"],
        &["mi", "--x", "d.csv:class", "--y", "d.csv:class", "-e", "plug-in", "--unit", "nats"],
        &["entropy", "--x", "d.csv:class"],
        &["entropy", "--x", "d.csv:a,b", "-e", "gaussian", "--interval", "none"],
    ] {
        let (whole, none) = answer(dir.path(), &[arguments, &["--in-memory"]].concat());
        assert_eq!(none, None);
        for how in [&["--stream"][..], &["--stream", "--chunk-rows", "7"], &["--stream", "--max-memory", "1k"]] {
            for threads in ["1", "2"] {
                let (found, streamed) = answer(dir.path(), &[arguments, how, &["--threads", threads]].concat());
                assert_eq!(found, whole, "{arguments:?} {how:?}");
                assert!(streamed.unwrap().starts_with("streamed, "));
            }
        }
    }
    // Large against what is allowed: streamed unasked.
    let (_, streamed) =
        answer(dir.path(), &["mi", "--x", "d.csv:a", "--y", "d.csv:y", "-e", "gaussian", "--max-memory", "100k"]);
    assert!(streamed.is_some());
}

/// A plane of bins alone reads a captured file some rows at a time, and an npz archive as a whole.
#[test]
fn the_plane_of_a_capture_read_by_pieces_is_that_of_an_archive() {
    let dir = tempfile::tempdir().unwrap();
    for format in ["safetensors", "npz"] {
        let (checkpoints, arch) = (fixture("epoch_0000*.safetensors"), fixture("architecture.json"));
        let inputs = fixture("inputs.csv");
        let capture = ["capture", "--checkpoints", &checkpoints, "--arch", &arch, "--inputs", &inputs];
        let labels = ["--label-column", "label", "--format", format, "--out", format];
        narrows(dir.path()).args(capture).args(labels).succeeds();
        let dumps = format!("{format}/activations/*.{format}");
        let mut arguments = vec!["plane", "--checkpoints", &dumps, "--run-name", "x", "--samples", "11"];
        for spec in ["binning:bins=5", "binning:range=neuron", "binning:bins=4,range=epoch", "binning:width=0.1"] {
            arguments.extend(["--estimator", spec]);
        }
        let out = format!("plane-{format}");
        narrows(dir.path()).args(arguments).args(["--out", &out]).succeeds();
    }
    let values = |format: &str| -> Vec<Vec<String>> {
        let of = |r: &std::collections::HashMap<String, String>| {
            let columns = ["epoch", "layer", "parameters", "quantity", "value", "std_error", "n_samples", "flags"];
            columns.iter().map(|c| r[*c].clone()).collect()
        };
        rows(&dir.path().join(format!("plane-{format}/plane.csv"))).iter().map(of).collect()
    };
    assert_eq!(values("npz").len(), 2 * 4 * 4);
    assert_eq!(values("safetensors"), values("npz"));
}

#[test]
fn what_cannot_be_streamed_is_told_what_can() {
    let dir = tempfile::tempdir().unwrap();
    table(dir.path());
    let xy = ["mi", "--x", "d.csv:a", "--y", "d.csv:y"];
    let of = |more: &[&str]| failure(narrows(dir.path()).args(xy).args(more), 1);
    let message = of(&["--stream"]);
    assert!(message.contains("auto needs all samples") && message.contains("plug-in, binning, gaussian"), "{message}");
    assert!(of(&["--stream", "-e", "gaussian", "--permutations", "9"]).contains("--permutations needs all samples"));
    let message = of(&["--max-memory", "100k", "-e", "ksg"]);
    assert!(message.contains("more than --max-memory, and ksg needs all samples"), "{message}");
    let message = of(&["--max-memory", "100k", "-e", "plug-in"]);
    assert!(message.contains("and plug-in takes two discrete variables"), "{message}");
    failure(narrows(dir.path()).args(xy).args(["--stream", "--in-memory"]), 2);
    std::fs::write(dir.path().join("short.csv"), "1\n2\n3\n").unwrap();
    let arguments = ["mi", "--x", "d.csv:a", "--y", "short.csv", "-e", "gaussian", "--stream"];
    let message = failure(narrows(dir.path()).args(arguments), 1);
    assert!(message.contains("d.csv:a has 3000 samples and short.csv (y) has 3"), "{message}");
}

/// The table of docs/large-data.md says of every estimator what the registry says.
#[test]
fn the_documented_table_is_the_registry() {
    let page = include_str!("../docs/large-data.md");
    let table =
        page.split("<!-- estimators: begin -->").nth(1).unwrap().split("<!-- estimators: end -->").next().unwrap();
    let said: Vec<(&str, &str)> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            // Names stand in backquotes; of hsic's two rows, that of the kernel that streams begins with its name.
            let names = cells[1].split(", ").filter(|name| name.starts_with('`') && name.ends_with('`'));
            names.map(|name| (name.trim_matches('`'), cells[2])).collect::<Vec<_>>()
        })
        .collect();
    for entry in ESTIMATORS {
        let expected = match (entry.streams(), entry.streams_when()) {
            (false, _) => "no".to_string(),
            (true, "") => "yes".to_string(),
            (true, when) => format!("with `{when}`"),
        };
        let found: Vec<&str> = said.iter().filter(|(name, _)| *name == entry.name).map(|(_, says)| *says).collect();
        assert_eq!(found, [expected], "{}", entry.name);
    }
    assert_eq!(said.len(), ESTIMATORS.len());
}
