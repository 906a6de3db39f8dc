//! Estimates of transformed variables, checked against what the transform may do: nothing.

use crate::uncertainty::Estimand;
use crate::{Estimate, EstimatorError, OwnedVariable, Transform, Variable, Warning};

/// How many standard errors an estimate may move under a transform before that is called more than noise.
const TOLERANCE: f64 = 3.0;
/// A move below this many nats is of no consequence, however small the noise.
const NEGLIGIBLE: f64 = 0.01;
/// Standard errors of the check come from so many parts of the samples.
const PARTS: usize = 8;

/// The estimate of variables transformed coordinate by coordinate, beside that of the variables as they are.
///
/// The information is the same for both (see [`Transform`]), so that a difference beyond noise is bias of one of the two
/// estimates: it is flagged [`Warning::NotInvariant`]. The untransformed value is the detail `untransformed_nats`.
/// Discrete variables are left as they are. An entropy is not invariant: this is for mutual informations.
///
/// The noise of the difference is taken from the differences over eight parts of the samples.
///
/// # Errors
/// As the estimate itself; when only that of the untransformed variables fails, there is no check and no error.
pub fn transformed(
    variables: &[Variable<'_>],
    estimand: &Estimand<'_>,
    transform: Transform,
) -> Result<Estimate, EstimatorError> {
    let estimate = on(variables, estimand, transform)?;
    let Ok(raw) = estimand(variables) else { return Ok(estimate) };
    let moved = (estimate.value.0 - raw.value.0).abs();
    let estimate = estimate.with_detail("untransformed_nats", raw.value.0);
    let noise = noise_of_difference(variables, estimand, transform).unwrap_or(0.0);
    Ok(if moved > NEGLIGIBLE && moved > TOLERANCE * noise { estimate.warned(Warning::NotInvariant) } else { estimate })
}

fn on(variables: &[Variable<'_>], estimand: &Estimand<'_>, transform: Transform) -> Result<Estimate, EstimatorError> {
    let owned = variables.iter().map(|v| transform.variable(v)).collect::<Result<Vec<_>, _>>()?;
    let views: Vec<Variable<'_>> = owned.iter().map(OwnedVariable::view).collect();
    estimand(&views)
}

/// Standard error of the difference between the transformed and the raw estimate of all samples.
fn noise_of_difference(variables: &[Variable<'_>], estimand: &Estimand<'_>, transform: Transform) -> Option<f64> {
    let n = variables[0].len();
    let differences: Vec<f64> = (0..PARTS)
        .map(|part| {
            let rows: Vec<usize> = (part * n / PARTS..(part + 1) * n / PARTS).collect();
            let chosen: Vec<OwnedVariable> = variables.iter().map(|v| v.select(&rows)).collect();
            let views: Vec<Variable<'_>> = chosen.iter().map(OwnedVariable::view).collect();
            Some(on(&views, estimand, transform).ok()?.value.0 - estimand(&views).ok()?.value.0)
        })
        .collect::<Option<_>>()?;
    let mean = differences.iter().sum::<f64>() / PARTS as f64;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (PARTS as f64 - 1.0);
    // Of a part's difference; the variance at all samples is so many times smaller.
    Some((variance / PARTS as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;
    use ndarray::Array2;
    use rand_distr::{Distribution, StandardNormal, StudentT};

    fn ksg(v: &[Variable<'_>]) -> Result<Estimate, EstimatorError> {
        crate::registry::mutual_information("ksg:transform=none")?.estimate(v[0], v[1])
    }

    #[test]
    fn heavy_tails_move_the_estimate_and_are_told() {
        let rng = &mut generator(1, 1);
        // A bivariate Student-t of one degree of freedom, identity dispersion: truth 0.2242 nat (Czyż et al. 2023).
        let (mut x, mut y) = (Array2::zeros((4000, 1)), Array2::zeros((4000, 1)));
        for i in 0..4000 {
            let a: f64 = StandardNormal.sample(rng);
            let b: f64 = StandardNormal.sample(rng);
            let c: f64 = StandardNormal.sample(rng);
            (x[[i, 0]], y[[i, 0]]) = (a / c.abs(), b / c.abs());
        }
        let v = [Variable::Continuous(x.view()), Variable::Continuous(y.view())];
        let found = transformed(&v, &ksg, Transform::Asinh).unwrap();
        assert!((found.value.0 - 0.2242).abs() < 0.04, "{found:?}");
        assert!(found.detail("untransformed_nats").unwrap() < 0.17 && found.warnings.contains(&Warning::NotInvariant));
    }

    #[test]
    fn light_tails_stay_where_they_are() {
        let rng = &mut generator(2, 1);
        let t = StudentT::new(30.0).unwrap();
        let x = Array2::from_shape_simple_fn((2000, 1), || t.sample(rng));
        let y = x.mapv(|v| v) + Array2::from_shape_simple_fn((2000, 1), || t.sample(rng));
        let v = [Variable::Continuous(x.view()), Variable::Continuous(y.view())];
        let found = transformed(&v, &ksg, Transform::Normal).unwrap();
        assert!(!found.warnings.contains(&Warning::NotInvariant), "{found:?}");
    }
}
