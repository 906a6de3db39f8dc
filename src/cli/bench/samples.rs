//! `narrows bench samples`

use crate::benchmark::{SamplesJob, Suite};
use crate::cli::options::OutArgs;
use crate::cli::output::Output;
use crate::run::{Identity, Opened, RunFolder};
use crate::table::{to_csv, write_parquet};
use anyhow::Result;
use serde_json::json;

/// Write the samples that `bench accuracy` measures estimators with, for other programs to be measured with
///
/// Writes an npz with the arrays x and y for each task and seed, and samples.csv, which lists them with their true mutual
/// information; as Parquet too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: narrows bench samples --suite dials --tasks correlated-normal --seeds 1")]
pub(super) struct SamplesArgs {
    /// Which distributions
    #[arg(long, value_enum, default_value = "beyond-normal")]
    suite: Suite,
    /// Only tasks whose name contains this; repeatable or separated by commas
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    tasks: Vec<String>,
    /// Samples of each task
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..))]
    n: u32,
    /// Samples are drawn with seeds 0 to this less one
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(args: &SamplesArgs, output: Output) -> Result<()> {
    let job = SamplesJob { suite: args.suite, n: args.n as usize, seeds: args.seeds.into(), tasks: args.tasks.clone() };
    let config = json!({ "suite": args.suite, "tasks": args.tasks, "n": args.n, "seeds": args.seeds });
    let identity = Identity::new("bench samples", config, vec![]);
    let default = format!("samples-{}", args.suite.name());
    let folder = match RunFolder::open(&args.out.folder(&default), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let bar = output.bar(job.n_files()? as u64, "drawing", "samples");
    let rows = job.run(&folder, &|| bar.inc(1))?;
    bar.finish_and_clear();
    folder.write("samples.csv", &to_csv(&rows)?)?;
    folder.write("samples.parquet", &write_parquet("samples", &rows)?)?;
    let manifest = folder.manifest(&identity);
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    output.summary(
        &[format!("table   {}  ({} rows)", path.join("samples.csv").display(), rows.len())],
        &json!({ "out": path, "rows": rows.len() }),
    )
}
