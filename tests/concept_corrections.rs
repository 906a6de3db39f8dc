//! `narrows concept intervene`, `narrows concept edit` and `narrows concept propagate`.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, narrows, rows};
use std::path::Path;

/// A bottleneck of the majority of three signs, which are all that its class depends on.
fn fitted(folder: &Path, builder: &str, out: &str) {
    let data = "tabular-toy:samples=800,correlation=0.3";
    narrows(folder).args(["concept", "fit", "--builder", builder, "--data", data, "--out", out]).succeeds();
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("'{text}' is no number"))
}

#[test]
fn corrections_lead_from_what_the_model_says_to_what_it_makes_of_the_truth() {
    let dir = tempfile::tempdir().unwrap();
    fitted(dir.path(), "cbm-independent:epochs=150", "a");
    fitted(dir.path(), "cem:epochs=5", "b");
    narrows(dir.path())
        .args(["concept", "intervene", "a", "b", "--policy", "random", "--policy", "greedy", "--error-rate", "0,1"])
        .args(["--seeds", "2", "--out", "i"])
        .succeeds();
    let curves = rows(&dir.path().join("i/curves.csv"));
    let of = |probe: &str, policy: &str, rate: &str, metric: &str| -> Vec<f64> {
        curves
            .iter()
            .filter(|r| {
                r["probe"] == probe && r["policy"] == policy && r["error_rate"] == rate && r["metric"] == metric
            })
            .map(|r| number(&r["value"]))
            .collect()
    };
    for probe in ["cbm-independent", "cem"] {
        let metrics = rows(&dir.path().join(if probe == "cem" { "b" } else { "a" }).join("metrics.csv"));
        let own = metrics.iter().find(|r| r["metric"] == "accuracy" && r["split"] == "test").unwrap();
        for policy in ["random", "greedy"] {
            let accuracy = of(probe, policy, "0.0", "accuracy");
            assert_eq!(accuracy.len(), 4, "none to three corrections");
            assert_eq!(accuracy[0], number(&own["value"]), "the curve starts at the model's own accuracy");
            // All corrected is the same, whatever the order.
            assert_eq!(accuracy[3], of(probe, "random", "0.0", "accuracy")[3]);
            assert_eq!(of(probe, policy, "0.0", "concept_accuracy")[3], 1.0);
            assert_eq!(of(probe, policy, "1.0", "concept_accuracy")[3], 0.0);
        }
        let area = |policy: &str| {
            let summary = rows(&dir.path().join("i/interventions.csv"));
            let row = summary
                .iter()
                .find(|r| {
                    r["probe"] == probe
                        && r["policy"] == policy
                        && r["metric"] == "auc_accuracy"
                        && r["error_rate"] == "0.0"
                })
                .unwrap();
            number(&row["value"])
        };
        assert!(area("greedy") >= area("random"), "{probe}");
    }
    // The head of the independent bottleneck was fitted to true concepts, of which the class is a function.
    assert!(of("cbm-independent", "random", "0.0", "accuracy")[3] > 0.9);
    assert!(of("cbm-independent", "random", "1.0", "accuracy")[3] < 0.1);
    assert!(
        dir.path().join("i/figures/concept_interventions.svg").exists() && dir.path().join("i/report.html").exists()
    );
}

#[test]
fn groups_have_costs_and_curves_over_them() {
    let dir = tempfile::tempdir().unwrap();
    fitted(dir.path(), "cbm-independent:epochs=5", "a");
    let metrics = std::fs::read_to_string(dir.path().join("a/weights.csv")).unwrap();
    let concept = |at: usize| metrics.lines().nth(at).unwrap().split(',').nth(2).unwrap().to_owned();
    let groups = format!("concept,group,cost\n{},pair,2.5\n{},pair,2.5\n", concept(1), concept(2));
    std::fs::write(dir.path().join("g.csv"), groups).unwrap();
    let usual = ["concept", "intervene", "a", "--policy", "uncertainty", "--out", "i"];
    let refused = failure(narrows(dir.path()).args(usual).arg("--grouped").args(["--concept-groups", "none.csv"]), 1);
    assert!(refused.contains("none.csv"), "{refused}");
    narrows(dir.path()).args(usual).args(["--grouped", "--per-cost", "--concept-groups", "g.csv"]).succeeds();
    let curves = rows(&dir.path().join("i/curves.csv"));
    let last = |axis: &str| {
        let own = curves.iter().filter(|r| r["axis"] == axis && r["metric"] == "accuracy");
        own.map(|r| number(&r["amount"])).fold(0.0, f64::max)
    };
    assert_eq!((last("number"), last("cost")), (2.0, 3.5));
    assert!(dir.path().join("i/figures/concept_interventions_cost.png").exists());
}

