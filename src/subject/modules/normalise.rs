//! Normalisations.

use super::assemble::{Assembler, Value, shape_text};
use super::graph::{float, int, ints};
use super::weights::Loaded;
use anyhow::{Context, Result, bail, ensure};

impl Assembler<'_> {
    /// Weight and bias of a normalisation, which older checkpoints call gamma and beta.
    pub(super) fn scale_and_shift(&self, name: &str) -> Result<(Option<Loaded>, Option<Loaded>)> {
        let one = |ending: &str, old: &str| -> Result<Option<Loaded>> {
            let names = [format!("{name}.{ending}"), format!("{name}.{old}")];
            self.weights.first(&names).map(|key| self.weights.load(key)).transpose()
        };
        Ok((one("weight", "gamma")?, one("bias", "beta")?))
    }

    /// Those of `channels`, ones and zeros where there are none.
    fn per_channel(&self, name: &str, channels: usize) -> Result<(Loaded, Loaded)> {
        let (scale, shift) = self.scale_and_shift(name)?;
        let or = |found: Option<Loaded>, ending: &str, value: f32| -> Result<Loaded> {
            let loaded = found.unwrap_or_else(|| Loaded {
                key: format!("{name}.{ending}"),
                shape: vec![channels],
                values: vec![value; channels],
            });
            fits(&loaded, channels)?;
            Ok(loaded)
        };
        Ok((or(scale, "weight", 1.0)?, or(shift, "bias", 0.0)?))
    }

    pub(super) fn batch_norm(&mut self, name: &str, x: &Value, eps: f32) -> Result<Value> {
        let channels = channels_of(x)?;
        let (scale, shift) = self.per_channel(name, channels)?;
        let mean = self.weights.load(&format!("{name}.running_mean"))?;
        let variance = self.weights.load(&format!("{name}.running_var"))?;
        fits(&mean, channels)?;
        fits(&variance, channels)?;
        if let Some(least) = variance.values.iter().find(|v| **v < 0.0) {
            bail!("{} holds {least}, but a variance is not below zero", variance.key);
        }
        let [scale, shift, mean, variance] =
            [scale, shift, mean, variance].map(|t| self.graph.weights(&t.key, &t.shape, &t.values));
        let inputs = [x.name.as_str(), &scale, &shift, &mean, &variance];
        self.graph.node("BatchNormalization", &inputs, vec![float("epsilon", eps)], name);
        self.tap(name, "batch-norm", x.shape.clone(), None)
    }

    pub(super) fn layer_norm(&mut self, name: &str, x: &Value, eps: f32) -> Result<Value> {
        let (scale, shift) = self.scale_and_shift(name)?;
        let scale = scale.with_context(|| format!("there is no tensor {name}.weight"))?;
        let axes = scale.shape.len();
        let last = x.shape.len().checked_sub(axes).map(|at| &x.shape[at..]);
        let fits = axes > 0 && last.is_some_and(|last| last.iter().zip(&scale.shape).all(|(a, b)| *a == Some(*b)));
        ensure!(
            fits,
            "it gets {}, but {} has the shape {:?}, which must be that of the last axes",
            shape_text(&x.shape),
            scale.key,
            scale.shape
        );
        if let Some(shift) = &shift {
            let (a, b) = (&shift.shape, &scale.shape);
            ensure!(a == b, "{} has the shape {a:?}, but {} {b:?}; they must be the same", shift.key, scale.key);
        }
        self.normalised(&x.name, &scale, shift.as_ref(), eps, name);
        self.tap(name, "layer-norm", x.shape.clone(), None)
    }

    /// A layer normalisation whose tensors are known to fit.
    pub(super) fn normalised(&mut self, x: &str, scale: &Loaded, shift: Option<&Loaded>, eps: f32, out: &str) {
        let w = self.graph.weights(&scale.key, &scale.shape, &scale.values);
        let b = shift.map(|b| self.graph.weights(&b.key, &b.shape, &b.values));
        let inputs: Vec<&str> = [x, &w].into_iter().chain(b.as_deref()).collect();
        let axis = -(scale.shape.len() as i64);
        self.graph.node("LayerNormalization", &inputs, vec![int("axis", axis), float("epsilon", eps)], out);
    }

    pub(super) fn group_norm(&mut self, name: &str, x: &Value, groups: usize, eps: f32) -> Result<Value> {
        let channels = channels_of(x)?;
        let known = x.shape.iter().copied().collect::<Option<Vec<usize>>>();
        let lengths = known.with_context(|| format!("the length of {} is not known", shape_text(&x.shape)))?;
        ensure!(channels % groups == 0, "groups = {groups} do not divide the {channels} channels evenly");
        let (scale, shift) = self.per_channel(name, channels)?;
        let part = |n: &str| format!("{name}/{n}");
        let g = &mut self.graph;
        let count = (lengths.iter().product::<usize>() / groups) as i64;
        let to_groups = g.wholes(&[0, groups as i64, count]);
        let back: Vec<i64> = std::iter::once(0).chain(lengths.iter().map(|&n| n as i64)).collect();
        let back = g.wholes(&back);
        let eps = g.scalar(eps);
        let mean = || vec![ints("axes", [2]), int("keepdims", 1)];
        g.node("Reshape", &[&x.name, &to_groups], vec![], &part("groups"));
        g.node("ReduceMean", &[&part("groups")], mean(), &part("mean"));
        g.node("Sub", &[&part("groups"), &part("mean")], vec![], &part("centred"));
        g.node("Mul", &[&part("centred"), &part("centred")], vec![], &part("squares"));
        g.node("ReduceMean", &[&part("squares")], mean(), &part("variance"));
        g.node("Add", &[&part("variance"), &eps], vec![], &part("sum"));
        g.node("Sqrt", &[&part("sum")], vec![], &part("deviation"));
        g.node("Div", &[&part("centred"), &part("deviation")], vec![], &part("quotient"));
        g.node("Reshape", &[&part("quotient"), &back], vec![], &part("channels"));
        let mut shape = vec![1; lengths.len()];
        shape[0] = channels;
        let scale = g.weights(&scale.key, &shape, &scale.values);
        let shift = g.weights(&shift.key, &shape, &shift.values);
        g.node("Mul", &[&part("channels"), &scale], vec![], &part("scaled"));
        g.node("Add", &[&part("scaled"), &shift], vec![], name);
        self.tap(name, "group-norm", x.shape.clone(), None)
    }
}

fn channels_of(x: &Value) -> Result<usize> {
    let first = x.shape.first().copied().flatten();
    first.with_context(|| format!("it takes [channels, …], but gets {}", shape_text(&x.shape)))
}

fn fits(loaded: &Loaded, channels: usize) -> Result<()> {
    ensure!(
        loaded.shape == [channels],
        "it gets {channels} channels, but {} has the shape {:?}",
        loaded.key,
        loaded.shape
    );
    Ok(())
}
