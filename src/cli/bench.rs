//! `narrows bench`

use super::options::OutArgs;
use super::output::Output;
use crate::benchmark::{AccuracyJob, SpeedJob, Suite, growth, mean_absolute_errors, summarise};
use crate::figure::{draw_accuracy, draw_speed};
use crate::run::{Identity, Opened, RunFolder};
use crate::table::{to_csv, write_parquet};
use anyhow::{Result, ensure};
use narrows_estimators::registry;
use serde_json::json;

/// Measure estimators: against known truth, and against the clock
#[derive(Debug, clap::Args)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, clap::Subcommand)]
enum BenchCommand {
    Accuracy(AccuracyArgs),
    Speed(SpeedArgs),
}

/// Estimate information that is known, and tell how far off each estimator is
///
/// Writes accuracy.csv (a row an estimate), summary.csv (a row a task and estimator), both as Parquet too, and a figure.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: narrows bench accuracy --suite beyond-normal --seeds 3 --estimator ksg --estimator gaussian-copula"
)]
struct AccuracyArgs {
    /// Which distributions
    #[arg(long, value_enum, default_value = "beyond-normal")]
    suite: Suite,
    /// An estimator, as NAME or NAME:KEY=VALUE,…; repeatable [default: all of two continuous variables]
    #[arg(long = "estimator", short, value_name = "SPEC", value_parser = specification, value_hint = clap::ValueHint::Other)]
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

/// Time estimators over numbers of samples, and tell how their cost grows
///
/// Normal pairs of correlation 0.75, or classes of them for estimators of discrete variables. Writes speed.csv (a row an
/// estimator, dimension and size), growth.csv (the exponents), both as Parquet too, and a figure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: narrows bench speed --n 1000,10000,100000 --estimator ksg --estimator edge")]
struct SpeedArgs {
    /// An estimator, as NAME or NAME:KEY=VALUE,…; repeatable [default: all that are not trained]
    #[arg(long = "estimator", short, value_name = "SPEC", value_parser = specification, value_hint = clap::ValueHint::Other)]
    estimators: Vec<String>,
    /// Numbers of samples
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1000,10000,100000", value_parser = clap::value_parser!(u32).range(10..))]
    n: Vec<u32>,
    /// Dimensions of each variable
    #[arg(long, value_name = "D,…", value_delimiter = ',', default_value = "1,3", value_parser = clap::value_parser!(u32).range(1..=1000))]
    dims: Vec<u32>,
    /// Times that each is run; the median counts
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeats: u32,
    /// Leave out what is expected to take longer
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    limit: f64,
    #[command(flatten)]
    out: OutArgs,
}

fn specification(text: &str) -> Result<String, String> {
    registry::mutual_information(text).map(|_| text.to_string()).map_err(|e| e.to_string())
}

pub(super) fn run(args: &BenchArgs, output: Output) -> Result<()> {
    match &args.command {
        BenchCommand::Accuracy(args) => accuracy(args, output),
        BenchCommand::Speed(args) => speed(args, output),
    }
}

fn accuracy(args: &AccuracyArgs, output: Output) -> Result<()> {
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
    folder.write("accuracy.parquet", &write_parquet(&rows)?)?;
    folder.write("summary.csv", &to_csv(&summary)?)?;
    folder.write("summary.parquet", &write_parquet(&summary)?)?;
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

fn speed(args: &SpeedArgs, output: Output) -> Result<()> {
    ensure!(args.limit > 0.0, "--limit {}: it must be a positive number of seconds", args.limit);
    let estimators = if args.estimators.is_empty() { SpeedJob::default_estimators() } else { args.estimators.clone() };
    let mut sizes: Vec<usize> = args.n.iter().map(|n| *n as usize).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let dims = args.dims.iter().map(|d| *d as usize).collect();
    let job = SpeedJob { estimators, sizes, dims, repeats: args.repeats as usize, limit: args.limit };
    let config = json!({
        "estimators": job.estimators,
        "n": job.sizes,
        "dims": job.dims,
        "repeats": job.repeats,
        "limit": job.limit,
    });
    let identity = Identity::new("bench speed", config, vec![]);
    let folder = match RunFolder::open(&args.out.folder("speed"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let bar = output.bar(job.n_cells() as u64, "timing", "estimates");
    let rows = job.run(&|| bar.inc(1))?;
    bar.finish_and_clear();
    let growths = growth(&rows);
    folder.write("speed.csv", &to_csv(&rows)?)?;
    folder.write("speed.parquet", &write_parquet(&rows)?)?;
    folder.write("growth.csv", &to_csv(&growths)?)?;
    folder.write("growth.parquet", &write_parquet(&growths)?)?;
    let figure = draw_speed(&rows, &folder.create_dir("figures")?)?;
    let mut manifest = folder.manifest(&identity);
    manifest.findings = growths
        .iter()
        .map(|g| {
            let largest = rows.iter().rev().find(|r| g.is_of(r) && r.seconds.is_some());
            let largest = largest.map_or(String::new(), |r| {
                let memory =
                    r.peak_bytes.map_or(String::new(), |b| format!(", {:.0} MiB", b as f64 / f64::from(1 << 20)));
                format!("{:.3} s{memory} at N = {}", r.seconds.unwrap_or(0.0), r.n_samples)
            });
            let grows = g.time_exponent.map_or("too short to tell its growth".into(), |p| format!("time ~ N^{p:.2}"));
            format!("{:20} {:>2} + {:<2} {grows:28} {largest}", g.estimator, g.dim, g.dim)
        })
        .collect();
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.push(format!("table   {}  ({} rows)", path.join("speed.csv").display(), rows.len()));
    lines.push(format!("growth  {}", path.join("growth.csv").display()));
    lines.extend(figure.iter().map(|f| format!("figure  {}", f.png.display())));
    output.summary(
        &lines,
        &json!({ "out": path, "rows": rows.len(), "growth": growths, "figure": figure.map(|f| f.png) }),
    )
}
