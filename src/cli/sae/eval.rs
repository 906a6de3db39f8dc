//! `narrows sae eval`

use crate::cli::ending::{Said, finish, write_table};
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::dictionary::eval::{EvalSpec, Judged, eval, findings};
use crate::run::{Identity, InputFile, Opened, RunFolder};
use anyhow::Result;
use narrows_dictionaries::baselines::BASELINES;
use serde_json::json;

/// Judge dictionaries: reconstruction, sparsity, features, concepts, what of a truth or of a loss is recovered
///
/// Writes dictionaries.csv (one row a number), features.csv (one row a feature), pairs.csv (features that exclude one
/// another), figures and a report. docs/sae-evaluation.md says what each number is.
#[derive(Debug, clap::Args)]
pub(super) struct EvalArgs {
    /// Dictionaries, or runs of `narrows sae train` with all of theirs
    #[arg(value_name = "DICTIONARY")]
    dictionaries: Vec<String>,
    /// Activations: FILE, FILE:ARRAY, 'PATTERN' or a folder of shards; planted:KEY=VALUE,… for a planted truth
    #[arg(long, short, value_name = "PLACE", required_unless_present = "planted")]
    activations: Option<String>,
    /// A planted dictionary, as KEY=VALUE,…: n-true, dims, active, zipf, coefficients, correlation, group, noise, samples, seed
    #[arg(long, value_name = "SPEC", num_args = 0..=1, default_missing_value = "", conflicts_with = "activations")]
    planted: Option<String>,
    /// Share of the rows, the first ones, that probes and baselines are fitted to; the rest is judged on
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    train_first: f64,
    /// Baselines of the same size: all, or some of pca, k-means, nmf, random, coordinates parted by commas
    #[arg(long, value_name = "NAMES", num_args = 0..=1, default_missing_value = "all", value_delimiter = ',')]
    baselines: Vec<String>,
    /// Concept labels [rows × concepts] of 0, 1 or missing: sparse probes
    #[arg(long, short, value_name = "FILE")]
    concepts: Option<String>,
    /// Names of the concepts, one a line
    #[arg(long, value_name = "FILE", requires = "concepts")]
    concept_names: Option<String>,
    /// Features that a probe may have
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2,5")]
    probe_features: Vec<usize>,
    /// A fitted model of `narrows concept fit` on the same activations: how much of its loss is recovered
    #[arg(long, value_name = "FOLDER", requires = "labels")]
    head: Option<String>,
    /// Labels of the rows, for --head
    #[arg(long, value_name = "FILE")]
    labels: Option<String>,
    /// Column that holds the labels
    #[arg(long, value_name = "COLUMN", requires = "labels")]
    label_column: Option<String>,
    /// Seed of the baselines
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

impl EvalArgs {
    fn spec(&self) -> Result<EvalSpec> {
        let planted = self.planted.as_ref().map(|s| format!("planted:{s}"));
        let mut baselines: Vec<String> = vec![];
        for name in &self.baselines {
            let known = BASELINES.iter().map(|b| b.name);
            match name.as_str() {
                "all" => baselines.extend(known.map(String::from)),
                other => {
                    let names = known.collect::<Vec<_>>();
                    anyhow::ensure!(
                        names.contains(&other),
                        "there is no baseline '{other}'; there are: all, {}",
                        names.join(", ")
                    );
                    baselines.push(other.into());
                }
            }
        }
        Ok(EvalSpec {
            dictionaries: self.dictionaries.clone(),
            activations: self.activations.clone().or(planted).unwrap_or_default(),
            train_first: self.train_first,
            baselines,
            concepts: self.concepts.clone(),
            concept_names: self.concept_names.clone(),
            probe_features: self.probe_features.clone(),
            head: self.head.clone(),
            labels: self.labels.clone(),
            label_column: self.label_column.clone(),
            seed: self.seed,
        })
    }
}

pub(super) fn run(args: &EvalArgs, output: Output) -> Result<()> {
    anyhow::ensure!(
        !args.dictionaries.is_empty(),
        "there is nothing to judge: give the folders of dictionaries, or of a run of `narrows sae train`"
    );
    let spec = args.spec()?;
    let (dictionaries, files) = Judged::read(&spec.dictionaries)?;
    let bench = spec.open()?;
    let mut inputs = bench.files.clone();
    inputs.extend(files.iter().map(|f| InputFile::of(f)).collect::<Result<Vec<_>>>()?);
    let identity = Identity::new("sae eval", serde_json::to_value(&spec)?, inputs);
    let folder = match RunFolder::open(&args.out.folder("sae-eval"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let bar = output.bar(1, "judging", "dictionaries");
    let found = eval(&spec, &bench, &dictionaries, &mut |done, all, name| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        bar.set_message(name.to_string());
    })?;
    bar.finish_and_clear();
    write_table(&folder, "dictionaries", &found.numbers)?;
    write_table(&folder, "features", &found.features)?;
    write_table(&folder, "pairs", &found.pairs)?;
    let said = Said { attribution: None, findings: findings(&found), warnings: found.warnings.clone() };
    let ending = finish(folder, &identity, said, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);
    let mut lines = manifest.findings.clone();
    lines.extend(ending.warnings_and_files("dictionaries.csv"));
    let whole = |r: &&crate::table::DictionaryRow| r.feature.is_none() && r.concept.is_empty();
    let summary = json!({
        "out": path,
        "dictionaries": found.numbers.iter().filter(whole).collect::<Vec<_>>(),
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &summary)
}
