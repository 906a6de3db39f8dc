//! What a study found, in sentences.

use super::config::ConfigFile;
use crate::table::{CorrelationRow, ModelRow, is_main, main_sample};

/// Sentences on the models, on what goes with the gap, and on the paper's own quantities.
pub fn findings(config: &ConfigFile, models: &[ModelRow], correlations: &[CorrelationRow]) -> Vec<String> {
    let mut found = vec![];
    let of = |quantity: &str| -> Vec<f64> {
        models.iter().filter(|r| r.quantity == quantity).filter_map(|r| r.value).collect()
    };
    let gaps = of("gap_loss");
    if gaps.is_empty() {
        return vec!["No model was trained to its end.".into()];
    }
    let floor = config.analysis.min_train_accuracy;
    let kept = of("train_error").iter().filter(|e| 1.0 - **e > floor).count();
    let (low, high) = gaps.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), g| (l.min(*g), h.max(*g)));
    found.push(format!(
        "{} models were trained; the gap in loss runs from {low:.3} to {high:.3} nats, its median is {:.3}.",
        gaps.len(),
        median(gaps.clone())
    ));
    if kept < gaps.len() {
        found.push(format!(
            "{kept} of them have a training accuracy above {:.0} %; the correlations are over these.",
            100.0 * floor
        ));
    }
    let main = main_sample(models.iter().map(|r| r.sample.as_str()));
    let mut rank: Vec<&CorrelationRow> = correlations
        .iter()
        .filter(|r| r.scope == "all" && r.gap == "loss" && r.coefficient == "spearman" && r.value.is_some())
        .filter(|r| is_main(&r.quantity, &r.estimator, &r.sample, &r.layer, &main))
        .collect();
    if rank.is_empty() {
        found.push("Too few models were left for a correlation.".into());
        return found;
    }
    rank.sort_by(|a, b| b.value.unwrap_or(0.0).abs().total_cmp(&a.value.unwrap_or(0.0).abs()));
    found.push(format!("What goes with the gap in loss most closely is {}.", told(rank[0])));
    let mut mention = |lead: &str, wanted: &dyn Fn(&CorrelationRow) -> bool| {
        if let Some(row) = rank.iter().find(|r| wanted(r)) {
            found.push(format!("{lead} {}.", told(row)));
        }
    };
    mention("Of the information in representations, it is", &|r| r.quantity.starts_with("I_X"));
    mention("Of the information in weights, it is", &|r| r.quantity == "I_S_theta");
    mention("Of their sums, it is", &|r| r.quantity.contains("sum_") || r.quantity == "bound");
    mention("Of sizes and norms, it is", &|r| r.estimator.is_empty());
    let unsure =
        rank.iter().filter(|r| !matches!((r.ci_low, r.ci_high), (Some(l), Some(h)) if l > 0.0 || h < 0.0)).count();
    if unsure > 0 {
        found.push(format!(
            "The intervals of {unsure} of the {} main quantities hold zero or are not defined: on their sign these models do not decide.",
            rank.len()
        ));
    }
    found
}

/// A quantity with its rank correlation.
fn told(row: &CorrelationRow) -> String {
    let mut name = row.quantity.clone();
    let parts: Vec<&str> =
        [&row.estimator, &row.layer].into_iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    if !parts.is_empty() {
        name = format!("{name} ({})", parts.join(", "));
    }
    let interval = match (row.ci_low, row.ci_high) {
        (Some(low), Some(high)) => format!(", {:.0} % interval {low:.2} to {high:.2}", 100.0 * row.level),
        _ => String::new(),
    };
    format!(
        "{name}: Spearman's correlation {:.2}{interval}, over {} models",
        row.value.unwrap_or(f64::NAN),
        row.n_models
    )
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n % 2 == 1 { values[n / 2] } else { (values[n / 2 - 1] + values[n / 2]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::super::correlate::tests::table;
    use super::super::correlations;
    use super::*;

    #[test]
    fn sentences_say_what_was_found() {
        let config = ConfigFile::default();
        let models = table(21);
        let found = findings(&config, &models, &correlations(&config, &models)).join("\n");
        assert!(found.contains("21 models were trained") && found.contains("20 of them"), "{found}");
        assert!(found.contains("Of sizes and norms, it is parameters: Spearman's correlation 1.00"), "{found}");
        assert!(findings(&config, &[], &[])[0].contains("No model"));
        let few = table(4);
        assert!(findings(&config, &few, &correlations(&config, &few)).join(" ").contains("Too few models"));
    }
}
