//! `narrows concept predict`

use super::fit::write_table;
use crate::cli::options::OutArgs;
use crate::cli::output::Output;
use crate::concept::{Model, PlainEmbeddings, predictions};
use crate::run::{Identity, Opened, RunFolder};
use anyhow::Result;
use ndarray_npy::WriteNpyExt;
use serde_json::json;
use std::path::PathBuf;

/// Apply a fitted bottleneck to new embeddings
///
/// Writes predictions.csv (class, probability and margin of each row) and the concepts of each row, as concepts.csv and
/// concepts.npy.
#[derive(Debug, clap::Args)]
pub(super) struct PredictArgs {
    /// Folder of a fitted bottleneck
    model: PathBuf,
    /// Embeddings [samples × features], as FILE or FILE:WHICH
    #[arg(long, short, value_name = "FILE")]
    embeddings: String,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(args: &PredictArgs, output: Output) -> Result<()> {
    let model = Model::load(&args.model)?;
    let bottleneck = model.bottleneck.as_ref();
    let new = PlainEmbeddings::read(&args.embeddings, bottleneck)?;
    let rows: Vec<usize> = (0..new.values.nrows()).collect();
    let found = predictions(&model.probe, bottleneck, &new.values, &rows, None, "")?;
    let concepts = bottleneck.concepts(new.values.view())?;
    let mut files = Model::files(&args.model)?;
    files.push(new.file.clone());
    let identity =
        Identity::new("concept predict", json!({ "model": args.model, "embeddings": args.embeddings }), files);
    let folder = match RunFolder::open(&args.out.folder("concept-predict"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    write_table(&folder, "predictions", &found)?;
    let mut bytes = Vec::new();
    concepts.write_npy(&mut bytes)?;
    folder.write("concepts.npy", &bytes)?;
    folder.write("concepts.csv", &wide(&bottleneck.names().concepts, &concepts)?)?;
    let mut manifest = folder.manifest(&identity);
    let mut counts: Vec<(String, usize)> = bottleneck
        .names()
        .classes
        .iter()
        .map(|c| (c.clone(), found.iter().filter(|p| &p.predicted == c).count()))
        .collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let most: Vec<String> = counts.iter().filter(|c| c.1 > 0).take(5).map(|(c, n)| format!("{c} {n}")).collect();
    manifest.findings = vec![format!("{} rows; most often predicted: {}.", rows.len(), most.join(", "))];
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.push(format!("table   {}", path.join("predictions.csv").display()));
    lines.push(format!("table   {}", path.join("concepts.csv").display()));
    output.summary(&lines, &json!({ "out": path, "rows": rows.len(), "findings": manifest.findings }))
}

/// One line a sample, one column a concept.
pub(super) fn wide(names: &[String], concepts: &ndarray::Array2<f64>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(std::iter::once("sample").chain(names.iter().map(String::as_str)))?;
    for (at, row) in concepts.outer_iter().enumerate() {
        let values = row.iter().map(f64::to_string);
        writer.write_record(std::iter::once((at + 1).to_string()).chain(values))?;
    }
    writer.into_inner().map_err(|e| anyhow::anyhow!("cannot write the concepts: {e}"))
}
