//! The file that describes a training.

use super::{Convolutions, Device, EngineKind, Initialiser, Schedule};
use crate::run::read_config;
use crate::subject::data::DataOptions;
use crate::subject::{Activation, Architecture, Noise, Output};
use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// `CONFIG.toml` of `narrows train`. Every key has a default but `network.hidden`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// Name of the run, in tables and figures.
    #[serde(default = "default_name")]
    pub name: String,
    /// Seeds; one network is trained for each.
    #[serde(default = "default_seeds")]
    pub seeds: Vec<u64>,
    /// What it is trained on.
    #[serde(default)]
    pub data: DataConfig,
    /// The network.
    pub network: NetworkConfig,
    /// How it is trained.
    #[serde(default)]
    pub training: TrainingConfig,
}

fn default_name() -> String {
    "train".into()
}

fn default_seeds() -> Vec<u64> {
    vec![0]
}

/// `[data]`: a built-in name or files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A built-in data set, or a file: CSV, npy, npz or IDX, also gzipped.
    pub inputs: String,
    /// File of labels, unless they are a column of the inputs.
    pub labels: Option<String>,
    /// Column of a CSV that holds the labels, by name or number from 1.
    #[serde(deserialize_with = "column")]
    pub label_column: Option<String>,
    /// Multiplies every input.
    pub scale: Option<f64>,
    /// Channels, height and width of a sample, for convolutions, where the data do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
    /// Share of the samples that is trained on; the others are the test set.
    pub train_share: f64,
}

/// A column's number may be written as a number.
fn column<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Name(String),
        Number(u64),
    }
    Ok(Option::<Written>::deserialize(deserializer)?.map(|written| match written {
        Written::Name(name) => name,
        Written::Number(number) => number.to_string(),
    }))
}

impl DataConfig {
    /// What it names, to be loaded.
    pub fn options(&self) -> DataOptions {
        DataOptions {
            inputs: Some(self.inputs.clone()),
            labels: self.labels.clone(),
            label_column: self.label_column.clone(),
            scale: self.scale,
        }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { inputs: "digits".into(), labels: None, label_column: None, scale: None, shape: None, train_share: 0.8 }
    }
}

/// `[network]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Channels that the convolutions before the hidden layers yield, each followed by pooling and the activation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub convolutions: Vec<usize>,
    /// Side of the convolutions' kernels; 3 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<usize>,
    /// Side of the windows of the max-pooling; 2 unless given, 1 for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<usize>,
    /// Zeros around the maps that a convolution takes; none unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<usize>,
    /// Whether each map's mean goes to the dense layers, instead of all its values; not unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_pool: Option<bool>,
    /// Units of the hidden dense layers; input and output follow from the data.
    pub hidden: Vec<usize>,
    /// Activation of the hidden layers.
    #[serde(default = "default_activation")]
    pub activation: Activation,
    /// What the last layer applies.
    #[serde(default)]
    pub output: Output,
    /// How the weights start.
    #[serde(default)]
    pub initialiser: Initialiser,
}

impl NetworkConfig {
    fn check_convolutions(&self) -> Result<()> {
        ensure!(
            !self.convolutions.contains(&0),
            "network.convolutions = {:?}: a convolution has at least one channel",
            self.convolutions
        );
        ensure!(
            self.mean_pool.is_none() || !self.convolutions.is_empty(),
            "network.mean_pool belongs to convolutions, and there are none: network.convolutions = [8, 16], say"
        );
        for (key, value, least) in [("kernel", self.kernel, 1), ("pool", self.pool, 1), ("padding", self.padding, 0)] {
            let Some(value) = value else { continue };
            ensure!(
                !self.convolutions.is_empty(),
                "network.{key} belongs to convolutions, and there are none: network.convolutions = [8, 16], say"
            );
            ensure!((least..=1024).contains(&value), "network.{key} = {value}: it must lie between {least} and 1024");
        }
        Ok(())
    }
}

fn default_activation() -> Activation {
    Activation::Tanh
}

