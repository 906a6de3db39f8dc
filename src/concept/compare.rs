//! Several builders on one data set, over several seeds.

use super::area::Area;
use super::data::DataSpec;
use super::fit::{Traced, fit};
use super::guard::sound;
use super::model::Model;
use super::score::{ScoreOptions, score};
use crate::mean::Mean;
use crate::run::Ledger;
use crate::table::{ConceptComparisonRow, ConceptMetricRow, ConceptTimingRow, PlaneRow};
use anyhow::{Context, Result, ensure};
use narrows_probes::{Observer, registry};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// 0.975 quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// What is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Builders' specifications.
    pub builders: Vec<String>,
    /// The data.
    pub data: DataSpec,
    /// Seeds of splits and fits.
    pub seeds: Vec<u64>,
    /// As in [`sound`].
    pub strict: bool,
    /// Which metrics of `concept score` are taken on the test samples of every fit, and how; none if none.
    #[serde(default)]
    pub score: Option<ScoreOptions>,
    /// Curves of corrections whose height is taken of every fit; none if none.
    #[serde(default)]
    pub area: Option<Area>,
    /// Estimators of the concept information plane, the usual one if empty; no plane if none.
    #[serde(default)]
    pub trace: Option<Vec<String>>,
}

/// What a comparison came to.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// All numbers of all fits.
    pub metrics: Vec<ConceptMetricRow>,
    /// The concept information planes.
    pub plane: Vec<PlaneRow>,
    /// How long each fit took.
    pub timings: Vec<ConceptTimingRow>,
    /// What the user should know, each sentence once.
    pub warnings: Vec<String>,
    /// Fits that an earlier, interrupted run had done.
    pub resumed: usize,
}

/// A finished fit; its model lies in the folder of models.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cell {
    probe: String,
    seed: u64,
    metrics: Vec<ConceptMetricRow>,
    plane: Vec<PlaneRow>,
    seconds: f64,
    warnings: Vec<String>,
}

impl Comparison {
    /// The builders' names in the tables: the builder's own, or its specification where two are of one builder.
    ///
    /// # Errors
    /// When a specification is at fault, or stands there twice.
    pub fn probes(&self) -> Result<Vec<String>> {
        let names = self.builders.iter().map(|b| Ok(registry::builder(b)?.name())).collect::<Result<Vec<_>>>()?;
        let mut probes: Vec<String> = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let several = names.iter().filter(|n| *n == name).count() > 1;
            let probe = if several { self.builders[at].clone() } else { (*name).to_string() };
            ensure!(!probes.contains(&probe), "the builder {probe} is given twice");
            probes.push(probe);
        }
        Ok(probes)
    }

    /// Folder of a model, below that of all models.
    pub fn model_folder(probe: &str, seed: u64) -> PathBuf {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
        PathBuf::from(format!("{}-seed{seed}", probe.chars().map(safe).collect::<String>()))
    }

    /// Fits every builder with every seed. Models go below `models`, finished fits into a ledger in `state`, so that a
    /// killed run does none twice; `done` is told after each.
    ///
    /// # Errors
    /// When data or builders are at fault, or a file cannot be written.
    pub fn run(&self, models: &Path, state: &Path, observer: &mut dyn Observer, done: &dyn Fn()) -> Result<Compared> {
        let probes = self.probes()?;
        let (ledger, before) = Ledger::<Cell>::open(&state.join("fits.jsonl"))?;
        let mut result = Compared { resumed: before.len(), ..Compared::default() };
        for &seed in &self.seeds {
            let finished = |probe: &String| before.iter().find(|c| &c.probe == probe && c.seed == seed);
            // Data are read once a seed, and only where something is left to do.
            let mut loaded = None;
            for (probe, specification) in probes.iter().zip(&self.builders) {
                let cell = match finished(probe) {
                    Some(cell) => cell.clone(),
                    None => {
                        if loaded.is_none() {
                            let subject = self.data.load(seed)?;
                            let sound = sound(&subject, self.strict)?;
                            loaded = Some((subject, sound));
                        }
                        let (subject, sound) = loaded.as_ref().context("the data were read")?;
                        let run = format!("{probe}-seed{seed}");
                        let traced = self.trace.clone().map(|estimators| Traced { run, estimators });
                        let fitted =
                            fit(subject, sound, (probe, specification), &self.data, seed, traced.as_ref(), observer)?;
                        self.keep(&fitted.model, models, probe, seed)?;
                        let mut metrics = fitted.metrics;
                        let mut warnings: Vec<String> =
                            sound.warnings.iter().chain(&fitted.warnings).cloned().collect();
                        if let Some(options) = &self.score {
                            let options = ScoreOptions { seed, ..options.clone() };
                            let scored = score(&fitted.model, subject, ("test", &subject.test), &options, &|_| ())
                                .with_context(|| format!("cannot score {probe}"))?;
                            // Of quality the fit has taken its share already.
                            let fresh = |r: &ConceptMetricRow| !metrics.iter().any(|own| same_kind(own, r));
                            let others: Vec<ConceptMetricRow> = scored.metrics.into_iter().filter(fresh).collect();
                            metrics.extend(others);
                            warnings.extend(scored.warnings);
                        }
                        if let Some(area) = &self.area {
                            metrics.extend(area.of(&fitted.model, subject, seed)?);
                        }
                        let cell = Cell {
                            probe: probe.clone(),
                            seed,
                            metrics,
                            plane: fitted.plane,
                            seconds: fitted.seconds,
                            warnings,
                        };
                        ledger.add(&cell)?;
                        cell
                    }
                };
                done();
                result.metrics.extend(cell.metrics);
                result.plane.extend(cell.plane);
                result.timings.push(ConceptTimingRow { probe: cell.probe, seed, seconds: cell.seconds });
                for warning in cell.warnings {
                    if !result.warnings.contains(&warning) {
                        result.warnings.push(warning);
                    }
                }
            }
        }
        Ok(result)
    }

    fn keep(&self, model: &Model, models: &Path, probe: &str, seed: u64) -> Result<()> {
        let folder = models.join(Self::model_folder(probe, seed));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        model.save_in(&folder)
    }
}