#[test]
fn an_edited_model_is_saved_and_its_gains_are_those_of_its_predictions() {
    let dir = tempfile::tempdir().unwrap();
    fitted(dir.path(), "cbm-sequential:epochs=20", "a");
    let weights = rows(&dir.path().join("a/weights.csv"));
    let (class, concept) = (weights[0]["class"].clone(), weights[0]["concept"].clone());
    let place = format!("{class}:{concept}");
    let target = "tabular-toy:samples=400,seed=7,correlation=0.3";
    narrows(dir.path())
        .args(["concept", "edit", "a", "--prune", &place, "--renormalise", "--data", target, "--out", "e"])
        .args(["--random-prunes", "50", "--resamples", "50"])
        .succeeds();
    let edited = rows(&dir.path().join("e/weights.csv"));
    let of = |rows: &[std::collections::HashMap<String, String>]| -> Vec<f64> {
        let own = rows.iter().filter(|r| r["class"] == class && r["concept"] != "(intercept)");
        own.map(|r| number(&r["weight"])).collect()
    };
    let (before, after) = (of(&weights), of(&edited));
    let norm = |w: &[f64]| w.iter().map(|v| v.abs()).sum::<f64>();
    assert!(after[0] == 0.0 && (norm(&before) - norm(&after)).abs() < 1e-9, "{before:?} {after:?}");
    let table = rows(&dir.path().join("e/edits.csv"));
    let find = |edit: &str, split: &str, metric: &str| {
        table
            .iter()
            .find(|r| r["edit"] == edit && r["split"] == split && r["metric"] == metric && r["class"].is_empty())
    };
    // Three prunes are possible of one class, so each was tried once.
    let random = find("random", "target", "accuracy").unwrap();
    assert_eq!((random["draws"].as_str(), random["flags"].as_str()), ("3", "every combination once"));
    assert!(
        find("greedy", "target-half", "accuracy").is_some() && find("fine-tuned", "target-half", "accuracy").is_some()
    );
    assert_eq!(rows(&dir.path().join("e/prunes.csv")).iter().filter(|r| r["split"] == "test").count(), 9);
    // The edited model is one like any other.
    narrows(dir.path()).args(["concept", "explain", "e", "--sample", "3", "--out", "x"]).succeeds();
    assert_eq!(rows(&dir.path().join("x/contributions.csv"))[0]["probe"], "cbm-sequential-edited");
    let metric = find("edit", "test", "accuracy").unwrap();
    narrows(dir.path())
        .args(["concept", "intervene", "e", "--policy", "random", "--most", "1", "--out", "i"])
        .succeeds();
    let curves = rows(&dir.path().join("i/curves.csv"));
    let start = curves.iter().find(|r| r["metric"] == "accuracy" && r["amount"] == "0.0").unwrap();
    assert_eq!(start["value"], metric["after"]);
}

#[test]
fn fine_tuning_moves_one_class_alone() {
    let dir = tempfile::tempdir().unwrap();
    fitted(dir.path(), "cbm-sequential:epochs=5", "a");
    let weights = rows(&dir.path().join("a/weights.csv"));
    let class = weights[0]["class"].clone();
    narrows(dir.path())
        .args(["concept", "edit", "a", "--fine-tune", &class, "--resamples", "50", "--out", "e"])
        .succeeds();
    let edited = rows(&dir.path().join("e/weights.csv"));
    assert!(weights.iter().zip(&edited).all(|(a, b)| (a["weight"] != b["weight"]) == (a["class"] == class)));
}

