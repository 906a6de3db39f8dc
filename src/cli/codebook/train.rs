//! `narrows codebook train`

use super::findings;
use crate::cli::ending::{Said, finish, write_table};
use crate::cli::options::{LARGEST_SEED, OutArgs};
use crate::cli::output::Output;
use crate::cli::report::LookArgs;
use crate::codebook::{Plan, Preset, evaluate, train};
use crate::run::{Identity, Opened, RunFolder};
use crate::subject::train::Device;
use anyhow::{Result, ensure};
use narrows_dictionaries::codebook::{Combine, Similarity, SnapLoss};
use narrows_dictionaries::transformer::{Positions, Residual};
use serde_json::json;

/// Train a transformer on a finite-state machine, with codebooks and without, and evaluate both
///
/// Writes codebook_training.csv, codebook_metrics.csv, codes.csv, the models (model.json, model.safetensors), figures and a
/// report. A run that was killed goes on with --resume.
#[derive(Debug, clap::Args)]
pub(super) struct TrainArgs {
    /// Sizes to begin with
    #[arg(long, value_enum, default_value_t = Preset::Small)]
    preset: Preset,
    /// States of the machine
    #[arg(long, value_name = "N")]
    states: Option<usize>,
    /// Out-edges of a state
    #[arg(long, value_name = "E")]
    edges: Option<usize>,
    /// Seed of the machine
    #[arg(long, value_name = "SEED", value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    machine_seed: Option<u64>,
    /// Tokens of a sequence
    #[arg(long, value_name = "N")]
    length: Option<usize>,
    /// Sequences of a step
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Steps
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Steps between two rows of the training's table
    #[arg(long, value_name = "N")]
    every: Option<u64>,
    /// End a training early at this transition accuracy (0 to 1)
    #[arg(long, value_name = "SHARE")]
    stop_at: Option<f64>,
    /// Layers
    #[arg(long, value_name = "N")]
    layers: Option<usize>,
    /// Columns of the residual stream
    #[arg(long, value_name = "N")]
    width: Option<usize>,
    /// Heads of a layer
    #[arg(long, value_name = "N")]
    heads: Option<usize>,
    /// learned, or rotary:SHARE of a head's columns
    #[arg(long, value_name = "KIND", value_parser = positions)]
    positions: Option<Positions>,
    /// parallel (as GPT-NeoX) or sequential (as GPT-2)
    #[arg(long, value_name = "KIND", value_parser = residual)]
    residual: Option<Residual>,
    /// Codes of a codebook
    #[arg(long, value_name = "N")]
    codes: Option<usize>,
    /// Codes that fire at once
    #[arg(long, short, value_name = "K")]
    k: Option<usize>,
    /// inner-product, cosine or euclidean
    #[arg(long, value_name = "KIND", value_parser = similarity)]
    similarity: Option<Similarity>,
    /// base, aeloss, fullaeloss-BETA or vqvae-BETA
    #[arg(long, value_name = "LOSS")]
    loss: Option<SnapLoss>,
    /// Codes that fire are added, as in the paper's prose, and not averaged
    #[arg(long)]
    sum: bool,
    /// Where codebooks are: attention, mlp or both
    #[arg(long, value_name = "PARTS", value_parser = ["attention", "mlp", "both"])]
    at: Option<String>,
    /// Start the codes at k-means over what they replace [default: yes in small, no in full]
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    k_means: Option<bool>,
    /// Every so many steps, put codes that did not fire where activations are; 0: never [default: 50 in small, 0 in full]
    #[arg(long, value_name = "STEPS")]
    replace_after: Option<u64>,
    /// Noise of these codes, as a share of the activation's length
    #[arg(long, value_name = "RHO")]
    rho: Option<f64>,
    /// Learning rate
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Do not train a model without codebooks beside it
    #[arg(long)]
    no_plain: bool,
    /// Sequences of the evaluation
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..))]
    sequences: u32,
    /// Where tensors are worked on
    #[arg(long, value_enum, default_value_t = Device::default())]
    device: Device,
    /// Seed of weights and sequences
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    seed: u64,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    look: LookArgs,
}

fn positions(text: &str) -> Result<Positions, String> {
    match text.split_once(':') {
        None if text == "learned" => Ok(Positions::Learned),
        Some(("rotary", share)) => match share.parse::<f64>() {
            Ok(share) if share > 0.0 && share <= 1.0 => Ok(Positions::Rotary { share }),
            _ => Err(format!("'{share}' is no share of a head's columns: a number above 0, at most 1 is expected")),
        },
        _ => Err("learned or rotary:SHARE is expected, such as rotary:0.25".into()),
    }
}

