//! Samples of the families with a dial have the information that was asked for.
//!
//! The oracle is the mean pointwise information, ln p(x, y) / p(x) p(y), over a sample: the densities are written out here
//! once more, from the families' definitions, with parameters solved for in another way.

#![allow(clippy::unwrap_used)]

use narrows_datasets::truth::{Dial, Pairs, TruthError, TruthVariable, dial, high_dimensional};
use ndarray::{Array2, ArrayView1};
use statrs::function::erf::erfc_inv;
use statrs::function::gamma::{digamma, ln_gamma};

const N: usize = 20_000;

fn values(variable: TruthVariable) -> Array2<f64> {
    match variable {
        TruthVariable::Continuous(values) => values,
        TruthVariable::Discrete(_) => panic!("labels"),
    }
}

/// Whether the mean over the rows of a sample is within four standard errors of the information asked for, and these are
/// small enough to say something. What 20 000 rows are too few to see at all is given another 5e-5.
fn check(family: Dial, information: f64, dim: usize, pointwise: impl Fn(ArrayView1<f64>, ArrayView1<f64>) -> f64) {
    let task = dial(family, information, dim).unwrap();
    assert_eq!(task.mutual_information(), information);
    let Pairs { x, y } = task.sample(N, 11);
    let (x, y) = (values(x), values(y));
    let terms: Vec<f64> = x.rows().into_iter().zip(y.rows()).map(|(x, y)| pointwise(x, y)).collect();
    let mean = terms.iter().sum::<f64>() / N as f64;
    let variance = terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / N as f64;
    let error = (variance / N as f64).sqrt();
    assert!(error < 0.01 * (dim as f64).sqrt(), "{family} {information} {dim}: standard error {error}");
    assert!((mean - information).abs() < 4.0 * error + 5e-5, "{family} {information} {dim}: {mean} ± {error}");
}

/// ln p(x, y) / p(x) p(y) of two standard normals that share `information` nats.
fn normal_pointwise(x: f64, y: f64, information: f64) -> f64 {
    let rest = (-2.0 * information).exp();
    let rho = (1.0 - rest).sqrt();
    information - ((y - rho * x).powi(2) / rest - y * y) / 2.0
}

fn probit(u: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * u)
}

/// A root of a falling function, by halving.
fn root(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if f(middle) > 0.0 { low = middle } else { high = middle }
    }
    low
}

#[test]
fn correlated_normals_and_uniforms() {
    for (information, dim) in [(0.0, 2), (0.3, 1), (1.0, 3), (6.0, 3), (10.0, 1)] {
        let part = information / dim as f64;
        check(Dial::CorrelatedNormal, information, dim, |x, y| {
            x.iter().zip(y).map(|(&x, &y)| normal_pointwise(x, y, part)).sum()
        });
        check(Dial::CorrelatedUniform, information, dim, |x, y| {
            x.iter().zip(y).map(|(&x, &y)| normal_pointwise(probit(x), probit(y), part)).sum()
        });
    }
    let high = high_dimensional(32, 2.0).unwrap();
    assert_eq!((high.dim_x(), high.dim_y(), high.mutual_information()), (32, 32, 64.0));
}

/// ln density of a Student distribution in `dim` dimensions, from the quadratic form and the determinant of its dispersion.
fn ln_student(form: f64, ln_determinant: f64, dof: f64, dim: f64) -> f64 {
    ln_gamma((dof + dim) / 2.0)
        - ln_gamma(dof / 2.0)
        - dim / 2.0 * (dof * std::f64::consts::PI).ln()
        - ln_determinant / 2.0
        - (dof + dim) / 2.0 * (form / dof).ln_1p()
}

#[test]
fn correlated_students() {
    for (information, dim, dof) in [(0.5, 1, 1), (2.0, 1, 2), (4.0, 3, 2), (1.0, 2, 5)] {
        let (nu, d) = (f64::from(dof), dim as f64);
        // The entropies of the three distributions, as published: h(k, ν) = −ln Γ((ν+k)/2) + ln Γ(ν/2) + …
        let entropy = |k: f64| {
            ln_gamma(nu / 2.0) - ln_gamma((nu + k) / 2.0)
                + k / 2.0 * (nu * std::f64::consts::PI).ln()
                + (nu + k) / 2.0 * (digamma((nu + k) / 2.0) - digamma(nu / 2.0))
        };
        let part = (information - (2.0 * entropy(d) - entropy(2.0 * d))) / d;
        let rest = (-2.0 * part).exp();
        let rho = (1.0 - rest).sqrt();
        check(Dial::CorrelatedStudent { dof }, information, dim, |x, y| {
            let joint: f64 = x.iter().zip(y).map(|(&x, &y)| x * x + (y - rho * x).powi(2) / rest).sum();
            let (x, y) = (x.dot(&x), y.dot(&y));
            ln_student(joint, d * rest.ln(), nu, 2.0 * d) - ln_student(x, 0.0, nu, d) - ln_student(y, 0.0, nu, d)
        });
    }
}

