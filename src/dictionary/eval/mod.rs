//! Judging dictionaries: the measures of each on rows held out, baselines beside them, and what can be said with concept
//! labels, a planted truth or a subject's head at hand.

mod baselines;
mod findings;
mod head;
mod probes;
mod rows;
mod subject;
mod truth;

pub(crate) use findings::findings;
pub use subject::Judged;

use super::source::Source;
use crate::run::InputFile;
use crate::table::{DictionaryFeatureRow, DictionaryPairRow, DictionaryRow};
use anyhow::{Context, Result, ensure};
use head::Head;
use narrows_dictionaries::Codes;
use narrows_dictionaries::evaluate::{Evaluation, Evaluator};
use probes::Concepts;
use serde::{Deserialize, Serialize};
use truth::Truth;

/// Rows that are encoded at once.
const PIECE: usize = 2048;

/// What to judge, and on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalSpec {
    /// Places of the dictionaries.
    pub dictionaries: Vec<String>,
    /// Activations: FILE, FILE:ARRAY, pattern, folder, or `planted:…`.
    pub activations: String,
    /// Share of the rows, the first ones, that probes and baselines are fitted to; the rest is judged on. 0: all is.
    pub train_first: f64,
    /// Baselines by name.
    pub baselines: Vec<String>,
    /// Concept labels [rows × concepts] of 0, 1 or missing.
    pub concepts: Option<String>,
    /// Names of the concepts, one a line.
    pub concept_names: Option<String>,
    /// Features of a sparse probe.
    pub probe_features: Vec<usize>,
    /// A fitted model of `narrows concept` whose loss is to be recovered.
    pub head: Option<String>,
    /// Labels for the head.
    pub labels: Option<String>,
    /// Column of the labels.
    pub label_column: Option<String>,
    /// Seed of the baselines.
    pub seed: u64,
}

/// What is at hand to judge by.
#[derive(Debug)]
pub struct Bench {
    source: Source,
    /// Rows that probes and baselines may see.
    fitted: usize,
    concepts: Option<Concepts>,
    truth: Option<Truth>,
    head: Option<Head>,
    /// All files that were read.
    pub files: Vec<InputFile>,
    /// What to beware of.
    pub warnings: Vec<String>,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Found {
    /// Numbers.
    pub numbers: Vec<DictionaryRow>,
    /// A row a feature.
    pub features: Vec<DictionaryFeatureRow>,
    /// Pairs that exclude one another.
    pub pairs: Vec<DictionaryPairRow>,
    /// What to beware of.
    pub warnings: Vec<String>,
}

impl EvalSpec {
    /// Opens everything but the dictionaries.
    ///
    /// # Errors
    /// When a file cannot be read, or sizes do not fit.
    pub fn open(&self) -> Result<Bench> {
        ensure!(
            (0.0..1.0).contains(&self.train_first),
            "--train-first {} leaves no row to judge on: 0 or more, below 1",
            self.train_first
        );
        let source = Source::open(&self.activations)?;
        let fitted = (self.train_first * source.rows() as f64).round() as usize;
        let (mut files, mut warnings) = (source.files.clone(), vec![]);
        ensure!(
            fitted > 1 || (self.concepts.is_none() && self.baselines.is_empty()),
            "probes and baselines are fitted to the first rows: give --train-first more than 0"
        );
        let concepts = match &self.concepts {
            None => None,
            Some(place) => {
                Some(Concepts::read(place, self.concept_names.as_deref(), source.rows(), &mut files, &mut warnings)?)
            }
        };
        let head = match (&self.head, &self.labels) {
            (None, _) => None,
            (Some(place), Some(labels)) => {
                let labels = (labels.as_str(), self.label_column.as_deref());
                Some(Head::read(place, labels, &source, fitted, &mut files)?)
            }
            (Some(_), None) => anyhow::bail!("--head is judged by its loss: give --labels"),
        };
        let truth = Truth::of(&self.activations)?;
        Ok(Bench { source, fitted, concepts, truth, head, files, warnings })
    }
}

impl Bench {
    /// Columns of the activations.
    pub fn width(&self) -> usize {
        self.source.width()
    }

    /// What the activations are called.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    fn split(&self) -> &'static str {
        if self.fitted == 0 { "all" } else { "test" }
    }

    /// Judges one.
    ///
    /// # Errors
    /// When it does not fit the activations, or these cannot be read.
    fn judge(&self, judged: &Judged, spec: &EvalSpec, found: &mut Found) -> Result<Evaluation> {
        let coder = judged.coder.as_ref();
        ensure!(
            coder.inputs() == self.width(),
            "{} was made for {} columns, but {} has {}",
            judged.name,
            coder.inputs(),
            self.source.name,
            self.width()
        );
        let mut evaluator = Evaluator::new(coder);
        let mut codes = Codes::new(coder.width());
        let mut recovery = self.head.as_ref().map(Head::sums);
        let mut at = self.fitted;
        self.source.pieces((self.fitted, self.source.rows()), PIECE, |rows| {
            let own = evaluator.add(rows.view())?;
            if let (Some(head), Some(sums)) = (&self.head, &mut recovery) {
                head.add(sums, at, rows.view(), coder.decode(&own)?.view())?;
            }
            at += rows.nrows();
            Ok(codes.append(&own)?)
        })?;
        let evaluation = evaluator.finish()?;
        let about = rows::About { judged, layer: judged.layer(self.name()), split: self.split() };
        about.measures(&evaluation, found);
        about.features(&evaluation, self.fitted, found);
        // What is true of the activations is true for all.
        for warning in &evaluation.warnings {
            if !found.warnings.contains(warning) {
                found.warnings.push(warning.clone());
            }
        }
        if let Some(truth) = &self.truth {
            truth.compare(&about, &evaluation, &codes, self.fitted, found)?;
        }
        if let (Some(head), Some(sums)) = (&self.head, recovery) {
            head.finish(&about, sums, found);
        }
        if let Some(concepts) = &self.concepts {
            let mut seen = Codes::new(coder.width());
            self.source.pieces((0, self.fitted), PIECE, |rows| Ok(seen.append(&coder.encode(rows.view())?)?))?;
            concepts.probe(&about, (&seen, &codes), &spec.probe_features, found)?;
        }
        Ok(evaluation)
    }
}

/// Judges all dictionaries, and baselines of their size.
///
/// # Errors
/// When one does not fit the activations, or something cannot be read.
pub fn eval(
    spec: &EvalSpec,
    bench: &Bench,
    dictionaries: &[Judged],
    tell: &mut dyn FnMut(usize, usize, &str),
) -> Result<Found> {
    let mut found = Found { warnings: bench.warnings.clone(), ..Found::default() };
    let mut active = vec![];
    for (at, judged) in dictionaries.iter().enumerate() {
        tell(at, dictionaries.len(), &judged.name);
        let evaluation =
            bench.judge(judged, spec, &mut found).with_context(|| format!("cannot judge {}", judged.name))?;
        active.extend(evaluation.value("l0"));
    }
    let widest = dictionaries.iter().map(|d| d.coder.width()).max().unwrap_or(1);
    let plans = baselines::plans(&spec.baselines, &active);
    if !plans.is_empty() {
        let rows = bench.source.read(0, bench.fitted.min(baselines::ROWS))?;
        for (at, plan) in plans.iter().enumerate() {
            let total = dictionaries.len() + plans.len();
            tell(dictionaries.len() + at, total, &plan.label());
            let judged = plan.fit(rows.view(), widest, spec.seed, &mut found.warnings)?;
            bench.judge(&judged, spec, &mut found)?;
        }
    }
    Ok(found)
}
