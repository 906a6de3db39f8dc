//! `narrows bench accuracy`

use crate::benchmark::{AccuracyJob, Suite, mean_absolute_errors, summarise};
use crate::cli::options::OutArgs;
use crate::cli::output::Output;
use crate::figure::draw_accuracy;
use crate::run::{Identity, Opened, RunFolder};
use crate::table::{to_csv, write_parquet};
use anyhow::Result;
use serde_json::json;

/// Estimate information that is known, and tell how far off each estimator is
///
/// Writes accuracy.csv (a row an estimate), summary.csv (a row a task and estimator), both as Parquet too, and a figure.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: narrows bench accuracy --suite beyond-normal --seeds 3 --estimator ksg --estimator gaussian-copula"
)]
pub(super) struct AccuracyArgs {
    /// Which distributions
    #[arg(long, value_enum, default_value = "beyond-normal")]
    suite: Suite,
    /// An estimator, as NAME or NAME:KEY=VALUE,…; repeatable [default: all of two continuous variables]
    #[arg(long = "estimator", short, value_name = "SPEC", value_parser = super::specification, value_hint = clap::ValueHint::Other)]
    estimators: Vec<String>,
    /// Only tasks whose name contains this; repeatable or separated by commas
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    tasks: Vec<String>,
    /// Samples of each task
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..))]
    n: u32,
    /// Samples are drawn with seeds 0 to this less one
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(args: &AccuracyArgs, output: Output) -> Result<()> {
    let estimators =
        if args.estimators.is_empty() { AccuracyJob::default_estimators() } else { args.estimators.clone() };
    let job = AccuracyJob {
        suite: args.suite,
        estimators,
        n: args.n as usize,
        seeds: args.seeds.into(),
        tasks: args.tasks.clone(),
    };
    let config = json!({
        "suite": args.suite,
        "estimators": job.estimators,
        "tasks": args.tasks,
        "n": args.n,
        "seeds": args.seeds,
    });
    let identity = Identity::new("bench accuracy", config, vec![]);
    let default = format!("accuracy-{}", args.suite.name());
    let folder = match RunFolder::open(&args.out.folder(&default), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let bar = output.bar(job.n_cells()? as u64, "measuring", "estimates");
    let rows = job.run(&folder.state(), &|| bar.inc(1))?;
    bar.finish_and_clear();
    let summary = summarise(&rows);
    folder.write("accuracy.csv", &to_csv(&rows)?)?;
    folder.write("accuracy.parquet", &write_parquet("accuracy", &rows)?)?;
    folder.write("summary.csv", &to_csv(&summary)?)?;
    folder.write("summary.parquet", &write_parquet("summary", &summary)?)?;
    let figure = draw_accuracy(&rows, &summary, args.suite.is_dialled(), &folder.create_dir("figures")?)?;
    let errors = mean_absolute_errors(&summary);
    let mut manifest = folder.manifest(&identity);
    manifest.findings = errors
        .iter()
        .map(|(name, error, tasks, wins)| {
            format!("{name:24} mean absolute error {error:.4} nats over {tasks} tasks, nearest to the truth on {wins}")
        })
        .collect();
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.push(format!("table   {}  ({} rows)", path.join("accuracy.csv").display(), rows.len()));
    lines.push(format!("means   {}", path.join("summary.csv").display()));
    lines.extend(figure.iter().map(|f| format!("figure  {}", f.png.display())));
    let ranking: Vec<_> = errors
        .iter()
        .map(|(name, error, tasks, wins)| json!({ "estimator": name, "mean_absolute_error_nats": error, "tasks": tasks, "nearest_on": wins }))
        .collect();
    output.summary(
        &lines,
        &json!({ "out": path, "rows": rows.len(), "ranking": ranking, "figure": figure.map(|f| f.png) }),
    )
}