#[test]
fn smoothed_uniforms() {
    for (information, dim) in [(0.0, 1), (0.2, 1), (0.6, 2), (2.0, 1), (6.0, 3), (10.0, 1)] {
        let part = information / dim as f64;
        // Noise on (0, width); below half a nat both are scaled so that the noise is on (0, 1).
        let (signal, width) = match part {
            part if part < 0.5 => (2.0 * part, 1.0),
            part => (1.0, root(1e-9, 1.0, |w| w / 2.0 - w.ln() - part)),
        };
        let marginal = |y: f64| {
            if signal == 0.0 { 1.0 } else { (y.min(signal) - (y - width).max(0.0)) / (signal * width) }
        };
        check(Dial::SmoothedUniform, information, dim, |x, y| {
            assert!(x.iter().zip(y).all(|(x, y)| (-1e-12..=width + 1e-12).contains(&(y - signal * x))));
            y.iter().map(|&y| -(width * marginal(y)).ln()).sum()
        });
    }
}

#[test]
fn log_gamma_exponentials() {
    for (information, dim) in [(0.1, 1), (1.0, 1), (3.0, 2), (10.0, 1)] {
        let part = information / dim as f64;
        let theta = root(-40.0, 40.0, |t| digamma(1.0 + t.exp()) - t - part).exp();
        check(Dial::LogGammaExponential, information, dim, |x, y| {
            let one = |x: f64, y: f64| {
                // Given X, Y + X is the logarithm of an exponential; p(y) is Lomax's density on a logarithmic scale.
                let (conditional, shifted) = (x + y - (x + y).exp(), y - digamma(theta));
                let softplus = shifted.max(0.0) + (-shifted.abs()).exp().ln_1p();
                conditional - (theta.ln() + shifted - (theta + 1.0) * softplus)
            };
            x.iter().zip(y).map(|(&x, &y)| one(x, y)).sum()
        });
    }
    let Pairs { x, y } = dial(Dial::LogGammaExponential, 10.0, 1).unwrap().sample(N, 3);
    assert!(values(x).iter().chain(&values(y)).all(|v| v.is_finite()));
    let Pairs { x, y } = dial(Dial::LogGammaExponential, 0.0, 1).unwrap().sample(N, 3);
    let (x, y) = (values(x), values(y));
    // ln of an exponential has the mean −γ and the variance π²/6.
    let mean = |v: &Array2<f64>| v.mean().unwrap() + 0.577_215_664_901_532_9;
    assert!(mean(&x).abs() < 0.04 && mean(&y).abs() < 0.04);
    assert!(((&x * &y).mean().unwrap() - 0.577_215_664_901_532_9f64.powi(2)).abs() < 0.06);
}

#[test]
fn quantised_normals() {
    for (information, dim) in [(0.0, 1), (0.4, 1), (2f64.ln(), 1), (2.0, 1), (2.0, 2), (3.3, 3)] {
        let task = dial(Dial::UniformlyQuantized, information, dim).unwrap();
        assert_eq!((task.dim_x(), task.dim_y(), task.y_is_discrete()), (dim, 1, true));
        let Pairs { x, y } = task.sample(N, 4);
        let TruthVariable::Discrete(labels) = y else { panic!("values") };
        let x = values(x);
        let per_component = (information / dim as f64 - 1e-12).exp().ceil() as u32;
        let mut counts = vec![0usize; per_component.pow(dim as u32) as usize];
        labels.iter().for_each(|&l| counts[l as usize] += 1);
        // Entropy of the labels with Miller and Madow's correction: I = H(Y), for Y is a function of X.
        let share = |c: usize| c as f64 / N as f64;
        let entropy: f64 = counts.iter().filter(|c| **c > 0).map(|&c| -share(c) * share(c).ln()).sum();
        let corrected = entropy + (counts.len() - 1) as f64 / (2 * N) as f64;
        assert!((corrected - information).abs() < 0.015, "{information} {dim}: {corrected}");
        // The label of each component rises with it, and nothing else has a part in it.
        for component in 0..dim {
            let digit = |row: usize| labels[row] / per_component.pow(component as u32) % per_component;
            let mut rows: Vec<usize> = (0..N).collect();
            rows.sort_by(|&a, &b| x[[a, component]].total_cmp(&x[[b, component]]));
            assert!(rows.windows(2).all(|w| digit(w[0]) <= digit(w[1])));
        }
    }
}

