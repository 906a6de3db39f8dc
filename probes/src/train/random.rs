//! Seeded streams: the same seed gives the same fit on every machine and with any number of threads.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What a stream is for: switching one on moves none of the others.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Initial weights.
    Weights = 1,
    /// Which rows are for validation.
    Split = 2,
    /// Order of the minibatches.
    Order = 3,
    /// Dropout, random interventions, Gumbel noise.
    Noise = 4,
}

/// The stream of a purpose in a part of the fit (the concept predictor, the head) and an epoch.
pub(crate) fn stream(seed: u64, purpose: Purpose, part: u16, epoch: usize) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    // ChaCha's stream number makes the streams of one seed independent.
    generator.set_stream(((purpose as u64) << 56) | (u64::from(part) << 40) | epoch as u64);
    generator
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn purposes_parts_and_epochs_have_streams_of_their_own() {
        let first = |purpose, part, epoch| stream(3, purpose, part, epoch).random_range(0..u64::MAX);
        let all = [
            first(Purpose::Order, 0, 1),
            first(Purpose::Order, 0, 2),
            first(Purpose::Order, 1, 1),
            first(Purpose::Noise, 0, 1),
        ];
        assert!((0..4).all(|i| (0..i).all(|j| all[i] != all[j])), "{all:?}");
        assert_eq!(first(Purpose::Order, 0, 1), all[0]);
    }
}
