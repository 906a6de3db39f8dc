//! Maps against masks: the pointing game, intersection over union, and the share of energy inside.
//!
//! Pointing game: whether the most active pixel lies in the mask ("Top-down neural attention by excitation backprop",
//! Zhang et al. 2018, which forgives a distance, 15 pixels there); chance is the mask's share of the image. IoU: of the
//! most active pixels and the mask; by default as many pixels as the mask has, so that no threshold is chosen; chance is
//! its mean over random regions, a hypergeometric sum. Energy: Σ_mask max(F, 0)/Σ max(F, 0) ("Score-CAM", Wang et al.
//! 2020); chance is again the mask's share.

use super::location::{Maps, region_size};
use super::resample::{Bootstrap, error_of_mean, mean};
use super::{Metric, check_rows};
use crate::ProbeError;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

/// How many pixels of the map are held against the mask.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Region {
    /// As many as the mask has.
    #[default]
    OfMask,
    /// The share α/parts of the image, as for CLM.
    Share {
        /// α.
        alpha: f64,
        /// The number that the image is divided by.
        parts: f64,
    },
    /// All above this share of the way from the map's least to its largest value.
    Above(f64),
}

/// Choices of the mask metrics.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Masking {
    /// Which pixels count for IoU.
    pub region: Region,
    /// Pixels by which the pointing game forgives, in any direction.
    pub tolerance: usize,
}

/// Where a concept is in an image: image, concept → mask [height × width]; `None` where it is absent or not to be seen.
pub type Masks<'a> = dyn Fn(usize, usize) -> Option<Array2<bool>> + Sync + 'a;

/// One map against one mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// 1 when the most active pixel lies in the mask; the share of the most active ones where there are several.
    pub pointing: f64,
    /// Intersection over union; under ties at the border of the region its expected intersection.
    pub iou: f64,
    /// Share of positive activation inside; `None` where nothing is positive.
    pub energy: Option<f64>,
    /// Chance of the pointing game and of energy, and of IoU.
    pub chance: [f64; 2],
}

/// Compares; `None` of an empty mask.
///
/// # Errors
/// When map and mask differ in size.
pub fn overlap(
    map: ArrayView2<'_, f64>,
    mask: &Array2<bool>,
    options: &Masking,
) -> Result<Option<Overlap>, ProbeError> {
    check_rows("rows of the mask", mask.nrows(), map.nrows())?;
    check_rows("columns of the mask", mask.ncols(), map.ncols())?;
    let pixels = map.len();
    let inside = mask.iter().filter(|m| **m).count();
    if inside == 0 {
        return Ok(None);
    }
    let largest = map.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = map.iter().copied().fold(f64::INFINITY, f64::min);
    let wide = if options.tolerance > 0 { dilated(mask, options.tolerance) } else { mask.clone() };
    let count = |holds: &dyn Fn(f64, bool) -> bool, mask: &Array2<bool>| {
        map.iter().zip(mask).filter(|(v, m)| holds(**v, **m)).count() as f64
    };
    let pointing = count(&|v, m| v == largest && m, &wide) / count(&|v, _| v == largest, mask);
    let taken = match options.region {
        Region::OfMask => inside,
        Region::Share { alpha, parts } => region_size(pixels, alpha, parts),
        Region::Above(share) => count(&|v, _| v >= least + share * (largest - least), mask) as usize,
    };
    // The value of the last pixel taken; equal ones share the places that are left.
    let mut sorted: Vec<f64> = map.iter().copied().collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let last = sorted[taken - 1];
    let above = count(&|v, _| v > last, mask);
    let equal = count(&|v, _| v == last, mask);
    let share = (taken as f64 - above) / equal;
    let intersection = count(&|v, m| v > last && m, mask) + share * count(&|v, m| v == last && m, mask);
    let positive: f64 = map.iter().map(|v| v.max(0.0)).sum();
    let energy: f64 = map.iter().zip(mask).filter(|(_, m)| **m).map(|(v, _)| v.max(0.0)).sum();
    let target = wide.iter().filter(|m| **m).count() as f64 / pixels as f64;
    Ok(Some(Overlap {
        pointing,
        iou: intersection / ((taken + inside) as f64 - intersection),
        energy: (positive > 0.0).then(|| energy / positive),
        chance: [target, random_iou(pixels, inside, taken)],
    }))
}

