//! Naming the features of a dictionary: files in, rows out.

use super::Saved;
use super::source::Source;
use crate::concept::{labels_with_gaps, matrix, names};
use crate::run::InputFile;
use crate::table::{DictionaryRow, FeatureNameRow};
use anyhow::{Context, Result, ensure};
use narrows_dictionaries::Codes;
use narrows_dictionaries::naming::{Alignment, Checked, Name, Naming, NamingScore, check, concepts_of_names};
use ndarray::{Array2, Axis};
use serde::Serialize;

/// Rows that are encoded at once.
const PIECE: usize = 4096;
/// Times that concepts are dealt out by chance.
const SHUFFLES: usize = 200;
/// Parts that the pairs of an alignment are cut into, each held out once.
const FOLDS: usize = 10;

/// What a naming works on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NameJob {
    /// Words, one a line.
    pub(crate) vocabulary: String,
    /// Their embeddings [words × columns].
    pub(crate) vectors: String,
    /// Words kept for each feature.
    pub(crate) kept: usize,
    /// Take the vocabulary's mean off.
    pub(crate) centre_vocabulary: bool,
    /// Take the decoder's mean off.
    pub(crate) centre_decoder: bool,
    /// Each word once.
    pub(crate) unique: bool,
    /// A linear map [inputs × columns of the words' vectors].
    pub(crate) map: Option<String>,
    /// Pairs from which such a map is learned: rows in the space of the activations, and in that of the words.
    pub(crate) align: Option<(String, String)>,
    /// Penalty of that regression.
    pub(crate) ridge: f64,
    /// Activations that the features are looked at on.
    pub(crate) activations: Option<String>,
    /// Share of the first rows to leave out, as those that something was trained on.
    pub(crate) skip_first: f64,
    /// Concept labels, their names, and the embeddings of these.
    pub(crate) concepts: Option<(String, String, String)>,
    /// Cosine of a feature's name and a concept's from which they are one.
    pub(crate) least: f64,
    /// Seed of folds and shuffles.
    pub(crate) seed: u64,
}

/// What came out.
pub(crate) struct NameResult {
    /// One row a feature.
    pub(crate) names: Vec<FeatureNameRow>,
    /// Scores of the naming.
    pub(crate) numbers: Vec<DictionaryRow>,
    /// The map that was learned.
    pub(crate) map: Option<Array2<f32>>,
    /// What to tell.
    pub(crate) findings: Vec<String>,
    /// What to beware of.
    pub(crate) warnings: Vec<String>,
    /// The files that were read.
    pub(crate) files: Vec<InputFile>,
}

