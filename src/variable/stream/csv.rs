//! Comma-separated text. It is read through once before its rows are: whether its first line is names, and which columns
//! are numbers, depends on all of it.

use super::array::{Flow, Source};
use super::{Piece, Rows};
use crate::variable::{Column, Table, Values};
use anyhow::{Context, Result, bail, ensure};
use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use narrows_datasets::load::csv::Quotes;
use std::io::Read;

/// Bytes that are read together.
const BUFFER: usize = 1 << 18;

pub(super) struct CsvRows {
    source: Source,
    schema: Table,
    /// Whether the first line is names.
    named: bool,
    rows: usize,
    /// Bytes of text in a row, on average.
    text: usize,
    reader: Option<Reader<Flow>>,
    record: StringRecord,
    at: usize,
}

impl CsvRows {
    /// Reads all of it through, and keeps what it is made of.
    pub(super) fn new(source: Source, by_name: bool) -> Result<Self> {
        let length = quotes_are_closed(source.flow()?)?;
        let mut reader = reader(source.flow()?);
        let mut record = StringRecord::new();
        let (mut columns, mut records): (Vec<Seen>, usize) = (vec![], 0);
        while reader.read_record(&mut record).context("it is not a table")? {
            if records == 0 {
                columns = record.iter().map(Seen::new).collect();
            } else {
                columns.iter_mut().zip(&record).for_each(|(column, field)| column.add(field, records));
            }
            records += 1;
        }
        ensure!(records > 0, "the file is empty");
        let named = by_name
            || columns.iter().any(|c| records > 1 && c.is_name_over_numbers())
            || columns.iter().all(|c| c.is_name_over_text());
        let skip = usize::from(named);
        ensure!(records > skip, "there is a line of names, but no row below it");
        let schema = Table { columns: columns.into_iter().map(|c| c.column(named)).collect() };
        let text = (length / records as u64) as usize;
        Ok(Self { source, schema, named, rows: records - skip, text, reader: None, record, at: 0 })
    }
}

fn reader(flow: Flow) -> Reader<Flow> {
    ReaderBuilder::new().has_headers(false).trim(Trim::All).buffer_capacity(BUFFER).from_reader(flow)
}

/// Refuses a quote that is never closed, before anybody takes all that follows it for one field. Yields the bytes.
fn quotes_are_closed(mut flow: Flow) -> Result<u64> {
    let (mut quotes, mut buffer, mut length) = (Quotes::default(), vec![0; BUFFER], 0);
    loop {
        let n = flow.read(&mut buffer).context("it cannot be read")?;
        if n == 0 {
            break;
        }
        // The mark of the byte order is no part of the first field.
        let skip = if length == 0 && buffer[..n].starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        quotes.add(&buffer[skip..n]);
        length += n as u64;
    }
    if let Some(line) = quotes.open() {
        bail!("line {line}: a quote (\") is opened here and never closed: close it, or leave it out");
    }
    Ok(length)
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// What a column has held so far.
struct Seen {
    first: String,
    first_is_number: bool,
    /// Whether the first value has come again.
    again: bool,
    /// Whether a value after the first was a number.
    numbers: bool,
    /// The first value after the first that was no number, and its record from 0.
    other: Option<(usize, String)>,
}

impl Seen {
    fn new(first: &str) -> Self {
        let first_is_number = number(first).is_some();
        Self { first: first.into(), first_is_number, again: false, numbers: false, other: None }
    }

    fn add(&mut self, field: &str, record: usize) {
        if number(field).is_some() {
            self.numbers = true;
        } else if self.other.is_none() {
            self.other = Some((record, field.into()));
        }
        self.again |= !self.first_is_number && field == self.first;
    }

    fn is_name_over_numbers(&self) -> bool {
        !self.first.is_empty() && !self.first_is_number && self.other.is_none()
    }

    fn is_name_over_text(&self) -> bool {
        !self.first_is_number && !self.numbers && !self.again
    }

    /// The column without its values; one number makes it a column of numbers, and anything else in it a fault.
    fn column(self, named: bool) -> Column {
        let name = if named { self.first.clone() } else { String::new() };
        let numbers = self.numbers || (!named && self.first_is_number);
        let other = match self.other {
            _ if !named && !self.first_is_number => Some((0, self.first)),
            other => other,
        };
        let values = match other {
            None => Values::Real(vec![]),
            Some((record, text)) if numbers => Values::Faulty { line: record + 1, text },
            Some(_) => Values::Text(vec![]),
        };
        Column { name, values }
    }
}

impl Rows for CsvRows {
    fn schema(&self) -> &Table {
        &self.schema
    }

    fn count(&self) -> usize {
        self.rows
    }

    fn bytes_of_row(&self, columns: &[usize]) -> usize {
        // As columns, and as a matrix; names take their text and some room around it.
        let of = |&column: &usize| match self.schema.columns[column].values {
            Values::Text(_) => 32 + self.text,
            _ => 16,
        };
        columns.iter().map(of).sum()
    }

    fn rewind(&mut self) -> Result<()> {
        (self.at, self.reader) = (0, None);
        Ok(())
    }

    fn next(&mut self, most: usize, columns: &[usize]) -> Result<Piece> {
        if self.reader.is_none() {
            let mut reader = reader(self.source.flow()?);
            if self.named {
                reader.read_record(&mut self.record).context("it is not a table")?;
            }
            self.reader = Some(reader);
        }
        let Some(reader) = &mut self.reader else { bail!("it cannot be read") };
        let mut found: Vec<Column> = columns.iter().map(|&at| self.schema.columns[at].clone()).collect();
        for _ in 0..most.min(self.rows - self.at) {
            if !reader.read_record(&mut self.record).context("it is not a table")? {
                break;
            }
            self.at += 1;
            for (column, &place) in found.iter_mut().zip(columns) {
                let field = self.record.get(place).unwrap_or_default();
                match &mut column.values {
                    Values::Text(values) => values.push(field.into()),
                    Values::Real(values) | Values::Integer(values) => {
                        values.push(number(field).with_context(|| {
                            format!(
                                "row {} of column {}: \"{field}\" was a number: the file changed",
                                self.at,
                                place + 1
                            )
                        })?)
                    }
                    Values::Faulty { .. } => {}
                }
            }
        }
        Ok(Piece::Columns(found))
    }

    fn is_unchanged(&self) -> bool {
        self.source.is_unchanged()
    }
}
