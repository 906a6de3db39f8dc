//! One variable from a file: which columns, and of which kind.

use super::symbols::{sound, symbols};
use super::table::{Column, Table, Values};
use super::tensors;
use crate::run::InputFile;
use crate::table::read_parquet;
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::load::{Format, gunzip, idx, npy, npz, sniff};
use narrows_estimators::OwnedVariable;
use ndarray::Array2;
use std::collections::HashSet;
use std::path::Path;

/// Distinct whole numbers up to which a column of floating-point numbers looks like labels.
const FEW: usize = 32;

/// A variable as the user names it: `FILE` or `FILE:WHICH`, and of which kind it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableFile {
    /// Path, with `:WHICH` for an array of an npz or columns of a table.
    pub place: String,
    /// Discrete or continuous by the user's word; by the file's types otherwise.
    pub discrete: Option<bool>,
}

/// A variable as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedVariable {
    /// The samples.
    pub variable: OwnedVariable,
    /// The file.
    pub file: InputFile,
    /// What the user may want to know of how it was read.
    pub note: Option<String>,
}

impl VariableFile {
    /// Reads the variable.
    ///
    /// Integers, truth values and names of a single column are discrete, everything else is continuous, unless
    /// [`VariableFile::discrete`] says otherwise. Several discrete columns are one variable: its values are their
    /// combinations.
    ///
    /// # Errors
    /// When the file cannot be read, has no such array or column, a value is missing or not a number, or a continuous
    /// variable is asked for of names.
    pub fn load(&self) -> Result<LoadedVariable> {
        let (path, which) = self.split()?;
        let source = read(Path::new(path), which, self.discrete).with_context(|| format!("cannot use {path}"))?;
        let attempt = || -> Result<(OwnedVariable, Option<String>)> {
            match source {
                Source::Numbers(matrix) => {
                    let note = (self.discrete.is_none() && matrix.ncols() == 1)
                        .then(|| labels_in_disguise(&matrix.column(0).to_vec()))
                        .flatten();
                    Ok((OwnedVariable::Continuous(matrix), note))
                }
                Source::Table(table, selection) => {
                    let columns = table.select(selection.as_deref())?;
                    ensure!(!columns.is_empty(), "it has no columns");
                    self.variable(&columns)
                }
            }
        };
        let (variable, note) = attempt().with_context(|| format!("cannot use {}", self.place))?;
        Ok(LoadedVariable { variable, file: InputFile::of(Path::new(path))?, note })
    }

    /// The columns that are named, or all, before anybody has said what they mean.
    ///
    /// # Errors
    /// When the file cannot be read, or has no such array or column.
    pub fn table(&self) -> Result<(Table, InputFile)> {
        let (path, which) = self.split()?;
        let attempt = || -> Result<Table> {
            Ok(match read(Path::new(path), which, self.discrete)? {
                Source::Table(table, selection) => {
                    Table { columns: table.select(selection.as_deref())?.into_iter().cloned().collect() }
                }
                Source::Numbers(matrix) => Table::of_matrix(matrix.view()),
            })
        };
        let table = attempt().with_context(|| format!("cannot use {path}"))?;
        Ok((table, InputFile::of(Path::new(path))?))
    }

    /// Bytes of the file; none where there is no such file.
    pub(crate) fn bytes(&self) -> u64 {
        self.split().ok().and_then(|(path, _)| std::fs::metadata(path).ok()).map_or(0, |found| found.len())
    }

    /// The path and what follows it after a colon, if the whole is not itself a file.
    pub(super) fn split(&self) -> Result<(&str, Option<&str>)> {
        if Path::new(&self.place).exists() {
            return Ok((&self.place, None));
        }
        match self.place.rsplit_once(':') {
            Some((path, which)) if Path::new(path).exists() => Ok((path, Some(which))),
            Some((path, _)) => bail!("{path}: there is no such file (from the working directory)"),
            None => bail!("{}: there is no such file (from the working directory)", self.place),
        }
    }

    /// Whether columns of these types are a discrete variable: by the user's word, or else by the types.
    pub(super) fn is_discrete(&self, columns: &[&Column]) -> bool {
        let by_type = columns.iter().all(|c| match c.values {
            Values::Text(_) => true,
            Values::Integer(_) => columns.len() == 1,
            _ => false,
        });
        self.discrete.unwrap_or(by_type)
    }

