//! `narrows regress`: what it writes, and that a kill costs nothing.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, narrows, rows};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CONFIG: &str = r#"
seeds = [3, 4]
objectives = ["mse", "cs-ib", "vib", "nib", "hsic"]
betas = { cs-ib = [0.0, 0.1], vib = [0.01], nib = [0.01], hsic = [0.1] }
[network]
hidden = 16
code = 2
[training]
epochs = 6
[attacks]
epsilons = [0.1, 0.3]
steps = 3
[[data]]
inputs = "diabetes"
[[data]]
inputs = "friedman1"
samples = 120
noise = 2.0
"#;

/// The bytes of the tables and figures.
fn results(folder: &Path) -> Vec<Vec<u8>> {
    ["regression.csv", "regression_summary.csv", "regression.parquet", "figures/regression_plane.svg"]
        .map(|name| std::fs::read(folder.join(name)).unwrap())
        .into()
}

#[test]
fn tables_figures_and_report_hold_what_they_should() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("c.toml"), CONFIG).unwrap();
    narrows(dir.path()).args(["regress", "c.toml", "--out", "o"]).succeeds();
    let out = dir.path().join("o");
    let table = rows(&out.join("regression.csv"));
    // Two sets × six objective-weights × two seeds; best epoch, three errors, two attacks × two strengths, I(X;T) twice,
    // I(T;Y) twice, compression.
    assert_eq!(table.len(), 2 * 6 * 2 * (1 + 3 + 4 + 2 + 2 + 1));
    let value = |objective: &str, beta: &str, attack: &str, epsilon: &str| -> f64 {
        let found = table.iter().find(|r| {
            r["dataset"] == "diabetes"
                && (r["objective"].as_str(), r["beta"].as_str(), r["seed"].as_str()) == (objective, beta, "3")
                && (r["part"].as_str(), r["quantity"].as_str()) == ("test", "rmse")
                && (r["attack"].as_str(), r["epsilon"].as_str()) == (attack, epsilon)
        });
        found.unwrap()["value"].parse().unwrap()
    };
    for (objective, beta) in [("mse", "0.0"), ("cs-ib", "0.1"), ("vib", "0.01"), ("nib", "0.01"), ("hsic", "0.1")] {
        let clean = value(objective, beta, "none", "0.0");
        // The targets' standard deviation is 77: six epochs do better than the mean, and no better than is known.
        assert!((45.0..85.0).contains(&clean), "{objective}: {clean}");
        let attacked = [value(objective, beta, "fgsm", "0.1"), value(objective, beta, "fgsm", "0.3")];
        assert!(clean < attacked[0] && attacked[0] < attacked[1], "{objective}: {clean} {attacked:?}");
        assert!(value(objective, beta, "pgd", "0.3") > clean);
    }
    // Another loss from the same start: not the same network.
    assert_ne!(value("mse", "0.0", "none", "0.0"), value("cs-ib", "0.0", "none", "0.0"));
    let summary = rows(&out.join("regression_summary.csv"));
    assert_eq!(summary.len() * 2, table.len());
    assert!(summary.iter().all(|r| r["seeds"] == "2" && !r["ci_low"].is_empty()));
    for figure in ["regression_plane", "regression_robustness"] {
        assert!(out.join(format!("figures/{figure}.png")).exists());
    }
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains("Objectives at their chosen β") && report.contains("regression_summary.csv"));
    assert!(report.contains("Least Angle Regression"), "the data's source is told");
    // The effective config gives the same again, on one thread; so does redrawing.
    let first = results(&out);
    std::fs::copy(out.join("config.toml"), dir.path().join("again.toml")).unwrap();
    narrows(dir.path()).args(["regress", "again.toml", "--out", "again", "--threads", "1"]).succeeds();
    assert_eq!(results(&dir.path().join("again")), first);
    narrows(dir.path()).args(["report", "o"]).succeeds();
    assert_eq!(results(&out), first);
}

#[test]
fn a_killed_study_ends_in_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("c.toml"), CONFIG.replace("epochs = 6", "epochs = 40")).unwrap();
    let arguments = ["regress", "c.toml", "--out", "killed", "--resume"];
    let ledger = dir.path().join("killed/.resume/cells.jsonl");
    for cells in [2, 9] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_narrows"))
            .args(arguments)
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while std::fs::read_to_string(&ledger).map_or(0, |t| t.lines().count()) < cells {
            assert!(begun.elapsed() < Duration::from_secs(120), "it never got so far");
            assert!(child.try_wait().unwrap().is_none(), "it was done before it could be killed");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!dir.path().join("killed/regression.csv").exists());
    }
    let output = narrows(dir.path()).args(arguments).arg("--json").output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(summary["cells_resumed"].as_u64().unwrap() >= 9 && summary["networks"] == 24, "{summary}");
    narrows(dir.path()).args(["regress", "c.toml", "--out", "whole"]).succeeds();
    assert_eq!(results(&dir.path().join("killed")), results(&dir.path().join("whole")));
    let message = failure(narrows(dir.path()).args(arguments).args(["--seed", "9"]), 1);
    assert!(message.contains("config.seeds"), "{message}");
}

#[test]
fn a_file_of_ones_own_and_faults_that_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let table: String = (0..60)
        .map(|i| format!("{},{},{}\n", (i as f64 * 0.7).sin(), i % 7, (i as f64 * 0.7).sin() * 2.0 + 5.0))
        .collect();
    std::fs::write(dir.path().join("h.csv"), format!("a,b,price\n{table}")).unwrap();
    let short = "objectives = [\"mse\"]\nseeds = [0]\ntraining.epochs = 3\nattacks.methods = []\n[[data]]\ninputs = \"h.csv\"\n";
    let refuse = |text: &str| {
        std::fs::write(dir.path().join("c.toml"), text).unwrap();
        failure(narrows(dir.path()).args(["regress", "c.toml", "--out", "o"]), 1)
    };
    assert!(refuse(short).contains("which column holds the target"));
    assert!(refuse(&format!("{short}target = \"cost\"")).contains("a, b, price"));
    assert!(refuse("seeds = []").contains("seeds is empty"));
    assert!(refuse("[[data]]\ninputs = \"friedman1\"\nsamples = 5").contains("friedman1 cannot be split"));
    assert!(!dir.path().join("o").exists());
    std::fs::write(dir.path().join("c.toml"), format!("{short}target = \"price\"\nlog_target = true")).unwrap();
    narrows(dir.path()).args(["regress", "c.toml", "--out", "o"]).succeeds();
    let manifest = std::fs::read_to_string(dir.path().join("o/manifest.json")).unwrap();
    assert!(manifest.contains("h.csv") && manifest.contains("ln price"), "{manifest}");
    assert!(!dir.path().join("o/figures/regression_robustness.png").exists());
}
