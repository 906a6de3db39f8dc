//! What a network consists of, as its `--arch` file says it.
//!
//! ```toml
//! input = [1, 28, 28]             # shape of one sample: channels, height, width; or input = "tokens"
//! rename = { "net." = "" }        # prefixes of the checkpoint's names, and what they are to be instead
//!
//! [defaults.batch-norm]           # what every module of a kind says unless it says otherwise
//! eps = 1e-3
//!
//! [[module]]                      # modules in order; each takes what the one before it yields
//! kind = "conv"
//! name = "conv1"                  # prefix of its tensors: conv1.weight, conv1.bias
//! padding = 1
//! activation = "relu"
//! ```
//!
//! What a module yields is tapped under its name, as a hook on PyTorch's module of that name would see it. The shorthand
//! `activation` adds a function behind it, whose values are tapped as `conv1.relu`; behind a residual sum the block's
//! own name is for the values after the function, and `….sum` for those before.
//!
//! In a list where no module has a name, modules are named by their places, counted from 0, as `nn.Sequential` names
//! them. In any other list a module without weights may go without a name and is called by its kind (`relu`, `relu2`);
//! a `sequence` or `residual` block without a name adds nothing to the names of its modules and is not tapped. A module
//! with a list of names stands for one module of each name, in order.

use super::function::Function;
use super::read::read_net;
use crate::subject::Architecture;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;

/// Bytes of a description at most.
const MOST_BYTES: u64 = 16 << 20;

/// A description of either form.
#[derive(Debug, Clone, PartialEq)]
pub enum Description {
    /// Sizes of a dense network's layers.
    Dense(Architecture),
    /// Modules.
    Modules(ModuleNet),
}

/// A network of modules.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleNet {
    /// What one sample is.
    pub input: Input,
    /// Prefixes of the checkpoint's names, and what they are to be instead.
    pub rename: Vec<(String, String)>,
    /// The modules in order.
    pub modules: Vec<Module>,
}

/// What one sample is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Numbers of this shape.
    Values(Vec<usize>),
    /// A sequence of token ids, with a mask that tells tokens from padding.
    Tokens,
}

/// A module.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// Its full name; empty for a container that has none.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Full names of the modules whose values it takes; empty for the one before it.
    pub from: Vec<String>,
    /// Function behind it.
    pub activation: Option<Function>,
}

/// What a module does.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Convolution over one or more axes of space; groups are told by the weights' shape.
    Conv {
        /// How the kernel moves.
        window: Window,
        /// Whether there is a bias; whatever the checkpoint has when absent.
        bias: Option<bool>,
    },
    /// Normalisation of each channel by its running mean and variance.
    BatchNorm {
        /// Added to the variance.
        eps: f32,
    },
    /// Normalisation over the last axes, as many as the weights have.
    LayerNorm {
        /// Added to the variance.
        eps: f32,
    },
    /// Normalisation over groups of channels and all of space.
    GroupNorm {
        /// How many groups.
        groups: usize,
        /// Added to the variance.
        eps: f32,
    },
    /// `x Wᵀ + b` along the last axis.
    Linear {
        /// Whether there is a bias; whatever the checkpoint has when absent.
        bias: Option<bool>,
    },
    /// A function without weights.
    Function(Function),
    /// Largest value of, or mean over, each window.
    Pool {
        /// Mean, instead of the largest.
        average: bool,
        /// Lengths of the window, one for all axes of space or one each.
        size: Vec<usize>,
        /// How it moves.
        window: Window,
        /// Whether a last window that reaches beyond the end counts.
        ceil: bool,
        /// Whether padding counts as zeros in a mean.
        count_padding: bool,
    },
    /// Mean, or largest value, over all of space.
    GlobalPool {
        /// Mean, instead of the largest.
        average: bool,
    },
    /// One axis of all.
    Flatten,
    /// Nothing, once trained.
    Dropout,
    /// A row of a table for each token.
    Embedding,
    /// A row of a table for each place in the sequence, added.
    PositionEmbedding,
    /// Sum of several modules' values.
    Add,
    /// Several modules' values one after the other along an axis of the sample, counted from 0.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// Sum of what its modules make of its input and what the shortcut makes of it, which is itself when empty.
    Residual {
        /// The longer way.
        modules: Vec<Module>,
        /// The shorter way.
        shortcut: Vec<Module>,
    },
    /// Modules in order.
    Sequence {
        /// The modules.
        modules: Vec<Module>,
    },
    /// A stack of transformer encoder layers.
    Encoder(Encoder),
    /// Self-attention as in `nn.MultiheadAttention`.
    Attention {
        /// How many heads.
        heads: usize,
    },
    /// Mean over the tokens of a sequence, padding left aside.
    TokenMean,
    /// The first token of a sequence.
    TokenFirst,
}

