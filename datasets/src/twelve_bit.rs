//! The 12-bit task of "Opening the Black Box of Deep Neural Networks via Information" (Shwartz-Ziv & Tishby 2017).
//!
//! The inputs are all 4096 patterns on twelve points of a sphere, taken as the corners of an icosahedron; the label is
//! a rule that no rotation or reflection of it changes. The published labels are exactly a rule in three numbers: how
//! many points are on (w), how many edges have both ends on (e), how many antipodal pairs are on (p).

use crate::{Dataset, DatasetError};
use ndarray::Array2;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Number of inputs.
const N: usize = 4096;

/// The icosahedron's 30 edges, by the numbers of its corners (column 0 is the most significant bit).
const EDGES: [(u8, u8); 30] = [
    (0, 1),
    (0, 3),
    (0, 5),
    (0, 10),
    (0, 11),
    (1, 2),
    (1, 3),
    (1, 4),
    (1, 11),
    (2, 3),
    (2, 4),
    (2, 8),
    (2, 9),
    (3, 8),
    (3, 10),
    (4, 6),
    (4, 9),
    (4, 11),
    (5, 6),
    (5, 7),
    (5, 10),
    (5, 11),
    (6, 7),
    (6, 9),
    (6, 11),
    (7, 8),
    (7, 9),
    (7, 10),
    (8, 9),
    (8, 10),
];

/// Its antipodal pairs.
const ANTIPODES: [(u8, u8); 6] = [(0, 9), (1, 7), (2, 5), (3, 6), (4, 10), (8, 11)];

fn label(pattern: usize) -> bool {
    let on = |corner: u8| pattern >> (11 - corner) & 1 == 1;
    let both = |pairs: &[(u8, u8)]| pairs.iter().filter(|&&(a, b)| on(a) && on(b)).count();
    let (edges, antipodes) = (both(&EDGES), both(&ANTIPODES));
    match pattern.count_ones() {
        0..=4 => false,
        5 => edges == 7,
        6 => edges >= 7 || (edges == 6 && antipodes == 0),
        7 => !(edges == 8 && antipodes == 2),
        _ => true,
    }
}

fn inputs() -> Array2<f32> {
    Array2::from_shape_fn((N, 12), |(pattern, column)| (pattern >> (11 - column) & 1) as f32)
}

/// All 4096 inputs [4096 × 12] of zeros and ones, with the published labels; H(Y) = 0.99916 bit.
///
/// # Errors
/// Never.
pub fn twelve_bit() -> Result<Dataset, DatasetError> {
    Dataset::new("twelve-bit", inputs(), &(0..N).map(|p| i64::from(label(p))).collect::<Vec<_>>())
}

/// p(y = 1 | x) of a stochastic variant, for each of the 4096 inputs: a label flips with probability `flip` where a
/// change of one bit changes it, and stands elsewhere. With `flip` = 0 these are the published labels.
///
/// With deterministic labels the information-bottleneck bound is a trivial corner; this makes it a curve.
pub fn twelve_bit_probabilities(flip: f64) -> Vec<f64> {
    (0..N)
        .map(|pattern| {
            let own = label(pattern);
            let at_boundary = (0..12).any(|bit| label(pattern ^ (1 << bit)) != own);
            let stands = if at_boundary { 1.0 - flip } else { 1.0 };
            if own { stands } else { 1.0 - stands }
        })
        .collect()
}

/// The 4096 inputs with labels drawn once from [`twelve_bit_probabilities`].
///
/// # Errors
/// Never, for a `flip` between 0 and 1.
pub fn twelve_bit_noisy(flip: f64, seed: u64) -> Result<Dataset, DatasetError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let labels: Vec<i64> =
        twelve_bit_probabilities(flip).into_iter().map(|p| i64::from(rng.random::<f64>() < p)).collect();
    Dataset::new("twelve-bit-noisy", inputs(), &labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_the_published_ones() {
        let d = twelve_bit().unwrap();
        assert_eq!(d.labels.iter().sum::<u32>(), 2118);
        let ones = |weight: u32| (0..N).filter(|p| p.count_ones() == weight && label(*p)).count();
        assert_eq!([4, 5, 6, 7, 8].map(ones), [0, 60, 532, 732, 495]);
        assert_eq!(d.inputs.row(1).to_vec(), [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 1.]);
    }

    #[test]
    fn the_edges_are_those_of_an_icosahedron() {
        let neighbours = |a: u8| -> Vec<u8> {
            EDGES
                .iter()
                .filter_map(|&(x, y)| {
                    if x == a {
                        Some(y)
                    } else if y == a {
                        Some(x)
                    } else {
                        None
                    }
                })
                .collect()
        };
        for corner in 0..12 {
            assert_eq!(neighbours(corner).len(), 5);
            // Antipodes share no neighbour and are not joined.
            let &(a, b) = ANTIPODES.iter().find(|&&(a, b)| a == corner || b == corner).unwrap();
            assert!(!neighbours(a).contains(&b) && neighbours(a).iter().all(|n| !neighbours(b).contains(n)));
        }
    }

    #[test]
    fn every_label_is_the_published_one_where_the_file_is_at_hand() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/twelve-bit/var_u.csv");
        let Ok(text) = std::fs::read_to_string(path) else { return };
        let published: Vec<bool> = text.lines().skip(1).map(|l| l.ends_with(",1")).collect();
        assert_eq!(published, (0..N).map(label).collect::<Vec<_>>());
    }

    #[test]
    fn only_the_boundary_is_stochastic() {
        assert_eq!(twelve_bit_probabilities(0.0), (0..N).map(|p| f64::from(u8::from(label(p)))).collect::<Vec<_>>());
        let p = twelve_bit_probabilities(0.1);
        assert_eq!(p[0], 0.0);
        assert_eq!(p[N - 1], 1.0);
        assert!(p.iter().any(|&v| (v - 0.1).abs() < 1e-12) && p.iter().any(|&v| (v - 0.9).abs() < 1e-12));
        assert_eq!(twelve_bit_noisy(0.1, 4).unwrap(), twelve_bit_noisy(0.1, 4).unwrap());
        assert_eq!(twelve_bit_noisy(0.0, 4).unwrap().labels, twelve_bit().unwrap().labels);
    }
}
