//! `narrows concept explain`

use super::data_args::ConceptDataArgs;
use super::ending::{Said, finish};
use super::fit::write_table;
use crate::cli::options::OutArgs;
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::cli::tree::aligned;
use crate::concept::{Model, explain};
use crate::run::{Identity, Opened, RunFolder};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::PathBuf;

/// Contributions that the terminal shows of a sample.
const SHOWN: usize = 8;

/// Say on which concepts the prediction of a sample rests
///
/// Writes contributions.csv: for each sample, what every concept adds to the score of the predicted class (or of --class),
/// beyond what it adds on average over the training samples; and a figure of bars.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// Folder of a fitted bottleneck
    model: PathBuf,
    /// Rows of the data, from 1, joined by commas; ranges as 5-9 [default: the first test sample]
    #[arg(long, short, value_name = "ROWS")]
    sample: Option<String>,
    /// The class whose score is explained [default: the predicted one]
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn run(args: &ExplainArgs, output: Output) -> Result<()> {
    let model = Model::load(&args.model)?;
    let spec = args.data.spec_for(&model.data);
    let subject = spec.load(model.seed)?;
    let n = subject.data.n_samples();
    let rows = match &args.sample {
        None => vec![*subject.test.first().context("there is no test sample: choose one by --sample")?],
        Some(text) => rows(text, n)?,
    };
    let classes = &model.bottleneck.names().classes;
    let class = match &args.class {
        None => None,
        Some(name) => Some(super::place("class", name, classes)? as u32),
    };
    let part = subject.for_bottleneck(&rows, model.bottleneck.as_ref())?;
    let found = explain(&model, &part, class)?;
    let mut files = Model::files(&args.model)?;
    files.extend(subject.files.clone());
    let config = json!({ "model": args.model, "data": spec, "rows": rows, "class": args.class });
    let identity = Identity::new("concept explain", config, files);
    let default = format!("concept-explain-{}", model.probe);
    let folder = match RunFolder::open(&args.out.folder(&default), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    write_table(&folder, "contributions", &found)?;
    let said = Said { attribution: subject.attribution, ..Said::default() };
    let ending = finish(folder, &identity, said, &args.look)?;
    let path = &ending.path;
    let mut lines = Vec::new();
    for (at, &row) in rows.iter().enumerate().take(3) {
        let of: Vec<_> = found.iter().filter(|c| c.sample == row as u64 + 1).collect();
        let label = &classes[part.labels[at] as usize];
        let score: f64 = of.iter().map(|c| c.contribution).sum();
        lines.push(format!("sample {}: score {score:.3} of {} (label: {label})", row + 1, of[0].class));
        let cells: Vec<[String; 4]> = of
            .iter()
            .take(SHOWN)
            .map(|c| {
                let number = |v: Option<f64>| v.map_or(String::new(), |v| format!("{v:.3}"));
                let truth = c.truth.map_or("", |t| if t >= 0.5 { "present" } else { "absent" });
                [format!("  {}", c.concept), format!("{:+.3}", c.contribution), number(c.value), truth.into()]
            })
            .collect();
        lines.extend(aligned(&cells, &[false, true, true, false]));
    }
    lines.extend(ending.warnings_and_files("contributions.csv"));
    output.summary(&lines, &json!({ "out": path, "contributions": found }))
}

/// Reads row numbers from 1 and yields them from 0.
pub(super) fn rows(text: &str, n: usize) -> Result<Vec<usize>> {
    let mut rows = Vec::new();
    for piece in text.split(',').map(str::trim) {
        let (from, to) = piece.split_once('-').unwrap_or((piece, piece));
        let read =
            |t: &str| t.trim().parse::<usize>().with_context(|| format!("--sample {text}: '{t}' is no row number"));
        let (from, to) = (read(from)?, read(to)?);
        ensure!(
            1 <= from && from <= to && to <= n,
            "--sample {text}: rows are numbered from 1 to {n}, and {piece} is not among them"
        );
        rows.extend(from - 1..to);
    }
    Ok(rows)
}
