//! `narrows mi` and `narrows entropy`

mod stream;
mod told;

use self::stream::StreamArgs;
use self::told::{Kind, Side, Told};
use super::options::LARGEST_SEED;
use super::output::Output;
use crate::plane::Unit;
use crate::variable::{LoadedVariable, VariableFile};
use anyhow::{Context, Result, ensure};
use narrows_estimators::registry::{self, Entry, Measure};
use narrows_estimators::uncertainty::{self, Estimand};
use narrows_estimators::{Estimate, OwnedVariable, Transform, Variable, transformed};
use std::time::Instant;

/// Estimate the mutual information of two variables
///
/// Each variable is a file (npy, npz, IDX, CSV or Parquet; also gzipped), or FILE:WHICH for an array of an npz or for
/// columns by name or number (`data.csv:age,height`, `data.parquet:3-5`). Rows are samples. Integers, truth values and
/// names of a single column are discrete, everything else is continuous.
#[derive(Debug, clap::Args)]
pub(super) struct MiArgs {
    /// The first variable
    #[arg(long, value_name = "FILE[:WHICH]")]
    x: String,
    /// The second variable
    #[arg(long, value_name = "FILE[:WHICH]")]
    y: String,
    /// A third variable: I(X;Y|Z) is estimated
    #[arg(long, visible_alias = "given", value_name = "FILE[:WHICH]")]
    z: Option<String>,
    /// Take x for discrete, whatever its type; several columns are one variable of their combinations
    #[arg(long, overrides_with = "x_continuous")]
    x_discrete: bool,
    /// Take y for discrete
    #[arg(long, overrides_with = "y_continuous")]
    y_discrete: bool,
    /// Take z for discrete
    #[arg(long, overrides_with = "z_continuous", requires = "z")]
    z_discrete: bool,
    /// Take x for continuous, though its type is an integer
    #[arg(long)]
    x_continuous: bool,
    /// Take y for continuous
    #[arg(long)]
    y_continuous: bool,
    /// Take z for continuous
    #[arg(long, requires = "z")]
    z_continuous: bool,
    /// The estimator, as NAME or NAME:KEY=VALUE,…; `narrows estimators` lists them [default: auto; given z, ksg or plug-in]
    #[arg(long, short, value_name = "SPEC", value_hint = clap::ValueHint::Other)]
    estimator: Option<String>,
    /// Compress continuous variables of several columns first: pca or autoencoder, as NAME:KEY=VALUE,… (also written
    /// before the estimator, as pca:components=4/ksg)
    #[arg(long, value_name = "ENCODER", value_hint = clap::ValueHint::Other)]
    compress: Option<String>,
    /// Test independence by N shuffles of x, and give the p-value
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), conflicts_with = "z")]
    permutations: Option<u32>,
    /// Transform each coordinate first (information does not change), and check that the estimate does not move either
    #[arg(long, value_enum)]
    transform: Option<TransformName>,
    #[command(flatten)]
    common: EstimateArgs,
    #[command(flatten)]
    stream: StreamArgs,
}

/// Estimate the entropy of a variable
///
/// Discrete entropy of a discrete variable, differential entropy of a continuous one. The variable is a file (npy, npz,
/// IDX, CSV or Parquet), or FILE:WHICH for an array of an npz or columns of a table.
#[derive(Debug, clap::Args)]
pub(super) struct EntropyArgs {
    /// The variable
    #[arg(long, value_name = "FILE[:WHICH]")]
    x: String,
    /// Take it for discrete, whatever its type
    #[arg(long, overrides_with = "x_continuous")]
    x_discrete: bool,
    /// Take it for continuous, though its type is an integer
    #[arg(long)]
    x_continuous: bool,
    /// The estimator, as NAME or NAME:KEY=VALUE,… [default: plug-in, or kozachenko-leonenko if continuous]
    #[arg(long, short, value_name = "SPEC", value_hint = clap::ValueHint::Other)]
    estimator: Option<String>,
    #[command(flatten)]
    common: EstimateArgs,
    #[command(flatten)]
    stream: StreamArgs,
}

