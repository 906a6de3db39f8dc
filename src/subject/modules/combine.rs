//! Modules without space: linear maps, and what joins or reshapes values.

use super::assemble::{Assembler, Value, shape_text};
use super::graph::int;
use anyhow::{Result, bail, ensure};

impl Assembler<'_> {
    pub(super) fn flatten(&mut self, out: &str, x: &Value) -> Result<Value> {
        let length = x.shape.iter().try_fold(1usize, |n, axis| n.checked_mul((*axis)?));
        let Some(length) = length else {
            bail!("the length of {} is not known; take token-mean or token-first", shape_text(&x.shape));
        };
        self.graph.node("Flatten", &[&x.name], vec![int("axis", 1)], out);
        self.tap(out, "flatten", vec![Some(length)], None)
    }

    pub(super) fn linear(&mut self, name: &str, x: &Value, with_bias: bool) -> Result<Value> {
        let weight = self.weights.load(&format!("{name}.weight"))?;
        let [outputs, inputs] = weight.shape[..] else {
            bail!("{name}.weight has the shape {:?}, but [outputs, inputs] is expected", weight.shape);
        };
        ensure!(
            x.shape.last() == Some(&Some(inputs)),
            "it gets {}, but {name}.weight {:?} takes {inputs} inputs ([outputs, inputs])",
            shape_text(&x.shape),
            weight.shape
        );
        let bias = format!("{name}.bias");
        let bias = match with_bias && self.weights.get(&bias).is_some() {
            true => Some(self.weights.expect(&bias, &[outputs])?),
            false => None,
        };
        if x.shape.len() == 1 {
            let w = self.graph.weights(&weight.key, &weight.shape, &weight.values);
            let b = bias.map(|b| self.graph.weights(&b.key, &b.shape, &b.values));
            let inputs: Vec<&str> = [x.name.as_str(), &w].into_iter().chain(b.as_deref()).collect();
            self.graph.node("Gemm", &inputs, vec![int("transB", 1)], name);
        } else {
            self.affine(&x.name, &weight, bias.as_ref(), name);
        }
        let mut shape = x.shape.clone();
        shape.pop();
        shape.push(Some(outputs));
        self.tap(name, "linear", shape, None)
    }

    pub(super) fn add(&mut self, out: &str, kind: &'static str, from: &[Value]) -> Result<Value> {
        let [first, second, rest @ ..] = from else {
            bail!("it adds up several modules' values: name them, from = [\"a\", \"b\"]");
        };
        if let Some(other) = from.iter().find(|v| v.shape != first.shape) {
            let (a, b) = (shape_text(&first.shape), shape_text(&other.shape));
            bail!("it adds {} {a} and {} {b}, whose shapes differ", first.name, other.name);
        }
        let mut sum = first.name.clone();
        for (at, value) in std::iter::once(second).chain(rest).enumerate() {
            let name = if at == rest.len() { out.to_string() } else { format!("{out}/sum{at}") };
            self.graph.node("Add", &[&sum, &value.name], vec![], &name);
            sum = name;
        }
        self.tap(out, kind, first.shape.clone(), None)
    }

    pub(super) fn concat(&mut self, out: &str, from: &[Value], axis: usize) -> Result<Value> {
        let Some(first) = from.first().filter(|_| from.len() > 1) else {
            bail!("it joins several modules' values: name them, from = [\"a\", \"b\"]");
        };
        ensure!(
            axis < first.shape.len(),
            "axis = {axis}, but {} has the axes {} only (counted from 0, without the batch)",
            first.name,
            shape_text(&first.shape)
        );
        let mut length = Some(0usize);
        for value in from {
            let fits = value.shape.len() == first.shape.len()
                && value.shape.iter().zip(&first.shape).enumerate().all(|(at, (a, b))| at == axis || a == b);
            let (a, b) = (shape_text(&first.shape), shape_text(&value.shape));
            ensure!(
                fits,
                "it joins {} {a} and {} {b} along axis {axis}: the other axes differ",
                first.name,
                value.name
            );
            length = length.zip(value.shape[axis]).and_then(|(n, more)| n.checked_add(more));
        }
        ensure!(length.is_some(), "axis {axis} is the sequence's, whose length is not known");
        let names: Vec<&str> = from.iter().map(|v| v.name.as_str()).collect();
        self.graph.node("Concat", &names, vec![int("axis", axis as i64 + 1)], out);
        let mut shape = first.shape.clone();
        shape[axis] = length;
        self.tap(out, "concat", shape, None)
    }
}