/// `[training]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Passes over the training samples.
    pub epochs: u64,
    /// Samples in a minibatch; the last one of an epoch may be smaller.
    pub batch_size: usize,
    /// The optimiser.
    pub optimiser: OptimiserConfig,
    /// L2 penalty λ: λ‖W‖²/2 of every weight matrix is added to the loss, biases excepted.
    pub l2: f64,
    /// Share of hidden units set to zero in each training step.
    pub dropout: f64,
    /// Standard deviation of the Gaussian noise on each hidden activation in training; checkpoints tell of it, and it is
    /// in force when they are traced.
    pub activation_noise: f64,
    /// Whether that noise is in proportion to each activation: x + S·x·n instead of x + S·n.
    pub relative_activation_noise: bool,
    /// η of the annealed gradient noise: variance η/(1+t)^0.55 at step t, after "Adding gradient noise improves
    /// learning for very deep networks" (Neelakantan et al. 2015). Zero for none.
    pub gradient_noise: f64,
    /// The epochs at which checkpoints are saved.
    pub checkpoints: Schedule,
    /// The epochs at which losses, accuracies and gradient statistics are worked out and written to training.csv.
    pub record: Schedule,
    /// What works out the steps.
    pub engine: EngineKind,
    /// burn's device; `--device` goes first.
    pub device: Device,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 200,
            batch_size: 64,
            optimiser: OptimiserConfig::default(),
            l2: 0.0,
            dropout: 0.0,
            activation_noise: 0.0,
            relative_activation_noise: false,
            gradient_noise: 0.0,
            checkpoints: Schedule::default(),
            record: Schedule::Every(1),
            engine: EngineKind::default(),
            device: Device::default(),
        }
    }
}

impl TrainingConfig {
    /// The noise on hidden activations.
    pub fn noise(&self) -> Noise {
        Noise { std: self.activation_noise, relative: self.relative_activation_noise }
    }
}

/// Which optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimiserKind {
    /// Stochastic gradient descent, with momentum if given.
    Sgd,
    /// Adam (Kingma & Ba 2015).
    #[default]
    Adam,
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    AdamW,
}

/// `[training.optimiser]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimiserConfig {
    /// `sgd`, `adam` or `adam-w`.
    #[serde(with = "kind")]
    pub kind: OptimiserKind,
    /// Step size.
    pub learning_rate: f64,
    /// Momentum of SGD.
    pub momentum: f64,
    /// Decoupled weight decay of AdamW.
    pub weight_decay: f64,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self { kind: OptimiserKind::Adam, learning_rate: 1e-3, momentum: 0.0, weight_decay: 0.01 }
    }
}

