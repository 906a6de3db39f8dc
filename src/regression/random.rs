//! Random streams that follow from a seed, a purpose and an epoch.

use crate::subject::train::numbered;
use rand_chacha::ChaCha8Rng;

/// What a stream is for. Objectives of one seed start from the same weights and see the same minibatches, so that they
/// can be compared seed by seed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Weights = 1,
    Shuffle = 2,
    CodeNoise = 3,
    EvaluationNoise = 4,
}

/// The stream of a purpose in an epoch.
pub(super) fn stream(seed: u64, purpose: Purpose, epoch: u64) -> ChaCha8Rng {
    numbered(seed ^ 0x7265_6772_6573_7321, purpose as u64, epoch)
}
