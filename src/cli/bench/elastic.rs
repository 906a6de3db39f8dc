//! `narrows bench elastic`

use crate::cli::output::Output;
use crate::concept::{DataSpec, Split};
use anyhow::Result;
use narrows_probes::elastic::{Loss, Penalty, Problem, Solver};
use serde_json::json;
use std::time::Instant;

/// Time the elastic-net solver of the post-hoc bottleneck on a matrix, for other programs to be measured on the same
///
/// Prints the objective that was reached, its duality gap and the seconds of the fit alone. Benches/elastic.py runs it
/// against scikit-learn.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: narrows bench elastic X.npy --labels y.npy --lambda 1e-4 --json")]
pub(super) struct ElasticArgs {
    /// Matrix [samples × features], as FILE or FILE:WHICH
    matrix: String,
    /// One class a row
    #[arg(long, value_name = "FILE")]
    labels: String,
    /// Strength of the penalty
    #[arg(long, value_name = "LAMBDA", default_value_t = 1e-4)]
    lambda: f64,
    /// Share of the absolute penalty
    #[arg(long, value_name = "ALPHA", default_value_t = 0.99)]
    alpha: f64,
    /// A softmax over all classes instead of one class against the rest
    #[arg(long)]
    multinomial: bool,
    /// Largest duality gap, as a share of the objective
    #[arg(long, value_name = "GAP", default_value_t = 1e-7)]
    tolerance: f64,
}

pub(super) fn run(args: &ElasticArgs, output: Output) -> Result<()> {
    let spec = DataSpec {
        embeddings: Some(args.matrix.clone()),
        labels: Some(args.labels.clone()),
        split: Split::First(0.5),
        ..DataSpec::default()
    };
    let data = spec.load(0)?.data;
    let penalty = Penalty::new(args.lambda, args.alpha)?;
    let loss = if args.multinomial { Loss::Multinomial } else { Loss::OneVsRest };
    let solver = Solver { tolerance: args.tolerance, ..Solver::default() };
    let began = Instant::now();
    let problem = Problem::new(data.embeddings(), data.labels(), data.n_classes(), loss)?;
    let fit = problem.solve(penalty, solver, &mut problem.start());
    let seconds = began.elapsed().as_secs_f64();
    let (objective, gap) = (fit.objectives.iter().sum::<f64>(), fit.gaps.iter().sum::<f64>());
    let per_class = fit.head.concepts_per_class();
    let lines = [
        format!("objective          {objective:.12}  (at most {gap:.1e} above the minimum)"),
        format!("features a class   {per_class:.2}"),
        format!("seconds            {seconds:.3}"),
    ];
    let summary = json!({
        "objective": objective, "gap": gap, "converged": fit.converged, "subgradient": fit.violation,
        "features_per_class": per_class, "steps": fit.iterations, "seconds": seconds,
    });
    output.summary(&lines, &summary)
}
