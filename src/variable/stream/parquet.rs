//! Parquet, decoded some rows at a time.

use super::{Piece, Rows};
use crate::checkpoint::Blob;
use crate::table::ParquetFile;
use crate::variable::{Table, Values};
use anyhow::Result;
use std::path::Path;

pub(super) struct ParquetRows {
    file: ParquetFile,
    /// For whether it changes.
    blob: Blob,
    at: usize,
}

impl ParquetRows {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self { blob: Blob::open(path)?, file: ParquetFile::open(path)?, at: 0 })
    }
}

impl Rows for ParquetRows {
    fn schema(&self) -> &Table {
        self.file.schema()
    }

    fn count(&self) -> usize {
        self.file.count()
    }

    fn bytes_of_row(&self, columns: &[usize]) -> usize {
        // As decoded, as numbers of 64 bits, and as a matrix.
        let of = |&at: &usize| if matches!(self.schema().columns[at].values, Values::Text(_)) { 96 } else { 24 };
        columns.iter().map(of).sum()
    }

    fn rewind(&mut self) -> Result<()> {
        self.at = 0;
        Ok(())
    }

    fn next(&mut self, most: usize, columns: &[usize]) -> Result<Piece> {
        let count = most.min(self.count() - self.at);
        let found = self.file.rows(self.at, count, columns)?;
        self.at += count;
        Ok(Piece::Columns(found))
    }

    fn is_unchanged(&self) -> bool {
        self.blob.is_unchanged()
    }
}
