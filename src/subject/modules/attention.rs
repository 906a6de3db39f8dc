//! Multi-head self-attention (Vaswani et al. 2017, section 3.2) and the linear maps that it is made of.
//!
//! Attention of each head is softmax(Q Kᵀ / √d) V, where d is the head's width; padding gets a score so low that its
//! weight is zero.

use super::assemble::{Assembler, Value, shape_text};
use super::graph::{int, ints};
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

/// The four maps of multi-head attention.
pub(super) struct Heads {
    pub(super) query: Affine,
    pub(super) key: Affine,
    pub(super) value: Affine,
    pub(super) output: Affine,
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

    /// The maps of `nn.MultiheadAttention`, whose first three are one tensor.
    pub(super) fn torch_heads(&self, name: &str, units: usize) -> Result<Heads> {
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
    pub(super) fn attend(&mut self, x: &str, parts: &Heads, heads: usize, context: &str, out: &str) {
        let units = parts.query.outputs();
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
        g.node("Softmax", &[&scores], vec![int("axis", -1)], &part("weights"));
        g.node("MatMul", &[&part("weights"), &part("value-turned")], vec![], &part("mixed"));
        g.node("Transpose", &[&part("mixed")], vec![ints("perm", [0, 2, 1, 3])], &part("back"));
        g.node("Reshape", &[&part("back"), &joined], vec![], context);
        self.map(context, &parts.output, out);
    }

    pub(super) fn self_attention(&mut self, name: &str, x: &Value, heads: usize) -> Result<Value> {
        let (_, units) = sequence_of(x, heads)?;
        let parts = self.torch_heads(name, units)?;
        let context = format!("{name}.context");
        self.attend(&x.name, &parts, heads, &context, name);
        self.tap(&context, "attention-context", x.shape.clone(), None)?;
        self.tap(name, "attention", x.shape.clone(), None)
    }
}

/// Length and units of a sequence of vectors whose units the heads share evenly.
pub(super) fn sequence_of(x: &Value, heads: usize) -> Result<(Option<usize>, usize)> {
    let [length, Some(units)] = x.shape[..] else {
        bail!("it takes a sequence of vectors, but gets {}", shape_text(&x.shape));
    };
    ensure!(units > 0 && units % heads.max(1) == 0, "heads = {heads} do not divide the {units} units evenly");
    Ok((length, units))
}