/// Names the features and checks the names where there is something to check them with.
///
/// # Errors
/// When a file cannot be read, or widths or numbers of rows do not fit: which, what was found and what was expected.
pub(crate) fn name(saved: &Saved, job: &NameJob) -> Result<NameResult> {
    let dictionary = &saved.dictionary;
    let (words, words_file) = names(&job.vocabulary)?;
    let vectors = matrix(&job.vectors)?;
    let mut files = vec![words_file, vectors.file];
    ensure!(
        words.len() == vectors.values.nrows(),
        "{} has {} word(s), but {} has {} row(s): one row a word is expected",
        job.vocabulary,
        words.len(),
        job.vectors,
        vectors.values.nrows()
    );
    let vectors = vectors.values.mapv(|v| v as f32);
    let (mut findings, mut warnings) = (vec![], vec![]);
    let (mut decoder, mut compared, mut learned) = (dictionary.decoder.clone(), vectors.clone(), None);
    if let Some(file) = &job.map {
        let map = matrix(file)?;
        files.push(map.file);
        decoder = mapped(&decoder, &map.values.mapv(|v| v as f32), file)?;
    } else if let Some((from, to)) = &job.align {
        let (from_rows, to_rows) = (matrix(from)?, matrix(to)?);
        let narrow = |m: &Array2<f64>| m.mapv(|v| v as f32);
        let (x, y) = (narrow(&from_rows.values), narrow(&to_rows.values));
        let found = Alignment::new(x.view(), y.view(), job.ridge, FOLDS, job.seed)
            .with_context(|| format!("{from} cannot be aligned to {to}"))?;
        files.extend([from_rows.file, to_rows.file]);
        decoder = mapped(&decoder, &found.map, from)?;
        ensure!(
            compared.ncols() == found.mean.len(),
            "{to} has {} columns, but {} has {}: both are of the words' space",
            found.mean.len(),
            job.vectors,
            compared.ncols()
        );
        compared -= &found.mean;
        findings.push(aligned(&found, x.nrows()));
        learned = Some(found.map);
    }
    ensure!(
        decoder.ncols() == compared.ncols(),
        "{} has {} columns, but the dictionary {} is of activations of {}: words must be embedded in the space of the \
         activations; where they are not, --map or --align-from and --align-to bring the features there",
        job.vectors,
        compared.ncols(),
        saved.name,
        decoder.ncols()
    );
    let naming = Naming {
        kept: job.kept,
        centre_vocabulary: job.centre_vocabulary,
        centre_decoder: job.centre_decoder,
        unique: job.unique,
    };
    let found =
        naming.names(decoder.view(), compared.view()).with_context(|| format!("cannot name by {}", job.vocabulary))?;
    let looked = looked_at(saved, job, &mut files)?;
    let mut rows: Vec<FeatureNameRow> =
        found.iter().enumerate().map(|(feature, name)| row(saved, feature, name.as_ref(), &words)).collect();
    if let Some((codes, _)) = &looked {
        let fires = codes.by_feature();
        for (row, fires) in rows.iter_mut().zip(&fires) {
            row.density = Some(fires.len() as f64 / codes.n_samples() as f64);
        }
    }
    findings.extend(told(saved, &found, &rows, words.len()));
    let mut numbers = vec![];
    if let (Some((labels, concept_names, concept_vectors)), Some((codes, from))) = (&job.concepts, &looked) {
        let (names_of, rows_of) = (names(concept_names)?, matrix(concept_vectors)?);
        let labels_of = labels_with_gaps(labels)?;
        ensure!(
            names_of.0.len() == rows_of.values.nrows() && names_of.0.len() == labels_of.values.ncols(),
            "there are {} names of concepts, {} row(s) in {concept_vectors} and {} column(s) in {labels}: one of each a concept",
            names_of.0.len(),
            rows_of.values.nrows(),
            labels_of.values.ncols()
        );
        ensure!(
            labels_of.values.nrows() == from + codes.n_samples(),
            "{labels} has {} row(s), but the activations have {}",
            labels_of.values.nrows(),
            from + codes.n_samples()
        );
        files.extend([names_of.1, rows_of.file, labels_of.file]);
        let test: Vec<usize> = (*from..labels_of.values.nrows()).collect();
        let truth = labels_of.values.select(Axis(0), &test).mapv(|v| v as f32);
        let of_concepts = rows_of.values.mapv(|v| v as f32);
        let named = concepts_of_names(&found, vectors.view(), of_concepts.view(), job.least as f32)?;
        let (checked, scores) = check(codes, truth.view(), &named, SHUFFLES, job.seed)?;
        checked.iter().for_each(|c| fill(&mut rows[c.named.feature], c, &names_of.0));
        if scores.is_empty() {
            warnings.push(format!(
                "no active feature has a name as near as {} to a concept's: the naming is not checked",
                job.least
            ));
        }
        findings.extend(scores.iter().filter(|s| s.metric == "auc" || s.metric == "precision").map(score_told));
        numbers = scores.iter().map(|s| number(saved, s, codes.n_samples(), job.least)).collect();
    }
    Ok(NameResult { names: rows, numbers, map: learned, findings, warnings, files })
}

/// Decoder rows, brought to another space.
fn mapped(decoder: &Array2<f32>, map: &Array2<f32>, file: &str) -> Result<Array2<f32>> {
    ensure!(
        map.nrows() == decoder.ncols(),
        "the map of {file} is of {} columns of activations, but the dictionary is of {}",
        map.nrows(),
        decoder.ncols()
    );
    Ok(decoder.dot(map))
}

/// The codes of the activations, from the first row that is looked at on.
fn looked_at(saved: &Saved, job: &NameJob, files: &mut Vec<InputFile>) -> Result<Option<(Codes, usize)>> {
    let Some(place) = &job.activations else { return Ok(None) };
    let source = Source::open(place)?;
    fits(saved, &source, place)?;
    files.extend(source.files.iter().cloned());
    let from = (source.rows() as f64 * job.skip_first).round() as usize;
    ensure!(from < source.rows(), "all {} rows of {place} are left out: nothing is left to look at", source.rows());
    let mut codes = Codes::new(saved.dictionary.width());
    source.pieces((from, source.rows()), PIECE, |rows| Ok(codes.append(&saved.dictionary.encode(rows.view())?)?))?;
    Ok(Some((codes, from)))
}

