//! Posteriors on disk, so that a killed run trains no model twice.

use crate::checkpoint::{ReadOptions, read, write_safetensors};
use anyhow::{Context, Result, ensure};
use narrows_estimators::posterior::Posterior;
use std::collections::BTreeMap;
use std::path::Path;

/// Writes a posterior, whole or not at all.
pub(super) fn write(path: &Path, posterior: &Posterior) -> Result<()> {
    let (parameters, rank) = (posterior.parameters(), posterior.columns().len());
    let columns: Vec<f32> = posterior.columns().concat();
    let tensors = [
        ("mean".to_string(), vec![parameters], posterior.mean()),
        ("variance".to_string(), vec![parameters], posterior.variance()),
        ("columns".to_string(), vec![rank, parameters], columns.as_slice()),
    ];
    write_safetensors(path, &tensors, &BTreeMap::new())
}

/// Reads one back.
pub(super) fn restore(path: &Path) -> Result<Posterior> {
    let mut file = read(path, &ReadOptions::default())?;
    let mut take = |name: &str| {
        let found = file.tensors.remove(name);
        found.with_context(|| format!("{} lacks the tensor {name}: replace the run with --force", path.display()))
    };
    let (mean, variance, columns) = (take("mean")?, take("variance")?, take("columns")?);
    ensure!(!mean.values.is_empty(), "{} holds an empty posterior: replace the run with --force", path.display());
    let columns = columns.values.chunks(mean.values.len()).map(<[f32]>::to_vec).collect();
    Posterior::new(mean.values, variance.values, columns).with_context(|| format!("{} is damaged", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.safetensors");
        let posterior =
            Posterior::new(vec![0.1, -2.0], vec![1e-9, 0.5], vec![vec![0.3, 0.0], vec![-0.1, 1.5], vec![0.0, 7.0]])
                .unwrap();
        write(&path, &posterior).unwrap();
        assert_eq!(restore(&path).unwrap(), posterior);
    }
}
