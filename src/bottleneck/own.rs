//! The joint distribution that a sample itself has: how often each distinct input goes with each class.

use crate::subject::samples::{Batch, Samples};
use anyhow::Result;
use narrows_estimators::bottleneck::JointDistribution;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Samples that are looked at together.
const BATCH: usize = 1024;

/// Counts the classes of each distinct input among the rows. Without inputs, as of activation dumps, every sample is
/// taken for an input of its own.
///
/// # Errors
/// When an input cannot be read, or there is one class alone.
pub fn own_joint(samples: Option<&Samples>, rows: &[usize], classes: &[u32]) -> Result<JointDistribution> {
    let Some(samples) = samples else {
        let each: Vec<u32> = (0..classes.len() as u32).collect();
        return Ok(JointDistribution::from_pairs(&each, classes)?);
    };
    // By a hash, so that images need not all be in memory.
    let mut seen: HashMap<[u8; 32], u32> = HashMap::new();
    let mut inputs = Vec::with_capacity(rows.len());
    for part in rows.chunks(BATCH) {
        let hashes: Vec<[u8; 32]> = match samples.batch(part)? {
            Batch::Real(values) => values.outer_iter().map(|sample| hash(sample.iter().copied())).collect(),
            Batch::Text(texts) => texts.iter().map(|text| Sha256::digest(text).into()).collect(),
        };
        for hash in hashes {
            let next = seen.len() as u32;
            inputs.push(*seen.entry(hash).or_insert(next));
        }
    }
    Ok(JointDistribution::from_pairs(&inputs, classes)?)
}

fn hash(values: impl Iterator<Item = f32>) -> [u8; 32] {
    let mut hash = Sha256::new();
    // Adding zero makes one zero of the two.
    values.for_each(|v| hash.update((v + 0.0).to_le_bytes()));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn equal_inputs_are_one_and_their_labels_are_counted() {
        let values = array![[0.0f32, 1.0], [-0.0, 1.0], [2.0, 3.0], [0.0, 1.0], [9.0, 9.0]];
        let samples = Samples::of_matrix("m", values).unwrap();
        let joint = own_joint(Some(&samples), &[0, 1, 2, 3], &[0, 1, 1, 0]).unwrap();
        assert_eq!((joint.n_inputs(), joint.p_x()), (2, &[0.75, 0.25][..]));
        assert!((joint.conditional()[[0, 0]] - 2.0 / 3.0).abs() < 1e-15);
        let each = own_joint(None, &[0, 1, 2], &[0, 1, 0]).unwrap();
        assert!(each.is_deterministic() && each.n_inputs() == 3);
    }

    #[test]
    fn the_twelve_bit_labels_are_a_function_of_the_patterns() {
        let data = narrows_datasets::twelve_bit().unwrap();
        let samples = Samples::of_matrix("twelve-bit", data.inputs).unwrap();
        let joint = own_joint(Some(&samples), &(0..4096).collect::<Vec<_>>(), &data.labels).unwrap();
        assert!(joint.is_deterministic() && joint.n_inputs() == 4096);
    }
}