/// What both share.
#[derive(Debug, clap::Args)]
struct EstimateArgs {
    /// Unit of the answer
    #[arg(long, value_enum, default_value_t)]
    unit: Unit,
    /// Where the standard error comes from
    #[arg(long, value_enum, default_value_t)]
    interval: IntervalKind,
    /// Extrapolate in 1/N, from N, N/2, … N/5 samples, to infinitely many
    #[arg(long)]
    extrapolate: bool,
    /// Replace a negative estimate by zero
    #[arg(long)]
    clip: bool,
    /// Seed of shuffles and sub-samples
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum IntervalKind {
    /// The method's own, where it has one
    #[default]
    Own,
    /// Variance over parts of the samples (Holmes & Nemenman 2019)
    Subsampling,
    /// Leaving out each twentieth of the samples in turn
    Jackknife,
    /// None
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TransformName {
    /// Less the mean, over the standard deviation
    Standard,
    /// Ranks
    Rank,
    /// Normal quantiles of the ranks
    Normal,
    /// asinh of the standardised value, against heavy tails
    Asinh,
}

impl TransformName {
    fn transform(self) -> Transform {
        match self {
            TransformName::Standard => Transform::Standard,
            TransformName::Rank => Transform::Rank,
            TransformName::Normal => Transform::Normal,
            TransformName::Asinh => Transform::Asinh,
        }
    }
}

/// The user's word on the kind of a variable.
fn kind(discrete: bool, continuous: bool) -> Option<bool> {
    match (discrete, continuous) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

impl MiArgs {
    fn files(&self) -> Vec<(&'static str, VariableFile)> {
        let of = |place: &str, discrete, continuous| VariableFile {
            place: place.into(),
            discrete: kind(discrete, continuous),
        };
        vec![
            ("x", of(&self.x, self.x_discrete, self.x_continuous)),
            ("y", of(&self.y, self.y_discrete, self.y_continuous)),
        ]
    }

    /// What was asked for that needs all samples at once.
    fn needs_memory(&self) -> Option<&'static str> {
        let own = [
            (self.z.is_some(), "--given"),
            (self.permutations.is_some(), "--permutations"),
            (self.transform.is_some(), "--transform"),
        ];
        own.into_iter().find_map(|(is, option)| is.then_some(option)).or_else(|| self.common.needs_memory())
    }

    fn specification(&self, default: &str) -> String {
        let own = self.estimator.as_deref().unwrap_or(default);
        self.compress.as_ref().map_or_else(|| own.into(), |encoder| format!("{encoder}/{own}"))
    }
}

impl EstimateArgs {
    fn needs_memory(&self) -> Option<&'static str> {
        match self.interval {
            IntervalKind::Subsampling => Some("--interval subsampling"),
            IntervalKind::Jackknife => Some("--interval jackknife"),
            _ => self.extrapolate.then_some("--extrapolate"),
        }
    }
}

pub(super) fn mi(args: &MiArgs, output: Output) -> Result<()> {
    let asked = args.specification("auto");
    let streaming = || registry::streaming_mutual_information(&asked);
    if args.stream.applies(&args.files(), &streaming, args.needs_memory())? {
        let estimator = registry::mutual_information(&asked)?;
        let what = Asked { quantity: "I(X;Y)", specification: &asked, parameters: estimator.parameters() };
        return stream::answer(&what, streaming()?, &args.files(), &args.common, &args.stream, output);
    }
    let load = |option: &str, place: &str, discrete| {
        let loaded = VariableFile { place: place.into(), discrete }.load()?;
        if let Some(note) = &loaded.note {
            output.note(&format!("note: {place}: {note}; if they are labels, add --{option}-discrete"));
        }
        Ok::<LoadedVariable, anyhow::Error>(loaded)
    };
    let x = load("x", &args.x, kind(args.x_discrete, args.x_continuous))?;
    let y = load("y", &args.y, kind(args.y_discrete, args.y_continuous))?;
    let z = args.z.as_deref().map(|z| load("z", z, kind(args.z_discrete, args.z_continuous))).transpose()?;
    let loaded: Vec<(&'static str, &str, &LoadedVariable)> = [("x", args.x.as_str(), &x), ("y", args.y.as_str(), &y)]
        .into_iter()
        .chain(z.as_ref().map(|loaded| ("z", args.z.as_deref().unwrap_or_default(), loaded)))
        .collect();
    let variables: Vec<Variable<'_>> = loaded.iter().map(|(_, _, l)| l.variable.view()).collect();
    for (name, place, other) in &loaded[1..] {
        ensure!(
            other.variable.view().len() == variables[0].len(),
            "{} has {} samples and {place} ({name}) has {}: row i of one must go with row i of the other",
            args.x,
            variables[0].len(),
            other.variable.view().len()
        );
    }
    let specification = args.specification(default_for(&variables));
    if z.is_some() {
        let estimator = registry::conditional(&specification)?;
        let estimand = |v: &[Variable<'_>]| estimator.estimate_given(v[0].reborrow(), v[1].reborrow(), v[2].reborrow());
        let what = Asked { quantity: "I(X;Y|Z)", specification: &specification, parameters: estimator.parameters() };
        return answer(&what, &args.common, None, args.transform, &variables, &estimand, &loaded, output);
    }
    let estimator = registry::mutual_information(&specification)?;
    let estimand = |v: &[Variable<'_>]| estimator.estimate(v[0].reborrow(), v[1].reborrow());
    let what = Asked { quantity: "I(X;Y)", specification: &specification, parameters: estimator.parameters() };
    answer(&what, &args.common, args.permutations, args.transform, &variables, &estimand, &loaded, output)
}

pub(super) fn entropy(args: &EntropyArgs, output: Output) -> Result<()> {
    let file = VariableFile { place: args.x.clone(), discrete: kind(args.x_discrete, args.x_continuous) };
    let files = [("x", file.clone())];
    let asked = match &args.estimator {
        Some(own) => own.clone(),
        None if args.stream.asked() && file.stream()?.width().is_none() => "plug-in".into(),
        None => "kozachenko-leonenko".into(),
    };
    let streaming = || registry::streaming_entropy(&asked);
    if args.stream.applies(&files, &streaming, args.common.needs_memory())? {
        let estimator = registry::entropy(&asked)?;
        let what = Asked { quantity: "H(X)", specification: &asked, parameters: estimator.parameters() };
        return stream::answer(&what, streaming()?, &files, &args.common, &args.stream, output);
    }
    let x = file.load()?;
    let variables = [x.variable.view()];
    let by_kind = match variables[0] {
        Variable::Discrete(_) => "plug-in",
        _ => "kozachenko-leonenko",
    };
    let specification = args.estimator.as_deref().unwrap_or(by_kind);
    let estimator = registry::entropy(specification)?;
    let estimand = |v: &[Variable<'_>]| estimator.entropy(v[0].reborrow());
    let what = Asked { quantity: "H(X)", specification, parameters: estimator.parameters() };
    answer(&what, &args.common, None, None, &variables, &estimand, &[("x", &args.x, &x)], output)
}

/// The estimator for variables of these kinds.
fn default_for(variables: &[Variable<'_>]) -> &'static str {
    let discrete = variables.iter().filter(|v| matches!(v, Variable::Discrete(_))).count();
    match (discrete, variables.len()) {
        (_, 2) => "auto",
        (d, all) if d == all => "plug-in",
        _ => "ksg",
    }
}

/// What was asked for.
struct Asked<'a> {
    quantity: &'a str,
    specification: &'a str,
    parameters: String,
}

impl Asked<'_> {
    fn entry(&self) -> Option<&'static Entry> {
        registry::entry(self.specification)
    }

    fn is_information(&self) -> bool {
        self.entry().is_none_or(|e| e.measure == Measure::Information)
    }
}

#[allow(clippy::too_many_arguments)] // One caller a subcommand; a struct would only rename them.
fn answer(
    asked: &Asked<'_>,
    args: &EstimateArgs,
    permutations: Option<u32>,
    transform: Option<TransformName>,
    variables: &[Variable<'_>],
    estimand: &Estimand<'_>,
    loaded: &[(&'static str, &str, &LoadedVariable)],
    output: Output,
) -> Result<()> {
    let start = Instant::now();
    let checked = |v: &[Variable<'_>]| match transform {
        Some(name) => transformed(v, estimand, name.transform()),
        None => estimand(v),
    };
    // Sub-samples and shuffles need the value alone, without the check.
    let plain = |v: &[Variable<'_>]| -> Result<Estimate, narrows_estimators::EstimatorError> {
        match transform {
            Some(name) => {
                let owned: Vec<OwnedVariable> =
                    v.iter().map(|v| name.transform().variable(v)).collect::<Result<_, _>>()?;
                estimand(&owned.iter().map(OwnedVariable::view).collect::<Vec<_>>())
            }
            None => estimand(v),
        }
    };
    let failed =
        || format!("{} of {}", asked.specification, loaded.iter().map(|l| l.1).collect::<Vec<_>>().join(" and "));
    let mut estimate = if args.extrapolate {
        uncertainty::extrapolate(variables, &plain, args.seed).with_context(failed)?.estimate
    } else {
        checked(variables).with_context(failed)?
    };
    let seconds = start.elapsed().as_secs_f64();
    match args.interval {
        IntervalKind::Own => {}
        IntervalKind::None => estimate.std_error = None,
        IntervalKind::Subsampling => {
            estimate.std_error = Some(uncertainty::subsampling(variables, &plain, args.seed).with_context(failed)?);
        }
        IntervalKind::Jackknife => {
            let found = uncertainty::jackknife(variables, &plain, args.seed).with_context(failed)?;
            estimate.std_error = Some(found.std_error);
            estimate = estimate.with_detail("jackknife_bias_nats", found.bias.0);
        }
    }
    let test = permutations
        .map(|n| uncertainty::permutation_test(variables, &plain, n as usize, args.seed).with_context(failed))
        .transpose()?;
    if args.clip {
        estimate = estimate.clipped();
    }
    let sides: Vec<Side<'_>> =
        loaded.iter().map(|(name, place, l)| Side { name, place, kind: Kind::of(&l.variable) }).collect();
    let is_information = asked.is_information();
    let told = Told { asked, args, estimate: &estimate, test, seconds, is_information, sides: &sides, streamed: None };
    output.summary(&told.lines(), &told.json())
}
