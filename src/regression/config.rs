//! The file that describes a regression study.

use super::objective::{OBJECTIVES, Objective};
use crate::run::read_config;
use crate::subject::train::Device;
use anyhow::{Context, Result, bail, ensure};
use narrows_estimators::{KernelWidth, registry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// `CONFIG.toml` of `narrows regress`. Every key has a default; an empty file is the small study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// Name of the run, and of its default folder.
    pub name: String,
    /// Seeds: each splits the data, starts the weights and draws the minibatches.
    pub seeds: Vec<u64>,
    /// Objectives by name.
    pub objectives: Vec<String>,
    /// Weights β of the bottleneck, by objective; those not named have the objective's own.
    pub betas: BTreeMap<String, Vec<f64>>,
    /// The network.
    pub network: NetworkConfig,
    /// How it is trained.
    pub training: TrainingConfig,
    /// How kernels are taken.
    pub kernel: KernelConfig,
    /// How trained networks are measured.
    pub evaluation: EvaluationConfig,
    /// How they are attacked.
    pub attacks: AttackConfig,
    /// The data sets.
    pub data: Vec<DataConfig>,
}

impl Default for ConfigFile {
    fn default() -> Self {
        let set = |inputs: &str| DataConfig { inputs: inputs.into(), ..DataConfig::default() };
        Self {
            name: "regress".into(),
            seeds: vec![0, 1, 2],
            objectives: OBJECTIVES.iter().map(|o| o.name.into()).collect(),
            betas: BTreeMap::new(),
            network: NetworkConfig::default(),
            training: TrainingConfig::default(),
            kernel: KernelConfig::default(),
            evaluation: EvaluationConfig::default(),
            attacks: AttackConfig::default(),
            data: vec![set("diabetes"), set("friedman1")],
        }
    }
}

/// `[[data]]`: a built-in set, or a file with a column of targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// `diabetes`, `linnerud`, `friedman1`, or a file: CSV, npy, npz or Parquet, also gzipped.
    pub inputs: String,
    /// Name in tables and figures; the set's or the file's own by default.
    pub name: Option<String>,
    /// Column of a file that holds the target, by name or number from 1; all others are inputs.
    pub target: Option<String>,
    /// Samples to draw of a generated set (1000 by default), or rows of a file to take at random.
    pub samples: Option<usize>,
    /// Standard deviation of a generated set's noise, in the target's unit (1 by default).
    pub noise: Option<f64>,
    /// Seed of a generated set, or of the rows taken from a file.
    pub seed: u64,
    /// Leaves out the rows of a file whose target reaches this.
    pub target_below: Option<f64>,
    /// Takes the natural logarithm of a file's target, after `target_below`.
    pub log_target: bool,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            inputs: "diabetes".into(),
            name: None,
            target: None,
            samples: None,
            noise: None,
            seed: 0,
            target_below: None,
            log_target: false,
        }
    }
}

/// `[network]`: encoder features–hidden–hidden–code, decoder code–hidden–1, ReLU between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Units of the hidden layers.
    pub hidden: usize,
    /// Units of the code t.
    pub code: usize,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self { hidden: 128, code: 8 }
    }
}

/// `[training]`: Adam on minibatches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Passes over the training samples.
    pub epochs: u64,
    /// Most samples of a minibatch; an epoch is cut into minibatches of equal size.
    pub batch_size: usize,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// Share of the samples that chooses the epoch and β.
    pub validation_share: f64,
    /// Share of the samples that is tested on.
    pub test_share: f64,
    /// Device; `--device` goes first.
    pub device: Device,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_size: 128,
            learning_rate: 1e-3,
            validation_share: 0.16,
            test_share: 0.2,
            device: Device::default(),
        }
    }
}

/// What a sample's kernels are divided by in the conditional divergence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Denominator {
    /// (Σ_j K_ij)², as the paper derives it.
    #[default]
    Paper,
    /// Σ_j K_ij², as the published program has it.
    Code,
}

/// `[kernel]`: the Gaussian kernels that `cs-ib` and `hsic` are trained with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KernelConfig {
    /// Width on standardised inputs and targets and on the code as it is: a number, `median` or `silverman`.
    #[serde(with = "width")]
    pub width: KernelWidth,
    /// Denominator of the conditional divergence.
    pub denominator: Denominator,
}

impl Default for KernelConfig {
    fn default() -> Self {
        Self { width: KernelWidth::Sigma(1.0), denominator: Denominator::default() }
    }
}

