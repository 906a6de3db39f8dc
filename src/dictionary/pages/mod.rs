//! Pages of the features of a dictionary: one file to search and to look at, that needs nothing else.

mod effects;
mod pictures;
mod render;
mod texts;

use super::Saved;
use super::name::fits;
use super::source::Source;
use crate::concept::labels;
use crate::run::InputFile;
use crate::table::{FeatureNameRow, read_csv};
use anyhow::{Context, Result, ensure};
use effects::Effects;
use narrows_dictionaries::evaluate::neighbours;
use narrows_dictionaries::{Codes, FeatureSummary, Summaries};
use pictures::Pictures;
use serde::Serialize;
use std::path::Path;

/// Rows that are encoded at once.
const PIECE: usize = 4096;
/// Nearest features that are shown.
const NEAR: usize = 6;
/// Cosine from which a feature is near.
const LEAST: f64 = 0.1;

/// What the pages are made of.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PagesJob {
    /// Activations to look at.
    pub(crate) activations: String,
    /// A text for each row: a column of a CSV (`FILE:COLUMN`), or a file with one a line.
    pub(crate) texts: Option<String>,
    /// An image for each row [samples × height × width, or × 3].
    pub(crate) images: Option<String>,
    /// Classes of the rows, and the column that holds them.
    pub(crate) labels: Option<(String, Option<String>)>,
    /// names.csv of `narrows sae name`.
    pub(crate) names: Option<String>,
    /// Examples of the largest activations for each feature.
    pub(crate) examples: usize,
    /// Leave out the first share of the rows.
    pub(crate) skip_first: f64,
}

/// The page and what it was made of.
pub(crate) struct Pages {
    /// The page.
    pub(crate) html: String,
    /// The files that were read.
    pub(crate) files: Vec<InputFile>,
    /// What to tell.
    pub(crate) findings: Vec<String>,
}

/// Everything that the page shows.
struct Content<'a> {
    saved: &'a Saved,
    rows: usize,
    /// Rows that were left out before the first that is looked at.
    skipped: usize,
    features: Vec<FeatureSummary>,
    near: Vec<Vec<(u32, f64)>>,
    names: Vec<Option<FeatureNameRow>>,
    classes: Vec<String>,
    /// Class of each row.
    labels: Vec<u32>,
    effects: Option<Effects>,
    texts: Option<Vec<String>>,
    pictures: Option<Pictures>,
}

/// Looks at the activations and writes the page.
///
/// # Errors
/// When a file cannot be read, the activations have another width, or something else another number of rows.
pub(crate) fn pages(saved: &Saved, job: &PagesJob) -> Result<Pages> {
    let source = Source::open(&job.activations)?;
    fits(saved, &source, &job.activations)?;
    let mut files = source.files.clone();
    let skipped = (source.rows() as f64 * job.skip_first).round() as usize;
    let rows = source.rows() - skipped;
    ensure!(rows > 0, "all {} rows of {} are left out: nothing is left to look at", source.rows(), job.activations);
    let same = |what: &str, found: usize| {
        ensure!(
            found == source.rows(),
            "{what} has {found} row(s), but {} has {}: one for each is expected",
            job.activations,
            source.rows()
        );
        Ok(())
    };
    let (mut classes, mut numbers) = (vec![], vec![]);
    if let Some((file, column)) = &job.labels {
        let (found, input) = labels(file, column.as_deref())?;
        same(file, found.len())?;
        classes = found.classes();
        numbers = found.numbers(&classes)?.split_off(skipped);
        files.push(input);
    }
    let texts = job.texts.as_deref().map(texts::read).transpose()?;
    let texts = match texts {
        Some((mut texts, input)) => {
            same(job.texts.as_deref().unwrap_or_default(), texts.len())?;
            files.push(input);
            Some(texts.split_off(skipped))
        }
        None => None,
    };
    let pictures = match &job.images {
        Some(place) => {
            let (pictures, input) = Pictures::read(place, skipped)?;
            same(place, pictures.len() + skipped)?;
            files.push(input);
            Some(pictures)
        }
        None => None,
    };
    let names = named(saved, job.names.as_deref(), &mut files)?;
    let mut effects = effects::Gathered::new(saved.dictionary.inputs(), classes.len());
    let mut codes = Codes::new(saved.dictionary.width());
    let mut done = 0;
    source.pieces((skipped, source.rows()), PIECE, |piece| {
        codes.append(&saved.dictionary.encode(piece.view())?)?;
        if !classes.is_empty() {
            effects.add(&piece, &numbers[done..done + piece.nrows()]);
        }
        done += piece.nrows();
        Ok(())
    })?;
    let kept = Summaries { top: job.examples, intervals: (4, 3), bins: 24, together: NEAR };
    let features = kept.of(&codes);
    let effects = if classes.len() > 1 { effects.finish(saved, &features, &codes, &numbers)? } else { None };
    let near = neighbours(saved.dictionary.decoder.view(), NEAR, LEAST);
    let dead = features.iter().filter(|f| f.fires == 0).count();
    let content =
        Content { saved, rows, skipped, features, near, names, classes, labels: numbers, effects, texts, pictures };
    let html = content.page()?;
    let findings = vec![format!(
        "{} features of {} on {rows} samples; {dead} of them are never active. The page has {:.1} MB.",
        saved.dictionary.width(),
        saved.name,
        html.len() as f64 / 1e6
    )];
    Ok(Pages { html, files, findings })
}

/// The rows of names.csv by feature.
fn named(saved: &Saved, place: Option<&str>, files: &mut Vec<InputFile>) -> Result<Vec<Option<FeatureNameRow>>> {
    let mut names = vec![None; saved.dictionary.width()];
    let Some(place) = place else { return Ok(names) };
    let rows: Vec<FeatureNameRow> = read_csv(Path::new(place)).with_context(|| format!("{place} holds no names"))?;
    files.push(InputFile::of(Path::new(place))?);
    ensure!(
        rows.len() == names.len(),
        "{place} names {} feature(s), but the dictionary {} has {}: it is of another dictionary",
        rows.len(),
        saved.name,
        names.len()
    );
    for row in rows {
        let feature = usize::try_from(row.feature).unwrap_or(usize::MAX);
        let place_of = names.get_mut(feature).with_context(|| format!("{place}: there is no feature {feature}"))?;
        *place_of = Some(row);
    }
    Ok(names)
}
