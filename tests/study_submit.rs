//! `narrows study submit` with a stand-in for Slurm; on a real one: `tests/cluster/run.sh`.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, narrows};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const STUDY: &str = "
name = \"pairs\"
grid.estimator = [\"binning:bins=2\", \"binning:bins=4\", \"binning:bins=8\"]
[job]
command = \"mi\"
x = \"data.csv:a\"
y = \"data.csv:b\"
estimator = \"{estimator}\"
";

/// A folder with a study, and one with an `sbatch` that numbers jobs from 41 and an array of at most 5.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("study.toml"), STUDY).unwrap();
    let rows: String = (0..64).map(|i| format!("{},{}\n", i % 8, (i / 2) % 8)).collect();
    std::fs::write(dir.path().join("data.csv"), format!("a,b\n{rows}")).unwrap();
    tool(dir.path(), "sbatch", "echo \"$*\" >> \"${0%/*}/calls\"; echo $((40 + $(wc -l < \"${0%/*}/calls\")))");
    tool(dir.path(), "scontrol", "echo 'MaxArraySize            = 5'");
    dir
}

fn tool(dir: &Path, name: &str, line: &str) {
    let path = dir.join("bin").join(name);
    std::fs::create_dir_all(dir.join("bin")).unwrap();
    std::fs::write(&path, format!("#!/bin/bash\n{line}\n")).unwrap();
    Command::new("chmod").arg("+x").arg(&path).succeeds();
}

fn submit(dir: &Path, more: &[&str]) -> Command {
    let mut command = narrows(dir);
    let path = format!("{}:{}", dir.join("bin").display(), std::env::var("PATH").unwrap());
    command.env("PATH", path).args(["study", "submit", "study.toml", "--out", "out"]).args(more);
    command
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn failed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{command:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Runs a script that was submitted as Slurm would.
fn as_slurm(dir: &Path, script: &str, task: usize) -> std::process::Output {
    let file = dir.join("out/submit").join(script);
    Command::new("bash").arg(file).env("SLURM_ARRAY_TASK_ID", task.to_string()).current_dir("/").output().unwrap()
}

#[test]
fn a_dry_run_prints_everything_and_does_nothing() {
    let dir = folder();
    let printed = submit(dir.path(), &["--dry-run", "--tasks", "2"]).succeeds().stdout;
    let printed = String::from_utf8(printed).unwrap();
    for part in ["3 cells, 0 done, 3 to do", "#SBATCH --array=0-1\n", "study merge \"$out\"", "--dependency=afterany:"]
    {
        assert!(printed.contains(part), "{part}\n{printed}");
    }
    assert!(!dir.path().join("out").exists() && !dir.path().join("bin/calls").exists());
    let e = failed(submit(dir.path(), &["--tasks", "6"]));
    assert!(e.contains("at most 5"), "{e}");
    let e = failed(submit(dir.path(), &["--sbatch-arg=--array=3"]));
    assert!(e.contains("--tasks") && !dir.path().join("out/submit").exists(), "{e}");
}

#[test]
fn what_is_submitted_does_the_study_and_what_is_missing_is_submitted_again() {
    let dir = folder();
    let root = dir.path();
    let first = json(&submit(root, &["--tasks", "2", "--json"]).succeeds());
    assert_eq!(
        (first["array"].as_str(), first["merge"].as_str(), first["to_do"].as_u64()),
        (Some("41"), Some("42"), Some(3))
    );
    let calls = std::fs::read_to_string(root.join("bin/calls")).unwrap();
    assert!(calls.contains("--dependency=afterany:41"), "{calls}");

    // The second share never ran.
    assert!(as_slurm(root, "1/array.sh", 0).status.success());
    let merge = as_slurm(root, "1/merge.sh", 0);
    let said = String::from_utf8(merge.stderr).unwrap();
    assert!(merge.status.code() == Some(1) && said.contains("2 of 3 cells") && said.contains("study submit"), "{said}");

    let second = json(&submit(root, &["--tasks", "2", "--json"]).succeeds());
    assert_eq!((second["to_do"].as_u64(), second["array"].as_str()), (Some(2), Some("43")));
    assert!(second["notes"][0].as_str().unwrap().contains("submission 1 of"), "{second}");
    for task in 0..2 {
        assert!(as_slurm(root, "2/array.sh", task).status.success());
    }
    let merged = as_slurm(root, "2/merge.sh", 0);
    assert!(root.join("out/results.csv").exists(), "{}", String::from_utf8_lossy(&merged.stderr));
    let third = json(&submit(root, &["--json"]).succeeds());
    assert_eq!((third["to_do"].as_u64(), third["done"].as_u64()), (Some(0), Some(3)));
    assert_eq!(std::fs::read_to_string(root.join("bin/calls")).unwrap().lines().count(), 4);
}

#[test]
fn an_array_whose_merge_is_refused_is_told() {
    let dir = folder();
    tool(
        dir.path(),
        "sbatch",
        "case $* in *depend*) echo 'Invalid partition name specified' >&2; exit 1;; esac; echo 7",
    );
    let e = failed(submit(dir.path(), &[]));
    assert!(e.contains("(job 7)") && e.contains("narrows study merge") && e.contains("sinfo -s"), "{e}");
    let notes = std::fs::read_to_string(dir.path().join("out/submit/1/jobs.json")).unwrap();
    assert!(notes.contains("\"merge\": null"), "{notes}");
}
