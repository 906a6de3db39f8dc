//! Which codes are most like each activation.

use super::{Settings, Similarity};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Samples at once: their similarities to a thousand codes stay in the cache.
const CHUNK: usize = 64;

/// For each sample the `k` codes of largest similarity in each group, most alike first, of equal ones those with the lower
/// number [samples × groups·k].
///
/// `normed` are layer-normed activations [samples × inputs], `codes` [groups·codes × inputs/groups].
pub(super) fn nearest(normed: ArrayView2<f32>, codes: ArrayView2<f32>, settings: &Settings) -> Array2<u32> {
    let (groups, k, width) = (settings.groups, settings.k, codes.ncols());
    let ready: Vec<(Array2<f32>, Array1<f32>)> = codes
        .axis_chunks_iter(Axis(0), settings.codes)
        .map(|part| ranked_by_product(part, settings.similarity))
        .collect();
    let chunks: Vec<Vec<u32>> = normed
        .axis_chunks_iter(Axis(0), CHUNK)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|chunk| {
            let mut ids = vec![0; chunk.nrows() * groups * k];
            for (group, (matrix, offsets)) in ready.iter().enumerate() {
                let part = chunk.slice_axis(Axis(1), (group * width..(group + 1) * width).into());
                let mut scores = part.dot(matrix);
                scores += offsets;
                for (row, scores) in scores.rows().into_iter().enumerate() {
                    let place = (row * groups + group) * k;
                    if let Some(scores) = scores.as_slice() {
                        largest(scores, &mut ids[place..place + k]);
                    }
                }
            }
            ids
        })
        .collect();
    let ids: Vec<u32> = chunks.concat();
    Array2::from_shape_vec((normed.nrows(), groups * k), ids).unwrap_or_else(|_| Array2::zeros((0, groups * k)))
}

/// A matrix [inputs × codes] and offsets [codes] with which `x · matrix + offset` ranks the codes as the similarity does.
fn ranked_by_product(codes: ArrayView2<f32>, similarity: Similarity) -> (Array2<f32>, Array1<f32>) {
    let squares: Array1<f32> = codes.rows().into_iter().map(|c| c.dot(&c)).collect();
    let mut matrix = codes.t().as_standard_layout().into_owned();
    let offsets = match similarity {
        Similarity::InnerProduct | Similarity::Cosine => {
            matrix /= &squares.mapv(|s| s.sqrt().max(f32::MIN_POSITIVE));
            Array1::zeros(squares.len())
        }
        // −½‖x − c‖² = x · c − ½‖c‖² − ½‖x‖², and the last is the same for all codes.
        Similarity::Euclidean => squares.mapv(|s| -0.5 * s),
    };
    (matrix, offsets)
}

/// The places of the largest scores, largest first.
fn largest(scores: &[f32], places: &mut [u32]) {
    if let [place] = places {
        // Lanes first: the compiler makes vector instructions of it, which a search with positions does not become.
        let mut lanes = [f32::NEG_INFINITY; 16];
        let (whole, rest) = scores.as_chunks::<16>();
        for part in whole {
            for (lane, &score) in lanes.iter_mut().zip(part) {
                *lane = if score > *lane { score } else { *lane };
            }
        }
        let top = lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |m, &s| if s > m { s } else { m });
        *place = scores.iter().position(|&s| s == top).unwrap_or(0) as u32;
        return;
    }
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    let by = |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b));
    if places.len() < order.len() {
        order.select_nth_unstable_by(places.len() - 1, by);
        order.truncate(places.len());
    }
    order.sort_unstable_by(by);
    places.copy_from_slice(&order);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn similarities_rank_as_their_formulas() {
        let codes = array![[4.0f32, 3.0], [0.0, 1.0], [1.0, 0.9]];
        let x = array![[1.0f32, 0.8], [0.1, 2.0]];
        let of = |similarity| {
            let settings = Settings { codes: 3, k: 2, similarity, ..Settings::default() };
            nearest(x.view(), codes.view(), &settings)
        };
        // Cosines of the first: 0.9995 …, 0.62, 0.998; the long code wins by direction, not by length.
        assert_eq!(of(Similarity::InnerProduct), array![[0, 2], [1, 2]]);
        assert_eq!(of(Similarity::Cosine), of(Similarity::InnerProduct));
        assert_eq!(of(Similarity::Euclidean), array![[2, 1], [1, 2]]);
    }

    #[test]
    fn the_largest_is_the_first_of_the_largest() {
        let scores: Vec<f32> = (0..53).map(|i| ((i * 7) % 25) as f32).collect();
        let mut one = [0];
        largest(&scores, &mut one);
        assert_eq!(one, [7]);
        let mut three = [0; 3];
        largest(&scores, &mut three);
        assert_eq!(three, [7, 32, 14]);
        let mut last = [0];
        largest(&[0.0, -1.0, 3.0], &mut last);
        assert_eq!(last, [2]);
    }

    #[test]
    fn groups_look_at_their_own_columns() {
        let settings = Settings { codes: 2, groups: 2, ..Settings::default() };
        let codes = array![[1.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
        let x = Array2::from_shape_fn((200, 4), |(i, j)| if (i + j) % 3 == 0 { 1.0 } else { 0.1 * j as f32 });
        let ids = nearest(x.view(), codes.view(), &settings);
        for (row, ids) in x.rows().into_iter().zip(ids.rows()) {
            for g in 0..2 {
                assert_eq!(ids[g], u32::from(row[2 * g + 1] > row[2 * g]), "{row}");
            }
        }
    }
}
