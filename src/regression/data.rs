//! The data of a study: loaded, split, and brought to a common scale.

use super::config::DataConfig;
use crate::run::InputFile;
use crate::variable::{VariableFile, columns_of};
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::regression::{Generate, REGRESSION, RegressionSet, RegressionSplit};
use ndarray::{Array1, Array2, Axis};
use std::path::Path;

/// Samples of a generated set, when the config does not say.
const SAMPLES: usize = 1000;

/// A data set as it was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The samples, named as in the tables.
    pub set: RegressionSet,
    /// The file that was read.
    pub files: Vec<InputFile>,
}

impl DataConfig {
    /// Its name in tables and figures.
    pub fn label(&self) -> String {
        let stem = || Path::new(&self.inputs).file_stem().map(|s| s.to_string_lossy().into_owned());
        self.name.clone().or_else(stem).unwrap_or_else(|| self.inputs.clone())
    }

    /// Loads and checks the data.
    ///
    /// # Errors
    /// When the file cannot be read or has no such column, a value is missing or not finite, or a key does not belong
    /// to this kind of data.
    pub fn load(&self) -> Result<Loaded> {
        let mut loaded = match REGRESSION.iter().find(|b| b.name == self.inputs) {
            Some(builtin) => {
                for (key, given) in [
                    ("target", self.target.is_some()),
                    ("target_below", self.target_below.is_some()),
                    ("log_target", self.log_target),
                    ("samples", self.samples.is_some() && !builtin.generated),
                    ("noise", self.noise.is_some() && !builtin.generated),
                ] {
                    ensure!(!given, "data: {} takes no {key}: leave it out", self.inputs);
                }
                let samples = self.samples.unwrap_or(SAMPLES);
                let generate = Generate { samples, noise: self.noise.unwrap_or(1.0), seed: self.seed };
                Loaded { set: (builtin.make)(&generate)?, files: vec![] }
            }
            None => self.file().with_context(|| format!("data: {} cannot be used", self.inputs))?,
        };
        loaded.set.name = self.label();
        Ok(loaded)
    }

    fn file(&self) -> Result<Loaded> {
        let names: Vec<&str> = REGRESSION.iter().map(|b| b.name).collect();
        let exists = Path::new(&self.inputs).exists();
        ensure!(
            exists,
            "there is no such file (from the working directory), and no built-in set of that name; built in are {}",
            names.join(", ")
        );
        ensure!(self.noise.is_none(), "noise belongs to generated sets");
        let Some(target) = &self.target else {
            bail!("which column holds the target? Give target = \"NAME\", or its number from 1")
        };
        let file = VariableFile { place: self.inputs.clone(), discrete: Some(false) };
        let (columns, input) = columns_of(&file)?;
        let at = match columns.iter().position(|(name, _)| name == target) {
            Some(at) => at,
            None => {
                target.parse::<usize>().ok().filter(|n| (1..=columns.len()).contains(n)).map(|n| n - 1).with_context(
                    || {
                        let known: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).take(30).collect();
                        format!("there is no column {target:?} among its {}: {}", columns.len(), known.join(", "))
                    },
                )?
            }
        };
        let log = |v: f64| if self.log_target { v.ln() } else { v };
        let kept: Vec<usize> = (0..columns[at].1.len())
            .filter(|&row| self.target_below.is_none_or(|limit| columns[at].1[row] < limit))
            .collect();
        let kept: Vec<usize> = match self.samples {
            Some(n) => narrows_datasets::sample_rows(kept.len(), n, self.seed).into_iter().map(|i| kept[i]).collect(),
            None => kept,
        };
        let others: Vec<&(String, Vec<f64>)> =
            columns.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, column)| column).collect();
        let inputs = Array2::from_shape_fn((kept.len(), others.len()), |(i, j)| others[j].1[kept[i]]);
        let features = others.iter().map(|(name, _)| name.clone()).collect();
        let values = kept.iter().map(|&row| log(columns[at].1[row])).collect();
        let name = if self.log_target { format!("ln {}", columns[at].0) } else { columns[at].0.clone() };
        let set = RegressionSet::new(&self.label(), inputs, features, values, &name).context(if self.log_target {
            "after taking the logarithm of the target"
        } else {
            "its values"
        })?;
        Ok(Loaded { set, files: vec![input] })
    }
}

