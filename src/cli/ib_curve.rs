//! `narrows ib-curve`

use super::options::{LARGEST_SEED, OutArgs};
use super::output::Output;
use crate::bottleneck::{JointFile, JointFormat, curve_findings, curve_of_rows, curve_rows, curve_warnings, own_joint};
use crate::figure::FigureOptions;
use crate::plane::Unit;
use crate::report::compose;
use crate::run::{Identity, InputFile, Limits, Opened, RunFolder};
use crate::subject::samples::Samples;
use crate::table::{IbCurveRow, read_csv, to_csv, write_parquet};
use anyhow::{Context, Result, ensure};
use narrows_datasets::{twelve_bit, twelve_bit_probabilities};
use narrows_estimators::bottleneck::{BottleneckCurve, BottleneckOptions, JointDistribution};
use ndarray::Array2;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Compute the information-bottleneck curve of a joint distribution
///
/// The most that any T can tell of Y at each I(X;T), by annealing along β: ib_curve.csv and ib_curve.parquet, a figure
/// and a report. `narrows plane --ib-curve` draws it on information planes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  narrows ib-curve --joint twelve-bit-noisy --flip 0.1
  narrows ib-curve --joint counts.csv --beta-max 1000 --unit nats
  narrows ib-curve --joint samples.parquet --x input --y label")]
pub(super) struct IbCurveArgs {
    /// `twelve-bit`, `twelve-bit-noisy`, or a CSV, npy, npz or Parquet file of counts or pairs
    #[arg(long, value_name = "NAME|FILE")]
    joint: String,
    /// What the file holds
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: JointFormat,
    /// Column of x, by name or by number from 1
    #[arg(long, value_name = "COLUMN")]
    x: Option<String>,
    /// Column of y
    #[arg(long, value_name = "COLUMN")]
    y: Option<String>,
    /// Column of how often a pair was seen
    #[arg(long, value_name = "COLUMN")]
    count: Option<String>,
    /// Of `twelve-bit-noisy`: how often a label flips where a change of one bit changes it [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    flip: Option<f64>,
    #[command(flatten)]
    search: SearchArgs,
    /// Unit of the table
    #[arg(long, value_enum, default_value_t)]
    unit: Unit,
    /// Seed of perturbations and random starts
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    out: OutArgs,
}

/// How hard the curve is searched for.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Search")]
struct SearchArgs {
    /// Smallest β; below 1 nothing is worth knowing
    #[arg(long, value_name = "BETA", default_value_t = BottleneckOptions::default().beta_min)]
    beta_min: f64,
    /// Largest β
    #[arg(long, value_name = "BETA", default_value_t = BottleneckOptions::default().beta_max)]
    beta_max: f64,
    /// Points of the geometric schedule between them
    #[arg(long, value_name = "N", default_value_t = BottleneckOptions::default().points)]
    points: usize,
    /// Points that may be added where the curve is known least
    #[arg(long, value_name = "N", default_value_t = BottleneckOptions::default().refine)]
    refine: usize,
    /// Clusters of T at most [default: as many as there are different p(y|x)]
    #[arg(long, value_name = "N")]
    clusters: Option<usize>,
    /// Starts at random for each β, besides annealing from both ends
    #[arg(long, value_name = "N", default_value_t = BottleneckOptions::default().restarts)]
    restarts: usize,
    /// Iterations after which a search is given up, and flagged
    #[arg(long, value_name = "N", default_value_t = BottleneckOptions::default().max_iterations)]
    max_iterations: usize,
}

