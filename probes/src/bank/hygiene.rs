//! Which vectors of a bank say the same.

use ndarray::{Array2, ArrayView2};

/// Cosines [concepts × concepts] between vectors [concepts × features]; 0 with a vector that is zero.
pub fn cosines(vectors: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut unit = vectors.to_owned();
    for mut row in unit.outer_iter_mut() {
        let norm = row.dot(&row).sqrt();
        if norm > 0.0 {
            row /= norm;
        }
    }
    unit.dot(&unit.t())
}

/// For each concept the one that stands for it: itself, or a better one (larger `merit`, of equal ones the first)
/// whose cosine with it is at least `threshold`.
///
/// Concepts are visited from the best down; each is kept unless one already kept is that near.
pub fn representatives(cosines: &Array2<f64>, merit: &[f64], threshold: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..merit.len()).collect();
    order.sort_by(|&a, &b| merit[b].total_cmp(&merit[a]).then(a.cmp(&b)));
    let mut kept: Vec<usize> = vec![];
    let mut stands = vec![0; merit.len()];
    for concept in order {
        let nearest = kept.iter().copied().max_by(|&a, &b| cosines[[concept, a]].total_cmp(&cosines[[concept, b]]));
        match nearest.filter(|&k| cosines[[concept, k]] >= threshold) {
            Some(other) => stands[concept] = other,
            None => {
                stands[concept] = concept;
                kept.push(concept);
            }
        }
    }
    stands
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_better_of_two_like_vectors_stays() {
        let vectors = array![[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [-1.0, 0.0]];
        let cosines = cosines(vectors.view());
        assert!((cosines[[0, 3]] + 1.0).abs() < 1e-15 && cosines[[0, 2]] == 0.0);
        assert_eq!(representatives(&cosines, &[0.8, 0.9, 0.7, 0.6], 0.95), [1, 1, 2, 3]);
        assert_eq!(representatives(&cosines, &[0.8, 0.9, 0.7, 0.6], 0.9999), [0, 1, 2, 3]);
    }
}
