//! The file that describes a study of information and generalisation.

use crate::run::read_config;
use crate::subject::Activation;
use crate::subject::train::Initialiser;
use anyhow::{Result, ensure};
use narrows_datasets::Blobs;
use narrows_estimators::posterior::Spread;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// `CONFIG.toml` of `narrows generalise`. Every key has a default; all defaults together are the toy study of the paper,
/// 216 models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// Name of the run, in tables and figures.
    pub name: String,
    /// What the models are trained on.
    pub data: DataConfig,
    /// The models.
    pub network: NetworkConfig,
    /// How they are trained.
    pub training: TrainingConfig,
    /// The Gaussian of each model's weights.
    pub swag: SwagConfig,
    /// Information in representations.
    pub information: InformationConfig,
    /// The correlations.
    pub analysis: AnalysisConfig,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            name: "generalise".into(),
            data: DataConfig::default(),
            network: NetworkConfig::default(),
            training: TrainingConfig::default(),
            swag: SwagConfig::default(),
            information: InformationConfig::default(),
            analysis: AnalysisConfig::default(),
        }
    }
}

/// Where samples come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Gaussian clouds, drawn anew for each data seed.
    Blobs,
    /// The built-in digits, of which each data seed takes others.
    Digits,
}

/// `[data]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// `blobs` or `digits`.
    pub source: Source,
    /// One training set for each.
    pub seeds: Vec<u64>,
    /// Training samples: numbers of them, each a setting of its own.
    pub train: Vec<usize>,
    /// Test samples.
    pub test: usize,
    /// Classes of the blobs.
    pub classes: usize,
    /// Dimensions of the blobs.
    pub features: usize,
    /// Standard deviation of a cloud.
    pub std: f64,
    /// Centres are uniform on ± this.
    pub half_width: f64,
}

impl Default for DataConfig {
    fn default() -> Self {
        let Blobs { classes, features, std, half_width } = Blobs::default();
        Self {
            source: Source::Blobs,
            seeds: vec![0, 1, 2],
            train: vec![50],
            test: 250,
            classes,
            features,
            std,
            half_width,
        }
    }
}

/// What kind of network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An encoder of a Gaussian code, whose mean and standard deviation are networks, and a linear classifier.
    Stochastic,
    /// A plain network, whose layers are binned, or given noise after training.
    Dense,
}

/// `[network]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// `stochastic` or `dense`.
    pub kind: Kind,
    /// Units of the first half of the hidden layers; the second half has half as many.
    pub widths: Vec<usize>,
    /// Numbers of hidden layers.
    pub depths: Vec<usize>,
    /// Activation of hidden layers; of dense networks only, stochastic encoders have relu.
    pub activation: Activation,
    /// How the weights of dense networks start; stochastic encoders start as PyTorch's layers do.
    pub initialiser: Initialiser,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            kind: Kind::Stochastic,
            widths: vec![256, 128, 64, 32],
            depths: vec![4],
            activation: Activation::Relu,
            initialiser: Initialiser::KaimingNormal,
        }
    }
}

/// `[training]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// One model for each, with each training set.
    pub seeds: Vec<u64>,
    /// Passes over the training samples.
    pub epochs: u64,
    /// Samples in a minibatch.
    pub batch_size: usize,
    /// Step size of stochastic gradient descent.
    pub learning_rate: f64,
    /// Its momentum.
    pub momentum: f64,
    /// L2 penalties; of all parameters of stochastic encoders, of the weight matrices of dense networks.
    pub weight_decays: Vec<f64>,
    /// Rates at which the multiplier λ of the information constraint grows; zero for no constraint. Of stochastic
    /// encoders only.
    pub constraint_rates: Vec<f64>,
    /// The information I(X;Z), in nats, that the constraint pulls to.
    pub constraint_target: f64,
    /// Training inputs, at most, on which the constraint is estimated in each step.
    pub constraint_samples: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            seeds: vec![0, 1, 2],
            epochs: 300,
            batch_size: 64,
            learning_rate: 0.01,
            momentum: 0.9,
            weight_decays: vec![0.0, 0.01, 0.1],
            constraint_rates: vec![0.0, 5e-4],
            constraint_target: 1.5,
            constraint_samples: 256,
        }
    }
}

