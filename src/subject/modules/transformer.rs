//! Transformer encoder layers (Vaswani et al. 2017, section 3), with normalisation behind or before.
//!
//! Attention of each head is softmax(Q Kᵀ / √d) V, where d is the head's width; padding gets a score so low that its
//! weight is zero.

use super::assemble::{Assembler, Value, shape_text};
use super::description::{Encoder, EncoderStyle};
use super::function::Function;
use super::graph::ints;
use super::weights::Loaded;
use anyhow::{Result, bail, ensure};

/// What padding's scores are lowered by: a softmax in 32 bits gives it a weight of exactly zero.
const LOWERED: f32 = 1e9;

/// Weight [outputs × inputs] and bias.
pub(super) struct Affine {
    weight: Loaded,
    bias: Option<Loaded>,
}

impl Affine {
    /// How many values it yields.
    pub(super) fn outputs(&self) -> usize {
        self.weight.shape.first().copied().unwrap_or(0)
    }
}

/// Scale and shift of a layer normalisation.
pub(super) struct Norm {
    scale: Loaded,
    shift: Option<Loaded>,
}

/// The four maps of multi-head attention.
pub(super) struct Heads {
    pub(super) query: Affine,
    pub(super) key: Affine,
    pub(super) value: Affine,
    pub(super) output: Affine,
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

/// Under what names a layer's parts are tapped.
pub(super) struct Names {
    /// Heads' values, before their output map.
    pub(super) context: String,
    /// Attention: with the sum and the normalisation behind it, or, where normalisation comes first, with the sum.
    pub(super) attention: String,
    /// Between the two linear layers, behind the function.
    pub(super) middle: String,
    /// The layer.
    pub(super) layer: String,
}

impl Assembler<'_> {
    /// The linear map of this name from `inputs` to `outputs`.
    pub(super) fn affine_of(&self, name: &str, inputs: usize, outputs: usize) -> Result<Affine> {
        let bias = format!("{name}.bias");
        Ok(Affine {
            weight: self.weights.expect(&format!("{name}.weight"), &[outputs, inputs])?,
            bias: self.weights.get(&bias).map(|_| self.weights.expect(&bias, &[outputs])).transpose()?,
        })
    }

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

    /// The maps of `nn.MultiheadAttention`, whose first three are one tensor.
    fn torch_heads(&self, name: &str, units: usize) -> Result<Heads> {
        let weight = self.weights.expect(&format!("{name}.in_proj_weight"), &[3 * units, units])?;
        let bias = format!("{name}.in_proj_bias");
        let bias = self.weights.get(&bias).map(|_| self.weights.expect(&bias, &[3 * units])).transpose()?;
        let third = |at: usize| Affine {
            weight: Loaded {
                key: format!("{}/{at}", weight.key),
                shape: vec![units, units],
                values: weight.values[at * units * units..(at + 1) * units * units].to_vec(),
            },
            bias: bias.as_ref().map(|b| Loaded {
                key: format!("{}/{at}", b.key),
                shape: vec![units],
                values: b.values[at * units..(at + 1) * units].to_vec(),
            }),
        };
        let output = self.affine_of(&format!("{name}.out_proj"), units, units)?;
        Ok(Heads { query: third(0), key: third(1), value: third(2), output })
    }

    /// `x Wᵀ + b` along the last axis of a tensor with more than two axes.
    pub(super) fn affine(&mut self, x: &str, weight: &Loaded, bias: Option<&Loaded>, out: &str) {
        let turned = [weight.shape[1], weight.shape[0]];
        let w = self.graph.weights(&weight.key, &turned, &weight.transposed());
        let Some(bias) = bias else { return self.graph.node("MatMul", &[x, &w], vec![], out) };
        let b = self.graph.weights(&bias.key, &bias.shape, &bias.values);
        let product = format!("{out}/product");
        self.graph.node("MatMul", &[x, &w], vec![], &product);
        self.graph.node("Add", &[&product, &b], vec![], out);
    }

    pub(super) fn map(&mut self, x: &str, map: &Affine, out: &str) {
        self.affine(x, &map.weight, map.bias.as_ref(), out);
    }

    pub(super) fn norm(&mut self, x: &str, norm: &Norm, eps: f32, out: &str) {
        self.normalised(x, &norm.scale, norm.shift.as_ref(), eps, out);
    }

    /// What is added to scores, [batch, 1, 1, sequence]: nothing for a token, very little for padding.
    pub(super) fn lowering(&mut self, mask: &str) -> String {
        let out = "mask/lowering".to_string();
        if !self.lowered {
            let (axes, one, lowered) = (self.graph.wholes(&[1]), self.graph.scalar(1.0), self.graph.scalar(LOWERED));
            self.mask_of_tokens(mask, "mask/tokens");
            let perm = ints("perm", [0, 2, 1]);
            self.graph.node("Transpose", &["mask/tokens"], vec![perm], "mask/turned");
            self.graph.node("Unsqueeze", &["mask/turned", &axes], vec![], "mask/row");
            self.graph.node("Sub", &["mask/row", &one], vec![], "mask/negative");
            self.graph.node("Mul", &["mask/negative", &lowered], vec![], &out);
            self.lowered = true;
        }
        out
    }

