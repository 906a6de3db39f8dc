//! `narrows generalise` from a config to its report, and on from a kill.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, narrows, rows};
use std::path::Path;

const TINY: &str = "\
name = \"tiny\"

[data]
seeds = [0, 1]
train = [20]
test = 40

[network]
widths = [8, 4]
depths = [2]

[training]
epochs = 40
seeds = [0, 1]
weight_decays = [0.0, 0.1]
constraint_rates = [0.0, 0.01]

[swag]
start = 20
rank = 4
draws = 3

[information]
fresh = [2]

[analysis]
min_train_accuracy = 0.0
bootstrap = 100
";

fn config(folder: &Path, text: &str) {
    std::fs::write(folder.join("config.toml"), text).unwrap();
}

fn tables(run: &Path) -> Vec<Vec<u8>> {
    ["models.csv", "models.parquet", "correlation.csv", "correlation.parquet"]
        .map(|name| std::fs::read(run.join(name)).unwrap())
        .into()
}

#[test]
fn from_a_config_to_a_report() {
    let dir = tempfile::tempdir().unwrap();
    config(dir.path(), TINY);
    narrows(dir.path()).args(["generalise", "config.toml", "--out", "run", "--quiet"]).succeeds();
    let run = dir.path().join("run");
    let models = rows(&run.join("models.csv"));
    let names: std::collections::BTreeSet<&String> = models.iter().map(|r| &r["model"]).collect();
    assert_eq!(names.len(), 32);
    let value = |quantity: &str, estimator: &str, sample: &str, layer: &str| -> Vec<f64> {
        models
            .iter()
            .filter(|r| r["quantity"] == quantity && r["estimator"] == estimator)
            .filter(|r| r["sample"] == sample && r["layer"] == layer)
            .map(|r| r["value"].parse().unwrap())
            .collect()
    };
    // Twenty inputs cannot tell more than log₂ 20 bits by Monte Carlo, two training sets no more than one.
    let codes = value("I_XZ", "mc", "train", "encoder");
    assert!(codes.len() == 32 && codes.iter().all(|&v| v > 0.0 && v <= 20f64.log2() + 1e-9), "{codes:?}");
    let within = value("I_XZ_given_Y", "mc", "train", "encoder");
    assert!(codes.iter().zip(&within).all(|(all, own)| own < all));
    let weights = value("I_S_theta", "single-mixture", "", "classifier");
    assert!(weights.len() == 32 && weights.iter().all(|&v| v > 0.5 && v <= 1.0 + 1e-9), "{weights:?}");
    assert_eq!(value("bound", "jensen+single-jensen", "fresh-2", "encoder").len(), 32);
    // 2·(2·8 + 8 + 8·4 + 4) of the encoder and 5·4 + 5 of the classifier.
    assert!(value("parameters", "", "", "").contains(&145.0));
    let correlations = rows(&run.join("correlation.csv"));
    let first = correlations
        .iter()
        .find(|r| r["quantity"] == "norm_sum" && r["scope"] == "all" && r["coefficient"] == "kendall")
        .unwrap();
    assert_eq!((first["n_models"].as_str(), first["clusters"].as_str(), first["gap"].as_str()), ("32", "8", "loss"));
    assert!(first["ci_low"].parse::<f64>().unwrap() <= first["value"].parse::<f64>().unwrap());
    for file in ["figures/correlation.svg", "figures/quantities_over_gap.png", "report.html", "manifest.json"] {
        assert!(run.join(file).exists(), "{file}");
    }
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("32 models were trained") && page.contains("<h2>Correlations</h2>"));
    // The report is drawn again from the tables alone.
    std::fs::remove_dir_all(run.join("figures")).unwrap();
    narrows(dir.path()).args(["report", "run"]).succeeds();
    assert!(run.join("figures/correlation.svg").exists());
}

#[test]
fn a_killed_run_ends_in_the_same_bytes_on_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    config(dir.path(), TINY);
    narrows(dir.path()).args(["generalise", "config.toml", "--out", "whole", "--quiet", "--threads", "1"]).succeeds();
    let mut child = narrows(dir.path()).args(["generalise", "config.toml", "--out", "run", "--quiet"]).spawn().unwrap();
    let ledger = dir.path().join("run/.resume/models.jsonl");
    // Killed when some models are done, or at its end if that came first.
    for _ in 0..600 {
        let lines = std::fs::read_to_string(&ledger).map_or(0, |t| t.lines().count());
        if lines >= 5 || child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let _ = child.kill();
    child.wait().unwrap();
    if !dir.path().join("run/manifest.json").exists() {
        // A torn line, as a kill may leave it.
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new().append(true).open(&ledger).unwrap();
        file.write_all(b"{\"Model\":{\"ind").unwrap();
    }
    narrows(dir.path()).args(["generalise", "config.toml", "--out", "run", "--resume", "--quiet"]).succeeds();
    assert!(tables(&dir.path().join("run")) == tables(&dir.path().join("whole")), "other bytes after a kill");
    assert!(!dir.path().join("run/.resume").exists());
}

#[test]
fn dense_networks_on_digits() {
    let dir = tempfile::tempdir().unwrap();
    config(
        dir.path(),
        "[data]\nsource = \"digits\"\nseeds = [0, 1]\ntrain = [30, 60]\ntest = 100\n\
         [network]\nkind = \"dense\"\nwidths = [8]\ndepths = [2]\n\
         [training]\nepochs = 12\nseeds = [0]\nweight_decays = [0.0]\nconstraint_rates = [0.0]\nlearning_rate = 0.1\n\
         [swag]\nstart = 6\nrank = 3\n[information]\nfresh = [2]\n[analysis]\nmin_train_accuracy = 0.0\nbootstrap = 100\n",
    );
    narrows(dir.path()).args(["generalise", "config.toml", "--out", "run", "--quiet"]).succeeds();
    let models = rows(&dir.path().join("run/models.csv"));
    let has = |quantity: &str, estimator: &str, layer: &str| {
        models.iter().any(|r| r["quantity"] == quantity && r["estimator"] == estimator && r["layer"] == layer)
    };
    assert!(has("I_XZ", "binning", "hidden2") && has("I_XZ_given_Y", "channel-jensen", "min"));
    assert!(has("I_S_theta", "single-pairwise", "output") && has("bound", "binning+single-jensen", "min"));
    assert!(!models.iter().any(|r| r["layer"] == "output" && r["quantity"].starts_with("I_X")));
}

#[test]
fn a_wrong_config_says_which_key() {
    let dir = tempfile::tempdir().unwrap();
    config(dir.path(), "[swag]\nstart = 300\n");
    let text = failure(narrows(dir.path()).args(["generalise", "config.toml"]), 1);
    assert!(text.contains("config.toml") && text.contains("swag.start = 300"), "{text}");
    config(dir.path(), "[data]\nsource = \"digits\"\ntrain = [2000]\n");
    let text = failure(narrows(dir.path()).args(["generalise", "config.toml", "--out", "x"]), 1);
    assert!(text.contains("1797 digits"), "{text}");
}
