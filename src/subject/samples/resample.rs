//! Images of another size.
//!
//! Weights are those of Pillow's `Image.resize`, and so of torchvision on images: a filter is stretched over as many
//! pixels as go into one, rows come before columns, and bytes are rounded after each of the two. Bicubic is Keys' cubic
//! with a = −1/2 (R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981), Lanczos has three
//! lobes. Pillow's weights for bytes are fixed-point numbers, which may put a value one level off; and from some version
//! after 11.3 on it takes columns first where that is less work, which shows only where bicubic or Lanczos weights reach
//! beyond black or white between the two.

use super::level::Level;
use serde::Serialize;

/// How values between pixels are made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Resample {
    /// Weights fall off linearly.
    #[default]
    Bilinear,
    /// Keys' cubic.
    Bicubic,
    /// The nearest pixel.
    Nearest,
    /// A windowed sinc of three lobes.
    Lanczos,
}

impl Resample {
    /// How far the filter reaches, in pixels of the coarser grid.
    fn reach(self) -> f64 {
        match self {
            Resample::Nearest => 0.5,
            Resample::Bilinear => 1.0,
            Resample::Bicubic => 2.0,
            Resample::Lanczos => 3.0,
        }
    }

    /// Its weight at a distance.
    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
        match self {
            _ if x >= self.reach() => 0.0,
            Resample::Nearest => 1.0,
            Resample::Bilinear => 1.0 - x,
            Resample::Bicubic if x < 1.0 => 1.0 + x * x * (1.5 * x - 2.5),
            Resample::Bicubic => 2.0 + x * (x * (2.5 - 0.5 * x) - 4.0),
            Resample::Lanczos => sinc(x) * sinc(x / 3.0),
        }
    }

    /// For each of `to` positions the first of `from` that goes into it, and the weights from there on.
    fn weights(self, from: usize, to: usize) -> Vec<(usize, Vec<f64>)> {
        let scale = from as f64 / to as f64;
        let last = from.saturating_sub(1);
        (0..to)
            .map(|position| {
                let centre = (position as f64 + 0.5) * scale;
                if self == Resample::Nearest {
                    return ((centre as usize).min(last), vec![1.0]);
                }
                let stretch = scale.max(1.0);
                let reach = self.reach() * stretch;
                let begin = ((centre - reach + 0.5).max(0.0) as usize).min(last);
                let end = ((centre + reach + 0.5) as usize).clamp(begin + 1, from.max(begin + 1));
                let raw: Vec<f64> = (begin..end).map(|at| self.weight((at as f64 + 0.5 - centre) / stretch)).collect();
                let sum: f64 = raw.iter().sum();
                (begin, raw.into_iter().map(|w| w / sum).collect())
            })
            .collect()
    }
}