#[test]
fn what_cannot_be_corrected_or_edited_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fitted(dir.path(), "cbm-sequential:epochs=2", "a");
    fitted(dir.path(), "linear-probe", "p");
    let weights = rows(&dir.path().join("a/weights.csv"));
    let (class, concept) = (&weights[0]["class"], &weights[0]["concept"]);
    let run = |more: &[&str]| failure(narrows(dir.path()).arg("concept").args(more).args(["--out", "o"]), 1);
    let check = |more: &[&str], wanted: &str| {
        let message = run(more);
        assert!(message.contains(wanted), "'{wanted}' is not in: {message}");
        assert!(!dir.path().join("o").exists(), "something was written: {message}");
    };
    check(&["intervene", "a", "--policy", "best"], "there are: random, uncertainty, gradient, coop, k-flip, greedy");
    check(&["intervene", "a", "--policy", "coop:weight=1"], "coop has no parameter 'weight'");
    check(&["intervene", "nowhere"], "nowhere holds no model");
    check(&["edit", "a"], "nothing to edit");
    let misspelt = format!("{class}:{}", concept.to_uppercase());
    check(&["edit", "a", "--prune", &misspelt], &format!("did you mean '{concept}'?"));
    check(&["edit", "a", "--prune", &format!("nobody:{concept}")], "there is no class 'nobody'");
    check(&["edit", "a", "--weight", &format!("{class}:{concept}=high")], "'high' is no number");
    check(&["edit", "a", "--sign", "*:*=plus"], "'plus' is neither positive nor negative");
    check(&["intervene", "p"], "linear-probe");
}

/// Signs that go with each other, in a group of two and one alone.
fn grouped(folder: &Path) {
    std::fs::write(folder.join("g.csv"), groups(folder)).unwrap();
}

fn groups(folder: &Path) -> String {
    let weights = rows(&folder.join("a/weights.csv"));
    let mut concepts: Vec<&str> = vec![];
    for row in weights.iter().filter(|r| r["concept"] != "(intercept)") {
        if !concepts.contains(&row["concept"].as_str()) {
            concepts.push(&row["concept"]);
        }
    }
    assert_eq!(concepts.len(), 3);
    format!("{},pair\n{},pair\n", concepts[0], concepts[1])
}

