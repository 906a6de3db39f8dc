//! Arrays, labels and names of a concept job, from files.

use crate::run::{InputFile, within};
use crate::variable::{Values, VariableFile, columns_of};
use anyhow::{Context, Result, bail, ensure};
use ndarray::Array2;
use safetensors::SafeTensors;
use std::path::Path;

/// Words that stand for a missing label.
const MISSING: &[&str] = &["", "na", "nan", "n/a", "null", "none", "?"];

/// A matrix with the names of its columns, where the file has them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    /// [rows × columns]
    pub(crate) values: Array2<f64>,
    /// One a column, or none.
    pub(crate) names: Vec<String>,
    /// The file.
    pub(crate) file: InputFile,
}

/// Reads `FILE` or `FILE:WHICH`: npy, npz, safetensors, CSV, Parquet, IDX; one row a sample, further axes flattened.
///
/// # Errors
/// When the file cannot be read, or something in it is no number.
pub(crate) fn matrix(place: &str) -> Result<Matrix> {
    let (path, which) = within(place);
    if Path::new(path).extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors")) {
        return tensor(path, which).with_context(|| format!("cannot use {place}"));
    }
    let (columns, file) = columns_of(&VariableFile { place: place.into(), discrete: Some(false) })?;
    let rows = columns.first().map_or(0, |c| c.1.len());
    let values = Array2::from_shape_fn((rows, columns.len()), |(row, column)| columns[column].1[row]);
    // Columns without a name are numbered by the reader: that is no name.
    let numbered = columns.iter().enumerate().all(|(i, (name, _))| *name == (i + 1).to_string());
    let names = if numbered { vec![] } else { columns.into_iter().map(|c| c.0).collect() };
    Ok(Matrix { values, names, file })
}

/// Concept labels: as [`matrix`], but an empty field, `NA`, `nan` or `?` of a CSV is a missing label (NaN).
///
/// # Errors
/// As [`matrix`].
pub(crate) fn labels_with_gaps(place: &str) -> Result<Matrix> {
    let (path, which) = within(place);
    if !Path::new(path).extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        return matrix(place);
    }
    let attempt = || -> Result<Matrix> {
        let bytes = std::fs::read(path)?;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(&bytes[..]);
        let mut cells: Vec<Vec<String>> = Vec::new();
        for record in reader.records() {
            cells.push(record.context("it is not a table")?.iter().map(String::from).collect());
        }
        ensure!(!cells.is_empty(), "the file is empty");
        let gap = |text: &str| MISSING.contains(&text.to_ascii_lowercase().as_str());
        let named = cells[0].iter().any(|c| !gap(c) && c.parse::<f64>().is_err());
        let header = if named { cells.remove(0) } else { vec![] };
        let width = cells.first().map_or(header.len(), Vec::len);
        let keep: Vec<usize> = match which {
            None => (0..width).collect(),
            Some(which) => which
                .split(',')
                .map(|piece| {
                    let piece = piece.trim();
                    header.iter().position(|h| h == piece).with_context(|| format!("there is no column {piece}"))
                })
                .collect::<Result<_>>()?,
        };
        let mut values = Array2::zeros((cells.len(), keep.len()));
        for (row, line) in cells.iter().enumerate() {
            for (at, &column) in keep.iter().enumerate() {
                let text = &line[column];
                values[[row, at]] = if gap(text) {
                    f64::NAN
                } else {
                    text.parse().map_err(|_| {
                        let name = header.get(column).map_or((column + 1).to_string(), |h| format!("'{h}'"));
                        let line = row + 1 + usize::from(named);
                        anyhow::anyhow!(
                            "line {line}, column {name}: \"{text}\" is neither a number nor empty (missing)"
                        )
                    })?
                };
            }
        }
        let names = if named { keep.iter().map(|&c| header[c].clone()).collect() } else { vec![] };
        Ok(Matrix { values, names, file: InputFile::of(Path::new(path))? })
    };
    attempt().with_context(|| format!("cannot use {place}"))
}

/// One label a sample, as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Labels {
    /// Names.
    Names(Vec<String>),
    /// Whole numbers.
    Numbers(Vec<i64>),
}

impl Labels {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        match self {
            Labels::Names(names) => names.len(),
            Labels::Numbers(numbers) => numbers.len(),
        }
    }

    /// The distinct labels in their order: names alphabetically, numbers by size.
    pub(crate) fn classes(&self) -> Vec<String> {
        match self {
            Labels::Names(names) => {
                let mut distinct = names.clone();
                distinct.sort();
                distinct.dedup();
                distinct
            }
            Labels::Numbers(numbers) => {
                let mut distinct = numbers.clone();
                distinct.sort_unstable();
                distinct.dedup();
                distinct.iter().map(i64::to_string).collect()
            }
        }
    }

    /// The number of each sample's class. Whole numbers that are no class's name count the classes from 0.
    pub(crate) fn numbers(&self, classes: &[String]) -> Result<Vec<u32>> {
        let place = |label: &str| classes.iter().position(|c| c == label);
        let unknown = |row: usize, label: &str| {
            anyhow::anyhow!("row {}: '{label}' is none of the {} classes that are named", row + 1, classes.len())
        };
        match self {
            Labels::Names(names) => names
                .iter()
                .enumerate()
                .map(|(row, name)| place(name).map(|p| p as u32).ok_or_else(|| unknown(row, name)))
                .collect(),
            Labels::Numbers(numbers) => {
                let by_name = numbers.iter().all(|n| place(&n.to_string()).is_some());
                let number = |(row, &n): (usize, &i64)| {
                    let found = if by_name { place(&n.to_string()) } else { usize::try_from(n).ok() };
                    found.filter(|&k| k < classes.len()).map(|k| k as u32).ok_or_else(|| unknown(row, &n.to_string()))
                };
                numbers.iter().enumerate().map(number).collect()
            }
        }
    }
}