/// `[swag]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwagConfig {
    /// Weights are collected after each epoch beyond this one.
    pub start: u64,
    /// Deviations that are kept.
    pub rank: usize,
    /// Draws from each posterior.
    pub draws: usize,
    /// Factor of the covariance, ½ in the paper of SWAG.
    pub scale: f64,
    /// Added to each variance.
    pub floor: f64,
}

impl Default for SwagConfig {
    fn default() -> Self {
        let Spread { scale, floor } = Spread::default();
        Self { start: 200, rank: 10, draws: 10, scale, floor }
    }
}

/// `[information]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InformationConfig {
    /// Besides on the training inputs, information is estimated on fresh inputs, this many times as many.
    pub fresh: Vec<usize>,
    /// Draws of the code of each input, for the Monte Carlo form.
    pub draws: usize,
    /// Draws of the code over which losses of stochastic encoders are averaged.
    pub evaluation_draws: usize,
    /// Bins over the range of a layer of a dense network.
    pub bins: u32,
    /// Variance of the noise that is added to a layer of a dense network, for a largest activation of 1.
    pub noise_variance: f64,
}

impl Default for InformationConfig {
    fn default() -> Self {
        Self { fresh: vec![5, 10], draws: 1, evaluation_draws: 10, bins: 10, noise_variance: 0.1 }
    }
}

/// What is drawn together in the bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cluster {
    /// Models that differ by their seeds only.
    Setting,
    /// Models of one data seed.
    DataSeed,
    /// Each model for itself.
    Model,
}

impl Cluster {
    /// Its name, as in the config.
    pub fn name(self) -> &'static str {
        match self {
            Cluster::Setting => "setting",
            Cluster::DataSeed => "data-seed",
            Cluster::Model => "model",
        }
    }
}

/// `[analysis]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnalysisConfig {
    /// Models whose training accuracy is not above this are left out of the correlations.
    pub min_train_accuracy: f64,
    /// Resamples of the bootstrap.
    pub bootstrap: usize,
    /// Level of its intervals.
    pub level: f64,
    /// What is drawn together.
    pub cluster: Cluster,
    /// Seed of the bootstrap, of the draws of weights and of codes.
    pub seed: u64,
}

