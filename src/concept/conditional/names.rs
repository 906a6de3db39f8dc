//! Classes, concepts and patterns by the names that the user gives.

use super::ConditionalSpec;
use crate::concept::Model;
use crate::concept::data::few;
use anyhow::{Context, Result};
use narrows_probes::conditional::Pattern;

/// How the pattern without any concept is written.
pub(super) const NOTHING: &str = "(none)";

/// What is written, by a bottleneck's own numbers.
pub(super) struct Chosen {
    pub(super) classes: Vec<usize>,
    pub(super) concepts: Vec<usize>,
    pub(super) patterns: Vec<Pattern>,
}

impl Chosen {
    /// # Errors
    /// When the bottleneck knows no class or concept of a name.
    pub(super) fn of(spec: &ConditionalSpec, model: &Model) -> Result<Self> {
        let names = model.bottleneck.names();
        let places = |kind: &str, wanted: &[String], known: &[String]| -> Result<Vec<usize>> {
            let mut found = wanted.iter().map(|w| place(model, kind, w, known)).collect::<Result<Vec<_>>>()?;
            found.sort_unstable();
            found.dedup();
            Ok(if wanted.is_empty() { (0..known.len()).collect() } else { found })
        };
        let pattern = |text: &String| -> Result<Pattern> {
            let parts: Vec<String> = text.split('+').map(|p| p.trim().to_owned()).collect();
            if text.trim() == NOTHING {
                return Ok(vec![]);
            }
            places("concept", &parts, &names.concepts).with_context(|| {
                format!("--pattern {text}: the concepts that are present, joined by +, or {NOTHING}, are expected")
            })
        };
        Ok(Self {
            classes: places("class", &spec.classes, &names.classes)?,
            concepts: places("concept", &spec.concepts, &names.concepts)?,
            patterns: spec.patterns.iter().map(pattern).collect::<Result<_>>()?,
        })
    }
}

fn place(model: &Model, kind: &str, name: &str, known: &[String]) -> Result<usize> {
    known
        .iter()
        .position(|k| k == name)
        .with_context(|| format!("{} knows no {kind} '{name}'; it knows {}", model.probe, few(known)))
}
