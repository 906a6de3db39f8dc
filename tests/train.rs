//! `narrows train`: what it writes, and that a kill costs nothing.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, narrows, rows};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts the command, waits until `ready` and kills it as the system would kill it: without a word.
fn kill_when(folder: &Path, arguments: &[&str], ready: impl Fn() -> bool) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_narrows"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !ready() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it never got so far: {arguments:?}");
        assert!(child.try_wait().unwrap().is_none(), "it was done before it could be killed: {arguments:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn lines(path: &Path) -> usize {
    // A line that is being written has no end yet, and a kill would leave it cut.
    std::fs::read(path).map_or(0, |bytes| bytes.iter().filter(|&&b| b == b'\n').count())
}

/// Every file below a folder with its bytes, but for the manifest, the timings and what is drawn from them.
fn results(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![];
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !["manifest.json", "timings.csv", "report.html"].contains(&name.as_str()) {
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

const EVERYTHING: &str = r#"
name = "all"
seeds = [3, 4]
[data]
inputs = "digits"
train_share = 0.7
[network]
hidden = [12, 9]
activation = "gelu"
initialiser = "xavier"
[training]
epochs = 5
batch_size = 100
optimiser = { kind = "sgd", learning_rate = 0.05, momentum = 0.9 }
l2 = 1e-4
dropout = 0.1
activation_noise = 0.05
gradient_noise = 0.01
checkpoints = "every 2"
"#;

#[test]
fn tables_and_checkpoints_hold_what_they_should() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("c.toml"), EVERYTHING).unwrap();
    narrows(dir.path()).args(["train", "c.toml", "--out", "o"]).succeeds();
    let out = dir.path().join("o");
    for seed in [3, 4] {
        for epoch in [0, 2, 4, 5] {
            let path = out.join(format!("checkpoints/all-seed{seed}/epoch_{epoch:05}.safetensors"));
            let c = narrows::checkpoint::read(&path, &Default::default()).unwrap();
            assert_eq!(
                (c.epoch, c.seed, c.run.as_deref()),
                (Some(epoch), Some(seed), Some(format!("all-seed{seed}").as_str()))
            );
            let shapes: Vec<_> = c.tensors.iter().map(|(n, t)| (n.to_string(), t.shape.clone())).collect();
            let expected =
                [("0.weight", vec![12, 64]), ("0.bias", vec![12]), ("2.weight", vec![9, 12]), ("2.bias", vec![9])];
            for (name, shape) in expected {
                assert!(shapes.contains(&(name.to_string(), shape)), "{name} in {shapes:?}");
            }
        }
    }
    let table = rows(&out.join("training.csv"));
    // Two seeds; epochs 0…5 of four scores and three norms; epochs 1…5 of three gradient figures for three layers.
    assert_eq!(table.len(), 2 * (6 * (4 + 3) + 5 * 9));
    let value = |epoch: &str, quantity: &str| -> f64 {
        table.iter().find(|r| r["seed"] == "3" && r["epoch"] == epoch && r["quantity"] == quantity).unwrap()["value"]
            .parse()
            .unwrap()
    };
    assert!(value("5", "train_loss") < value("0", "train_loss") && value("5", "train_accuracy") > 0.5);
    assert!(table.iter().filter(|r| r["quantity"] == "gradient_snr").all(|r| r["value"].parse::<f64>().unwrap() > 0.0));
    // The same command again ends in the same bytes.
    narrows(dir.path()).args(["train", "c.toml", "--out", "again"]).succeeds();
    assert_eq!(results(&out), results(&dir.path().join("again")));
}

