//! `narrows concept incremental`

use super::data_args::ConceptDataArgs;
use super::ending::{Said, finish};
use super::fit::write_table;
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::cli::tree::aligned;
use crate::concept::{IncrementalSpec, blocks, incremental_summary, incrementally};
use crate::run::{Identity, Opened, RunFolder};
use crate::table::IncrementalSummaryRow;
use anyhow::Result;
use narrows_probes::incremental::{LEARNERS, LearnerSpec};
use serde_json::json;

/// Learn classes that arrive in blocks, and see what is forgotten
///
/// Each block of classes is there alone for some epochs; no learner is told where a block ends. Writes incremental.csv (the
/// accuracy on each block's classes throughout), incremental_summary.csv (over seeds) and figures.
#[derive(Debug, clap::Args)]
pub(super) struct IncrementalArgs {
    /// A learner, as NAME or NAME:KEY=VALUE,…; give it several times [default: key-value, linear-probe, mlp, nearest-mean, lda]
    #[arg(long = "learner", short, value_name = "SPEC")]
    learners: Vec<String>,
    /// Number of blocks of classes, or their sizes joined by commas
    #[arg(long, value_name = "N|SIZES", default_value = "5", value_parser = checked_blocks)]
    blocks: String,
    /// Order of the classes: drawn by each seed, or as they are numbered
    #[arg(long, value_name = "ORDER", default_value = "shuffled", value_parser = ["shuffled", "given"])]
    order: String,
    /// Leave out the control in which all classes come mixed
    #[arg(long)]
    no_control: bool,
    /// Passes over each block
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Samples of a minibatch
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Test every so many iterations [default: after 1, 2, 3, 4, 6, 8, 12, … of a block, and at its end]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    every: Option<u32>,
    /// Test samples of a test within a block, at most; the end of a block has all
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..))]
    tested: u32,
    /// Streams, with seeds from 0
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Seed of the split of the samples
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    /// Embeddings that keys and the scales of features come from [default: the training samples, without labels]
    #[arg(long, value_name = "FILE")]
    unlabelled: Option<String>,
    /// In the end unlearn each class: mask the pairs of key-value that it fetches most, into unlearning.csv
    #[arg(long)]
    unlearn: bool,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

fn checked_blocks(text: &str) -> Result<String, String> {
    blocks(text).map(|_| text.into())
}

/// The list of learners in the help.
pub(super) fn list() -> String {
    let longest = LEARNERS.iter().map(|l| l.name.len()).max().unwrap_or(0);
    let mut lines = vec!["Learners:".to_string()];
    for learner in LEARNERS {
        lines.push(format!("  {:longest$}  {}", learner.name, learner.summary));
        for p in learner.parameters {
            lines.push(format!("  {:longest$}    {}={}  {}", "", p.name, p.default, p.meaning));
        }
    }
    lines.join("\n")
}

impl IncrementalArgs {
    fn spec(&self) -> IncrementalSpec {
        let usual = ["key-value", "linear-probe", "mlp", "nearest-mean", "lda"].map(String::from).to_vec();
        IncrementalSpec {
            learners: if self.learners.is_empty() { usual } else { self.learners.clone() },
            blocks: self.blocks.clone(),
            shuffled: self.order == "shuffled",
            iid: !self.no_control,
            epochs: self.epochs as usize,
            batch: self.batch as usize,
            every: self.every.map(|e| e as usize),
            most_tested: self.tested as usize,
            seeds: self.seeds,
            unlabelled: self.unlabelled.clone(),
            unlearn: self.unlearn,
        }
    }
}

pub(super) fn run(args: &IncrementalArgs, output: Output) -> Result<()> {
    let spec = args.spec();
    let learners = spec.read()?;
    let data = args.data.spec();
    let subject = data.load(args.seed)?;
    let (samples, file) = spec.samples(&subject)?;
    let settings: Vec<_> = learners.iter().map(LearnerSpec::settings).collect();
    let config = json!({ "incremental": spec, "settings": settings, "data": data, "seed": args.seed });
    let files = subject.files.iter().cloned().chain(file).collect();
    let identity = Identity::new("concept incremental", config, files);
    let folder = args.out.folder(&format!("concept-incremental-{}", subject.name));
    let folder = match RunFolder::open(&folder, args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let bar = output.bar(spec.streams() as u64, "learning", "streams");
    let found = spec.run(&samples, &subject.data.names().classes, &|| bar.inc(1))?;
    bar.finish_and_clear();
    let summary = incremental_summary(&found.rows);
    write_table(&folder, "incremental", &found.rows)?;
    write_table(&folder, "incremental_summary", &summary)?;
    write_table(&folder, "unlearning", &found.unlearning)?;
    let said = Said {
        attribution: subject.attribution,
        findings: incrementally(&summary),
        warnings: subject.warnings.iter().cloned().chain(spec.warnings(&samples)).collect(),
    };
    let ending = finish(folder, &identity, said, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);
    let whole: Vec<&IncrementalSummaryRow> = summary.iter().filter(|r| r.block.is_none() && r.step.is_none()).collect();
    let mut lines = table(&whole);
    lines.extend(ending.warnings_and_files("incremental.csv"));
    let value = json!({
        "out": path,
        "incremental": whole,
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &value)
}

/// A line a learner and order.
fn table(whole: &[&IncrementalSummaryRow]) -> Vec<String> {
    let metrics = ["final_accuracy", "average_accuracy", "forgetting", "min_accuracy", "worst_case_accuracy"];
    let head = ["learner", "order", "final", "average", "forgetting", "least", "worst case"];
    let mut cells: Vec<Vec<String>> = vec![head.map(String::from).to_vec()];
    for end in whole.iter().filter(|r| r.metric == metrics[0]) {
        let mut line = vec![end.learner.clone(), end.order.clone()];
        line.extend(metrics.iter().map(|metric| {
            let found = whole.iter().find(|r| r.learner == end.learner && r.order == end.order && r.metric == *metric);
            found.map_or(String::new(), |r| match r.std_error {
                Some(error) => format!("{:.3} ± {error:.3}", r.mean),
                None => format!("{:.3}", r.mean),
            })
        }));
        cells.push(line);
    }
    aligned(&cells, &[false, false, true, true, true, true, true])
}