/// `adamw` is how everybody writes it.
mod kind {
    use super::OptimiserKind;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(kind: &OptimiserKind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match kind {
            OptimiserKind::Sgd => "sgd",
            OptimiserKind::Adam => "adam",
            OptimiserKind::AdamW => "adamw",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OptimiserKind, D::Error> {
        match String::deserialize(deserializer)?.to_ascii_lowercase().as_str() {
            "sgd" => Ok(OptimiserKind::Sgd),
            "adam" => Ok(OptimiserKind::Adam),
            "adamw" | "adam-w" => Ok(OptimiserKind::AdamW),
            other => Err(D::Error::unknown_variant(other, &["sgd", "adam", "adamw"])),
        }
    }
}

/// One training, ready to start: the file's settings for one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// Name of the run.
    pub run: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Its convolutional blocks, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convolutions: Option<Convolutions>,
    /// The network; where there are convolutions, the dense layers behind them.
    pub architecture: Architecture,
    /// How the weights start.
    pub initialiser: Initialiser,
    /// How it is trained.
    pub training: TrainingConfig,
}

impl TrainConfig {
    /// An error when the loss after `epoch` is no number.
    pub(super) fn ensure_finite(&self, loss: f64, epoch: u64) -> Result<()> {
        ensure!(
            loss.is_finite(),
            "run {}: the loss is {loss} after epoch {epoch}: the training has diverged; lower training.optimiser.learning_rate",
            self.run
        );
        Ok(())
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

    /// Checks every value.
    ///
    /// # Errors
    /// When one is outside its domain; the message names its key.
    pub fn check(&self) -> Result<()> {
        let (config, t) = (self, &self.training);
        ensure!(!config.name.trim().is_empty(), "name is empty");
        ensure!(
            !config.name.contains(['/', '\\']),
            "name = {:?}: it becomes a folder name and cannot hold a slash",
            config.name
        );
        ensure!(!config.seeds.is_empty(), "seeds is empty: give at least one, for example seeds = [0]");
        let mut sorted = config.seeds.clone();
        sorted.sort_unstable();
        ensure!(sorted.windows(2).all(|w| w[0] != w[1]), "seeds = {:?}: a seed is given twice", config.seeds);
        ensure!(
            !config.network.hidden.contains(&0),
            "network.hidden = {:?}: a layer has at least one unit",
            config.network.hidden
        );
        config.network.check_convolutions()?;
        ensure!(
            config.data.train_share > 0.0 && config.data.train_share < 1.0,
            "data.train_share = {}: it must lie between 0 and 1, so that there is a test set",
            config.data.train_share
        );
        ensure!(t.epochs > 0, "training.epochs is zero");
        ensure!(t.batch_size > 0, "training.batch_size is zero");
        for (name, schedule) in [("checkpoints", &t.checkpoints), ("record", &t.record)] {
            if let Schedule::Epochs(epochs) = schedule
                && let Some(beyond) = epochs.iter().find(|&&e| e > t.epochs)
            {
                bail!("training.{name} asks for epoch {beyond}, but training.epochs is {}", t.epochs);
            }
        }
        ensure!(
            t.optimiser.learning_rate > 0.0 && t.optimiser.learning_rate.is_finite(),
            "training.optimiser.learning_rate = {}: it must be positive",
            t.optimiser.learning_rate
        );
        ensure!(
            (0.0..1.0).contains(&t.optimiser.momentum),
            "training.optimiser.momentum = {}: it must lie in [0, 1)",
            t.optimiser.momentum
        );
        ensure!(
            t.optimiser.momentum == 0.0 || t.optimiser.kind == OptimiserKind::Sgd,
            "training.optimiser.momentum belongs to sgd; adam and adamw have their own"
        );
        ensure!((0.0..1.0).contains(&t.dropout), "training.dropout = {}: it must lie in [0, 1)", t.dropout);
        for (name, value) in [
            ("l2", t.l2),
            ("activation_noise", t.activation_noise),
            ("gradient_noise", t.gradient_noise),
            ("optimiser.weight_decay", t.optimiser.weight_decay),
        ] {
            ensure!(value >= 0.0 && value.is_finite(), "training.{name} = {value}: it cannot be negative");
        }
        Ok(())
    }

    /// The settings for one seed, for data of this many features and classes, without convolutions: see
    /// [`ConfigFile::training`].
    pub fn for_seed(&self, seed: u64, n_features: usize, n_classes: usize) -> TrainConfig {
        let layers =
            std::iter::once(n_features).chain(self.network.hidden.iter().copied()).chain([n_classes]).collect();
        TrainConfig {
            run: if self.seeds.len() > 1 { format!("{}-seed{seed}", self.name) } else { self.name.clone() },
            seed,
            convolutions: None,
            architecture: Architecture {
                layers,
                activation: self.network.activation,
                output: self.network.output,
                keys: None,
            },
            initialiser: self.network.initialiser,
            training: self.training.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_file_gets_defaults() {
        let c = ConfigFile::parse("network.hidden = [10, 5]").unwrap();
        assert_eq!((c.seeds.as_slice(), c.training.epochs, c.data.inputs.as_str()), ([0].as_slice(), 200, "digits"));
        assert_eq!(c.for_seed(0, 64, 10).architecture.layers, [64, 10, 5, 10]);
    }

    #[test]
    fn a_column_may_be_a_number() {
        let c = ConfigFile::parse("network.hidden = [3]\ndata.label_column = 5").unwrap();
        assert_eq!(c.data.label_column.as_deref(), Some("5"));
    }

    #[test]
    fn the_effective_config_reads_back() {
        let c = ConfigFile::parse("seeds = [1, 2]\nnetwork.hidden = [3]\n[training]\ncheckpoints = \"every 5\"\noptimiser = { kind = \"adamw\" }").unwrap();
        assert_eq!(ConfigFile::parse(&toml::to_string(&c).unwrap()).unwrap(), c);
        assert_eq!(c.for_seed(2, 4, 2).run, "train-seed2");
    }

    #[test]
    fn each_rule_speaks_for_itself() {
        let refuse =
            |text: &str| format!("{:#}", ConfigFile::parse(&format!("network.hidden = [3]\n{text}")).unwrap_err());
        assert!(refuse("training.epochs = 0").contains("epochs is zero"));
        assert!(refuse("data.train_share = 1.0").contains("test set"));
        assert!(refuse("seeds = [1, 1]").contains("twice"));
        assert!(refuse("training.optimiser.momentum = 0.9").contains("belongs to sgd"));
        assert!(refuse("training.optimiser.kind = \"adagrad\"").contains("sgd"));
        assert!(refuse("training.epoch = 3").contains("unknown field `epoch`"));
        assert!(refuse("training.dropout = 1.0").contains("[0, 1)"));
        assert!(refuse("name = \"a/b\"").contains("slash"));
        assert!(refuse("network.kernel = 5").contains("belongs to convolutions"));
        assert!(refuse("network.convolutions = [8, 0]").contains("at least one channel"));
        assert!(refuse("network.convolutions = [8]\nnetwork.pool = 0").contains("network.pool = 0"));
        assert!(refuse("training = { epochs = 5, checkpoints = [2, 50] }").contains("checkpoints asks for epoch 50"));
        assert!(refuse("training = { epochs = 5, record = [7] }").contains("record asks for epoch 7"));
        assert!(refuse("training.engine = \"fast\"").contains("fused"));
    }
}
