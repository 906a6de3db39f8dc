//! The data that a network is run on: a built-in set, or files.

use super::drawn::{BIRD_SHAPE, birds};
use crate::run::InputFile;
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::concepts::ConceptSet;
use narrows_datasets::concepts::birds::Birds;
use narrows_datasets::load::csv::{ColumnRef, Labels, read_labels, read_matrix};
use narrows_datasets::load::npy::NpyArray;
use narrows_datasets::load::{Format, gunzip, idx, npy, npz, sniff, text};
use narrows_datasets::{BUILTIN, Dataset, by_name};
use ndarray::Array2;
use std::borrow::Cow;
use std::path::Path;

/// Which inputs and labels, as the user names them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataOptions {
    /// A built-in name or a file; may be absent where activations are given instead.
    pub inputs: Option<String>,
    /// File of labels, unless they come with the inputs.
    pub labels: Option<String>,
    /// Column of a CSV that holds the labels.
    pub label_column: Option<String>,
    /// Multiplies every input.
    pub scale: Option<f64>,
}

/// Data as they were loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The samples.
    pub data: Dataset,
    /// The files that were read.
    pub files: Vec<InputFile>,
    /// What every input was multiplied by.
    pub scale: f64,
    /// Lengths of the axes of one sample before it was laid out in a row.
    pub shape: Vec<usize>,
}

/// A file's table, and its labels when it holds them.
struct Table {
    inputs: Array2<f32>,
    labels: Option<Vec<i64>>,
    scale: f64,
    shape: Vec<usize>,
}

impl DataOptions {
    /// Loads and checks the data.
    ///
    /// # Errors
    /// When a file cannot be read or does not hold what is asked of it, inputs and labels do not go together, or a
    /// value is not finite.
    pub fn load(&self) -> Result<Loaded> {
        let Some(inputs) = &self.inputs else {
            bail!("no inputs were given: --inputs takes {} or a CSV, npy, npz or IDX file", builtin_names());
        };
        let bare = || -> Result<()> {
            for (option, given) in [("labels", &self.labels), ("label column", &self.label_column)] {
                ensure!(given.is_none(), "{inputs} is built in and has its own labels: leave out the {option}");
            }
            Ok(())
        };
        if let Some(birds) = birds(inputs) {
            bare()?;
            return self.drawn(inputs, birds?);
        }
        if let Some(builtin) = by_name(inputs) {
            bare()?;
            let mut data = (builtin.make)()?;
            if let Some(scale) = self.scale {
                data.inputs *= scale as f32;
            }
            let shape = if inputs == "digits" { vec![8, 8] } else { vec![data.n_features()] };
            return Ok(Loaded { data, files: vec![], scale: self.scale.unwrap_or(1.0), shape });
        }
        let path = Path::new(inputs);
        ensure!(
            path.exists(),
            "{inputs}: there is no such file (from the working directory), and no built-in data set of that name; built in are {}",
            builtin_names()
        );
        let table = self.table(path).with_context(|| format!("cannot use the inputs {inputs}"))?;
        let mut files = vec![InputFile::of(path)?];
        let labels = match (&self.labels, table.labels) {
            (Some(labels), _) => {
                files.push(InputFile::of(Path::new(labels))?);
                self.labels_of(Path::new(labels))?
            }
            (None, Some(labels)) => labels,
            (None, None) => bail!("{inputs} comes without labels: give --labels FILE, or --label-column for a CSV"),
        };
        let data = Dataset::new(inputs, table.inputs, &labels).with_context(|| match &self.labels {
            Some(labels) => format!("{inputs} with the labels of {labels}"),
            None => inputs.clone(),
        })?;
        Ok(Loaded { data, files, scale: table.scale, shape: table.shape })
    }

    fn drawn(&self, name: &str, birds: Birds) -> Result<Loaded> {
        let ConceptSet { inputs, labels, classes, attribution, .. } = birds.set;
        let scale = self.scale.unwrap_or(1.0);
        let numbers: Vec<i64> = labels.iter().map(|&l| l.into()).collect();
        let data = Dataset::new(name, if scale == 1.0 { inputs } else { inputs * scale as f32 }, &numbers)?;
        // Classes keep their numbers, whether or not each was drawn.
        let data = Dataset { labels, n_classes: classes.len(), attribution, ..data };
        Ok(Loaded { data, files: vec![], scale, shape: BIRD_SHAPE.to_vec() })
    }

