//! What a file holds, in columns, before anybody has said what it means.

use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::load::csv::open_quote;
use narrows_datasets::load::npy::NpyArray;

/// The values of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers of a floating-point type, or of a file that does not tell types.
    Real(Vec<f64>),
    /// Numbers of an integer type, or truth values.
    Integer(Vec<f64>),
    /// Names.
    Text(Vec<String>),
    /// Numbers, but for one place or more: a fault of this column, which hurts nobody who does not use it.
    Faulty {
        /// Line of the first, from 1.
        line: usize,
        /// What stands there; empty when nothing does.
        text: String,
    },
}

/// One column, with its name where the file has names.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name in the file; empty where it has none.
    pub name: String,
    /// One value a row.
    pub values: Values,
}

/// Columns of equal length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// In the file's order.
    pub columns: Vec<Column>,
}

impl Table {
    /// An array: its first axis are the samples, all others together the columns.
    ///
    /// # Errors
    /// When the array is a single number.
    pub fn of_array(array: &NpyArray) -> Result<Self> {
        let shape = array.values.shape();
        ensure!(!shape.is_empty(), "it is a single number: an array with one row a sample is needed");
        let (rows, width) = (shape[0], shape[1..].iter().product::<usize>());
        let integer = Self::is_integer(array);
        let mut columns = vec![Vec::with_capacity(rows); width];
        for (i, &value) in array.values.iter().enumerate() {
            columns[i % width].push(value);
        }
        let values = |v| if integer { Values::Integer(v) } else { Values::Real(v) };
        Ok(Self { columns: columns.into_iter().map(|v| Column { name: String::new(), values: values(v) }).collect() })
    }

    /// The columns of a matrix of real numbers.
    pub fn of_matrix(matrix: ndarray::ArrayView2<'_, f64>) -> Self {
        let column = |values: ndarray::ArrayView1<'_, f64>| Column {
            name: String::new(),
            values: Values::Real(values.to_vec()),
        };
        Self { columns: matrix.columns().into_iter().map(column).collect() }
    }

    /// Whether an array is of integers or truth values.
    pub fn is_integer(array: &NpyArray) -> bool {
        // The letter after the byte order: integers, unsigned integers, truth values; IDX bytes are `|u1`.
        array.dtype.chars().any(|c| matches!(c, 'i' | 'u' | 'b'))
    }

    /// Comma-separated text, with or without a line of names.
    ///
    /// The first line is names when it is asked for names, when it alone keeps a column from being numbers, or, in a
    /// table of text alone, when nothing of it comes again below.
    ///
    /// # Errors
    /// When it is not UTF-8, has no rows, or its rows differ in length.
    pub fn of_csv(bytes: &[u8], by_name: bool) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if let Some(line) = open_quote(bytes) {
            bail!("line {line}: a quote (\") is opened here and never closed: close it, or leave it out");
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(bytes);
        let mut cells: Vec<Vec<String>> = Vec::new();
        for record in reader.records() {
            let record = record.context("it is not a table")?;
            cells.resize(record.len(), Vec::new());
            record.iter().zip(&mut cells).for_each(|(field, column)| column.push(field.to_string()));
        }
        ensure!(!cells.is_empty(), "the file is empty");
        let number = |text: &String| text.parse::<f64>().is_ok();
        let named = by_name
            || cells.iter().any(|c| c.len() > 1 && !c[0].is_empty() && !number(&c[0]) && c[1..].iter().all(number))
            || cells.iter().all(|c| c.iter().all(|t| !number(t)) && !c[1..].contains(&c[0]));
        let skip = usize::from(named);
        ensure!(cells[0].len() > skip, "there is a line of names, but no row below it");
        let columns = cells
            .into_iter()
            .map(|column| {
                let name = if named { column[0].clone() } else { String::new() };
                let body = &column[skip..];
                // One number makes it a column of numbers: anything else in it is a fault.
                let values = match body.iter().position(|t| !number(t)) {
                    None => Values::Real(body.iter().filter_map(|t| t.parse().ok()).collect()),
                    Some(at) if body.iter().any(number) => {
                        Values::Faulty { line: at + 1 + skip, text: body[at].clone() }
                    }
                    Some(_) => Values::Text(body.to_vec()),
                };
                Column { name, values }
            })
            .collect();
        Ok(Self { columns })
    }

    /// The columns that a selection names (all, when it is `None`): names and numbers from 1 (also ranges `2-5`), joined by commas.
    ///
    /// # Errors
    /// When there is no such column, or two of the name; the message lists what there is.
    pub fn select(&self, selection: Option<&str>) -> Result<Vec<&Column>> {
        Ok(self.positions(selection)?.into_iter().map(|at| &self.columns[at]).collect())
    }

    /// The places, from 0, of the columns that [`Table::select`] yields.
    ///
    /// # Errors
    /// As [`Table::select`].
    pub fn positions(&self, selection: Option<&str>) -> Result<Vec<usize>> {
        let Some(selection) = selection else { return Ok((0..self.columns.len()).collect()) };
        let mut chosen = Vec::new();
        for piece in selection.split(',').map(str::trim) {
            if let Some((from, to)) = range(piece) {
                ensure!(
                    1 <= from && from <= to && to <= self.columns.len(),
                    "there is no column {piece}: columns are numbered from 1 to {}",
                    self.columns.len()
                );
                chosen.extend(from - 1..to);
                continue;
            }
            let mut named = self.columns.iter().enumerate().filter(|(_, c)| c.name == piece);
            match (named.next(), named.next()) {
                (Some((at, _)), None) => chosen.push(at),
                (Some(_), Some(_)) => bail!("two columns are called {piece}: give its number"),
                (None, _) => bail!("there is no column {piece}; {}", self.known()),
            }
        }
        Ok(chosen)
    }

    fn known(&self) -> String {
        let names: Vec<&str> =
            self.columns.iter().map(|c| c.name.as_str()).filter(|n| !n.is_empty()).take(30).collect();
        let count = self.columns.len();
        if names.is_empty() {
            format!("its {count} column(s) have no names: number them from 1")
        } else {
            format!("there are: {}{}", names.join(", "), if count > 30 { ", …" } else { "" })
        }
    }
}

