//! Numbers of one size that stand one after the other: npy, entries of npz, IDX.

use super::{Piece, Rows};
use crate::checkpoint::Blob;
use crate::variable::{Column, Table, Values};
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::LoadError;
use narrows_datasets::load::npy::{Decoder, NpyHeader};
use ndarray::Array2;
use std::io::Read;

/// Columns of an array: more than any image has, and little enough to be listed.
const MOST_COLUMNS: usize = 1 << 22;

/// Something to read from its beginning.
pub(super) type Flow = Box<dyn Read + Send>;

/// Where bytes are.
pub(super) enum Source {
    /// In a file, within these places.
    Placed { blob: Blob, begin: u64, end: u64 },
    /// To be unpacked from the beginning, each time anew.
    Flowing { blob: Blob, open: Box<dyn Fn() -> Result<Flow> + Send> },
}

impl Source {
    pub(super) fn placed(blob: &Blob, begin: u64, end: u64) -> Self {
        Self::Placed { blob: blob.clone(), begin, end }
    }

    pub(super) fn flowing(blob: &Blob, open: impl Fn() -> Result<Flow> + Send + 'static) -> Self {
        Self::Flowing { blob: blob.clone(), open: Box::new(open) }
    }

    /// The first bytes, at most so many.
    pub(super) fn head(&self, length: u64) -> Result<Vec<u8>> {
        match self {
            Self::Placed { blob, begin, end } => Ok(blob.read(*begin, length.min(end.saturating_sub(*begin)))?),
            Self::Flowing { open, .. } => {
                let mut bytes = Vec::new();
                open()?.take(length).read_to_end(&mut bytes).context("it cannot be unpacked")?;
                Ok(bytes)
            }
        }
    }

    /// All bytes, from the first.
    pub(super) fn flow(&self) -> Result<Flow> {
        match self {
            Self::Placed { blob, begin, end } => {
                let mut cursor = blob.cursor();
                std::io::Seek::seek(&mut cursor, std::io::SeekFrom::Start(*begin))?;
                Ok(Box::new(cursor.take(end - begin)))
            }
            Self::Flowing { open, .. } => open(),
        }
    }

    pub(super) fn is_unchanged(&self) -> bool {
        match self {
            Self::Placed { blob, .. } | Self::Flowing { blob, .. } => blob.is_unchanged(),
        }
    }
}

/// The rows of an array; its first axis are the samples, all others together the columns.
pub(super) struct ArrayRows {
    source: Source,
    decoder: Decoder,
    schema: Table,
    rows: usize,
    width: usize,
    fortran: bool,
    /// Bytes before the first value.
    begin: u64,
    at: usize,
    /// Of bytes that flow, what is left of them.
    flow: Option<Flow>,
    bytes: Vec<u8>,
}

