//! A joint distribution from a file of counts or of pairs.

use crate::run::InputFile;
use crate::variable::{Column, Table, Values, VariableFile, symbols};
use anyhow::{Context, Result, bail, ensure};
use narrows_estimators::bottleneck::JointDistribution;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a file of a joint distribution holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum JointFormat {
    /// Told by the columns: `x,y,count` and `x,y` by their names (or --x, --y, --count), counts otherwise
    #[default]
    Auto,
    /// A matrix of counts: a row an x, a column a y; a first column of names is left out
    Counts,
    /// A row a pair, with how often it was seen in a third column
    Long,
    /// A row a sample: its x and its y
    Pairs,
}

/// A joint distribution as the user names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JointFile {
    /// Path, with `:NAME` for an array of an npz.
    pub place: String,
    /// What it holds.
    pub format: JointFormat,
    /// Column of x.
    pub x: Option<String>,
    /// Column of y.
    pub y: Option<String>,
    /// Column of counts.
    pub count: Option<String>,
}

/// A joint distribution as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedJoint {
    /// The distribution.
    pub joint: JointDistribution,
    /// The file.
    pub file: InputFile,
    /// What it was taken for.
    pub format: JointFormat,
}

/// Whole numbers up to which a float counts exactly.
const LARGEST_COUNT: f64 = (1u64 << 53) as f64;

impl JointFile {
    /// Reads the distribution.
    ///
    /// # Errors
    /// When the file cannot be read, its columns leave open what they are, a count is negative, fractional or none, or
    /// what it holds has no curve.
    pub fn load(&self) -> Result<LoadedJoint> {
        let (table, file) = self.variable(None).table()?;
        let (joint, format) = self.of(&table).with_context(|| format!("cannot use {}", self.place))?;
        Ok(LoadedJoint { joint, file, format })
    }

    fn of(&self, table: &Table) -> Result<(JointDistribution, JointFormat)> {
        let format = self.format(table)?;
        let named = |given: &Option<String>, name: &str, number: &str| {
            let known = table.columns.iter().any(|c| c.name == name);
            given.clone().unwrap_or_else(|| if known { name.into() } else { number.into() })
        };
        let (x, y) = (named(&self.x, "x", "1"), named(&self.y, "y", "2"));
        let joint = match format {
            JointFormat::Auto | JointFormat::Counts => JointDistribution::from_counts(counts(table)?.view())?,
            JointFormat::Pairs => JointDistribution::from_pairs(&self.symbols(table, &x)?, &self.symbols(table, &y)?)?,
            JointFormat::Long => {
                let (x, y) = (self.symbols(table, &x)?, self.symbols(table, &y)?);
                let title = named(&self.count, "count", "3");
                let counts = count_column(&self.column(table, &title)?, &title)?;
                JointDistribution::from_counted_pairs(&x, &y, &counts)?
            }
        };
        Ok((joint, format))
    }

    /// What the columns are.
    fn format(&self, table: &Table) -> Result<JointFormat> {
        let wants_pairs = self.x.is_some() || self.y.is_some();
        ensure!(
            !(self.format == JointFormat::Counts && (wants_pairs || self.count.is_some())),
            "--x, --y and --count name columns of pairs, and --format counts is a matrix: leave out one or the other"
        );
        ensure!(
            self.count.is_none() || self.format != JointFormat::Pairs,
            "--count names a column of counts, and --format pairs has none: leave it out, or give --format long"
        );
        if self.format != JointFormat::Auto {
            return Ok(self.format);
        }
        let has = |name: &str| table.columns.iter().any(|c| c.name == name);
        let is_text = |c: &Column| matches!(c.values, Values::Text(_));
        let texts = table.columns.iter().filter(|c| is_text(c)).count();
        Ok(match table.columns.len() {
            _ if self.count.is_some() => JointFormat::Long,
            _ if has("x") && has("y") && has("count") => JointFormat::Long,
            _ if wants_pairs || (has("x") && has("y")) => JointFormat::Pairs,
            2 if texts > 0 => JointFormat::Pairs,
            3 if texts == 2 => JointFormat::Long,
            2 => bail!(
                "two columns of numbers may be counts of two classes, or pairs of x and y: say --format counts or --format pairs"
            ),
            _ => JointFormat::Counts,
        })
    }

    fn variable(&self, column: Option<&str>) -> VariableFile {
        let place = column.map_or_else(|| self.place.clone(), |column| format!("{}:{column}", self.place));
        VariableFile { place, discrete: None }
    }

    /// The column of a name or number.
    fn column(&self, table: &Table, name: &str) -> Result<Column> {
        match table.select(Some(name)) {
            Ok(columns) => {
                ensure!(columns.len() == 1, "{name} names {} columns, and one is needed", columns.len());
                Ok(columns[0].clone())
            }
            // A first line that was not taken for names is one when a name is asked for.
            Err(_) if Path::new(&self.place).exists() => {
                let (table, _) = self.variable(Some(name)).table()?;
                table.columns.into_iter().next().context("it has no columns")
            }
            Err(e) => Err(e),
        }
    }

    /// A number for each value of a column.
    fn symbols(&self, table: &Table, name: &str) -> Result<Vec<u32>> {
        symbols(&[&self.column(table, name)?])
            .with_context(|| format!("column {name}: x and y are names or whole numbers"))
    }
}

