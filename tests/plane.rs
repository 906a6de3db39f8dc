//! `narrows plane` on a small network that PyTorch saved.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, fixture, narrows, plane_of, rows, shared};
use std::collections::HashMap;
use std::path::Path;

type Key = (String, String, String);

/// Value by layer, estimator and quantity.
fn values(path: &Path, column: &str) -> HashMap<Key, f64> {
    rows(path)
        .into_iter()
        .map(|r| {
            ((r["layer_index"].clone(), r["estimator"].clone(), r["quantity"].clone()), r[column].parse().unwrap())
        })
        .collect()
}

#[test]
fn every_format_gives_the_numbers_that_numpy_computed() {
    let expected = values(Path::new(&fixture("expected.csv")), "bits");
    assert_eq!(expected.len(), 32);
    let dir = tempfile::tempdir().unwrap();
    for file in ["epoch_00003.safetensors", "epoch_00003.pt", "nested.pt"] {
        let out = dir.path().join(file);
        narrows(dir.path()).args(plane_of(file, &out)).succeeds();
        let found = values(&out.join("plane.csv"), "value");
        assert_eq!(found.len(), expected.len());
        for (key, bits) in &expected {
            assert!((found[key] - bits).abs() < 1e-5, "{file} {key:?}: {} for {bits}", found[key]);
        }
        assert!(
            rows(&out.join("plane.csv"))
                .iter()
                .all(|r| r["epoch"] == "3" && r["n_samples"] == "16" && r["unit"] == "bits")
        );
    }
}

#[test]
fn a_run_folder_is_complete_and_tidy() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    narrows(dir.path()).args(plane_of("epoch_00003.pt", &out)).succeeds();
    let mut names: Vec<String> =
        std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let tables = ["plane.csv", "plane.parquet", "processing.csv", "processing.parquet"];
    let others = ["figures", "manifest.json", "report.html", "timings.csv"];
    let mut expected: Vec<&str> = tables.into_iter().chain(others).collect();
    expected.sort_unstable();
    assert_eq!(names, expected, "of one checkpoint no phases are told");
    for figure in ["information_plane", "information_over_epochs"] {
        assert!(std::fs::read_to_string(out.join(format!("figures/{figure}.svg"))).unwrap().contains("</svg>"));
        assert!(std::fs::read(out.join(format!("figures/{figure}.png"))).unwrap().starts_with(b"\x89PNG"));
    }
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["command"], "plane");
    assert_eq!(manifest["limits"]["n_samples"], 16);
    let inputs = manifest["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 3);
    assert!(inputs.iter().all(|i| i["sha256"].as_str().unwrap().len() == 64 && i["bytes"].as_u64().unwrap() > 0));
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    // The names of XML vocabularies are no addresses that a browser would load.
    let addresses = report.replace("\"http://www.w3.org/2000/svg\"", "");
    assert!(report.contains("Content-Security-Policy") && !addresses.contains("http://"));
    assert!(!addresses.contains("https://") && !report.contains("<script src") && !report.contains("<link"));
}

#[test]
fn the_summary_is_one_json_value() {
    let dir = tempfile::tempdir().unwrap();
    let output =
        narrows(dir.path()).args(plane_of("epoch_00003.pt", &dir.path().join("o"))).arg("--json").output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["rows"], 32);
    let quiet =
        narrows(dir.path()).args(plane_of("epoch_00003.pt", &dir.path().join("q"))).arg("--quiet").output().unwrap();
    assert!(quiet.status.success() && quiet.stdout.is_empty() && quiet.stderr.is_empty());
}