/// A part of a data set on the scale of its training samples.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// Inputs [samples × features], mean 0 and standard deviation 1 over the training samples.
    pub(super) inputs: Array2<f32>,
    /// Target, on the same scale.
    pub(super) target: Array1<f32>,
}

/// A split data set. Mean and standard deviation are those of the training samples alone; the published program takes
/// them, and the logarithm's constants, over all rows.
pub(super) struct Prepared {
    pub(super) train: Part,
    pub(super) validation: Part,
    pub(super) test: Part,
    /// Standard deviation of the target over the training samples, in the target's unit.
    pub(super) unit: f64,
}

impl Prepared {
    pub(super) fn new(set: &RegressionSet, split: &RegressionSplit) -> Self {
        let train = set.inputs.select(Axis(0), &split.train);
        let scales: Vec<(f64, f64)> = train.columns().into_iter().map(|c| moments(c.iter().copied())).collect();
        let target = moments(split.train.iter().map(|&r| set.target[r]));
        let part = |rows: &[usize]| Part {
            inputs: Array2::from_shape_fn((rows.len(), scales.len()), |(i, j)| {
                ((set.inputs[[rows[i], j]] - scales[j].0) / scales[j].1) as f32
            }),
            target: rows.iter().map(|&r| ((set.target[r] - target.0) / target.1) as f32).collect(),
        };
        Self { train: part(&split.train), validation: part(&split.validation), test: part(&split.test), unit: target.1 }
    }
}

/// Mean and standard deviation; 1 for the latter where there is no spread.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let std = (values.map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    (mean, if std > 0.0 { std } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_that_of_the_training_samples() {
        let set = DataConfig { inputs: "linnerud".into(), ..DataConfig::default() }.load().unwrap().set;
        let split = set.split(0.16, 0.2, 1).unwrap();
        let prepared = Prepared::new(&set, &split);
        for column in prepared.train.inputs.columns() {
            let (mean, std) = moments(column.iter().map(|v| f64::from(*v)));
            assert!(mean.abs() < 1e-6 && (std - 1.0).abs() < 1e-6, "{mean} {std}");
        }
        let back = f64::from(prepared.test.target[0]) * prepared.unit;
        let mean = split.train.iter().map(|&r| set.target[r]).sum::<f64>() / split.train.len() as f64;
        assert!((back + mean - set.target[split.test[0]]).abs() < 1e-4);
    }

    #[test]
    fn files_with_a_target_column_and_their_faults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("houses.csv");
        std::fs::write(&path, "rooms,price,age\n1,2.0,9\n2,5.0,8\n3,4.0,7\n4,3.0,6\n").unwrap();
        let config = DataConfig {
            inputs: path.display().to_string(),
            target: Some("price".into()),
            target_below: Some(5.0),
            log_target: true,
            ..DataConfig::default()
        };
        let set = config.load().unwrap().set;
        assert_eq!(
            (set.name.as_str(), set.target_name.as_str(), set.features.join(" ")),
            ("houses", "ln price", "rooms age".into())
        );
        assert_eq!(set.target, [2f64.ln(), 4f64.ln(), 3f64.ln()]);
        assert_eq!(set.inputs.row(1).to_vec(), [3.0, 7.0]);
        let by_number =
            DataConfig { target: Some("2".into()), target_below: None, log_target: false, ..config.clone() };
        assert_eq!(by_number.load().unwrap().set.target, [2.0, 5.0, 4.0, 3.0]);
        let fault = |c: DataConfig| format!("{:#}", c.load().unwrap_err());
        assert!(fault(DataConfig { target: None, ..config.clone() }).contains("which column"));
        assert!(fault(DataConfig { target: Some("size".into()), ..config }).contains("rooms, price, age"));
        assert!(fault(DataConfig { inputs: "boston".into(), ..DataConfig::default() }).contains("diabetes, linnerud"));
        assert!(fault(DataConfig { noise: Some(1.0), ..DataConfig::default() }).contains("takes no noise"));
    }
}