/// Reads one label a row from `FILE`, and from one of its columns where it has several.
///
/// # Errors
/// When the file has several columns and none is named, or a label is missing or no whole number.
pub(crate) fn labels(file: &str, column: Option<&str>) -> Result<(Labels, InputFile)> {
    let place = column.map_or(file.to_string(), |c| format!("{file}:{c}"));
    let (table, file) = VariableFile { place: place.clone(), discrete: None }.table()?;
    if table.columns.len() != 1 {
        let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).filter(|n| !n.is_empty()).collect();
        bail!(
            "{place} has {} columns ({}): say which holds the labels, by --label-column",
            table.columns.len(),
            if names.is_empty() { "without names".into() } else { names.join(", ") }
        );
    }
    let labels = match &table.columns[0].values {
        Values::Text(names) => {
            if let Some(row) = names.iter().position(String::is_empty) {
                bail!("{place}: the label of row {} is missing", row + 1);
            }
            Labels::Names(names.clone())
        }
        Values::Integer(values) | Values::Real(values) => {
            if let Some(row) = values.iter().position(|v| v.fract() != 0.0 || !v.is_finite()) {
                bail!("{place}: {} in row {} is no label: a whole number or a name is", values[row], row + 1);
            }
            Labels::Numbers(values.iter().map(|&v| v as i64).collect())
        }
        Values::Faulty { line, text } if text.is_empty() => bail!("{place}: the label in line {line} is missing"),
        // Names among numbers: all of them are names, so the file is read as text.
        Values::Faulty { line, text } => {
            bail!("{place}: line {line} holds \"{text}\" where other lines have numbers: give every class a name")
        }
    };
    Ok((labels, file))
}

/// One name a line; empty lines at the end are none.
///
/// # Errors
/// When the file cannot be read, is empty, or has an empty line in the middle.
pub(crate) fn names(path: &str) -> Result<(Vec<String>, InputFile)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the names {path}"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let names: Vec<String> = text.trim_end().lines().map(|l| l.trim().to_string()).collect();
    ensure!(!text.trim().is_empty(), "{path} is empty: one name a line is expected");
    if let Some(line) = names.iter().position(String::is_empty) {
        bail!("{path}: line {} is empty: one name a line is expected", line + 1);
    }
    Ok((names, InputFile::of(Path::new(path))?))
}

/// One tensor of a safetensors file; axes beyond the first are flattened.
fn tensor(path: &str, which: Option<&str>) -> Result<Matrix> {
    let bytes = std::fs::read(path)?;
    let file = SafeTensors::deserialize(&bytes).context("it is no safetensors file")?;
    let mut known = file.names();
    known.sort_unstable();
    let name = match (which, &known[..]) {
        (Some(name), _) => name,
        (None, [one]) => one,
        (None, _) => bail!("the file holds {}: say which, as {path}:NAME", known.join(", ")),
    };
    let view = file.tensor(name).with_context(|| format!("it has no tensor {name}; it has: {}", known.join(", ")))?;
    let shape = view.shape().to_vec();
    ensure!(!shape.is_empty() && shape.iter().all(|&s| s > 0), "the tensor {name} has the shape {shape:?}");
    let values =
        crate::concept::numbers::decode(view.dtype(), view.data()).with_context(|| format!("the tensor {name}"))?;
    let width = shape[1..].iter().product::<usize>();
    let values = Array2::from_shape_vec((shape[0], width), values)?;
    Ok(Matrix { values, names: vec![], file: InputFile::of(Path::new(path))? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let place = path.display().to_string();
        (dir, place)
    }

    #[test]
    fn concept_labels_may_be_missing() {
        let (_dir, place) = file("c.csv", b"red,blue\n1,\n0,NA\n1,0.5\n");
        let found = labels_with_gaps(&place).unwrap();
        assert_eq!(found.names, ["red", "blue"]);
        assert!(found.values[[0, 1]].is_nan() && found.values[[1, 1]].is_nan());
        assert_eq!(found.values.column(0), array![1.0, 0.0, 1.0]);
        assert_eq!(labels_with_gaps(&format!("{place}:blue")).unwrap().values[[2, 0]], 0.5);
        let (_dir, place) = file("c.csv", b"red,blue\n1,yes\n");
        let message = format!("{:#}", labels_with_gaps(&place).unwrap_err());
        assert!(message.contains("line 2, column 'blue': \"yes\""), "{message}");
    }

    #[test]
    fn labels_are_names_or_whole_numbers() {
        let (_dir, place) = file("l.csv", b"word,class\na,cat\nb,ant\nc,cat\n");
        let (found, _) = labels(&place, Some("class")).unwrap();
        let classes = found.classes();
        assert_eq!(classes, ["ant", "cat"]);
        assert_eq!(found.numbers(&classes).unwrap(), [1, 0, 1]);
        assert!(format!("{:#}", labels(&place, None).unwrap_err()).contains("--label-column"));
        let numbers = Labels::Numbers(vec![0, 1, 0]);
        assert_eq!(numbers.numbers(&["a".into(), "b".into()]).unwrap(), [0, 1, 0]);
        assert!(numbers.numbers(&["a".into()]).unwrap_err().to_string().contains("row 2: '1'"));
    }

    #[test]
    fn a_line_without_a_name_is_told() {
        let (_dir, place) = file("n.txt", b"red\n\nblue\n\n");
        assert!(names(&place).unwrap_err().to_string().contains("line 2 is empty"));
        let (_dir, place) = file("n.txt", b"red\r\nlight blue\n\n");
        assert_eq!(names(&place).unwrap().0, ["red", "light blue"]);
    }
}
