//! CEM: of the concepts that a prediction rests on most, the share that is there at all.
//!
//! Reconstruction of "Concept-based explainable artificial intelligence: metrics and benchmarks" (Aysel, Cai &
//! Prügel-Bennett 2025). Importance of concept j for image i is r_ij = θ_{jk} û_ij with k the predicted class; CEM_l is
//! the share of the l largest that are present in the image: precision at l. What the definition leaves open is a
//! choice of [`Existence`]. Chance is that of a random order, the mean share of concepts present; it is not printed in
//! the paper.

use super::resample::{Bootstrap, error_of_mean, mean};
use super::{Metric, check_rows};
use crate::{Head, ProbeError};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayView3, Axis};

/// What happens where importances are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ties {
    /// The mean over all ways to order equal ones, exactly.
    #[default]
    Expected,
    /// The one that comes first in the data, as sorting routines do.
    First,
}

/// Of which class the weights are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OfClass {
    /// The predicted one: what the decision rests on.
    #[default]
    Predicted,
    /// The true one.
    True,
}

/// Choices of CEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existence {
    /// How many concepts: 1, 3 and 5 as published.
    pub tops: Vec<usize>,
    /// Equal importances.
    pub ties: Ties,
    /// Whose weights.
    pub of_class: OfClass,
}

impl Default for Existence {
    fn default() -> Self {
        Self { tops: vec![1, 3, 5], ties: Ties::default(), of_class: OfClass::default() }
    }
}

/// What concepts speak for.
#[derive(Debug, Clone, Copy)]
pub enum ClassWeights<'a> {
    /// The same in every image: θ.
    Head(&'a Head),
    /// Each image's own [images × concepts × classes], of concepts that share out one unit: only what a concept's weight
    /// has beyond the mean over the concepts says something, since the rest is in every score.
    Own(ArrayView3<'a, f64>),
}

impl ClassWeights<'_> {
    /// Concepts and classes.
    fn dim(&self) -> (usize, usize) {
        match self {
            Self::Head(head) => head.weights.dim(),
            Self::Own(own) => (own.dim().1, own.dim().2),
        }
    }
}

/// The images that importance metrics look at.
#[derive(Debug, Clone, Copy)]
pub struct Decisions<'a> {
    /// Weights of concepts.
    pub weights: ClassWeights<'a>,
    /// Concept scores û [images × concepts].
    pub concepts: ArrayView2<'a, f64>,
    /// Concept labels [images × concepts], NaN where missing.
    pub truth: ArrayView2<'a, f64>,
    /// Class of each image.
    pub labels: &'a [u32],
    /// Predicted class of each image.
    pub predicted: &'a [u32],
}

impl Decisions<'_> {
    /// Refuses shapes that do not fit and classes without weights.
    pub(crate) fn check(&self) -> Result<(), ProbeError> {
        let (concepts, classes) = self.weights.dim();
        if let ClassWeights::Own(own) = self.weights {
            check_rows("images with weights", own.dim().0, self.labels.len())?;
        }
        check_rows("concepts", self.concepts.ncols(), concepts)?;
        check_rows("labelled concepts", self.truth.ncols(), concepts)?;
        check_rows("labels of images", self.labels.len(), self.concepts.nrows())?;
        check_rows("predictions", self.predicted.len(), self.labels.len())?;
        check_rows("rows of concept labels", self.truth.nrows(), self.labels.len())?;
        match self.labels.iter().chain(self.predicted).find(|l| **l as usize >= classes) {
            Some(&l) => Err(ProbeError::Shape { what: "classes".into(), found: classes, expected: l as usize + 1 }),
            None => Ok(()),
        }
    }

    /// Importances r [images × concepts].
    pub fn importance(&self, of_class: OfClass) -> Array2<f64> {
        let classes = match of_class {
            OfClass::Predicted => self.predicted,
            OfClass::True => self.labels,
        };
        let mut r = self.concepts.to_owned();
        for (i, (mut row, &k)) in r.outer_iter_mut().zip(classes).enumerate() {
            match self.weights {
                ClassWeights::Head(head) => row *= &head.weights.column(k as usize),
                ClassWeights::Own(own) => {
                    let own = own.index_axis(Axis(0), i);
                    let own = own.column(k as usize);
                    row *= &(&own - own.sum() / own.len().max(1) as f64);
                }
            }
        }
        r
    }

    /// The two sets of images that are reported: correctly classified, and all.
    pub(crate) fn sets(&self) -> [(&'static str, Vec<usize>); 2] {
        let all: Vec<usize> = (0..self.labels.len()).collect();
        let correct = all.iter().copied().filter(|&i| self.labels[i] == self.predicted[i]).collect();
        [("images=correct", correct), ("images=all", all)]
    }
}