/// The matrix of counts [inputs × classes].
fn counts(table: &Table) -> Result<Array2<u64>> {
    let names = usize::from(table.columns.len() > 2 && matches!(table.columns[0].values, Values::Text(_)));
    let mut columns = Vec::new();
    for (at, column) in table.columns.iter().enumerate().skip(names) {
        let title = if column.name.is_empty() { (at + 1).to_string() } else { column.name.clone() };
        columns.push(count_column(column, &title)?);
    }
    ensure!(
        columns.len() >= 2,
        "a matrix of counts has a column for each value of y, two at least, and this one has {}: for pairs give --x and --y",
        columns.len()
    );
    Ok(Array2::from_shape_fn((columns[0].len(), columns.len()), |(x, y)| columns[y][x]))
}

/// The counts of a column.
fn count_column(column: &Column, title: &str) -> Result<Vec<u64>> {
    match &column.values {
        Values::Real(values) | Values::Integer(values) => {
            values.iter().enumerate().map(|(row, v)| whole(*v, row + 1, title)).collect()
        }
        Values::Text(_) => bail!(
            "column {title} holds names, and counts were expected there: for a row a sample or a pair give --format pairs or \
             long, with --x and --y"
        ),
        Values::Faulty { line, text } if text.is_empty() => {
            bail!("line {line} of column {title}: a count is missing; write 0 for a pair that was never seen")
        }
        Values::Faulty { line, text } => bail!("line {line} of column {title}: \"{text}\" is no count"),
    }
}

/// A count.
fn whole(value: f64, row: usize, column: &str) -> Result<u64> {
    ensure!(
        value.is_finite() && value >= 0.0 && value.fract() == 0.0 && value <= LARGEST_COUNT,
        "{value} in row {row} of column {column} is no count: whole numbers from 0 to 2^53 are needed (multiply \
         probabilities by a large number and round them; give --format pairs for a row a sample)"
    );
    Ok(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, edit: impl Fn(&mut JointFile)) -> Result<LoadedJoint> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j.csv");
        std::fs::write(&path, text).unwrap();
        let mut file = JointFile { place: path.display().to_string(), ..JointFile::default() };
        edit(&mut file);
        file.load()
    }

    fn message(text: &str, edit: impl Fn(&mut JointFile)) -> String {
        format!("{:#}", load(text, edit).unwrap_err())
    }

    #[test]
    fn the_same_distribution_in_four_shapes() {
        let matrix = load("a,b,c\n3,1,0\n2,2,1\n", |_| ()).unwrap();
        assert_eq!(matrix.format, JointFormat::Counts);
        let named = load("input,a,b,c\none,3,1,0\ntwo,2,2,1\n", |_| ()).unwrap();
        let long = load("x,y,count\n0,a,3\n0,b,1\n1,a,2\n1,b,1\n1,b,1\n1,c,1\n", |_| ()).unwrap();
        let pairs = "class,input\na,0\na,0\na,0\nb,0\na,1\na,1\nb,1\nb,1\nc,1\n";
        let pairs = load(pairs, |f| (f.x, f.y) = (Some("input".into()), Some("class".into()))).unwrap();
        assert_eq!((long.format, pairs.format), (JointFormat::Long, JointFormat::Pairs));
        for other in [named, long, pairs] {
            assert_eq!(other.joint, matrix.joint);
        }
    }

    #[test]
    fn two_columns_of_numbers_must_be_told() {
        let text = "3,1\n2,2\n";
        assert!(message(text, |_| ()).contains("--format counts or --format pairs"));
        let counts = load(text, |f| f.format = JointFormat::Counts).unwrap().joint;
        assert_eq!(counts.conditional()[[0, 0]], 0.75);
        let pairs = load(text, |f| f.format = JointFormat::Pairs).unwrap().joint;
        assert!(pairs.is_deterministic());
        assert_eq!(load("cat,sat\ncat,ran\ndog,ran\n", |_| ()).unwrap().format, JointFormat::Pairs);
    }

    #[test]
    fn bad_tables_are_refused_with_what_to_do() {
        assert!(message("1,2,3\n4,-5,6\n", |_| ()).contains("-5 in row 2 of column 2 is no count"));
        assert!(message("1,2,3\n4,0.5,6\n", |_| ()).contains("0.5 in row 2 of column 2 is no count"));
        assert!(message("1,2,3\n4,nan,6\n", |_| ()).contains("NaN in row 2"));
        assert!(message("1,2,3\n4,,6\n", |_| ()).contains("line 2 of column 2: a count is missing"));
        assert!(message("1,0,0\n4,0,0\n", |_| ()).contains("only one value of y"));
        assert!(message("0,0,0\n0,0,0\n", |_| ()).contains("is empty"));
        assert!(message("", |_| ()).contains("empty"));
        assert!(message("x,y,count\n0,1,-2\n1,0,1\n", |_| ()).contains("-2 in row 1 of column count"));
        assert!(message("x,y\n0.5,1\n1,0\n", |_| ()).contains("0.5 in row 1 is no whole number"));
        assert!(
            message("1,2,3\n", |f| (f.format, f.x) = (JointFormat::Counts, Some("1".into()))).contains("leave out")
        );
        let e = JointFile { place: "none.csv".into(), ..JointFile::default() }.load().unwrap_err();
        assert!(format!("{e:#}").contains("none.csv: there is no such file"));
    }
}