fn residual(text: &str) -> Result<Residual, String> {
    match text {
        "parallel" => Ok(Residual::Parallel),
        "sequential" => Ok(Residual::Sequential),
        _ => Err("parallel or sequential is expected".into()),
    }
}

fn similarity(text: &str) -> Result<Similarity, String> {
    match text {
        "inner-product" => Ok(Similarity::InnerProduct),
        "cosine" => Ok(Similarity::Cosine),
        "euclidean" => Ok(Similarity::Euclidean),
        _ => Err("inner-product, cosine or euclidean is expected".into()),
    }
}

impl TrainArgs {
    /// The preset with what was given in its place.
    fn plan(&self) -> Result<Plan> {
        fn set<T: Clone>(to: &mut T, given: &Option<T>) {
            if let Some(given) = given {
                *to = given.clone();
            }
        }
        let mut plan = Plan::new(self.preset);
        let sizes = [
            (&mut plan.states, self.states),
            (&mut plan.edges, self.edges),
            (&mut plan.length, self.length),
            (&mut plan.batch, self.batch),
            (&mut plan.layers, self.layers),
            (&mut plan.width, self.width),
            (&mut plan.heads, self.heads),
            (&mut plan.codebooks.codes, self.codes),
            (&mut plan.codebooks.k, self.k),
        ];
        for (to, given) in sizes {
            set(to, &given);
        }
        set(&mut plan.machine_seed, &self.machine_seed);
        set(&mut plan.steps, &self.steps);
        set(&mut plan.every, &self.every);
        set(&mut plan.positions, &self.positions);
        set(&mut plan.residual, &self.residual);
        set(&mut plan.codebooks.similarity, &self.similarity);
        set(&mut plan.codebooks.loss, &self.loss);
        set(&mut plan.recipe.replace_after, &self.replace_after);
        set(&mut plan.recipe.rho, &self.rho);
        set(&mut plan.recipe.learning_rate, &self.learning_rate);
        if self.sum {
            plan.codebooks.combine = Combine::Sum;
        }
        if let Some(at) = self.at.as_deref() {
            (plan.attention, plan.mlp) = (at != "mlp", at != "attention");
        }
        set(&mut plan.k_means, &self.k_means);
        plan.stop_at = self.stop_at;
        plan.plain = !self.no_plain;
        plan.device = self.device;
        plan.recipe.seed = self.seed;
        ensure!(plan.steps > 0 && plan.batch > 0, "--steps and --batch must be 1 or more");
        plan.config(true).check()?;
        let digits = plan.machine()?.digits();
        ensure!(
            plan.length > 2 * digits,
            "--length {}: a sequence must have room for the start token and two states of {digits} digits",
            plan.length
        );
        Ok(plan)
    }
}

pub(super) fn run(args: &TrainArgs, output: Output) -> Result<()> {
    let plan = args.plan()?;
    let config = json!({ "plan": plan, "sequences": args.sequences, "seed": args.seed });
    let identity = Identity::new("codebook train", config, vec![]);
    let folder = match RunFolder::open(&args.out.folder("codebook"), args.out.existing(), &identity)? {
        Opened::Ready(folder) => folder,
        Opened::Complete(path) => return output.complete(&path),
    };
    let bar = output.bar(plan.steps * plan.models().len() as u64, "training", "steps");
    let trained = train(&plan, &folder, |done| bar.set_position(done))?;
    bar.finish_and_clear();
    let found = evaluate(&trained.saved, args.sequences as usize, 1)?;
    trained.saved.save(folder.path())?;
    write_table(&folder, "codebook_training", &trained.rows)?;
    write_table(&folder, "codebook_metrics", &found.numbers)?;
    write_table(&folder, "codes", &found.codes)?;
    let mut warnings = vec![];
    for (name, steps) in &trained.saved.steps {
        if *steps < plan.steps {
            warnings.push(format!(
                "the model '{name}' ended after {steps} of {} steps, at the accuracy asked for",
                plan.steps
            ));
        }
    }
    let said = Said { findings: findings(&found.numbers), warnings, ..Said::default() };
    let ending = finish(folder, &identity, said, &args.look)?;
    let (path, manifest) = (&ending.path, &ending.manifest);
    let mut lines = manifest.findings.clone();
    lines.extend(trained.seconds.iter().map(|(name, s)| format!("Trained '{name}' in {s:.0} s.")));
    lines.extend(ending.warnings_and_files("codebook_metrics.csv"));
    let summary = json!({
        "out": path,
        "seconds": trained.seconds,
        "findings": manifest.findings,
        "warnings": manifest.warnings,
    });
    output.summary(&lines, &summary)
}