/// Whether two rows of one fit measure the same.
fn same_kind(a: &ConceptMetricRow, b: &ConceptMetricRow) -> bool {
    let kind = |r: &ConceptMetricRow| {
        let ConceptMetricRow { split, metric, concept, class, second_concept, parameters, .. } = r.clone();
        [split, metric, concept, class, second_concept, parameters]
    };
    a.metric == b.metric && kind(a) == kind(b)
}

/// Means over seeds of the numbers of whole bottlenecks.
pub fn over_seeds(metrics: &[ConceptMetricRow]) -> Vec<ConceptComparisonRow> {
    let mut keys: Vec<(&str, &str, &str, &str)> = Vec::new();
    let whole = || metrics.iter().filter(|r| r.concept.is_empty() && r.class.is_empty());
    for r in whole() {
        let key = (r.probe.as_str(), r.split.as_str(), r.metric.as_str(), r.parameters.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter()
        .map(|(probe, split, metric, parameters)| {
            let own: Vec<&ConceptMetricRow> = whole()
                .filter(|r| r.probe == probe && r.split == split && r.metric == metric && r.parameters == parameters)
                .collect();
            let values: Vec<f64> = own.iter().filter_map(|r| r.value).collect();
            let chances: Vec<f64> = own.iter().filter_map(|r| r.chance).collect();
            let over = Mean::of(&values);
            // One fit has no spread over seeds, but the error of its own samples.
            let own_error = || own.first().and_then(|r| r.value.zip(r.std_error)).map(|(v, e)| (v - Z * e, v + Z * e));
            let interval = over.and_then(|m| m.interval.or_else(own_error));
            ConceptComparisonRow {
                probe: probe.into(),
                split: split.into(),
                metric: metric.into(),
                parameters: parameters.into(),
                seeds: values.len() as u64,
                mean: over.map(|m| m.mean),
                std: over.and_then(|m| m.std),
                ci_low: interval.map(|i| i.0),
                ci_high: interval.map(|i| i.1),
                chance: Mean::of(&chances).map(|m| m.mean),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_probes::Unwatched;

    fn comparison() -> Comparison {
        Comparison {
            builders: vec!["linear-probe".into(), "linear-probe:lambda=1".into()],
            data: DataSpec { data: Some("xor:samples=200".into()), ..DataSpec::default() },
            seeds: vec![0, 1],
            strict: false,
            trace: None,
            area: None,
            score: None,
        }
    }

    #[test]
    fn two_of_one_builder_are_told_apart_and_twins_refused() {
        assert_eq!(comparison().probes().unwrap(), ["linear-probe", "linear-probe:lambda=1"]);
        let twins = Comparison { builders: vec!["linear-probe".into(); 2], ..comparison() };
        assert!(twins.probes().unwrap_err().to_string().contains("given twice"));
    }

    #[test]
    fn what_fit_and_score_both_measure_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        let score = ScoreOptions { kinds: vec![crate::concept::MetricKind::Quality], ..ScoreOptions::default() };
        let both = Comparison { score: Some(score), seeds: vec![0], ..comparison() };
        let found = both.run(&dir.path().join("models"), dir.path(), &mut Unwatched, &|| ()).unwrap();
        assert!(over_seeds(&found.metrics).iter().all(|r| r.seeds <= 1));
    }

    #[test]
    fn a_run_that_goes_on_does_nothing_twice_and_ends_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let run = || comparison().run(&dir.path().join("models"), dir.path(), &mut Unwatched, &|| ()).unwrap();
        let first = run();
        let second = run();
        assert_eq!((first.resumed, second.resumed), (0, 4));
        assert_eq!(first.metrics, second.metrics);
        let model = Model::load(&dir.path().join("models/linear-probe_lambda_1-seed1")).unwrap();
        assert_eq!((model.seed, model.probe.as_str()), (1, "linear-probe:lambda=1"));
        let means = over_seeds(&first.metrics);
        let accuracy = means.iter().find(|r| r.metric == "accuracy" && r.split == "test").unwrap();
        assert_eq!(accuracy.seeds, 2);
        assert!(accuracy.ci_low.unwrap() < accuracy.mean.unwrap());
    }
}
