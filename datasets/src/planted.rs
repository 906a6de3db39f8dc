//! A planted dictionary: activations that are sparse sums of known directions, as in the toy models of superposition
//! (Elhage et al. 2022; Sharkey, Braun & Millidge 2022).
//!
//! `x = Σ_i a_i d_i + noise`: n unit directions d_i, drawn evenly from the sphere; feature i is active with a chance p_i,
//! and its coefficient a_i > 0 has mean 1. Chances are equal or fall by Zipf's law, `p_i ∝ i^−s`. Features of a group may
//! go together: each is active where √ρ·u_group + √(1 − ρ)·v_i falls below the p_i-quantile (u, v standard normal), which
//! leaves every p_i as it is.

use crate::DatasetError;
use ndarray::{Array2, ArrayView1};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, Exp1, StandardNormal};
use statrs::distribution::{ContinuousCDF, Normal};

/// How strong active features are; the mean is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coefficients {
    /// Exponential.
    Exponential,
    /// The magnitude of a normal, √(π/2)·|z|.
    HalfNormal,
    /// Always 1.
    Constant,
}

/// What is planted.
#[derive(Debug, Clone, PartialEq)]
pub struct Planted {
    /// Directions.
    pub features: usize,
    /// Dimensions of the activations.
    pub dims: usize,
    /// Mean number of features active in a sample.
    pub active: f64,
    /// s of Zipf's law; 0 makes all equally frequent.
    pub zipf: f64,
    /// How strong they are.
    pub coefficients: Coefficients,
    /// ρ within a group, in [0, 1).
    pub correlation: f64,
    /// Features of a group, neighbours by number.
    pub group: usize,
    /// Standard deviation of the noise in every dimension.
    pub noise: f64,
    /// Samples.
    pub samples: usize,
    /// Decides the directions and, with the number of the draw, the samples.
    pub seed: u64,
}

impl Default for Planted {
    fn default() -> Self {
        Self {
            features: 512,
            dims: 64,
            active: 5.0,
            zipf: 0.0,
            coefficients: Coefficients::Exponential,
            correlation: 0.0,
            group: 8,
            noise: 0.0,
            samples: 50_000,
            seed: 0,
        }
    }
}

/// Samples of a planted dictionary, with the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct PlantedData {
    /// [samples × dims]
    pub activations: Array2<f32>,
    /// The true directions [features × dims].
    pub directions: Array2<f32>,
    /// Of each sample, the active features in rising order and their coefficients.
    pub codes: Vec<Vec<(u32, f32)>>,
    /// The chance of each feature.
    pub chances: Vec<f64>,
}

const SET: &str = "planted";
const KEYS: &str =
    "n-true, dims, active, zipf, coefficients, correlation, group, noise, samples or seed, as in n-true=512,dims=64";

impl Planted {
    /// From `planted` or `planted:key=value,…`; what is not given is as by default. `None` where the text is about
    /// something else.
    ///
    /// # Errors
    /// When a key is not known or a value does not read.
    pub fn parse(text: &str) -> Option<Result<Self, DatasetError>> {
        let settings = match text.strip_prefix(SET)? {
            "" => "",
            rest => rest.strip_prefix(':')?,
        };
        Some(Self::from_settings(settings))
    }

    fn from_settings(settings: &str) -> Result<Self, DatasetError> {
        let mut planted = Self::default();
        for setting in settings.split(',').filter(|s| !s.trim().is_empty()) {
            let wrong = |expected: &str| DatasetError::Setting {
                set: SET,
                found: setting.trim().to_owned(),
                expected: expected.to_owned(),
            };
            let (key, value) = setting.split_once('=').ok_or_else(|| wrong(KEYS))?;
            let value = value.trim();
            let whole = || value.parse::<usize>().map_err(|_| wrong("a whole number"));
            let real = || value.parse::<f64>().map_err(|_| wrong("a number"));
            match key.trim() {
                "n-true" => planted.features = whole()?,
                "dims" => planted.dims = whole()?,
                "active" => planted.active = real()?,
                "zipf" => planted.zipf = real()?,
                "correlation" => planted.correlation = real()?,
                "group" => planted.group = whole()?,
                "noise" => planted.noise = real()?,
                "samples" => planted.samples = whole()?,
                "seed" => planted.seed = value.parse().map_err(|_| wrong("a whole number"))?,
                "coefficients" => {
                    planted.coefficients = match value {
                        "exponential" => Coefficients::Exponential,
                        "half-normal" => Coefficients::HalfNormal,
                        "constant" => Coefficients::Constant,
                        _ => return Err(wrong("exponential, half-normal or constant")),
                    }
                }
                _ => return Err(wrong(KEYS)),
            }
        }
        planted.chances()?;
        Ok(planted)
    }