impl ArrayRows {
    pub(super) fn new(source: Source, header: NpyHeader) -> Result<Self> {
        let decoder =
            Decoder::for_dtype(&header.dtype).ok_or_else(|| LoadError::Dtype { dtype: header.dtype.clone() })?;
        let [rows, rest @ ..] = header.shape.as_slice() else {
            bail!("it is a single number: an array with one row a sample is needed");
        };
        let width = rest.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).context("its shape is too large")?;
        ensure!(width <= MOST_COLUMNS, "it has {width} columns, and at most {MOST_COLUMNS} are streamed");
        // In 128 bits: a hostile shape cannot overflow into something small.
        let promised = (*rows as u128).saturating_mul(width as u128).saturating_mul(decoder.size() as u128);
        let found = match &source {
            Source::Placed { begin, end, .. } => (end - begin).saturating_sub(header.begin as u64),
            // What flows is counted as it is read.
            Source::Flowing { .. } => isize::MAX as u64,
        };
        if promised > u128::from(found) {
            return Err(LoadError::Truncated { promised, found: found as usize }.into());
        }
        // Fortran's order of one axis, or of one column, is C's.
        let fortran = header.fortran_order && rest.iter().any(|&d| d > 1);
        if fortran && (rest.len() > 1 || matches!(source, Source::Flowing { .. })) {
            bail!(
                "it is in Fortran's order{}: save it in C order, as numpy.save(FILE, numpy.ascontiguousarray(x)), or leave out --stream",
                if rest.len() > 1 { " and has more than two axes" } else { " and compressed" }
            );
        }
        let values = if decoder.is_integer() { Values::Integer(vec![]) } else { Values::Real(vec![]) };
        let schema = Table { columns: vec![Column { name: String::new(), values }; width] };
        let begin = header.begin as u64;
        Ok(Self { source, decoder, schema, rows: *rows, width, fortran, begin, at: 0, flow: None, bytes: vec![] })
    }

    /// As [`ArrayRows::new`], of a format in which nothing follows the values.
    pub(super) fn whole(source: Source, header: NpyHeader) -> Result<Self> {
        let array = Self::new(source, header)?;
        if let Source::Placed { begin, end, .. } = &array.source {
            let (promised, found) = ((array.rows * array.width * array.decoder.size()) as u64, end - begin);
            let rest = found - array.begin - promised;
            ensure!(rest == 0, "{rest} bytes follow the {promised} bytes of values");
        }
        Ok(array)
    }

    /// The values of whole rows, from the row that the array is at on.
    fn consecutive(&mut self, rows: usize) -> Result<Vec<f64>> {
        let (from, length) = (self.at * self.width * self.decoder.size(), rows * self.width * self.decoder.size());
        match &self.source {
            Source::Placed { blob, begin, .. } => {
                self.bytes.resize(length, 0);
                blob.read_into(begin + self.begin + from as u64, &mut self.bytes)?;
            }
            source @ Source::Flowing { .. } => {
                if self.flow.is_none() {
                    let mut flow = source.flow()?;
                    let skipped = std::io::copy(&mut flow.by_ref().take(self.begin), &mut std::io::sink())?;
                    ensure!(skipped == self.begin, "it ends within its header");
                    self.flow = Some(flow);
                }
                let Some(flow) = &mut self.flow else { bail!("it cannot be unpacked") };
                // As much as there is, whatever the header promises.
                self.bytes.clear();
                flow.by_ref().take(length as u64).read_to_end(&mut self.bytes).context("it is damaged")?;
                ensure!(self.bytes.len() == length, "it ends before the {} rows that its header promises", self.rows);
            }
        }
        if self.at + rows == self.rows
            && let Some(flow) = &mut self.flow
        {
            // To the end, where checksums are compared.
            std::io::copy(flow, &mut std::io::sink()).context("it is damaged")?;
        }
        let mut values = Vec::with_capacity(rows * self.width);
        self.decoder.extend(&mut values, &self.bytes);
        Ok(values)
    }

    /// Some rows of one column, in Fortran's order.
    fn column(&mut self, rows: usize, column: usize, values: &mut Vec<f64>) -> Result<()> {
        let size = self.decoder.size();
        self.bytes.resize(rows * size, 0);
        if let Source::Placed { blob, begin, .. } = &self.source {
            let offset = ((column * self.rows + self.at) * size) as u64;
            blob.read_into(begin + self.begin + offset, &mut self.bytes)?;
        }
        self.decoder.extend(values, &self.bytes);
        Ok(())
    }
}

impl Rows for ArrayRows {
    fn schema(&self) -> &Table {
        &self.schema
    }

    fn count(&self) -> usize {
        self.rows
    }

    fn bytes_of_row(&self, columns: &[usize]) -> usize {
        // As they are in the file, as numbers of 64 bits, and the chosen columns.
        let chosen = if self.is_all(columns) { 0 } else { 8 * columns.len() };
        if self.fortran {
            self.decoder.size() + 16 * columns.len()
        } else {
            self.width * (self.decoder.size() + 8) + chosen
        }
    }

    fn rewind(&mut self) -> Result<()> {
        (self.at, self.flow) = (0, None);
        Ok(())
    }

    fn next(&mut self, most: usize, columns: &[usize]) -> Result<Piece> {
        let rows = most.min(self.rows - self.at);
        let matrix = if self.fortran {
            let mut values = Vec::with_capacity(rows * columns.len());
            for &column in columns {
                self.column(rows, column, &mut values)?;
            }
            Array2::from_shape_vec((columns.len(), rows), values)?.t().as_standard_layout().into_owned()
        } else {
            let all = Array2::from_shape_vec((rows, self.width), self.consecutive(rows)?)?;
            if self.is_all(columns) { all } else { all.select(ndarray::Axis(1), columns) }
        };
        self.at += rows;
        Ok(Piece::Matrix(matrix))
    }

    fn is_unchanged(&self) -> bool {
        self.source.is_unchanged()
    }
}

impl ArrayRows {
    fn is_all(&self, columns: &[usize]) -> bool {
        columns.len() == self.width && columns.iter().enumerate().all(|(i, c)| i == *c)
    }
}
