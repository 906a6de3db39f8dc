//! Principal components, exact in few dimensions and by random projection in many ("Finding structure with randomness",
//! Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1).
//!
//! The samples X (centred) are multiplied by a random matrix with ten columns more than components are wanted, and that
//! range is sharpened by two power iterations with an orthonormalisation after every product. The components are those
//! of X within the range. O(N·D·k) time, O((N + D)·k) memory beside the data.

use super::{Compressed, Encoder, EncoderEntry, Lost};
use crate::linalg::{centred, to_nalgebra};
use crate::pair;
use crate::random::generator;
use crate::registry::ParameterDoc;
use crate::streaming::{MomentSums, Moments};
use crate::transform::squarable;
use crate::{Estimator, EstimatorError, Parameters, Variable};
use ndarray::{Array2, ArrayView2, Axis};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// How many components are kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// So many, at least 1; fewer where the data have fewer.
    Components(usize),
    /// The fewest that hold this share of the variance, in (0, 1].
    Variance(f64),
}

/// Principal component analysis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pca {
    /// How many components are kept.
    pub keep: Keep,
    /// Of the random projection.
    pub seed: u64,
    /// Whether the covariance is decomposed whatever the number of features, and never a random projection.
    pub exact: bool,
}

const NAME: &str = "pca";

pub(super) const ENTRY: EncoderEntry = EncoderEntry {
    name: NAME,
    summary: "principal components, by random projection above 64 features (Halko et al. 2011)",
    parameters: &[
        ParameterDoc { name: "components", default: "4", meaning: "how many are kept" },
        ParameterDoc { name: "variance", default: "", meaning: "instead: the share of the variance to be held" },
        ParameterDoc { name: "seed", default: "0", meaning: "of the random projection" },
        ParameterDoc {
            name: "exact",
            default: "no",
            meaning: "yes decomposes the covariance of any number of features up to 4096, which streamed data need above 64",
        },
    ],
    build: |p| Ok(Box::new(Pca::from_parameters(p)?)),
    stream: Some(Pca::from_parameters),
};

impl Pca {
    /// Up to so many features the covariance is decomposed unasked.
    const EXACT: usize = 64;
    /// And up to so many when it is asked for: it is held, and decomposed in the cube of their number.
    const MOST_EXACT: usize = 4096;

    /// Whether data of so many features are encoded by their covariance.
    ///
    /// # Errors
    /// When that was asked for, of too many.
    pub(crate) fn is_exact(&self, features: usize) -> Result<bool, EstimatorError> {
        if self.exact && features > Self::MOST_EXACT {
            return Err(EstimatorError::TooWide { encoder: "pca:exact=yes", found: features, most: Self::MOST_EXACT });
        }
        Ok(self.exact || features <= Self::EXACT)
    }

    /// The refusal of streamed data of too many features.
    pub(crate) fn too_wide(features: usize) -> EstimatorError {
        EstimatorError::TooWide { encoder: "pca without exact=yes", found: features, most: Self::EXACT }
    }

    /// With so many components.
    pub fn new(components: usize) -> Self {
        Self { keep: Keep::Components(components), seed: 0, exact: false }
    }

    fn from_parameters(p: &Parameters) -> Result<Self, EstimatorError> {
        let components = p.value("components", "it must be a whole number of at least 1", |v: &usize| *v >= 1)?;
        let share = p.value("variance", "it must be above 0 and at most 1", |v: &f64| *v > 0.0 && *v <= 1.0)?;
        let keep = match (components, share) {
            (Some(_), Some(share)) => {
                return Err(p.bad("variance", &share.to_string(), "components is given too: one of the two"));
            }
            (_, Some(share)) => Keep::Variance(share),
            (components, None) => Keep::Components(components.unwrap_or(4)),
        };
        let seed = p.value("seed", "it must be a whole number", |_| true)?.unwrap_or(0);
        Ok(Self { keep, seed, exact: p.yes_or_no("exact")?.unwrap_or(false) })
    }
}

impl Estimator for Pca {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        let exact = if self.exact { " exact=yes" } else { "" };
        match self.keep {
            Keep::Components(n) => format!("components={n} seed={}{exact}", self.seed),
            Keep::Variance(share) => format!("variance={share} seed={}{exact}", self.seed),
        }
    }
}

/// Columns of the random projection beyond the components wanted, and power iterations.
const OVERSAMPLING: usize = 10;
const POWERS: usize = 2;

/// Components tried first where a share of the variance is wanted; doubled until it is reached.
const FIRST_TRY: usize = 16;