    fn variable(&self, columns: &[&Column]) -> Result<(OwnedVariable, Option<String>)> {
        sound(columns)?;
        if self.is_discrete(columns) {
            return Ok((OwnedVariable::Discrete(symbols(columns)?), None));
        }
        let matrix = matrix(columns)?;
        let note = (self.discrete.is_none() && matrix.ncols() == 1)
            .then(|| labels_in_disguise(matrix.as_slice().unwrap_or_default()))
            .flatten();
        Ok((OwnedVariable::Continuous(matrix), note))
    }
}

/// Columns of numbers next to each other.
pub(super) fn matrix(columns: &[&Column]) -> Result<Array2<f64>> {
    let mut numbers = Vec::with_capacity(columns.len());
    for column in columns {
        match &column.values {
            Values::Real(values) | Values::Integer(values) => numbers.push(values),
            _ => bail!(
                "column {} holds names, which are no continuous variable: choose others, as FILE:COLUMNS",
                column.name
            ),
        }
    }
    let rows = numbers.first().map_or(0, |first| first.len());
    Ok(Array2::from_shape_fn((rows, numbers.len()), |(row, column)| numbers[column][row]))
}

/// A column's name and its values.
type NamedColumn = (String, Vec<f64>);

/// All columns of a file as real numbers, with the names that it has for them (numbers from 1 where it has none).
///
/// # Errors
/// As [`VariableFile::load`].
pub(crate) fn columns_of(file: &VariableFile) -> Result<(Vec<NamedColumn>, InputFile)> {
    let (path, which) = file.split()?;
    let read = || -> Result<Vec<NamedColumn>> {
        let table = match read(Path::new(path), which, None)? {
            Source::Numbers(matrix) => {
                return Ok(matrix
                    .columns()
                    .into_iter()
                    .enumerate()
                    .map(|(i, c)| ((i + 1).to_string(), c.to_vec()))
                    .collect());
            }
            Source::Table(table, selection) => match selection {
                None => table,
                Some(_) => Table { columns: table.select(selection.as_deref())?.into_iter().cloned().collect() },
            },
        };
        let named = |(i, column): (usize, Column)| {
            let name = if column.name.is_empty() { (i + 1).to_string() } else { column.name };
            match column.values {
                Values::Real(values) | Values::Integer(values) => Ok((name, values)),
                Values::Text(_) => {
                    bail!("column {name} holds names, and numbers are needed: choose columns, as FILE:COLUMNS")
                }
                Values::Faulty { line, text } if text.is_empty() => {
                    bail!("line {line} of column {name}: a value is missing")
                }
                Values::Faulty { line, text } => bail!("line {line} of column {name}: \"{text}\" is not a number"),
            }
        };
        table.columns.into_iter().enumerate().map(named).collect()
    };
    let columns = read().with_context(|| format!("cannot use {}", file.place))?;
    ensure!(columns.iter().all(|(_, c)| c.len() == columns[0].1.len()), "its columns differ in length");
    Ok((columns, InputFile::of(Path::new(path))?))
}

/// What a file holds.
enum Source {
    /// A table, and which of its columns are asked for.
    Table(Table, Option<String>),
    /// Real numbers, all of them asked for: kept as they are, as a large array is not to be in memory twice.
    Numbers(Array2<f64>),
}

fn read(path: &Path, which: Option<&str>, discrete: Option<bool>) -> Result<Source> {
    let raw = std::fs::read(path)?;
    if raw.starts_with(b"PAR1") {
        return Ok(Source::Table(read_parquet(&raw)?, which.map(String::from)));
    }
    if tensors::is_safetensors(&raw) {
        drop(raw);
        return of_array(tensors::tensor(path, which)?.read()?, None, discrete);
    }
    let bytes = gunzip(&raw)?;
    let which = which.map(String::from);
    Ok(match sniff(&bytes)? {
        Format::Npy => of_array(npy::read(&bytes)?, which, discrete)?,
        Format::Idx => of_array(idx::read(&bytes)?, which, discrete)?,
        Format::Csv => {
            let by_name =
                which.as_deref().is_some_and(|w| w.chars().any(|c| !(c.is_ascii_digit() || ", -".contains(c))));
            Source::Table(Table::of_csv(&bytes, by_name)?, which)
        }
        Format::Npz => {
            let mut arrays = npz::read(&bytes)?;
            let known = || arrays.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let at = match &which {
                None if arrays.len() == 1 => 0,
                None => bail!("the archive holds {}: say which, as {}:NAME", known(), path.display()),
                Some(name) => {
                    let found = arrays.iter().position(|(n, _)| n == name);
                    found.with_context(|| format!("the archive has no array {name}; it has: {}", known()))?
                }
            };
            of_array(arrays.swap_remove(at).1, None, discrete)?
        }
    })
}