    /// Self-attention of `x` [batch, sequence, units]; the heads' values are called `context`.
    fn attend(&mut self, x: &str, parts: &Heads, style: &Style, context: &str, out: &str) -> Result<()> {
        let (units, heads) = (style.units, style.heads);
        let width = units / heads.max(1);
        let lowering = self.mask.map(|mask| self.lowering(mask));
        let part = |n: &str| format!("{context}/{n}");
        let split = self.graph.wholes(&[0, 0, heads as i64, width as i64]);
        let joined = self.graph.wholes(&[0, 0, units as i64]);
        let scale = self.graph.scalar(1.0 / (width as f32).sqrt());
        let three = [
            ("query", &parts.query, [0, 2, 1, 3]),
            ("key", &parts.key, [0, 2, 3, 1]),
            ("value", &parts.value, [0, 2, 1, 3]),
        ];
        for (name, map, perm) in three {
            self.map(x, map, &part(name));
            let (apart, turned) = (part(&format!("{name}-heads")), part(&format!("{name}-turned")));
            self.graph.node("Reshape", &[&part(name), &split], vec![], &apart);
            self.graph.node("Transpose", &[&apart], vec![ints("perm", perm)], &turned);
        }
        let g = &mut self.graph;
        g.node("MatMul", &[&part("query-turned"), &part("key-turned")], vec![], &part("products"));
        g.node("Mul", &[&part("products"), &scale], vec![], &part("scores"));
        let scores = match lowering {
            Some(lowering) => {
                g.node("Add", &[&part("scores"), &lowering], vec![], &part("lowered"));
                part("lowered")
            }
            None => part("scores"),
        };
        g.node("Softmax", &[&scores], vec![super::graph::int("axis", -1)], &part("weights"));
        g.node("MatMul", &[&part("weights"), &part("value-turned")], vec![], &part("mixed"));
        g.node("Transpose", &[&part("mixed")], vec![ints("perm", [0, 2, 1, 3])], &part("back"));
        g.node("Reshape", &[&part("back"), &joined], vec![], context);
        self.map(context, &parts.output, out);
        Ok(())
    }

    /// One layer of `x` [batch, sequence, units].
    pub(super) fn layer(
        &mut self,
        x: &str,
        layer: &Layer,
        style: &Style,
        names: &Names,
        kind: [&'static str; 4],
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
        self.attend(&before, &layer.heads, style, &names.context, &part("attended"))?;
        self.tap(&names.context, kind[0], shape.clone(), None)?;
        let middle_in = match style.norm_first {
            true => {
                self.graph.node("Add", &[x, &part("attended")], vec![], &names.attention);
                self.norm(&names.attention, &layer.norm2, style.eps, &part("norm2"));
                part("norm2")
            }
            false => {
                self.graph.node("Add", &[x, &part("attended")], vec![], &part("sum1"));
                self.norm(&part("sum1"), &layer.norm1, style.eps, &names.attention);
                names.attention.clone()
            }
        };
        self.tap(&names.attention, kind[1], shape.clone(), None)?;
        self.map(&middle_in, &layer.up, &part("up"));
        style.function.apply(&mut self.graph, &part("up"), 3, &names.middle);
        let middle = vec![length, Some(layer.up.outputs())];
        self.tap(&names.middle, kind[2], middle, style.function.lower_saturation())?;
        self.map(&names.middle, &layer.down, &part("down"));
        let sum = if style.norm_first { names.layer.clone() } else { part("sum2") };
        self.graph.node("Add", &[&names.attention, &part("down")], vec![], &sum);
        if !style.norm_first {
            self.norm(&sum, &layer.norm2, style.eps, &names.layer);
        }
        self.tap(&names.layer, kind[3], shape, None)
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
                            context: format!("{layer}.self_attn"),
                            attention: format!("{layer}.attention"),
                            middle: format!("{layer}.linear1"),
                            layer,
                        },
                    )
                }
            };
            let kinds = ["attention-context", "attention", "intermediate", "encoder-layer"];
            x = self.layer(&x.name, &layer, &style, &names, kinds, length)?;
        }
        let last = format!("{name}.norm");
        if encoder.style == EncoderStyle::Torch && self.weights.get(&format!("{last}.weight")).is_some() {
            let norm = self.norm_of(&last, units)?;
            // PyTorch gives the last normalisation an eps of its own, 1e-5 unless it is told otherwise.
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

    pub(super) fn self_attention(&mut self, name: &str, x: &Value, heads: usize) -> Result<Value> {
        let (_, units) = sequence_of(x, heads)?;
        let parts = self.torch_heads(name, units)?;
        let style = Style { units, heads, norm_first: false, function: Function::Identity, eps: 1e-5 };
        let context = format!("{name}.context");
        self.attend(&x.name, &parts, &style, &context, name)?;
        self.tap(&context, "attention-context", x.shape.clone(), None)?;
        self.tap(name, "attention", x.shape.clone(), None)
    }
}

/// Names of the taps of a layer that is called as in BERT.
pub(super) fn bert_names(layer: &str) -> Names {
    Names {
        context: format!("{layer}.attention.self"),
        attention: format!("{layer}.attention"),
        middle: format!("{layer}.intermediate"),
        layer: layer.into(),
    }
}

/// Length and units of a sequence of vectors whose units the heads share evenly.
fn sequence_of(x: &Value, heads: usize) -> Result<(Option<usize>, usize)> {
    let [length, Some(units)] = x.shape[..] else {
        bail!("it takes a sequence of vectors, but gets {}", shape_text(&x.shape));
    };
    ensure!(units > 0 && units % heads.max(1) == 0, "heads = {heads} do not divide the {units} units evenly");
    Ok((length, units))
}
