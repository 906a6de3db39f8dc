//! Transformer encoder layers (Vaswani et al. 2017, section 3.1), with normalisation behind each part or before it.

use super::assemble::{Assembler, Value};
use super::attention::{Affine, Heads, sequence_of};
use super::description::{Encoder, EncoderStyle};
use super::function::Function;
use super::weights::Loaded;
use anyhow::{Result, bail, ensure};

/// Scale and shift of a layer normalisation.
pub(super) struct Norm {
    scale: Loaded,
    shift: Option<Loaded>,
}

/// The tensors of a layer.
pub(super) struct Layer {
    pub(super) heads: Heads,
    pub(super) norm1: Norm,
    pub(super) up: Affine,
    pub(super) down: Affine,
    pub(super) norm2: Norm,
}

/// What is the same for all layers.
pub(super) struct Style {
    pub(super) units: usize,
    pub(super) heads: usize,
    pub(super) norm_first: bool,
    pub(super) function: Function,
    pub(super) eps: f32,
}

/// Under what names a layer's parts are tapped; those with a slash are not.
pub(super) struct Names {
    /// Heads' values, before their output map.
    pub(super) context: String,
    /// Behind their output map.
    pub(super) attended: String,
    /// Attention: with the sum and the normalisation behind it, or, where normalisation comes first, with the sum.
    pub(super) attention: String,
    /// Between the two linear layers, before the function.
    pub(super) up: String,
    /// Between the two linear layers, behind the function.
    pub(super) middle: String,
    /// The layer.
    pub(super) layer: String,
}

