//! The tour, and what can be done with a finished run.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, narrows, rows};
use std::collections::BTreeSet;

#[test]
fn the_quick_tour_ends_with_a_report_that_can_be_redrawn() {
    let dir = tempfile::tempdir().unwrap();
    let output = narrows(dir.path()).args(["demo", "--quick"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("report.html") && said.contains("tanh") && said.contains("relu"), "{said}");
    let out = dir.path().join("notebooks-out/demo");
    let table = rows(&out.join("plane.csv"));
    let of = |column: &str| table.iter().map(|r| r[column].clone()).collect::<BTreeSet<_>>();
    assert_eq!(of("run").len(), 2);
    assert_eq!(of("estimator").len(), 3);
    assert_eq!(
        of("quantity"),
        BTreeSet::from(["H_T", "I_TY", "I_TY_HIGH", "I_TY_LOW", "I_XT", "I_XT_given_Y"].map(String::from))
    );
    assert!(table.iter().all(|r| r["value"].parse::<f64>().unwrap().is_finite()));
    assert!(out.join("checkpoints/tanh/epoch_00060.safetensors").exists());

    let (figure, report) = (out.join("figures/information_plane.svg"), out.join("report.html"));
    let before = (std::fs::read(&figure).unwrap(), std::fs::read(&report).unwrap());
    std::fs::remove_dir_all(out.join("figures")).unwrap();
    std::fs::remove_file(&report).unwrap();
    narrows(dir.path()).args(["report", "notebooks-out/demo"]).succeeds();
    assert_eq!((std::fs::read(&figure).unwrap(), std::fs::read(&report).unwrap()), before);
    narrows(dir.path())
        .args(["report", "notebooks-out/demo", "--color-scale", "linear", "--colormap", "cividis"])
        .succeeds();
    assert_ne!(std::fs::read(&figure).unwrap(), before.0);
}

#[test]
fn completions_and_pages_are_made() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = narrows(dir.path()).args(["completions", shell]).output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().contains("narrows"));
    }
    narrows(dir.path()).args(["man", "--out", "man"]).succeeds();
    assert!(dir.path().join("man/narrows-plane.1").exists());
    let help = narrows(dir.path()).args(["plane", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for entry in narrows::estimators::registry::ESTIMATORS.iter().filter(|entry| entry.is_plane()) {
        assert!(help.contains(entry.name) && help.contains(entry.summary.split(' ').next().unwrap()));
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let shell = format!("{} plane --help | head -1", env!("CARGO_BIN_EXE_narrows"));
    let output = std::process::Command::new("sh").args(["-c", &shell]).current_dir(dir.path()).output().unwrap();
    assert!(output.status.success() && !String::from_utf8_lossy(&output.stderr).contains("panic"));
}
