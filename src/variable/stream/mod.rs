//! Variables that are read some rows at a time, as often as it takes, and never held as a whole.
//!
//! What comes out is what [`VariableFile::load`] yields, a part at a time: the same columns, the same kind, the same
//! numbers for the same labels. Files are read at their positions and not mapped into memory: a mapping needs code that
//! Rust cannot check, and a file that shrinks under it ends the program (SIGBUS), where here it is an error that names
//! the file. The system's page cache serves both alike.

mod array;
mod csv;
mod open;
mod parquet;

use super::file::{Disguise, VariableFile, matrix};
use super::symbols::{Symbols, sound};
use super::table::{Column, Table};
use anyhow::{Context, Result, bail, ensure};
use narrows_estimators::OwnedVariable;
use ndarray::Array2;

/// Rows of a file, in their order.
trait Rows: Send {
    /// The columns: their names and types, without values.
    fn schema(&self) -> &Table;

    /// How many rows there are.
    fn count(&self) -> usize;

    /// Bytes that a row takes in memory while it is in hand, when these columns are asked for.
    fn bytes_of_row(&self, columns: &[usize]) -> usize;

    /// Back to the first row.
    fn rewind(&mut self) -> Result<()>;

    /// At most so many further rows of these columns; fewer at the end alone.
    fn next(&mut self, most: usize, columns: &[usize]) -> Result<Piece>;

    /// Whether the file is what it was when it was opened.
    fn is_unchanged(&self) -> bool;
}

/// Some rows.
enum Piece {
    /// Numbers, [rows × columns].
    Matrix(Array2<f64>),
    /// Columns of whatever they hold.
    Columns(Vec<Column>),
}

/// A variable whose rows are read when they are asked for.
pub(crate) struct VariableStream {
    place: String,
    rows: Box<dyn Rows>,
    columns: Vec<usize>,
    discrete: bool,
    symbols: Symbols,
    at: usize,
    /// Of a single column that may hold labels, until it has been read once.
    disguise: Option<Disguise>,
    note: Option<String>,
}

impl VariableFile {
    /// Opens the variable to be read some rows at a time.
    ///
    /// # Errors
    /// As [`VariableFile::load`]; also when the file can only be read as a whole: the message says what to do.
    pub(crate) fn stream(&self) -> Result<VariableStream> {
        let (path, which) = self.split()?;
        let attempt = || -> Result<VariableStream> {
            let (rows, which) = open::open(path.as_ref(), which)?;
            let columns = rows.schema().positions(which.as_deref())?;
            let chosen: Vec<&Column> = columns.iter().map(|&at| &rows.schema().columns[at]).collect();
            ensure!(!chosen.is_empty(), "it has no columns");
            sound(&chosen)?;
            let discrete = self.is_discrete(&chosen);
            if !discrete {
                // For its refusal of names.
                matrix(&chosen)?;
            }
            let may_be_labels = !discrete && self.discrete.is_none() && columns.len() == 1;
            Ok(VariableStream {
                place: self.place.clone(),
                rows,
                columns,
                discrete,
                symbols: Symbols::default(),
                at: 0,
                disguise: may_be_labels.then(Disguise::default),
                note: None,
            })
        };
        attempt().with_context(|| format!("cannot use {path}"))
    }
}

impl VariableStream {
    /// Samples.
    pub(crate) fn count(&self) -> usize {
        self.rows.count()
    }

    /// Columns of a continuous variable; `None` of a discrete one.
    pub(crate) fn width(&self) -> Option<usize> {
        (!self.discrete).then_some(self.columns.len())
    }

    /// Different values of a discrete variable that have been read so far.
    pub(crate) fn distinct(&self) -> usize {
        self.symbols.distinct()
    }

    /// Bytes that a row takes while it is in hand.
    pub(crate) fn bytes_of_row(&self) -> usize {
        self.rows.bytes_of_row(&self.columns)
    }

    /// What the user may want to know once all rows have been read.
    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Back to the first row.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub(crate) fn rewind(&mut self) -> Result<()> {
        self.at = 0;
        self.rows.rewind().with_context(|| format!("cannot use {}", self.place))
    }

    /// At most so many further rows; none at the end.
    ///
    /// # Errors
    /// When the file has changed since it was opened, is damaged, or a value is missing, infinite or no number: the file
    /// and the row are named.
    pub(crate) fn next(&mut self, most: usize) -> Result<OwnedVariable> {
        self.read(most).with_context(|| format!("cannot use {}", self.place))
    }

    fn read(&mut self, most: usize) -> Result<OwnedVariable> {
        let wanted = most.min(self.rows.count() - self.at);
        if wanted == 0 {
            ensure!(
                self.rows.is_unchanged(),
                "the file changed while it was read; read it again when it has been written"
            );
            if let Some(disguise) = self.disguise.take() {
                self.note = disguise.note();
            }
            return self.variable(Piece::Matrix(Array2::zeros((0, self.columns.len()))));
        }
        let piece = self.rows.next(wanted, &self.columns)?;
        let variable = self.variable(piece)?;
        let found = variable.view().len();
        ensure!(
            found == wanted,
            "it ends after {} rows, and had {} when it was opened: it changed while it was read",
            self.at + found,
            self.rows.count()
        );
        self.at += found;
        Ok(variable)
    }

    fn variable(&mut self, piece: Piece) -> Result<OwnedVariable> {
        let columns = match piece {
            Piece::Matrix(values) if !self.discrete => return self.continuous(values),
            Piece::Matrix(values) => Table::of_matrix(values.view()).columns,
            Piece::Columns(columns) => columns,
        };
        let columns: Vec<&Column> = columns.iter().collect();
        sound(&columns)?;
        if self.discrete {
            return Ok(OwnedVariable::Discrete(self.symbols.add(&columns)?));
        }
        self.continuous(matrix(&columns)?)
    }

    fn continuous(&mut self, values: Array2<f64>) -> Result<OwnedVariable> {
        if let Some(((row, column), value)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
            let at = self.columns[column];
            let name = match self.rows.schema().columns[at].name.as_str() {
                "" => (at + 1).to_string(),
                name => name.to_string(),
            };
            bail!("the value {value} at row {}, column {name} is not finite", self.at + row + 1);
        }
        if let (Some(disguise), Some(values)) = (&mut self.disguise, values.as_slice()) {
            disguise.add(values);
        }
        Ok(OwnedVariable::Continuous(values))
    }
}

#[cfg(test)]
mod tests;
