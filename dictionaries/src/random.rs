//! Seeded streams: the same seed gives the same numbers on every machine and with any number of threads.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What a stream is for: switching one on moves none of the others.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Where clusters start.
    Clusters = 1,
    /// Which pairs of an alignment are held out together.
    Folds = 30,
    /// Names that are dealt out by chance.
    Names = 31,
    /// Where features start.
    Features = 10,
    /// Which samples dead features start anew from.
    Resampling = 11,
    /// The codes of a codebook as they start.
    Codes = 20,
    /// Codes that start anew.
    DeadCodes = 21,
    /// The weights of a transformer as they start.
    Weights = 22,
    /// Tokens that are drawn from a model.
    Sampling = 23,
    /// Projections of a key-value memory.
    Projections = 40,
    /// Where its keys start, and which queries replace rare ones.
    Keys = 41,
    /// Order in which its keys see queries.
    Queries = 42,
    /// Where its values start.
    Values = 43,
    /// Random directions of a baseline.
    RandomDirections = 60,
    /// Which samples the atoms of a baseline start at.
    Atoms = 61,
}

/// The stream of a purpose in a part (a dictionary, a codebook, a head) and a step.
pub(crate) fn stream(seed: u64, purpose: Purpose, part: u16, step: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    // ChaCha's stream number makes the streams of one seed independent.
    generator.set_stream(((purpose as u64) << 56) | (u64::from(part) << 40) | (step & 0xff_ffff_ffff));
    generator
}