#[test]
fn a_killed_training_ends_in_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    // Long enough to be killed after its state has been saved, with every source of randomness.
    let config = EVERYTHING.replace("epochs = 5", "epochs = 8000").replace("every 2", "every 1000");
    std::fs::write(dir.path().join("c.toml"), config).unwrap();
    let arguments = ["train", "c.toml", "--out", "killed", "--resume"];
    let state = dir.path().join("killed/.resume/all-seed3");
    // Before the first state, after it, and after a later one.
    kill_when(dir.path(), &arguments, || lines(&state.join("rows.csv")) > 100);
    assert!(!dir.path().join("killed/manifest.json").exists());
    kill_when(dir.path(), &arguments, || state.join("state.safetensors").exists());
    let first = std::fs::read(state.join("state.safetensors")).unwrap();
    kill_when(dir.path(), &arguments, || std::fs::read(state.join("state.safetensors")).unwrap() != first);
    narrows(dir.path()).args(arguments).succeeds();
    assert!(!dir.path().join("killed/.resume").exists());
    narrows(dir.path()).args(["train", "c.toml", "--out", "whole"]).succeeds();
    assert_eq!(results(&dir.path().join("killed")), results(&dir.path().join("whole")));
}

#[test]
fn a_killed_plane_ends_in_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let config = "network.hidden = [10, 7, 5]\ndata.inputs = \"twelve-bit\"\ntraining = { epochs = 40, checkpoints = \"every 1\" }";
    std::fs::write(dir.path().join("c.toml"), config).unwrap();
    narrows(dir.path()).args(["train", "c.toml", "--out", "t"]).succeeds();
    let arguments =
        ["plane", "--checkpoints", "t/checkpoints", "--inputs", "twelve-bit", "--out", "killed", "--resume"];
    let ledger = dir.path().join("killed/.resume/cells.jsonl");
    for cells in [3, 30, 80] {
        kill_when(dir.path(), &arguments, || lines(&ledger) >= cells);
        assert!(!dir.path().join("killed/plane.csv").exists());
    }
    let output = narrows(dir.path()).args(arguments).arg("--json").output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(summary["cells_resumed"].as_u64().unwrap() >= 80, "{summary}");
    narrows(dir.path())
        .args(["plane", "--checkpoints", "t/checkpoints", "--inputs", "twelve-bit", "--out", "whole"])
        .succeeds();
    assert_eq!(results(&dir.path().join("killed")), results(&dir.path().join("whole")));
    // Going on with what is complete does nothing; with another config it is refused.
    narrows(dir.path()).args(arguments).succeeds();
    let message = common::failure(narrows(dir.path()).args(arguments).args(["--unit", "nats"]), 1);
    assert!(message.contains("config.unit was \"bits\", now \"nats\""), "{message}");
}

#[test]
fn both_devices_train() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("c.toml"), "network.hidden = [8]\ntraining.epochs = 2").unwrap();
    let last = |device: &str| -> f64 {
        narrows(dir.path()).args(["train", "c.toml", "--out", device, "--device", device]).succeeds();
        let table = rows(&dir.path().join(device).join("training.csv"));
        table.iter().rfind(|r| r["quantity"] == "train_loss").unwrap()["value"].parse().unwrap()
    };
    // The same draws on both; only the rounding of the kernels differs.
    assert!((last("flex") - last("ndarray")).abs() < 1e-4);
}

const CONVOLUTIONAL: &str = r#"
name = "conv"
[data]
inputs = "digits"
train_share = 0.3
[network]
convolutions = [4, 8]
padding = 1
hidden = [12]
activation = "leaky-relu"
initialiser = "kaiming-uniform"
[training]
epochs = 4
batch_size = 32
dropout = 0.1
activation_noise = 0.05
relative_activation_noise = true
checkpoints = "every 2"
"#;

#[test]
fn a_killed_convolutional_training_ends_in_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let config = CONVOLUTIONAL.replace("epochs = 4", "epochs = 60").replace("every 2", "every 20");
    std::fs::write(dir.path().join("c.toml"), config).unwrap();
    let arguments = ["train", "c.toml", "--out", "killed", "--resume"];
    let state = dir.path().join("killed/.resume/conv");
    kill_when(dir.path(), &arguments, || lines(&state.join("rows.csv")) > 50);
    kill_when(dir.path(), &arguments, || state.join("state.safetensors").exists());
    narrows(dir.path()).args(arguments).succeeds();
    narrows(dir.path()).args(["train", "c.toml", "--out", "whole"]).succeeds();
    assert_eq!(results(&dir.path().join("killed")), results(&dir.path().join("whole")));
}

