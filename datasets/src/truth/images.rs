//! Images whose hidden parameters are uniform numbers: the map is one to one, so images of two dependent sets of
//! parameters share exactly the information of the parameters (Butakov et al., ICLR 2024; rendering as in mutinfo).

/// Standard deviation of a blob, in sides of the image.
const BLOB_WIDTH: f64 = 0.2;
/// The shortest side of a rectangle, in sides of the image.
const SHORTEST: f64 = 0.2;

/// Parameters of a blob: the two coordinates of its centre.
pub(super) const BLOB_PARAMETERS: usize = 2;
/// Parameters of a rectangle: two for each axis.
pub(super) const RECTANGLE_PARAMETERS: usize = 4;

/// A Gaussian blob of height 1 centred at `centre` (row, column; from 0 to 1 across the image), written to `image`
/// [size × size], row by row. The first and the last pixel lie on the edges 0 and 1.
pub(super) fn blob(centre: [f64; BLOB_PARAMETERS], size: usize, image: &mut [f64]) {
    let profile = |pixel: usize, centre: f64| {
        let distance = (pixel as f64 / (size - 1) as f64 - centre) / BLOB_WIDTH;
        (-0.5 * distance * distance).exp()
    };
    outer(size, image, |row| profile(row, centre[0]), |column| profile(column, centre[1]));
}

/// A bright rectangle with soft edges, from two uniform numbers for the rows and two for the columns, written to
/// `image` [size × size], row by row.
pub(super) fn rectangle([a, b, c, d]: [f64; RECTANGLE_PARAMETERS], size: usize, image: &mut [f64]) {
    let (rows, columns) = (segment(a, b), segment(c, d));
    outer(size, image, |row| coverage(row, rows, size), |column| coverage(column, columns, size));
}

/// The ends of a segment of at least the shortest length, uniform among all such segments of (0, 1).
fn segment(u: f64, v: f64) -> (f64, f64) {
    let start = (1.0 - SHORTEST) * (1.0 - (1.0 - u).sqrt());
    (start, start + SHORTEST + v * (1.0 - start - SHORTEST))
}

/// Brightness of a pixel along one axis. It rises from 0 to 1 over the pixel after the start and falls to 0 over the
/// pixel before the end, so the first and the last bright pixel tell both ends.
fn coverage(pixel: usize, (start, end): (f64, f64), size: usize) -> f64 {
    let (at, size) = (pixel as f64, size as f64);
    (at - start * size).min(end * size - at).clamp(0.0, 1.0)
}

fn outer(size: usize, image: &mut [f64], row: impl Fn(usize) -> f64, column: impl Fn(usize) -> f64) {
    for (i, line) in image.chunks_exact_mut(size).enumerate() {
        let height = row(i);
        for (j, pixel) in line.iter_mut().enumerate() {
            *pixel = height * column(j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(size: usize, draw: impl Fn(&mut [f64])) -> Vec<f64> {
        let mut image = vec![f64::NAN; size * size];
        draw(&mut image);
        image
    }

    /// Largest value of each row, and of each column.
    fn profiles(image: &[f64], size: usize) -> [Vec<f64>; 2] {
        let rows = image.chunks(size).map(|r| r.iter().copied().fold(0.0, f64::max)).collect();
        let columns = (0..size).map(|j| image.iter().skip(j).step_by(size).copied().fold(0.0, f64::max)).collect();
        [rows, columns]
    }

    #[test]
    fn a_blob_tells_its_centre() {
        for size in [16, 32] {
            for centre in [[0.3, 0.7], [0.01, 0.5], [0.999, 0.123]] {
                let image = render(size, |i| blob(centre, size, i));
                // ln of the ratio of neighbours is linear in the centre; the ratio of row maxima is that of any column.
                let [rows, columns] = profiles(&image, size);
                let step = 1.0 / (size - 1) as f64;
                let recover = |p: &[f64]| BLOB_WIDTH.powi(2) * (p[8] / p[7]).ln() / step + 7.5 * step;
                assert!((recover(&rows) - centre[0]).abs() < 1e-12, "{centre:?}");
                assert!((recover(&columns) - centre[1]).abs() < 1e-12, "{centre:?}");
            }
        }
        let image = render(16, |i| blob([1.0, 0.0], 16, i));
        assert_eq!(image[15 * 16], 1.0);
        assert!((image[0] - (-12.5f64).exp()).abs() < 1e-16 && (image[15] - (-25.0f64).exp()).abs() < 1e-20);
    }

    #[test]
    fn a_rectangle_tells_its_four_parameters() {
        let cases =
            [[0.3, 0.7, 0.9, 0.1], [0.0, 0.0, 0.999, 0.999], [0.5, 0.001, 0.02, 1.0], [0.123, 0.456, 0.789, 0.1]];
        for size in [16, 32] {
            for uniforms in cases {
                let image = render(size, |i| rectangle(uniforms, size, i));
                for (profile, want) in profiles(&image, size).iter().zip(uniforms.chunks(2)) {
                    let (start, end) = edges(profile);
                    let u = 1.0 - (1.0 - start / (1.0 - SHORTEST)).powi(2);
                    let v = (end - start - SHORTEST) / (1.0 - start - SHORTEST);
                    assert!((u - want[0]).abs() < 1e-9 && (v - want[1]).abs() < 1e-9, "{uniforms:?}: {u} {v}");
                }
            }
        }
    }

    /// The ends of a segment from its brightness along an axis.
    fn edges(profile: &[f64]) -> (f64, f64) {
        let first = profile.iter().position(|&v| v > 0.0).unwrap();
        let last = profile.iter().rposition(|&v| v > 0.0).unwrap();
        let size = profile.len() as f64;
        ((first as f64 - profile[first]) / size, (last as f64 + profile[last]) / size)
    }

    #[test]
    fn segments_are_uniform_among_those_long_enough() {
        // Density 2 / (1 − m)² over a triangle: the mean start is (1 − m)/3, the mean end m + 2(1 − m)/3.
        let n = 400;
        let level = |i: usize| (i as f64 + 0.5) / n as f64;
        let all = (0..n).flat_map(|i| (0..n).map(move |j| segment(level(i), level(j))));
        let (mut starts, mut ends) = (0.0, 0.0);
        all.for_each(|(start, end)| {
            assert!(start >= 0.0 && end <= 1.0 && end - start >= SHORTEST - 1e-12);
            starts += start;
            ends += end;
        });
        let count = (n * n) as f64;
        assert!((starts / count - 0.8 / 3.0).abs() < 1e-5 && (ends / count - (0.2 + 1.6 / 3.0)).abs() < 1e-5);
    }
}
