//! `narrows concept data`

use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::concept::{BuiltIn, share};
use crate::run::{Identity, Opened, RunFolder};
use anyhow::Result;
use narrows_datasets::concepts::CONCEPT_SETS;
use narrows_datasets::concepts::birds::BIRDS_KEYS;
use serde_json::json;

/// Write a built-in concept data set to files
///
/// Writes embeddings.npy, labels.csv (class, split, shift, background), concepts.csv, concept_groups.csv, the names of
/// classes and concepts, and ceilings.csv (what the concepts tell of the class); of birds also images.npy, maps.npy
/// (feature maps before pooling), masks.npz, centres.npy and centres.csv, concept_parts.csv and contact_sheet.png.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub(super) struct DataArgs {
    /// Which, as NAME or NAME:KEY=VALUE,…
    name: String,
    /// Number of samples [default: 3000]
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    samples: Option<u32>,
    /// Seed of the samples [default: 0]
    #[arg(long, value_name = "SEED", value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: Option<u64>,
    /// Call the first share of the samples train in labels.csv, and the rest test; shifted samples are test
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.8)]
    train_first: f64,
    #[command(flatten)]
    out: OutArgs,
}

fn after_help() -> String {
    let longest = CONCEPT_SETS.iter().map(|s| s.name.len()).max().unwrap_or(0);
    let sets: Vec<String> = CONCEPT_SETS.iter().map(|s| format!("  {:longest$}  {}", s.name, s.summary)).collect();
    format!(
        "Examples:\n  narrows concept data trigonometric --samples 5000 --out trig\n  \
         narrows concept data birds:spurious=0.9,shift=permuted,shift_share=0.2 --out birds\n\n\
         Sets:\n{}\n\nKeys of birds: {}; of tabular-toy: samples, seed, correlation; of known-joint: samples, seed, noise, coupling; of the others: samples, seed.",
        sets.join("\n"),
        BIRDS_KEYS.join(", ")
    )
}

impl DataArgs {
    /// The name with what has options of its own.
    fn full_name(&self) -> String {
        let own = [("samples", self.samples.map(u64::from)), ("seed", self.seed)];
        let mut name = self.name.clone();
        for (key, value) in own {
            if let Some(value) = value {
                name.push(if name.contains(':') { ',' } else { ':' });
                name.push_str(&format!("{key}={value}"));
            }
        }
        name
    }
}

pub(super) fn run(args: &DataArgs, output: Output) -> Result<()> {
    let name = args.full_name();
    // Before anything is written: an unknown name or a bad setting is a fault of the command line.
    let made = BuiltIn::make(&name)?;
    let config = json!({ "data": name, "train_first": args.train_first });
    let identity = Identity::new("concept data", config, vec![]);
    let default = format!("concept-data-{}", made.set().name);
    let folder = match RunFolder::open(&args.out.folder(&default), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    for (file, bytes) in made.files(args.train_first)? {
        folder.write(file, &bytes)?;
    }
    let mut manifest = folder.manifest(&identity);
    manifest.findings = findings(&made);
    let path = folder.path().to_path_buf();
    let mut lines = manifest.findings.clone();
    lines.push(format!("labels    {}", path.join("labels.csv").display()));
    lines.push(format!("concepts  {}", path.join("concepts.csv").display()));
    if let BuiltIn::Birds(subject) = &made {
        folder.write("contact_sheet.png", &subject.contact_sheet()?)?;
        lines.push(format!("pictures  {}", path.join("contact_sheet.png").display()));
    }
    folder.finish(&manifest)?;
    let (samples, concepts) = made.set().concepts.dim();
    let summary = json!({
        "out": path,
        "samples": samples,
        "concepts": concepts,
        "classes": made.set().classes.len(),
        "findings": manifest.findings,
    });
    output.summary(&lines, &summary)
}

fn findings(made: &BuiltIn) -> Vec<String> {
    let set = made.set();
    let (samples, concepts) = set.concepts.dim();
    let mut lines = vec![format!(
        "{}: {samples} samples, {} classes, {concepts} concepts in {} groups.",
        set.name,
        set.classes.len(),
        set.groups.len()
    )];
    let shifted = made.shifted().iter().filter(|s| **s).count();
    if shifted > 0 {
        lines.push(format!("The last {shifted} samples are shifted; the ceilings are those of the others."));
    }
    if let Some(c) = set.ceilings {
        let bits = |nats: f64| nats / std::f64::consts::LN_2;
        lines.push(format!(
            "The true concepts tell {:.4} of {:.4} bits of the class; no rule on them is right more often than {:.2} %{}.",
            bits(c.concept_information),
            bits(c.label_entropy),
            100.0 * c.bayes_accuracy,
            c.std_errors.map_or(String::new(), |e| format!(" (standard error {:.1e})", 100.0 * e[1]))
        ));
    }
    lines
}
