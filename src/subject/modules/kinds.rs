//! What the keys of each kind of module mean.

use super::description::{Encoder, EncoderStyle, Kind, Padding, Window};
use super::fields::{Fields, wholes};
use super::function::Function;
use super::read::{Context, MOST_MODULES, Scope, kinds};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

impl Context {
    /// Reads what is particular to a kind.
    pub(super) fn kind(&mut self, kind: &str, f: &mut Fields, inner: &Scope) -> Result<Kind> {
        let eps = |f: &mut Fields, usual: f32| Ok::<_, anyhow::Error>(f.positive("eps")?.unwrap_or(usual));
        Ok(match kind {
            "conv" => Kind::Conv { window: window(f, vec![1])?, bias: f.flag("bias")? },
            "batch-norm" => Kind::BatchNorm { eps: eps(f, 1e-5)? },
            "layer-norm" => Kind::LayerNorm { eps: eps(f, 1e-5)? },
            "group-norm" => Kind::GroupNorm { groups: needed(f.whole("groups", 1)?, f, "groups")?, eps: eps(f, 1e-5)? },
            "linear" => Kind::Linear { bias: f.flag("bias")? },
            "max-pool" | "avg-pool" => {
                let size = needed(f.wholes("size", 1)?, f, "size")?;
                let window = window(f, size.clone())?;
                let average = kind == "avg-pool";
                let ceil = f.flag("ceil")?.unwrap_or(false);
                // PyTorch counts its padding, TensorFlow's SAME does not.
                let usual = window.padding != Padding::Same;
                let count_padding = if average { f.flag("count-padding")?.unwrap_or(usual) } else { false };
                Kind::Pool { average, size, window, ceil, count_padding }
            }
            "global-avg-pool" => Kind::GlobalPool { average: true },
            "global-max-pool" => Kind::GlobalPool { average: false },
            "flatten" => Kind::Flatten,
            "dropout" => {
                // Its rate may stand there, but does nothing.
                f.get("p", "a number", Value::as_f64)?;
                Kind::Dropout
            }
            "embedding" => Kind::Embedding,
            "position-embedding" => Kind::PositionEmbedding,
            "add" => Kind::Add,
            "concat" => Kind::Concat { axis: f.whole("axis", 0)?.unwrap_or(0) },
            "residual" => {
                let modules = needed(f.list("module")?, f, "module")?;
                let shortcut = f.list("shortcut")?.unwrap_or_default();
                let what = format!("{}: module", f.what());
                let modules = self.list(modules, inner, &what)?;
                let what = format!("{}: shortcut", f.what());
                Kind::Residual { modules, shortcut: self.list(shortcut, inner, &what)? }
            }
            "sequence" => {
                let modules = needed(f.list("module")?, f, "module")?;
                let what = format!("{}: module", f.what());
                Kind::Sequence { modules: self.list(modules, inner, &what)? }
            }
            "encoder" => Kind::Encoder(self.encoder(f)?),
            "attention" => Kind::Attention { heads: needed(f.whole("heads", 1)?, f, "heads")? },
            "token-mean" => Kind::TokenMean,
            "token-first" => Kind::TokenFirst,
            other => match Function::of_name(other) {
                Some(function) => Kind::Function(function),
                None => bail!("{}: there is no such kind; the kinds are {}", f.what(), kinds()),
            },
        })
    }

    fn encoder(&mut self, f: &mut Fields) -> Result<Encoder> {
        let style = f.get("style", "\"bert\" or \"torch\"", |v| match v.as_str()? {
            "bert" => Some(EncoderStyle::Bert),
            "torch" => Some(EncoderStyle::Torch),
            _ => None,
        })?;
        let style = style.unwrap_or(EncoderStyle::Torch);
        let usual = match style {
            EncoderStyle::Bert => (Function::Gelu, 1e-12),
            EncoderStyle::Torch => (Function::Relu, 1e-5),
        };
        let layers = needed(f.whole("layers", 1)?, f, "layers")?;
        ensure!(layers <= MOST_MODULES, "{}: layers = {layers}, but at most {MOST_MODULES} are read", f.what());
        self.grow(layers, f.what())?;
        let names = Function::ALL.map(|(name, _)| name).join(", ");
        Ok(Encoder {
            style,
            layers,
            heads: needed(f.whole("heads", 1)?, f, "heads")?,
            norm_first: f.flag("norm-first")?.unwrap_or(false),
            function: f
                .get("function", &format!("one of {names}"), |v| Function::of_name(v.as_str()?))?
                .unwrap_or(usual.0),
            eps: f.positive("eps")?.unwrap_or(usual.1),
        })
    }
}

fn needed<T>(value: Option<T>, f: &Fields, key: &str) -> Result<T> {
    value.with_context(|| format!("{}: {key} is missing", f.what()))
}

fn window(f: &mut Fields, stride: Vec<usize>) -> Result<Window> {
    let padding = f.get("padding", "a whole number, a list with one an axis, or \"same\"", |v| match v.as_str() {
        Some("same") => Some(Padding::Same),
        Some(_) => None,
        None => Some(Padding::Amount(wholes(v, 0)?)),
    })?;
    Ok(Window {
        stride: f.wholes("stride", 1)?.unwrap_or(stride),
        padding: padding.unwrap_or(Padding::Amount(vec![0])),
        dilation: f.wholes("dilation", 1)?.unwrap_or_else(|| vec![1]),
    })
}
