//! `narrows sae import`

use super::export::{described, empty_folder};
use crate::cli::output::Output;
use crate::dictionary::{store, unit_norms};
use anyhow::{Result, ensure};
use serde_json::json;
use std::path::PathBuf;

/// Read a dictionary of another tool, and save it as the other commands read it
///
/// Reads folders of SAELens (also of before version 6), dictionary_learning, sparsify and Gemma Scope, and state dicts of
/// OpenAI's sparse_autoencoder and of Discover-then-Name. What its training did to its inputs or its decoder is folded
/// into the weights. The commands read all of these as they are, too.
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// The folder or file of the dictionary
    place: PathBuf,
    /// Folder to save it in; it must not exist, or be empty
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Name in tables [default: its own, else that of its folder]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Bring the decoder's rows to unit length, with activations in units of their old lengths
    #[arg(long)]
    unit_norms: bool,
}

pub(super) fn run(args: &ImportArgs, output: Output) -> Result<()> {
    let mut saved = store::load(&args.place)?;
    if args.unit_norms {
        ensure!(
            unit_norms(&mut saved.dictionary),
            "{}: its rows differ in length, and the largest activations are chosen as they are: rows of unit length would \
             choose others; leave out --unit-norms",
            args.place.display()
        );
    }
    if let Some(name) = &args.name {
        saved.name.clone_from(name);
    }
    empty_folder(&args.out)?;
    store::save(&args.out, &saved)?;
    let mut lines = vec![described(&saved), format!("saved   {}", args.out.display())];
    if let Some(note) = saved.said("note") {
        lines.insert(1, format!("note: {note}"));
    }
    let (dictionary, out) = (&saved.dictionary, &args.out);
    output.summary(
        &lines,
        &json!({ "out": out, "name": saved.name, "features": dictionary.width(), "inputs": dictionary.inputs() }),
    )
}
