//! `narrows concept propagate`

use super::data_args::ConceptDataArgs;
use super::ending::{Ending, finish};
use super::fit::write_table;
use super::loaded::Loaded;
use super::told::TellArgs;
use crate::cli::options::OutArgs;
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::cli::tree::aligned;
use crate::concept::{
    NeighbourSpec, Neighboured, Subject, Told, descended, energies, followed, propagated, write_sample,
};
use crate::run::{Identity, Opened, RunFolder};
use crate::table::{ConceptNeighbourRow, ConceptPropagationRow, EnergyTraceRow};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Concepts that the terminal shows of a sample.
const SHOWN: usize = 10;

/// Say what knowing one concept says about the others
///
/// With --sample: every concept and class before and after some concepts, or the class, are told (propagation.csv, and a strip of
/// what moved). Without: each concept of the test samples is corrected in turn, and what that does to the concepts that go with it,
/// to all others and to the class is measured (neighbours.csv by concept, neighbours_summary.csv, and bars). Bottlenecks without a
/// model of how concepts go together show that nothing else moves.
#[derive(Debug, clap::Args)]
pub(super) struct PropagateArgs {
    /// Folders of fitted bottlenecks
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// One sample: a row of the data, from 1
    #[arg(long, short, value_name = "ROW")]
    sample: Option<String>,
    #[command(flatten)]
    tell: TellArgs,
    /// Correct the groups of the data (or of --concept-groups) as wholes
    #[arg(long, conflicts_with = "sample")]
    grouped: bool,
    /// Least |φ| between the training labels of a concept and of those that go with it
    #[arg(long, value_name = "PHI", default_value_t = 0.3, value_parser = association, conflicts_with = "sample")]
    phi: f64,
    /// Test samples, at most: the first of them [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..), conflicts_with = "sample")]
    samples: Option<u32>,
    /// Instead: how the energy of joint models falls while they infer the test samples (energy_trace.csv)
    #[arg(long, conflicts_with_all = ["sample", "grouped", "phi"])]
    trace: bool,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

fn association(text: &str) -> Result<f64, String> {
    let read = text.parse::<f64>().ok().filter(|p| *p > 0.0 && *p <= 1.0);
    read.ok_or_else(|| "a correlation above 0, and 1 at most, is expected".into())
}

pub(super) fn run(args: &PropagateArgs, output: Output) -> Result<()> {
    let loaded = Loaded::of(&args.models, &args.data)?;
    match &args.sample {
        Some(sample) => one(args, &loaded, sample, output),
        None if args.trace => trace(args, &loaded, output),
        None => many(args, &loaded, output),
    }
}

/// The run's folder, for what `more` says beside the models and the data; `None` where it is complete.
fn open(args: &PropagateArgs, loaded: &Loaded, more: Value, output: Output) -> Result<Option<(RunFolder, Identity)>> {
    let config = json!({ "models": args.models, "data": loaded.data, "propagation": more });
    let identity = Identity::new("concept propagate", config, loaded.files.clone());
    let folder = args.out.folder(&format!("concept-propagate-{}", loaded.models[0].probe));
    match RunFolder::open(&folder, args.out.existing(), &identity)? {
        Opened::Ready(folder) => Ok(Some((folder, identity))),
        Opened::Complete(path) => output.complete(&path).map(|()| None),
    }
}

/// The first test samples, as many as were asked for.
fn test_rows(args: &PropagateArgs, subject: &Subject) -> Vec<usize> {
    subject.test[..subject.test.len().min(args.samples.map_or(usize::MAX, |n| n as usize))].to_vec()
}

fn one(args: &PropagateArgs, loaded: &Loaded, sample: &str, output: Output) -> Result<()> {
    ensure!(
        !args.tell.is_empty(),
        "--sample {sample}: nothing is told of it; give --set CONCEPT=present, --set-group GROUP=VALUE or --set-class CLASS"
    );
    let (mut rows, mut findings, mut warnings) = (vec![], vec![], vec![]);
    let mut shown = None;
    for (model, subject) in loaded.pairs() {
        let chosen = super::explain::rows(sample, subject.data.n_samples())?;
        let [row] = chosen[..] else {
            anyhow::bail!("--sample {sample}: {} samples are named, and one is expected", chosen.len())
        };
        let read = || -> Result<(Told, Vec<ConceptPropagationRow>)> {
            let told = args.tell.read(model.bottleneck.names(), &subject.groups, &subject.data.names().concepts)?;
            let found = propagated(model, subject, row, &told)?;
            Ok((told, found))
        };
        let (told, found) = read().with_context(|| format!("cannot ask {}", model.probe))?;
        findings.extend(followed(&found, told.class.is_some() || model.bottleneck.propagation().is_some()));
        warnings.extend(against(&found));
        if subject.train.contains(&row) {
            warnings.push(format!("{}: sample {} is one that it was fitted to", model.probe, row + 1));
        }
        shown = shown.or_else(|| subject.image(row));
        rows.extend(found);
    }
    let more = json!({ "sample": sample, "told": args.tell });
    let Some((folder, identity)) = open(args, loaded, more, output)? else { return Ok(()) };
    write_table(&folder, "propagation", &rows)?;
    if let Some(image) = &shown {
        write_sample(&folder, image)?;
    }
    let ending = finish(folder, &identity, loaded.said(findings, warnings), &args.look)?;
    let mut lines = vec![];
    for model in &loaded.models {
        let mut own: Vec<_> = rows.iter().filter(|r| r.probe == model.probe).collect();
        own.sort_by(|a, b| (b.after - b.before).abs().total_cmp(&(a.after - a.before).abs()));
        lines.push(model.probe.clone());
        let cells: Vec<[String; 6]> = own.iter().take(SHOWN).map(|r| line(r)).collect();
        lines.extend(aligned(&cells, &[false, false, true, true, false, false]));
    }
    tell(&ending, lines, "propagation.csv", ("propagation", json!(rows)), output)
}

fn line(row: &ConceptPropagationRow) -> [String; 6] {
    let side = |v: Option<f64>, of: [&str; 2]| v.map_or(String::new(), |v| of[usize::from(v >= 0.5)].into());
    let truth =
        if row.kind == "class" { side(row.truth, ["", "label"]) } else { side(row.truth, ["absent", "present"]) };
    let (before, after) = (format!("{:.3}", row.before), format!("{:.3}", row.after));
    [format!("  {}", row.kind), row.name.clone(), before, after, truth, side(row.told, ["told absent", "told"])]
}

/// That something was told against the data's labels.
fn against(rows: &[ConceptPropagationRow]) -> Option<String> {
    let differs = |r: &&ConceptPropagationRow| r.told.zip(r.truth).is_some_and(|(a, b)| (a >= 0.5) != (b >= 0.5));
    let names: Vec<&str> = rows.iter().filter(differs).map(|r| r.name.as_str()).collect();
    let probe = &rows.first()?.probe;
    (!names.is_empty()).then(|| format!("{probe}: what is told is not what the labels say of {}", names.join(", ")))
}

fn many(args: &PropagateArgs, loaded: &Loaded, output: Output) -> Result<()> {
    let spec = NeighbourSpec { grouped: args.grouped, phi: args.phi };
    for (model, subject) in loaded.pairs() {
        spec.check(model, subject, &test_rows(args, subject))?;
    }
    let more = json!({ "samples": args.samples, "neighbours": spec });
    let Some((folder, identity)) = open(args, loaded, more, output)? else { return Ok(()) };
    let all: usize = loaded.subjects.iter().map(|s| test_rows(args, s).len()).sum();
    let bar = output.bar(all as u64, "correcting", "samples");
    let mut found = Neighboured::default();
    for (model, subject) in loaded.pairs() {
        let own = spec.run(model, subject, &test_rows(args, subject), &|n| bar.inc(n as u64))?;
        found.rows.extend(own.rows);
        found.summary.extend(own.summary);
        found.findings.extend(own.findings);
        found.warnings.extend(own.warnings);
    }
    bar.finish_and_clear();
    write_table(&folder, "neighbours", &found.rows)?;
    write_table(&folder, "neighbours_summary", &found.summary)?;
    let said = loaded.said(found.findings, found.warnings);
    let ending = finish(folder, &identity, said, &args.look)?;
    let head = ["model", "corrected where", "target", "before", "after", "change", "±", "corrections", "samples"];
    let mut cells = vec![head.map(String::from)];
    cells.extend(found.summary.iter().map(numbers));
    let lines = aligned(&cells, &[false, false, false, true, true, true, true, true, true]);
    tell(&ending, lines, "neighbours_summary.csv", ("neighbours", json!(found.summary)), output)
}

fn numbers(row: &ConceptNeighbourRow) -> [String; 9] {
    let percent = |v: f64| format!("{:.1} %", 100.0 * v);
    [
        row.probe.clone(),
        row.over.clone(),
        row.target.clone(),
        percent(row.before),
        percent(row.after),
        format!("{:+.2}", 100.0 * row.change),
        row.std_error.map_or(String::new(), |e| format!("{:.2}", 196.0 * e)),
        row.n_corrections.to_string(),
        row.n_samples.to_string(),
    ]
}

fn trace(args: &PropagateArgs, loaded: &Loaded, output: Output) -> Result<()> {
    for model in &loaded.models {
        ensure!(
            model.bottleneck.joint().is_some(),
            "{} is no joint model of concepts and class: its inference has no energy to follow",
            model.probe
        );
    }
    let more = json!({ "samples": args.samples, "trace": true });
    let Some((folder, identity)) = open(args, loaded, more, output)? else { return Ok(()) };
    let (mut rows, mut findings): (Vec<EnergyTraceRow>, Vec<String>) = (vec![], vec![]);
    for (model, subject) in loaded.pairs() {
        let own = energies(model, subject, &test_rows(args, subject))?;
        findings.extend(descended(&own));
        rows.extend(own);
    }
    write_table(&folder, "energy_trace", &rows)?;
    let ending = finish(folder, &identity, loaded.said(findings, vec![]), &args.look)?;
    tell(&ending, vec![], "energy_trace.csv", ("steps", json!(rows.len())), output)
}

/// Prints what came out.
fn tell(
    ending: &Ending,
    mut lines: Vec<String>,
    table: &str,
    (key, value): (&str, Value),
    output: Output,
) -> Result<()> {
    let (path, manifest) = (&ending.path, &ending.manifest);
    lines.extend(manifest.findings.iter().cloned());
    lines.extend(ending.warnings_and_files(table));
    let value = json!({
        "out": path,
        key: value,
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &value)
}
