//! A function of five among ten uniform features, with noise of a known size ("Multivariate adaptive regression splines",
//! Friedman 1991, section 4.3).

use super::RegressionSet;
use crate::DatasetError;
use ndarray::Array2;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::{E, PI};

const FEATURES: usize = 10;

/// `10 sin(π x₁ x₂) + 20 (x₃ − ½)² + 10 x₄ + 5 x₅`
fn function(x: &[f64]) -> f64 {
    10.0 * (PI * x[0] * x[1]).sin() + 20.0 * (x[2] - 0.5).powi(2) + 10.0 * x[3] + 5.0 * x[4]
}

/// `samples` draws of ten features, uniform on 0…1, and `y = f(x) + noise·ε` with ε standard normal.
///
/// No predictor has a root mean squared error below `noise` on fresh samples; x₆…x₁₀ say nothing of y.
///
/// # Errors
/// When there are fewer than two samples, or the noise is negative or not finite.
pub fn friedman1(samples: usize, noise: f64, seed: u64) -> Result<RegressionSet, DatasetError> {
    if !(noise >= 0.0 && noise.is_finite()) {
        return Err(DatasetError::Parameter {
            set: "friedman1",
            name: "noise",
            value: noise,
            rule: "zero or positive",
        });
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let inputs = Array2::from_shape_simple_fn((samples, FEATURES), || rng.random::<f64>());
    let draw = |x: ndarray::ArrayView1<'_, f64>| {
        let z: f64 = StandardNormal.sample(&mut rng);
        function(&x.to_vec()) + noise * z
    };
    let target = inputs.rows().into_iter().map(draw).collect();
    let features = (1..=FEATURES).map(|i| format!("x{i}")).collect();
    let mut set = RegressionSet::new("friedman1", inputs, features, target, "y")?;
    set.noise = Some(noise);
    Ok(set)
}

/// I(X;Y) in nats of [`friedman1`] with this noise: h(Y) − ½ log(2πe noise²), with the density of Y from `draws` values
/// of f, smoothed by the noise on a grid. Infinite without noise.
///
/// The grid has 40 points to a standard deviation of the noise; with 10⁵ draws or more the result is good to 0.01 nats.
pub fn friedman1_information(noise: f64, draws: usize, seed: u64) -> f64 {
    // Below it the density is as spiky as the draws, and the grid as long as memory.
    if noise < 1e-3 || draws == 0 {
        return f64::INFINITY;
    }
    const TO_A_DEVIATION: f64 = 40.0;
    const REACH: usize = 240;
    // f lies between 0 and 30.
    let step = noise / TO_A_DEVIATION;
    let cells = (30.0 / step).ceil() as usize + 1 + 2 * REACH;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut counts = vec![0.0f64; cells];
    for _ in 0..draws {
        let x: [f64; 5] = std::array::from_fn(|_| rng.random());
        counts[(function(&x) / step).round() as usize + REACH] += 1.0;
    }
    let kernel: Vec<f64> = (0..=2 * REACH)
        .map(|k| (-0.5 * ((k as f64 - REACH as f64) / TO_A_DEVIATION).powi(2)).exp() / (noise * (2.0 * PI).sqrt()))
        .collect();
    let mut density = vec![0.0f64; cells];
    for (cell, &count) in counts.iter().enumerate().filter(|(_, c)| **c > 0.0) {
        for (k, weight) in kernel.iter().enumerate() {
            density[cell + k - REACH] += weight * count / draws as f64;
        }
    }
    let entropy: f64 = density.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln() * step).sum();
    entropy - 0.5 * (2.0 * PI * E * noise * noise).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_is_what_is_asked_for_and_the_rest_is_the_function() {
        let set = friedman1(4000, 2.0, 1).unwrap();
        let rows = || set.inputs.rows().into_iter().zip(&set.target);
        let mse = rows().map(|(x, y)| (y - function(&x.to_vec())).powi(2)).sum::<f64>() / 4000.0;
        assert!((mse.sqrt() - 2.0).abs() < 0.07, "{}", mse.sqrt());
        let still = friedman1(50, 0.0, 1).unwrap();
        assert!(still.inputs.rows().into_iter().zip(&still.target).all(|(x, y)| function(&x.to_vec()) == *y));
        assert!(friedman1(50, -1.0, 1).unwrap_err().to_string().contains("noise = -1"));
    }

    #[test]
    fn the_function_by_hand() {
        // sin(π/4) · 10 + 0 + 5 + 2.5
        assert!((function(&[0.5, 0.5, 0.5, 0.5, 0.5]) - (10.0 * (PI / 4.0).sin() + 7.5)).abs() < 1e-12);
    }

    /// numpy: a histogram of 400 000 other draws, convolved with the noise.
    #[test]
    fn the_information_is_that_of_numpy() {
        for (noise, bits) in [(0.5, 3.2842), (1.0, 2.3083), (2.0, 1.3950)] {
            let found = friedman1_information(noise, 200_000, 7) / std::f64::consts::LN_2;
            assert!((found - bits).abs() < 0.01, "{found} for {bits}");
        }
        assert_eq!(friedman1_information(0.0, 10, 0), f64::INFINITY);
    }
}
