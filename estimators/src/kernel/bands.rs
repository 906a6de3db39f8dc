//! Sums over all pairs of tiles, the same whatever the number of threads.

use rayon::prelude::*;

/// Bands that the pairs are divided into, where samples are not so many that a band's sums weigh on memory.
pub(super) const BANDS: usize = 16;

/// Sums over the pairs (a, b ≥ a) of `tiles` tiles, one sum a band, to be added in order.
///
/// The band of a pair is a modulo the number of `bands`, so that every band gets long and short rows of the triangle,
/// and what is added to what depends on the number of tiles alone.
pub(super) fn sums_by_band<S: Send>(
    tiles: usize,
    bands: usize,
    zero: impl Fn() -> S + Sync,
    visit: impl Fn(&mut S, usize, usize) + Sync,
) -> Vec<S> {
    (0..bands)
        .into_par_iter()
        .map(|band| {
            let mut sums = zero();
            for a in (band..tiles).step_by(bands) {
                for b in a..tiles {
                    visit(&mut sums, a, b);
                }
            }
            sums
        })
        .collect()
}
