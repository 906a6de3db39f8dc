//! Conditional probabilities of concepts and classes: what a bottleneck says of them beside what the data say.

mod findings;
mod names;
mod rows;
mod ways;

pub use findings::conditioned;
use names::Chosen;
use rows::Writer;
use ways::Ways;

use super::data::Part;
use super::{Model, Subject};
use crate::table::{ConceptAgreementRow, ConceptConditionalRow};
use anyhow::{Result, ensure};
use narrows_probes::conditional::{Comparison, MOST_ENUMERATED, Marginals};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Classes whose tables are in memory at once.
const CLASSES: usize = 8;
/// Probabilities of pairs, and of concepts given a class and a concept, that are written without being asked for.
const WRITTEN: usize = 10_000;

/// What is worked out and written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionalSpec {
    /// Draws where there are too many patterns to sum over.
    pub draws: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Concepts up to which all patterns are summed over.
    pub exact_limit: usize,
    /// Samples that a condition must have in the data to be compared.
    pub least: usize,
    /// Classes that are written; none: all.
    pub classes: Vec<String>,
    /// Concepts that are written; none: all.
    pub concepts: Vec<String>,
    /// Patterns to ask about: concepts joined by `+`, or `(none)`.
    pub patterns: Vec<String>,
    /// Probable patterns of each class that are written.
    pub top: usize,
    /// Whether everything is written, however much it is.
    pub all: bool,
}