fn range(piece: &str) -> Option<(usize, usize)> {
    let (from, to) = piece.split_once('-').unwrap_or((piece, piece));
    Some((from.parse().ok()?, to.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(table: &Table) -> Vec<&str> {
        table.columns.iter().map(|c| c.name.as_str()).collect()
    }

    #[test]
    fn a_line_of_names_is_told_from_a_first_row() {
        let csv = |text: &str| Table::of_csv(text.as_bytes(), false).unwrap();
        assert_eq!(names(&csv("a,b\n1,cat\n2,ant\n")), ["a", "b"]);
        assert_eq!(names(&csv("1,cat\n2,ant\n")), ["", ""]);
        assert_eq!(csv("1,cat\n2,ant\n").columns[1].values, Values::Text(vec!["cat".into(), "ant".into()]));
        assert_eq!(names(&csv("label\ncat\nant\ncat\n")), ["label"]);
        assert_eq!(names(&csv("cat\nant\ncat\n")), [""]);
    }

    #[test]
    fn a_fault_is_kept_with_its_column() {
        let table = Table::of_csv(b"a,b\n1,2\n3,\n", false).unwrap();
        assert_eq!(table.columns[0].values, Values::Real(vec![1.0, 3.0]));
        assert_eq!(table.columns[1].values, Values::Faulty { line: 3, text: String::new() });
        assert!(Table::of_csv(b"a,b\n1\n", false).is_err() && Table::of_csv(b"a,b\n", true).is_err());
    }

    #[test]
    fn columns_are_chosen_by_name_number_and_range() {
        let table = Table::of_csv(b"a,b,c,a\n1,2,3,4\n", true).unwrap();
        let chosen = |s: &str| table.select(Some(s)).map(|c| c.len());
        assert_eq!((chosen("b,3").unwrap(), chosen("1-4").unwrap(), table.select(None).unwrap().len()), (2, 4, 4));
        assert!(chosen("a").unwrap_err().to_string().contains("two columns are called a"));
        assert!(chosen("d").unwrap_err().to_string().contains("there are: a, b, c"));
        assert!(chosen("0").unwrap_err().to_string().contains("from 1 to 4"));
    }
}
