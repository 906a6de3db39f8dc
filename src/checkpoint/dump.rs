//! Activation dumps: npz archives with one array a layer.

use super::blob::Blob;
use super::{CheckpointError, Format, Problem, format, place};
use narrows_datasets::LoadError;
use narrows_datasets::load::npz;
use ndarray::Array2;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// The activations of a network's layers at one checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivationDump {
    /// The file.
    pub file: PathBuf,
    /// Epoch, from the file's name.
    pub epoch: Option<u64>,
    /// Optimiser step, from the file's name.
    pub step: Option<u64>,
    /// Layer names and activations [samples × units], in the archive's order.
    pub layers: Vec<(String, Array2<f32>)>,
}

/// Reads a dump; axes beyond the second are flattened into units.
///
/// # Errors
/// When the file is missing, empty or damaged, an array is no layer, layers differ in their number of samples, or a
/// value is NaN or infinite.
pub fn read_dump(path: &Path) -> Result<ActivationDump, CheckpointError> {
    let bytes = Blob::open(path).and_then(|blob| blob.all()).map_err(|problem| problem.of(path))?;
    if !bytes.is_empty() && !bytes.starts_with(b"PK") {
        return Err(what_else(&bytes).of(path));
    }
    check_size(&bytes).map_err(|problem| problem.of(path))?;
    let arrays = npz::read(&bytes).map_err(|e| {
        let problem = match e {
            _ if bytes.is_empty() => Problem::Empty,
            LoadError::Invalid { reason, .. } => Problem::Damaged { format: "npz", reason },
            e => Problem::Damaged { format: "npz", reason: e.to_string() },
        };
        problem.of(path)
    })?;
    let mut layers: Vec<(String, Array2<f32>)> = Vec::with_capacity(arrays.len());
    for (name, array) in arrays {
        let not_a_layer = || Problem::NotALayer { name: name.clone(), shape: array.values.shape().to_vec() }.of(path);
        let values = array.to_matrix().map_err(|_| not_a_layer())?.mapv(|v| v as f32);
        if values.is_empty() {
            return Err(not_a_layer());
        }
        if let Some((first, others)) = layers.first().filter(|(_, o)| o.nrows() != values.nrows()) {
            let problem = Problem::RaggedDump {
                first: first.clone(),
                first_rows: others.nrows(),
                second: name,
                second_rows: values.nrows(),
            };
            return Err(problem.of(path));
        }
        if let Some((index, &value)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
            let count = values.iter().filter(|v| !v.is_finite()).count();
            return Err(Problem::NotFinite { tensor: name, index: vec![index.0, index.1], value, count }.of(path));
        }
        layers.push((name, values));
    }
    let place = place::of_name(path);
    Ok(ActivationDump { file: path.into(), epoch: place.epoch, step: place.step, layers })
}

/// Bytes that a dump may unpack to. Half a gigabyte of numbers is eight thousand units on sixty thousand samples; a few
/// kilobytes of archive can promise it, and it takes some six times as much memory until the layers are there.
const MAX_UNPACKED: u64 = 2 << 30;

/// Checks what the archive's directory promises, before anything is unpacked.
fn check_size(bytes: &[u8]) -> Result<(), Problem> {
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else { return Ok(()) };
    let sizes = (0..archive.len()).map(|i| archive.by_index_raw(i).map_or(0, |entry| entry.size()));
    let promised = sizes.fold(0, u64::saturating_add);
    if promised > MAX_UNPACKED {
        return Err(Problem::Unsupported {
            format: "npz",
            reason: format!(
                "it unpacks to {promised} bytes, and at most {MAX_UNPACKED} are read; save fewer samples or layers"
            ),
        });
    }
    Ok(())
}