/// Tables of conditional probabilities.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conditioned {
    /// The probabilities.
    pub rows: Vec<ConceptConditionalRow>,
    /// How well they agree.
    pub agreement: Vec<ConceptAgreementRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl ConditionalSpec {
    /// Tells what hinders [`ConditionalSpec::run`] without doing it.
    ///
    /// # Errors
    /// When there is no way to know the probabilities, or a name is unknown.
    pub fn check(&self, model: &Model, subject: &Subject, rows: &[usize]) -> Result<()> {
        ensure!(
            self.exact_limit <= MOST_ENUMERATED,
            "--exact-limit {}: sums over all patterns are for {MOST_ENUMERATED} concepts at most",
            self.exact_limit
        );
        Chosen::of(self, model)?;
        let first: Vec<usize> = rows.iter().copied().take(2).collect();
        let part = subject.for_bottleneck(&first, model.bottleneck.as_ref())?;
        ways::present(model, subject, &part).map(|_| ())
    }

    /// The probabilities of one bottleneck on these samples; `advance` is called once a class.
    ///
    /// # Errors
    /// As [`ConditionalSpec::check`], and when the bottleneck cannot be applied.
    pub fn run(
        &self,
        model: &Model,
        subject: &Subject,
        rows: &[usize],
        advance: &(dyn Fn() + Sync),
    ) -> Result<Conditioned> {
        let part: &Part = &subject.for_bottleneck(rows, model.bottleneck.as_ref())?;
        let chosen = Chosen::of(self, model)?;
        let law = narrows_probes::conditional::class_law(model.bottleneck.as_ref())?;
        let ways = Ways::new(self, model, subject, part, law.as_deref())?;
        let mut writer = Writer::new(self, model, &chosen);
        let mut comparisons: Vec<(usize, usize, Comparison)> =
            ways.compared().into_iter().map(|(a, b)| (a, b, Comparison::new(self.least as f64))).collect();

        let overall: Vec<Marginals> = ways.all.iter().map(|w| w.overall()).collect();
        for (found, reference, comparison) in &mut comparisons {
            comparison.overall(&overall[*found], &overall[*reference]);
        }
        for (way, marginals) in ways.all.iter().zip(&overall) {
            writer.overall(way.as_ref(), marginals);
        }
        let classes: Vec<usize> = (0..part.names.classes.len()).collect();
        for some in classes.chunks(CLASSES) {
            let tables: Vec<Vec<Marginals>> = some
                .par_iter()
                .map(|&y| {
                    let of = ways.all.iter().map(|w| w.of_class(y)).collect();
                    advance();
                    of
                })
                .collect();
            for (&y, tables) in some.iter().zip(&tables) {
                for (found, reference, comparison) in &mut comparisons {
                    comparison.class(&ways.all[*found].class(y), &ways.all[*reference].class(y));
                    comparison.of_class(&tables[*found], &tables[*reference]);
                }
                for (way, marginals) in ways.all.iter().zip(tables) {
                    writer.of_class(way.as_ref(), y, marginals);
                }
                writer.patterns(&ways.all, y)?;
            }
        }
        let mut agreement = vec![];
        for (found, reference, comparison) in &comparisons {
            let [method, reference] = [found, reference].map(|w| ways.all[*w].method());
            agreement.extend(comparison.finish().into_iter().map(|a| ConceptAgreementRow {
                probe: model.probe.clone(),
                method: method.into(),
                reference: reference.into(),
                quantity: a.quantity.name().into(),
                entries: a.entries,
                left_out: a.left_out,
                correlation: a.correlation,
                mean_absolute_error: a.mean_absolute,
                noise: a.noise,
                least: self.least as f64,
                n_samples: part.labels.len() as u64,
            }));
        }
        let mut warnings = ways.warnings;
        warnings.extend(writer.warnings());
        Ok(Conditioned { rows: writer.rows, agreement, warnings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concept::{DataSpec, Split};
    use narrows_probes::{Unwatched, registry};

    fn spec() -> ConditionalSpec {
        ConditionalSpec {
            draws: 4000,
            seed: 0,
            exact_limit: 20,
            least: 20,
            classes: vec![],
            concepts: vec![],
            patterns: vec![],
            top: 3,
            all: false,
        }
    }

    fn fitted(data: &str, builder: &str) -> (Model, Subject) {
        let source = DataSpec { data: Some(data.into()), split: Split::First(0.5), ..DataSpec::default() };
        let subject = source.load(0).unwrap();
        let fit = registry::builder(builder).unwrap().fit(&subject.training().unwrap(), 0, &mut Unwatched).unwrap();
        let width = fit.bottleneck.names().concepts.len();
        let statistics = crate::concept::Statistics { mean: vec![0.0; width], std: vec![1.0; width] };
        let model = Model {
            probe: "p".into(),
            specification: builder.into(),
            seed: 0,
            data: source,
            statistics,
            bottleneck: fit.bottleneck,
        };
        (model, subject)
    }

    fn agreement<'a>(found: &'a Conditioned, method: &str, against: &str, quantity: &str) -> &'a ConceptAgreementRow {
        let own = |r: &&ConceptAgreementRow| r.method == method && r.reference == against && r.quantity == quantity;
        found.agreement.iter().find(own).unwrap()
    }

    #[test]
    fn a_bottleneck_on_a_known_joint_comes_near_its_truth() {
        let (model, subject) =
            fitted("known-joint:samples=4000,noise=0.2", "cbm-independent:epochs=200,head-hidden=32");
        spec().check(&model, &subject, &subject.test).unwrap();
        let found = spec().run(&model, &subject, &subject.test, &|| ()).unwrap();
        for quantity in ["class", "concept", "concept_given_class", "concept_given_concept", "pair_given_class"] {
            let row = agreement(&found, "exact", "truth", quantity);
            assert!(row.mean_absolute_error.unwrap() < 0.05, "{row:?}");
            assert!(row.correlation.unwrap() > 0.9, "{row:?}");
            // The data are draws of the truth: their difference is the noise that their errors say.
            let data = agreement(&found, "data", "truth", quantity);
            let noise = agreement(&found, "exact", "data", quantity).noise.unwrap();
            assert!((0.3..2.5).contains(&(data.mean_absolute_error.unwrap() / noise)), "{data:?} {noise}");
        }
        let of = |method: &str, quantity: &str| {
            found.rows.iter().filter(|r| r.method == method && r.quantity == quantity).collect::<Vec<_>>()
        };
        let sum: f64 = of("exact", "class").iter().filter_map(|r| r.value).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        for method in ["exact", "counted", "data", "truth"] {
            assert_eq!(of(method, "concept_given_class").len(), 32);
            assert_eq!(of(method, "concept_given_concept").len(), 56);
            assert_eq!(of(method, "concept_given_class_and_concept").len(), 224);
            let patterns = of(method, "pattern_given_class").len();
            assert!((12..=36).contains(&patterns), "{patterns}");
        }
    }

    #[test]
    fn draws_stand_in_for_sums_and_margins_for_probabilities() {
        let (model, subject) = fitted("known-joint:samples=600", "posthoc");
        let exact = spec().run(&model, &subject, &subject.test, &|| ()).unwrap();
        assert!(exact.warnings.iter().any(|w| w.contains("Platt")), "{:?}", exact.warnings);
        let few = ConditionalSpec { exact_limit: 7, ..spec() };
        let sampled = few.run(&model, &subject, &subject.test, &|| ()).unwrap();
        let of = |found: &Conditioned, method: &str| -> Vec<ConceptConditionalRow> {
            let own = |r: &&ConceptConditionalRow| r.method == method && r.quantity == "concept_given_class";
            found.rows.iter().filter(own).cloned().collect()
        };
        let (exact, sampled) = (of(&exact, "exact"), of(&sampled, "sampled"));
        assert_eq!((exact.len(), sampled.len()), (32, 32));
        for (e, s) in exact.iter().zip(&sampled) {
            assert!(e.std_error.is_none() && s.std_error.is_some());
            let z = (e.value.unwrap() - s.value.unwrap()).abs() / s.std_error.unwrap();
            assert!(z < 4.5, "{e:?} {s:?}");
        }
    }

    #[test]
    fn what_passes_beside_the_concepts_leaves_counts_alone() {
        let (model, subject) = fitted("known-joint:samples=300", "posthoc-hybrid");
        let found = spec().run(&model, &subject, &subject.test, &|| ()).unwrap();
        assert!(found.rows.iter().all(|r| r.method != "exact"));
        assert!(found.rows.iter().any(|r| r.method == "counted"));
        assert!(found.warnings.iter().any(|w| w.contains("beside the concepts")), "{:?}", found.warnings);
        let (plain, subject) = fitted("xor:samples=100", "linear-probe");
        assert!(spec().check(&plain, &subject, &subject.test).unwrap_err().to_string().contains("no concepts"));
    }

    #[test]
    fn chosen_names_and_patterns_are_what_is_written() {
        let (model, subject) = fitted("known-joint:samples=300", "cbm-independent:epochs=3");
        let own = |classes: &[&str], concepts: &[&str], patterns: &[&str]| {
            let words = |w: &[&str]| w.iter().map(|w| (*w).to_string()).collect();
            ConditionalSpec {
                classes: words(classes),
                concepts: words(concepts),
                patterns: words(patterns),
                top: 0,
                ..spec()
            }
        };
        let found =
            own(&["B"], &["c1", "c3"], &["c1+c8", "(none)"]).run(&model, &subject, &subject.test, &|| ()).unwrap();
        let of = |quantity: &str| found.rows.iter().filter(|r| r.method == "exact" && r.quantity == quantity).count();
        assert_eq!((of("concept_given_class"), of("concept_given_concept"), of("pair_given_class")), (2, 2, 1));
        assert_eq!(of("class"), 1);
        // Patterns that are asked for: of all classes.
        assert_eq!((of("class_given_pattern"), of("pattern_given_class"), of("pattern")), (8, 8, 2));
        let sum: f64 = found
            .rows
            .iter()
            .filter(|r| r.method == "exact" && r.quantity == "class_given_pattern" && r.pattern == "c1 + c8")
            .filter_map(|r| r.value)
            .sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        let e = own(&["Z"], &[], &[]).check(&model, &subject, &subject.test).unwrap_err().to_string();
        assert!(e.contains("'Z'") && e.contains("A, B, C, D"), "{e}");
        assert!(own(&[], &[], &["c1+x"]).check(&model, &subject, &subject.test).is_err());
        // Agreement is over everything all the same.
        let whole = agreement(&found, "exact", "truth", "concept_given_class");
        assert_eq!(whole.entries + whole.left_out, 32);
    }
}
