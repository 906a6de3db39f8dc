//! `narrows run` and `narrows study` over a grid of jobs: only what is missing is done, whatever ended it before.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, narrows, rows};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Two steps: networks, and their planes under two estimators.
const TWO_STEPS: &str = r#"
name = "tiny"

[grid]
activation = ["tanh", "relu"]
estimator = ["binning", "kde:variance=0.01"]
seed = { from = 0, to = 1 }

[[steps]]
command = "train"
seed = "{seed}"

[steps.config]
data = { inputs = "digits" }
network = { hidden = [6, 4], activation = "{activation}" }
training = { epochs = 20, checkpoints = "every 5", record = "every 5" }

[[steps]]
command = "plane"
checkpoints = "{train}/checkpoints"
inputs = "digits"
samples = 300
estimator = "{estimator}"
"#;

/// One step: what a file of numbers tells of itself.
const ONE_STEP: &str = r#"
name = "tells"

[grid]
estimator = ["gaussian", "ksg"]
x = ["a.csv:x", "b.csv:x"]

[job]
command = "mi"
y = "a.csv:y"
"#;

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// Columns x and y, in which y follows x with some noise that `shift` moves.
fn numbers(folder: &Path, name: &str, shift: u32) {
    let line = |i: u32| {
        let (x, noise) = ((i * 37 % 101) as f64, ((i * 53 + shift) % 97) as f64);
        format!("{},{}\n", x + 0.01 * noise, x + noise)
    };
    write(folder, name, &format!("x,y\n{}", (0..120).map(line).collect::<String>()));
}

/// Standard output of a command that succeeds.
fn said(command: &mut Command) -> String {
    String::from_utf8(command.succeeds().stdout).unwrap()
}

/// Standard error of a command that fails.
fn failure(command: &mut Command) -> String {
    common::failure(command, 1)
}

/// The bytes of every merged table.
fn merged(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(out).unwrap().map(|e| e.unwrap().path());
    let tables = files.filter(|p| p.extension().is_some_and(|e| e == "csv" || e == "parquet"));
    tables.map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&p).unwrap())).collect()
}

#[test]
fn a_job_is_its_command() {
    let dir = tempfile::tempdir().unwrap();
    numbers(dir.path(), "a.csv", 0);
    write(dir.path(), "job.toml", "command = \"mi\"\nx = \"a.csv:x\"\ny = \"a.csv:y\"\nestimator = \"gaussian\"\n");
    let of_job = said(narrows(dir.path()).args(["run", "job.toml", "--json"]));
    let own =
        said(narrows(dir.path()).args(["mi", "--x", "a.csv:x", "--y", "a.csv:y", "--estimator", "gaussian", "--json"]));
    let information = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["value"].clone();
    assert!(information(&own).is_number() && information(&own) == information(&of_job), "{own}");
    let line = said(narrows(dir.path()).args(["run", "job.toml", "--set", "unit=nats", "--dry-run"]));
    assert_eq!(line.trim(), "narrows mi --estimator=gaussian --unit=nats --x=a.csv:x --y=a.csv:y");

    write(dir.path(), "bad.toml", "command = \"mi\"\nestimatr = \"ksg\"\n");
    let e = failure(narrows(dir.path()).args(["run", "bad.toml"]));
    assert!(e.contains("bad.toml") && e.contains("'estimatr' is unknown (did you mean 'estimator'?)"), "{e}");
    write(dir.path(), "bad.toml", "command = \"plan\"\n");
    let e = failure(narrows(dir.path()).args(["run", "bad.toml"]));
    assert!(e.contains("there is no such work (did you mean 'plane'?)"), "{e}");
    write(dir.path(), "bad.toml", "command = \"concept\"\n");
    let e = failure(narrows(dir.path()).args(["run", "bad.toml"]));
    assert!(e.contains("a group of commands") && e.contains("concept fit"), "{e}");
    write(dir.path(), "bad.toml", "command = \"mi\"\nclip = 3\n");
    assert!(failure(narrows(dir.path()).args(["run", "bad.toml"])).contains("true or false"));
    write(dir.path(), "bad.toml", "command = \"mi\"\nx = { y = 1 }\n");
    assert!(failure(narrows(dir.path()).args(["run", "bad.toml"])).contains("no table"));
}

