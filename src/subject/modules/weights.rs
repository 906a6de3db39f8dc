//! The tensors of a checkpoint, by the names that modules call them.

use crate::checkpoint::{Contents, LazyTensor, Problem, shown};
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::path::Path;

/// Tensors by their names after renaming.
pub(super) struct Weights<'a> {
    file: &'a Path,
    names: Vec<String>,
    tensors: HashMap<String, (&'a str, &'a LazyTensor)>,
}

/// A tensor in memory.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Loaded {
    /// Its name after renaming.
    pub(super) key: String,
    /// Lengths of the axes, the outermost first.
    pub(super) shape: Vec<usize>,
    /// The values in row-major order.
    pub(super) values: Vec<f32>,
}

impl<'a> Weights<'a> {
    /// The tensors of a checkpoint; the longest of the prefixes in `rename` with which a name begins is replaced.
    ///
    /// # Errors
    /// When two tensors have the same name afterwards.
    pub(super) fn new(contents: &'a Contents, rename: &[(String, String)]) -> Result<Self> {
        let mut weights = Self { file: &contents.file, names: Vec::new(), tensors: HashMap::new() };
        for (name, tensor) in &contents.tensors {
            let rule = rename.iter().filter(|(old, _)| name.starts_with(old)).max_by_key(|(old, _)| old.len());
            let renamed = match rule {
                Some((old, new)) => format!("{new}{}", &name[old.len()..]),
                None => name.clone(),
            };
            weights.names.push(renamed.clone());
            if let Some((other, _)) = weights.tensors.insert(renamed.clone(), (name, tensor)) {
                bail!(
                    "{}: the tensors {} and {} are both called {} after renaming; give them prefixes of their own",
                    contents.file.display(),
                    shown(other),
                    shown(name),
                    shown(&renamed)
                );
            }
        }
        Ok(weights)
    }

    /// The names in the file's order.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The tensor of this name.
    pub(super) fn get(&self, key: &str) -> Option<&'a LazyTensor> {
        self.tensors.get(key).map(|(_, tensor)| *tensor)
    }

    /// The first of these names that there is.
    pub(super) fn first<'k>(&self, keys: &'k [String]) -> Option<&'k str> {
        keys.iter().map(String::as_str).find(|key| self.tensors.contains_key(*key))
    }

    /// Reads the tensor of this name as 32-bit floats.
    ///
    /// # Errors
    /// When it is missing, holds whole numbers, or a value is NaN or infinite.
    pub(super) fn load(&self, key: &str) -> Result<Loaded> {
        let Some((name, tensor)) = self.tensors.get(key) else {
            bail!("{} has no tensor {key}", self.file.display());
        };
        ensure!(
            !tensor.dtype.is_integer(),
            "{}: the tensor {} holds whole numbers ({}), where weights are expected; quantised weights are not read",
            self.file.display(),
            shown(name),
            tensor.dtype
        );
        ensure!(!tensor.shape.contains(&0), "{}: the tensor {} holds no values", self.file.display(), shown(name));
        let loaded = tensor.load().with_context(|| format!("{}: the tensor {}", self.file.display(), shown(name)))?;
        if let Some((index, value)) = loaded.first_non_finite() {
            let count = loaded.values.iter().filter(|v| !v.is_finite()).count();
            return Err(Problem::NotFinite { tensor: (*name).into(), index, value, count }.of(self.file).into());
        }
        Ok(Loaded { key: key.into(), shape: loaded.shape, values: loaded.values })
    }

    /// Reads the tensor of this name and checks its shape.
    ///
    /// # Errors
    /// As [`Weights::load`], and when the shape is another; the message says both.
    pub(super) fn expect(&self, key: &str, shape: &[usize]) -> Result<Loaded> {
        // Before the values are read: a wrong table may be large.
        if let Some(tensor) = self.get(key) {
            ensure!(
                tensor.shape == shape,
                "{}: {key} has the shape {:?}, but {shape:?} is expected",
                self.file.display(),
                tensor.shape
            );
        }
        self.load(key)
    }
}

impl Loaded {
    /// Rows and columns exchanged.
    pub(super) fn transposed(&self) -> Vec<f32> {
        let (rows, columns) = (self.shape.first().copied().unwrap_or(1), self.shape.get(1).copied().unwrap_or(1));
        let mut values = Vec::with_capacity(self.values.len());
        for column in 0..columns {
            values.extend((0..rows).map(|row| self.values[row * columns + column]));
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::modules::testing::contents;

    #[test]
    fn the_longest_prefix_is_renamed() {
        let c = contents(&[("net.a.w", &[1], &[1.0]), ("net.b.w", &[1], &[2.0]), ("c", &[1], &[3.0])]);
        let rename =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect::<Vec<_>>();
        let w = Weights::new(&c, &rename(&[("net.", ""), ("net.b", "x")])).unwrap();
        assert_eq!(w.names(), ["a.w", "x.w", "c"]);
        assert_eq!(w.load("x.w").unwrap().values, [2.0]);
        let e = Weights::new(&c, &rename(&[("net.a", "c"), ("net.b", "c")])).err().unwrap().to_string();
        assert!(e.contains("net.a.w and net.b.w are both called c.w"), "{e}");
    }

    #[test]
    fn what_are_no_weights_is_told() {
        let c = contents(&[("a", &[2], &[1.0, f32::NAN]), ("b", &[2, 1], &[1.0, 2.0])]);
        let w = Weights::new(&c, &[]).unwrap();
        assert!(w.load("a").unwrap_err().to_string().contains("the tensor a holds 1 value(s) that are not finite"));
        let e = w.expect("b", &[1, 2]).unwrap_err().to_string();
        assert!(e.ends_with("b has the shape [2, 1], but [1, 2] is expected"), "{e}");
        assert!(w.load("c").unwrap_err().to_string().contains("no tensor c"));
        assert_eq!(
            Loaded { key: String::new(), shape: vec![2, 3], values: vec![1., 2., 3., 4., 5., 6.] }.transposed(),
            [1., 4., 2., 5., 3., 6.]
        );
    }
}
