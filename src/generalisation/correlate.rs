//! Correlations of every quantity with the gaps, over all models and within groups of them.

use super::config::{Cluster, ConfigFile};
use crate::table::{CorrelationRow, ModelRow, is_main, main_sample};
use narrows_estimators::correlation::{bootstrap_interval, kendall, pearson, spearman};
use rayon::prelude::*;
use std::collections::HashMap;

/// What a model is scored by, and not a quantity that could tell of its gap.
const SCORES: [&str; 7] = ["included", "train_loss", "test_loss", "train_error", "test_error", "gap_loss", "gap_error"];
const GAPS: [(&str, &str); 2] = [("loss", "gap_loss"), ("error", "gap_error")];

type Statistic = fn(&[f64], &[f64]) -> Option<f64>;
const COEFFICIENTS: [(&str, Statistic); 3] = [("pearson", pearson), ("spearman", spearman), ("kendall", kendall)];

/// A quantity in one of its forms.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Measure {
    quantity: String,
    estimator: String,
    sample: String,
    layer: String,
}

/// A model, gathered from its rows.
struct Model<'a> {
    first: &'a ModelRow,
    scores: HashMap<&'a str, f64>,
    values: HashMap<Measure, f64>,
}

/// The models in the order of their rows.
fn models(rows: &[ModelRow]) -> Vec<Model<'_>> {
    rows.chunk_by(|a, b| a.model == b.model)
        .map(|rows| {
            let mut model = Model { first: &rows[0], scores: HashMap::new(), values: HashMap::new() };
            for row in rows {
                let Some(value) = row.value else { continue };
                if SCORES.contains(&row.quantity.as_str()) {
                    model.scores.insert(row.quantity.as_str(), value);
                } else {
                    model.values.insert(measure(row), value);
                }
            }
            model
        })
        .collect()
}

fn measure(row: &ModelRow) -> Measure {
    Measure {
        quantity: row.quantity.clone(),
        estimator: row.estimator.clone(),
        sample: row.sample.clone(),
        layer: row.layer.clone(),
    }
}

