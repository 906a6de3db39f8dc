//! Activations in files: one array, or many shards of it, read row by row when they are needed.

use crate::checkpoint::{Contents, Dtype, LazyTensor, ReadOptions, natural_order};
use crate::concept::matrix;
use crate::run::InputFile;
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::Planted;
use ndarray::Array2;
use std::path::{Path, PathBuf};

/// Endings of files that are read row by row; others are read whole.
const LAZY: &[&str] = &["npy", "npz", "safetensors", "h5", "hdf5"];

/// Activations of one layer: rows of all its shards, one after the other.
#[derive(Debug)]
pub struct Source {
    /// What messages and tables call it.
    pub name: String,
    /// The files, with their hashes.
    pub files: Vec<InputFile>,
    shards: Vec<Shard>,
    width: usize,
    rows: usize,
}

/// A shard: consecutive rows.
#[derive(Debug)]
struct Shard {
    /// What messages call it.
    place: String,
    values: Values,
    /// Rows of the shards before it.
    first: usize,
    rows: usize,
    /// Rows of the dictionary's activations for one along the array's first axis: tokens of a text.
    tokens: usize,
}

#[derive(Debug)]
enum Values {
    Lazy(LazyTensor),
    Whole(Array2<f32>),
}

impl Source {
    /// Opens `FILE`, `FILE:ARRAY`, a pattern (`'acts/*.npy'`) or a folder of shards in natural order. An array of
    /// [samples × tokens × width] is one row a token.
    ///
    /// `planted` or `planted:KEY=VALUE,…` is a planted dictionary's activations (see `narrows_datasets::Planted`).
    ///
    /// # Errors
    /// When nothing is found, a shard is cut short or damaged, shards differ in width, or an array is no matrix.
    pub fn open(place: &str) -> Result<Self> {
        if let Some(planted) = Planted::parse(place) {
            return Ok(Self::whole(place, planted?.draw(0)?.activations));
        }
        let (paths, array) = files_of(place)?;
        let mut source = Self { name: name_of(place, array), files: vec![], shards: vec![], width: 0, rows: 0 };
        for path in &paths {
            let shard = format!("{}{}", path.display(), array.map_or(String::new(), |a| format!(":{a}")));
            let (values, rows, tokens, width) = open(path, array).with_context(|| format!("cannot use {shard}"))?;
            ensure!(rows > 0 && width > 0, "{shard} is empty: its activations have the shape [{rows}, {width}]");
            if let Some(before) = source.shards.last() {
                ensure!(
                    width == source.width,
                    "{shard} has {width} columns, but {} has {}: shards are rows of the same layer",
                    before.place,
                    source.width
                );
            }
            source.width = width;
            source.shards.push(Shard { place: shard, values, first: source.rows, rows, tokens });
            source.rows += rows;
            source.files.push(InputFile::of(path)?);
        }
        Ok(source)
    }

