//! `narrows sae pages`

use crate::cli::options::OutArgs;
use crate::cli::output::Output;
use crate::concept::share;
use crate::dictionary::{PagesJob, pages, store};
use crate::run::{Identity, InputFile, Opened, RunFolder};
use anyhow::Result;
use serde_json::json;
use std::path::PathBuf;

/// Show what each feature of a dictionary stands for, on one page to search
///
/// Writes features.html, which needs no other file and no network: for each feature its name, how often and how strongly
/// it is active, the samples of its largest activations and of weaker ones, the features near it, and its effect on
/// classes.
#[derive(Debug, clap::Args)]
pub(super) struct PagesArgs {
    /// The folder or file of the dictionary
    dictionary: PathBuf,
    /// Activations to look at: a file, a pattern or a folder of shards
    #[arg(long, short, value_name = "FILE")]
    activations: String,
    /// A text for each row: FILE:COLUMN of a CSV, or a file with one a line
    #[arg(long, value_name = "FILE")]
    texts: Option<String>,
    /// An image for each row [samples × height × width, with 1 or 3 channels]: npy, npz or IDX
    #[arg(long, value_name = "FILE")]
    images: Option<String>,
    /// Classes of the rows: a CSV, npy, npz or Parquet file with one a row
    #[arg(long, short, value_name = "FILE")]
    labels: Option<String>,
    /// Column that holds the classes
    #[arg(long, value_name = "COLUMN", requires = "labels")]
    label_column: Option<String>,
    /// names.csv of `narrows sae name`
    #[arg(long, value_name = "FILE")]
    names: Option<String>,
    /// Examples of the largest activations for each feature
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    examples: u16,
    /// Leave out the first share of the rows, which the dictionary was trained on
    #[arg(long, value_name = "SHARE", value_parser = share)]
    train_first: Option<f64>,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(args: &PagesArgs, output: Output) -> Result<()> {
    let saved = store::load(&args.dictionary)?;
    let job = PagesJob {
        activations: args.activations.clone(),
        texts: args.texts.clone(),
        images: args.images.clone(),
        labels: args.labels.clone().map(|file| (file, args.label_column.clone())),
        names: args.names.clone(),
        examples: args.examples.into(),
        skip_first: args.train_first.unwrap_or(0.0),
    };
    let made = pages(&saved, &job)?;
    let mut files = store::sources(&args.dictionary)?.iter().map(|f| InputFile::of(f)).collect::<Result<Vec<_>>>()?;
    files.extend(made.files);
    let identity = Identity::new("sae pages", json!({ "dictionary": saved.name, "job": job }), files);
    let folder = args.out.folder(&format!("sae-pages-{}", saved.name));
    let folder = match RunFolder::open(&folder, args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    folder.write("features.html", made.html.as_bytes())?;
    let mut manifest = folder.manifest(&identity);
    manifest.findings = made.findings;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.push(format!("page    {}", path.join("features.html").display()));
    output.summary(&lines, &json!({ "out": path, "findings": manifest.findings }))
}
