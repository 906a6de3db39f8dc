//! Captured activations in other formats: npz for numpy, Parquet for data frames.

use crate::checkpoint::{Contents, Dtype, LazyTensor, ReadOptions};
use crate::run::write_atomic_with;
use crate::table::MatrixWriter;
use anyhow::{Context, Result};
use half::f16;
use ndarray::Array2;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// Values that are in memory at once.
const CHUNK: usize = 1 << 20;

/// Writes a file of captured activations as an npz archive, a layer an array.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn npz(from: &Path, to: &Path) -> Result<()> {
    let contents = Contents::open(from, &ReadOptions::default())?;
    write_atomic_with(to, |file| {
        let mut zip = ZipWriter::new(BufWriter::new(file));
        for (name, tensor) in &contents.tensors {
            array(&mut zip, name, tensor)?;
        }
        zip.finish()?.flush()?;
        Ok(())
    })
}

fn array<W: Write + Seek>(zip: &mut ZipWriter<W>, name: &str, tensor: &LazyTensor) -> Result<()> {
    let is_half = tensor.dtype == Dtype::F16;
    let large = tensor.byte_len().is_none_or(|n| n as u64 >= u64::from(u32::MAX) / 2);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
    zip.start_file(npz_name(name), options)?;
    zip.write_all(&npy_header(if is_half { "<f2" } else { "<f4" }, &tensor.shape))?;
    for_each_chunk(tensor, |values| {
        let bytes: Vec<u8> = match is_half {
            true => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
            false => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        Ok(zip.write_all(&bytes)?)
    })
}

/// Writes each layer as a Parquet file in a folder: a column a unit, a row a sample.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn parquet(from: &Path, to: &Path) -> Result<()> {
    let contents = Contents::open(from, &ReadOptions::default())?;
    std::fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for (name, tensor) in &contents.tensors {
        let width: usize = tensor.shape[1..].iter().product();
        write_atomic_with(&to.join(parquet_name(name)), |file| {
            let mut writer = MatrixWriter::new(BufWriter::new(file), width)?;
            for_each_chunk(tensor, |values| {
                let rows = Array2::from_shape_vec((values.len() / width.max(1), width), values.to_vec())?;
                writer.write(rows.view())
            })?;
            writer.finish()
        })?;
    }
    Ok(())
}

/// The entry of a layer. A name may not begin at a root: the exporters' do.
pub(super) fn npz_name(layer: &str) -> String {
    format!("{}.npy", layer.trim_start_matches('/'))
}

/// The file of a layer: its name, as far as file names go.
pub(super) fn parquet_name(layer: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = layer.trim_start_matches(['/', '.']).chars().map(safe).take(120).collect();
    format!("{name}.parquet")
}

/// Whole rows, as many as go into a chunk, at least one.
fn for_each_chunk(tensor: &LazyTensor, mut each: impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
    let (rows, width) = (tensor.shape[0], tensor.shape[1..].iter().product::<usize>());
    let step = (CHUNK / width.max(1)).max(1);
    for start in (0..rows).step_by(step) {
        each(&tensor.rows(start, (start + step).min(rows))?)?;
    }
    Ok(())
}

/// The header of a .npy file, version 1 (numpy enhancement proposal 1): magic, version, length, a Python dict padded so
/// that the values begin at a multiple of 64.
fn npy_header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let axes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}", axes.trim_end());
    let length = (10 + dict.len() + 1).next_multiple_of(64) - 10;
    while dict.len() + 1 < length {
        dict.push(' ');
    }
    dict.push('\n');
    [b"\x93NUMPY\x01\x00".as_slice(), &(dict.len() as u16).to_le_bytes(), dict.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::super::writer::{Slot, Writer};
    use super::*;
    use narrows_datasets::load::{npy, npz as read_npz};
    use ndarray::array;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_exported_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.safetensors");
        let slots = [Slot { name: "/Relu_0".into(), shape: vec![1, 2] }, Slot { name: "fc 1".into(), shape: vec![1] }];
        for (dtype, name) in [(Dtype::F32, "<f4"), (Dtype::F16, "<f2")] {
            let (writer, _) = Writer::open(&path, &slots, 2, dtype, &BTreeMap::new()).unwrap();
            writer.write(0, 0, &array![[[1.0f32, 2.0]], [[3.0, 4.5]]].into_dyn()).unwrap();
            writer.write(1, 0, &array![[-1.0f32], [0.25]].into_dyn()).unwrap();
            let to = dir.path().join("a.npz");
            npz(&path, &to).unwrap();
            let arrays = read_npz::read(&std::fs::read(&to).unwrap()).unwrap();
            assert_eq!((arrays[0].0.as_str(), arrays[1].0.as_str()), ("Relu_0", "fc 1"));
            assert_eq!((arrays[0].1.dtype.as_str(), arrays[0].1.values.shape()), (name, &[2, 1, 2][..]));
            assert_eq!(arrays[0].1.values.iter().copied().collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.5]);
            let folder = dir.path().join("tables");
            parquet(&path, &folder).unwrap();
            let table = crate::table::read_parquet(&std::fs::read(folder.join("fc_1.parquet")).unwrap()).unwrap();
            assert_eq!(table.columns.len(), 1);
            let wide = crate::table::read_parquet(&std::fs::read(folder.join("Relu_0.parquet")).unwrap()).unwrap();
            assert_eq!((wide.columns.len(), wide.columns[1].name.as_str()), (2, "u1"));
        }
        for shape in [vec![], vec![3], vec![10, 20, 30]] {
            let header = npy_header("<f4", &shape);
            assert_eq!(header.len() % 64, 0);
            let values = vec![0u8; 4 * shape.iter().product::<usize>()];
            let array = npy::read(&[header, values].concat()).unwrap();
            assert_eq!(array.values.shape(), shape);
        }
    }
}
