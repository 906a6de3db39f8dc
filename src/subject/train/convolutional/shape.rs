//! What a convolutional network looks like, and how its checkpoints describe it.

use crate::subject::Architecture;
use crate::subject::train::initialise::LayerSize;
use crate::subject::train::{ConfigFile, EngineKind, TrainConfig};
use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The convolutional blocks before a dense network, and the shape of what they take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Convolutions {
    /// Channels, height and width of a sample.
    pub input: [usize; 3],
    /// Channels that each block yields.
    pub channels: Vec<usize>,
    /// Side of the kernels, which move by one.
    pub kernel: usize,
    /// Side of the windows of the max-pooling, which move by as much; 1 for none.
    pub pool: usize,
    /// Zeros on each side.
    pub padding: usize,
    /// Whether the dense layers take the mean of each map, instead of all its values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mean_pool: bool,
}

impl Convolutions {
    /// Channels, height and width after each block.
    ///
    /// # Errors
    /// When a map becomes smaller than a kernel or a pooling window.
    pub fn maps(&self) -> Result<Vec<[usize; 3]>> {
        let mut maps = Vec::with_capacity(self.channels.len());
        let [_, mut height, mut width] = self.input;
        for (block, &next) in self.channels.iter().enumerate() {
            let padded = [height + 2 * self.padding, width + 2 * self.padding];
            let after = padded.map(|side| (side + 1).saturating_sub(self.kernel) / self.pool.max(1));
            ensure!(
                after.iter().all(|&side| side > 0),
                "network.convolutions: block {} takes maps of {height} × {width}, which leaves nothing behind kernels of {} × {} \
                 (padding {}) and pooling by {}: use fewer blocks, network.padding = {}, or network.pool = 1",
                block + 1,
                self.kernel,
                self.kernel,
                self.padding,
                self.pool,
                self.kernel / 2
            );
            [height, width] = after;
            maps.push([next, height, width]);
        }
        Ok(maps)
    }

    /// Values that the dense layers take.
    ///
    /// # Errors
    /// As [`Convolutions::maps`].
    pub fn flattened(&self) -> Result<usize> {
        let maps = self.maps()?;
        let last = maps.last().unwrap_or(&self.input);
        Ok(if self.mean_pool { last[0] } else { last.iter().product() })
    }

    /// Sizes of all layers' matrices, those of the dense layers of `head` behind those of the blocks.
    pub(super) fn sizes(&self, head: &Architecture) -> Vec<LayerSize> {
        let area = self.kernel * self.kernel;
        let before = std::iter::once(&self.input[0]).chain(&self.channels);
        let blocks = before.zip(&self.channels).map(|(&from, &to)| LayerSize {
            inputs: from * area,
            outputs: to,
            fan_out: to * area,
        });
        blocks.chain(LayerSize::of(&head.layers)).collect()
    }

    /// Prefixes of the tensors: `conv1`, `conv2`, …, `fc1`, `fc2`, ….
    pub(super) fn prefixes(&self, head: &Architecture) -> Vec<String> {
        let blocks = (1..=self.channels.len()).map(|i| format!("conv{i}"));
        blocks.chain((1..=head.depth()).map(|i| format!("fc{i}"))).collect()
    }

    /// Names of the layers: `hidden1`, …, `output`, as in dense networks.
    pub(super) fn layer_names(&self, head: &Architecture) -> Vec<String> {
        let hidden = self.channels.len() + head.depth() - 1;
        (1..=hidden).map(|i| format!("hidden{i}")).chain(["output".into()]).collect()
    }

    /// The network in the form that `--arch` takes. What an activation function yields is called as in dense networks.
    pub fn description(&self, head: &Architecture) -> Value {
        let function = json!(head.activation);
        let mut modules = vec![];
        let mut hidden = 0;
        let mut activate = |modules: &mut Vec<Value>| {
            hidden += 1;
            modules.push(json!({ "kind": function, "name": format!("hidden{hidden}") }));
        };
        for block in 1..=self.channels.len() {
            modules.push(json!({ "kind": "conv", "name": format!("conv{block}"), "padding": self.padding }));
            if self.pool > 1 {
                modules.push(json!({ "kind": "max-pool", "name": format!("pool{block}"), "size": self.pool }));
            }
            activate(&mut modules);
        }
        modules.push(match self.mean_pool {
            true => json!({ "kind": "global-avg-pool", "name": "pooled" }),
            false => json!({ "kind": "flatten", "name": "flat" }),
        });
        for layer in 1..=head.depth() {
            modules.push(json!({ "kind": "linear", "name": format!("fc{layer}") }));
            if layer < head.depth() {
                activate(&mut modules);
            }
        }
        modules.push(json!({ "kind": head.output, "name": "output" }));
        json!({ "input": self.input, "module": modules })
    }
}

impl ConfigFile {
    /// The settings for one seed, for samples of this shape and so many classes.
    ///
    /// # Errors
    /// When there are convolutions, and the samples are no images or too small for them.
    pub fn training(&self, seed: u64, sample: &[usize], n_classes: usize) -> Result<TrainConfig> {
        let Some(convolutions) = self.convolutions(sample)? else {
            return Ok(self.for_seed(seed, sample.iter().product(), n_classes));
        };
        let head = self.for_seed(seed, convolutions.flattened()?, n_classes);
        Ok(TrainConfig { convolutions: Some(convolutions), ..head })
    }

    fn convolutions(&self, sample: &[usize]) -> Result<Option<Convolutions>> {
        let network = &self.network;
        if network.convolutions.is_empty() {
            return Ok(None);
        }
        ensure!(
            self.training.engine != EngineKind::Fused,
            "training.engine = \"fused\" works for dense networks, and this one has convolutions: leave it out"
        );
        let how = "say what they are by data.shape = [channels, height, width]";
        let input = match (self.data.shape.as_deref(), sample) {
            (Some(&[channels, height, width]), _) => [channels, height, width],
            (Some(given), _) => bail!("data.shape = {given:?}, but [channels, height, width] is expected"),
            (None, &[height, width]) => [1, height, width],
            (None, &[first, _, last]) if matches!(last, 1 | 3) && !matches!(first, 1 | 3) => bail!(
                "the samples have the shape {sample:?}, so their channels seem to stand last: bring them first, or {how}"
            ),
            (None, &[channels, height, width]) => [channels, height, width],
            (None, _) => bail!("network.convolutions takes images, but the samples have the shape {sample:?}: {how}"),
        };
        let (asked, found): (usize, usize) = (input.iter().product(), sample.iter().product());
        ensure!(
            asked == found,
            "data.shape = {input:?} has {asked} values, but the samples have {found} (shape {sample:?})"
        );
        let convolutions = Convolutions {
            input,
            channels: network.convolutions.clone(),
            kernel: network.kernel.unwrap_or(3),
            pool: network.pool.unwrap_or(2),
            padding: network.padding.unwrap_or(0),
            mean_pool: network.mean_pool.unwrap_or(false),
        };
        convolutions.maps()?;
        Ok(Some(convolutions))
    }
}
