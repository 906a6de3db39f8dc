//! `narrows ib-curve`, and its curve on a plane.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, failure, fixture, narrows, plane_of, rows};
use std::collections::HashMap;
use std::path::Path;

type Table = Vec<HashMap<String, String>>;

/// The value of a quantity of the whole distribution.
fn whole(table: &Table, quantity: &str) -> f64 {
    table.iter().find(|r| r["beta"].is_empty() && r["quantity"] == quantity).unwrap()["value"].parse().unwrap()
}

/// I(X;T) and I(T;Y) of every β.
fn points(table: &Table) -> Vec<(f64, f64, f64)> {
    let of = |q: &str| -> Vec<(f64, f64)> {
        let own = table.iter().filter(|r| !r["beta"].is_empty() && r["quantity"] == q);
        own.map(|r| (r["beta"].parse().unwrap(), r["value"].parse().unwrap())).collect()
    };
    of("I_XT").into_iter().zip(of("I_TY")).map(|((beta, x), (_, y))| (beta, x, y)).collect()
}

fn curve(folder: &Path, out: &str, arguments: &[&str]) -> Table {
    narrows(folder).args(["ib-curve", "--out", out]).args(arguments).succeeds();
    rows(&folder.join(out).join("ib_curve.csv"))
}

/// A binary symmetric channel that flips one in ten, as counts.
fn channel(folder: &Path) {
    std::fs::write(folder.join("bsc.csv"), "zero,one\n9,1\n1,9\n").unwrap();
}

#[test]
fn the_binary_symmetric_channel_has_its_golden_values() {
    let dir = tempfile::tempdir().unwrap();
    channel(dir.path());
    let search = ["--joint", "bsc.csv", "--format", "counts", "--beta-min", "2", "--beta-max", "50", "--points", "3"];
    let table = curve(dir.path(), "bsc", &[&search[..], &["--refine", "0"]].concat());
    let found = points(&table);
    // From an implementation in numpy, and from Mrs. Gerber's lemma.
    for ((beta, x, y), truth) in
        found.iter().zip([(2.0, 0.696433, 0.407234), (10.0, 0.999999, 0.531004), (50.0, 1.0, 0.531004)])
    {
        assert!(
            (beta - truth.0).abs() < 1e-9 && (x - truth.1).abs() < 6e-7 && (y - truth.2).abs() < 6e-7,
            "{beta} {x} {y}"
        );
    }
    assert!((whole(&table, "local_critical_beta") - 1.5625).abs() < 1e-9);
    assert!((whole(&table, "I_XY") - 0.5310044).abs() < 1e-6);
    let nats = curve(dir.path(), "nats", &[&search[..], &["--unit", "nats"]].concat());
    assert!((whole(&nats, "H_X") - std::f64::consts::LN_2).abs() < 1e-12);
    assert!(nats.len() > table.len(), "a refined curve has more points");
}

#[test]
fn a_run_is_whole_and_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    channel(dir.path());
    let arguments = ["--joint", "bsc.csv", "--format", "counts", "--points", "10", "--refine", "10"];
    curve(dir.path(), "a", &arguments);
    let other: Vec<&str> = arguments.into_iter().chain(["--threads", "1"]).collect();
    curve(dir.path(), "b", &other);
    let read = |run: &str, file: &str| std::fs::read(dir.path().join(run).join(file)).unwrap();
    for file in ["ib_curve.csv", "ib_curve.parquet", "figures/ib_curve.svg", "figures/ib_curve.png"] {
        assert!(read("a", file) == read("b", file), "{file}");
    }
    let report = String::from_utf8(read("a", "report.html")).unwrap();
    assert!(report.contains("Information-bottleneck curve") && report.contains("href=\"ib_curve.csv\""));
    let manifest: serde_json::Value = serde_json::from_slice(&read("a", "manifest.json")).unwrap();
    assert_eq!((&manifest["command"], &manifest["config"]["format"]), (&"ib-curve".into(), &"counts".into()));
    let findings = manifest["findings"].to_string();
    assert!(findings.contains("I(X;Y) = 0.5310 bits") && findings.contains("leaves zero at β from 1.56"), "{findings}");
    assert!(failure(narrows(dir.path()).args(["ib-curve", "--out", "a"]).args(arguments), 1).contains("complete run"));
    let resumed = narrows(dir.path()).args(["ib-curve", "--out", "a", "--resume"]).args(arguments).succeeds();
    assert!(String::from_utf8(resumed.stdout).unwrap().contains("complete already"));
    let before = read("a", "figures/ib_curve.svg");
    narrows(dir.path()).args(["report", "a"]).succeeds();
    assert!(before == read("a", "figures/ib_curve.svg"));
}

#[test]
fn the_twelve_bit_rule_is_a_corner_and_its_noisy_variant_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let corner = curve(dir.path(), "corner", &["--joint", "twelve-bit"]);
    assert!((whole(&corner, "H_X") - 12.0).abs() < 1e-9 && (whole(&corner, "I_XY") - 0.9991571208502711).abs() < 1e-12);
    assert!(corner.iter().all(|r| r["flags"] == "corner"));
    let noisy = curve(dir.path(), "noisy", &["--joint", "twelve-bit-noisy", "--points", "12", "--refine", "12"]);
    assert_eq!((whole(&noisy, "n_x"), whole(&noisy, "n_s")), (4096.0, 4.0));
    let (information, end) = (whole(&noisy, "I_XY"), whole(&noisy, "H_S"));
    assert!(information < 0.95 && end > 1.2);
    for (beta, x, y) in points(&noisy) {
        assert!(y <= x + 1e-12 && y <= information + 1e-12 && x <= end + 1e-12, "{beta}: {x} {y}");
    }
    assert!(points(&noisy).iter().any(|(_, x, y)| *x > 0.3 && *y < x - 0.01));
    let of = |arguments: &[&str]| failure(narrows(dir.path()).arg("ib-curve").args(arguments), 1);
    assert!(of(&["--joint", "twelve-bit", "--flip", "0.1"]).contains("belongs to --joint twelve-bit-noisy"));
    assert!(of(&["--joint", "twelve-bit-noisy", "--flip", "0.7"]).contains("from 0 to 0.5"));
    assert!(of(&["--joint", "twelve-bit", "--x", "a"]).contains("is built in"));
}