/// Mean IoU of a random region of `taken` pixels with a mask of `inside` among `pixels`.
fn random_iou(pixels: usize, inside: usize, taken: usize) -> f64 {
    use statrs::function::gamma::ln_gamma;
    let choose =
        |n: usize, k: usize| ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0);
    let whole = choose(pixels, taken);
    let first = (inside + taken).saturating_sub(pixels);
    (first..=inside.min(taken))
        .map(|i| {
            let p = (choose(inside, i) + choose(pixels - inside, taken - i) - whole).exp();
            p * i as f64 / (inside + taken - i) as f64
        })
        .sum()
}

/// Every pixel within `by` of the mask in both directions.
fn dilated(mask: &Array2<bool>, by: usize) -> Array2<bool> {
    let (rows, columns) = mask.dim();
    let mut wide = Array2::from_elem((rows, columns), false);
    for ((y, x), _) in mask.indexed_iter().filter(|(_, m)| **m) {
        for near_y in y.saturating_sub(by)..(y + by + 1).min(rows) {
            for near_x in x.saturating_sub(by)..(x + by + 1).min(columns) {
                wide[[near_y, near_x]] = true;
            }
        }
    }
    wide
}

/// A metric's name, its value of an overlap, and which of the two chances goes with it.
type Kind = (&'static str, fn(&Overlap) -> Option<f64>, usize);
const KINDS: [Kind; 3] =
    [("pointing_game", |o| Some(o.pointing), 0), ("iou", |o| Some(o.iou), 1), ("energy_in_mask", |o| o.energy, 0)];

/// Pointing game, IoU and energy over images and concepts: for each concept, and the mean over images of each
/// image's mean over its concepts, with bootstrap intervals over images.
///
/// # Errors
/// When a map fails, or a map and a mask differ in size.
pub fn mask_metrics(
    images: &[usize],
    n_concepts: usize,
    maps: &Maps<'_>,
    masks: &Masks<'_>,
    options: &Masking,
    bootstrap: Bootstrap,
) -> Result<Vec<Metric>, ProbeError> {
    let of_image = |&i: &usize| -> Result<Vec<Option<Overlap>>, ProbeError> {
        (0..n_concepts)
            .map(|j| match masks(i, j) {
                Some(mask) => overlap(maps(i, j)?.view(), &mask, options),
                None => Ok(None),
            })
            .collect()
    };
    let found: Vec<Vec<Option<Overlap>>> = images.par_iter().map(of_image).collect::<Result<_, _>>()?;
    let mut out = Vec::new();
    for (name, value, chance) in KINDS {
        let (mut of_images, mut chances) = (vec![], vec![]);
        for row in &found {
            let here: Vec<(f64, f64)> =
                row.iter().flatten().filter_map(|o| Some((value(o)?, o.chance[chance]))).collect();
            if !here.is_empty() {
                of_images.push(here.iter().map(|h| h.0).sum::<f64>() / here.len() as f64);
                chances.push(here.iter().map(|h| h.1).sum::<f64>() / here.len() as f64);
            }
        }
        out.push(summary(name, &of_images, &chances, bootstrap));
        for j in 0..n_concepts {
            let here: Vec<(f64, f64)> = found
                .iter()
                .filter_map(|row| row[j].as_ref())
                .filter_map(|o| Some((value(o)?, o.chance[chance])))
                .collect();
            let (values, chances): (Vec<f64>, Vec<f64>) = here.into_iter().unzip();
            out.push(summary(name, &values, &chances, bootstrap).concept(j));
        }
    }
    Ok(out)
}

fn summary(name: &'static str, values: &[f64], chances: &[f64], bootstrap: Bootstrap) -> Metric {
    let Some(value) = mean(values) else { return Metric::undefined(name, "no_masks", 0) };
    let metric = Metric::new(name, value, values.len()).error(error_of_mean(values)).spread(bootstrap.of_mean(values));
    metric.chance(mean(chances).unwrap_or(f64::NAN))
}

/// The pixels of a region as a mask, for drawing: the `size` most active ones, equal ones row by row from the top.
pub fn region(map: ArrayView2<'_, f64>, size: usize) -> Array2<bool> {
    let mut order: Vec<usize> = (0..map.len()).collect();
    let at = |i: usize| map[[i / map.ncols(), i % map.ncols()]];
    order.sort_by(|&a, &b| at(b).total_cmp(&at(a)).then(a.cmp(&b)));
    let mut region = Array2::from_elem(map.dim(), false);
    order.iter().take(size).for_each(|&i| region[[i / map.ncols(), i % map.ncols()]] = true);
    region
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::generator;
    use ndarray::array;
    use rand::RngExt;

    #[test]
    fn by_hand() {
        let map = array![[4.0, 3.0, -1.0], [2.0, 0.0, 0.0]];
        let mask = array![[true, false, false], [true, false, false]];
        let found = overlap(map.view(), &mask, &Masking::default()).unwrap().unwrap();
        // The two most active pixels are [0, 0] and [0, 1]; the mask is [0, 0] and [1, 0].
        assert_eq!((found.pointing, found.energy), (1.0, Some(6.0 / 9.0)));
        assert!((found.iou - 1.0 / 3.0).abs() < 1e-15);
        let above = Masking { region: Region::Above(0.5), tolerance: 0 };
        assert!((overlap(map.view(), &mask, &above).unwrap().unwrap().iou - 2.0 / 3.0).abs() < 1e-15);
        let flat = Array2::from_elem((2, 3), -1.0);
        let found = overlap(flat.view(), &mask, &Masking::default()).unwrap().unwrap();
        assert_eq!((found.pointing, found.energy), (1.0 / 3.0, None));
        assert!(overlap(map.view(), &Array2::from_elem((2, 3), false), &Masking::default()).unwrap().is_none());
        assert!(overlap(map.view(), &Array2::from_elem((3, 3), true), &Masking::default()).is_err());
    }

    #[test]
    fn a_near_miss_is_forgiven_within_the_tolerance() {
        let mut map = Array2::<f64>::zeros((5, 5));
        map[[0, 0]] = 1.0;
        let mut mask = Array2::from_elem((5, 5), false);
        mask[[2, 2]] = true;
        let at = |tolerance| {
            let options = Masking { tolerance, ..Masking::default() };
            overlap(map.view(), &mask, &options).unwrap().unwrap()
        };
        assert_eq!((at(1).pointing, at(2).pointing), (0.0, 1.0));
        assert_eq!((at(0).chance[0], at(1).chance[0], at(2).chance[0]), (0.04, 0.36, 1.0));
    }

    #[test]
    fn random_maps_reach_chance() {
        let size = (9, 11);
        let maps = |i: usize, j: usize| {
            let rng = &mut generator(1, (i * 3 + j) as u64);
            Ok(Array2::from_shape_fn(size, |_| rng.random::<f64>()))
        };
        let masks = |_: usize, j: usize| {
            let part = |(y, x): (usize, usize)| y < 2 + 2 * j && x > 3;
            (j < 2).then(|| Array2::from_shape_fn(size, part))
        };
        let images: Vec<usize> = (0..800).collect();
        let none = Bootstrap { resamples: 0, seed: 0 };
        let all = mask_metrics(&images, 3, &maps, &masks, &Masking::default(), none).unwrap();
        for metric in all.iter().filter(|m| m.concept != Some(2)) {
            let gap = metric.value.unwrap() - metric.chance.unwrap();
            assert!(gap.abs() < 3.3 * metric.std_error.unwrap(), "{metric:?}");
        }
        assert!(all.iter().filter(|m| m.concept == Some(2)).all(|m| m.flags == ["no_masks"]));
    }

    #[test]
    fn the_region_is_the_hottest_part() {
        let map = array![[1.0, 5.0], [5.0, 0.0]];
        assert_eq!(region(map.view(), 1), array![[false, true], [false, false]]);
        assert_eq!(region(map.view(), 2), array![[false, true], [true, false]]);
    }
}
