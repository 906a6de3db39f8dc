//! Sequences: tables of tokens and places, and what makes one vector of many.

use super::assemble::{Assembler, Value, shape_text};
use super::graph::{int, ints};
use super::weights::Loaded;
use anyhow::{Context, Result, bail, ensure};

impl Assembler<'_> {
    pub(super) fn embedding(&mut self, name: &str, x: &Value) -> Result<Value> {
        ensure!(
            x.tokens,
            "it takes token ids, but gets numbers of the shape {}; say input = \"tokens\"",
            shape_text(&x.shape)
        );
        let table = self.weights.load(&format!("{name}.weight"))?;
        let [rows, units] = table.shape[..] else {
            bail!("{} has the shape {:?}, but [tokens, units] is expected", table.key, table.shape);
        };
        self.look_up(&x.name, &table, name);
        self.vocabulary = Some(self.vocabulary.map_or(rows, |n| n.min(rows)));
        self.tap(name, "embedding", vec![None, Some(units)], None)
    }

    /// Rows of a table for token ids.
    pub(super) fn look_up(&mut self, ids: &str, table: &Loaded, out: &str) {
        let w = self.graph.weights(&table.key, &table.shape, &table.values);
        self.graph.node("Gather", &[&w, ids], vec![int("axis", 0)], out);
    }

    pub(super) fn position_embedding(&mut self, name: &str, x: &Value) -> Result<Value> {
        let names = [format!("{name}.weight"), name.to_string()];
        let key = self.weights.first(&names).with_context(|| format!("there is no tensor {name}.weight"))?;
        let mut table = self.weights.load(key)?;
        // A bare parameter often has the batch's axis.
        if table.shape.len() == 3 && table.shape[0] == 1 {
            table.shape.remove(0);
        }
        let [rows, units] = table.shape[..] else {
            bail!("{} has the shape {:?}, but [places, units] is expected", table.key, table.shape);
        };
        let [length, Some(width)] = x.shape[..] else {
            bail!("it takes a sequence of vectors, but gets {}", shape_text(&x.shape));
        };
        ensure!(width == units, "it gets {}, but {} has {units} units", shape_text(&x.shape), table.key);
        let rows_used = match length {
            Some(length) => {
                ensure!(length <= rows, "it gets {length} places, but {} has {rows} only", table.key);
                table.values.truncate(length * units);
                table.shape[0] = length;
                self.graph.weights(&table.key, &table.shape, &table.values)
            }
            None => {
                let rows_used = format!("{name}/rows");
                self.first_rows(&x.name, &table, &rows_used);
                rows_used
            }
        };
        self.graph.node("Add", &[&x.name, &rows_used], vec![], name);
        self.tap(name, "position-embedding", x.shape.clone(), None)
    }

    /// As many of a table's first rows as the sequence `of` ([batch, sequence, …]) is long.
    pub(super) fn first_rows(&mut self, of: &str, table: &Loaded, out: &str) {
        let rows = table.shape.first().copied().unwrap_or(0);
        self.longest = Some(self.longest.map_or(rows, |n| n.min(rows)));
        let w = self.graph.weights(&table.key, &table.shape, &table.values);
        let (begin, axis) = (self.graph.wholes(&[0]), self.graph.wholes(&[0]));
        let length = format!("{out}/length");
        self.graph.node("Shape", &[of], vec![int("start", 1), int("end", 2)], &length);
        self.graph.node("Slice", &[&w, &begin, &length, &axis], vec![], out);
    }

    /// The mask as numbers, [batch, sequence, 1]: one for a token, zero for padding.
    pub(super) fn mask_of_tokens(&mut self, mask: &str, out: &str) {
        let axis = self.graph.wholes(&[2]);
        let numbers = format!("{out}/numbers");
        // 1 is the number of 32-bit floats among ONNX's types.
        self.graph.node("Cast", &[mask], vec![int("to", 1)], &numbers);
        self.graph.node("Unsqueeze", &[&numbers, &axis], vec![], out);
    }

    pub(super) fn token_mean(&mut self, out: &str, x: &Value) -> Result<Value> {
        let units = units(x)?;
        match (x.shape[0], self.mask) {
            (None, Some(mask)) => self.masked_mean(&x.name, mask, out),
            _ => self.graph.node("ReduceMean", &[&x.name], vec![ints("axes", [1]), int("keepdims", 0)], out),
        }
        self.tap(out, "token-mean", vec![Some(units)], None)
    }

    /// Mean of `x` [batch, sequence, units] over the tokens that the mask does not leave aside.
    pub(super) fn masked_mean(&mut self, x: &str, mask: &str, out: &str) {
        let part = |n: &str| format!("{out}/{n}");
        self.mask_of_tokens(mask, &part("mask"));
        let (axis, least) = (self.graph.wholes(&[1]), self.graph.scalar(1e-9));
        let g = &mut self.graph;
        g.node("Mul", &[x, &part("mask")], vec![], &part("tokens"));
        g.node("ReduceSum", &[&part("tokens"), &axis], vec![int("keepdims", 0)], &part("sum"));
        g.node("ReduceSum", &[&part("mask"), &axis], vec![int("keepdims", 0)], &part("count"));
        g.node("Clip", &[&part("count"), &least], vec![], &part("divisor"));
        g.node("Div", &[&part("sum"), &part("divisor")], vec![], out);
    }

    pub(super) fn token_first(&mut self, out: &str, x: &Value) -> Result<Value> {
        let units = units(x)?;
        self.first_token(&x.name, out);
        self.tap(out, "token-first", vec![Some(units)], None)
    }

    /// The first token of `x` [batch, sequence, units].
    pub(super) fn first_token(&mut self, x: &str, out: &str) {
        let zero = self.graph.index(0);
        self.graph.node("Gather", &[x, &zero], vec![int("axis", 1)], out);
    }
}

fn units(x: &Value) -> Result<usize> {
    match x.shape[..] {
        [_, Some(units)] => Ok(units),
        _ => bail!("it takes a sequence of vectors, but gets {}", shape_text(&x.shape)),
    }
}