/// How much each of some concepts takes part in the l largest of them: 1, 0, or under [`Ties::Expected`] the chance of
/// it where equal ones compete for the last places. `among` are the concepts that compete.
pub(crate) fn membership(r: ArrayView1<'_, f64>, among: &[usize], l: usize, ties: Ties) -> Vec<(usize, f64)> {
    let mut order = among.to_vec();
    order.sort_by(|&a, &b| r[b].total_cmp(&r[a]).then(a.cmp(&b)));
    if ties == Ties::First {
        return order.into_iter().take(l).map(|j| (j, 1.0)).collect();
    }
    let mut out = Vec::new();
    let mut left = l;
    for group in order.chunk_by(|&a, &b| r[a] == r[b]) {
        let share = (left as f64 / group.len() as f64).min(1.0);
        out.extend(group.iter().map(|&j| (j, share)));
        left -= group.len().min(left);
        if left == 0 {
            break;
        }
    }
    out
}

/// CEM_l over correctly classified and over all images, with bootstrap intervals. Concepts without a label do not
/// compete; images with fewer labelled concepts than l are left out.
///
/// # Errors
/// When shapes differ or a class has no weights.
pub fn existence(data: &Decisions<'_>, options: &Existence, bootstrap: Bootstrap) -> Result<Vec<Metric>, ProbeError> {
    data.check()?;
    let r = data.importance(options.of_class);
    let mut out = Vec::new();
    for (set, images) in data.sets() {
        for &l in &options.tops {
            let (mut found, mut chances) = (vec![], vec![]);
            for &i in &images {
                let truth = data.truth.row(i);
                let labelled: Vec<usize> = (0..truth.len()).filter(|&j| !truth[j].is_nan()).collect();
                if l == 0 || labelled.len() < l {
                    continue;
                }
                let present = |j: usize| truth[j] >= 0.5;
                let hits: f64 = membership(r.row(i), &labelled, l, options.ties)
                    .iter()
                    .filter(|(j, _)| present(*j))
                    .map(|(_, share)| share)
                    .sum();
                found.push(hits / l as f64);
                chances.push(labelled.iter().filter(|&&j| present(j)).count() as f64 / labelled.len() as f64);
            }
            let metric = over_images("cem", &found, &chances, images.len(), bootstrap);
            out.push(metric.parameters(format!("l={l} {set}")));
        }
    }
    Ok(out)
}

