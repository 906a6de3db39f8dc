//! `narrows concept edit`

use super::data_args::ConceptDataArgs;
use super::ending::{Said, finish};
use super::fit::write_table;
use super::weight_names::{assigned, number, one, pair};
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::cli::tree::aligned;
use crate::concept::{EditSamples, EditSpec, Model, edited};
use crate::run::{Identity, Opened, RunFolder};
use crate::table::ConceptEditRow;
use anyhow::{Context, Result, bail, ensure};
use narrows_probes::Names;
use narrows_probes::edit::{Edit, Editable, Sign};
use serde_json::json;
use std::path::PathBuf;

/// Change weights of a fitted bottleneck by hand, and see what that does
///
/// Saves the edited model and writes edits.csv: accuracy, recall and precision before and after, on the model's own test
/// samples and on the data given here (shifted data, say), against as many random prunes, and against what the target data
/// themselves point at.
#[derive(Debug, clap::Args)]
pub(super) struct EditArgs {
    /// Folder of a fitted bottleneck
    model: PathBuf,
    /// Set the weight of a concept for a class to 0
    #[arg(long, value_name = "CLASS:CONCEPT")]
    prune: Vec<String>,
    /// Scale the weights of every pruned class to their former sum of absolute values
    #[arg(long, alias = "renormalize", requires = "prune")]
    renormalise: bool,
    /// Let intercepts take over what changed weights added on average over the training samples
    #[arg(long)]
    keep_mean: bool,
    /// Give a weight a value
    #[arg(long, value_name = "CLASS:CONCEPT=VALUE")]
    weight: Vec<String>,
    /// Multiply a weight
    #[arg(long, value_name = "CLASS:CONCEPT=FACTOR")]
    scale: Vec<String>,
    /// Allow weights of one sign alone; * stands for every class or concept
    #[arg(long, value_name = "CLASS:CONCEPT=positive|negative")]
    sign: Vec<String>,
    /// Cut weights at ± a value; * stands for every class or concept
    #[arg(long, value_name = "CLASS:CONCEPT=MOST")]
    bound: Vec<String>,
    /// Fit the weights of a class anew after that, all others frozen; pruned ones stay 0
    #[arg(long, value_name = "CLASS")]
    fine_tune: Vec<String>,
    /// Fit them to half of the data given here rather than to the model's own training samples
    #[arg(long, requires = "fine_tune")]
    fine_tune_on_target: bool,
    /// Penalty on how far fine-tuned weights move (of standardised concepts)
    #[arg(long, value_name = "L", default_value_t = 1e-3)]
    lambda: f64,
    /// Random prunes to compare with; 0: none
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(..=100_000))]
    random_prunes: u32,
    /// Resamples of the intervals
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(..=100_000))]
    resamples: u32,
    /// Seed of random prunes, resamples and the halves of the data given here
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    /// Name of the edited bottleneck in tables [default: the model's, with -edited]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    data: ConceptDataArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

impl EditArgs {
    fn edits(&self, names: &Names) -> Result<Vec<Edit>> {
        let mut edits = vec![];
        for text in &self.scale {
            let (place, value) = assigned(text)?;
            let (class, concept) = one(place, names).with_context(|| format!("--scale {text}"))?;
            edits.push(Edit::Scale { class, concept, factor: number(value, text)? });
        }
        for text in &self.weight {
            let (place, value) = assigned(text)?;
            let (class, concept) = one(place, names).with_context(|| format!("--weight {text}"))?;
            edits.push(Edit::Set { class, concept, value: number(value, text)? });
        }
        for text in &self.sign {
            let (place, value) = assigned(text)?;
            let (class, concept) = pair(place, names, true).with_context(|| format!("--sign {text}"))?;
            let sign = match value.trim() {
                "positive" => Sign::Positive,
                "negative" => Sign::Negative,
                other => bail!("--sign {text}: '{other}' is neither positive nor negative"),
            };
            edits.push(Edit::Constrain { class, concept, sign });
        }
        for text in &self.bound {
            let (place, value) = assigned(text)?;
            let (class, concept) = pair(place, names, true).with_context(|| format!("--bound {text}"))?;
            edits.push(Edit::Bound { class, concept, most: number(value, text)? });
        }
        for text in &self.prune {
            let (class, concept) = one(text, names).with_context(|| format!("--prune {text}"))?;
            ensure!(!edits.contains(&Edit::Prune { class, concept }), "--prune {text} is there twice");
            edits.push(Edit::Prune { class, concept });
        }
        Ok(edits)
    }

    /// What was asked for, in words.
    fn words(&self) -> String {
        let mut words: Vec<String> = self.prune.iter().map(|p| format!("prune {p}")).collect();
        words.extend(self.renormalise.then(|| "renormalise".to_string()));
        words.extend(self.keep_mean.then(|| "keep the mean".to_string()));
        for (what, list) in
            [("scale", &self.scale), ("weight", &self.weight), ("sign", &self.sign), ("bound", &self.bound)]
        {
            words.extend(list.iter().map(|t| format!("{what} {t}")));
        }
        words.extend(self.fine_tune.iter().map(|c| format!("fine-tune {c}")));
        words.join(", ")
    }
}

