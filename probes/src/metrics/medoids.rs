//! k-medoids clustering by alternation ("A simple and fast algorithm for K-medoids clustering", Park & Jun 2009).
//!
//! Starting medoids are drawn as by k-means++ (the next one with probability in proportion to the squared distance to
//! the nearest so far), then samples go to their nearest medoid and each cluster's medoid becomes the member of the
//! least sum of distances, until nothing moves.

use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Alternations at most; a handful is enough as a rule.
const ROUNDS: usize = 50;

/// Euclidean distances between all rows [samples × samples].
pub(super) fn distances(x: ArrayView2<'_, f64>) -> Array2<f64> {
    let n = x.nrows();
    let mut out = Array2::zeros((n, n));
    for i in 0..n {
        for j in 0..i {
            let square: f64 = x.row(i).iter().zip(x.row(j)).map(|(a, b)| (a - b) * (a - b)).sum();
            out[[i, j]] = square.sqrt();
            out[[j, i]] = out[[i, j]];
        }
    }
    out
}

/// Cluster of each sample, for `k` clusters; fewer where there are fewer different samples.
pub(super) fn k_medoids(distances: &Array2<f64>, k: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let n = distances.nrows();
    let mut medoids = start(distances, k.min(n), rng);
    let mut cluster = nearest(distances, &medoids);
    for _ in 0..ROUNDS {
        let mut members = vec![Vec::new(); medoids.len()];
        cluster.iter().enumerate().for_each(|(i, &c)| members[c as usize].push(i));
        for (medoid, own) in medoids.iter_mut().zip(&members) {
            let cost = |i: usize| own.iter().map(|&j| distances[[i, j]]).sum::<f64>();
            if let Some(&best) = own.iter().min_by(|&&a, &&b| cost(a).total_cmp(&cost(b))) {
                *medoid = best;
            }
        }
        let next = nearest(distances, &medoids);
        if next == cluster {
            break;
        }
        cluster = next;
    }
    cluster
}

fn start(distances: &Array2<f64>, k: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let n = distances.nrows();
    let mut medoids = vec![rng.random_range(0..n)];
    let mut gaps: Vec<f64> = distances.row(medoids[0]).to_vec();
    while medoids.len() < k {
        let total: f64 = gaps.iter().map(|g| g * g).sum();
        if total <= 0.0 {
            // Every sample equals a medoid: further clusters would be empty.
            break;
        }
        let mut left = rng.random::<f64>() * total;
        let drawn = gaps.iter().position(|g| {
            left -= g * g;
            left < 0.0 && *g > 0.0
        });
        // Rounding may leave the last one over.
        let next = drawn.unwrap_or_else(|| (0..n).fold(0, |best, i| if gaps[i] > gaps[best] { i } else { best }));
        medoids.push(next);
        gaps.iter_mut().zip(distances.row(next)).for_each(|(gap, d)| *gap = gap.min(*d));
    }
    medoids
}

fn nearest(distances: &Array2<f64>, medoids: &[usize]) -> Vec<u32> {
    let of = |i: usize| {
        (0..medoids.len())
            .fold(0, |best, c| if distances[[i, medoids[c]]] < distances[[i, medoids[best]]] { c } else { best })
            as u32
    };
    (0..distances.nrows()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::generator;

    #[test]
    fn three_heaps_are_found() {
        let x = Array2::from_shape_fn((60, 2), |(i, j)| {
            10.0 * ((i % 3) as f64) * f64::from(u8::from(j == 0)) + 0.1 * ((i * 7 + j * 3) % 11) as f64
        });
        let found = k_medoids(&distances(x.view()), 3, &mut generator(0, 0));
        for i in 3..60 {
            assert_eq!(found[i], found[i % 3]);
        }
        assert_ne!(found[0], found[1]);
    }

    #[test]
    fn equal_samples_make_one_cluster_and_all_different_ones_each_their_own() {
        let same = Array2::from_elem((8, 1), 2.0);
        assert_eq!(k_medoids(&distances(same.view()), 5, &mut generator(0, 0)), [0; 8]);
        let apart = Array2::from_shape_fn((8, 1), |(i, _)| i as f64);
        let mut found = k_medoids(&distances(apart.view()), 8, &mut generator(0, 0));
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
