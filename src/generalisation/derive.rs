//! Numbers that follow from others: a choice among layers, and sums of information as in the bound.

use super::config::ConfigFile;
use super::measure::{Number, fresh_name};
use crate::table::main_sample;
use std::collections::BTreeMap;

/// Forms of I(S;θ) that are added to the information in representations.
const OF_WEIGHTS: [&str; 3] = ["single-jensen", "single-mixture", "multi-jensen"];
const OF_CODES: [&str; 2] = ["I_XZ", "I_XZ_given_Y"];

/// Adds to each model's numbers:
///
/// * where a representation has several layers, `last` and `min` of I(X;Z) and I(X;Z|Y) over them;
/// * `sum_…`: I(X;Z_l) + I(S;θ_l), or with I(X;Z_l|Y), in bits, the least over the layers l;
/// * `scaled_sum_…`: the same with I(S;θ) multiplied by the ratio of the two means over all models and layers, as in the
///   paper's code: the two amounts differ by orders of magnitude;
/// * `bound`: √(min_l [I(X;Z_l|Y) + I(S;θ_l)]/n) of n training samples, information in nats: the form of the paper's
///   bound, without its constants.
///
/// A model that diverged has none.
pub(super) fn derived(config: &ConfigFile, models: Vec<Option<Vec<Number>>>) -> Vec<Option<Vec<Number>>> {
    let fresh: Vec<String> = config.information.fresh.iter().map(|&t| fresh_name(t)).collect();
    let main = main_sample(fresh.iter().map(String::as_str));
    let scales = scales(&models, &main);
    let sizes = sizes(config, models.len());
    models
        .into_iter()
        .zip(sizes)
        .map(|(numbers, n)| {
            let mut numbers = numbers?;
            let mut more = choices(&numbers);
            more.extend(sums(&numbers, &main, &scales, n));
            numbers.extend(more);
            Some(numbers)
        })
        .collect()
}

/// Training samples of each model, in the order of the plan.
fn sizes(config: &ConfigFile, models: usize) -> Vec<usize> {
    let each = models / config.data.train.len().max(1);
    config.data.train.iter().flat_map(|&n| std::iter::repeat_n(n, each)).collect()
}

/// By layer, the values of a quantity.
fn by_layer<'a>(numbers: &'a [Number], quantity: &str, estimator: &str, sample: &str) -> BTreeMap<u64, (&'a str, f64)> {
    numbers
        .iter()
        .filter(|n| n.quantity == quantity && n.estimator == estimator && n.sample == sample)
        .filter_map(|n| Some((n.layer_index?, (n.layer.as_str(), n.value?))))
        .collect()
}

fn estimators(numbers: &[Number], quantity: &str, sample: &str) -> Vec<String> {
    let mut found: Vec<String> = vec![];
    for number in numbers.iter().filter(|n| n.quantity == quantity && n.sample == sample) {
        if !found.contains(&number.estimator) {
            found.push(number.estimator.clone());
        }
    }
    found
}

fn choices(numbers: &[Number]) -> Vec<Number> {
    let mut samples: Vec<&str> = vec![];
    for number in numbers.iter().filter(|n| OF_CODES.contains(&n.quantity.as_str())) {
        if !samples.contains(&number.sample.as_str()) {
            samples.push(&number.sample);
        }
    }
    let mut more = vec![];
    for quantity in OF_CODES {
        for sample in &samples {
            for estimator in estimators(numbers, quantity, sample) {
                let layers = by_layer(numbers, quantity, &estimator, sample);
                let (Some((_, (_, last))), true) = (layers.last_key_value(), layers.len() > 1) else { continue };
                let least = layers.values().map(|(_, v)| *v).fold(f64::INFINITY, f64::min);
                for (layer, value) in [("last", *last), ("min", least)] {
                    more.push(Number {
                        layer: layer.into(),
                        estimator: estimator.clone(),
                        sample: (*sample).into(),
                        ..Number::plain(quantity, value, "bits")
                    });
                }
            }
        }
    }
    more
}

/// For each pair of a quantity with its estimator and a form of I(S;θ): mean of the one over mean of the other.
type Scales = BTreeMap<(String, String, String), f64>;