/// A stochastic convolutional network, from its config to its plane and its activations.
#[test]
fn noise_of_the_training_reaches_plane_and_capture() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("c.toml"), CONVOLUTIONAL).unwrap();
    narrows(dir.path()).args(["train", "c.toml", "--out", "t"]).succeeds();
    let table = rows(&dir.path().join("t/training.csv"));
    let layers: Vec<&str> = table
        .iter()
        .filter(|r| r["epoch"] == "1" && r["quantity"] == "weight_norm")
        .map(|r| r["layer"].as_str())
        .collect();
    assert_eq!(layers, ["hidden1", "hidden2", "hidden3", "output"]);

    let plane = |out: &str, more: &[&str]| {
        let base = ["plane", "--checkpoints", "t/checkpoints", "--inputs", "digits", "--samples", "300", "--out", out];
        narrows(dir.path()).args(base).args(["--estimator", "binning:bins=10"]).args(more).succeeds();
        rows(&dir.path().join(out).join("plane.csv"))
    };
    let usual = plane("usual", &["--threads", "1"]);
    assert!(!usual.is_empty() && usual.iter().all(|r| r["noise_std"].parse::<f64>().unwrap() > 0.0));
    assert!(usual.iter().all(|r| r["flags"].split(';').any(|flag| flag == "relative_noise")));
    let layers: Vec<&str> = usual.iter().take(16).step_by(4).map(|r| r["layer"].as_str()).collect();
    assert_eq!(layers, ["hidden1", "hidden2", "hidden3", "output"]);
    assert_eq!(usual, plane("threads", &["--threads", "2"]));
    assert_eq!(usual, plane("said", &["--noise-std", "0.05", "--relative-noise"]));
    let quiet = plane("quiet", &["--noise-std", "0"]);
    assert!(quiet.iter().all(|r| r["noise_std"].is_empty()));
    let values = |rows: &[std::collections::HashMap<String, String>]| -> Vec<String> {
        rows.iter().map(|r| r["value"].clone()).collect()
    };
    assert_ne!(values(&usual), values(&quiet));
    assert_ne!(values(&usual), values(&plane("additive", &["--noise-std", "0.05"])));

    // Captured activations are those that the plane sees, whatever the batch, and tell of their noise.
    for (out, more) in
        [("whole", &["--batch", "100", "--threads", "1"]), ("parts", &["--batch", "7", "--threads", "2"])]
    {
        let base =
            ["capture", "--checkpoints", "t/checkpoints", "--inputs", "digits", "--samples", "300", "--out", out];
        narrows(dir.path()).args(base).args(more).succeeds();
        let plane = format!("{out}-plane");
        let base = ["plane", "--checkpoints", &format!("{out}/activations"), "--estimator", "binning:bins=10"];
        narrows(dir.path()).args(base).args(["--out", &plane]).succeeds();
        let captured = rows(&dir.path().join(plane).join("plane.csv"));
        assert!(captured.iter().all(|r| r["flags"].split(';').any(|flag| flag == "relative_noise")));
        for (a, b) in captured.iter().zip(&usual) {
            let number = |row: &std::collections::HashMap<String, String>| row["value"].parse::<f64>().unwrap();
            assert_eq!((&a["layer"], &a["quantity"], &a["epoch"]), (&b["layer"], &b["quantity"], &b["epoch"]));
            assert!((number(a) - number(b)).abs() < 0.02, "{a:?}\n{b:?}");
        }
    }
    let base = ["plane", "--checkpoints", "whole/activations", "--noise-std", "0.1", "--out", "x"];
    let message = common::failure(narrows(dir.path()).args(base), 1);
    assert!(message.contains("leave out --noise-std"), "{message}");
}