impl Encoder for Pca {
    fn compress(&self, data: ArrayView2<'_, f64>) -> Result<Compressed, EstimatorError> {
        pair::check(&[Variable::Continuous(data)])?;
        squarable(data, 0)?;
        if self.is_exact(data.ncols())?
            && let Some(moments) = MomentSums::of(&[data])
        {
            let axes = self.projection(moments);
            let Lost { reconstruction_error, explained_variance, .. } = axes.lost();
            return Ok(Compressed { codes: axes.codes(data), explained_variance, reconstruction_error });
        }
        let x = centred(data);
        let total: f64 = x.iter().map(|v| v * v).sum();
        let most = x.nrows().min(x.ncols());
        if total == 0.0 {
            let codes = Array2::zeros((x.nrows(), 1));
            return Ok(Compressed { codes, explained_variance: Some(1.0), reconstruction_error: 0.0 });
        }
        let mut rank = match self.keep {
            Keep::Components(n) => n.min(most),
            Keep::Variance(_) => FIRST_TRY.min(most),
        };
        loop {
            let axes = self.within_random_range(&x, rank + OVERSAMPLING);
            let codes = x.dot(&axes);
            let shares: Vec<f64> = codes.columns().into_iter().map(|c| c.dot(&c) / total).collect();
            let kept = match self.keep {
                Keep::Components(n) => Some(n.min(axes.ncols())),
                Keep::Variance(share) => enough(&shares, share),
            };
            let kept = match kept {
                Some(kept) => kept,
                // All there are: the rest is rounding.
                None if axes.ncols() >= most => axes.ncols(),
                None => {
                    rank = (2 * rank).min(most);
                    continue;
                }
            };
            let held = shares[..kept].iter().sum::<f64>().min(1.0);
            let columns: Vec<usize> = (0..kept).collect();
            return Ok(Compressed {
                codes: codes.select(Axis(1), &columns),
                explained_variance: Some(held),
                reconstruction_error: 1.0 - held,
            });
        }
    }
}

/// The fewest leading shares whose sum reaches `wanted`, up to rounding.
fn enough(shares: &[f64], wanted: f64) -> Option<usize> {
    let mut sum = 0.0;
    shares
        .iter()
        .position(|share| {
            sum += share;
            sum >= wanted - 1e-12
        })
        .map(|at| at + 1)
}

/// Principal axes of data whose moments are known, as many as are kept.
pub(crate) struct Projection {
    moments: Moments,
    /// [components × D].
    axes: Array2<f64>,
    held: f64,
}

impl Projection {
    /// The codes of some rows; those of a row do not depend on the others.
    pub(crate) fn codes(&self, rows: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut codes = Array2::zeros((rows.nrows(), self.axes.nrows()));
        // Some rows at a time, as the centred ones are a copy.
        for (rows, mut codes) in rows.axis_chunks_iter(Axis(0), 1024).zip(codes.axis_chunks_iter_mut(Axis(0), 1024)) {
            for (row, mut code) in self.moments.centred(rows).rows().into_iter().zip(codes.rows_mut()) {
                code.iter_mut().zip(self.axes.rows()).for_each(|(value, axis)| *value = axis.dot(&row));
            }
        }
        codes
    }

    pub(crate) fn lost(&self) -> Lost {
        Lost {
            components: self.axes.nrows(),
            reconstruction_error: 1.0 - self.held,
            explained_variance: Some(self.held),
        }
    }
}

impl Pca {
    /// The axes of data with these moments, by their covariance.
    pub(crate) fn projection(&self, moments: Moments) -> Projection {
        let products = moments.cross_products();
        let (axes, variances) = axes(&products);
        let total: f64 = variances.iter().map(|v| v.max(0.0)).sum();
        if total == 0.0 {
            return Projection { axes: Array2::zeros((1, moments.width())), moments, held: 1.0 };
        }
        let shares: Vec<f64> = variances.iter().map(|v| v.max(0.0) / total).collect();
        let most = moments.samples().min(moments.width());
        let kept = match self.keep {
            Keep::Components(n) => n.min(most),
            Keep::Variance(share) => enough(&shares, share).unwrap_or(most),
        };
        let held = shares[..kept].iter().sum::<f64>().min(1.0);
        let columns: Vec<usize> = (0..kept).collect();
        let axes = signed(axes).select(Axis(1), &columns).t().as_standard_layout().into_owned();
        Projection { moments, axes, held }
    }
}

