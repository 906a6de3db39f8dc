//! Data with a real-valued target, for regression.

mod diabetes;
mod friedman;
mod linnerud;

use crate::DatasetError;
use ndarray::{Array2, Axis};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

pub use diabetes::diabetes;
pub use friedman::{friedman1, friedman1_information};
pub use linnerud::linnerud;

/// Samples with one real target each; checked when it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionSet {
    /// Name in tables and manifests.
    pub name: String,
    /// Inputs [samples × features] in their own units, all finite.
    pub inputs: Array2<f64>,
    /// Names of the features.
    pub features: Vec<String>,
    /// Target of each sample in its own unit, all finite, not all equal.
    pub target: Vec<f64>,
    /// Name of the target.
    pub target_name: String,
    /// Standard deviation of the target's noise, in the target's unit, where it is known: no predictor has a smaller
    /// root mean squared error on fresh samples.
    pub noise: Option<f64>,
    /// Where the data come from, where that must be said.
    pub attribution: Option<&'static str>,
}

/// Which rows are for what; each list ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegressionSplit {
    /// To fit on.
    pub train: Vec<usize>,
    /// To choose by.
    pub validation: Vec<usize>,
    /// To judge by.
    pub test: Vec<usize>,
}

impl RegressionSet {
    /// Inputs [samples × features] with a target each.
    ///
    /// # Errors
    /// When there are fewer than two samples or no feature, the numbers of inputs and targets differ, a value is not
    /// finite, or all targets are equal.
    pub fn new(
        name: &str,
        inputs: Array2<f64>,
        features: Vec<String>,
        target: Vec<f64>,
        target_name: &str,
    ) -> Result<Self, DatasetError> {
        let (samples, width) = inputs.dim();
        if samples != target.len() {
            return Err(DatasetError::TargetCount { inputs: samples, targets: target.len() });
        }
        if samples < 2 || width == 0 {
            return Err(DatasetError::TooSmall { samples, features: width });
        }
        let mut bad = inputs.indexed_iter().filter(|(_, v)| !v.is_finite());
        if let Some(((row, column), &value)) = bad.next() {
            let value = value as f32;
            return Err(DatasetError::NotFinite { count: 1 + bad.count(), row: row + 1, column: column + 1, value });
        }
        if let Some(at) = target.iter().position(|v| !v.is_finite()) {
            return Err(DatasetError::TargetNotFinite { row: at + 1, value: target[at] });
        }
        if target.iter().all(|v| *v == target[0]) {
            return Err(DatasetError::ConstantTarget { samples, value: target[0] });
        }
        let target_name = target_name.into();
        Ok(Self { name: name.into(), inputs, features, target, target_name, noise: None, attribution: None })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.target.len()
    }

    /// Whether there are no samples; never true of a value that exists.
    pub fn is_empty(&self) -> bool {
        self.target.is_empty()
    }

    /// The samples of these rows, in this order.
    ///
    /// # Errors
    /// When a row does not exist, or what remains is no longer a data set.
    pub fn subset(&self, rows: &[usize]) -> Result<Self, DatasetError> {
        if let Some(&row) = rows.iter().find(|&&r| r >= self.len()) {
            return Err(DatasetError::NoSuchRow { row, samples: self.len() });
        }
        let target = rows.iter().map(|&r| self.target[r]).collect();
        let inputs = self.inputs.select(Axis(0), rows);
        let checked = Self::new(&self.name, inputs, self.features.clone(), target, &self.target_name)?;
        Ok(Self { noise: self.noise, attribution: self.attribution, ..checked })
    }

    /// Rows to train on, to choose by and to test on, drawn by the seed: `test` of all samples, `validation` of all
    /// samples, and the others.
    ///
    /// # Errors
    /// When a part would have fewer than two samples.
    pub fn split(&self, validation: f64, test: f64, seed: u64) -> Result<RegressionSplit, DatasetError> {
        let samples = self.len();
        let (n_validation, n_test) =
            ((validation * samples as f64).round() as usize, (test * samples as f64).round() as usize);
        let train = samples.saturating_sub(n_validation + n_test);
        if train < 2 || n_validation < 2 || n_test < 2 {
            return Err(DatasetError::SmallParts { samples, train, validation: n_validation, test: n_test });
        }
        let mut rows: Vec<usize> = (0..samples).collect();
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let mut held = rows.split_off(train);
        let mut test = held.split_off(n_validation);
        for part in [&mut rows, &mut held, &mut test] {
            part.sort_unstable();
        }
        Ok(RegressionSplit { train: rows, validation: held, test })
    }
}

/// What a generator is asked for; built-in tables take none of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Generate {
    /// Samples.
    pub samples: usize,
    /// Standard deviation of the noise, in the target's unit.
    pub noise: f64,
    /// Seed of the draw.
    pub seed: u64,
}

/// A built-in regression set.
#[derive(Debug, Clone, Copy)]
pub struct RegressionBuiltin {
    /// Name in configs.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Whether it is drawn, and so takes samples, noise and seed.
    pub generated: bool,
    /// Makes it.
    pub make: fn(&Generate) -> Result<RegressionSet, DatasetError>,
}

/// All of them.
pub const REGRESSION: &[RegressionBuiltin] = &[
    RegressionBuiltin {
        name: "diabetes",
        summary: "442 patients, 10 measurements, progression of the disease a year later (Efron et al. 2004)",
        generated: false,
        make: |_| diabetes(),
    },
    RegressionBuiltin {
        name: "linnerud",
        summary: "20 men, 3 exercises, their weight (Tenenhaus 1998)",
        generated: false,
        make: |_| linnerud(),
    },
    RegressionBuiltin {
        name: "friedman1",
        summary: "a known function of 5 among 10 uniform features, with known noise (Friedman 1991)",
        generated: true,
        make: |g| friedman1(g.samples, g.noise, g.seed),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn each_makes_a_set_of_its_name_and_splits() {
        for entry in REGRESSION {
            let set = (entry.make)(&Generate { samples: 100, noise: 1.0, seed: 3 }).unwrap();
            assert_eq!((set.name.as_str(), set.features.len()), (entry.name, set.inputs.ncols()));
            let split = set.split(0.16, 0.2, 5).unwrap();
            let mut all = [&split.train[..], &split.validation, &split.test].concat();
            all.sort_unstable();
            assert_eq!(all, (0..set.len()).collect::<Vec<_>>());
            assert_eq!(split, set.split(0.16, 0.2, 5).unwrap());
            assert_ne!(split, set.split(0.16, 0.2, 6).unwrap());
            assert_eq!(set.subset(&[3, 1]).unwrap().target, [set.target[3], set.target[1]]);
        }
    }

    #[test]
    fn each_fault_says_where() {
        let names = || vec!["x".to_string()];
        let fault =
            |x: Array2<f64>, y: &[f64]| RegressionSet::new("s", x, names(), y.to_vec(), "y").unwrap_err().to_string();
        assert!(fault(array![[1.0], [2.0]], &[1.0]).contains("2 inputs but 1 targets"));
        assert!(fault(array![[1.0], [2.0]], &[1.0, f64::NAN]).contains("row 2"));
        assert!(fault(array![[1.0], [2.0]], &[4.0, 4.0]).contains("all 2 targets are 4"));
        assert!(fault(array![[1.0], [f64::INFINITY]], &[1.0, 2.0]).contains("row 2, column 1"));
        let set = RegressionSet::new("s", array![[1.0], [2.0], [3.0]], names(), vec![1.0, 2.0, 3.0], "y").unwrap();
        assert!(set.split(0.16, 0.2, 0).unwrap_err().to_string().contains("0 to choose by"));
    }
}
