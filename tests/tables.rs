//! The tables as others read them: the catalogue holds for what commands write, and the scripts of `docs/notebooks.md` draw
//! from it.
//!
//! The scripts need a Python with pandas, polars and matplotlib (`NARROWS_PYTHON`, else `python3`), and R; where there is
//! none, that is said on standard error, and they are skipped.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Expect, narrows};
use narrows::table::entry_of;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/notebooks")
}

/// What is missing of the catalogue for the CSV files at the top of a folder: file and header.
fn unknown(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let tables: Vec<PathBuf> = files.filter(|p| p.extension().is_some_and(|e| e == "csv")).collect();
    assert!(!tables.is_empty(), "{}", folder.display());
    let whole = |path: &PathBuf| {
        let mut reader = csv::Reader::from_path(path).unwrap();
        let header: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        // Those of `concepts.csv` are the names of the concepts.
        let known = stem == "concepts" || entry_of(stem, &header).is_some_and(|e| e.columns.len() == header.len());
        (!known).then(|| format!("{}: {header:?}", path.display()))
    };
    tables.iter().filter_map(whole).collect()
}

#[test]
fn what_commands_write_is_in_the_catalogue() {
    let dir = tempfile::tempdir().unwrap();
    let data = ["concept", "data", "birds:samples=40", "--out", "birds"];
    let fit = ["concept", "fit", "--builder", "cbm-joint", "--data", "xor:samples=100", "--out", "fit"];
    let compare = ["concept", "compare", "--builder", "linear-probe", "--data", "xor:samples=100", "--out", "compare"];
    let samples = ["bench", "samples", "--suite", "dials", "--n", "20", "--seeds", "1", "--out", "samples"];
    for arguments in [&data[..], &fit[..], &compare[..], &samples[..]] {
        narrows(dir.path()).args(arguments).succeeds();
        assert_eq!(unknown(&dir.path().join(arguments[arguments.len() - 1])), Vec::<String>::new());
    }
}

#[test]
fn the_page_shows_the_very_scripts() {
    let page = include_str!("../docs/notebooks.md");
    let mut shown = 0;
    for file in fs::read_dir(examples()).unwrap().map(|e| e.unwrap().path()) {
        let language = match file.extension().and_then(|e| e.to_str()) {
            Some("py") => "python",
            Some("R") => "r",
            _ => "toml",
        };
        let block = format!("```{language}\n{}```\n", fs::read_to_string(&file).unwrap());
        assert!(page.contains(&block), "docs/notebooks.md does not show {} as it is", file.display());
        shown += 1;
    }
    assert_eq!(shown, 6);
}

#[test]
fn the_scripts_of_the_page_draw_what_narrows_wrote() {
    let python = std::env::var("NARROWS_PYTHON").unwrap_or_else(|_| "python3".into());
    let python = works(&python, &["-c", "import pandas, polars, matplotlib"]).then_some(python);
    let r = works("Rscript", &["-e", "1"]);
    let ggplot = r && works("Rscript", &["-e", "library(ggplot2)"]);
    for (there, what) in [
        (python.is_some(), "scripts for Python, as there is none with pandas, polars and matplotlib (NARROWS_PYTHON)"),
        (r, "script for R, as there is no Rscript"),
        (ggplot, "script for ggplot2, which is not there"),
    ] {
        if !there {
            // Not by a macro, whose lines the test runner keeps to itself.
            let _ = writeln!(std::io::stderr(), "SKIPPED: the {what}");
        }
    }
    if python.is_none() && !r {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    narrows(dir.path()).args(["demo", "--quick", "--out", "demo", "--quiet"]).succeeds();
    assert_eq!(unknown(&dir.path().join("demo")), Vec::<String>::new());
    let draw = |program: &str, script: &str, arguments: &[&str]| -> Vec<u8> {
        let picture = dir.path().join(format!("{script}.png"));
        let mut command = Command::new(program);
        command.current_dir(dir.path()).env("MPLBACKEND", "Agg").env("MPLCONFIGDIR", dir.path());
        command.arg(examples().join(script)).args(arguments).arg(&picture).succeeds();
        let bytes = fs::read(&picture).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 10_000, "{script}: {} bytes", bytes.len());
        bytes
    };
    if let Some(python) = &python {
        let of_csv = draw(python, "plane_pandas.py", &["demo", "adaptive"]);
        let of_parquet = draw(python, "plane_polars.py", &["demo", "adaptive"]);
        assert!(of_csv == of_parquet, "CSV and Parquet of one run are drawn differently");
        study(dir.path());
        draw(python, "merged_study.py", &["study"]);
        metadata(python, dir.path());
    }
    if r {
        draw("Rscript", "plane.R", &["demo", "adaptive"]);
    }
    if ggplot {
        draw("Rscript", "plane_ggplot2.R", &["demo", "adaptive"]);
    }
}

fn works(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|o| o.status.success())
}

/// A small study of the networks of the tour, merged.
fn study(folder: &Path) {
    let text = "name = 'study'\n[grid]\nactivation = ['tanh', 'relu']\nseed = [0, 1]\n[job]\ncommand = 'plane'\n\
                checkpoints = ['demo/checkpoints/{activation}']\ninputs = 'digits'\nsamples = 100\nseed = '{seed}'\n";
    fs::write(folder.join("study.toml"), text).unwrap();
    narrows(folder).args(["study", "run", "study.toml", "--out", "study", "--quiet"]).succeeds();
    narrows(folder).args(["study", "merge", "study", "--quiet"]).succeeds();
}

/// Parquet and CSV of a merged study are the same table for polars, and the file says what its columns are.
fn metadata(python: &str, folder: &Path) {
    let script = "\
import json, polars as pl
file = 'study/plane.parquet'
about, table = pl.read_parquet_metadata(file), pl.read_parquet(file)
columns = json.loads(about['narrows.columns'])
assert about['narrows.table'] == 'plane' and [c['name'] for c in columns] == table.columns
assert columns[0]['name'] == 'cell' and all(c['meaning'] for c in columns)
types = {'text': pl.String, 'integer': pl.Int64, 'real': pl.Float64}
assert [types[c['type']] for c in columns] == table.dtypes
text = pl.read_csv('study/plane.csv', infer_schema_length=None, schema_overrides=table.schema)
assert text.with_columns(pl.col(pl.String).fill_null('')).equals(table)
";
    Command::new(python).current_dir(folder).args(["-c", script]).succeeds();
}
