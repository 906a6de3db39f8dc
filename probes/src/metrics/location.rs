//! CLM: of the concepts that a prediction rests on most and that are there, the share whose map is hot where the part is.
//!
//! Reconstruction of "Concept-based explainable artificial intelligence: metrics and benchmarks" (Aysel, Cai &
//! Prügel-Bennett 2025). Ω_ij are the α·H·W/12 most active pixels of concept j's map (12 is the number of parts in CUB;
//! α ∈ {1, 3, 6}); a concept is located when the annotated centre of its part lies in Ω. Chance, not printed in the paper,
//! is |Ω|/(H·W), about α/12, for each concept that counts. The definition leaves open which concepts compete and what one
//! divides by; [`Among`] and [`Over`] name the readings.

use super::existence::{Decisions, OfClass, Ties, membership, over_images};
use super::resample::Bootstrap;
use super::{Metric, check_rows};
use crate::ProbeError;
use ndarray::{Array2, Array3, ArrayView2, ArrayView3};
use rayon::prelude::*;

/// Which concepts compete for the l places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Among {
    /// Those that are present and have a place in the image.
    #[default]
    Present,
    /// All that are labelled; absent ones and those without a place count as not located, or not at all, as [`Over`] says.
    All,
}

/// What the located ones are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Over {
    /// Those of the l that are present and have a place; images with none are left out.
    #[default]
    Counted,
    /// l, however many are present.
    Tops,
}

/// Choices of CLM.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    /// How many concepts: 1, 3, 5 as published.
    pub tops: Vec<usize>,
    /// Multiples α of the share 1/parts of the image: 1, 3, 6 as published.
    pub alphas: Vec<f64>,
    /// The number that a whole image is divided by: 12 as published.
    pub parts: f64,
    /// Which concepts compete.
    pub among: Among,
    /// What one divides by.
    pub over: Over,
    /// Equal importances, and equal pixels at the border of Ω: their mean, or row by row from the top.
    pub ties: Ties,
    /// Whose weights.
    pub of_class: OfClass,
}

impl Default for Location {
    fn default() -> Self {
        Self {
            tops: vec![1, 3, 5],
            alphas: vec![1.0, 3.0, 6.0],
            parts: 12.0,
            among: Among::default(),
            over: Over::default(),
            ties: Ties::default(),
            of_class: OfClass::default(),
        }
    }
}

/// The map of a concept on an image at the image's size: image, concept → [height × width].
pub type Maps<'a> = dyn Fn(usize, usize) -> Result<Array2<f64>, ProbeError> + Sync + 'a;

/// Pixels of Ω: the share α/parts of the image, rounded, at least one and at most all.
pub fn region_size(pixels: usize, alpha: f64, parts: f64) -> usize {
    ((alpha * pixels as f64 / parts).round() as usize).clamp(1, pixels.max(1))
}

/// How much a pixel takes part in the `size` most active ones of a map: 1, 0, or a share where equal pixels compete.
pub fn in_region(map: ArrayView2<'_, f64>, pixel: (usize, usize), size: usize, ties: Ties) -> f64 {
    let value = map[[pixel.0, pixel.1]];
    let above = map.iter().filter(|v| **v > value).count();
    let before = match ties {
        Ties::First => {
            let place = pixel.0 * map.ncols() + pixel.1;
            map.iter().take(place).filter(|v| **v == value).count()
        }
        Ties::Expected => 0,
    };
    if ties == Ties::First {
        return f64::from(u8::from(above + before < size));
    }
    let equal = map.iter().filter(|v| **v == value).count();
    (size.saturating_sub(above) as f64 / equal as f64).min(1.0)
}

/// CLM_l(α) over correctly classified and over all images. `centres` [images × concepts × 2] holds row and column of each
/// concept's part in pixels, NaN where it has no place in the image; `size` is the image's. Concepts of missing label
/// never compete.
///
/// # Errors
/// When shapes differ, a centre lies outside the image, or a map fails or is of another size.
pub fn location(
    data: &Decisions<'_>,
    centres: ArrayView3<'_, f64>,
    size: (usize, usize),
    maps: &Maps<'_>,
    options: &Location,
    bootstrap: Bootstrap,
) -> Result<Vec<Metric>, ProbeError> {
    let hits = hits(data, centres, size, maps, options)?;
    let r = data.importance(options.of_class);
    let pixels = size.0 * size.1;
    let mut out = Vec::new();
    for (set, images) in data.sets() {
        for &l in &options.tops {
            for (a, &alpha) in options.alphas.iter().enumerate() {
                let share = region_size(pixels, alpha, options.parts) as f64 / pixels as f64;
                let (mut found, mut chances) = (vec![], vec![]);
                for &i in &images {
                    let placed = |j: usize| !hits[[i, j, 0]].is_nan();
                    let competes = |j: usize| match options.among {
                        Among::Present => placed(j),
                        Among::All => !data.truth[[i, j]].is_nan(),
                    };
                    let among: Vec<usize> = (0..r.ncols()).filter(|&j| competes(j)).collect();
                    let tops = membership(r.row(i), &among, l, options.ties);
                    let counted: f64 = tops.iter().filter(|(j, _)| placed(*j)).map(|(_, s)| s).sum();
                    let located: f64 = tops.iter().filter(|(j, _)| placed(*j)).map(|(j, s)| s * hits[[i, *j, a]]).sum();
                    let divisor = match options.over {
                        Over::Counted => counted,
                        Over::Tops => l as f64,
                    };
                    // Under ties a fraction of a concept may be counted: below rounding there is none.
                    if divisor > 1e-9 && !among.is_empty() {
                        found.push(located / divisor);
                        chances.push(counted * share / divisor);
                    }
                }
                let metric = over_images("clm", &found, &chances, images.len(), bootstrap);
                out.push(metric.parameters(format!("l={l} alpha={alpha} {set}")));
            }
        }
    }
    Ok(out)
}

