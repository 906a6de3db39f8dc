//! CAS, the concept alignment score: whether samples that are near in a concept's representation share its label.
//!
//! "Concept embedding models: beyond the accuracy–explainability trade-off" (Espinosa Zarlenga et al. 2022): for each
//! concept, k-medoids of its representation into ρ clusters, ρ from 2 to N in equal steps, homogeneity
//! `1 − H(c | cluster)/H(c)` of the labels in the clusters, trapezoid area over ρ divided by that of ones; the mean over
//! concepts. At ρ = N each sample is a cluster of its own and homogeneity is 1 whatever the representation, so that the
//! score never falls to 0: chance, by the same clusters with shuffled labels, is printed beside it. Time and memory grow
//! with N²: at most [`Alignment::samples`] samples, drawn by the seed, are looked at.

use super::medoids::{distances, k_medoids};
use super::random::generator;
use super::resample::{error_of_mean, mean};
use super::{Metric, check_rows};
use crate::ProbeError;
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Choices of CAS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alignment {
    /// Samples at most.
    pub samples: usize,
    /// Numbers of clusters that are tried.
    pub steps: usize,
    /// Shuffles of the labels for chance.
    pub shuffles: usize,
    /// Seed of draws, first medoids and shuffles.
    pub seed: u64,
}

impl Default for Alignment {
    fn default() -> Self {
        Self { samples: 400, steps: 10, shuffles: 5, seed: 0 }
    }
}

/// CAS of each concept and their mean, for representations [samples × concepts × width]. Unlabelled samples of a concept
/// are left out; a constant one has no homogeneity to measure.
///
/// # Errors
/// When shapes differ, there are fewer than two steps, or a value is not finite.
pub fn alignment_score(
    representation: ArrayView3<'_, f64>,
    truth: ArrayView2<'_, f64>,
    options: &Alignment,
) -> Result<Vec<Metric>, ProbeError> {
    let (n, concepts, width) = representation.dim();
    check_rows("samples of the representation", n, truth.nrows())?;
    check_rows("concepts of the representation", concepts, truth.ncols())?;
    if options.steps < 2 || options.samples < 4 {
        let rule = "two numbers of clusters and four samples are needed at least";
        return Err(ProbeError::BadParameter { name: "steps", value: options.steps as f64, rule });
    }
    if let Some(value) = representation.iter().find(|v| !v.is_finite()) {
        return Err(ProbeError::Data(format!("the representation of a concept holds {value}: it must be finite")));
    }
    let of_concept = |j: usize| -> Metric {
        let mut rows: Vec<usize> = (0..n).filter(|&i| !truth[[i, j]].is_nan()).collect();
        rows.shuffle(&mut generator(options.seed, 2 * j as u64));
        rows.truncate(options.samples);
        let labels: Vec<bool> = rows.iter().map(|&i| truth[[i, j]] >= 0.5).collect();
        if rows.len() < 4 || labels.iter().all(|l| *l == labels[0]) {
            let why = if rows.len() < 4 { "too_few_labels" } else { "constant" };
            return Metric::undefined("cas", why, rows.len()).concept(j);
        }
        let x = Array2::from_shape_fn((rows.len(), width), |(i, w)| representation[[rows[i], j, w]]);
        let gaps = distances(x.view());
        let rng = &mut generator(options.seed, 2 * j as u64 + 1);
        let counts = (0..options.steps).map(|s| 2 + s * (rows.len() - 2) / (options.steps - 1));
        let clusterings: Vec<Vec<u32>> = counts.map(|k| k_medoids(&gaps, k, rng)).collect();
        let area = |labels: &[bool]| {
            let heights: Vec<f64> = clusterings.iter().map(|c| homogeneity(labels, c)).collect();
            let whole: f64 = heights.iter().sum();
            (whole - 0.5 * (heights[0] + heights[heights.len() - 1])) / (heights.len() - 1) as f64
        };
        let mut shuffled = labels.clone();
        let chances: Vec<f64> = (0..options.shuffles)
            .map(|_| {
                shuffled.shuffle(rng);
                area(&shuffled)
            })
            .collect();
        let metric = Metric::new("cas", area(&labels), rows.len()).chance(mean(&chances).unwrap_or(f64::NAN));
        metric.flag_if(rows.len() < n, "samples_drawn").concept(j)
    };
    let each: Vec<Metric> = (0..concepts).into_par_iter().map(of_concept).collect();
    let values: Vec<f64> = each.iter().filter_map(|m| m.value).collect();
    let chances: Vec<f64> = each.iter().filter_map(|m| m.chance).collect();
    let whole = match mean(&values) {
        Some(value) => Metric::new("cas", value, n).error(error_of_mean(&values)).flag("over_concepts"),
        None => Metric::undefined("cas", "undefined_for_every_concept", n),
    };
    let whole = whole.chance(mean(&chances).unwrap_or(f64::NAN));
    let parameters = format!("steps={} samples={}", options.steps, options.samples);
    Ok(std::iter::once(whole).chain(each).map(|m| m.parameters(parameters.clone())).collect())
}