/// `[evaluation]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    /// Estimator of I(X;T) and I(T;Y) on the test samples, the same for every objective.
    pub information: String,
    /// Width of the kernels of the Cauchy–Schwarz I(X;T) on the test samples. Not the training's: kernels of width 1 in ten
    /// dimensions hardly reach from one sample to the next, and then noise in the code raises the value.
    #[serde(with = "width")]
    pub width: KernelWidth,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { information: "pca:components=3/ksg".into(), width: KernelWidth::Median }
    }
}

/// `[attacks]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttackConfig {
    /// `fgsm`, `pgd`, both, or none.
    pub methods: Vec<AttackKind>,
    /// Largest change of an input, in standard deviations of each feature; 0 is always measured.
    pub epsilons: Vec<f64>,
    /// Steps of `pgd`.
    pub steps: usize,
    /// Size of a step of `pgd` in the same unit; a quarter of ε by default.
    pub step_size: Option<f64>,
}

impl Default for AttackConfig {
    fn default() -> Self {
        Self {
            methods: vec![AttackKind::Fgsm, AttackKind::Pgd],
            epsilons: vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            steps: 10,
            step_size: None,
        }
    }
}

/// How inputs are changed to make predictions worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttackKind {
    /// One step of size ε along the gradient's signs (Goodfellow et al. 2015).
    Fgsm,
    /// Several steps, each brought back into the cube of half-width ε (Madry et al. 2018), from the sample itself.
    Pgd,
}

impl AttackKind {
    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fgsm => "fgsm",
            Self::Pgd => "pgd",
        }
    }
}

/// A width is a number or the name of a rule.
mod width {
    use narrows_estimators::KernelWidth;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(width: &KernelWidth, serializer: S) -> Result<S::Ok, S::Error> {
        match width {
            KernelWidth::Sigma(sigma) => serializer.serialize_f64(*sigma),
            rule => serializer.serialize_str(&rule.to_string()),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KernelWidth, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Rule(String),
        }
        let rule = "a kernel width is a positive number, \"median\" or \"silverman\"";
        match Written::deserialize(deserializer).map_err(|_| D::Error::custom(rule))? {
            Written::Number(sigma) if sigma.is_finite() && sigma > 0.0 => Ok(KernelWidth::Sigma(sigma)),
            Written::Number(sigma) => Err(D::Error::custom(format!("{sigma}: {rule}"))),
            Written::Rule(name) if name == "median" => Ok(KernelWidth::Median),
            Written::Rule(name) if name == "silverman" => Ok(KernelWidth::Silverman),
            Written::Rule(name) => Err(D::Error::custom(format!("{name:?}: {rule}"))),
        }
    }
}

impl ConfigFile {
    /// Reads and checks a TOML file.
    ///
    /// # Errors
    /// When the file cannot be read, a key is unknown or of the wrong type (with its line), or a value is outside its
    /// domain.
    pub fn read(path: &Path) -> Result<Self> {
        read_config(path, Self::parse)
    }

