//! Random streams that follow from a seed, a purpose and an epoch.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What a stream is for; each purpose has its own, so that switching one on moves none of the others.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Weights = 1,
    Shuffle = 2,
    Dropout = 3,
    ActivationNoise = 4,
    GradientNoise = 5,
}

/// The stream of a purpose in an epoch.
pub(super) fn stream(seed: u64, purpose: Purpose, epoch: u64) -> ChaCha8Rng {
    numbered(seed, purpose as u64, epoch)
}

/// The stream of a numbered purpose. ChaCha's stream number makes streams of one seed independent.
pub(crate) fn numbered(seed: u64, purpose: u64, epoch: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((purpose << 48) | epoch);
    rng
}
