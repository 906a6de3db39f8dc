//! Activation dumps: npz archives with one array a layer.

use super::place;
use super::{CheckpointError, Problem};
use narrows_datasets::LoadError;
use narrows_datasets::load::npz;
use ndarray::Array2;
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
    let bytes = std::fs::read(path).map_err(|e| Problem::Unreadable(e.to_string()).of(path))?;
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
        std::fs::write(&path, b"PK\x03\x04 and no more").unwrap();
        assert!(read_dump(&path).unwrap_err().to_string().contains("damaged or truncated npz"));
    }
}