fn scales(models: &[Option<Vec<Number>>], main: &str) -> Scales {
    let mut sums: BTreeMap<(String, String, String), (f64, f64)> = BTreeMap::new();
    for numbers in models.iter().flatten() {
        each_pair(numbers, main, |quantity, estimator, weights, layers| {
            let sum = sums.entry((quantity.into(), estimator.into(), weights.into())).or_default();
            for (_, code, theta) in layers {
                sum.0 += code;
                sum.1 += theta;
            }
        });
    }
    sums.into_iter().map(|(key, (code, theta))| (key, code / theta)).collect()
}

/// Calls with every quantity, its estimator, every form of I(S;θ), and the layers that have both.
fn each_pair(numbers: &[Number], main: &str, mut call: impl FnMut(&str, &str, &str, Vec<(&str, f64, f64)>)) {
    for quantity in OF_CODES {
        for estimator in estimators(numbers, quantity, main) {
            let codes = by_layer(numbers, quantity, &estimator, main);
            for weights in OF_WEIGHTS {
                let thetas = by_layer(numbers, "I_S_theta", weights, "");
                let both: Vec<(&str, f64, f64)> =
                    codes.iter().filter_map(|(at, (layer, code))| Some((*layer, *code, thetas.get(at)?.1))).collect();
                if !both.is_empty() {
                    call(quantity, &estimator, weights, both);
                }
            }
        }
    }
}

fn sums(numbers: &[Number], main: &str, scales: &Scales, n: usize) -> Vec<Number> {
    let mut more = vec![];
    each_pair(numbers, main, |quantity, estimator, weights, layers| {
        let name = if layers.len() == 1 { layers[0].0 } else { "min" };
        let mut add = |label: String, value: f64, unit: &str| {
            more.push(Number {
                layer: name.into(),
                estimator: format!("{estimator}+{weights}"),
                sample: main.into(),
                ..Number::plain(&label, value, unit)
            });
        };
        let least =
            |scale: f64| layers.iter().map(|(_, code, theta)| code + scale * theta).fold(f64::INFINITY, f64::min);
        add(format!("sum_{quantity}"), least(1.0), "bits");
        if let Some(scale) = scales.get(&(quantity.into(), estimator.into(), weights.into())) {
            add(format!("scaled_sum_{quantity}"), least(*scale), "bits");
        }
        if quantity == "I_XZ_given_Y" {
            add("bound".into(), (least(1.0) * std::f64::consts::LN_2 / n as f64).sqrt(), "sqrt(nats)");
        }
    });
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(quantity: &str, estimator: &str, sample: &str, layer: &str, index: usize, value: f64) -> Number {
        Number {
            estimator: estimator.into(),
            sample: sample.into(),
            ..Number::plain(quantity, value, "bits").at(layer, index)
        }
    }

    #[test]
    fn sums_and_choices_by_hand() {
        let model = |theta: f64| {
            vec![
                number("I_XZ_given_Y", "jensen", "fresh-10", "hidden1", 0, 8.0),
                number("I_XZ_given_Y", "jensen", "fresh-10", "hidden2", 1, 4.0),
                number("I_S_theta", "single-jensen", "", "hidden1", 0, theta),
                number("I_S_theta", "single-jensen", "", "hidden2", 1, 3.0 * theta),
                number("I_S_theta", "single-jensen", "", "output", 2, 100.0),
            ]
        };
        let config = ConfigFile::default();
        let found = derived(&config, vec![Some(model(1.0)), None, Some(model(2.0))]);
        assert!(found[1].is_none());
        let of = |model: usize, quantity: &str, layer: &str| {
            found[model]
                .as_ref()
                .unwrap()
                .iter()
                .find(|n| n.quantity == quantity && n.layer == layer)
                .unwrap()
                .value
                .unwrap()
        };
        assert_eq!((of(0, "I_XZ_given_Y", "last"), of(0, "I_XZ_given_Y", "min")), (4.0, 4.0));
        // 8 + 1 against 4 + 3, and 8 + 2 against 4 + 6.
        assert_eq!((of(0, "sum_I_XZ_given_Y", "min"), of(2, "sum_I_XZ_given_Y", "min")), (7.0, 10.0));
        // Means of 6 and 3: twice the information in the weights.
        assert_eq!(of(0, "scaled_sum_I_XZ_given_Y", "min"), 10.0);
        let bound = (7.0 * std::f64::consts::LN_2 / 50.0).sqrt();
        assert!((of(0, "bound", "min") - bound).abs() < 1e-12);
    }
}