fn of_array(array: npy::NpyArray, which: Option<String>, discrete: Option<bool>) -> Result<Source> {
    let shape = array.values.shape().to_vec();
    if which.is_some() || discrete == Some(true) || Table::is_integer(&array) || shape.is_empty() {
        return Ok(Source::Table(Table::of_array(&array)?, which));
    }
    let width = shape[1..].iter().product::<usize>();
    ensure!(width > 0, "it has no columns");
    // Fortran's order is turned into C's, which costs a copy.
    let values = array.values;
    let values = if values.is_standard_layout() { values } else { values.as_standard_layout().into_owned() };
    Ok(Source::Numbers(values.into_shape_with_order((shape[0], width))?))
}

/// A note when a column of real numbers holds few distinct whole ones.
fn labels_in_disguise(values: &[f64]) -> Option<String> {
    let mut seen = Disguise::default();
    seen.add(values);
    seen.note()
}

/// What speaks for labels in a column of real numbers that comes a part at a time.
#[derive(Debug, Default)]
pub(super) struct Disguise {
    rows: usize,
    distinct: HashSet<u64>,
    refuted: bool,
}

impl Disguise {
    /// Looks at further values.
    pub(super) fn add(&mut self, values: &[f64]) {
        self.rows += values.len();
        for &value in values {
            if self.refuted {
                return;
            }
            self.distinct.insert(value.to_bits());
            self.refuted = value.fract() != 0.0 || !value.is_finite() || self.distinct.len() > FEW;
        }
    }

    /// What to say when they are few and whole.
    pub(super) fn note(&self) -> Option<String> {
        let count = self.distinct.len();
        (!self.refuted && count * 4 < self.rows)
            .then(|| format!("it holds {count} distinct whole numbers and is taken for continuous"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, content: &[u8], which: &str, discrete: Option<bool>) -> Result<LoadedVariable> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        VariableFile { place: format!("{}{which}", path.display()), discrete }.load()
    }

    fn message(name: &str, content: &[u8], which: &str, discrete: Option<bool>) -> String {
        format!("{:#}", load(name, content, which, discrete).unwrap_err())
    }

    #[test]
    fn columns_of_a_csv_by_name_and_by_number() {
        let csv = b"a,label,b\n1,cat,2.5\n3,ant,4\n5,cat,6\n";
        let found = load("t.csv", csv, ":a,b", None).unwrap().variable;
        assert_eq!(found, OwnedVariable::Continuous(ndarray::array![[1.0, 2.5], [3.0, 4.0], [5.0, 6.0]]));
        assert_eq!(load("t.csv", csv, ":label", None).unwrap().variable, OwnedVariable::Discrete(vec![0, 1, 0]));
        assert_eq!(load("t.csv", csv, ":2", None).unwrap().variable, OwnedVariable::Discrete(vec![0, 1, 0]));
        assert!(message("t.csv", csv, "", None).contains("label holds names"));
        assert!(message("t.csv", csv, ":c", None).contains("there are: a, label, b"));
    }

    #[test]
    fn several_discrete_columns_are_one_variable() {
        let found = load("t.csv", b"1,0\n0,1\n1,0\n1,1\n", "", Some(true)).unwrap().variable;
        assert_eq!(found, OwnedVariable::Discrete(vec![0, 1, 0, 2]));
        assert!(message("t.csv", b"1.5\n2\n", "", Some(true)).contains("1.5 in row 1 is no whole number"));
    }

    #[test]
    fn few_whole_numbers_are_remarked_upon() {
        let text: String = (0..40).map(|i| format!("{}\n", i % 3)).collect();
        assert!(load("t.csv", text.as_bytes(), "", None).unwrap().note.unwrap().contains("3 distinct whole numbers"));
        assert_eq!(load("t.csv", text.as_bytes(), "", Some(false)).unwrap().note, None);
    }

    #[test]
    fn faults_name_line_and_column() {
        assert!(message("t.csv", b"a,b\n1,2\n3,\n", ":b", None).contains("line 3 of column b: a value is missing"));
        assert!(load("t.csv", b"a,b\n1,2\n3,\n", ":a", None).is_ok());
        let e = VariableFile { place: "nowhere.npy".into(), discrete: None }.load().unwrap_err();
        assert!(e.to_string().starts_with("nowhere.npy: there is no such file"));
    }
}