/// Whether each present concept with a place is located, for each α [images × concepts × alphas]; NaN elsewhere.
fn hits(
    data: &Decisions<'_>,
    centres: ArrayView3<'_, f64>,
    size: (usize, usize),
    maps: &Maps<'_>,
    options: &Location,
) -> Result<Array3<f64>, ProbeError> {
    data.check()?;
    let (images, concepts) = data.concepts.dim();
    check_rows("images of the centres", centres.dim().0, images)?;
    check_rows("concepts of the centres", centres.dim().1, concepts)?;
    check_rows("coordinates of a centre", centres.dim().2, 2)?;
    let sizes: Vec<usize> =
        options.alphas.iter().map(|&alpha| region_size(size.0 * size.1, alpha, options.parts)).collect();
    let of_image = |i: usize| -> Result<Vec<f64>, ProbeError> {
        let mut row = vec![f64::NAN; concepts * sizes.len()];
        for j in 0..concepts {
            let Some(pixel) = centre(data, centres, size, i, j)? else { continue };
            let map = maps(i, j)?;
            if map.dim() != size {
                let what = format!("rows of the map of image {}, concept {}", i + 1, j + 1);
                return Err(ProbeError::Shape { what, found: map.nrows(), expected: size.0 });
            }
            for (a, &size) in sizes.iter().enumerate() {
                row[j * sizes.len() + a] = in_region(map.view(), pixel, size, options.ties);
            }
        }
        Ok(row)
    };
    let rows: Vec<Vec<f64>> = (0..images).into_par_iter().map(of_image).collect::<Result<_, _>>()?;
    let flat: Vec<f64> = rows.into_iter().flatten().collect();
    Array3::from_shape_vec((images, concepts, sizes.len()), flat).map_err(|e| ProbeError::Data(e.to_string()))
}

/// The pixel of a present concept's centre; `None` where it is absent, unlabelled, or has no place.
fn centre(
    data: &Decisions<'_>,
    centres: ArrayView3<'_, f64>,
    size: (usize, usize),
    image: usize,
    concept: usize,
) -> Result<Option<(usize, usize)>, ProbeError> {
    let (row, column) = (centres[[image, concept, 0]], centres[[image, concept, 1]]);
    // A missing label is NaN, and no comparison with it holds.
    let present = data.truth[[image, concept]] >= 0.5;
    if !present || row.is_nan() || column.is_nan() {
        return Ok(None);
    }
    let inside = |v: f64, n: usize| (0.0..n as f64).contains(&v);
    if !inside(row, size.0) || !inside(column, size.1) {
        return Err(ProbeError::Data(format!(
            "the centre of concept {} in image {} (counted from 1) is ({row}, {column}), outside the image of {} × {} \
             pixels: centres are row and column in pixels of the image",
            concept + 1,
            image + 1,
            size.0,
            size.1
        )));
    }
    Ok(Some((row as usize, column as usize)))
}

#[cfg(test)]
mod tests {
    use super::super::ClassWeights;
    use super::*;
    use crate::Head;
    use crate::metrics::random::generator;
    use ndarray::array;
    use rand::RngExt;