#[test]
fn units_layers_and_samples_are_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (bits, nats) = (dir.path().join("bits"), dir.path().join("nats"));
    narrows(dir.path()).args(plane_of("epoch_00003.pt", &bits)).succeeds();
    narrows(dir.path()).args(plane_of("epoch_00003.pt", &nats)).args(["--unit", "nats", "--layers", "out*"]).succeeds();
    let (bits, nats) = (values(&bits.join("plane.csv"), "value"), values(&nats.join("plane.csv"), "value"));
    assert_eq!(nats.len(), 16);
    for (key, value) in &nats {
        assert!((bits[key] * std::f64::consts::LN_2 - value).abs() < 1e-12);
    }
    let sampled = |seed: &str, out: &str| {
        let out = dir.path().join(out);
        narrows(dir.path()).args(plane_of("epoch_00003.pt", &out)).args(["--samples", "9", "--seed", seed]).succeeds();
        let table = rows(&out.join("plane.csv"));
        assert!(table.iter().all(|r| r["n_samples"] == "9"));
        table.iter().map(|r| r["value"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(sampled("5", "a"), sampled("5", "b"));
    assert_ne!(sampled("5", "c"), sampled("6", "d"));
    let message = failure(
        narrows(dir.path()).args(plane_of("epoch_00003.pt", &dir.path().join("x"))).args(["--layers", "conv*"]),
        1,
    );
    assert!(message.contains("--layers conv*") && message.contains("hidden1, output"), "{message}");
    assert!(!dir.path().join("x").join("manifest.json").exists());
}

#[test]
fn activation_dumps_give_the_same_plane_as_the_weights() {
    let dir = tempfile::tempdir().unwrap();
    // The fixture's activations: columns layer.unit.
    let table = rows(Path::new(&fixture("activations.csv")));
    let mut writer = ndarray_npy::NpzWriter::new(std::fs::File::create(dir.path().join("epoch_3.npz")).unwrap());
    for (layer, width) in [(1, 3), (2, 2)] {
        let values = ndarray::Array2::from_shape_fn((16, width), |(i, k)| {
            table[i][&format!("{layer}.{k}")].parse::<f32>().unwrap()
        });
        writer.add_array(format!("layer{layer}"), &values).unwrap();
    }
    writer.finish().unwrap();
    let labels: String = rows(Path::new(&fixture("inputs.csv"))).iter().map(|r| format!("{}\n", r["label"])).collect();
    std::fs::write(dir.path().join("labels.csv"), labels).unwrap();
    let (from_dump, from_weights) = (dir.path().join("d"), dir.path().join("w"));
    let estimators = ["--estimator", "kde:variance=1e-3", "--estimator", "binning:width=0.07"];
    narrows(dir.path())
        .args(["plane", "--activations", "epoch_3.npz", "--labels", "labels.csv", "--out", "d"])
        .args(estimators)
        .succeeds();
    narrows(dir.path()).args(plane_of("epoch_00003.safetensors", &from_weights)).succeeds();
    let (dump, weights) =
        (values(&from_dump.join("plane.csv"), "value"), values(&from_weights.join("plane.csv"), "value"));
    assert_eq!(dump.len(), 20);
    for (key, value) in dump {
        assert!((weights[&key] - value).abs() < 1e-5, "{key:?}");
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("c.toml"),
        "network.hidden = [6, 4]\ndata.inputs = \"twelve-bit\"\ntraining.epochs = 4",
    )
    .unwrap();
    narrows(dir.path()).args(["train", "c.toml", "--out", "t"]).succeeds();
    let table = |threads: &str| {
        let out = format!("p{threads}");
        narrows(dir.path())
            .args([
                "plane",
                "--checkpoints",
                "t/checkpoints",
                "--inputs",
                "twelve-bit",
                "--out",
                &out,
                "--threads",
                threads,
            ])
            .succeeds();
        std::fs::read(dir.path().join(out).join("plane.csv")).unwrap()
    };
    let one = table("1");
    assert!(one.len() > 1000);
    assert_eq!(one, table("2"));
    assert_eq!(one, table("3"));
}

/// Dumps of a noisy layer, of one that is half dead and of one that is constant, beside the inputs that they are of.
fn write_noisy_layers(folder: &Path) {
    let wave = |i: usize, j: usize, seed: f64| {
        // Uniform enough in (−1, 1), without a generator of random numbers.
        let hash = ((i * 7 + j * 13) as f64 + seed * 31.7).sin() * 43758.5453;
        2.0 * (hash - hash.floor()) - 1.0
    };
    let x =
        ndarray::Array2::from_shape_fn((400, 6), |(i, j)| (wave(i, j, 1.0) * if j < 2 { 1.0 } else { 0.01 }) as f32);
    let noisy = ndarray::Array2::from_shape_fn((400, 3), |(i, j)| {
        x[[i, j % 2]] + [0.3, 0.1, 0.1][j] * wave(i, j, 2.0 + j as f64) as f32
    });
    let dead = ndarray::Array2::from_shape_fn((400, 3), |(i, j)| if i % 2 == 0 { 0.0 } else { noisy[[i, j]] });
    ndarray_npy::write_npy(folder.join("x.npy"), &x).unwrap();
    let labels = ndarray::Array1::from_shape_fn(400, |i| i64::from(x[[i, 0]] > 0.0));
    ndarray_npy::write_npy(folder.join("y.npy"), &labels).unwrap();
    let mut writer = ndarray_npy::NpzWriter::new(std::fs::File::create(folder.join("epoch_1.npz")).unwrap());
    writer.add_array("noisy", &noisy).unwrap();
    writer.add_array("dead", &dead).unwrap();
    writer.add_array("constant", &ndarray::Array2::<f32>::ones((400, 2))).unwrap();
    writer.finish().unwrap();
}

#[test]
fn dumps_beside_inputs_have_a_plane_by_lossy_compression() {
    let dir = tempfile::tempdir().unwrap();
    write_noisy_layers(dir.path());
    let dumps = ["plane", "--activations", "epoch_1.npz", "--labels", "y.npy", "--layer-noise", "0.1"];
    let estimators =
        ["--estimator", "lossy:components=2,x-components=2", "--estimator", "gaussian-channel:variance=0.01"];
    let told = failure(narrows(dir.path()).args(dumps).args(estimators).args(["--out", "none"]), 1);
    assert!(told.contains("the estimator lossy") && told.contains("--inputs"), "{told}");
    let run = |out: &str, more: &[&str]| {
        narrows(dir.path())
            .args(dumps)
            .args(estimators)
            .args(["--inputs", "x.npy", "--unit", "nats", "--out", out])
            .args(more)
            .succeeds();
        std::fs::read(dir.path().join(out).join("plane.csv")).unwrap()
    };
    let one = run("one", &["--threads", "1"]);
    assert!(one == run("two", &["--threads", "2"]));
    let table = rows(&dir.path().join("one/plane.csv"));
    let of = |layer: &str, estimator: &str, quantity: &str| -> (Option<f64>, String) {
        let is = |r: &&HashMap<String, String>| {
            r["layer"] == layer && r["estimator"] == estimator && r["quantity"] == quantity
        };
        let row = table.iter().find(is).unwrap_or_else(|| panic!("{layer} {estimator} {quantity}"));
        (row["value"].parse().ok(), row["flags"].clone())
    };
    let (information, flags) = of("noisy", "lossy", "I_XT");
    assert!((1.0..5.0).contains(&information.unwrap()) && !flags.contains("no_noise"), "{information:?} {flags}");
    assert_eq!(of("dead", "lossy", "I_XT"), (None, "refused".into()));
    assert_eq!(of("constant", "lossy", "I_XT").0, Some(0.0));
    assert_eq!(of("constant", "lossy", "H_T"), (None, "singular;noise".into()));
    let given = of("noisy", "gaussian-channel", "I_XT_given_Y").0.unwrap();
    let difference =
        of("noisy", "gaussian-channel", "I_XT").0.unwrap() - of("noisy", "gaussian-channel", "I_TY").0.unwrap();
    assert!((given - difference).abs() < 1e-9);
    assert!(table.iter().filter(|r| r["flags"] != "refused").all(|r| r["noise_std"] == "0.1"), "{table:?}");
    let manifest = std::fs::read_to_string(dir.path().join("one/manifest.json")).unwrap();
    assert!(manifest.contains("flagged refused") && manifest.contains("50.0 % of the samples"), "{manifest}");
}

/// The network of the shared data, against activations and values that PyTorch and numpy computed.
#[test]
fn the_published_network_is_reproduced_where_its_files_are_at_hand() {
    let (Some(torch), Some(inputs)) = (shared("torch/mlp12-tanh"), shared("twelve-bit/var_u.csv")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let plane = |ending: &str, out: &str| {
        let patterns = ["00000", "00100", "01000", "04000"]
            .map(|e| torch.join(format!("epoch_{e}.{ending}")).display().to_string());
        narrows(dir.path())
            .args(["plane", "--out", out, "--arch"])
            .arg(torch.join("architecture.json"))
            .arg("--inputs")
            .arg(&inputs)
            .args(["--label-column", "label", "--estimator", "binning:width=0.07"])
            .args(["--estimator", "kde:variance=1e-3", "--estimator", "kde-lower:variance=1e-3"])
            .arg("--checkpoints")
            .args(&patterns)
            .succeeds();
        let table = rows(&dir.path().join(out).join("plane.csv"));
        table
            .into_iter()
            .map(|r| {
                (
                    (r["epoch"].clone(), r["layer_index"].clone(), r["estimator"].clone(), r["quantity"].clone()),
                    r["value"].clone(),
                )
            })
            .collect::<HashMap<_, _>>()
    };
    let (found, from_pickle) = (plane("safetensors", "s"), plane("pt", "p"));
    assert_eq!(found, from_pickle);
    let reference = rows(&torch.join("reference.csv"));
    assert_eq!(reference.len(), 144);
    for row in reference {
        let estimator = match row["estimator"].as_str() {
            "kde-upper" => "kde",
            "binning width 0.07" => "binning",
            other => other,
        };
        let layer = row["layer_index"].parse::<u64>().unwrap() + 1;
        let key = (row["epoch"].clone(), layer.to_string(), estimator.to_string(), row["quantity"].clone());
        let (ours, theirs): (f64, f64) = (found[&key].parse().unwrap(), row["bits"].parse().unwrap());
        assert!((ours - theirs).abs() < 1e-3, "{key:?}: {ours} for {theirs}");
    }

    let architecture = narrows::subject::Architecture::read(&torch.join("architecture.json")).unwrap();
    let data = narrows::datasets::twelve_bit().unwrap();
    for epoch in ["00000", "00100", "01000", "04000"] {
        let file = |ending: &str| torch.join(format!("epoch_{epoch}.{ending}"));
        let checkpoint = narrows::checkpoint::read(&file("safetensors"), &Default::default()).unwrap();
        let network = narrows::subject::Network::from_checkpoint(&architecture, &checkpoint).unwrap();
        let truth = narrows::checkpoint::read_dump(&file("activations.npz")).unwrap();
        let traced = network.trace(data.inputs.view()).unwrap();
        assert_eq!(traced.len(), truth.layers.len());
        for (ours, (name, theirs)) in traced.iter().zip(&truth.layers) {
            let worst = (&ours.values - theirs).iter().fold(0f32, |w, d| w.max(d.abs()));
            assert!(worst < 1e-5, "epoch {epoch}, {name}: {worst}");
        }
    }
}
