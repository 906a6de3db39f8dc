//! An encoder in front of an estimator.

use super::{Compressed, Encoder};
use crate::pair::check;
use crate::{
    ConditionalMutualInformation, Estimate, Estimator, EstimatorError, MutualInformation, OwnedVariable, Variable,
    Warning,
};
use rayon::prelude::*;

/// Compresses every continuous variable of more than one column, and hands the codes to an estimator.
///
/// What is estimated is the information between the codes, at most that between the variables. Each variable's
/// reconstruction error and number of components are among the details: `x_reconstruction_error`, `x_components` and so
/// on.
pub struct Compressing<E: ?Sized> {
    encoder: Box<dyn Encoder>,
    estimator: Box<E>,
}

impl<E: ?Sized> Compressing<E> {
    /// `encoder` in front of `estimator`.
    pub fn new(encoder: Box<dyn Encoder>, estimator: Box<E>) -> Self {
        Self { encoder, estimator }
    }

    fn compress(&self, variables: &[Variable<'_>]) -> Result<Vec<Side>, EstimatorError> {
        check(&variables.iter().map(Variable::reborrow).collect::<Vec<_>>())?;
        let every_row = (0..variables[0].len()).collect::<Vec<_>>();
        // Each encoder works on one thread, and the variables have nothing to do with each other.
        variables
            .par_iter()
            .map(|variable| match variable {
                Variable::Continuous(values) if values.ncols() > 1 => {
                    let Compressed { codes, explained_variance, reconstruction_error } =
                        self.encoder.compress(values.view())?;
                    let lost = Some(Lost { components: codes.ncols(), reconstruction_error, explained_variance });
                    Ok(Side { variable: OwnedVariable::Continuous(codes), lost })
                }
                other => Ok(Side { variable: other.select(&every_row), lost: None }),
            })
            .collect()
    }
}

/// A variable on its way to the estimator, with what it lost where it was compressed.
struct Side {
    variable: OwnedVariable,
    lost: Option<Lost>,
}

/// What a code keeps and loses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lost {
    /// Numbers a sample.
    pub(crate) components: usize,
    /// As [`Compressed::reconstruction_error`].
    pub(crate) reconstruction_error: f64,
    /// As [`Compressed::explained_variance`].
    pub(crate) explained_variance: Option<f64>,
}

/// Lost variance from which on an estimate is flagged: a code without a tenth of the data may lack what matters.
const MUCH: f64 = 0.1;

/// The estimate with what the variables X, Y and Z lost among its details.
pub(crate) fn explained(mut estimate: Estimate, sides: &[Option<Lost>]) -> Estimate {
    for (name, lost) in ["x", "y", "z"].iter().zip(sides) {
        let Some(lost) = lost else { continue };
        estimate = estimate
            .with_detail(format!("{name}_components"), lost.components as f64)
            .with_detail(format!("{name}_reconstruction_error"), lost.reconstruction_error);
        if let Some(share) = lost.explained_variance {
            estimate = estimate.with_detail(format!("{name}_explained_variance"), share);
        }
        if lost.reconstruction_error > MUCH {
            estimate = estimate.warned(Warning::Lossy);
        }
    }
    estimate
}

impl<E: Estimator + ?Sized> Estimator for Compressing<E> {
    fn name(&self) -> &'static str {
        self.estimator.name()
    }

    fn parameters(&self) -> String {
        let encoder = format!("compress={} {}", self.encoder.name(), self.encoder.parameters());
        match self.estimator.parameters() {
            none if none.is_empty() => encoder,
            own => format!("{encoder} {own}"),
        }
    }
}

impl MutualInformation for Compressing<dyn MutualInformation> {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let sides = self.compress(&[x.reborrow(), y.reborrow()])?;
        let estimate = self.estimator.estimate(sides[0].variable.view(), sides[1].variable.view())?;
        Ok(explained(estimate, &sides.iter().map(|side| side.lost).collect::<Vec<_>>()))
    }
}

impl ConditionalMutualInformation for Compressing<dyn ConditionalMutualInformation> {
    fn estimate_given(&self, x: Variable<'_>, y: Variable<'_>, z: Variable<'_>) -> Result<Estimate, EstimatorError> {
        let sides = self.compress(&[x.reborrow(), y.reborrow(), z.reborrow()])?;
        let [x, y, z] = [0, 1, 2].map(|side| sides[side].variable.view());
        let estimate = self.estimator.estimate_given(x, y, z)?;
        Ok(explained(estimate, &sides.iter().map(|side| side.lost).collect::<Vec<_>>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{random::generator, registry};
    use ndarray::{Array2, Axis};
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn a_plane_in_many_dimensions_is_found_and_its_information_told() {
        let mut random = generator(4, 0);
        let mut normal = |n, d| Array2::from_shape_fn((n, d), |_| -> f64 { StandardNormal.sample(&mut random) });
        let (hidden, noise, frame) = (normal(3000, 2), normal(3000, 1), normal(2, 40));
        let x = hidden.dot(&frame) + 0.01 * normal(3000, 40);
        let y = &hidden.select(Axis(1), &[0]) * 0.75 + noise * 0.4375f64.sqrt();
        let of = |spec: &str| {
            let e = registry::mutual_information(spec).unwrap();
            e.estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap()
        };
        let found = of("pca:components=2/ksg");
        assert!((found.value.0 - 0.4133).abs() < 0.05, "{found:?}");
        assert_eq!(found.detail("x_components"), Some(2.0));
        assert!(found.detail("x_reconstruction_error").unwrap() < 1e-3 && found.detail("y_components").is_none());
        let lossy = of("pca:components=1/ksg:k=5");
        assert!(lossy.warnings.contains(&Warning::Lossy) && lossy.value.0 < found.value.0, "{lossy:?}");
    }

    #[test]
    fn refusals_come_from_whoever_refuses() {
        let of = |spec| registry::mutual_information(spec).err().unwrap().to_string();
        assert!(of("umap/ksg").contains("pca, autoencoder"));
        assert!(of("pca/ksgg").contains("'ksgg'"));
        assert!(of("pca:components=0/ksg").contains("at least 1"));
        assert!(registry::entropy("pca/kozachenko-leonenko").is_err());
        let conditional = registry::conditional("pca:components=2/ksg").unwrap();
        assert_eq!(conditional.name(), "ksg");
        assert!(conditional.parameters().starts_with("compress=pca components=2"), "{}", conditional.parameters());
    }
}
