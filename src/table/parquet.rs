//! The same rows as Parquet. This and `matrix` are the only files that name polars.

use super::{ColumnKind, Row, dictionary, to_csv};
use crate::guard::caught;
use crate::variable::{Column as TableColumn, Table, Values};
use anyhow::{Context, Result, anyhow, bail};
use polars::prelude::{Column, DataFrame, DataType, IntoColumn, NamedFrom, Series};
use polars_io::prelude::{
    KeyValueMetadata, ParquetCompression, ParquetReader, ParquetWriter, SerReader, StatisticsOptions,
};
use std::fs::File;
use std::path::Path;

/// The rows as the bytes of a Parquet file; an empty field is a null. `table` is the name of the file without its ending.
///
/// Goes through the CSV form, so that the two files cannot disagree.
///
/// # Errors
/// When a row does not serialise or polars refuses the frame.
pub fn write_parquet<R: Row>(table: &str, rows: &[R]) -> Result<Vec<u8>> {
    let columns: Vec<(&str, ColumnKind)> = R::COLUMNS.iter().map(|c| (c.name, c.kind)).collect();
    csv_to_parquet(table, &to_csv(rows)?, &columns)
}

/// A CSV table as the bytes of a Parquet file, in columns of these names and types.
///
/// The file says which table it is, and what its columns mean, as `narrows.table` and `narrows.columns` (a JSON list of
/// `name`, `type`, `meaning`).
///
/// # Errors
/// When a field is not of its column's type, or polars refuses the frame.
pub fn csv_to_parquet(table: &str, text: &[u8], columns: &[(&str, ColumnKind)]) -> Result<Vec<u8>> {
    let metadata = [("narrows.table", table.to_string()), ("narrows.columns", dictionary(table, columns).to_string())];
    let mut fields: Vec<Vec<Option<String>>> = vec![vec![]; columns.len()];
    for record in csv::Reader::from_reader(text).records() {
        for (column, field) in fields.iter_mut().zip(record?.iter()) {
            column.push((!field.is_empty()).then(|| field.to_string()));
        }
    }
    let rows = fields.first().map_or(0, Vec::len);
    let columns = columns
        .iter()
        .zip(fields)
        .map(|((column, kind), values)| {
            let name = (*column).into();
            let series = match kind {
                // An empty text is a value of its own ("no flags"), not a null.
                ColumnKind::Text => {
                    Series::new(name, values.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>())
                }
                // Signed: differences of unsigned columns wrap around in data frames.
                ColumnKind::Integer => Series::new(name, parsed::<i64>(&values, column)?),
                ColumnKind::Real => Series::new(name, parsed::<f64>(&values, column)?),
            };
            Ok(series.into_column())
        })
        .collect::<Result<Vec<Column>>>()?;
    let mut frame = DataFrame::new(rows, columns).context("building the Parquet table")?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Snappy)
        .with_statistics(StatisticsOptions::default())
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(
            metadata.map(|(key, value)| (key.into(), value)).to_vec(),
        )))
        .finish(&mut frame)
        .context("writing the Parquet table")?;
    Ok(bytes)
}

/// The columns of a Parquet file: numbers, truth values and text.
///
/// # Errors
/// When the file is damaged, or a column is of another type: it is named.
pub fn read_parquet(bytes: &[u8]) -> Result<Table> {
    // The reader panics at types that it was built without.
    let read = || ParquetReader::new(std::io::Cursor::new(bytes)).finish();
    let frame = caught(read).map_err(|reason| anyhow!("{OTHER_TYPES} ({reason})"))?.context(UNREADABLE)?;
    table_of(&frame, 0)
}

const UNREADABLE: &str = "it is not a readable Parquet file";
const OTHER_TYPES: &str = "a column is of a type that is not read, such as a category, a decimal or a date: write it anew with the \
                           columns that are needed, as numbers and text";

/// The columns of a frame whose first row is that of this number from 0.
fn table_of(frame: &DataFrame, first_row: usize) -> Result<Table> {
    let columns = frame.columns().iter().map(|column| {
        let name = column.name().to_string();
        if column.null_count() > 0 {
            // A fault of this column alone; the line is where it would be under a line of names.
            let at = column.is_null().iter().position(|null| null == Some(true)).unwrap_or(0);
            return Ok(TableColumn { name, values: Values::Faulty { line: first_row + at + 1, text: String::new() } });
        }
        let real = || -> Result<Vec<f64>> { Ok(column.cast(&DataType::Float64)?.f64()?.into_no_null_iter().collect()) };
        let values = match column.dtype() {
            DataType::String => Values::Text(column.str()?.iter().flatten().map(String::from).collect()),
            DataType::Float32 | DataType::Float64 => Values::Real(real()?),
            kind if kind.is_integer() || kind.is_bool() => Values::Integer(real()?),
            other => bail!("column {name} is of type {other}: numbers, truth values and text are read"),
        };
        Ok(TableColumn { name, values })
    });
    Ok(Table { columns: columns.collect::<Result<_>>()? })
}

/// A Parquet file whose rows are read some at a time. Its reader maps the file into memory while it is at work.
pub struct ParquetFile {
    file: File,
    schema: Table,
    rows: usize,
}

