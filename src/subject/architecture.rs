//! What a dense network looks like: sizes, activation, output.

use super::{Activation, Output};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A dense (fully connected) network.
///
/// Written as TOML or JSON:
///
/// ```toml
/// layers = [12, 10, 7, 5, 4, 3, 2]
/// activation = "tanh"
/// output = "softmax"
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Units from the input to the output.
    pub layers: Vec<usize>,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// What the last layer applies.
    #[serde(default)]
    pub output: Output,
    /// Names of the tensors in the checkpoint, weight and bias in turn; guessed from names and shapes when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
}

impl Architecture {
    /// Reads and checks a TOML or JSON file.
    ///
    /// # Errors
    /// When the file cannot be read or parsed, or what it describes is not a network.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the architecture {}", path.display()))?;
        let parsed = if text.trim_start().starts_with('{') {
            serde_json::from_str(&text).map_err(anyhow::Error::from)
        } else {
            toml::from_str(&text).map_err(anyhow::Error::from)
        };
        let expected = "expected a file like\n  layers = [12, 10, 7, 2]\n  activation = \"tanh\"\n  output = \"softmax\"\n(TOML, or the same as JSON)";
        let architecture: Self =
            parsed.with_context(|| format!("{} is not an architecture; {expected}", path.display()))?;
        architecture
            .checked()
            .with_context(|| format!("the architecture {} does not describe a network", path.display()))
    }

    /// The same, if it describes a network.
    ///
    /// # Errors
    /// When there are fewer than two layers, a layer has no units, or the keys do not go in pairs.
    pub fn checked(self) -> Result<Self> {
        ensure!(self.layers.len() >= 2, "layers = {:?}, but an input and an output are needed at least", self.layers);
        if let Some(at) = self.layers.iter().position(|&n| n == 0) {
            bail!("layers = {:?}: entry {} is zero, but every layer has at least one unit", self.layers, at + 1);
        }
        if let Some(keys) = &self.keys {
            let needed = 2 * self.depth();
            ensure!(
                keys.len() == needed,
                "keys has {} names, but {needed} are needed: weight and bias of each of {} layers",
                keys.len(),
                self.depth()
            );
        }
        Ok(self)
    }

    /// Number of layers with weights.
    pub fn depth(&self) -> usize {
        self.layers.len() - 1
    }

    /// Names of the layers after the input: `hidden1`, `hidden2`, …, `output`.
    pub fn layer_names(&self) -> Vec<String> {
        (1..=self.depth()).map(|i| if i == self.depth() { "output".into() } else { format!("hidden{i}") }).collect()
    }

    /// The value at which layer `index` (from 0 after the input) saturates from below.
    pub fn lower_saturation(&self, index: usize) -> Option<f32> {
        if index + 1 == self.depth() { self.output.lower_saturation() } else { self.activation.lower_saturation() }
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.layers.iter().map(ToString::to_string).collect::<Vec<_>>().join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Architecture> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        Architecture::read(&path)
    }

    #[test]
    fn toml_and_json_say_the_same() {
        let t = read("a.toml", "layers = [4, 3, 2]\nactivation = \"leaky-relu\"\n").unwrap();
        let j = read("a.json", r#"{"layers": [4, 3, 2], "activation": "leaky-relu", "output": "softmax"}"#).unwrap();
        assert_eq!(t, j);
        assert_eq!(t.layer_names(), ["hidden1", "output"]);
        assert_eq!(t.to_string(), "4-3-2");
    }

    #[test]
    fn refuses_what_is_not_a_network() {
        let message = |text| format!("{:#}", read("a.toml", text).unwrap_err());
        assert!(message("layers = [4]\nactivation = \"tanh\"").contains("an input and an output"));
        assert!(message("layers = [4, 0, 2]\nactivation = \"tanh\"").contains("entry 2 is zero"));
        assert!(message("layers = [4, 2]\nactivation = \"tan\"").contains("unknown variant `tan`"));
        assert!(message("layers = [4, 2]\nactivation = \"tanh\"\nwidth = 3").contains("unknown field `width`"));
        assert!(message("layers = [4, 2]\nactivation = \"tanh\"\nkeys = [\"a\"]").contains("2 are needed"));
    }
}