/// Which settings differ between models, by name, with a model's value as text.
type Key = (&'static str, fn(&ModelRow) -> String);
const KEYS: [Key; 5] = [
    ("train", |r| r.train.to_string()),
    ("width", |r| r.width.to_string()),
    ("depth", |r| r.depth.to_string()),
    ("weight_decay", |r| r.weight_decay.to_string()),
    ("constraint_rate", |r| r.constraint_rate.to_string()),
];

/// Pearson's, Spearman's and Kendall's correlation of every quantity with the gap in loss and in error, with bootstrap
/// intervals over clusters of models.
///
/// Over all models, every quantity in every form; within the models of one training size, width, depth, penalty or
/// constraint, where these differ, the main forms. Models whose training accuracy is not above
/// `analysis.min_train_accuracy` are left out.
pub fn correlations(config: &ConfigFile, rows: &[ModelRow]) -> Vec<CorrelationRow> {
    let floor = config.analysis.min_train_accuracy;
    let kept: Vec<Model<'_>> =
        models(rows).into_iter().filter(|m| m.scores.get("train_error").is_some_and(|e| 1.0 - e > floor)).collect();
    let main = main_sample(rows.iter().map(|r| r.sample.as_str()));
    let mut measures: Vec<Measure> = vec![];
    let mut seen = std::collections::HashSet::new();
    for row in rows.iter().filter(|r| !SCORES.contains(&r.quantity.as_str())) {
        let measure = measure(row);
        if seen.insert(measure.clone()) {
            measures.push(measure);
        }
    }
    let mut scopes: Vec<(&str, String, Vec<&Model<'_>>)> = vec![("all", String::new(), kept.iter().collect())];
    for (name, of) in KEYS {
        let mut values: Vec<String> = vec![];
        for model in &kept {
            let value = of(model.first);
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if values.len() > 1 {
            for value in values {
                let own = kept.iter().filter(|m| of(m.first) == value).collect();
                scopes.push((name, value, own));
            }
        }
    }
    scopes
        .par_iter()
        .flat_map_iter(|(scope, group, models)| {
            let wanted = measures
                .iter()
                .filter(|m| *scope == "all" || is_main(&m.quantity, &m.estimator, &m.sample, &m.layer, &main));
            wanted.flat_map(|m| of_measure(config, scope, group, models, m)).collect::<Vec<_>>()
        })
        .collect()
}

fn of_measure(
    config: &ConfigFile,
    scope: &str,
    group: &str,
    models: &[&Model<'_>],
    measure: &Measure,
) -> Vec<CorrelationRow> {
    let analysis = &config.analysis;
    let mut rows = vec![];
    for (gap, score) in GAPS {
        let mut cluster_numbers: HashMap<u64, usize> = HashMap::new();
        let (mut x, mut y, mut clusters) = (vec![], vec![], vec![]);
        for (at, model) in models.iter().enumerate() {
            let (Some(&value), Some(&gap)) = (model.values.get(measure), model.scores.get(score)) else { continue };
            x.push(value);
            y.push(gap);
            let key = match analysis.cluster {
                Cluster::Setting => model.first.setting,
                Cluster::DataSeed => model.first.data_seed,
                Cluster::Model => at as u64,
            };
            let next = cluster_numbers.len();
            clusters.push(*cluster_numbers.entry(key).or_insert(next));
        }
        for (coefficient, statistic) in COEFFICIENTS {
            // Three points always lie near a line.
            let value = (x.len() >= 4).then(|| statistic(&x, &y)).flatten();
            let interval = value.and_then(|_| {
                bootstrap_interval(
                    &x,
                    &y,
                    Some(&clusters),
                    statistic,
                    analysis.bootstrap,
                    analysis.level,
                    analysis.seed,
                )
            });
            rows.push(CorrelationRow {
                run: config.name.clone(),
                scope: scope.into(),
                group: group.into(),
                quantity: measure.quantity.clone(),
                estimator: measure.estimator.clone(),
                sample: measure.sample.clone(),
                layer: measure.layer.clone(),
                gap: gap.into(),
                coefficient: coefficient.into(),
                value,
                ci_low: interval.map(|i| i.0),
                ci_high: interval.map(|i| i.1),
                level: analysis.level,
                n_models: x.len() as u64,
                clusters: cluster_numbers.len() as u64,
                cluster_by: analysis.cluster.name().into(),
            });
        }
    }
    rows
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Models whose gap in loss grows with `parameters`, falls with `norm_sum`, and has nothing to do with `vc`.
    pub(in super::super) fn table(models: usize) -> Vec<ModelRow> {
        let mut rows = vec![];
        for at in 0..models {
            let x = at as f64;
            let numbers = [
                ("train_error", if at == 0 { 0.5 } else { 0.0 }),
                ("gap_loss", x.powi(3)),
                ("gap_error", (x * 7.0 % 5.0) / 10.0),
                ("parameters", x),
                ("norm_sum", -x),
                ("vc", 3.0),
            ];
            for (quantity, value) in numbers {
                rows.push(ModelRow {
                    run: "r".into(),
                    model: format!("m{at}"),
                    setting: at as u64 / 2,
                    kind: "stochastic".into(),
                    source: "blobs".into(),
                    train: 50,
                    width: if at % 2 == 0 { 8 } else { 16 },
                    depth: 4,
                    weight_decay: 0.0,
                    constraint_rate: 0.0,
                    data_seed: at as u64 % 2,
                    seed: 0,
                    layer: String::new(),
                    layer_index: None,
                    quantity: quantity.into(),
                    estimator: String::new(),
                    sample: String::new(),
                    value: Some(value),
                    unit: "count".into(),
                    std_error: None,
                    n_samples: None,
                    flags: String::new(),
                });
            }
        }
        rows
    }

    #[test]
    fn what_grows_with_the_gap_correlates() {
        let rows = correlations(&ConfigFile::default(), &table(21));
        let of = |scope: &str, quantity: &str, coefficient: &str| {
            rows.iter()
                .find(|r| r.scope == scope && r.quantity == quantity && r.gap == "loss" && r.coefficient == coefficient)
                .unwrap()
        };
        assert_eq!(of("all", "parameters", "spearman").value, Some(1.0));
        assert_eq!(of("all", "norm_sum", "kendall").value, Some(-1.0));
        let pearson = of("all", "parameters", "pearson");
        assert!(pearson.value.unwrap() < 1.0 && pearson.ci_low.unwrap() <= pearson.value.unwrap());
        // The first has learned nothing and is left out.
        assert_eq!((pearson.n_models, pearson.clusters, pearson.cluster_by.as_str()), (20, 11, "setting"));
        assert_eq!(of("all", "vc", "spearman").value, None);
        assert_eq!(of("width", "parameters", "spearman").n_models, 10);
        assert!(rows.iter().all(|r| r.scope == "all" || r.scope == "width"), "nothing else differs");
    }

    #[test]
    fn three_models_correlate_with_nothing() {
        assert!(correlations(&ConfigFile::default(), &table(4)).iter().all(|r| r.value.is_none()));
        assert!(correlations(&ConfigFile::default(), &[]).is_empty());
    }
}
