//! A file of activations that is written a few samples at a time, in any order.
//!
//! The layout is that of safetensors: every layer one array [samples × …], all lengths known before the first value is.
//! So each batch has its place in the file, nothing is held in memory, and a run that was killed goes on where it was.

use crate::checkpoint::Dtype;
use anyhow::{Context, Result, bail, ensure};
use half::f16;
use ndarray::ArrayD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A layer's place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Lengths of its axes, without the samples.
    pub shape: Vec<usize>,
}

/// A file in the making.
pub struct Writer {
    path: PathBuf,
    file: Mutex<File>,
    slots: Vec<(Slot, u64)>,
    samples: usize,
    dtype: Dtype,
}

impl Writer {
    /// Opens a file that was begun with the same header, or begins one; tells whether it was there.
    ///
    /// # Errors
    /// When it cannot be written, or two layers have one name.
    pub fn open(
        path: &Path,
        slots: &[Slot],
        samples: usize,
        dtype: Dtype,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(Self, bool)> {
        let head = header(slots, samples, &dtype, metadata)?;
        let size = dtype.size().context("activations are written as numbers")? as u64;
        let mut at = head.len() as u64;
        let mut placed = Vec::with_capacity(slots.len());
        for slot in slots {
            placed.push((slot.clone(), at));
            at += samples as u64 * slot.shape.iter().product::<usize>() as u64 * size;
        }
        let is_begun = begins_with(path, &head, at);
        let attempt = || -> std::io::Result<File> {
            let mut file = OpenOptions::new().write(true).create(true).truncate(!is_begun).open(path)?;
            if !is_begun {
                file.write_all(&head)?;
                // The values' places, empty. A full disk shows when they are filled.
                file.set_len(at)?;
            }
            Ok(file)
        };
        let file = attempt().with_context(|| format!("cannot write {}", path.display()))?;
        Ok((Self { path: path.into(), file: Mutex::new(file), slots: placed, samples, dtype }, is_begun))
    }

    /// Writes layer `index` of the samples from `first` on.
    ///
    /// # Errors
    /// When the values are not of the layer's shape, or cannot be written.
    pub fn write(&self, index: usize, first: usize, values: &ArrayD<f32>) -> Result<()> {
        let (slot, begin) = &self.slots[index];
        let width: usize = slot.shape.iter().product();
        ensure!(
            values.shape()[1..] == slot.shape[..] && first + values.shape()[0] <= self.samples,
            "{} has the shape {:?} for samples from {first} on, but {:?} was expected; layers must have the same axes for all samples",
            slot.name,
            &values.shape()[1..],
            slot.shape
        );
        if self.dtype == Dtype::F16
            && let Some(large) = values.iter().find(|v| v.is_finite() && f16::from_f32(**v).is_infinite())
        {
            bail!("{} has the value {large}, which 16 bits cannot hold: write it by --dtype f32", slot.name);
        }
        let bytes: Vec<u8> = match self.dtype {
            Dtype::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        let size = self.dtype.size().unwrap_or(4);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = |file: &mut File| {
            file.seek(SeekFrom::Start(begin + (first * width * size) as u64))?;
            file.write_all(&bytes)
        };
        attempt(&mut file).with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Brings what was written to the disk.
    ///
    /// # Errors
    /// When it cannot be: a full disk shows here at the latest.
    pub fn sync(&self) -> Result<()> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.sync_data().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn header(slots: &[Slot], samples: usize, dtype: &Dtype, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let size = dtype.size().context("activations are written as numbers")?;
    let mut table = Map::new();
    table.insert("__metadata__".into(), json!(metadata));
    let mut at = 0u64;
    for slot in slots {
        ensure!(!table.contains_key(&slot.name), "two layers are called {}", slot.name);
        let shape: Vec<usize> = std::iter::once(samples).chain(slot.shape.iter().copied()).collect();
        let end = at + (shape.iter().product::<usize>() * size) as u64;
        table.insert(slot.name.clone(), json!({ "dtype": dtype.name(), "shape": shape, "data_offsets": [at, end] }));
        at = end;
    }
    let mut text = serde_json::to_vec(&Value::Object(table))?;
    text.resize(text.len().next_multiple_of(8), b' ');
    Ok([(text.len() as u64).to_le_bytes().to_vec(), text].concat())
}

fn begins_with(path: &Path, head: &[u8], length: u64) -> bool {
    let mut found = vec![0; head.len()];
    File::open(path).is_ok_and(|mut file| {
        use std::io::Read;
        file.metadata().is_ok_and(|m| m.len() == length) && file.read_exact(&mut found).is_ok() && found == head
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{ReadOptions, read};
    use ndarray::array;

    #[test]
    fn batches_in_any_order_make_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.safetensors");
        let slots = [Slot { name: "maps".into(), shape: vec![1, 2] }, Slot { name: "fc".into(), shape: vec![1] }];
        let metadata = BTreeMap::from([("epoch".to_string(), "7".to_string())]);
        let open = |dtype| Writer::open(&path, &slots, 3, dtype, &metadata).unwrap();
        let (writer, begun) = open(Dtype::F32);
        assert!(!begun);
        writer.write(0, 2, &array![[[5.0f32, 6.0]]].into_dyn()).unwrap();
        writer.write(1, 0, &array![[7.0f32], [8.0], [9.0]].into_dyn()).unwrap();
        drop(writer);
        let (writer, begun) = open(Dtype::F32);
        assert!(begun);
        writer.write(0, 0, &array![[[1.0f32, 2.0]], [[3.0, 4.0]]].into_dyn()).unwrap();
        let e = writer.write(0, 0, &array![[[1.0f32]]].into_dyn()).unwrap_err().to_string();
        assert!(e.contains("maps has the shape [1, 1]"), "{e}");
        assert!(writer.write(1, 3, &array![[1.0f32]].into_dyn()).is_err());
        writer.sync().unwrap();
        let file = read(&path, &ReadOptions::default()).unwrap();
        assert_eq!(file.epoch, Some(7));
        assert_eq!(file.tensors.get("maps").unwrap().values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(file.tensors.get("fc").unwrap().shape, [3, 1]);
        // Another header, another file.
        let (writer, begun) = open(Dtype::F16);
        assert!(!begun);
        writer.write(1, 1, &array![[0.5f32]].into_dyn()).unwrap();
        let file = read(&path, &ReadOptions::default()).unwrap();
        assert_eq!((file.tensors.get("fc").unwrap().values.as_slice()), [0.0, 0.5, 0.0]);
        let e = writer.write(1, 1, &array![[70_000.0f32]].into_dyn()).unwrap_err().to_string();
        assert!(e.contains("fc has the value 70000, which 16 bits cannot hold"), "{e}");
        let twins = [slots[1].clone(), slots[1].clone()];
        assert!(Writer::open(&path, &twins, 3, Dtype::F32, &metadata).is_err());
    }
}