#[test]
fn bad_input_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    channel(dir.path());
    std::fs::write(dir.path().join("negative.csv"), "1,2,3\n4,-5,6\n").unwrap();
    std::fs::write(dir.path().join("one.csv"), "x,y\n1,7\n2,7\n").unwrap();
    std::fs::write(dir.path().join("none.csv"), "x,y\n1,7\n2,8\n1,8\n2,7\n").unwrap();
    let of = |arguments: &[&str]| failure(narrows(dir.path()).args(["ib-curve", "--joint"]).args(arguments), 1);
    assert!(of(&["negative.csv"]).contains("-5 in row 2 of column 2 is no count"));
    assert!(of(&["bsc.csv"]).contains("--format counts or --format pairs"));
    assert!(of(&["one.csv"]).contains("give a y of two values at least"));
    assert!(of(&["none.csv"]).contains("I(X;Y) = 0"));
    assert!(of(&["nowhere.csv"]).contains("no such file"));
    assert!(of(&["one.csv", "--x", "z", "--y", "y"]).contains("there are: x, y"));
    assert!(of(&["bsc.csv", "--format", "counts", "--beta-min", "5", "--beta-max", "2"]).contains("above beta-min"));
}

#[test]
fn the_plane_says_how_far_each_layer_is_from_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("auto");
    narrows(dir.path()).args(plane_of("epoch_00003.pt", &out)).args(["--ib-curve", "auto"]).succeeds();
    let table = rows(&out.join("plane.csv"));
    let value = |r: &HashMap<String, String>| r["value"].parse::<f64>().unwrap();
    let key = |r: &HashMap<String, String>| (r["layer"].clone(), r["estimator"].clone());
    let of = |q: &str| -> HashMap<_, f64> {
        table.iter().filter(|r| r["quantity"] == q).map(|r| (key(r), value(r))).collect()
    };
    let (x, y, distance, ratio) = (of("I_XT"), of("I_TY"), of("IB_distance"), of("IB_ratio"));
    let excess = of("IB_excess");
    assert_eq!((distance.len(), ratio.len(), excess.len()), (6, 6, 6));
    let labels = rows(Path::new(&fixture("inputs.csv")));
    let ones = labels.iter().filter(|r| r["label"] == "1").count() as f64 / labels.len() as f64;
    let h_y = -ones * ones.log2() - (1.0 - ones) * (1.0 - ones).log2();
    for (place, found) in &distance {
        // Sixteen different inputs: the labels are a function of them, and the bound is the corner.
        let bound = x[place].clamp(0.0, h_y);
        assert!((found - (bound - y[place])).abs() < 1e-9, "{place:?}");
        assert!((ratio[place] - y[place] / bound).abs() < 1e-9);
        assert!((excess[place] - (x[place] - y[place].clamp(0.0, h_y))).abs() < 1e-9);
    }
    let manifest = std::fs::read_to_string(out.join("manifest.json")).unwrap();
    assert!(manifest.contains("nearest to the information-bottleneck bound in the end is"), "{manifest}");
    assert!(manifest.contains("corner min(I(X;T), H(Y))"));
    let svg = std::fs::read_to_string(out.join("figures/information_plane.svg")).unwrap();
    assert!(svg.contains("IB bound") && out.join("figures/ib_curve.png").exists());

    // The same curve by way of a file gives the same distances.
    let pairs: String = labels.iter().enumerate().map(|(i, r)| format!("{i},{}\n", r["label"])).collect();
    std::fs::write(dir.path().join("pairs.csv"), format!("x,y\n{pairs}")).unwrap();
    curve(dir.path(), "curve", &["--joint", "pairs.csv"]);
    for (name, place) in [("folder", "curve"), ("file", "curve/ib_curve.csv")] {
        let out = dir.path().join(name);
        narrows(dir.path()).args(plane_of("epoch_00003.pt", &out)).args(["--ib-curve", place]).succeeds();
        let found = rows(&out.join("plane.csv"));
        assert_eq!(found.len(), table.len());
        for r in found.iter().filter(|r| r["quantity"] == "IB_distance") {
            assert!((value(r) - distance[&key(r)]).abs() < 1e-12);
        }
    }
    let nats = dir.path().join("nats");
    let in_nats = ["--ib-curve", "curve", "--unit", "nats"];
    narrows(dir.path()).args(plane_of("epoch_00003.pt", &nats)).args(in_nats).succeeds();
    for r in rows(&nats.join("plane.csv")).iter().filter(|r| r["quantity"] == "IB_distance") {
        assert!((value(r) - std::f64::consts::LN_2 * distance[&key(r)]).abs() < 1e-12);
    }
    let asked = |place: &str| {
        let out = dir.path().join("none");
        failure(narrows(dir.path()).args(plane_of("epoch_00003.pt", &out)).args(["--ib-curve", place]), 1)
    };
    assert!(asked("nowhere").contains("auto"));
    assert!(asked("pairs.csv").contains("does not fit the table's schema"));
}
