//! What is trained: presets and their overrides.

use crate::subject::train::Device;
use anyhow::Result;
use narrows_datasets::Machine;
use narrows_dictionaries::codebook::Settings;
use narrows_dictionaries::codebook::metrics::Walks;
use narrows_dictionaries::transformer::{Codebooks, Config, Positions, Recipe, Residual};
use serde::{Deserialize, Serialize};

/// Sizes that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// 30 states of 4 edges, 32 tokens, 3 layers of width 64, 256 codes: minutes on two cores.
    #[default]
    Small,
    /// The paper's: 100 states of 10 edges, 128 tokens, 4 layers of width 128, 1000 codes, 20 000 steps of 512 sequences.
    Full,
}

/// Machine, model and training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// States of the machine.
    pub states: usize,
    /// Out-edges of a state.
    pub edges: usize,
    /// Values of a digit.
    pub base: usize,
    /// Seed of the machine.
    pub machine_seed: u64,
    /// Tokens of a sequence, the start token among them.
    pub length: usize,
    /// Sequences of a step.
    pub batch: usize,
    /// Steps.
    pub steps: u64,
    /// Steps between two rows of the training's table.
    pub every: u64,
    /// Layers.
    pub layers: usize,
    /// Columns of the residual stream.
    pub width: usize,
    /// Heads.
    pub heads: usize,
    /// How places enter.
    pub positions: Positions,
    /// How parts are added.
    pub residual: Residual,
    /// The codebooks.
    pub codebooks: Settings,
    /// Whether heads' outputs have codebooks.
    pub attention: bool,
    /// Whether MLPs' outputs have.
    pub mlp: bool,
    /// Whether codes start at k-means.
    pub k_means: bool,
    /// The training's numbers; its seed is that of weights and sequences.
    pub recipe: Recipe,
    /// End a training early at this transition accuracy.
    pub stop_at: Option<f64>,
    /// Whether a model without codebooks is trained beside it.
    pub plain: bool,
    /// Where tensors are worked on.
    pub device: Device,
}

impl Plan {
    /// A preset's.
    pub fn new(preset: Preset) -> Self {
        let small = Self {
            states: 30,
            edges: 4,
            base: 10,
            machine_seed: 42,
            length: 32,
            batch: 64,
            steps: 1500,
            every: 125,
            layers: 3,
            width: 64,
            heads: 4,
            positions: Positions::Rotary { share: 0.25 },
            residual: Residual::Parallel,
            codebooks: Settings { codes: 256, ..Settings::default() },
            attention: true,
            mlp: true,
            // Few states and few steps: without both, most codes of a layer never fire.
            k_means: true,
            recipe: Recipe { replace_after: 50, ..Recipe::default() },
            stop_at: None,
            plain: true,
            device: Device::default(),
        };
        match preset {
            Preset::Small => small,
            Preset::Full => Self {
                states: 100,
                edges: 10,
                length: 128,
                batch: 512,
                steps: 20_000,
                every: 500,
                layers: 4,
                width: 128,
                codebooks: Settings::default(),
                k_means: false,
                recipe: Recipe::default(),
                ..small
            },
        }
    }

    /// The machine.
    ///
    /// # Errors
    /// When there is none of such numbers.
    pub fn machine(&self) -> Result<Machine> {
        Ok(Machine::random(self.states, self.edges, self.base, self.machine_seed)?)
    }

    /// The machine as the metrics see it.
    ///
    /// # Errors
    /// As [`Plan::machine`].
    pub fn walks(&self) -> Result<Walks> {
        let machine = self.machine()?;
        let walks =
            Walks { transitions: machine.transitions().clone(), base: machine.base(), digits: machine.digits() };
        walks.check()?;
        Ok(walks)
    }

    /// The transformer, with its codebooks or without.
    pub fn config(&self, with_codebooks: bool) -> Config {
        Config {
            vocabulary: self.base + 1,
            length: self.length,
            width: self.width,
            layers: self.layers,
            heads: self.heads,
            hidden: 4 * self.width,
            positions: self.positions,
            residual: self.residual,
            tied: false,
            codebooks: with_codebooks.then(|| Codebooks {
                attention: self.attention,
                mlp: self.mlp,
                settings: self.codebooks.clone(),
            }),
        }
    }

    /// Names of the models that are trained, and whether they have codebooks.
    pub fn models(&self) -> Vec<(&'static str, bool)> {
        if self.plain { vec![("plain", false), ("codebook", true)] } else { vec![("codebook", true)] }
    }

    /// The device that records no gradients.
    pub(super) fn device(&self) -> burn::tensor::Device {
        self.device.autodiff().inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_hold_together() {
        for preset in [Preset::Small, Preset::Full] {
            let plan = Plan::new(preset);
            plan.config(true).check().unwrap();
            assert_eq!(plan.walks().unwrap().states(), plan.states);
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        }
    }
}
