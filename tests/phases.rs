//! What follows from a plane: phases, means over seeds, agreement of estimators.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, narrows, rows};
use std::path::Path;

const CONFIG: &str = r#"
name = "net"
seeds = [3, 4]
[data]
inputs = "digits"
[network]
hidden = [6, 4]
[training]
epochs = 8
checkpoints = "every 1"
"#;

fn plane<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["plane", "--checkpoints", "run/checkpoints", "--inputs", "digits", "--samples", "200"];
    arguments.extend(["--estimator", "binning", "--estimator", "kde", "--out", out]);
    arguments.extend(more);
    arguments
}

fn quantities(table: &Path, quantity: &str) -> Vec<std::collections::HashMap<String, String>> {
    rows(table).into_iter().filter(|r| r["quantity"] == quantity).collect()
}

#[test]
fn seeds_are_averaged_estimators_compared_and_gradients_found() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.toml"), CONFIG).unwrap();
    narrows(dir.path()).args(["train", "config.toml", "--out", "run"]).succeeds();
    narrows(dir.path()).args(plane("plane", &["--threads", "1"])).succeeds();
    let out = dir.path().join("plane");
    // Two runs, two estimators, three layers.
    assert_eq!(quantities(&out.join("phases.csv"), "compresses").len(), 12);
    assert_eq!(quantities(&out.join("phases.csv"), "diffusion_epoch").len(), 6);
    let means = quantities(&out.join("plane_mean.csv"), "I_XT");
    assert!(means.len() == 9 * 2 * 3 && means.iter().all(|r| r["group"] == "net" && r["n_seeds"] == "2"));
    let by_hand = |epoch: &str| {
        let own = quantities(&out.join("plane.csv"), "I_XT");
        let of = own.iter().filter(|r| r["epoch"] == epoch && r["layer_index"] == "2" && r["estimator"] == "kde");
        of.map(|r| r["value"].parse::<f64>().unwrap()).sum::<f64>() / 2.0
    };
    let mean = means.iter().find(|r| r["epoch"] == "8" && r["layer_index"] == "2" && r["estimator"] == "kde").unwrap();
    assert!((mean["mean"].parse::<f64>().unwrap() - by_hand("8")).abs() < 1e-12);
    assert_eq!(quantities(&out.join("phases_mean.csv"), "compresses").len(), 6);
    assert!(rows(&out.join("agreement.csv")).iter().any(|r| r["comparison"] == "I_XT" && r["n"] == "2"));
    let checks = rows(&out.join("processing.csv"));
    assert!(checks.iter().filter(|r| r["metric"] == "pairs").all(|r| r["value"] == "3.0"));
    assert!(
        rows(&out.join("gradients.csv")).iter().any(|r| r["run"] == "net-seed4" && r["quantity"] == "gradient_snr")
    );

    // Drawn again from the tables, and computed by other threads, all is the same.
    let files = ["information_plane_mean", "information_over_epochs_mean", "compression_by_estimator", "training"];
    let drawn = || files.map(|f| std::fs::read(out.join(format!("figures/{f}.svg"))).unwrap());
    let before = drawn();
    std::fs::remove_dir_all(out.join("figures")).unwrap();
    narrows(dir.path()).args(["report", "plane"]).succeeds();
    assert!(before == drawn());
    narrows(dir.path()).args(plane("again", &["--threads", "4"])).succeeds();
    for table in ["phases.csv", "processing.csv", "plane_mean.csv", "phases_mean.csv", "agreement.parquet"] {
        let read = |folder: &str| std::fs::read(dir.path().join(folder).join(table)).unwrap();
        assert!(read("plane") == read("again"), "{table}");
    }

    // A log of the user's goes before what is found.
    std::fs::write(dir.path().join("log.csv"), "run,epoch,layer,gradient_snr\nnet-seed3,1,1,4\nnet-seed3,2,1,0.5\n")
        .unwrap();
    narrows(dir.path()).args(plane("logged", &["--gradients", "log.csv"])).succeeds();
    let changes = quantities(&dir.path().join("logged/phases.csv"), "snr_last");
    assert!(changes.len() == 1 && changes[0]["run"] == "net-seed3" && changes[0]["layer_index"] == "1");
    std::fs::write(dir.path().join("log.csv"), "run,epoch,layer,gradient_snr\nnet-seed3,1,conv9,4\n").unwrap();
    let refused = failure(narrows(dir.path()).args(plane("bad", &["--gradients", "log.csv"])), 1);
    assert!(refused.contains("row 2, column layer") && refused.contains("conv9"), "{refused}");
    assert!(!dir.path().join("bad").exists());
}
