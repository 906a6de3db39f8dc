//! The shapes of values, as far as the engine can tell them before anything is run.

use super::guard::guarded;
use super::taps::{Axis, Tap};
use super::{prune, taps::inputs};
use anyhow::{Result, anyhow};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;

/// Adds shapes to taps, and takes those for no layers that are no real numbers or have no samples. What the engine
/// cannot tell stays open: it is tried again when the graph is run.
pub(super) fn add_shapes(model: &ModelProto, taps: &mut [Tap]) {
    let names: Vec<&str> = taps.iter().filter(|t| t.blocked_by.is_none()).map(|t| t.name.as_str()).collect();
    if names.is_empty() {
        return;
    }
    let Ok(facts) = guarded(|| facts(model, &names)) else { return };
    // Samples stand along the first axis of an input; a value with another first axis is no layer.
    let samples: Vec<Axis> = inputs(model).into_iter().filter_map(|i| i.shape?.into_iter().next()).collect();
    let names: Vec<String> = names.into_iter().map(String::from).collect();
    for tap in taps {
        let Some(at) = names.iter().position(|n| *n == tap.name) else { continue };
        let (dtype, shape) = &facts[at];
        let is_real = dtype.is_none_or(|d| d.is_float());
        let has_samples = shape.as_ref().is_none_or(|s| {
            s.len() >= 2 && (samples.is_empty() || matches!(s[0], Axis::Open(_)) || samples.contains(&s[0]))
        });
        tap.is_layer &= is_real && has_samples;
        tap.shape.clone_from(shape);
    }
}

type Fact = (Option<DatumType>, Option<Vec<Axis>>);

fn facts(model: &ModelProto, names: &[&str]) -> Result<Vec<Fact>> {
    let parsed = tract_onnx::onnx().parse(&prune::keep(model, names), None)?;
    let mut graph = parsed.model;
    // Goes on where it cannot go on: what is known then is what is asked for.
    let _ = graph.analyse(true);
    names
        .iter()
        .map(|name| {
            let outlet = parsed.outlets_by_name.get(*name).ok_or_else(|| anyhow!("{name} is lost"))?;
            let fact = graph.outlet_fact(*outlet)?;
            let axes = (!fact.shape.is_open()).then(|| {
                let axis = |d: &tract_onnx::tract_hir::infer::DimFact| match d.concretize() {
                    Some(dim) => dim.to_i64().map_or_else(|_| Axis::Open(dim.to_string()), |n| Axis::Known(n as usize)),
                    None => Axis::Open("?".into()),
                };
                fact.shape.dims().map(axis).collect()
            });
            Ok((fact.datum_type.concretize(), axes))
        })
        .collect()
}