/// What a file that is no zip archive is.
fn what_else(bytes: &[u8]) -> Problem {
    Problem::NotADump(match format::sniff(bytes) {
        Ok(Format::Safetensors) => "it is a safetensors file; its ending should say so",
        Ok(Format::Npy) => "it is a numpy array; activations are read from .npz archives with one array a layer",
        Ok(Format::TorchLegacy) => "it is a PyTorch file; its ending should say so",
        Ok(_) => "it is a file of weights; an npz archive is expected",
        Err(_) => format::guess(bytes).unwrap_or("an npz archive is expected"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, ArrayD, IxDyn, array};
    use ndarray_npy::NpzWriter;

    fn dump(arrays: &[(&str, ArrayD<f32>)]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("epoch_00007.activations.npz");
        let mut writer = NpzWriter::new_compressed(std::fs::File::create(&path).unwrap());
        arrays.iter().for_each(|(name, a)| writer.add_array(*name, a).unwrap());
        writer.finish().unwrap();
        (dir, path)
    }

    #[test]
    fn layers_keep_their_order_and_maps_are_flattened() {
        let maps = ArrayD::from_shape_vec(IxDyn(&[2, 1, 2]), vec![1., 2., 3., 4.]).unwrap();
        let (_dir, path) = dump(&[("relu", maps), ("fc", array![[5.0f32], [6.0]].into_dyn())]);
        let d = read_dump(&path).unwrap();
        assert_eq!(d.epoch, Some(7));
        assert_eq!(
            d.layers,
            [("relu".to_string(), array![[1., 2.], [3., 4.]]), ("fc".to_string(), array![[5.], [6.]])]
        );
    }

    #[test]
    fn faults_name_the_layer() {
        let message = |arrays: &[(&str, ArrayD<f32>)]| {
            let (_dir, path) = dump(arrays);
            read_dump(&path).unwrap_err().to_string()
        };
        let two = || array![[1.0f32], [2.0]].into_dyn();
        assert!(
            message(&[("a", two()), ("b", array![[1.0f32]].into_dyn())])
                .contains("the layers a and b have 2 and 1 rows")
        );
        assert!(message(&[("a", Array1::<f32>::zeros(3).into_dyn())]).contains("array a has the shape [3]"));
        assert!(message(&[("a", array![[1.0f32], [f32::NAN]].into_dyn())]).contains("NaN at [1, 0]"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npz");
        std::fs::write(&path, b"").unwrap();
        assert!(read_dump(&path).unwrap_err().to_string().ends_with("the file is empty"));
        for (bytes, expected) in [
            (&b"version https://git-lfs.github.com/spec/v1"[..], "git lfs pull"),
            (b"<html>", "web page"),
            (b"\x08\0\0\0\0\0\0\0{}      ", "a safetensors file"),
            (b"\x93NUMPY", "one array a layer"),
            (b"something else entirely", "an npz archive is expected"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let e = read_dump(&path).unwrap_err().to_string();
            assert!(e.contains("not a dump of activations: ") && e.contains(expected), "{e}");
        }
        std::fs::write(&path, b"PK\x03\x04 and no more").unwrap();
        assert!(read_dump(&path).unwrap_err().to_string().contains("damaged or truncated npz"));
    }

    #[test]
    fn types_and_layouts_come_out_right() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("step_12.npz");
        let mut writer = NpzWriter::new(std::fs::File::create(&path).unwrap());
        writer.add_array("f8", &array![[0.1f64, 2.0]]).unwrap();
        writer.add_array("i8", &array![[-3i64]]).unwrap();
        // Fortran's order.
        writer.add_array("f", &array![[1.0f32], [3.0]].reversed_axes()).unwrap();
        writer.finish().unwrap();
        let d = read_dump(&path).unwrap();
        assert_eq!((d.epoch, d.step), (None, Some(12)));
        assert_eq!(d.layers[0].1, array![[0.1f32, 2.0]]);
        assert_eq!(d.layers[1].1, array![[-3.0]]);
        assert_eq!(d.layers[2].1, array![[1.0, 3.0]]);
    }

    #[test]
    fn an_archive_that_promises_too_much_is_not_unpacked() {
        let (_dir, path) = dump(&[("a", ArrayD::zeros(IxDyn(&[4, 4])))]);
        let mut bytes = std::fs::read(&path).unwrap();
        // The uncompressed size in the directory.
        let at = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap() + 24;
        bytes[at..at + 4].copy_from_slice(&0xf000_0000u32.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        let e = read_dump(&path).unwrap_err().to_string();
        assert!(e.contains("it unpacks to 4026531840 bytes, and at most 2147483648 are read"), "{e}");
    }

    #[test]
    fn real_dumps_read_where_they_are_at_hand() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/torch");
        if !folder.exists() {
            return;
        }
        let dense = read_dump(&folder.join("mlp12-tanh/epoch_00000.activations.npz")).unwrap();
        assert_eq!(dense.epoch, Some(0));
        assert!(dense.layers.iter().all(|(_, values)| values.nrows() == 4096));
        let maps = read_dump(&folder.join("cnn-mnist/epoch_12.activations.npz")).unwrap();
        assert_eq!(maps.epoch, Some(12));
        assert!(maps.layers.iter().all(|(_, values)| values.nrows() == 200));
    }
}
