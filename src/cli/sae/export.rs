//! `narrows sae export`

use crate::cli::output::Output;
use crate::dictionary::{Saved, store};
use crate::run::write_atomic;
use anyhow::{Context, Result, ensure};
use narrows_dictionaries::Activation;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Write a dictionary in the layout of another tool
///
/// saelens: cfg.json and sae_weights.safetensors, which SAE.load_from_disk reads. dictionary-learning: ae.pt and
/// config.json, which load_dictionary reads. npz: params.npz, as Gemma Scope has it, for ReLU and JumpReLU.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// The folder or file of the dictionary
    place: PathBuf,
    /// The layout
    #[arg(long, short, value_enum, value_name = "LAYOUT")]
    format: Format,
    /// Folder to write to; it must not exist, or be empty
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[value(name = "saelens")]
    SaeLens,
    DictionaryLearning,
    Npz,
}

impl From<Format> for store::Layout {
    fn from(format: Format) -> Self {
        match format {
            Format::SaeLens => Self::SaeLens,
            Format::DictionaryLearning => Self::DictionaryLearning,
            Format::Npz => Self::Npz,
        }
    }
}

pub(super) fn run(args: &ExportArgs, output: Output) -> Result<()> {
    let saved = store::load(&args.place)?;
    let files = store::files_as(&saved, args.format.into())?;
    empty_folder(&args.out)?;
    let mut lines = vec![described(&saved)];
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = args.out.join(name);
        write_atomic(&path, &bytes)?;
        lines.push(format!("wrote   {} ({} bytes)", path.display(), bytes.len()));
        written.push(path);
    }
    output.summary(&lines, &json!({ "name": saved.name, "files": written }))
}

/// A line on what a dictionary is.
pub(super) fn described(saved: &Saved) -> String {
    let dictionary = &saved.dictionary;
    let kind = match &dictionary.activation {
        Activation::Relu => "ReLU".to_string(),
        Activation::TopK { k } => format!("the {k} largest"),
        Activation::JumpRelu { .. } => "JumpReLU".into(),
        Activation::Gated { .. } => "gated".into(),
    };
    let nested = match &dictionary.prefixes[..] {
        [] => String::new(),
        sizes => format!(", nested {sizes:?}"),
    };
    format!("{}: {} features of {} inputs, {kind}{nested}", saved.name, dictionary.width(), dictionary.inputs())
}

/// Makes the folder, or takes one that is empty: nothing of somebody else's is ever replaced.
pub(super) fn empty_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut content = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(content.next().is_none(), "{} is not empty: give another --out", path.display());
    Ok(())
}