/// Refuses activations of another width.
///
/// # Errors
/// When they are: both widths.
pub(crate) fn fits(saved: &Saved, source: &Source, place: &str) -> Result<()> {
    ensure!(
        source.width() == saved.dictionary.inputs(),
        "{place} has {} columns, but the dictionary {} is of activations of {}: it was trained on another layer or model",
        source.width(),
        saved.name,
        saved.dictionary.inputs()
    );
    Ok(())
}

fn row(saved: &Saved, feature: usize, name: Option<&Name>, words: &[String]) -> FeatureNameRow {
    let mut row =
        FeatureNameRow { dictionary: saved.name.clone(), feature: feature as u64, ..FeatureNameRow::default() };
    let Some(name) = name else { return row };
    row.name.clone_from(&words[name.word]);
    row.score = Some(name.score.into());
    row.margin = Some(name.margin.into());
    row.duplicates = Some(name.shared as u64 - 1);
    if let Some((other, _)) = name.best.iter().find(|b| b.0 != name.word) {
        row.runner_up.clone_from(&words[*other]);
    }
    let near: Vec<String> = name.best.iter().map(|(word, cosine)| format!("{} ({cosine:.3})", words[*word])).collect();
    row.nearest = near.join("; ");
    row
}

fn fill(row: &mut FeatureNameRow, checked: &Checked, concepts: &[String]) {
    row.concept.clone_from(&concepts[checked.named.concept]);
    row.concept_similarity = Some(checked.named.similarity.into());
    row.auc = checked.auc;
    row.precision = checked.firing.precision;
    row.recall = checked.firing.recall;
    row.prevalence = Some(checked.firing.positives as f64 / checked.firing.n as f64);
}

fn aligned(found: &Alignment, pairs: usize) -> String {
    let share = |k: usize| {
        let (share, error) = found.found.top(k);
        format!("{:.1} % (± {:.1}) among the first {k}", 100.0 * share, 100.0 * error)
    };
    format!(
        "Alignment of {pairs} pairs: held out, the own partner is first in {:.1} %, {}, {}; its median place is {} of {pairs}.",
        100.0 * found.found.top(1).0,
        share(5),
        share(20),
        found.found.median()
    )
}

fn told(saved: &Saved, names: &[Option<Name>], rows: &[FeatureNameRow], words: usize) -> Vec<String> {
    let named: Vec<&Name> = names.iter().flatten().collect();
    if named.is_empty() {
        return vec![format!("{} has no feature to name: all decoder rows are zero", saved.name)];
    }
    let mut distinct: Vec<usize> = named.iter().map(|n| n.word).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let median = |mut values: Vec<f32>| -> f32 {
        values.sort_by(f32::total_cmp);
        values[values.len() / 2]
    };
    let dead = rows.iter().filter(|r| r.density == Some(0.0)).count();
    let dead =
        if dead > 0 { format!(" {dead} of them were never active on the samples looked at.") } else { String::new() };
    vec![format!(
        "{} features of {} carry {} different names of {words} words; median cosine {:.3}, median margin to the runner-up \
         {:.3}.{dead}",
        named.len(),
        saved.name,
        distinct.len(),
        median(named.iter().map(|n| n.score).collect()),
        median(named.iter().map(|n| n.margin).collect())
    )]
}

fn score_told(score: &NamingScore) -> String {
    let error = score.std_error.map_or(String::new(), |e| format!(" ± {e:.3}"));
    format!(
        "Names against concepts: mean {} {:.3}{error} over {} features of {} concepts; with concepts dealt out by chance \
         {:.3} (p = {:.3}).",
        if score.metric == "auc" { "AUC" } else { score.metric },
        score.value,
        score.features,
        score.concepts,
        score.chance,
        score.p_value
    )
}

fn number(saved: &Saved, score: &NamingScore, samples: usize, least: f64) -> DictionaryRow {
    DictionaryRow {
        dictionary: saved.name.clone(),
        variant: saved.said("specification").or_else(|| saved.said("variant")).unwrap_or_default(),
        layer: saved.said("layer").unwrap_or_default(),
        width: saved.dictionary.width() as u64,
        seed: saved.about.get("seed").and_then(serde_json::Value::as_u64).unwrap_or(0),
        split: "test".into(),
        metric: format!("naming_{}", score.metric),
        value: Some(score.value),
        std_error: score.std_error,
        chance: Some(score.chance),
        n_samples: samples as u64,
        parameters: format!("similarity>={least},features={},concepts={}", score.features, score.concepts),
        ..DictionaryRow::default()
    }
}