/// The mean of shares, one of each image that has one, beside the mean of their chance levels.
pub(super) fn over_images(
    name: &'static str,
    shares: &[f64],
    chances: &[f64],
    images: usize,
    bootstrap: Bootstrap,
) -> Metric {
    let metric = match mean(shares) {
        Some(value) => Metric::new(name, value, shares.len())
            .error(error_of_mean(shares))
            .spread(bootstrap.of_mean(shares))
            .chance(mean(chances).unwrap_or(f64::NAN)),
        None => Metric::undefined(name, "no_images", 0),
    };
    metric.flag_if(shares.len() < images && !shares.is_empty(), "images_left_out")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::random::generator;
    use ndarray::array;
    use rand::RngExt;

    #[test]
    fn by_hand() {
        let head = Head { weights: array![[1.0, 0.0], [2.0, 0.0], [0.5, 1.0]], intercepts: array![0.0, 0.0] };
        let concepts = array![[0.9, 0.1, 0.8], [0.5, 0.5, 0.5], [0.1, 0.2, 0.9]];
        let truth = array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, f64::NAN]];
        let data = Decisions {
            weights: ClassWeights::Head(&head),
            concepts: concepts.view(),
            truth: truth.view(),
            labels: &[0, 1, 1],
            predicted: &[0, 0, 1],
        };
        let options = Existence { tops: vec![1, 3], ..Existence::default() };
        let all = existence(&data, &options, Bootstrap { resamples: 0, seed: 0 }).unwrap();
        // Correct images 0 and 2: of 0 the first concept leads and is there; of 2 the two labelled concepts are tied
        // at 0 and absent. For l = 3 image 2 lacks labels.
        assert_eq!((all[0].value, all[0].parameters.as_str()), (Some(0.5), "l=1 images=correct"));
        assert_eq!((all[1].value, all[1].n_samples, all[1].flags[0]), (Some(1.0 / 3.0), 1, "images_left_out"));
        assert!((all[2].value.unwrap() - 2.0 / 3.0).abs() < 1e-15);
        assert!((all[2].chance.unwrap() - (1.0 / 3.0 + 1.0 / 3.0 + 0.0) / 3.0).abs() < 1e-15);
        let of_true = Existence { tops: vec![1], of_class: OfClass::True, ..Existence::default() };
        let all = existence(&data, &of_true, Bootstrap { resamples: 0, seed: 0 }).unwrap();
        // Image 1 with the weights of its true class: the third leads, and is absent.
        assert!((all[1].value.unwrap() - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn an_image_s_own_weights_count_by_what_they_have_beyond_the_mean() {
        let own = array![[[5.0, 1.0], [3.0, 0.0]], [[0.0, 2.0], [0.0, 4.0]]];
        let (concepts, truth) = (array![[0.75, 0.25], [0.5, 0.5]], array![[1.0, 0.0], [1.0, 1.0]]);
        let data = Decisions {
            weights: ClassWeights::Own(own.view()),
            concepts: concepts.view(),
            truth: truth.view(),
            labels: &[1, 0],
            predicted: &[0, 1],
        };
        data.check().unwrap();
        assert_eq!(data.importance(OfClass::Predicted), array![[0.75, -0.25], [-0.5, 0.5]]);
        assert_eq!(data.importance(OfClass::True), array![[0.375, -0.125], [0.0, 0.0]]);
        let few = Decisions { weights: ClassWeights::Own(own.slice_axis(Axis(0), (..1).into())), ..data };
        assert!(few.check().unwrap_err().to_string().contains("images with weights"));
    }

    #[test]
    fn ties_are_averaged_or_broken_by_place() {
        let r = array![1.0, 3.0, 1.0, 1.0];
        let expected = membership(r.view(), &[0, 1, 2, 3], 2, Ties::Expected);
        assert_eq!(expected, [(1, 1.0), (0, 1.0 / 3.0), (2, 1.0 / 3.0), (3, 1.0 / 3.0)]);
        assert_eq!(membership(r.view(), &[0, 1, 2, 3], 2, Ties::First), [(1, 1.0), (0, 1.0)]);
        assert_eq!(membership(r.view(), &[2], 5, Ties::Expected), [(2, 1.0)]);
    }

    #[test]
    fn a_random_ranking_reaches_chance() {
        let rng = &mut generator(4, 0);
        let (n, concepts) = (3000, 12);
        let scores = Array2::from_shape_fn((n, concepts), |_| rng.random::<f64>());
        let truth = Array2::from_shape_fn((n, concepts), |(_, j)| {
            f64::from(u8::from(rng.random::<f64>() < 0.1 + 0.05 * j as f64))
        });
        let head = Head { weights: Array2::ones((concepts, 2)), intercepts: array![0.0, 0.0] };
        let labels = vec![0; n];
        let data = Decisions {
            weights: ClassWeights::Head(&head),
            concepts: scores.view(),
            truth: truth.view(),
            labels: &labels,
            predicted: &labels,
        };
        for metric in existence(&data, &Existence::default(), Bootstrap::default()).unwrap() {
            let (low, high) = metric.interval.unwrap();
            let chance = metric.chance.unwrap();
            assert!((chance - 0.375).abs() < 0.01);
            assert!(low - 0.004 < chance && chance < high + 0.004, "{metric:?}");
        }
    }
}