#[test]
fn a_config_may_stand_in_a_job() {
    let dir = tempfile::tempdir().unwrap();
    let config = "data = { inputs = \"digits\" }\nnetwork = { hidden = [4] }\ntraining = { epochs = 2 }\n";
    write(dir.path(), "config.toml", config);
    write(dir.path(), "job.toml", &format!("command = \"train\"\nout = \"a\"\n[config]\n{config}"));
    narrows(dir.path()).args(["run", "job.toml"]).succeeds();
    narrows(dir.path()).args(["train", "config.toml", "--out", "b"]).succeeds();
    let table = |run: &str| std::fs::read(dir.path().join(run).join("training.csv")).unwrap();
    assert!(table("a") == table("b"));
}

#[test]
fn only_what_is_missing_is_done_and_a_change_redoes_what_depends_on_it() {
    let dir = tempfile::tempdir().unwrap();
    numbers(dir.path(), "a.csv", 0);
    numbers(dir.path(), "b.csv", 5);
    write(dir.path(), "s.toml", ONE_STEP);
    let run = || {
        let text = said(narrows(dir.path()).args(["study", "run", "s.toml", "--out", "s", "--json", "--no-merge"]));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        (value["done"].as_u64().unwrap(), value["before"].as_u64().unwrap())
    };
    assert_eq!(run(), (4, 0));
    assert_eq!(run(), (0, 4));
    numbers(dir.path(), "b.csv", 9);
    assert_eq!(run(), (2, 2), "two of four read it");
    write(dir.path(), "s.toml", &ONE_STEP.replace("[\"gaussian\", \"ksg\"]", "[\"gaussian\", \"ksg\", \"ksg:k=5\"]"));
    assert_eq!(run(), (2, 4), "a grid may grow");
    narrows(dir.path()).args(["study", "merge", "s"]).succeeds();
    let table = rows(&dir.path().join("s/results.csv"));
    assert_eq!(table.len(), 6);
    assert!(table.iter().all(|r| !r["value"].is_empty() && !r["grid_x"].is_empty()), "{table:?}");
    // An option that is written out at its default is the same job.
    write(dir.path(), "s.toml", &ONE_STEP.replace("y = \"a.csv:y\"", "y = \"a.csv:y\"\nunit = \"bits\"\nseed = 0"));
    assert_eq!(run(), (0, 4));
}

#[test]
fn a_failure_stops_nothing_and_is_tried_again_on_request() {
    let dir = tempfile::tempdir().unwrap();
    numbers(dir.path(), "a.csv", 0);
    write(dir.path(), "b.csv", "x\n1\nnan\n");
    write(dir.path(), "s.toml", ONE_STEP);
    let e = failure(narrows(dir.path()).args(["study", "run", "s.toml", "--out", "s"]));
    assert!(e.contains("2 cell(s) failed") && e.contains("--retry") && e.contains("b.csv"), "{e}");
    let status = said(narrows(dir.path()).args(["study", "status", "s", "--json"]));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((status["steps"][0]["done"].as_u64(), status["steps"][0]["failed"].as_u64()), (Some(2), Some(2)));
    // Failures are no reason to have nothing: the others are merged, and the list says which are not there.
    narrows(dir.path()).args(["study", "merge", "s"]).succeeds();
    let cells = rows(&dir.path().join("s/cells.csv"));
    assert_eq!(cells.iter().filter(|r| r["status"] == "failed" && r["message"].contains("b.csv")).count(), 2);
    assert_eq!(rows(&dir.path().join("s/results.csv")).len(), 2);
    // Mended, the file is another one, and so are the cells.
    numbers(dir.path(), "b.csv", 5);
    narrows(dir.path()).args(["study", "run", "s.toml", "--out", "s", "--retry"]).succeeds();
    assert_eq!(rows(&dir.path().join("s/results.csv")).len(), 4);
}

