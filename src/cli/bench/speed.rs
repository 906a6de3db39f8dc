//! `narrows bench speed`

use crate::benchmark::{SpeedJob, growth};
use crate::cli::options::OutArgs;
use crate::cli::output::Output;
use crate::figure::draw_speed;
use crate::run::{Identity, Opened, RunFolder};
use crate::table::{to_csv, write_parquet};
use anyhow::{Result, ensure};
use serde_json::json;

/// Time estimators over numbers of samples, and tell how their cost grows
///
/// Normal pairs of correlation 0.75, or classes of them for estimators of discrete variables. Writes speed.csv (a row an
/// estimator, dimension and size), growth.csv (the exponents), both as Parquet too, and a figure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: narrows bench speed --n 1000,10000,100000 --estimator ksg --estimator edge")]
pub(super) struct SpeedArgs {
    /// An estimator, as NAME or NAME:KEY=VALUE,…; repeatable [default: all that are not trained]
    #[arg(long = "estimator", short, value_name = "SPEC", value_parser = super::specification, value_hint = clap::ValueHint::Other)]
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

pub(super) fn run(args: &SpeedArgs, output: Output) -> Result<()> {
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
    folder.write("speed.parquet", &write_parquet("speed", &rows)?)?;
    folder.write("growth.csv", &to_csv(&growths)?)?;
    folder.write("growth.parquet", &write_parquet("growth", &growths)?)?;
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
