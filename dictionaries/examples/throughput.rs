//! Times training steps of one dictionary on random activations: `throughput SPECIFICATION INPUTS WIDTH BATCH STEPS`.
//!
//! Prints one line of JSON. With a folder as a sixth argument, the batches and the start weights are written there as
//! little-endian f32, and the losses are part of the line, so that another program can take the same steps.

use narrows_dictionaries::train::{Plan, Recipe, Trainer};
use ndarray::Array2;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::time::Instant;

/// Different batches, which are gone through again and again.
const BATCHES: usize = 8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [specification, inputs, width, batch, steps, rest @ ..] = arguments.as_slice() else {
        return Err("usage: throughput SPECIFICATION INPUTS WIDTH BATCH STEPS [FOLDER]".into());
    };
    let (inputs, width): (usize, usize) = (inputs.parse()?, width.parse()?);
    let (batch, steps): (usize, u64) = (batch.parse()?, steps.parse()?);
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    let batches: Vec<Array2<f32>> = (0..BATCHES)
        .map(|_| Array2::from_shape_simple_fn((batch, inputs), || generator.random_range(-1.0..1.0)))
        .collect();
    let recipe = Recipe { name: "timed".into(), specification: specification.clone(), width, seed: 1 };
    let mut trainer = Trainer::new(vec![recipe], Plan { steps, batch }, batches[0].view())?;
    if let Some(folder) = rest.first() {
        let bytes = |values: &mut dyn Iterator<Item = f32>| values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
        std::fs::write(format!("{folder}/batches"), bytes(&mut batches.iter().flatten().copied()))?;
        let start = trainer.dictionary(0)?;
        std::fs::write(format!("{folder}/decoder"), bytes(&mut start.decoder.iter().copied()))?;
        std::fs::write(format!("{folder}/bias"), bytes(&mut start.bias.iter().copied()))?;
    }
    let mut losses = vec![];
    let started = Instant::now();
    for step in 0..steps as usize {
        trainer.step(batches[step % BATCHES].view())?;
        if !rest.is_empty() {
            losses.push(trainer.progress()[0].mse);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let rate = steps as f64 * batch as f64 / seconds;
    println!("{{\"seconds\": {seconds}, \"samples_per_second\": {rate}, \"mse\": {losses:?}}}");
    Ok(())
}