impl Assembler<'_> {
    /// The normalisation of this name.
    pub(super) fn norm_of(&self, name: &str, units: usize) -> Result<Norm> {
        let (scale, shift) = self.scale_and_shift(name)?;
        let Some(scale) = scale else { bail!("there is no tensor {name}.weight, which a normalisation needs") };
        for tensor in [Some(&scale), shift.as_ref()].into_iter().flatten() {
            let shape = &tensor.shape;
            ensure!(*shape == [units], "{} has the shape {shape:?}, but [{units}] is expected", tensor.key);
        }
        Ok(Norm { scale, shift })
    }

    pub(super) fn norm(&mut self, x: &str, norm: &Norm, eps: f32, out: &str) {
        self.normalised(x, &norm.scale, norm.shift.as_ref(), eps, out);
    }

    /// One layer of `x` [batch, sequence, units].
    pub(super) fn layer(
        &mut self,
        x: &str,
        layer: &Layer,
        style: &Style,
        names: &Names,
        length: Option<usize>,
    ) -> Result<Value> {
        let part = |n: &str| format!("{}/{n}", names.layer);
        let shape = vec![length, Some(style.units)];
        let before = match style.norm_first {
            true => {
                self.norm(x, &layer.norm1, style.eps, &part("norm1"));
                part("norm1")
            }
            false => x.to_string(),
        };
        self.attend(&before, &layer.heads, style.heads, &names.context, &names.attended);
        self.tap(&names.context, "attention-context", shape.clone(), None)?;
        self.tap(&names.attended, "attention", shape.clone(), None)?;
        let middle_in = match style.norm_first {
            true => {
                self.graph.node("Add", &[x, &names.attended], vec![], &names.attention);
                self.norm(&names.attention, &layer.norm2, style.eps, &part("norm2"));
                part("norm2")
            }
            false => {
                self.graph.node("Add", &[x, &names.attended], vec![], &part("sum1"));
                self.norm(&part("sum1"), &layer.norm1, style.eps, &names.attention);
                names.attention.clone()
            }
        };
        self.tap(&names.attention, "attention", shape.clone(), None)?;
        let middle = vec![length, Some(layer.up.outputs())];
        self.map(&middle_in, &layer.up, &names.up);
        self.tap(&names.up, "linear", middle.clone(), None)?;
        style.function.apply(&mut self.graph, &names.up, 3, &names.middle);
        self.tap(&names.middle, style.function.name(), middle, style.function.lower_saturation())?;
        self.map(&names.middle, &layer.down, &part("down"));
        let sum = if style.norm_first { names.layer.clone() } else { part("sum2") };
        self.graph.node("Add", &[&names.attention, &part("down")], vec![], &sum);
        if !style.norm_first {
            self.norm(&sum, &layer.norm2, style.eps, &names.layer);
        }
        self.tap(&names.layer, "encoder-layer", shape, None)
    }

    pub(super) fn encoder(&mut self, name: &str, x: &Value, encoder: &Encoder) -> Result<Value> {
        let (length, units) = sequence_of(x, encoder.heads)?;
        let Encoder { heads, norm_first, function, eps, .. } = *encoder;
        let style = Style { units, heads, norm_first, function, eps };
        let mut x = x.clone();
        for number in 0..encoder.layers {
            let (layer, names) = match encoder.style {
                EncoderStyle::Bert => {
                    let layer = format!("{name}.layer.{number}");
                    (self.bert_layer(&layer, units)?, bert_names(&layer))
                }
                EncoderStyle::Torch => {
                    let layer = format!("{name}.layers.{number}");
                    (
                        self.torch_layer(&layer, units)?,
                        Names {
                            context: format!("{layer}.self_attn.context"),
                            attended: format!("{layer}.self_attn"),
                            attention: format!("{layer}.attention"),
                            up: format!("{layer}.linear1"),
                            middle: format!("{layer}.linear1.{}", function.name()),
                            layer,
                        },
                    )
                }
            };
            x = self.layer(&x.name, &layer, &style, &names, length)?;
        }
        let last = format!("{name}.norm");
        if encoder.style == EncoderStyle::Torch && self.weights.get(&format!("{last}.weight")).is_some() {
            let norm = self.norm_of(&last, units)?;
            // It has an eps of its own in PyTorch, which hardly anybody makes another than the layers'.
            self.norm(&x.name, &norm, eps, name);
            return self.tap(name, "encoder", x.shape, None);
        }
        self.alias(name, "encoder", &x)
    }

    /// The layer of `nn.TransformerEncoder` of this name.
    fn torch_layer(&self, name: &str, units: usize) -> Result<Layer> {
        let heads = self.torch_heads(&format!("{name}.self_attn"), units)?;
        let part = |n: &str| format!("{name}.{n}");
        let middle = self.rows_of(&part("linear1.weight"));
        Ok(Layer {
            heads,
            norm1: self.norm_of(&part("norm1"), units)?,
            up: self.affine_of(&part("linear1"), units, middle)?,
            down: self.affine_of(&part("linear2"), middle, units)?,
            norm2: self.norm_of(&part("norm2"), units)?,
        })
    }

    /// The layer of this name that is called as in BERT.
    pub(super) fn bert_layer(&self, name: &str, units: usize) -> Result<Layer> {
        let part = |n: &str| format!("{name}.{n}");
        let square = |n: &str| self.affine_of(&part(n), units, units);
        let middle = self.rows_of(&part("intermediate.dense.weight"));
        Ok(Layer {
            heads: Heads {
                query: square("attention.self.query")?,
                key: square("attention.self.key")?,
                value: square("attention.self.value")?,
                output: square("attention.output.dense")?,
            },
            norm1: self.norm_of(&part("attention.output.LayerNorm"), units)?,
            up: self.affine_of(&part("intermediate.dense"), units, middle)?,
            down: self.affine_of(&part("output.dense"), middle, units)?,
            norm2: self.norm_of(&part("output.LayerNorm"), units)?,
        })
    }

    fn rows_of(&self, key: &str) -> usize {
        self.weights.get(key).and_then(|t| t.shape.first().copied()).unwrap_or(0)
    }
}

/// Names of the taps of a layer that is called as in BERT.
pub(super) fn bert_names(layer: &str) -> Names {
    Names {
        context: format!("{layer}.attention.self"),
        attended: format!("{layer}/attended"),
        attention: format!("{layer}.attention"),
        up: format!("{layer}/up"),
        middle: format!("{layer}.intermediate"),
        layer: layer.into(),
    }
}
