//! CoAM: where in the image a concept's score comes from.
//!
//! `F^j = (1/d) Σ_m c_jm E[:, :, m]` with E [height × width × d] the feature map before pooling and c_j the concept's
//! vector, up-sampled to the image ("Concept-based explainable artificial intelligence: metrics and benchmarks", Aysel,
//! Cai & Prügel-Bennett 2025; class activation maps with concept vectors for weights). Under average pooling the mean of
//! the map is the concept's projection over d, up to its offset.

use super::check_rows;
use crate::ProbeError;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayView3};

/// How a map grows to the size of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resize {
    /// Linear in both directions between the centres of pixels, constant beyond the outermost centres.
    #[default]
    Bilinear,
    /// The pixel whose area covers the centre.
    Nearest,
}

/// The map [height × width] of one concept of one image, before it grows.
///
/// # Errors
/// When the feature map has another depth than the concept's vector.
pub fn concept_map(features: ArrayView3<'_, f64>, vector: ArrayView1<'_, f64>) -> Result<Array2<f64>, ProbeError> {
    let (height, width, depth) = features.dim();
    check_rows("channels of the feature map", depth, vector.len())?;
    Ok(Array2::from_shape_fn((height, width), |(y, x)| {
        vector.iter().enumerate().map(|(m, c)| features[[y, x, m]] * c).sum::<f64>() / depth as f64
    }))
}

/// A map at another size [height × width].
pub fn resize(map: ArrayView2<'_, f64>, size: (usize, usize), how: Resize) -> Array2<f64> {
    let (rows, columns) = map.dim();
    // The place of an image pixel's centre on the map, in map pixels from the centre of the first.
    let place = |at: usize, from: usize, to: usize| (at as f64 + 0.5) * from as f64 / to as f64 - 0.5;
    let clamp = |v: f64, n: usize| v.clamp(0.0, (n - 1) as f64);
    if rows == 0 || columns == 0 {
        return Array2::zeros(size);
    }
    Array2::from_shape_fn(size, |(y, x)| match how {
        Resize::Nearest => {
            let nearest = |at: usize, from: usize, to: usize| (((2 * at + 1) * from) / (2 * to)).min(from - 1);
            map[[nearest(y, rows, size.0), nearest(x, columns, size.1)]]
        }
        Resize::Bilinear => {
            let (v, u) = (clamp(place(y, rows, size.0), rows), clamp(place(x, columns, size.1), columns));
            let (top, left) = (v.floor() as usize, u.floor() as usize);
            let (bottom, right) = ((top + 1).min(rows - 1), (left + 1).min(columns - 1));
            let (b, r) = (v - top as f64, u - left as f64);
            let upper = map[[top, left]] * (1.0 - r) + map[[top, right]] * r;
            let lower = map[[bottom, left]] * (1.0 - r) + map[[bottom, right]] * r;
            upper * (1.0 - b) + lower * b
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};

    #[test]
    fn the_mean_of_the_map_is_the_pooled_projection() {
        let features = Array3::from_shape_fn((3, 4, 5), |(y, x, m)| ((y * 7 + x * 3 + m * 11) % 13) as f64);
        let vector = array![0.5, -1.0, 2.0, 0.0, 1.0];
        let map = concept_map(features.view(), vector.view()).unwrap();
        let pooled = features.mean_axis(ndarray::Axis(0)).unwrap().mean_axis(ndarray::Axis(0)).unwrap();
        assert!((map.mean().unwrap() - pooled.dot(&vector) / 5.0).abs() < 1e-12);
        assert!(concept_map(features.view(), array![1.0].view()).is_err());
    }

    #[test]
    fn growing_is_as_in_torch() {
        // torch.nn.functional.interpolate(..., mode='bilinear', align_corners=False) of [[0, 1], [2, 3]] to 4 × 4.
        let grown = resize(array![[0.0, 1.0], [2.0, 3.0]].view(), (4, 4), Resize::Bilinear);
        let row = |i: usize| grown.row(i).to_vec();
        assert_eq!(row(0), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(row(1), [0.5, 0.75, 1.25, 1.5]);
        assert_eq!(row(3), [2.0, 2.25, 2.75, 3.0]);
        let blocks = resize(array![[0.0, 1.0], [2.0, 3.0]].view(), (4, 4), Resize::Nearest);
        assert_eq!(blocks.row(1).to_vec(), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(blocks.row(2).to_vec(), [2.0, 2.0, 3.0, 3.0]);
        let same = array![[0.3, 0.1], [0.9, 0.2]];
        for how in [Resize::Bilinear, Resize::Nearest] {
            assert_eq!(resize(same.view(), (2, 2), how), same);
        }
    }
}
