//! The largest of many values.
//!
//! Most pre-activations are passed over sixteen at a time: the largest of them is compared with what would matter.

use super::entries::Row;
use pulp::{Arch, Simd, WithSimd};

/// Values that are looked at together.
const LANES: usize = 16;

/// Features whose pre-activation `product + bias` is above `bound` (≥ 0), with it, in rising order, after those in `out`.
pub(crate) fn above(products: &[f32], biases: &[f32], bound: f32, out: &mut Row) {
    Arch::new().dispatch(Scan { products, biases, bound, most: None, out });
}

/// The `k` largest positive pre-activations (of equal ones, those with the lower feature), in rising order of the
/// feature; `out` must be empty.
pub(crate) fn top(products: &[f32], biases: &[f32], k: usize, out: &mut Row) {
    Arch::new().dispatch(Scan { products, biases, bound: 0.0, most: Some(k), out: &mut *out });
    largest(out, k);
    out.sort_unstable_by_key(|a| a.0);
}

/// Keeps the `k` largest of the entries (of equal ones, those with the lower feature), in rising order of the feature.
pub(crate) fn largest(active: &mut Row, k: usize) {
    if active.len() > k {
        cut(active, k);
        active.sort_unstable_by_key(|a| a.0);
    }
}

/// The same in any order; the least that is left, or infinity.
fn cut(active: &mut Row, k: usize) -> f32 {
    if k == 0 {
        active.clear();
        return f32::INFINITY;
    }
    let (_, least, _) = active.select_nth_unstable_by(k - 1, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let least = least.1;
    active.truncate(k);
    least
}

struct Scan<'a> {
    products: &'a [f32],
    biases: &'a [f32],
    bound: f32,
    /// How many are wanted at most.
    most: Option<usize>,
    out: &'a mut Row,
}

impl WithSimd for Scan<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { products, biases, mut bound, most, out } = self;
        // What is below the k-th of those found so far cannot be among the k largest, nor can a later equal one.
        let room = most.map_or(usize::MAX, |k| (4 * k).max(64));
        let (parts, rest) = products.as_chunks::<LANES>();
        let (bias_parts, bias_rest) = biases.as_chunks::<LANES>();
        let mut first = 0;
        for (products, biases) in parts.iter().zip(bias_parts) {
            let mut pre = [0f32; LANES];
            let mut largest = [f32::NEG_INFINITY; LANES / 2];
            for lane in 0..LANES {
                pre[lane] = products[lane] + biases[lane];
            }
            for lane in 0..LANES / 2 {
                largest[lane] = if pre[lane] > pre[lane + LANES / 2] { pre[lane] } else { pre[lane + LANES / 2] };
            }
            if largest.iter().fold(false, |any, &v| any | (v > bound)) {
                out.extend((first..).zip(pre).filter(|e| e.1 > bound));
                if let Some(k) = most
                    && out.len() >= room
                {
                    bound = cut(out, k);
                }
            }
            first += LANES as u32;
        }
        out.extend((first..).zip(rest.iter().zip(bias_rest).map(|(p, b)| p + b)).filter(|e| e.1 > bound));
    }
}

/// Of positive values in many rows, the least that is among the `k` largest, and how many equal to it are among them;
/// `None` when there are no more than `k`.
pub(crate) fn largest_of_all(rows: &[Row], k: usize) -> Option<(f32, usize)> {
    let mut values: Vec<f32> = rows.iter().flatten().map(|a| a.1).collect();
    if values.len() <= k {
        return None;
    }
    if k == 0 {
        return Some((f32::INFINITY, 0));
    }
    let (above, least, _) = values.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    let least = *least;
    Some((least, k - above.iter().filter(|v| **v > least).count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_go_to_the_lower_feature() {
        let mut active = vec![(0, 1.0), (1, 2.0), (2, 1.0), (3, 3.0), (4, 1.0)];
        largest(&mut active, 3);
        assert_eq!(active, [(0, 1.0), (1, 2.0), (3, 3.0)]);
    }

    #[test]
    fn the_scan_finds_what_sorting_finds() {
        for n in [0, 5, 16, 300, 1003] {
            let products: Vec<f32> = (0..n).map(|i: u32| (i.wrapping_mul(2_654_435_761) % 97) as f32 - 40.0).collect();
            let biases: Vec<f32> = (0..n).map(|i| (i % 3) as f32).collect();
            let pre = || (0..n).map(|i| (i, products[i as usize] + biases[i as usize])).filter(|e| e.1 > 0.0);
            let mut all = vec![];
            above(&products, &biases, 0.0, &mut all);
            assert_eq!(all, pre().collect::<Vec<_>>());
            for k in [1, 3, 20, 500] {
                let mut expected: Row = pre().collect();
                expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                expected.truncate(k);
                expected.sort_by_key(|e| e.0);
                let mut found = vec![];
                top(&products, &biases, k, &mut found);
                assert_eq!(found, expected, "{n} {k}");
            }
        }
    }

    #[test]
    fn the_bound_over_all_rows_counts_equal_values() {
        let rows = [vec![(0, 1.0), (1, 2.0)], vec![(0, 2.0), (1, 2.0), (2, 3.0)]];
        assert_eq!(largest_of_all(&rows, 3), Some((2.0, 2)));
        assert_eq!(largest_of_all(&rows, 5), None);
    }
}
