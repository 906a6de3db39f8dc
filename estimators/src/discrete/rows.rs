//! Whole rows of bin numbers as single symbols.

use ndarray::ArrayView2;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// Hashes of a row, each with keys of its own.
const HASHES: usize = 3;
/// Columns that are worked on together.
const LANES: usize = 16;

/// Numbers the distinct rows of [N × D] values, each replaced by its bin, in order of first appearance.
///
/// `bin(column, value)` is asked once for each value. A row is recognised by three 64-bit sums
/// `Σ_j (b_{2j} + k_{2j})·(b_{2j+1} + k_{2j+1})` with random 32-bit keys (the NH family of Black, Halevi, Krawczyk,
/// Krovetz & Rogaway 1999) instead of by a comparison of all its bins: two rows that differ agree in each with a chance
/// of at most 2⁻³², so that among N rows a collision is less likely than N²/2⁹⁷ (10⁻¹⁷ for a million). Memory does not
/// grow with the width, nothing is sorted, and the sums are vectorised and spread over the threads.
///
/// Returns the symbol of each row, and the number of distinct symbols.
pub(crate) fn row_symbols<T: Copy + Send + Sync>(
    values: ArrayView2<'_, T>,
    bin: impl Fn(usize, T) -> u32 + Sync,
) -> (Vec<u32>, usize) {
    let mut rows = RowNumbers::new(values.ncols());
    let symbols = rows.number(values, bin);
    (symbols, rows.distinct())
}

/// The numbers that [`row_symbols`] has given so far, for rows that come a part at a time: however they are parted, a
/// row's number is the same.
pub(crate) struct RowNumbers {
    width: usize,
    keys: Vec<[[u32; LANES]; HASHES]>,
    seen: FxHashMap<[u64; HASHES], u32>,
}

impl RowNumbers {
    /// For rows of this width.
    pub(crate) fn new(width: usize) -> Self {
        Self { width, keys: keys(width), seen: FxHashMap::default() }
    }

    /// The symbols of further rows, whose width is that of all.
    pub(crate) fn number<T: Copy + Send + Sync>(
        &mut self,
        values: ArrayView2<'_, T>,
        bin: impl Fn(usize, T) -> u32 + Sync,
    ) -> Vec<u32> {
        let keys = &self.keys;
        let hash = |row: ndarray::ArrayView1<'_, T>, buffer: &mut Vec<T>| {
            buffer.clear();
            match row.as_slice() {
                Some(slice) => buffer.extend_from_slice(slice),
                None => buffer.extend(row),
            }
            pulp::Arch::new().dispatch(Row { values: buffer, keys, bin: &bin })
        };
        let hashes: Vec<[u64; HASHES]> = (0..values.nrows())
            .into_par_iter()
            .with_min_len(64)
            .map_init(Vec::new, |buffer, row| hash(values.row(row), buffer))
            .collect();
        let number = |hash| {
            let next = self.seen.len() as u32;
            *self.seen.entry(hash).or_insert(next)
        };
        hashes.into_iter().map(number).collect()
    }

    /// Whether rows of this width are of the kind that it was made for.
    pub(crate) fn fits(&self, width: usize) -> bool {
        self.width == width
    }

    /// How many different rows there have been.
    pub(crate) fn distinct(&self) -> usize {
        self.seen.len()
    }
}

/// Random keys for rows of this width, filled up to whole groups of lanes: for each hash, those of the even places and
/// those of the odd.
fn keys(width: usize) -> Vec<[[u32; LANES]; HASHES]> {
    // SplitMix64 (Steele, Lea & Flood 2014): fixed keys give the same symbols everywhere.
    let mut state = 0u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as u32
    };
    (0..width.div_ceil(LANES)).map(|_| std::array::from_fn(|_| std::array::from_fn(|_| next()))).collect()
}

struct Row<'a, T, F> {
    values: &'a [T],
    keys: &'a [[[u32; LANES]; HASHES]],
    bin: &'a F,
}

impl<T: Copy, F: Fn(usize, T) -> u32> pulp::WithSimd for Row<'_, T, F> {
    type Output = [u64; HASHES];

    // Plain loops, which the compiler vectorises for the instruction set that `S` stands for.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
        let mut sums = [[0u64; LANES / 2]; HASHES];
        for (group, keys) in self.keys.iter().enumerate() {
            let first = group * LANES;
            let mut bins = [0u32; LANES];
            if let Some(whole) = self.values[first..].first_chunk::<LANES>() {
                for lane in 0..LANES {
                    bins[lane] = (self.bin)(first + lane, whole[lane]);
                }
            } else {
                for (lane, &value) in self.values[first..].iter().enumerate() {
                    bins[lane] = (self.bin)(first + lane, value);
                }
            }
            for (sum, key) in sums.iter_mut().zip(keys) {
                for lane in 0..LANES / 2 {
                    let even = bins[lane].wrapping_add(key[lane]);
                    let odd = bins[LANES / 2 + lane].wrapping_add(key[LANES / 2 + lane]);
                    sum[lane] = sum[lane].wrapping_add(u64::from(even) * u64::from(odd));
                }
            }
        }
        sums.map(|sum| sum.iter().fold(0, |total: u64, s| total.wrapping_add(*s)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_map_of_whole_rows() {
        // A small linear congruential sequence: many repeats, negative numbers, several widths.
        for width in [1, 2, 5, 16, 33] {
            let mut state = 12345u64;
            let rows = Array2::from_shape_fn((2000, width), |(_, c)| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if c > 2 { 0 } else { ((state >> 33) % 9) as i32 - 4 }
            });
            let mut slow: HashMap<Vec<i32>, u32> = HashMap::new();
            let expected: Vec<u32> = rows
                .rows()
                .into_iter()
                .map(|r| {
                    let next = slow.len() as u32;
                    *slow.entry(r.to_vec()).or_insert(next)
                })
                .collect();
            for order in [rows.clone(), rows.t().as_standard_layout().t().to_owned()] {
                let (symbols, distinct) = row_symbols(order.view(), |_, v| v as u32);
                assert_eq!(symbols, expected);
                assert_eq!(distinct, slow.len());
            }
        }
    }

    #[test]
    fn order_and_place_of_the_bins_matter() {
        let rows = array![[1u32, 2], [2, 1], [0, 0], [1, 2]];
        assert_eq!(row_symbols(rows.view(), |_, v| v).0, [0, 1, 2, 0]);
        // Single differences in every place of a wide row of equal bins.
        let wide = Array2::from_shape_fn((41, 40), |(r, c)| u32::from(r == c));
        assert_eq!(row_symbols(wide.view(), |_, v| v).1, 41);
    }
}