/// The uniform parameters of an image.
type Recover<'a> = &'a dyn Fn(ArrayView1<f64>) -> Vec<f64>;

#[test]
fn images_carry_their_parameters() {
    let size = 32;
    let blob = |image: ArrayView1<f64>| {
        // ln of neighbouring pixels, far from underflow, is linear in the centre: 0.04 ln(ratio) / step + their middle.
        let step = 1.0 / 31.0;
        let centre = |a: f64, b: f64| 0.04 * (b / a).ln() / step + 15.5 * step;
        vec![centre(image[15 * size + 15], image[16 * size + 15]), centre(image[15 * size + 15], image[15 * size + 16])]
    };
    let rectangle = |image: ArrayView1<f64>| {
        let image = image.into_shape_with_order((size, size)).unwrap();
        let brightest = |line: ArrayView1<f64>| line.iter().copied().fold(0.0, f64::max);
        let profiles =
            [image.rows(), image.columns()].map(|lines| lines.into_iter().map(brightest).collect::<Vec<_>>());
        let uniforms = profiles.map(|p| {
            let (first, last) = (p.iter().position(|v| *v > 0.0).unwrap(), p.iter().rposition(|v| *v > 0.0).unwrap());
            let (start, end) = ((first as f64 - p[first]) / size as f64, (last as f64 + p[last]) / size as f64);
            [1.0 - (1.0 - start / 0.8).powi(2), (end - start - 0.2) / (0.8 - start)]
        });
        uniforms.concat()
    };
    let families: [(Dial, usize, Recover); 2] =
        [(Dial::GaussianImages { size }, 2, &blob), (Dial::RectangleImages { size }, 4, &rectangle)];
    for (family, dim, parameters) in families {
        let part = 3.0 / dim as f64;
        check(family, 3.0, dim, |x, y| {
            let (x, y) = (parameters(x), parameters(y));
            // Near the ends the parameters are recovered to fewer digits than the normal score wants.
            let score = |u: f64| probit(u.clamp(1e-9, 1.0 - 1e-9));
            x.iter().zip(&y).map(|(&x, &y)| normal_pointwise(score(x), score(y), part)).sum()
        });
        assert_eq!(dial(family, 3.0, dim).unwrap().dim_x(), size * size);
    }
}

#[test]
fn the_same_seed_draws_the_same_bits() {
    for family in Dial::ALL {
        let task = dial(family, 2.0, family.fixed_dim().unwrap_or(2)).unwrap();
        assert_eq!(task.sample(20, 1), task.sample(20, 1), "{family}");
        assert_ne!(task.sample(20, 1), task.sample(20, 2), "{family}");
        assert_eq!((task.sample(0, 1).x.len(), task.sample(3, 1).y.len()), (0, 3));
        assert_eq!(task.family().parse::<Dial>().unwrap(), family);
        assert!(task.name().starts_with(task.family()) && !task.summary().is_empty());
    }
}

#[test]
fn what_no_distribution_has_is_refused() {
    let error = |family, information, dim| dial(family, information, dim).unwrap_err();
    for information in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(error(Dial::CorrelatedNormal, information, 1), TruthError::Information { .. }));
    }
    let student = Dial::CorrelatedStudent { dof: 1 };
    assert!(error(student, 0.2, 1).to_string().contains("at least 0.224171 nats"));
    assert!(dial(student, 0.2242, 1).is_ok() && dial(student, student.least(1), 1).is_ok());
    assert_eq!(error(Dial::CorrelatedStudent { dof: 0 }, 1.0, 1), TruthError::DegreesOfFreedom);
    assert_eq!(error(Dial::CorrelatedNormal, 1.0, 0), TruthError::NoDimension);
    assert_eq!(error(Dial::GaussianImages { size: 8 }, 1.0, 2), TruthError::ImageSize { size: 8 });
    assert!(error(Dial::RectangleImages { size: 16 }, 1.0, 2).to_string().contains("its dimension is 4, not 2"));
    assert!(matches!(error(Dial::UniformlyQuantized, 23.0, 1), TruthError::TooMuch { .. }));
    assert!(matches!(error(Dial::CorrelatedUniform, 31.0, 1), TruthError::TooMuch { .. }));
}
