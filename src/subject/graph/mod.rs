//! Networks as graphs of operators: what an ONNX file holds, or what a state dict and its description come to.
//!
//! One engine runs them all. Any value of the graph can be [tapped](Tap); what a tap does not depend on is cut away
//! before the engine sees it, so that an operator that is not known hurts only what comes after it.

mod facts;
mod guard;
mod noise;
mod prune;
mod runner;
mod select;
mod taps;
#[cfg(test)]
mod tests;

pub use noise::NoiseInput;
pub(crate) use runner::fold;
pub use runner::{Feed, Runner};
pub(crate) use select::select;
pub(crate) use taps::shape_text;
pub use taps::{Axis, GraphInput, Tap};

use super::modules::{self, Assembled};
use crate::checkpoint::{CheckpointError, read_onnx};
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use tract_onnx::pb::ModelProto;

/// A network that can be run, and the values that can be taken from it.
pub struct Graph {
    model: ModelProto,
    inputs: Vec<GraphInput>,
    taps: Vec<Tap>,
    unknown: BTreeMap<String, Vec<String>>,
    noise: Vec<NoiseInput>,
}

impl Graph {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// When the file is damaged, or its graph is none that can be run.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        Ok(Self::of(read_onnx(path)?))
    }

    /// The graph of a model that was checked, as [`read_onnx`] does, or that was made here.
    pub fn of(model: ModelProto) -> Self {
        let unknown = taps::unknown_operators(&model);
        let inputs = taps::inputs(&model);
        let mut taps = taps::taps(&model);
        facts::add_shapes(&model, &mut taps);
        Self { model, inputs, taps, unknown, noise: vec![] }
    }

    /// The graph that modules and their weights come to. Only modules can be tapped.
    pub fn of_modules(assembled: Assembled) -> Self {
        let inputs = taps::inputs(&assembled.model);
        let last = assembled.taps.len().saturating_sub(1);
        let of = |(index, tap): (usize, modules::Tap)| {
            let axes = tap.shape.iter().map(|axis| match axis {
                Some(length) => Axis::Known(*length),
                None => Axis::Open("tokens".into()),
            });
            Tap {
                node: String::new(),
                operator: tap.kind.into(),
                shape: Some(std::iter::once(Axis::Open("batch".into())).chain(axes).collect()),
                is_output: index == last,
                is_layer: true,
                blocked_by: None,
                lower_saturation: tap.lower_saturation,
                name: tap.name,
            }
        };
        let taps = assembled.taps.into_iter().enumerate().map(of).collect();
        Self { model: assembled.model, inputs, taps, unknown: BTreeMap::new(), noise: vec![] }
    }

    /// What it must be fed with, in order.
    pub fn inputs(&self) -> &[GraphInput] {
        &self.inputs
    }

    /// Values that can be tapped, in the graph's order.
    pub fn taps(&self) -> &[Tap] {
        &self.taps
    }

    /// Operators that the engine does not know, each with the names of its nodes.
    pub fn unknown_operators(&self) -> &BTreeMap<String, Vec<String>> {
        &self.unknown
    }

    /// Makes every hidden activation noisy, for the layers after it too: what it yields is added to a further input of the
    /// graph, or multiplied with it where noise is `relative`. A runner has those of these inputs that its taps depend on.
    ///
    /// # Errors
    /// When there is no hidden activation, or the file does not say the size of one.
    pub fn add_noise(&mut self, relative: bool) -> Result<()> {
        self.noise = noise::insert(&mut self.model, &self.inputs, &self.taps, relative)?;
        Ok(())
    }

    /// The inputs that [`Graph::add_noise`] put in.
    pub fn noise_inputs(&self) -> &[NoiseInput] {
        &self.noise
    }

    /// Number of nodes of each operator.
    pub fn operators(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for node in self.model.graph.iter().flat_map(|graph| &graph.node) {
            *counts.entry(node.op_type.as_str()).or_insert(0) += 1;
        }
        counts
    }

    /// Places of the taps that patterns ask for, in the graph's order.
    ///
    /// A pattern is a name, a glob over names and the names of nodes, a number from 1, `all`, `all-activations` (what
    /// activation functions yield) or `outputs`. Without patterns: activations and outputs.
    ///
    /// # Errors
    /// When a pattern matches nothing, or what it names depends on an operator that is not known.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<usize>> {
        select(&self.taps, patterns, "the graph")
    }

    /// Prepares the part of the graph that these taps depend on.
    ///
    /// # Errors
    /// When the engine cannot run it: the operator or node is named.
    pub fn runner(&self, taps: &[usize]) -> Result<Runner> {
        ensure!(!taps.is_empty(), "no layers were asked for");
        let names: Vec<&str> = taps.iter().map(|&tap| self.taps[tap].name.as_str()).collect();
        Runner::new(prune::keep(&self.model, &names), &names)
    }
}