impl ParquetFile {
    /// Opens a file, and finds what its columns are.
    ///
    /// # Errors
    /// As [`read_parquet`].
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path)?;
        let rows = ParquetReader::new(&mut file).num_rows().context(UNREADABLE)?;
        let first = ParquetReader::new(&mut file).with_slice(Some((0, 1))).finish().context(UNREADABLE)?;
        let mut schema = table_of(&first, 0)?;
        for (column, found) in schema.columns.iter_mut().zip(first.columns()) {
            column.values = match found.dtype() {
                DataType::String => Values::Text(vec![]),
                DataType::Float32 | DataType::Float64 => Values::Real(vec![]),
                _ => Values::Integer(vec![]),
            };
        }
        Ok(Self { file, schema, rows })
    }

    /// The columns: their names and types, without values.
    pub fn schema(&self) -> &Table {
        &self.schema
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.rows
    }

    /// Some rows from this one on, of these columns.
    ///
    /// # Errors
    /// When the file is damaged. A value that is missing is a fault of its column.
    pub fn rows(&mut self, first: usize, count: usize, columns: &[usize]) -> Result<Vec<TableColumn>> {
        let mut projection = columns.to_vec();
        projection.sort_unstable();
        projection.dedup();
        let reader = ParquetReader::new(&mut self.file).with_slice(Some((first, count)));
        let frame = reader.with_projection(Some(projection)).finish().context(UNREADABLE)?;
        let found = table_of(&frame, first)?.columns;
        let chosen = columns.iter().map(|&at| {
            let name = &self.schema.columns[at].name;
            let column = found.iter().find(|column| column.name == *name);
            column.cloned().with_context(|| format!("column {name} is not there any more: the file changed"))
        });
        chosen.collect()
    }
}

fn parsed<T: std::str::FromStr>(values: &[Option<String>], column: &str) -> Result<Vec<Option<T>>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    values
        .iter()
        .map(|v| v.as_deref().map(|text| text.parse().with_context(|| format!("column {column}: {text}"))).transpose())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{TrainingRow, read_csv};

    fn rows() -> Vec<TrainingRow> {
        let row = |layer: &str, layer_index, value| TrainingRow {
            run: "r".into(),
            seed: u64::from(u32::MAX) + 1,
            epoch: 3,
            step: 9,
            layer: layer.into(),
            layer_index,
            quantity: "weight_norm".into(),
            value,
            unit: "norm".into(),
        };
        vec![row("", None, Some(0.1 + 0.2)), row("a,\"b\"", Some(1), None)]
    }

    #[test]
    fn a_table_reads_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, to_csv(&rows()).unwrap()).unwrap();
        assert_eq!(read_csv::<TrainingRow>(&path).unwrap(), rows());
    }

    #[test]
    fn a_header_stands_even_over_no_rows() {
        assert!(
            String::from_utf8(to_csv::<TrainingRow>(&[]).unwrap()).unwrap().starts_with("run,seed,epoch,step,layer,")
        );
    }

    #[test]
    fn the_declared_columns_are_the_fields_in_order() {
        fn check<R: Row>(row: &R) {
            let json = serde_json::to_value(row).unwrap();
            let fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(fields, R::COLUMNS.iter().map(|c| c.name).collect::<Vec<_>>());
        }
        check(&rows()[0]);
        check(&crate::table::TimingRow {
            run: "".into(),
            checkpoint: "".into(),
            layer: "".into(),
            estimator: "".into(),
            parameters: "".into(),
            seconds: 0.0,
        });
        check(&crate::table::PlaneRow {
            run: "".into(),
            checkpoint: "".into(),
            epoch: None,
            step: None,
            layer: "".into(),
            layer_index: 1,
            width: 1,
            estimator: "".into(),
            parameters: "".into(),
            quantity: "".into(),
            value: None,
            unit: "".into(),
            std_error: None,
            ci_low: None,
            ci_high: None,
            n_samples: 2,
            noise_std: None,
            seed: 0,
            flags: "".into(),
        });
    }

    #[test]
    fn the_file_says_what_it_is() {
        let bytes = write_parquet("training", &rows()).unwrap();
        assert_eq!(bytes, write_parquet("training", &rows()).unwrap());
        let mut reader = ParquetReader::new(std::io::Cursor::new(bytes));
        let pairs = reader.get_metadata().unwrap().key_value_metadata().clone().unwrap();
        let value = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone()).unwrap();
        assert_eq!(value("narrows.table"), "training");
        let columns: serde_json::Value = serde_json::from_str(&value("narrows.columns")).unwrap();
        assert_eq!(columns.as_array().unwrap().len(), TrainingRow::COLUMNS.len());
        assert_eq!(columns[1]["name"], "seed");
        assert_eq!(columns[1]["type"], "integer");
        assert_eq!(columns[1]["meaning"], "seed that the run was trained with");
        // Readers of Arrow find their types as before.
        assert!(!value("ARROW:schema").is_empty());
    }

    #[test]
    fn parquet_holds_the_same_values_and_nulls() {
        let bytes = write_parquet("training", &rows()).unwrap();
        let frame = ParquetReader::new(std::io::Cursor::new(bytes)).finish().unwrap();
        assert_eq!(frame.shape(), (2, TrainingRow::COLUMNS.len()));
        let value = frame.column("value").unwrap().f64().unwrap();
        assert_eq!((value.get(0), value.get(1)), (Some(0.1 + 0.2), None));
        assert_eq!(frame.column("layer").unwrap().str().unwrap().get(1), Some("a,\"b\""));
        assert_eq!(frame.column("layer_index").unwrap().null_count(), 1);
        let table = read_parquet(&write_parquet("training", &rows()).unwrap()).unwrap();
        assert_eq!(table.columns[0].values, Values::Text(vec!["r".into(); 2]));
        assert_eq!(table.columns[1].values, Values::Integer(vec![f64::from(u32::MAX) + 1.0; 2]));
        assert_eq!(table.columns[7].values, Values::Faulty { line: 2, text: String::new() });
        assert_eq!(frame.column("seed").unwrap().i64().unwrap().get(0), Some(i64::from(u32::MAX) + 1));
    }
}