    /// Reads and checks TOML text, and fills in the weights β of the objectives that it does not name.
    ///
    /// # Errors
    /// As [`ConfigFile::read`].
    pub fn parse(text: &str) -> Result<Self> {
        let mut config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// Checks every value, and fills in the weights β of the objectives that have none.
    ///
    /// # Errors
    /// When a value is outside its domain; the message names the key.
    pub fn check(&mut self) -> Result<()> {
        ensure!(!self.name.trim().is_empty(), "name is empty");
        let slash = self.name.contains(['/', '\\']);
        ensure!(!slash, "name = {:?}: it becomes a folder name and cannot hold a slash", self.name);
        ensure!(!self.seeds.is_empty(), "seeds is empty: give at least one, for example seeds = [0]");
        ensure!(distinct(&self.seeds), "seeds = {:?}: a seed is given twice", self.seeds);
        ensure!(!self.objectives.is_empty(), "objectives is empty: there are {}", Objective::names());
        ensure!(distinct(&self.objectives), "objectives = {:?}: one is given twice", self.objectives);
        for name in self.objectives.iter().chain(self.betas.keys()) {
            ensure!(
                Objective::by_name(name).is_some(),
                "no objective is called {name:?}: there are {}",
                Objective::names()
            );
        }
        for (name, betas) in &self.betas {
            let bottleneck = Objective::by_name(name).is_some_and(Objective::has_bottleneck);
            ensure!(bottleneck || betas == &[0.0], "betas.{name}: {name} has no bottleneck, and so no β");
            ensure!(!betas.is_empty(), "betas.{name} is empty: leave it out for the default, or give at least one");
            let sound = betas.iter().all(|b| *b >= 0.0 && b.is_finite());
            ensure!(sound, "betas.{name} = {betas:?}: a weight is zero or positive");
            let bits: Vec<u64> = betas.iter().map(|b| b.to_bits()).collect();
            ensure!(distinct(&bits), "betas.{name} = {betas:?}: one is given twice");
        }
        for objective in self.objectives.iter().filter_map(|name| Objective::by_name(name)) {
            self.betas.entry(objective.name.into()).or_insert_with(|| objective.betas.to_vec());
        }
        ensure!(self.network.hidden > 0 && self.network.code > 0, "network: hidden and code are at least 1");
        let t = &self.training;
        ensure!(t.epochs > 0, "training.epochs is zero");
        ensure!(t.batch_size > 1, "training.batch_size = {}: kernels need at least two samples", t.batch_size);
        let rate = t.learning_rate;
        ensure!(rate > 0.0 && rate.is_finite(), "training.learning_rate = {rate}: it must be positive");
        let shares = (t.validation_share, t.test_share);
        ensure!(
            shares.0 > 0.0 && shares.1 > 0.0 && shares.0 + shares.1 < 1.0,
            "training.validation_share = {} and training.test_share = {}: both must be positive and leave something to \
             train on",
            shares.0,
            shares.1
        );
        self.check_measures()?;
        self.check_data()
    }

    fn check_measures(&self) -> Result<()> {
        let a = &self.attacks;
        ensure!(
            a.methods.iter().enumerate().all(|(i, m)| !a.methods[..i].contains(m)),
            "attacks.methods: one is given twice"
        );
        let sound = a.epsilons.iter().all(|e| *e > 0.0 && e.is_finite());
        ensure!(sound, "attacks.epsilons = {:?}: each must be positive (zero is always measured)", a.epsilons);
        let sorted = a.epsilons.windows(2).all(|w| w[0] < w[1]);
        ensure!(sorted, "attacks.epsilons = {:?}: they must ascend", a.epsilons);
        ensure!(a.steps > 0, "attacks.steps is zero");
        if let Some(size) = a.step_size {
            ensure!(size > 0.0 && size.is_finite(), "attacks.step_size = {size}: it must be positive");
        }
        registry::mutual_information(&self.evaluation.information)
            .map(drop)
            .with_context(|| format!("evaluation.information = {:?}", self.evaluation.information))
    }

    fn check_data(&self) -> Result<()> {
        ensure!(!self.data.is_empty(), "there is no [[data]]: give at least one data set");
        let names: Vec<String> = self.data.iter().map(DataConfig::label).collect();
        if let Some(twice) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            bail!("two data sets are called {:?}: give one of them another name", twice.1);
        }
        Ok(())
    }
}

fn distinct<T: Ord + Clone>(values: &[T]) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).all(|w| w[0] != w[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_small_study_and_reads_back() {
        let c = ConfigFile::parse("").unwrap();
        assert_eq!(c.objectives, ["mse", "cs-ib", "vib", "nib", "hsic"]);
        assert_eq!((c.betas["mse"].as_slice(), c.betas["vib"].len(), c.data.len()), ([0.0].as_slice(), 4, 2));
        assert_eq!(ConfigFile::parse(&toml::to_string(&c).unwrap()).unwrap(), c);
        let c = ConfigFile::parse("kernel.width = \"median\"\nkernel.denominator = \"code\"").unwrap();
        assert_eq!(c.kernel, KernelConfig { width: KernelWidth::Median, denominator: Denominator::Code });
        assert_eq!(ConfigFile::parse(&toml::to_string(&c).unwrap()).unwrap(), c);
    }

    #[test]
    fn each_rule_speaks_for_itself() {
        let refuse = |text: &str| format!("{:#}", ConfigFile::parse(text).unwrap_err());
        for (text, part) in [
            ("objectives = [\"ib\"]", "there are mse, cs-ib, vib, nib, hsic"),
            ("betas = { mse = [0.1] }", "has no bottleneck"),
            ("betas = { vib = [-1.0] }", "zero or positive"),
            ("betas = { vib = [0.1, 0.1] }", "given twice"),
            ("kernel.width = 0.0", "a positive number"),
            ("kernel.width = \"wide\"", "\"median\" or \"silverman\""),
            ("attacks.epsilons = [0.2, 0.1]", "ascend"),
            ("attacks.epsilons = [0.0]", "always measured"),
            ("training.batch_size = 1", "at least two"),
            ("training.test_share = 0.9", "leave something"),
            ("evaluation.information = \"ksgg\"", "evaluation.information"),
            ("[[data]]\ninputs = \"diabetes\"\n[[data]]\ninputs = \"diabetes\"", "another name"),
            ("training.epoch = 3", "unknown field `epoch`"),
            ("seeds = [1, 1]", "twice"),
        ] {
            assert!(refuse(text).contains(part), "{text}: {}", refuse(text));
        }
    }
}