    #[test]
    fn uniform_random_maps_reach_alpha_over_twelve() {
        let (images, concepts, size) = (400, 6, (18, 16));
        let rng = &mut generator(6, 0);
        let scores = Array2::from_shape_fn((images, concepts), |_| rng.random::<f64>());
        let truth = scores.mapv(|_| f64::from(u8::from(rng.random::<f64>() < 0.6)));
        let centres = Array3::from_shape_fn((images, concepts, 2), |(_, _, c)| {
            (rng.random::<f64>() * [size.0, size.1][c] as f64).floor()
        });
        let head = Head { weights: Array2::ones((concepts, 2)), intercepts: array![0.0, 0.0] };
        let labels = vec![0; images];
        let data = Decisions {
            weights: ClassWeights::Head(&head),
            concepts: scores.view(),
            truth: truth.view(),
            labels: &labels,
            predicted: &labels,
        };
        let maps = |i: usize, j: usize| {
            let rng = &mut generator(7, (i * concepts + j) as u64);
            Ok(Array2::from_shape_fn(size, |_| rng.random::<f64>()))
        };
        for (among, over) in [(Among::Present, Over::Counted), (Among::All, Over::Counted), (Among::All, Over::Tops)] {
            let options = Location { among, over, ..Location::default() };
            for metric in location(&data, centres.view(), size, &maps, &options, Bootstrap::default()).unwrap() {
                let alpha =
                    [1.0, 3.0, 6.0].into_iter().find(|a| metric.parameters.contains(&format!("alpha={a} "))).unwrap();
                let chance = metric.chance.unwrap();
                if over == Over::Counted {
                    assert!((chance - alpha / 12.0).abs() < 1e-12);
                } else {
                    assert!((chance / (alpha / 12.0) - 0.6).abs() < 0.06, "{metric:?}");
                }
                let error = metric.std_error.unwrap();
                assert!((metric.value.unwrap() - chance).abs() < 3.3 * error, "{metric:?}");
            }
        }
    }

    #[test]
    fn the_readings_differ_as_they_should() {
        // One image; the leading concept is absent, the second is present and located, the third present and not.
        let head = Head { weights: Array2::ones((3, 1)), intercepts: array![0.0] };
        let scores = array![[0.9, 0.8, 0.7]];
        let truth = array![[0.0, 1.0, 1.0]];
        let data = Decisions {
            weights: ClassWeights::Head(&head),
            concepts: scores.view(),
            truth: truth.view(),
            labels: &[0],
            predicted: &[0],
        };
        let mut centres = Array3::zeros((1, 3, 2));
        centres[[0, 1, 0]] = 5.5;
        let maps = |_: usize, j: usize| {
            let mut map = Array2::<f64>::zeros((12, 12));
            map[[5, 0]] = 1.0;
            map[[11, j]] = 2.0;
            Ok(map)
        };
        let value = |among, over, l| {
            let options = Location { tops: vec![l], alphas: vec![0.1], among, over, ..Location::default() };
            let none = Bootstrap { resamples: 0, seed: 0 };
            location(&data, centres.view(), (12, 12), &maps, &options, none).unwrap()[1].value
        };
        // Ω has round(0.1 · 144/12) = 1 pixel, at [11, j]: nothing is located with it.
        assert_eq!(value(Among::Present, Over::Counted, 1), Some(0.0));
        let located = |among, over, l| {
            let options = Location { tops: vec![l], alphas: vec![0.2], among, over, ..Location::default() };
            let none = Bootstrap { resamples: 0, seed: 0 };
            location(&data, centres.view(), (12, 12), &maps, &options, none).unwrap()[1].value
        };
        assert_eq!(located(Among::Present, Over::Counted, 1), Some(1.0));
        assert_eq!(located(Among::Present, Over::Counted, 5), Some(0.5));
        assert_eq!(located(Among::All, Over::Counted, 1), None);
        assert_eq!(located(Among::All, Over::Tops, 1), Some(0.0));
        assert_eq!(located(Among::All, Over::Tops, 3), Some(1.0 / 3.0));
    }

    #[test]
    fn equal_pixels_share_what_is_left_of_the_region() {
        let flat = Array2::<f64>::zeros((4, 4));
        assert_eq!(in_region(flat.view(), (2, 1), 4, Ties::Expected), 0.25);
        assert_eq!(in_region(flat.view(), (0, 3), 4, Ties::First), 1.0);
        assert_eq!(in_region(flat.view(), (1, 0), 4, Ties::First), 0.0);
        let peak = array![[1.0, 0.0], [0.0, 0.0]];
        assert_eq!(in_region(peak.view(), (0, 0), 1, Ties::Expected), 1.0);
        assert_eq!(in_region(peak.view(), (1, 1), 1, Ties::Expected), 0.0);
        assert_eq!(region_size(144, 6.0, 12.0), 72);
        assert_eq!(region_size(4, 1.0, 12.0), 1);
    }

    #[test]
    fn a_centre_outside_the_image_is_named() {
        let head = Head { weights: Array2::ones((1, 1)), intercepts: array![0.0] };
        let one = array![[1.0]];
        let data = Decisions {
            weights: ClassWeights::Head(&head),
            concepts: one.view(),
            truth: one.view(),
            labels: &[0],
            predicted: &[0],
        };
        let centres = Array3::from_elem((1, 1, 2), 40.0);
        let maps = |_: usize, _: usize| Ok(Array2::zeros((8, 8)));
        let options = Location::default();
        let error = location(&data, centres.view(), (8, 8), &maps, &options, Bootstrap::default()).unwrap_err();
        assert!(error.to_string().contains("concept 1 in image 1") && error.to_string().contains("8 × 8"), "{error}");
    }
}
