//! `narrows sae name`

use crate::cli::ending::write_table;
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::concept::share;
use crate::dictionary::{NameJob, name, store};
use crate::run::{Identity, InputFile, Opened, RunFolder};
use anyhow::Result;
use ndarray_npy::WriteNpyExt;
use serde_json::json;
use std::path::PathBuf;

/// Features that the terminal shows.
const SHOWN: usize = 12;

/// Name the features of a dictionary by the words of a vocabulary
///
/// A feature is called what the word is called whose embedding has the largest cosine with its decoder row (Rao et al.
/// 2024). Writes names.csv: one row a feature, with its name, score, runner-up, margin and the number of features of the
/// same name; with concept labels, dictionaries.csv has how well features do what their names say.
#[derive(Debug, clap::Args)]
pub(super) struct NameArgs {
    /// The folder or file of the dictionary
    dictionary: PathBuf,
    /// Words, one a line
    #[arg(long, value_name = "FILE")]
    vocabulary: String,
    /// Their embeddings [words × columns], by the encoder of the activations
    #[arg(long, value_name = "FILE")]
    vectors: String,
    /// Words kept for each feature
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..))]
    kept: u16,
    /// Take a common direction off before comparing: the mean of the words, of the decoder's rows, or both (not in the
    /// paper; it helps where all embeddings of a space lean the same way)
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, default_missing_value = "both")]
    centre: Option<Centre>,
    /// Give each word to one feature, the pair of the largest cosine first
    #[arg(long)]
    unique: bool,
    #[command(flatten)]
    space: SpaceArgs,
    #[command(flatten)]
    check: CheckArgs,
    /// Seed of the folds of an alignment and of the names that are dealt out by chance
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    out: OutArgs,
}

/// Where words are not embedded in the space of the activations.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Another space")]
struct SpaceArgs {
    /// A linear map [columns of the activations × columns of the words' vectors]
    #[arg(long, value_name = "FILE", conflicts_with = "align_from")]
    map: Option<String>,
    /// Learn such a map from pairs, by ridge regression: rows in the space of the activations
    #[arg(long, value_name = "FILE", requires = "align_to")]
    align_from: Option<String>,
    /// Their partners in the space of the words
    #[arg(long, value_name = "FILE", requires = "align_from")]
    align_to: Option<String>,
    /// Penalty of the regression
    #[arg(long, value_name = "LAMBDA", default_value_t = 1.0)]
    ridge: f64,
}

/// What names are checked with.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Checking the names")]
struct CheckArgs {
    /// Activations on which the features are looked at: a file, a pattern or a folder of shards
    #[arg(long, short, value_name = "FILE")]
    activations: Option<String>,
    /// Leave out the first share of their rows, which the dictionary was trained on
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "activations")]
    train_first: Option<f64>,
    /// Concept labels [samples × concepts] of the same rows: 0, 1, or missing
    #[arg(long, value_name = "FILE", requires_all = ["activations", "concept_names", "concept_vectors"])]
    concepts: Option<String>,
    /// Names of the concepts, one a line
    #[arg(long, value_name = "FILE", requires = "concepts")]
    concept_names: Option<String>,
    /// Embeddings of these names [concepts × columns]
    #[arg(long, value_name = "FILE", requires = "concepts")]
    concept_vectors: Option<String>,
    /// Cosine of a feature's name and a concept's from which the feature is taken for the concept's
    #[arg(long, value_name = "COSINE", default_value_t = 0.6)]
    similarity: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Centre {
    Vocabulary,
    Decoder,
    Both,
}

impl NameArgs {
    fn job(&self) -> NameJob {
        let both = |a: &Option<String>, b: &Option<String>| Some((a.clone()?, b.clone()?));
        NameJob {
            vocabulary: self.vocabulary.clone(),
            vectors: self.vectors.clone(),
            kept: self.kept.into(),
            centre_vocabulary: matches!(self.centre, Some(Centre::Vocabulary | Centre::Both)),
            centre_decoder: matches!(self.centre, Some(Centre::Decoder | Centre::Both)),
            unique: self.unique,
            map: self.space.map.clone(),
            align: both(&self.space.align_from, &self.space.align_to),
            ridge: self.space.ridge,
            activations: self.check.activations.clone(),
            skip_first: self.check.train_first.unwrap_or(0.0),
            concepts: both(&self.check.concept_names, &self.check.concept_vectors)
                .and_then(|(names, vectors)| Some((self.check.concepts.clone()?, names, vectors))),
            least: self.check.similarity,
            seed: self.seed,
        }
    }
}

pub(super) fn run(args: &NameArgs, output: Output) -> Result<()> {
    let saved = store::load(&args.dictionary)?;
    let job = args.job();
    let result = name(&saved, &job)?;
    let mut files = store::sources(&args.dictionary)?.iter().map(|f| InputFile::of(f)).collect::<Result<Vec<_>>>()?;
    files.extend(result.files);
    let config = json!({ "dictionary": saved.name, "job": job });
    let identity = Identity::new("sae name", config, files);
    let folder = args.out.folder(&format!("sae-names-{}", saved.name));
    let folder = match RunFolder::open(&folder, args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    write_table(&folder, "names", &result.names)?;
    write_table(&folder, "dictionaries", &result.numbers)?;
    if let Some(map) = &result.map {
        let mut bytes = Vec::new();
        map.write_npy(&mut bytes)?;
        folder.write("map.npy", &bytes)?;
    }
    let mut manifest = folder.manifest(&identity);
    manifest.findings = result.findings;
    manifest.warnings = result.warnings;
    let path = folder.path().to_path_buf();
    folder.finish(&manifest)?;
    let mut best: Vec<_> = result.names.iter().filter(|r| r.score.is_some() && r.density != Some(0.0)).collect();
    best.sort_by(|a, b| b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0)));
    let mut lines = manifest.findings.clone();
    lines.push("The features of the largest cosines:".into());
    lines.extend(best.iter().take(SHOWN).map(|r| format!("  {:>6}  {}", r.feature, r.nearest)));
    lines.extend(manifest.warnings.iter().map(|w| format!("warning: {w}")));
    lines.push(format!("table   {}", path.join("names.csv").display()));
    let numbers: serde_json::Map<String, serde_json::Value> = result
        .numbers
        .iter()
        .map(|n| (n.metric.clone(), json!({ "value": n.value, "std_error": n.std_error, "chance": n.chance })))
        .collect();
    output.summary(
        &lines,
        &json!({ "out": path, "numbers": numbers, "findings": manifest.findings, "warnings": manifest.warnings }),
    )
}
