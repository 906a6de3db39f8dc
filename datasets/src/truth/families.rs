//! The tasks behind a dial: the parameter that gives the information asked for, and how its pairs are drawn.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma};
use statrs::function::gamma::digamma;

use super::closed_form as exact;
use super::images::{BLOB_PARAMETERS, RECTANGLE_PARAMETERS, blob, rectangle};
use super::maps::normal_cdf;
use super::rows::{Denominator, normal, paired_normals};
use super::task::{Draw, Task};
use super::{Dial, TruthError};

/// The task of `family` where X and Y, of `dim` coordinates each, share exactly `information` nats, in equal parts for
/// each coordinate. `dim` of a family of images is the number of its hidden parameters ([`Dial::fixed_dim`]); the
/// variables are then images, one a row.
///
/// # Errors
/// When the information is negative or not finite, less than the family has at its least or more than it can carry, or
/// when a parameter is outside its domain.
pub fn dial(family: Dial, information: f64, dim: usize) -> Result<Task, TruthError> {
    check(family, information, dim)?;
    let part = information / dim as f64;
    let (draw, dims) = match family {
        Dial::CorrelatedNormal => (Draw::row(move |rng, x, y| paired_normals(rng, x, y, dim, part)), (dim, dim)),
        Dial::CorrelatedStudent { dof } => (correlated_student(dof, information, dim), (dim, dim)),
        Dial::CorrelatedUniform => (Draw::row(move |rng, x, y| paired_uniforms(rng, x, y, part)), (dim, dim)),
        Dial::SmoothedUniform => (smoothed_uniform(part), (dim, dim)),
        Dial::LogGammaExponential => (log_gamma_exponential(part), (dim, dim)),
        Dial::UniformlyQuantized => (uniformly_quantized(part), (dim, 1)),
        Dial::GaussianImages { size } => {
            (images::<BLOB_PARAMETERS>(part, move |u, i| blob(u, size, i)), (size * size, size * size))
        }
        Dial::RectangleImages { size } => {
            (images::<RECTANGLE_PARAMETERS>(part, move |u, i| rectangle(u, size, i)), (size * size, size * size))
        }
    };
    let (name, summary) = (format!("{family}-{dim}d-{information}"), family.summary(dim));
    Ok(Task { name, family: family.to_string(), summary, dims, information, draw })
}

/// Correlated normals of `dim` coordinates with `nats_per_dim` for each of them; the published high-dimensional
/// benchmark has 2 (Butakov et al., mutinfo).
///
/// # Errors
/// As of [`dial`].
pub fn high_dimensional(dim: usize, nats_per_dim: f64) -> Result<Task, TruthError> {
    dial(Dial::CorrelatedNormal, nats_per_dim * dim as f64, dim)
}

fn check(family: Dial, information: f64, dim: usize) -> Result<(), TruthError> {
    let name = || family.to_string();
    if !(information.is_finite() && information >= 0.0) {
        return Err(TruthError::Information { information });
    }
    match family {
        Dial::CorrelatedStudent { dof: 0 } => return Err(TruthError::DegreesOfFreedom),
        Dial::GaussianImages { size } | Dial::RectangleImages { size } if !(16..=128).contains(&size) => {
            return Err(TruthError::ImageSize { size });
        }
        _ => {}
    }
    match family.fixed_dim() {
        Some(hidden) if hidden != dim => return Err(TruthError::HiddenDimension { family: name(), hidden, dim }),
        _ if dim == 0 => return Err(TruthError::NoDimension),
        _ => {}
    }
    let (least, most) = (family.least(dim), family.most(dim));
    if information < least {
        return Err(TruthError::TooLittle { family: name(), information, least });
    }
    if information > most {
        return Err(TruthError::TooMuch { family: name(), information, most });
    }
    Ok(())
}

fn correlated_student(dof: u32, information: f64, dim: usize) -> Draw {
    let denominator = Denominator::new(dof);
    let part = (information - exact::student_excess(dof, dim, dim)) / dim as f64;
    Draw::row(move |rng, x, y| {
        paired_normals(rng, x, y, dim, part);
        denominator.divide(rng, x, y);
    })
}

fn paired_uniforms(rng: &mut impl Rng, x: &mut [f64], y: &mut [f64], part: f64) {
    paired_normals(rng, x, y, x.len(), part);
    x.iter_mut().chain(y).for_each(|v| *v = normal_cdf(*v));
}

fn smoothed_uniform(part: f64) -> Draw {
    let sharpness = exact::smoothed_uniform_sharpness(part);
    // Y times min(a, 1), so that it stays bounded down to a = 0, where it is the noise alone.
    let (signal, noise) = (sharpness.min(1.0), 1.0 / sharpness.max(1.0));
    Draw::row(move |rng, x, y| {
        for (x, y) in x.iter_mut().zip(y) {
            *x = rng.random();
            *y = signal * *x + noise * rng.random::<f64>();
        }
    })
}

fn log_gamma_exponential(part: f64) -> Draw {
    if part == 0.0 {
        // The limit k → 0 has a constant X: two independent variables of the same kind say the same.
        return Draw::row(|rng, x, y| x.iter_mut().chain(y).for_each(|v| *v = log_exponential(rng)));
    }
    let theta = 1.0 / exact::log_gamma_exponential_shape(part);
    let centre = digamma(theta);
    let gamma = Gamma::new(1.0 + theta, 1.0).expect("there is a gamma distribution at any shape above 1");
    Draw::row(move |rng, x, y| {
        for (x, y) in x.iter_mut().zip(y) {
            // G(θ) = G(1 + θ) U^(1/θ), kept in logarithms: at a small θ it is less than the smallest double.
            let exponential: f64 = Exp1.sample(rng);
            *x = gamma.sample(rng).ln() - exponential / theta - centre;
            *y = log_exponential(rng) - *x;
        }
    })
}

fn uniformly_quantized(part: f64) -> Draw {
    let (labels, last) = exact::quantised_labels(part);
    let others = labels - 1;
    let width = (1.0 - last) / others.max(1) as f64;
    Draw::label(move |rng, x| {
        x.fill_with(|| normal(rng));
        let label = |v: f64| ((normal_cdf(v) / width) as usize).min(others);
        x.iter().rev().fold(0, |all, &v| all * labels + label(v)) as u32
    })
}

/// Pairs of images, each from `N` uniform parameters that are correlated one to one.
fn images<const N: usize>(part: f64, draw: impl Fn([f64; N], &mut [f64]) + Send + Sync + 'static) -> Draw {
    Draw::row(move |rng: &mut ChaCha8Rng, x, y| {
        let (mut hidden_x, mut hidden_y) = ([0.0; N], [0.0; N]);
        paired_uniforms(rng, &mut hidden_x, &mut hidden_y, part);
        draw(hidden_x, x);
        draw(hidden_y, y);
    })
}

/// ln E of a standard exponential E.
fn log_exponential(rng: &mut impl Rng) -> f64 {
    let exponential: f64 = Exp1.sample(rng);
    // 0 is drawn with a probability of about 2⁻⁵³, and has no logarithm.
    exponential.max(f64::MIN_POSITIVE).ln()
}