pub(super) fn run(args: &EditArgs, output: Output) -> Result<()> {
    let model = Model::load(&args.model)?;
    let names = model.bottleneck.names().clone();
    let fine_tune =
        args.fine_tune.iter().map(|c| super::place("class", c, &names.classes)).collect::<Result<Vec<_>>>()?;
    let spec = EditSpec {
        edits: args.edits(&names)?,
        renormalise: args.renormalise,
        keep_mean: args.keep_mean,
        fine_tune,
        fine_tune_on_target: args.fine_tune_on_target,
        lambda: args.lambda,
        draws: args.random_prunes as usize,
        resamples: args.resamples as usize,
        seed: args.seed,
    };
    spec.check(&model)?;
    let mut files = Model::files(&args.model)?;
    let mut warnings = vec![];
    let bottleneck = model.bottleneck.as_ref();
    // The edit can be judged on other data even where the model's own are gone.
    let own = match model.data.load(model.seed) {
        Ok(subject) => {
            files.extend(subject.files.clone());
            let part = |rows: &[usize]| subject.for_bottleneck(rows, bottleneck);
            Some((part(&subject.train)?, part(&subject.test)?))
        }
        Err(error) => {
            warnings.push(format!(
                "the data that the model was fitted to cannot be read ({error:#}): it is not tested on them"
            ));
            None
        }
    };
    let given = args.data.data.is_some() || args.data.embeddings.is_some();
    let target = match given {
        false => None,
        true => {
            let subject = args.data.spec_for(&model.data).load(model.seed)?;
            files.extend(subject.files.iter().filter(|f| !files.contains(f)).cloned().collect::<Vec<_>>());
            Some(subject.for_bottleneck(&subject.test, bottleneck)?)
        }
    };
    ensure!(own.is_some() || target.is_some(), "there are no samples to look at the edit on: {}", warnings.join("; "));
    let samples =
        EditSamples { train: own.as_ref().map(|o| &o.0), test: own.as_ref().map(|o| &o.1), target: target.as_ref() };
    let data = given.then(|| args.data.spec_for(&model.data));
    let config = json!({ "model": args.model, "edit": spec, "words": args.words(), "target": data, "name": args.name });
    let identity = Identity::new("concept edit", config, files);
    let folder = args.out.folder(&format!("concept-edit-{}", model.probe));
    let folder = match RunFolder::open(&folder, args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let found = spec.run(&model, samples)?;
    warnings.extend(found.warnings.iter().cloned());
    let bottleneck = Editable::new(bottleneck)?.with(&found.head)?;
    let new = Model {
        probe: args.name.clone().unwrap_or_else(|| format!("{}-edited", model.probe)),
        specification: format!("{}; edited: {}", model.specification, args.words()),
        seed: model.seed,
        data: model.data.clone(),
        statistics: model.statistics.clone(),
        bottleneck,
    };
    new.save(&folder)?;
    write_table(&folder, "edits", &found.rows)?;
    write_table(&folder, "prunes", &found.prunes)?;
    write_table(&folder, "weights", &crate::concept::weights(&new))?;
    let said = Said { findings: edited(&found.rows), warnings, ..Said::default() };
    let ending = finish(folder, &identity, said, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);
    let mut cells = vec![["edit", "samples", "metric", "before", "after", "gain", "95 %", "p"].map(String::from)];
    let points = |v: Option<f64>| v.map_or(String::new(), |v| format!("{:+.1}", 100.0 * v));
    let percent = |v: Option<f64>| v.map_or(String::new(), |v| format!("{:.1} %", 100.0 * v));
    let few =
        found.rows.iter().filter(|r| r.edit == "edit" && r.edited == "yes" && r.metric == "precision").count() <= 9;
    let shown = |r: &&ConceptEditRow| r.class.is_empty() || (few && r.edited == "yes" && r.metric == "precision");
    for row in found.rows.iter().filter(shown) {
        let metric = if row.class.is_empty() { row.metric.clone() } else { format!("{} {}", row.metric, row.class) };
        cells.push([
            row.edit.clone(),
            row.split.clone(),
            metric,
            percent(row.before),
            percent(row.after),
            points(row.gain),
            format!("{} … {}", points(row.ci_low), points(row.ci_high)),
            row.p_value.map_or(String::new(), |p| if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }),
        ]);
    }
    let mut lines = aligned(&cells, &[false, false, false, true, true, true, true, true]);
    lines.push(format!("model   {}", path.join("model.json").display()));
    lines.extend(ending.warnings_and_files("edits.csv"));
    let value = json!({
        "out": path,
        "edits": found.rows,
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &value)
}