    /// The chance of each feature, the most frequent first.
    ///
    /// # Errors
    /// When a parameter is outside its domain, or a chance would be above 1.
    pub fn chances(&self) -> Result<Vec<f64>, DatasetError> {
        let bad = |name, value: f64, rule| Err(DatasetError::Parameter { set: SET, name, value, rule });
        for (name, value) in [("n-true", self.features), ("dims", self.dims), ("group", self.group)] {
            if value == 0 {
                return bad(name, 0.0, "at least 1");
            }
        }
        for (name, value) in [("zipf", self.zipf), ("noise", self.noise)] {
            if !(value >= 0.0 && value.is_finite()) {
                return bad(name, value, "0 or more");
            }
        }
        if !(0.0..1.0).contains(&self.correlation) {
            return bad("correlation", self.correlation, "from 0 to below 1");
        }
        if !(self.active > 0.0 && self.active.is_finite()) {
            return bad("active", self.active, "above 0");
        }
        let weights: Vec<f64> = (1..=self.features).map(|i| (i as f64).powf(-self.zipf)).collect();
        let total: f64 = weights.iter().sum();
        if self.active * weights[0] / total > 1.0 {
            return bad(
                "active",
                self.active,
                "so few that no feature has a chance above 1: ask for fewer, or less zipf",
            );
        }
        Ok(weights.iter().map(|w| self.active * w / total).collect())
    }

    /// The samples of a draw; all draws of a seed share their directions.
    ///
    /// # Errors
    /// As [`Planted::chances`], or when there are no samples.
    pub fn draw(&self, draw: u64) -> Result<PlantedData, DatasetError> {
        let chances = self.chances()?;
        if self.samples == 0 {
            return Err(DatasetError::Parameter { set: SET, name: "samples", value: 0.0, rule: "at least 1" });
        }
        let directions = self.directions();
        // Stream 0 made the directions.
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(1 + draw);
        let quantiles: Vec<f64> = chances.iter().map(|&p| Normal::standard().inverse_cdf(p)).collect();
        let mut activations = Array2::zeros((self.samples, self.dims));
        let mut codes = Vec::with_capacity(self.samples);
        for mut row in activations.rows_mut() {
            let code: Vec<(u32, f32)> = (self.active(&chances, &quantiles, &mut rng).into_iter())
                .map(|i| (i, self.coefficient(&mut rng)))
                .collect();
            code.iter().for_each(|&(i, a)| row.scaled_add(a, &directions.row(i as usize)));
            if self.noise > 0.0 {
                row.mapv_inplace(|v| v + (self.noise * normal(&mut rng)) as f32);
            }
            codes.push(code);
        }
        Ok(PlantedData { activations, directions, codes, chances })
    }