#[test]
fn corrections_of_classical_bottlenecks_move_the_class_and_no_other_concept() {
    let dir = tempfile::tempdir().unwrap();
    fitted(dir.path(), "cbm-independent:epochs=20", "a");
    fitted(dir.path(), "cem:epochs=5", "b");
    grouped(dir.path());
    narrows(dir.path())
        .args(["concept", "propagate", "a", "b", "--phi", "0.05", "--concept-groups", "g.csv", "--out", "p"])
        .succeeds();
    let summary = rows(&dir.path().join("p/neighbours_summary.csv"));
    for probe in ["cbm-independent", "cem"] {
        let of = |over: &str, target: &str| {
            let found = summary.iter().find(|r| r["probe"] == probe && r["over"] == over && r["target"] == target);
            found.unwrap_or_else(|| panic!("{probe} has no {target} over {over}"))
        };
        for over in ["wrong", "all"] {
            for target in ["neighbours", "same_group", "others", "all_others"] {
                let row = of(over, target);
                assert_eq!((number(&row["change"]), number(&row["std_error"])), (0.0, 0.0), "{probe} {target}");
            }
            assert!(number(&of(over, "all_concepts")["change"]) > 0.0);
        }
        // The accuracies before are the model's own: of the class over all samples, each counted once a concept.
        let folder = if probe == "cem" { "b" } else { "a" };
        let metrics = rows(&dir.path().join(folder).join("metrics.csv"));
        let own = metrics.iter().find(|r| r["metric"] == "accuracy" && r["split"] == "test").unwrap();
        let class = of("all", "class");
        assert!((number(&class["before"]) - number(&own["value"])).abs() < 1e-12);
        assert_eq!(number(&class["n_corrections"]), 3.0 * number(&class["n_samples"]));
        // Each concept by itself pools to the same.
        let single = rows(&dir.path().join("p/neighbours.csv"));
        let parts = single.iter().filter(|r| r["probe"] == probe && r["over"] == "wrong" && r["target"] == "class");
        let sum: f64 = parts.map(|r| number(&r["change"]) * number(&r["n_corrections"])).sum();
        let pooled = of("wrong", "class");
        assert!((sum - number(&pooled["change"]) * number(&pooled["n_corrections"])).abs() < 1e-9);
    }
    let manifest = std::fs::read_to_string(dir.path().join("p/manifest.json")).unwrap();
    assert!(manifest.contains("no other concept moves, by construction"));
    assert!(dir.path().join("p/figures/concept_neighbours.svg").exists() && dir.path().join("p/report.html").exists());
    // As wholes: two units, and no concept of the unit's own group is left.
    let usual = ["concept", "propagate", "a", "--concept-groups", "g.csv"];
    narrows(dir.path()).args(usual).args(["--grouped", "--samples", "50", "--out", "g"]).succeeds();
    let grouped = rows(&dir.path().join("g/neighbours_summary.csv"));
    let all = grouped.iter().find(|r| r["over"] == "all" && r["target"] == "class").unwrap();
    assert_eq!(
        (all["n_corrections"].as_str(), all["n_samples"].as_str(), all["units"].as_str()),
        ("100", "50", "group")
    );
    assert!(!grouped.iter().any(|r| r["target"] == "same_group"));
    // One sample: what was told stands, the rest stays, the class follows the head.
    let pair = std::fs::read_to_string(dir.path().join("g.csv")).unwrap();
    let concept = pair.split(',').next().unwrap();
    narrows(dir.path())
        .args(usual)
        .args(["b", "--sample", "3", "--set-group", &format!("pair={concept}"), "--out", "s"])
        .succeeds();
    let one = rows(&dir.path().join("s/propagation.csv"));
    for row in one.iter().filter(|r| r["kind"] == "concept") {
        match row["told"].as_str() {
            "" => assert_eq!(row["before"], row["after"]),
            told => assert_eq!(told, row["after"]),
        }
    }
    assert_eq!(one.iter().filter(|r| !r["told"].is_empty()).count(), 4, "two concepts of two bottlenecks");
    let total: f64 =
        one.iter().filter(|r| r["kind"] == "class" && r["probe"] == "cem").map(|r| number(&r["after"])).sum();
    assert!((total - 1.0).abs() < 1e-9);
    assert!(dir.path().join("s/figures/concept_propagation.png").exists());
    narrows(dir.path()).args(["report", "s"]).succeeds();
}

#[test]
fn what_cannot_be_told_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    fitted(dir.path(), "cbm-sequential:epochs=2", "a");
    fitted(dir.path(), "linear-probe", "p");
    let weights = rows(&dir.path().join("a/weights.csv"));
    let concept = &weights[0]["concept"];
    let check = |more: &[&str], code: i32, wanted: &str| {
        let message = failure(narrows(dir.path()).args(["concept", "propagate"]).args(more).args(["--out", "o"]), code);
        assert!(message.contains(wanted), "'{wanted}' is not in: {message}");
        assert!(!dir.path().join("o").exists(), "something was written: {message}");
    };
    check(&["a", "--sample", "3"], 1, "nothing is told of it");
    check(&["a", "--sample", "3-4", "--set", &format!("{concept}=absent")], 1, "2 samples are named");
    check(&["a", "--sample", "3", "--set", &format!("{concept}x=absent")], 1, &format!("did you mean '{concept}'?"));
    check(&["a", "--sample", "3", "--set", &format!("{concept}=maybe")], 1, "neither present nor absent");
    check(&["a", "--sample", "3", "--set-group", "pair=x"], 1, "--concept-groups");
    check(&["a", "--sample", "3", "--set-class", &weights[0]["class"]], 1, "no joint model");
    check(&["a", "--trace"], 1, "no joint model");
    check(&["a", "--set", &format!("{concept}=absent")], 2, "--sample");
    check(&["a", "--phi", "0"], 2, "above 0");
    check(&["p"], 1, "linear-probe");
    check(&["a", "--grouped"], 1, "--concept-groups");
}