impl Default for AnalysisConfig {
    fn default() -> Self {
        Self { min_train_accuracy: 0.85, bootstrap: 1000, level: 0.95, cluster: Cluster::Setting, seed: 0 }
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

    /// Reads and checks TOML text.
    ///
    /// # Errors
    /// As [`ConfigFile::read`].
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// The width of each posterior.
    pub fn spread(&self) -> Spread {
        Spread { scale: self.swag.scale, floor: self.swag.floor }
    }

    /// # Errors
    /// When a value is outside its domain: the message names its key.
    pub fn check(&self) -> Result<()> {
        let Self { name, data, network, training, swag, information, analysis } = self;
        ensure!(!name.trim().is_empty(), "name is empty");
        ensure!(!name.contains(['/', '\\']), "name = {name:?}: it becomes a folder name and cannot hold a slash");
        distinct("data.seeds", &data.seeds)?;
        distinct("data.train", &data.train)?;
        distinct("network.widths", &network.widths)?;
        distinct("network.depths", &network.depths)?;
        distinct("training.seeds", &training.seeds)?;
        distinct("training.weight_decays", &training.weight_decays)?;
        distinct("training.constraint_rates", &training.constraint_rates)?;
        ensure!(data.train.iter().all(|&n| n >= 2), "data.train = {:?}: two samples are needed at least", data.train);
        ensure!(data.test >= 1, "data.test is zero: without test samples there is no gap");
        if data.source == Source::Blobs {
            ensure!(data.classes >= 2, "data.classes = {}: two classes are needed at least", data.classes);
            ensure!(data.features >= 1, "data.features is zero");
            positive("data.std", data.std)?;
            positive("data.half_width", data.half_width)?;
        }
        ensure!(
            network.widths.iter().all(|&w| w >= 2),
            "network.widths = {:?}: the second half of the layers has half as many units, so two are needed at least",
            network.widths
        );
        ensure!(
            network.depths.iter().all(|&d| d >= 1),
            "network.depths = {:?}: one hidden layer at least",
            network.depths
        );
        ensure!(training.batch_size > 0, "training.batch_size is zero");
        positive("training.learning_rate", training.learning_rate)?;
        ensure!(
            (0.0..1.0).contains(&training.momentum),
            "training.momentum = {}: it must lie in [0, 1)",
            training.momentum
        );
        for (key, values) in
            [("weight_decays", &training.weight_decays), ("constraint_rates", &training.constraint_rates)]
        {
            ensure!(
                values.iter().all(|v| *v >= 0.0 && v.is_finite()),
                "training.{key} = {values:?}: none can be negative"
            );
        }
        ensure!(
            network.kind == Kind::Stochastic || training.constraint_rates == [0.0],
            "training.constraint_rates = {:?} belongs to stochastic encoders: write constraint_rates = [0.0] for dense networks",
            training.constraint_rates
        );
        positive("training.constraint_target", training.constraint_target)?;
        ensure!(
            training.constraint_samples >= 2,
            "training.constraint_samples = {}: two at least",
            training.constraint_samples
        );
        ensure!(swag.rank >= 2, "swag.rank = {}: two deviations are needed at least", swag.rank);
        ensure!(
            training.epochs >= swag.start.saturating_add(2),
            "swag.start = {} of training.epochs = {}: weights of two epochs beyond it are needed at least",
            swag.start,
            training.epochs
        );
        ensure!(swag.draws > 0, "swag.draws is zero");
        positive("swag.scale", swag.scale)?;
        positive("swag.floor", swag.floor)?;
        distinct_or_none("information.fresh", &information.fresh)?;
        ensure!(
            !information.fresh.contains(&0),
            "information.fresh = {:?}: zero times as many are none",
            information.fresh
        );
        ensure!(information.draws > 0, "information.draws is zero");
        ensure!(information.evaluation_draws > 0, "information.evaluation_draws is zero");
        ensure!(information.bins > 0, "information.bins is zero");
        positive("information.noise_variance", information.noise_variance)?;
        ensure!(
            (0.0..1.0).contains(&analysis.min_train_accuracy),
            "analysis.min_train_accuracy = {}: it must lie in [0, 1)",
            analysis.min_train_accuracy
        );
        ensure!(analysis.bootstrap >= 100, "analysis.bootstrap = {}: 100 resamples at least", analysis.bootstrap);
        ensure!(
            analysis.level > 0.0 && analysis.level < 1.0,
            "analysis.level = {}: it must lie between 0 and 1",
            analysis.level
        );
        Ok(())
    }
}

fn positive(key: &str, value: f64) -> Result<()> {
    ensure!(value > 0.0 && value.is_finite(), "{key} = {value}: it must be positive");
    Ok(())
}

fn distinct<T: PartialEq + std::fmt::Debug>(key: &str, values: &[T]) -> Result<()> {
    ensure!(!values.is_empty(), "{key} is empty: give one at least");
    distinct_or_none(key, values)
}

fn distinct_or_none<T: PartialEq + std::fmt::Debug>(key: &str, values: &[T]) -> Result<()> {
    let twice = (0..values.len()).any(|i| values[..i].contains(&values[i]));
    ensure!(!twice, "{key} = {values:?}: one is given twice");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_toy_of_the_paper() {
        let c = ConfigFile::parse("").unwrap();
        let models = c.network.widths.len()
            * c.training.weight_decays.len()
            * c.training.constraint_rates.len()
            * c.data.seeds.len()
            * c.training.seeds.len();
        assert_eq!(models, 216);
        assert_eq!(ConfigFile::parse(&toml::to_string(&c).unwrap()).unwrap(), c);
    }

    #[test]
    fn each_rule_speaks_for_itself() {
        let refuse = |text: &str| format!("{:#}", ConfigFile::parse(text).unwrap_err());
        assert!(refuse("data.seeds = []").contains("data.seeds is empty"));
        assert!(refuse("training.seeds = [1, 1]").contains("given twice"));
        assert!(refuse("network.widths = [1]").contains("half as many"));
        assert!(refuse("training.epochs = 201").contains("swag.start = 200"));
        assert!(refuse("network.kind = \"dense\"").contains("constraint_rates = [0.0]"));
        assert!(refuse("network.kind = \"conv\"").contains("stochastic"));
        assert!(refuse("swag.ranks = 3").contains("unknown field `ranks`"));
        assert!(refuse("training.weight_decays = [-1.0]").contains("negative"));
        assert!(refuse("data.std = 0.0").contains("positive"));
        assert!(refuse("analysis.bootstrap = 3").contains("100 resamples"));
    }
}
