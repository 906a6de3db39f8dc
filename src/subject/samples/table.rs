//! One file of numbers or texts.

use super::array::Array;
use super::options::SampleOptions;
use super::{Samples, Store};
use crate::run::InputFile;
use crate::subject::data::{pick, scale_of_bytes};
use anyhow::{Context, Result, ensure};
use narrows_datasets::LoadError;
use narrows_datasets::load::csv::{ColumnRef, Labels, read_matrix};
use narrows_datasets::load::{Compact, Format, gunzip, idx, npy, npz, sniff, text};
use std::path::Path;

/// Reads a CSV, npy, npz or IDX file, or texts; gzip is taken off.
///
/// # Errors
/// When the file is damaged or does not hold what is asked of it.
pub(super) fn open(inputs: &str, options: &SampleOptions) -> Result<Samples> {
    let path = Path::new(inputs);
    let raw = std::fs::read(path)?;
    let bytes = gunzip(&raw)?;
    let format = sniff(&bytes)?;
    ensure!(
        options.text_column.is_none() || format == Format::Csv,
        "a text column belongs to a CSV, but this is an {format:?} file"
    );
    // A column that is not in these inputs is one of the file of labels.
    ensure!(
        options.label_column.is_none() || options.labels.is_some() || format == Format::Csv,
        "a label column belongs to a CSV, but this is an {format:?} file: give --labels FILE"
    );
    let (store, labels) = match format {
        Format::Csv => csv(path, &bytes, options)?,
        Format::Npy => (array(npy::read_compact(&bytes, scale(options))?, format, options)?, None),
        Format::Idx => (array(idx::read_compact(&bytes, scale(options))?, format, options)?, None),
        Format::Npz => {
            let arrays = npz::unpack(&bytes)?;
            let inputs = pick(&arrays, &["inputs", "x", "X", "data", "arr_0"])?;
            let inputs = npy::read_compact(inputs, scale(options)).context("the array of inputs")?;
            // A single array is the inputs; it does not hold labels as well.
            let labels =
                (arrays.len() > 1).then(|| pick(&arrays, &["labels", "y", "Y", "targets", "arr_1"]).ok()).flatten();
            let labels =
                labels.map(|bytes| npy::read(bytes)?.to_labels()).transpose().context("the array of labels")?;
            (array(inputs, format, options)?, labels.map(|values| Labels { values, names: None }))
        }
    };
    let mut samples = Samples::of(inputs, store, vec![InputFile::of(path)?]);
    if let Some(labels) = labels {
        (samples.labels, samples.class_names) = (Some(labels.values), labels.names);
    }
    Ok(samples)
}

/// What other numbers than bytes are multiplied by, as they are read.
fn scale(options: &SampleOptions) -> f64 {
    options.images.scale.unwrap_or(1.0)
}

fn array(values: Compact, format: Format, options: &SampleOptions) -> Result<Store> {
    let scale = options.images.scale.unwrap_or_else(|| scale_of_bytes(format, values.shape().len()));
    Ok(Store::Array(Box::new(Array::new(values, scale, &options.images)?)))
}

type Read = (Store, Option<Labels>);

fn csv(path: &Path, bytes: &[u8], options: &SampleOptions) -> Result<Read> {
    let label_column = options.label_column.as_deref().map(ColumnRef::from);
    match csv_with(path, bytes, options, label_column.as_ref()) {
        // With a file of labels the column may be one of that file.
        Err(e) if options.labels.is_some() && matches!(e.downcast_ref(), Some(LoadError::NoColumn { .. })) => {
            csv_with(path, bytes, options, None)
        }
        read => read,
    }
}

fn csv_with(path: &Path, bytes: &[u8], options: &SampleOptions, label_column: Option<&ColumnRef>) -> Result<Read> {
    let text_column = options.text_column.as_deref().map(ColumnRef::from);
    // Numbers first: they are the rule, and may be many.
    let fault = match text_column.is_none().then(|| read_matrix(bytes, label_column)) {
        Some(Ok(table)) => {
            let scale = scale(options);
            let values = Compact::Floats(table.values.mapv(|v| (v * scale) as f32).into_dyn());
            return Ok((array(values, Format::Csv, options)?, table.labels));
        }
        Some(Err(_)) if is_lines(path) => {
            ensure!(
                options.label_column.is_none() || options.labels.is_some(),
                "a label column belongs to a CSV, but this file is read as one text a line: call it .csv, or give \
                 --labels FILE"
            );
            return Ok((texts(text::lines(bytes)?, options)?, None));
        }
        Some(Err(fault @ (LoadError::NotANumber { .. } | LoadError::HeaderOnly))) => fault,
        Some(Err(fault)) => return Err(fault.into()),
        None => LoadError::Empty,
    };
    match text::column(bytes, text_column.as_ref(), label_column)? {
        Some(found) => Ok((texts(found.values, options)?, found.labels)),
        None => Err(anyhow::Error::from(fault).context("it is no table of numbers; for texts, name --text-column")),
    }
}

fn texts(values: Vec<String>, options: &SampleOptions) -> Result<Store> {
    let mut given = options.images.given();
    given.extend(options.images.scale.map(|_| "--scale"));
    ensure!(given.is_empty(), "the samples are texts, and {} is for numbers: leave it out", given.join(", "));
    Ok(Store::Texts(values))
}

/// Whether a file is one text a line, by its name.
fn is_lines(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(".txt")
}
