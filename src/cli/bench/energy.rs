//! `narrows bench energy`

use crate::cli::output::Output;
use crate::concept::{Model, PlainEmbeddings};
use anyhow::{Context, Result};
use narrows_probes::Known;
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;

/// Time the gradient inference of a joint model, for other programs to be measured on the same
///
/// Descends from zero logits as the model's own settings say (inference-steps and so on), whatever its inference is, and
/// prints samples a second, the steps taken, and the energy at which each sample ended. Benches/energy.py runs it against
/// torch.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: narrows bench energy fit/model.json --embeddings X.npy --json")]
pub(super) struct EnergyArgs {
    /// Folder of a fitted bottleneck that is a joint model
    model: PathBuf,
    /// Embeddings [samples × features], as FILE or FILE:WHICH
    #[arg(long, short, value_name = "FILE")]
    embeddings: String,
}

pub(super) fn run(args: &EnergyArgs, output: Output) -> Result<()> {
    let model = Model::load(&args.model)?;
    let bottleneck = model.bottleneck.as_ref();
    let joint = bottleneck.joint().with_context(|| {
        let builder = bottleneck.builder();
        format!("{builder} has no energies to descend: give a model of a builder that is a joint model, such as energy")
    })?;
    let values = PlainEmbeddings::read(&args.embeddings, bottleneck)?.values;
    let began = Instant::now();
    let trace = joint.energy_trace(values.view(), Known::default())?;
    let seconds = began.elapsed().as_secs_f64();
    let (samples, steps) = (trace.nrows(), trace.ncols().saturating_sub(1));
    let ends: Vec<f64> = trace.columns().into_iter().next_back().map(|c| c.to_vec()).unwrap_or_default();
    let rate = samples as f64 / seconds;
    let lines = [
        format!("samples a second   {rate:.0}"),
        format!("samples, steps     {samples}, at most {steps}"),
        format!("mean energy        {:.9}", ends.iter().sum::<f64>() / ends.len().max(1) as f64),
        format!("seconds            {seconds:.3}"),
    ];
    output.summary(&lines, &json!({ "seconds": seconds, "samples": samples, "steps": steps, "energies": ends }))
}
