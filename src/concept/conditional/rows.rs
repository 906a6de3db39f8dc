//! Probabilities as rows.

use super::names::{Chosen, NOTHING};
use super::ways::FEW_DRAWS;
use super::{ConditionalSpec, WRITTEN};
use crate::concept::Model;
use crate::table::ConceptConditionalRow;
use anyhow::Result;
use narrows_probes::Names;
use narrows_probes::conditional::{Conditionals, Entry, Marginals, OfPattern, Pattern, Quantity};
use std::collections::BTreeSet;

/// Gathers the rows of one bottleneck.
pub(super) struct Writer<'a> {
    probe: &'a str,
    names: &'a Names,
    chosen: &'a Chosen,
    least: f64,
    top: usize,
    /// Whether pairs over all classes, and within classes, are written.
    pairs: [bool; 2],
    /// Patterns whose p(c) is written.
    alone: BTreeSet<Pattern>,
    pub(super) rows: Vec<ConceptConditionalRow>,
}

/// What a row is about.
#[derive(Clone, Copy, Default)]
struct About<'a> {
    class: Option<usize>,
    concept: Option<usize>,
    given: Option<usize>,
    pattern: Option<&'a Pattern>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(spec: &ConditionalSpec, model: &'a Model, chosen: &'a Chosen) -> Self {
        let ordered = chosen.concepts.len() * chosen.concepts.len().saturating_sub(1);
        let written = |numbers: usize| spec.all || numbers <= WRITTEN;
        let pairs = [written(ordered / 2), written(ordered * chosen.classes.len()) || !spec.classes.is_empty()];
        Self {
            probe: &model.probe,
            names: model.bottleneck.names(),
            chosen,
            least: spec.least as f64,
            top: spec.top,
            pairs,
            alone: BTreeSet::new(),
            rows: vec![],
        }
    }

    /// That something was left out.
    pub(super) fn warnings(&self) -> Option<String> {
        let (concepts, classes) = (self.chosen.concepts.len(), self.chosen.classes.len());
        (!self.pairs[1]).then(|| {
            format!(
                "{}: p(c_k | y, c_j) and p(c_j, c_k | y) of {concepts} concepts and {classes} classes are compared and not \
                 written: --class NAME writes those of a class, --all everything.",
                self.probe
            )
        })
    }

    fn row(&mut self, way: &dyn Conditionals, quantity: Quantity, about: About<'_>, entry: Entry) {
        let method = way.method();
        let name = |of: Option<usize>, names: &[String]| of.map_or(String::new(), |k| names[k].clone());
        let flag = match method {
            "sampled" if entry.support < FEW_DRAWS => "few-draws",
            "counted" | "data" if entry.support < self.least => "few-samples",
            _ => "",
        };
        let known = |v: f64| Some(v).filter(|v| !v.is_nan());
        self.rows.push(ConceptConditionalRow {
            probe: self.probe.into(),
            method: method.into(),
            quantity: quantity.name().into(),
            class: name(about.class, &self.names.classes),
            concept: name(about.concept, &self.names.concepts),
            given: name(about.given, &self.names.concepts),
            pattern: about.pattern.map_or(String::new(), |p| self.pattern(p)),
            value: known(entry.value),
            std_error: known(entry.std_error),
            n: known(entry.support),
            flags: flag.into(),
        });
    }

    fn pattern(&self, pattern: &Pattern) -> String {
        if pattern.is_empty() {
            return NOTHING.into();
        }
        pattern.iter().map(|&k| self.names.concepts[k].as_str()).collect::<Vec<_>>().join(" + ")
    }

    /// p(c_k), p(c_k | c_j), p(c_j, c_k).
    pub(super) fn overall(&mut self, way: &dyn Conditionals, found: &Marginals) {
        use Quantity::{Concept, ConceptGivenConcept, Pair};
        self.singles(way, Concept, None, found);
        self.given(way, ConceptGivenConcept, None, found);
        if self.pairs[0] {
            self.both(way, Pair, None, found);
        }
    }

    /// p(y), p(c_k | y), and where they are asked for or few p(c_k | y, c_j), p(c_j, c_k | y).
    pub(super) fn of_class(&mut self, way: &dyn Conditionals, class: usize, found: &Marginals) {
        use Quantity::{Class, ConceptGivenBoth, ConceptGivenClass, PairGivenClass};
        if !self.chosen.classes.contains(&class) {
            return;
        }
        self.row(way, Class, About { class: Some(class), ..About::default() }, way.class(class));
        self.singles(way, ConceptGivenClass, Some(class), found);
        if self.pairs[1] {
            self.given(way, ConceptGivenBoth, Some(class), found);
            self.both(way, PairGivenClass, Some(class), found);
        }
    }

    fn singles(&mut self, way: &dyn Conditionals, quantity: Quantity, class: Option<usize>, found: &Marginals) {
        for &k in &self.chosen.concepts {
            let about = About { class, concept: Some(k), ..About::default() };
            self.row(way, quantity, about, found.concepts[k]);
        }
    }

    fn given(&mut self, way: &dyn Conditionals, quantity: Quantity, class: Option<usize>, found: &Marginals) {
        let concepts = &self.chosen.concepts;
        for (&j, &k) in concepts.iter().flat_map(|j| concepts.iter().map(move |k| (j, k))).filter(|(j, k)| j != k) {
            let about = About { class, concept: Some(k), given: Some(j), pattern: None };
            self.row(way, quantity, about, found.given[[j, k]]);
        }
    }

    fn both(&mut self, way: &dyn Conditionals, quantity: Quantity, class: Option<usize>, found: &Marginals) {
        let concepts = &self.chosen.concepts;
        for (&j, &k) in concepts.iter().flat_map(|j| concepts.iter().map(move |k| (j, k))).filter(|(j, k)| j < k) {
            let about = About { class, concept: Some(k), given: Some(j), pattern: None };
            self.row(way, quantity, about, found.pairs[[j, k]]);
        }
    }

    /// p(c | y), p(y | c) and p(c): of patterns that are probable in a chosen class by the model or the data, and of
    /// those that were asked for.
    pub(super) fn patterns(&mut self, ways: &[Box<dyn Conditionals + '_>], class: usize) -> Result<()> {
        let mut wanted: Vec<Pattern> = self.chosen.patterns.clone();
        if self.top > 0 && self.chosen.classes.contains(&class) {
            for way in ways.iter().filter(|w| w.method() != "counted" || ways[0].method() == "counted") {
                for pattern in way.top_patterns(class, self.top)? {
                    if !wanted.contains(&pattern) {
                        wanted.push(pattern);
                    }
                }
            }
        }
        for way in ways {
            let found = way.of_patterns(class, &wanted)?;
            for (pattern, of) in wanted.iter().zip(found) {
                let OfPattern { pattern: alone, importance, class: given } = of;
                let about = About { class: Some(class), pattern: Some(pattern), ..About::default() };
                self.row(way.as_ref(), Quantity::PatternGivenClass, about, importance);
                self.row(way.as_ref(), Quantity::ClassGivenPattern, about, given);
                // p(c) is of no class: once is enough.
                if !self.alone.contains(pattern) {
                    self.row(way.as_ref(), Quantity::Pattern, About { class: None, ..about }, alone);
                }
            }
        }
        self.alone.extend(wanted);
        Ok(())
    }
}