/// The eigenvectors of a symmetric matrix as columns, and its eigenvalues, both by falling eigenvalue.
fn axes(symmetric: &Array2<f64>) -> (Array2<f64>, Vec<f64>) {
    let eigen = to_nalgebra(symmetric.view()).symmetric_eigen();
    let mut order: Vec<usize> = (0..symmetric.ncols()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let vectors = Array2::from_shape_fn(symmetric.dim(), |(row, column)| eigen.eigenvectors[(row, order[column])]);
    (vectors, order.iter().map(|&i| eigen.eigenvalues[i]).collect())
}

/// The same axes, each turned to where its largest entry is positive: an axis has no sign of its own.
fn signed(mut axes: Array2<f64>) -> Array2<f64> {
    for mut axis in axes.columns_mut() {
        let largest = axis.iter().fold(0.0f64, |m, &v| if v.abs() > m.abs() { v } else { m });
        if largest < 0.0 {
            axis.mapv_inplace(|v| -v);
        }
    }
    axes
}

impl Pca {
    /// The principal axes within a random range of so many dimensions, [D × range].
    fn within_random_range(&self, x: &Array2<f64>, range: usize) -> Array2<f64> {
        let range = range.min(x.nrows()).min(x.ncols());
        let random = &mut generator(self.seed, 0);
        let directions = Array2::from_shape_simple_fn((x.ncols(), range), || -> f64 { StandardNormal.sample(random) });
        let mut basis = orthonormal(x.dot(&directions));
        for _ in 0..POWERS {
            let rows = orthonormal(x.t().dot(&basis));
            basis = orthonormal(x.dot(&rows));
        }
        // The row space of the projected samples, and their axes within it.
        let rows = orthonormal(x.t().dot(&basis));
        let inside = x.dot(&rows);
        signed(rows.dot(&axes(&inside.t().dot(&inside)).0))
    }
}

/// An orthonormal basis of the columns.
fn orthonormal(columns: Array2<f64>) -> Array2<f64> {
    let q = to_nalgebra(columns.view()).qr().q();
    Array2::from_shape_fn((q.nrows(), q.ncols()), |(i, j)| q[(i, j)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` samples of `d` features with standard deviations 3, 2, 1 in three turned directions, and 0.01 of noise.
    fn three(n: usize, d: usize) -> Array2<f64> {
        let random = &mut generator(1, 1);
        let mut draw =
            |rows, columns| Array2::from_shape_simple_fn((rows, columns), || -> f64 { StandardNormal.sample(random) });
        let (directions, factors, noise) = (draw(d, 3), draw(n, 3), draw(n, d));
        let turned = orthonormal(directions);
        (factors * ndarray::array![3.0, 2.0, 1.0]).dot(&turned.t()) + noise * 0.01
    }

    #[test]
    fn finds_the_variances_of_the_components() {
        for d in [20, 100] {
            let found = Pca::new(3).compress(three(2000, d).view()).unwrap();
            for (column, sd) in found.codes.columns().into_iter().zip([3.0, 2.0, 1.0]) {
                let spread = (column.dot(&column) / 2000.0).sqrt();
                assert!((spread / sd - 1.0).abs() < 0.06, "{d}: {spread} for {sd}");
            }
            let rest = (d - 3) as f64 * 1e-4 / 14.0;
            assert!((found.reconstruction_error / rest - 1.0).abs() < 0.15, "{found:?} for {rest}");
            assert_eq!(found, Pca::new(3).compress(three(2000, d).view()).unwrap());
        }
    }

    #[test]
    fn the_random_range_agrees_with_the_exact_axes() {
        let x = centred(three(500, 40).view());
        let (a, b) = (
            Pca::new(3).projection(MomentSums::of(&[x.view()]).unwrap()).axes,
            Pca::new(3).within_random_range(&x, 13),
        );
        for k in 0..3 {
            assert!((a.row(k).dot(&b.column(k)) - 1.0).abs() < 1e-10);
        }
    }

    #[test]
    fn a_share_of_the_variance_takes_the_fewest_components() {
        for d in [20, 100] {
            for (share, kept) in [(0.5, 1), (0.9, 2), (0.99, 3)] {
                let pca = Pca { keep: Keep::Variance(share), seed: 0, exact: false };
                let found = pca.compress(three(1000, d).view()).unwrap();
                assert_eq!(found.codes.ncols(), kept, "{share} in {d}");
                assert!(found.explained_variance.unwrap() >= share);
            }
            let all = Pca { keep: Keep::Variance(1.0), seed: 0, exact: false }.compress(three(150, d).view()).unwrap();
            assert!(all.reconstruction_error < 1e-9 && all.codes.ncols() == d);
        }
    }

    #[test]
    fn exact_axes_of_many_features_agree_with_the_random_range() {
        let x = three(600, 100);
        let (a, b) =
            (Pca { exact: true, ..Pca::new(3) }.compress(x.view()).unwrap(), Pca::new(3).compress(x.view()).unwrap());
        assert!((&a.codes - &b.codes).iter().all(|v| v.abs() < 1e-6), "{:?}", (&a.codes - &b.codes).row(0));
        assert!((a.reconstruction_error - b.reconstruction_error).abs() < 1e-10);
        assert_eq!(Pca { exact: true, ..Pca::new(3) }.parameters(), "components=3 seed=0 exact=yes");
    }

    #[test]
    fn constant_data_have_nothing_to_lose() {
        let found = Pca::new(2).compress(Array2::ones((5, 3)).view()).unwrap();
        assert_eq!((found.codes.sum(), found.reconstruction_error), (0.0, 0.0));
    }
}