    /// Rows that are in memory already.
    fn whole(name: &str, values: Array2<f32>) -> Self {
        let (rows, width) = values.dim();
        let shard = Shard { place: name.into(), values: Values::Whole(values), first: 0, rows, tokens: 1 };
        Self { name: name.split(':').next().unwrap_or(name).into(), files: vec![], shards: vec![shard], width, rows }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of all shards.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows `start..end`, over the borders of shards.
    ///
    /// # Errors
    /// When a file is no longer what it was, or a value is NaN or infinite: the file, the row in it and the column.
    pub fn read(&self, start: usize, end: usize) -> Result<Array2<f32>> {
        let mut values = Vec::with_capacity((end - start) * self.width);
        for shard in self.shards.iter().filter(|s| s.first < end && s.first + s.rows > start) {
            let from = start.max(shard.first) - shard.first;
            let to = end.min(shard.first + shard.rows) - shard.first;
            let before = values.len();
            shard.read(from, to, self.width, &mut values).with_context(|| format!("cannot read {}", shard.place))?;
            if let Some(at) = values[before..].iter().position(|v| !v.is_finite()) {
                bail!(
                    "{}: the value at row {}, column {} (counted from 1) is {}: leave such rows out, or mend what wrote them",
                    shard.place,
                    from + at / self.width + 1,
                    at % self.width + 1,
                    values[before + at]
                );
            }
        }
        Ok(Array2::from_shape_vec((end - start, self.width), values)?)
    }

    /// All rows of `start..end` in pieces of `size`, in order.
    ///
    /// # Errors
    /// As [`Source::read`], and what `look` refuses.
    pub fn pieces(
        &self,
        (start, end): (usize, usize),
        size: usize,
        mut look: impl FnMut(Array2<f32>) -> Result<()>,
    ) -> Result<()> {
        for from in (start..end).step_by(size.max(1)) {
            look(self.read(from, (from + size.max(1)).min(end))?)?;
        }
        Ok(())
    }
}

impl Shard {
    fn read(&self, from: usize, to: usize, width: usize, values: &mut Vec<f32>) -> Result<()> {
        match &self.values {
            Values::Whole(all) => {
                for row in from..to {
                    values.extend(all.row(row));
                }
            }
            Values::Lazy(tensor) => {
                let (outer, last) = (from / self.tokens, to.div_ceil(self.tokens));
                let read = tensor.rows(outer, last).map_err(|problem| problem.of(Path::new(&self.place)))?;
                let skip = (from - outer * self.tokens) * width;
                let wanted = read.get(skip..skip + (to - from) * width).context("the file has become shorter")?;
                values.extend_from_slice(wanted);
            }
        }
        Ok(())
    }
}

/// The files of a place, and the array in each that is meant.
fn files_of(place: &str) -> Result<(Vec<PathBuf>, Option<&str>)> {
    let path = Path::new(place);
    if path.is_dir() {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(path)
            .with_context(|| format!("cannot read the folder {place}"))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|p| ending(p).is_some_and(|e| LAZY.contains(&&e[..]) || e == "csv" || e == "parquet"))
            .collect();
        paths.sort_by(|a, b| natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
        ensure!(!paths.is_empty(), "the folder {place} holds no activations: npy, npz, safetensors, CSV or Parquet");
        return Ok((paths, None));
    }
    if path.exists() {
        return Ok((vec![path.into()], None));
    }
    let (pattern, array) = match place.rsplit_once(':') {
        Some((file, array)) if !array.contains(['/', '*', '\\']) => (file, Some(array)),
        _ => (place, None),
    };
    if Path::new(pattern).is_file() {
        return Ok((vec![pattern.into()], array));
    }
    let matches = glob::glob(pattern).with_context(|| format!("{pattern} is not a pattern"))?;
    let mut paths: Vec<PathBuf> = matches.filter_map(Result::ok).filter(|p| p.is_file()).collect();
    paths.sort_by(|a, b| natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
    ensure!(!paths.is_empty(), "there is no file {pattern}: activations are FILE, FILE:ARRAY, 'PATTERN' or a folder");
    Ok((paths, array))
}

fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// The array's name, or the file's or folder's without its ending.
fn name_of(place: &str, array: Option<&str>) -> String {
    let stem = Path::new(place).file_stem().map_or(place.into(), |s| s.to_string_lossy().into_owned());
    array.map_or(stem, String::from)
}

/// The values of a file, rows, rows for one of the first axis, columns.
fn open(path: &Path, array: Option<&str>) -> Result<(Values, usize, usize, usize)> {
    if !ending(path).is_some_and(|e| LAZY.contains(&&e[..])) {
        let place = format!("{}{}", path.display(), array.map_or(String::new(), |a| format!(":{a}")));
        let values = matrix(&place)?.values.mapv(|v| v as f32);
        let (rows, width) = values.dim();
        return Ok((Values::Whole(values), rows, 1, width));
    }
    let contents = Contents::open(path, &ReadOptions::default())?;
    let names: Vec<&str> = contents.tensors.iter().map(|(name, _)| name.as_str()).collect();
    let tensor = match (array, &contents.tensors[..]) {
        (Some(name), _) => {
            contents.get(name).with_context(|| format!("there is no array {name}; there are: {}", names.join(", ")))?
        }
        (None, [(_, one)]) => one,
        (None, _) => bail!("it holds {}: say which, as {}:NAME", names.join(", "), path.display()),
    };
    ensure!(
        !matches!(tensor.dtype, Dtype::Bool) && tensor.dtype.size().is_some(),
        "its values are {}: activations are real numbers",
        tensor.dtype.name()
    );
    let (rows, tokens, width) = match tensor.shape[..] {
        [rows, width] => (rows, 1, width),
        [samples, tokens, width] => (samples * tokens, tokens, width),
        _ => bail!(
            "its shape is {:?}: [rows, width] or [samples, tokens, width] is expected; `narrows capture --pool` takes \
             images' space together",
            tensor.shape
        ),
    };
    Ok((Values::Lazy(tensor.clone()), rows, tokens.max(1), width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};
    use ndarray_npy::write_npy;

    #[test]
    fn shards_are_one_array() {
        let dir = tempfile::tempdir().unwrap();
        // Natural order: 2 before 10.
        write_npy(dir.path().join("part2.npy"), &array![[1f32, 2.0], [3.0, 4.0]]).unwrap();
        write_npy(dir.path().join("part10.npy"), &array![[5f64, 6.0]]).unwrap();
        let source = Source::open(&dir.path().display().to_string()).unwrap();
        assert_eq!((source.rows(), source.width()), (3, 2));
        assert_eq!(source.read(1, 3).unwrap(), array![[3.0, 4.0], [5.0, 6.0]]);
        let pattern = Source::open(&dir.path().join("part*.npy").display().to_string()).unwrap();
        assert_eq!(pattern.read(0, 3).unwrap(), source.read(0, 3).unwrap());
        write_npy(dir.path().join("part11.npy"), &array![[5f32]]).unwrap();
        let message = format!("{:#}", Source::open(&dir.path().display().to_string()).unwrap_err());
        assert!(message.contains("part11.npy has 1 columns, but") && message.contains("has 2"), "{message}");
    }

    #[test]
    fn tokens_are_rows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.npy");
        let all = Array3::from_shape_fn((2, 3, 2), |(s, t, c)| (s * 6 + t * 2 + c) as f32);
        write_npy(&path, &all).unwrap();
        let source = Source::open(&path.display().to_string()).unwrap();
        assert_eq!((source.rows(), source.width()), (6, 2));
        assert_eq!(source.read(2, 5).unwrap(), array![[4.0, 5.0], [6.0, 7.0], [8.0, 9.0]]);
    }

    #[test]
    fn a_value_that_is_no_number_is_found_where_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        write_npy(dir.path().join("a.npy"), &array![[1f32, 2.0]]).unwrap();
        write_npy(dir.path().join("b.npy"), &array![[1f32, 2.0], [3.0, f32::NAN]]).unwrap();
        let source = Source::open(&dir.path().display().to_string()).unwrap();
        let message = source.read(0, 3).unwrap_err().to_string();
        assert!(message.contains("b.npy: the value at row 2, column 2 (counted from 1) is NaN"), "{message}");
    }

    #[test]
    fn a_shard_that_is_cut_is_told_before_anything_begins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        write_npy(&path, &array![[1f32, 2.0], [3.0, 4.0]]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(dir.path().join("b.npy"), &bytes[..bytes.len() - 6]).unwrap();
        let message = format!("{:#}", Source::open(&dir.path().display().to_string()).unwrap_err());
        assert!(message.contains("b.npy") && message.contains("promises 16 bytes"), "{message}");
    }
}