pub(super) fn run(args: &IbCurveArgs, output: Output) -> Result<()> {
    let (joint, name, format, files) = joint(args)?;
    let options = BottleneckOptions {
        beta_min: args.search.beta_min,
        beta_max: args.search.beta_max,
        points: args.search.points,
        refine: args.search.refine,
        clusters: args.search.clusters,
        restarts: args.search.restarts,
        max_iterations: args.search.max_iterations,
        seed: args.seed,
        ..BottleneckOptions::default()
    };
    options.check().context("the search")?;
    let config = json!({
        "joint": args.joint, "format": format, "x": args.x, "y": args.y, "count": args.count,
        "flip": args.flip, "search": options, "unit": args.unit,
    });
    let identity = Identity::new("ib-curve", config, files);
    let folder = match RunFolder::open(&args.out.folder("ib-curve"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let bar = output.bar((options.points + options.refine) as u64, "annealing", "β");
    let curve = options.curve(&joint, &|| bar.inc(1)).with_context(|| format!("no curve of {name}"))?;
    bar.finish_and_clear();
    let rows = write(&folder, &curve, &name, args.unit, args.seed)?;

    let mut manifest = folder.manifest(&identity);
    manifest.limits = Limits { n_samples: None, label_entropy_bits: Some(Unit::Bits.of(joint.target_entropy())) };
    manifest.findings = curve_findings(&curve, args.unit);
    manifest.warnings = curve_warnings(&curve, options.clusters);
    compose(folder.path(), &manifest, &FigureOptions::default())?;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut lines = manifest.findings.clone();
    lines.extend(manifest.warnings.iter().map(|w| format!("note: {w}")));
    lines.push(format!("table   {}  ({} rows)", path.join(TABLE).display(), rows));
    lines.push(format!("figure  {}", path.join("figures/ib_curve.png").display()));
    lines.push(format!("report  {}", path.join("report.html").display()));
    let (low, high) = curve.critical_beta();
    let value = json!({
        "out": path, "rows": rows, "corner": curve.is_corner(), "i_xy": args.unit.of(curve.limits().information),
        "critical_beta": [low, high], "largest_violation": args.unit.of(curve.largest_violation()),
        "unit": args.unit, "findings": manifest.findings, "warnings": manifest.warnings,
    });
    output.summary(&lines, &value)
}

const TABLE: &str = "ib_curve.csv";

/// Writes the table of a curve into a run's folder; says how many rows it has.
pub(super) fn write(folder: &RunFolder, curve: &BottleneckCurve, name: &str, unit: Unit, seed: u64) -> Result<usize> {
    let rows = curve_rows(curve, name, unit, seed);
    folder.write(TABLE, &to_csv(&rows)?)?;
    folder.write("ib_curve.parquet", &write_parquet("ib_curve", &rows)?)?;
    Ok(rows.len())
}

type Named = (JointDistribution, String, Option<JointFormat>, Vec<InputFile>);

fn joint(args: &IbCurveArgs) -> Result<Named> {
    let built_in = ["twelve-bit", "twelve-bit-noisy"].contains(&args.joint.as_str());
    let columns = args.x.is_some() || args.y.is_some() || args.count.is_some() || args.format != JointFormat::Auto;
    ensure!(!(built_in && columns), "{} is built in: --format, --x, --y and --count belong to files", args.joint);
    ensure!(
        args.flip.is_none() || args.joint == "twelve-bit-noisy",
        "--flip belongs to --joint twelve-bit-noisy, and the joint distribution is {}",
        args.joint
    );
    if args.joint == "twelve-bit" {
        let patterns: Vec<u32> = (0..4096).collect();
        let joint = JointDistribution::from_pairs(&patterns, &twelve_bit()?.labels)?;
        return Ok((joint, args.joint.clone(), None, vec![]));
    }
    if built_in {
        let flip = args.flip.unwrap_or(0.1);
        ensure!((0.0..=0.5).contains(&flip), "--flip {flip}: a share from 0 to 0.5 is needed");
        let p = twelve_bit_probabilities(flip);
        let table = Array2::from_shape_fn((p.len(), 2), |(x, y)| if y == 1 { p[x] } else { 1.0 - p[x] });
        let joint = JointDistribution::from_conditional(&vec![1.0 / p.len() as f64; p.len()], table.view())?;
        return Ok((joint, format!("{} flip={flip}", args.joint), None, vec![]));
    }
    let (x, y, count) = (args.x.clone(), args.y.clone(), args.count.clone());
    let file = JointFile { place: args.joint.clone(), format: args.format, x, y, count };
    let loaded = file.load().with_context(|| {
        format!("--joint {}: built in are twelve-bit and twelve-bit-noisy, all else is a file", args.joint)
    })?;
    Ok((loaded.joint, args.joint.clone(), Some(loaded.format), vec![loaded.file]))
}

/// A curve for a plane.
pub(super) struct PlaneCurve {
    pub(super) curve: BottleneckCurve,
    pub(super) name: String,
    /// The file that it was read from.
    pub(super) file: Option<InputFile>,
    /// I(X;Y) in nats of the plane's own inputs and labels, as counted; where the curve is from a file.
    own_information: Option<f64>,
}

impl PlaneCurve {
    /// What a reader of the plane should know of its bound.
    pub(super) fn notes(&self, label_entropy_bits: Option<f64>) -> Vec<String> {
        let mut notes = Vec::new();
        let own = Unit::Bits.of(self.curve.limits().target_entropy);
        if let Some(h_y) = label_entropy_bits.filter(|h| (h - own).abs() > 0.02 * own) {
            notes.push(format!(
                "the labels of the plane have H(Y) = {h_y:.4} bits, and those of the information-bottleneck curve {own:.4}: is \
                 it the curve of these data?"
            ));
        }
        let here = Unit::Bits.of(self.curve.limits().information);
        if let Some(own) = self.own_information.map(|i| Unit::Bits.of(i)).filter(|own| (own - here).abs() > 0.02 * own)
        {
            notes.push(format!(
                "the information-bottleneck curve has I(X;Y) = {here:.4} bits, and the inputs and labels of the plane, as counted, \
                 {own:.4}: unless these labels are a draw of noisy ones, it is the curve of another distribution, and layers \
                 may well lie above it; --ib-curve auto takes the data's own"
            ));
        }
        if self.curve.is_corner() {
            notes.push(
                "the labels are a function of the inputs, as far as these data tell: the information-bottleneck bound is the \
                 corner min(I(X;T), H(Y)), which holds for any T and tells no trade-off"
                    .into(),
            );
        }
        notes
    }
}

/// What `narrows plane --ib-curve` names: a run's folder, its table, or `auto`, the sample's own joint distribution.
pub(super) fn for_plane(
    asked: &str,
    samples: Option<&Samples>,
    rows: &[usize],
    classes: &[u32],
    seed: u64,
) -> Result<PlaneCurve> {
    if asked == "auto" {
        let joint = own_joint(samples, rows, classes).context("--ib-curve auto")?;
        let curve = BottleneckOptions { seed, ..BottleneckOptions::default() }.curve(&joint, &|| ());
        let name = samples.map_or("the labels", Samples::name).to_string();
        return Ok(PlaneCurve { curve: curve.context("--ib-curve auto")?, name, file: None, own_information: None });
    }
    let path: PathBuf = if Path::new(asked).is_dir() { Path::new(asked).join(TABLE) } else { asked.into() };
    ensure!(
        path.exists(),
        "--ib-curve {asked}: there is no {} (give the folder of a run of `narrows ib-curve`, its table, or auto)",
        path.display()
    );
    let table: Vec<IbCurveRow> = read_csv(&path)?;
    let curve = curve_of_rows(&table).with_context(|| format!("cannot use --ib-curve {}", path.display()))?;
    let name = table.first().map_or_else(String::new, |r| r.joint.clone());
    // Where they are too many to be counted, nothing is compared.
    let own = samples.and_then(|s| own_joint(Some(s), rows, classes).ok());
    let own_information = own.map(|joint| joint.information());
    Ok(PlaneCurve { curve, name, file: Some(InputFile::of(&path)?), own_information })
}