#[test]
fn killed_at_any_moment_it_ends_in_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "s.toml", TWO_STEPS);
    narrows(dir.path()).args(["study", "run", "s.toml", "--out", "whole", "--jobs", "2"]).succeeds();
    for pause in [150, 400, 650, 900] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_narrows"))
            .current_dir(dir.path())
            .args(["study", "run", "s.toml", "--out", "killed", "--jobs", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    narrows(dir.path()).args(["study", "run", "s.toml", "--out", "killed", "--jobs", "1"]).succeeds();
    let (whole, killed) = (merged(&dir.path().join("whole")), merged(&dir.path().join("killed")));
    assert!(
        whole.contains_key("plane.csv")
            && whole.contains_key("training.parquet")
            && whole.contains_key("plane_mean.csv")
    );
    assert!(whole == killed, "{:?} {:?}", whole.keys(), killed.keys());
    let left = |name: &str| std::fs::read_dir(dir.path().join("killed").join(name)).unwrap().count();
    assert_eq!((left("claims"), left("work")), (0, 0), "nothing is left behind");
    let runs: std::collections::BTreeSet<String> =
        rows(&dir.path().join("whole/plane.csv")).iter().map(|r| r["run"].clone()).collect();
    assert_eq!(runs.into_iter().collect::<Vec<_>>(), ["relu-seed0", "relu-seed1", "tanh-seed0", "tanh-seed1"]);
}

#[test]
fn shares_and_processes_together_are_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "s.toml", TWO_STEPS);
    let start = |share: &str| {
        Command::new(env!("CARGO_BIN_EXE_narrows"))
            .current_dir(dir.path())
            .args(["study", "run", "s.toml", "--out", "s", "--jobs", "1", "--json", "--shard", share])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    // The middle share twice at once: two processes on the same cells.
    let children: Vec<_> = ["0/3", "1/3", "1/3", "2/3"].map(start).into_iter().collect();
    let mut done = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        done += value["done"].as_u64().unwrap();
    }
    assert_eq!(done, 12, "four networks and eight planes, each done once");
    narrows(dir.path()).args(["study", "merge", "s"]).succeeds();
    assert_eq!(rows(&dir.path().join("s/cells.csv")).len(), 12);
    let e = common::failure(narrows(dir.path()).args(["study", "run", "s.toml", "--out", "s", "--shard", "3/3"]), 2);
    assert!(e.contains("the last is 2/3"), "{e}");
}

#[test]
fn what_is_missing_is_said_and_a_plan_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "s.toml", TWO_STEPS);
    let plan = said(narrows(dir.path()).args(["study", "plan", "s.toml", "--out", "s"]));
    assert!(plan.contains("12 cells of 8 combinations; 12 to do") && plan.contains("--first 1"), "{plan}");
    assert!(!dir.path().join("s").exists());
    narrows(dir.path()).args(["study", "run", "s.toml", "--out", "s", "--first", "1"]).succeeds();
    let plan = said(narrows(dir.path()).args(["study", "plan", "s.toml", "--out", "s"]));
    assert!(plan.contains("10 to do, about"), "{plan}");
    let e = failure(narrows(dir.path()).args(["study", "merge", "s"]));
    assert!(e.contains("10 of 12 cells are not there yet") && e.contains("--partial"), "{e}");
    narrows(dir.path()).args(["study", "merge", "s", "--partial"]).succeeds();
    narrows(dir.path()).args(["report", "s"]).succeeds();
    let page = std::fs::read_to_string(dir.path().join("s/report.html")).unwrap();
    assert!(page.contains("10 of 12 cells are not in these tables"));

    write(dir.path(), "t.toml", &TWO_STEPS.replace("{activation}", "{activaton}"));
    let e = failure(narrows(dir.path()).args(["study", "plan", "t.toml"]));
    assert!(e.contains("{activaton} is no axis (did you mean 'activation'?)"), "{e}");
    write(dir.path(), "t.toml", &TWO_STEPS.replace("binning", "bining"));
    let e = failure(narrows(dir.path()).args(["study", "run", "t.toml"]));
    assert!(e.contains("bining") && e.contains("tanh-bining-seed0"), "{e}");
    assert!(!dir.path().join("notebooks-out").exists(), "a study that cannot be planned leaves nothing behind");
    write(dir.path(), "t.toml", &TWO_STEPS.replace("samples = 300", "sampels = 300"));
    let e = failure(narrows(dir.path()).args(["study", "plan", "t.toml"]));
    assert!(e.contains("'sampels' is unknown (did you mean 'samples'?)"), "{e}");
    let e = failure(narrows(dir.path()).args(["study", "run", "s.toml", "--out", "s", "--force"]));
    assert!(e.contains("stays good"), "{e}");
    let e = failure(narrows(dir.path()).args(["study", "run", "tishby-tanh", "--jobs", "2"]));
    assert!(e.contains("studies of many jobs"), "{e}");
}