/// `1 − H(label | cluster)/H(label)` ("V-measure", Rosenberg & Hirschberg 2007); 1 where the label never varies.
fn homogeneity(labels: &[bool], clusters: &[u32]) -> f64 {
    let n = labels.len() as f64;
    let widest = clusters.iter().max().map_or(0, |&c| c as usize + 1);
    let mut counts = vec![[0.0f64; 2]; widest];
    labels.iter().zip(clusters).for_each(|(l, &c)| counts[c as usize][usize::from(*l)] += 1.0);
    let part = |count: f64, total: f64| if count > 0.0 { -count / n * (count / total).ln() } else { 0.0 };
    let conditional: f64 = counts.iter().map(|[a, b]| part(*a, a + b) + part(*b, a + b)).sum();
    let present = labels.iter().filter(|l| **l).count() as f64;
    let entropy = part(present, n) + part(n - present, n);
    if entropy > 0.0 { 1.0 - conditional / entropy } else { 1.0 }
}

/// A scalar representation as one of width 1.
pub fn scalar_representation(concepts: ArrayView2<'_, f64>) -> ndarray::Array3<f64> {
    concepts.to_owned().insert_axis(Axis(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn homogeneity_is_scikit_learn_s() {
        // sklearn.metrics.homogeneity_score([0, 0, 1, 1], [0, 0, 1, 2]) = 1 and ([0, 0, 1, 1], [0, 1, 0, 1]) = 0.
        assert_eq!(homogeneity(&[false, false, true, true], &[0, 0, 1, 2]), 1.0);
        assert!(homogeneity(&[false, false, true, true], &[0, 1, 0, 1]).abs() < 1e-12);
        // ([0, 0, 0, 1], [0, 0, 1, 1]): H(c) = 0.5623, H(c|k) = 0.3466.
        assert!((homogeneity(&[false, false, false, true], &[0, 0, 1, 1]) - 0.383_687).abs() < 1e-5);
    }

    #[test]
    fn a_true_representation_aligns_and_noise_is_at_chance() {
        let rng = &mut generator(1, 99);
        let truth = Array2::from_shape_fn((300, 2), |_| f64::from(u8::from(rng.random::<f64>() < 0.4)));
        let mut representation = ndarray::Array3::from_shape_fn((300, 2, 3), |_| rng.random::<f64>());
        for i in 0..300 {
            representation[[i, 0, 1]] += 5.0 * truth[[i, 0]];
        }
        let all = alignment_score(representation.view(), truth.view(), &Alignment::default()).unwrap();
        let of = |j| all.iter().find(|m| m.concept == Some(j)).unwrap();
        assert!(of(0).value.unwrap() > 0.99);
        let gap = of(1).value.unwrap() - of(1).chance.unwrap();
        assert!(gap.abs() < 0.05, "{:?}", of(1));
        // Chance is far above 0: clusters of few samples are pure by themselves.
        assert!(of(1).chance.unwrap() > 0.3);
        assert_eq!(all, alignment_score(representation.view(), truth.view(), &Alignment::default()).unwrap());
    }

    #[test]
    fn constants_are_not_defined() {
        let representation = ndarray::Array3::zeros((10, 1, 1));
        let all = alignment_score(representation.view(), Array2::ones((10, 1)).view(), &Alignment::default()).unwrap();
        assert!(all.iter().all(|m| m.value.is_none()));
        assert_eq!(all[1].flags, ["constant"]);
    }
}