    /// The labels without inputs, for dumps of activations.
    ///
    /// # Errors
    /// When there are none, or the file cannot be used.
    pub fn labels_alone(&self) -> Result<(Vec<i64>, InputFile)> {
        let labels = self
            .labels
            .as_ref()
            .context("activation dumps come without labels: give --labels FILE, one label a sample")?;
        let path = Path::new(labels);
        let values = self.labels_of(path)?;
        ensure!(values.len() >= 2, "{labels} has {} label(s), but at least two are needed", values.len());
        Ok((values, InputFile::of(path)?))
    }

    fn table(&self, path: &Path) -> Result<Table> {
        let raw = std::fs::read(path)?;
        let bytes = gunzip(&raw)?;
        let column = self.label_column.as_deref().map(ColumnRef::from);
        let format = sniff(&bytes)?;
        ensure!(
            column.is_none() || format == Format::Csv,
            "a label column belongs to a CSV, but this is an {format:?} file: give --labels FILE"
        );
        let axes = |array: &NpyArray| array.values.shape().get(1..).unwrap_or_default().to_vec();
        let (values, labels, default_scale, shape) = match format {
            Format::Csv => {
                let table = read_matrix(&bytes, column.as_ref())?;
                let shape = vec![table.values.ncols()];
                (table.values, table.labels.map(|l| l.values), 1.0, shape)
            }
            Format::Npy => {
                let array = npy::read(&bytes)?;
                (array.to_matrix()?, None, scale_of(&array, format), axes(&array))
            }
            Format::Npz => {
                let arrays = npz::read(&bytes)?;
                let inputs = pick(&arrays, &["inputs", "x", "X", "data", "arr_0"])?;
                // A single array is the inputs; it does not hold labels as well.
                let labels =
                    (arrays.len() > 1).then(|| pick(&arrays, &["labels", "y", "Y", "targets", "arr_1"]).ok()).flatten();
                let labels = labels.map(NpyArray::to_labels).transpose()?;
                (inputs.to_matrix()?, labels, scale_of(inputs, format), axes(inputs))
            }
            Format::Idx => {
                let array = idx::read(&bytes)?;
                (array.to_matrix()?, None, scale_of(&array, format), axes(&array))
            }
        };
        let scale = self.scale.unwrap_or(default_scale);
        Ok(Table { inputs: values.mapv(|v| (v * scale) as f32), labels, scale, shape })
    }

    fn labels_of(&self, path: &Path) -> Result<Vec<i64>> {
        let labels = labels_of(path, self.label_column.as_deref());
        Ok(labels.with_context(|| format!("cannot use the labels {}", path.display()))?.values)
    }
}

/// Labels from a file: a CSV (of its column, or its only one), npy, npz or IDX.
pub(super) fn labels_of(path: &Path, label_column: Option<&str>) -> Result<Labels> {
    let raw = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bytes: Cow<'_, [u8]> = gunzip(&raw)?;
    let numbers = |values| Labels { values, names: None };
    Ok(match sniff(&bytes)? {
        Format::Npy => numbers(npy::read(&bytes)?.to_labels()?),
        Format::Idx => numbers(idx::read(&bytes)?.to_labels()?),
        Format::Npz => {
            let arrays = npz::read(&bytes)?;
            numbers(pick(&arrays, &["labels", "y", "Y", "targets", "arr_0"])?.to_labels()?)
        }
        Format::Csv => match label_column {
            // What stands in the other columns is of no concern: it may be text.
            Some(column) => {
                let column = ColumnRef::from(column);
                let table = text::column(&bytes, Some(&column), Some(&column))?;
                table.and_then(|t| t.labels).unwrap_or_else(|| numbers(vec![]))
            }
            None => read_labels(&bytes)?,
        },
    })
}

fn scale_of(array: &NpyArray, format: Format) -> f64 {
    if array.dtype == "|u1" { scale_of_bytes(format, array.values.ndim()) } else { 1.0 }
}

/// What unsigned bytes of a file are multiplied by unless somebody says otherwise. Those of images are levels of grey,
/// and networks are trained on numbers from 0 to 1; those of a table may be counts.
pub(super) fn scale_of_bytes(format: Format, axes: usize) -> f64 {
    if format == Format::Idx || axes >= 3 { 1.0 / 255.0 } else { 1.0 }
}

pub(super) fn builtin_names() -> String {
    BUILTIN.iter().map(|b| b.name).chain(["birds"]).collect::<Vec<_>>().join(", ")
}

