//! Whole rows of bin numbers as single symbols.

use rustc_hash::FxHashMap;

/// Odd constants with well-spread bits (fractional parts of √2, √3, √5 and √7), one pair for each half of the hash.
const MULTIPLIERS: [u64; 4] =
    [0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1];

/// The 128-bit product of two words, folded to 64 bits: every input bit reaches every output bit.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Numbers the distinct rows of `rows` × `width` bin numbers in order of first appearance.
///
/// `bin(row, column)` is asked once for each entry, row by row. A row is recognised by a 128-bit hash instead of by a
/// comparison of all its bins, so memory does not grow with the width; two of N distinct rows collide with a
/// probability below N²/2¹²⁸ (10⁻²⁶ for a million rows).
///
/// Returns the symbol of each row, and the number of distinct symbols.
pub fn row_symbols(rows: usize, width: usize, mut bin: impl FnMut(usize, usize) -> i32) -> (Vec<u32>, usize) {
    let mut seen: FxHashMap<u128, u32> = FxHashMap::default();
    let symbols = (0..rows)
        .map(|row| {
            let (mut low, mut high) = (MULTIPLIERS[0], MULTIPLIERS[1]);
            for column in 0..width {
                let word = u64::from(bin(row, column) as u32);
                low = fold(low ^ word, MULTIPLIERS[2]).wrapping_add(word);
                high = fold(high ^ word, MULTIPLIERS[3]).wrapping_add(word.rotate_left(32));
            }
            let next = seen.len() as u32;
            *seen.entry((u128::from(high) << 64) | u128::from(low)).or_insert(next)
        })
        .collect();
    (symbols, seen.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_map_of_whole_rows() {
        // A small linear congruential sequence: many repeats, negative numbers, several widths.
        for width in [1, 2, 5, 33] {
            let mut state = 12345u64;
            let rows: Vec<Vec<i32>> = (0..2000)
                .map(|_| {
                    (0..width)
                        .map(|c| {
                            state =
                                state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                            if c > 2 { 0 } else { ((state >> 33) % 9) as i32 - 4 }
                        })
                        .collect()
                })
                .collect();
            let mut slow: HashMap<&[i32], u32> = HashMap::new();
            let expected: Vec<u32> = rows
                .iter()
                .map(|r| {
                    let next = slow.len() as u32;
                    *slow.entry(r).or_insert(next)
                })
                .collect();
            let (symbols, distinct) = row_symbols(rows.len(), width, |r, c| rows[r][c]);
            assert_eq!(symbols, expected);
            assert_eq!(distinct, slow.len());
        }
    }

    #[test]
    fn order_of_the_bins_matters() {
        let rows = [[1, 2], [2, 1], [0, 0], [1, 2]];
        assert_eq!(row_symbols(4, 2, |r, c| rows[r][c]).0, [0, 1, 2, 0]);
    }
}