/// How a kernel moves over space. Lists have one entry for all axes, or one for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Steps.
    pub stride: Vec<usize>,
    /// Zeros around.
    pub padding: Padding,
    /// Distance of the kernel's cells.
    pub dilation: Vec<usize>,
}

/// Zeros around an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Padding {
    /// As many as make the output's length the input's divided by the stride, rounded up; an odd one goes to the end.
    /// TensorFlow's `SAME`.
    Same,
    /// So many on both sides.
    Amount(Vec<usize>),
}

/// A stack of transformer encoder layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoder {
    /// Whose names its tensors have.
    pub style: EncoderStyle,
    /// How many layers.
    pub layers: usize,
    /// How many heads.
    pub heads: usize,
    /// Whether normalisation comes before attention and before the two linear layers, and not behind them.
    pub norm_first: bool,
    /// Function between the two linear layers.
    pub function: Function,
    /// Added to the variances.
    pub eps: f32,
}

/// Whose names a transformer's tensors have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncoderStyle {
    /// `NAME.layer.0.attention.self.query.weight`, …
    Bert,
    /// `NAME.layers.0.self_attn.in_proj_weight`, … of `nn.TransformerEncoder`.
    Torch,
}

impl Kind {
    /// What descriptions call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "conv",
            Self::BatchNorm { .. } => "batch-norm",
            Self::LayerNorm { .. } => "layer-norm",
            Self::GroupNorm { .. } => "group-norm",
            Self::Linear { .. } => "linear",
            Self::Function(function) => function.name(),
            Self::Pool { average: false, .. } => "max-pool",
            Self::Pool { average: true, .. } => "avg-pool",
            Self::GlobalPool { average: true } => "global-avg-pool",
            Self::GlobalPool { average: false } => "global-max-pool",
            Self::Flatten => "flatten",
            Self::Dropout => "dropout",
            Self::Embedding => "embedding",
            Self::PositionEmbedding => "position-embedding",
            Self::Add => "add",
            Self::Concat { .. } => "concat",
            Self::Residual { .. } => "residual",
            Self::Sequence { .. } => "sequence",
            Self::Encoder(_) => "encoder",
            Self::Attention { .. } => "attention",
            Self::TokenMean => "token-mean",
            Self::TokenFirst => "token-first",
        }
    }
}

impl Module {
    /// This module and all within it, in order.
    pub fn all(&self) -> Vec<&Module> {
        let mut all = vec![self];
        let (inner, shortcut) = match &self.kind {
            Kind::Residual { modules, shortcut } => (modules.as_slice(), shortcut.as_slice()),
            Kind::Sequence { modules } => (modules.as_slice(), &[][..]),
            _ => return all,
        };
        all.extend(inner.iter().chain(shortcut).flat_map(Module::all));
        all
    }
}

impl ModuleNet {
    /// All modules, in order.
    pub fn all(&self) -> Vec<&Module> {
        self.modules.iter().flat_map(Module::all).collect()
    }
}

impl Description {
    /// Reads what a checkpoint's metadata say in JSON, in either form.
    ///
    /// # Errors
    /// As [`Description::read`].
    pub fn of_json(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        if value.get("module").is_some() {
            return read_net(value).map(Self::Modules);
        }
        Ok(Self::Dense(serde_json::from_value::<Architecture>(value)?.checked()?))
    }

    /// Reads and checks a TOML or JSON file of either form, told apart by its keys.
    ///
    /// # Errors
    /// When the file cannot be read or parsed, or what it describes is not a network; the message names the module.
    pub fn read(path: &Path) -> Result<Self> {
        let unreadable = || format!("cannot read the architecture {}", path.display());
        let kind = std::fs::metadata(path).with_context(unreadable)?;
        if !kind.is_file() || kind.len() > MOST_BYTES {
            bail!("{}: a TOML or JSON file of at most 16 MiB is expected", unreadable());
        }
        let text = std::fs::read_to_string(path).with_context(unreadable)?;
        let value: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(&text).map_err(anyhow::Error::from)
        } else {
            toml::from_str(&text).map_err(anyhow::Error::from)
        }
        .with_context(|| format!("{} is neither TOML nor JSON", path.display()))?;
        let has = |key: &str| value.get(key).is_some();
        match (has("module"), has("layers")) {
            (true, _) => Ok(Self::Modules(
                read_net(value)
                    .with_context(|| format!("the architecture {} does not describe a network", path.display()))?,
            )),
            (false, true) => Ok(Self::Dense(Architecture::read(path)?)),
            (false, false) => bail!(
                "{} is not an architecture: it has neither `layers`, as in\n  layers = [12, 10, 7, 2]\n  activation = \
                 \"tanh\"\nnor `module`, as in\n  input = [1, 28, 28]\n  [[module]]\n  kind = \"conv\"\n  name = \"conv1\"",
                path.display()
            ),
        }
    }
}
