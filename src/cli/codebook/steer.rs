//! `narrows codebook steer`

use crate::cli::ending::{Said, finish, write_table};
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::codebook::{Request, Saved, steering, summary};
use crate::run::{Identity, Opened, RunFolder};
use anyhow::Result;
use serde_json::json;
use std::path::PathBuf;

/// Put the codes of one state where another is read, and see whether the next states become its own
///
/// Writes steering.csv (a row a pair and set of codebooks), codebook_metrics.csv (means), figures and a report. Without
/// --from and --to, all pairs of states.
#[derive(Debug, clap::Args)]
pub(super) struct SteerArgs {
    /// Folder of narrows codebook train
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// State that is read, from 0
    #[arg(long, value_name = "STATE")]
    from: Option<usize>,
    /// State whose codes are put in place
    #[arg(long, value_name = "STATE")]
    to: Option<usize>,
    /// Pairs at most; a random choice where there are more
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// States of the random walk before each state
    #[arg(long, value_name = "N", default_value_t = 2)]
    history: usize,
    /// Seed of the walks and of the choice of pairs
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn run(args: &SteerArgs, output: Output) -> Result<()> {
    let saved = Saved::load(&args.run)?;
    let request =
        Request { from: args.from, to: args.to, pairs: args.pairs as usize, history: args.history, seed: args.seed };
    request.check(&saved)?;
    let config = json!({ "plan": saved.plan, "request": request, "seed": args.seed });
    let identity = Identity::new("codebook steer", config, Saved::files(&args.run)?);
    let folder = match RunFolder::open(&args.out.folder("codebook-steer"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let bar = output.bar(1, "steering", "sets");
    let rows = steering(&saved, &request, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let numbers = summary(&rows, saved.steps.get("codebook").copied().unwrap_or(0));
    write_table(&folder, "steering", &rows)?;
    write_table(&folder, "codebook_metrics", &numbers)?;
    let of = |metric: &str, part: &str| {
        numbers.iter().find(|r| r.metric == metric && r.part == part).and_then(|r| r.value).unwrap_or(f64::NAN)
    };
    let findings: Vec<String> = ["none", "attention", "mlp", "all"]
        .iter()
        .filter(|set| numbers.iter().any(|r| r.part == **set))
        .map(|set| {
            format!(
                "Codes put in place at {set}: divergence from the other state {:.2} of that without; most of the mass on its successors for {:.1} % of pairs.",
                of("steered_divergence_ratio", set),
                100.0 * of("steering_success", set)
            )
        })
        .collect();
    let ending = finish(folder, &identity, Said { findings, ..Said::default() }, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);
    let mut lines = manifest.findings.clone();
    lines.extend(ending.warnings_and_files("steering.csv"));
    output.summary(&lines, &json!({ "out": path, "findings": manifest.findings }))
}
