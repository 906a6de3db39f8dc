//! Features whose decoder rows point the same way.

use crate::coder::norms;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Rows compared at once by a thread.
const CHUNK: usize = 256;

/// For each feature, the others of largest cosine above `least`, at most `most` of them, from the largest on (of equal
/// ones, the lower number first). A row of zeros has no direction and no neighbours.
pub fn neighbours(decoder: ArrayView2<f32>, most: usize, least: f64) -> Vec<Vec<(u32, f64)>> {
    let unit = unit_rows(decoder);
    let empty: Vec<bool> = unit.rows().into_iter().map(|r| r.iter().all(|v| *v == 0.0)).collect();
    let chunks: Vec<_> = unit.axis_chunks_iter(Axis(0), CHUNK).enumerate().collect();
    let found: Vec<Vec<_>> = (chunks.into_par_iter())
        .map(|(chunk, rows)| {
            let cosines = rows.dot(&unit.t());
            let one = |(i, row): (usize, ndarray::ArrayView1<f32>)| {
                let own = chunk * CHUNK + i;
                let mut near: Vec<(u32, f64)> = (row.iter().enumerate())
                    .filter(|&(j, &c)| j != own && !empty[own] && !empty[j] && f64::from(c) > least)
                    .map(|(j, &c)| (j as u32, f64::from(c).min(1.0)))
                    .collect();
                near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                near.truncate(most);
                near
            };
            cosines.rows().into_iter().enumerate().map(one).collect()
        })
        .collect();
    found.into_iter().flatten().collect()
}

/// The rows at norm 1; rows of zeros stay.
pub(crate) fn unit_rows(rows: ArrayView2<f32>) -> Array2<f32> {
    let norms = norms(rows);
    let mut unit = rows.to_owned();
    for (mut row, &norm) in unit.rows_mut().into_iter().zip(&norms) {
        if norm > 0.0 {
            row.mapv_inplace(|v| (f64::from(v) / norm) as f32);
        }
    }
    unit
}

/// Cosine of the rows of two matrices one by one; `None` where one is zero.
pub(super) fn row_cosines(a: ArrayView2<f32>, b: ArrayView2<f32>) -> Vec<Option<f64>> {
    let (na, nb) = (norms(a), norms(b));
    let dot = |(i, (a, b)): (usize, (ndarray::ArrayView1<f32>, ndarray::ArrayView1<f32>))| {
        let product: f64 = a.iter().zip(&b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
        (na[i] > 0.0 && nb[i] > 0.0).then(|| product / (na[i] * nb[i]))
    };
    a.rows().into_iter().zip(b.rows()).enumerate().map(dot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_nearest_by_hand_whatever_the_norms() {
        let decoder = array![[2.0, 0.0], [0.6, 0.8], [0.0, -1.0], [0.0, 0.0], [8.0, 6.0]];
        let found = neighbours(decoder.view(), 9, 0.0);
        let close = |found: &[(u32, f64)], expected: &[(u32, f64)]| {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-6)
        };
        assert!(close(&found[0], &[(4, 0.8), (1, 0.6)]), "{found:?}");
        assert!(close(&found[1], &[(4, 0.96), (0, 0.6)]), "{found:?}");
        assert!(found[2].is_empty() && found[3].is_empty());
        assert_eq!(neighbours(decoder.view(), 1, 0.9)[1].len(), 1);
        let encoder = array![[1.0, 1.0], [0.6, 0.8], [0.0, 5.0], [1.0, 1.0], [1.0, 0.0]];
        let cosines = row_cosines(encoder.view(), decoder.view());
        assert!((cosines[0].unwrap() - 0.5f64.sqrt()).abs() < 1e-6);
        assert!((cosines[2].unwrap() + 1.0).abs() < 1e-12 && cosines[3].is_none());
    }
}