    /// Unit rows.
    fn directions(&self) -> Array2<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let drawn = Array2::from_shape_simple_fn((self.features, self.dims), || normal(&mut rng));
        let length = |row: ArrayView1<f64>| row.dot(&row).sqrt();
        let lengths: Vec<f64> = drawn.rows().into_iter().map(length).collect();
        Array2::from_shape_fn(drawn.dim(), |(i, j)| (drawn[[i, j]] / lengths[i]) as f32)
    }

    fn active(&self, chances: &[f64], quantiles: &[f64], rng: &mut ChaCha8Rng) -> Vec<u32> {
        if self.correlation == 0.0 {
            return (0..chances.len()).filter(|&i| rng.random::<f64>() < chances[i]).map(|i| i as u32).collect();
        }
        let (shared, own) = (self.correlation.sqrt(), (1.0 - self.correlation).sqrt());
        let mut active = vec![];
        for (group, quantiles) in quantiles.chunks(self.group).enumerate() {
            let common = shared * normal(rng);
            for (i, quantile) in quantiles.iter().enumerate() {
                if common + own * normal(rng) < *quantile {
                    active.push((group * self.group + i) as u32);
                }
            }
        }
        active
    }

    fn coefficient(&self, rng: &mut ChaCha8Rng) -> f32 {
        let value = match self.coefficients {
            Coefficients::Exponential => Exp1.sample(rng),
            Coefficients::HalfNormal => (std::f64::consts::FRAC_PI_2.sqrt() * normal(rng)).abs(),
            Coefficients::Constant => 1.0,
        };
        value as f32
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Planted {
        Planted { features: 24, dims: 8, active: 3.0, samples: 20_000, ..Planted::default() }
    }

    fn rates(planted: &Planted) -> Vec<f64> {
        let mut counts = vec![0.0; planted.features];
        let data = planted.draw(0).unwrap();
        data.codes.iter().flatten().for_each(|&(i, _)| counts[i as usize] += 1.0 / planted.samples as f64);
        counts
    }

    #[test]
    fn activations_are_the_sums_that_the_codes_say() {
        let data = small().draw(0).unwrap();
        assert_eq!((data.activations.dim(), data.directions.dim()), ((20_000, 8), (24, 8)));
        assert!(data.directions.rows().into_iter().all(|d| (d.dot(&d) - 1.0).abs() < 1e-6));
        for (row, code) in data.activations.rows().into_iter().zip(&data.codes).take(50) {
            let mut sum = ndarray::Array1::<f32>::zeros(8);
            code.iter().for_each(|&(i, a)| sum.scaled_add(a, &data.directions.row(i as usize)));
            assert!((&sum - &row).iter().all(|v| v.abs() < 1e-6));
        }
        let noisy = Planted { noise: 0.5, ..small() }.draw(0).unwrap();
        let residual: f64 = (noisy.activations.rows().into_iter().zip(&noisy.codes))
            .map(|(row, code)| {
                let mut rest = row.to_owned();
                code.iter().for_each(|&(i, a)| rest.scaled_add(-a, &noisy.directions.row(i as usize)));
                f64::from(rest.dot(&rest))
            })
            .sum();
        assert!((residual / 160_000.0 - 0.25).abs() < 0.01, "{}", residual / 160_000.0);
    }

    #[test]
    fn chances_are_kept_whatever_goes_together() {
        let error = |p: f64| 4.5 * (p / 20_000.0).sqrt();
        for correlation in [0.0, 0.6] {
            for zipf in [0.0, 1.0] {
                let planted = Planted { correlation, zipf, group: 4, ..small() };
                let chances = planted.chances().unwrap();
                assert!((chances.iter().sum::<f64>() - 3.0).abs() < 1e-12);
                assert!((chances[0] / chances[3] - 4f64.powf(zipf)).abs() < 1e-9);
                for (found, p) in rates(&planted).iter().zip(chances) {
                    assert!((found - p).abs() < error(p), "{correlation} {zipf}: {found}, not {p}");
                }
            }
        }
    }

    #[test]
    fn groups_go_together_and_only_groups() {
        let together = |correlation: f64, a: u32, b: u32| {
            let data = Planted { correlation, group: 4, ..small() }.draw(0).unwrap();
            let has = |code: &[(u32, f32)], i: u32| code.iter().any(|c| c.0 == i);
            data.codes.iter().filter(|c| has(c, a) && has(c, b)).count() as f64 / 20_000.0
        };
        // Independent: (1/8)² = 0.0156.
        assert!((together(0.0, 0, 1) - 1.0 / 64.0).abs() < 0.004);
        assert!(together(0.6, 0, 1) > 0.04);
        assert!((together(0.6, 0, 4) - 1.0 / 64.0).abs() < 0.004);
    }

    #[test]
    fn coefficients_have_mean_one() {
        for coefficients in [Coefficients::Exponential, Coefficients::HalfNormal, Coefficients::Constant] {
            let data = Planted { coefficients, ..small() }.draw(0).unwrap();
            let all: Vec<f64> = data.codes.iter().flatten().map(|c| f64::from(c.1)).collect();
            assert!(all.iter().all(|a| *a > 0.0));
            assert!((all.iter().sum::<f64>() / all.len() as f64 - 1.0).abs() < 0.02);
        }
    }

    #[test]
    fn settings_are_read_and_refused() {
        let read = |text: &str| Planted::parse(text);
        assert!(read("digits").is_none() && read("planted-other").is_none());
        assert_eq!(read("planted").unwrap().unwrap(), Planted::default());
        let planted = read("planted:n-true=24, dims=8,active=3,samples=20000").unwrap().unwrap();
        assert_eq!(planted, small());
        assert_eq!(small().draw(1).unwrap().directions, small().draw(0).unwrap().directions);
        assert_ne!(small().draw(1).unwrap().codes, small().draw(0).unwrap().codes);
        let error = |text: &str| read(text).unwrap().unwrap_err().to_string();
        assert!(error("planted:size=3").contains("n-true, dims"), "{}", error("planted:size=3"));
        assert!(error("planted:dims=x").contains("a whole number"));
        assert!(error("planted:active=900").contains("above 1"));
        assert!(error("planted:correlation=1").contains("from 0 to below 1"));
        assert!(error("planted:coefficients=cauchy").contains("half-normal"));
    }
}