/// One plane of `width` × `height` values, row by row, as one of `to` (width, height).
pub(super) fn resample<T: Level>(
    values: Vec<T>,
    (width, height): (usize, usize),
    to: (usize, usize),
    filter: Resample,
) -> Vec<T> {
    let mut values = values;
    // A side that keeps its length keeps its values, whatever the filter.
    if to.0 != width {
        let weights = filter.weights(width, to.0);
        values = values
            .chunks_exact(width)
            .flat_map(|row| {
                weights
                    .iter()
                    .map(|(first, weights)| T::of(row[*first..].iter().zip(weights).map(|(v, w)| v.number() * w).sum()))
            })
            .collect();
    }
    if to.1 != height {
        let mut sums = vec![0.0; to.0];
        let mut resized = Vec::with_capacity(to.0 * to.1);
        for (first, weights) in filter.weights(height, to.1) {
            sums.fill(0.0);
            for (row, weight) in values[first * to.0..].chunks_exact(to.0).zip(weights) {
                sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v.number() * weight);
            }
            resized.extend(sums.iter().map(|&sum| T::of(sum)));
        }
        values = resized;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture that Pillow resized: 7 × 5, bytes without any pattern.
    fn picture() -> Vec<u8> {
        (0..35u32).map(|i| ((i * i * 37 + i * 91 + 13) % 256) as u8).collect()
    }

    #[test]
    fn weights_are_pillows() {
        // Pillow 11.3.0.
        let expected: &[(Resample, (usize, usize), &[u8])] = &[
            (Resample::Bilinear, (3, 2), &[124, 128, 114, 161, 177, 121]),
            (
                Resample::Bilinear,
                (10, 4),
                &[
                    50, 85, 118, 126, 99, 118, 176, 115, 88, 81, 131, 124, 144, 217, 143, 100, 98, 117, 121, 118, 76,
                    155, 210, 183, 204, 166, 79, 208, 187, 106, 77, 160, 220, 197, 224, 190, 99, 98, 73, 42,
                ],
            ),
            (
                Resample::Bilinear,
                (4, 8),
                &[
                    71, 103, 157, 110, 89, 119, 119, 76, 114, 143, 76, 46, 142, 185, 125, 176, 149, 202, 148, 201, 134,
                    194, 147, 122, 144, 209, 140, 80, 152, 221, 135, 53,
                ],
            ),
            (Resample::Bicubic, (3, 2), &[120, 130, 114, 166, 183, 119]),
            (
                Resample::Bicubic,
                (10, 4),
                &[
                    40, 80, 119, 120, 85, 114, 187, 111, 74, 73, 141, 116, 135, 229, 140, 82, 96, 110, 117, 124, 61,
                    158, 229, 177, 220, 172, 68, 239, 207, 108, 68, 159, 231, 197, 235, 200, 98, 89, 60, 33,
                ],
            ),
            (
                Resample::Bicubic,
                (4, 8),
                &[
                    67, 102, 167, 113, 84, 115, 120, 67, 114, 144, 69, 38, 145, 195, 119, 195, 149, 213, 151, 228, 129,
                    199, 150, 119, 139, 219, 142, 65, 149, 235, 136, 40,
                ],
            ),
            (Resample::Nearest, (3, 2), &[37, 15, 33, 211, 213, 255]),
            (
                Resample::Nearest,
                (10, 4),
                &[
                    13, 141, 141, 87, 107, 107, 201, 113, 113, 99, 159, 37, 37, 245, 15, 15, 115, 33, 33, 25, 65, 211,
                    211, 175, 213, 213, 69, 255, 255, 3, 81, 233, 233, 203, 247, 247, 109, 45, 45, 55,
                ],
            ),
            (
                Resample::Nearest,
                (4, 8),
                &[
                    13, 87, 201, 99, 13, 87, 201, 99, 159, 245, 115, 25, 91, 189, 71, 249, 91, 189, 71, 249, 65, 175,
                    69, 3, 81, 203, 109, 55, 81, 203, 109, 55,
                ],
            ),
            (Resample::Lanczos, (3, 2), &[119, 132, 116, 170, 188, 113]),
            (
                Resample::Lanczos,
                (10, 4),
                &[
                    42, 72, 119, 124, 72, 111, 189, 113, 57, 61, 150, 108, 139, 234, 148, 70, 95, 104, 113, 131, 49,
                    162, 242, 172, 234, 169, 68, 252, 224, 113, 64, 154, 234, 198, 233, 198, 98, 85, 53, 20,
                ],
            ),
            (
                Resample::Lanczos,
                (4, 8),
                &[
                    68, 107, 170, 123, 84, 110, 119, 59, 119, 140, 68, 42, 149, 202, 111, 195, 147, 218, 157, 242, 129,
                    200, 156, 123, 135, 224, 143, 50, 146, 248, 132, 36,
                ],
            ),
        ];
        for &(filter, to, expected) in expected {
            let found = resample(picture(), (7, 5), to, filter);
            assert_eq!(found.len(), expected.len());
            let worst = found.iter().zip(expected).map(|(&a, &b)| a.abs_diff(b)).max().unwrap();
            assert!(worst <= u8::from(filter != Resample::Nearest), "{filter:?} {to:?}: {worst} levels off");
        }
    }

    #[test]
    fn floats_are_neither_rounded_nor_cut_off() {
        let found = resample(vec![-3.0f32, 1.0, 1001.0, 2001.0], (4, 1), (2, 1), Resample::Bilinear);
        // Weights of a triangle two pixels wide on either side: 3/7, 3/7, 1/7.
        let expected = [(-9.0 + 3.0 + 1001.0) / 7.0, (1.0 + 3003.0 + 6003.0) / 7.0];
        assert!(found.iter().zip(expected).all(|(a, b): (&f32, f64)| (f64::from(*a) - b).abs() < 1e-3), "{found:?}");
        assert_eq!(resample(vec![1.0f32, 2.0], (2, 1), (2, 1), Resample::Lanczos), [1.0, 2.0]);
    }

    #[test]
    fn one_pixel_fills_any_size_and_any_size_becomes_one_pixel() {
        for filter in [Resample::Bilinear, Resample::Bicubic, Resample::Nearest, Resample::Lanczos] {
            assert_eq!(resample(vec![7u8], (1, 1), (3, 2), filter), [7; 6]);
            assert_eq!(resample(vec![9u8; 1000], (1000, 1), (1, 1), filter), [9]);
        }
    }
}
