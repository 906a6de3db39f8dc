//! A matrix as a Parquet file, written some rows at a time.

use anyhow::{Context, Result};
use ndarray::ArrayView2;
use polars::prelude::{Column, DataFrame, DataType, Field, IntoColumn, NamedFrom, Schema, Series};
use polars_io::parquet::write::BatchedWriter;
use polars_io::prelude::{ParquetCompression, ParquetWriter};
use std::io::Write;

/// Columns `u0`, `u1`, … of 32-bit floats; every call of [`MatrixWriter::write`] makes a group of rows.
pub struct MatrixWriter<W: Write> {
    writer: BatchedWriter<W>,
}

impl<W: Write> MatrixWriter<W> {
    /// Begins a file of `width` columns.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(file: W, width: usize) -> Result<Self> {
        let schema: Schema = (0..width).map(|u| Field::new(format!("u{u}").into(), DataType::Float32)).collect();
        let writer = ParquetWriter::new(file).with_compression(ParquetCompression::Snappy).set_parallel(false);
        Ok(Self { writer: writer.batched(&schema).context("beginning a Parquet file")? })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, rows: ArrayView2<'_, f32>) -> Result<()> {
        let columns: Vec<Column> = rows
            .columns()
            .into_iter()
            .enumerate()
            .map(|(u, values)| Series::new(format!("u{u}").into(), values.to_vec()).into_column())
            .collect();
        let frame = DataFrame::new(rows.nrows(), columns).context("building rows of a Parquet file")?;
        self.writer.write_batch(&frame).context("writing rows of a Parquet file")
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<()> {
        self.writer.finish().context("ending a Parquet file")?;
        Ok(())
    }
}