/// The array of one of these names; the only one, when there is one.
pub(super) fn pick<'a, T>(arrays: &'a [(String, T)], names: &[&str]) -> Result<&'a T> {
    if let [(_, only)] = arrays {
        return Ok(only);
    }
    let found = names.iter().find_map(|name| arrays.iter().find(|(n, _)| n == name));
    let known = || arrays.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", ");
    found
        .map(|(_, array)| array)
        .with_context(|| format!("the archive has no array called {}; it has: {}", names.join(" or "), known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, bytes: &[u8]) -> Option<String> {
        std::fs::write(dir.join(name), bytes).unwrap();
        Some(dir.join(name).display().to_string())
    }

    fn message(options: &DataOptions) -> String {
        format!("{:#}", options.load().unwrap_err())
    }

    #[test]
    fn a_csv_with_its_labels_and_a_file_of_labels_say_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let with = DataOptions {
            inputs: write(dir.path(), "a.csv", b"x,y,label\n1,2,7\n3,4,9\n"),
            label_column: Some("label".into()),
            ..DataOptions::default()
        };
        let apart = DataOptions {
            inputs: write(dir.path(), "b.csv", b"1,2\n3,4\n"),
            labels: write(dir.path(), "labels.csv", b"label\n7\n9\n"),
            ..DataOptions::default()
        };
        let (a, b) = (with.load().unwrap(), apart.load().unwrap());
        assert_eq!((a.data.inputs, a.data.labels), (b.data.inputs, b.data.labels));
        assert_eq!((a.files.len(), b.files.len()), (1, 2));
    }

    #[test]
    fn bytes_of_idx_images_become_shares() {
        let dir = tempfile::tempdir().unwrap();
        let options = DataOptions {
            inputs: write(dir.path(), "images", &[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 255, 51]),
            labels: write(dir.path(), "labels", &[0, 0, 8, 1, 0, 0, 0, 2, 3, 4]),
            ..DataOptions::default()
        };
        let loaded = options.load().unwrap();
        assert_eq!((loaded.data.inputs, loaded.scale), (ndarray::array![[1.0], [0.2]], 1.0 / 255.0));
        let raw = DataOptions { scale: Some(1.0), ..options };
        assert_eq!(raw.load().unwrap().data.inputs, ndarray::array![[255.0], [51.0]]);
    }

    #[test]
    fn bytes_of_numpy_images_become_shares_and_counts_stay_counts() {
        use ndarray_npy::WriteNpyExt;
        let dir = tempfile::tempdir().unwrap();
        let (mut images, mut counts) = (vec![], vec![]);
        ndarray::array![[[255u8, 51]], [[0, 255]]].write_npy(&mut images).unwrap();
        ndarray::array![[255u8, 51], [0, 255]].write_npy(&mut counts).unwrap();
        let labels = write(dir.path(), "labels", b"cat\nant\n");
        let load = |name: &str, bytes: &[u8]| {
            let inputs = write(dir.path(), name, bytes);
            DataOptions { inputs, labels: labels.clone(), ..DataOptions::default() }.load().unwrap()
        };
        let images = load("images.npy", &images);
        assert_eq!((images.data.inputs.row(0).to_vec(), images.data.labels), (vec![1.0, 0.2], vec![1, 0]));
        assert_eq!(load("counts.npy", &counts).data.inputs.row(0).to_vec(), [255.0, 51.0]);
    }

    #[test]
    fn faults_name_the_file_and_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let file = |inputs| DataOptions { inputs, ..DataOptions::default() };
        assert!(message(&file(Some("nothing".into()))).contains("built in are digits, twelve-bit"));
        assert!(message(&file(None)).contains("--inputs takes digits"));
        let short =
            DataOptions { labels: write(dir.path(), "l.csv", b"1\n"), ..file(write(dir.path(), "i.csv", b"1\n2\n")) };
        assert!(message(&short).contains("l.csv: 2 inputs but 1 labels"), "{}", message(&short));
        assert!(message(&file(write(dir.path(), "i.csv", b"1\n2\n"))).contains("without labels"));
        assert!(
            message(&DataOptions { labels: Some("x".into()), ..file(Some("digits".into())) })
                .contains("its own labels")
        );
        let wide = DataOptions {
            labels: write(dir.path(), "w.csv", b"1,2\n3,4\n"),
            ..file(write(dir.path(), "i.csv", b"1\n2\n"))
        };
        assert!(message(&wide).contains("2 columns"));
    }
}
