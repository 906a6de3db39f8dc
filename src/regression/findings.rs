//! What a study shows, in sentences, and what its reader should beware of.

use super::config::ConfigFile;
use super::objective::{CodeNoise, Objective};
use super::summary::{Spread, chosen_objectives, named};
use crate::figure::scale::readable;
use crate::table::{RegressionRow, RegressionSummaryRow};
use narrows_datasets::regression::{RegressionSet, friedman1_information};
use std::f64::consts::LN_2;

/// The strength of attack nearest to which robustness is told.
const TOLD_EPSILON: f64 = 0.3;

/// For each data set: which objective predicts best and by how much, how that compares with known noise, and whether
/// codes that know less of the input are more robust.
pub fn findings(rows: &[RegressionRow], summary: &[RegressionSummaryRow], sets: &[RegressionSet]) -> Vec<String> {
    sets.iter()
        .flat_map(|set| {
            let own: Vec<&RegressionRow> = rows.iter().filter(|r| r.dataset == set.name).collect();
            [best(&own, summary, set), noise(summary, set), robustness(&own, set)].into_iter().flatten()
        })
        .collect()
}

/// Test errors of an objective's networks at one weight, by seed.
fn errors(rows: &[&RegressionRow], objective: &str, beta: f64) -> Vec<(u64, f64)> {
    rows.iter()
        .filter(|r| is_clean_error(r) && r.objective == objective && r.beta == beta)
        .filter_map(|r| Some((r.seed, r.value?)))
        .collect()
}

fn is_clean_error(row: &RegressionRow) -> bool {
    row.quantity == "rmse" && row.part == "test" && row.attack == "none"
}

/// An objective at its chosen weight: its test errors by seed, and their spread.
struct Scored {
    objective: String,
    beta: f64,
    errors: Vec<(u64, f64)>,
    spread: Spread,
}

fn best(rows: &[&RegressionRow], summary: &[RegressionSummaryRow], set: &RegressionSet) -> Option<String> {
    let mut scored: Vec<Scored> = chosen_objectives(summary, &set.name)
        .into_iter()
        .filter_map(|(objective, beta)| {
            let errors = errors(rows, &objective, beta);
            let spread = Spread::of(&errors.iter().map(|(_, e)| *e).collect::<Vec<_>>())?;
            Some(Scored { objective, beta, errors, spread })
        })
        .collect();
    scored.sort_by(|a, b| a.spread.mean.total_cmp(&b.spread.mean));
    let (first, others) = scored.split_first()?;
    let of = |s: &Spread| match s.std {
        Some(std) => format!("{} ± {}", readable(s.mean), readable(std)),
        None => readable(s.mean),
    };
    let mut text = format!(
        "{}: at the β that the validation samples choose, {} has the lowest test RMSE, {} ({}, mean and standard \
         deviation over {} seed{})",
        set.name,
        named(&first.objective, first.beta),
        of(&first.spread),
        set.target_name,
        first.errors.len(),
        if first.errors.len() == 1 { "" } else { "s" }
    );
    let is_plain = |name: &str| Objective::by_name(name).is_some_and(|o| !o.has_bottleneck());
    let rival = others.iter().find(|s| is_plain(&s.objective)).or_else(|| others.first());
    if let Some(rival) = rival {
        let differences: Vec<f64> = rival
            .errors
            .iter()
            .filter_map(|(seed, error)| Some(error - first.errors.iter().find(|(s, _)| s == seed)?.1))
            .collect();
        if let Some(spread) = Spread::of(&differences) {
            let name = named(&rival.objective, rival.beta);
            text += &match spread.std_error.zip(spread.half_interval) {
                Some((error, half)) => format!(
                    ", {} ± {} below {name} (paired over seeds, standard error): {}",
                    readable(spread.mean),
                    readable(error),
                    if spread.mean > half { "more than chance" } else { "within chance at 95 %" }
                ),
                None => format!(", {} below {name}", readable(spread.mean)),
            };
        }
    }
    let rest: Vec<String> =
        others.iter().map(|s| format!("{} {}", named(&s.objective, s.beta), of(&s.spread))).collect();
    if !rest.is_empty() {
        text += &format!(". The others: {}", rest.join(", "));
    }
    Some(text + ".")
}

fn noise(summary: &[RegressionSummaryRow], set: &RegressionSet) -> Option<String> {
    let noise = set.noise.filter(|n| *n > 0.0)?;
    let of = |quantity: &str, estimator: &str| {
        let rows = summary.iter().filter(|r| {
            let whole = r.part == "test" && r.attack == "none" && r.chosen == "yes";
            r.dataset == set.name && whole && r.quantity == quantity && r.estimator == estimator
        });
        rows.filter_map(|r| r.mean).collect::<Vec<f64>>()
    };
    let least = of("rmse", "").into_iter().min_by(f64::total_cmp)?;
    let proxy = of("I_TY", super::evaluate::PROXY).into_iter().max_by(f64::total_cmp)?;
    let truth = friedman1_information(noise, 200_000, 0) / LN_2;
    Some(format!(
        "{}: the noise is {}, below which no predictor's RMSE can stay; the best mean is {} ({} % above). I(X;Y) is \
         {truth:.2} bits; the most that a prediction carries of it is {proxy:.2} bits, by ½ log₂(Var y / MSE).",
        set.name,
        readable(noise),
        readable(least),
        (100.0 * (least / noise - 1.0)).round(),
    ))
}

fn robustness(rows: &[&RegressionRow], set: &RegressionSet) -> Option<String> {
    let attacked = |r: &&&RegressionRow| r.quantity == "rmse" && r.attack != "none";
    let attack = rows.iter().filter(attacked).map(|r| r.attack.as_str()).max()?;
    let epsilon = rows
        .iter()
        .filter(|r| r.attack == attack)
        .map(|r| r.epsilon)
        .min_by(|a, b| (a - TOLD_EPSILON).abs().total_cmp(&(b - TOLD_EPSILON).abs()))?;
    let mut networks: Vec<(&str, f64, f64)> = vec![];
    for row in rows.iter().filter(|r| r.quantity == "I_XT" && r.estimator == "cauchy-schwarz") {
        let same = |r: &&&RegressionRow| (&r.objective, r.beta, r.seed) == (&row.objective, row.beta, row.seed);
        let clean = rows.iter().filter(same).find(|r| is_clean_error(r)).and_then(|r| r.value);
        let harmed = rows.iter().filter(same).find(|r| r.attack == attack && r.epsilon == epsilon);
        if let (Some(information), Some(clean), Some(harmed)) = (row.value, clean, harmed.and_then(|r| r.value)) {
            networks.push((&row.objective, information, harmed - clean));
        }
    }
    let correlation = |of: &dyn Fn(&str) -> bool| {
        let (x, y): (Vec<f64>, Vec<f64>) = networks.iter().filter(|n| of(n.0)).map(|n| (n.1, n.2)).unzip();
        (x.len() >= 5).then(|| rank_correlation(&x, &y)).flatten()
    };
    let all = correlation(&|_| true)?;
    let mut names: Vec<&str> = networks.iter().map(|n| n.0).collect();
    names.dedup();
    let each: Vec<String> = names
        .iter()
        .filter(|name| Objective::by_name(name).is_some_and(Objective::has_bottleneck))
        .filter_map(|name| Some(format!("{name} {:+.2}", correlation(&|n| n == *name)?)))
        .collect();
    let told = match all {
        r if r > 0.3 => "codes that know less of the input lose less under attack",
        r if r < -0.3 => "codes that know less of the input lose more under attack",
        _ => "how much a code knows of the input says little of what it loses under attack",
    };
    let each = if each.is_empty() { String::new() } else { format!("; within {}", each.join(", ")) };
    Some(format!(
        "{}: {told}: the rank correlation of I(X;T) (Cauchy–Schwarz) with the rise of the RMSE under {attack} at ε = {epsilon} \
         is {all:+.2} over {} networks{each}.",
        set.name,
        networks.len()
    ))
}

/// Spearman's rank correlation; nothing when one side is constant.
fn rank_correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y) = (ranks(x), ranks(y));
    let mean = (x.len() as f64 - 1.0) / 2.0;
    let of = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let scale = (of(&x, &x) * of(&y, &y)).sqrt();
    (scale > 0.0).then(|| of(&x, &y) / scale)
}

/// Ranks from 0; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .map(|v| {
            let below = values.iter().filter(|w| *w < v).count() as f64;
            let equal = values.iter().filter(|w| *w == v).count() as f64;
            below + (equal - 1.0) / 2.0
        })
        .collect()
}

/// What the numbers of a study cannot mean.
pub fn cautions(rows: &[RegressionRow], config: &ConfigFile) -> Vec<String> {
    let mut result = vec![];
    let epochs: Vec<f64> = rows.iter().filter(|r| r.quantity == "best_epoch").filter_map(|r| r.value).collect();
    // The last twentieth, in which the best epoch seldom falls by chance.
    let last = config.training.epochs as f64 * 0.95;
    let unfinished = epochs.iter().filter(|e| **e > last).count();
    if 4 * unfinished > epochs.len() {
        result.push(format!(
            "{unfinished} of {} networks were best in the last twentieth of their {} epochs: they had not stopped getting \
             better, and training.epochs should be larger.",
            epochs.len(),
            config.training.epochs
        ));
    }
    let shannon = |r: &&RegressionRow| r.quantity == "I_XT" && r.unit == "bits";
    let still = |r: &&RegressionRow| Objective::by_name(&r.objective).is_some_and(|o| o.noise == CodeNoise::None);
    if rows.iter().filter(shannon).any(|r| still(&r)) {
        let estimator = rows.iter().find(shannon).map_or("", |r| r.estimator.as_str());
        result.push(format!(
            "The encoders of mse, cs-ib and hsic add no noise: their I(X;T) in bits is infinite in truth, and what {estimator} \
             reads grows with the sample. Compare it at equal sample counts only; the Cauchy–Schwarz value is finite."
        ));
    }
    let refused = rows.iter().filter(|r| r.flags.starts_with("refused")).count();
    if refused > 0 {
        result.push(format!("{refused} estimate(s) were refused; the column flags says why."));
    }
    let flagged = |flag: &str| rows.iter().filter(|r| r.flags.split(';').any(|f| f == flag)).count();
    if flagged("saturated") > 0 {
        result.push(format!(
            "{} estimate(s) are at the ceiling that the sample sets (saturated): they tell no networks apart.",
            flagged("saturated")
        ));
    }
    let seeds = config.seeds.len();
    if seeds < 3 {
        result.push(format!("{seeds} seed(s): the spread between seeds is barely known; give at least three."));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::{DataConfig, summarise, with_compression};
    use crate::table::regression_testing::regression_rows;

    #[test]
    fn the_sample_is_told_as_it_was_made() {
        let rows = with_compression(&regression_rows());
        let mut set = DataConfig { inputs: "friedman1".into(), ..DataConfig::default() }.load().unwrap().set;
        set.name = "a".into();
        let told = findings(&rows, &summarise(&rows), &[set]);
        assert_eq!(told.len(), 2, "{told:?}");
        // mse errs by 0.1 more, on every seed.
        assert!(
            told[0].contains("cs-ib (β = 0.1) has the lowest test RMSE, 2.45") && told[0].contains("0.1 ± "),
            "{told:?}"
        );
        assert!(told[1].contains("codes that know less of the input lose less"), "{told:?}");
        let config = ConfigFile { seeds: vec![3, 4], ..ConfigFile::default() };
        assert!(cautions(&rows, &config)[0].contains("2 seed(s)"));
    }

    #[test]
    fn ranks_share_ties() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        assert!((rank_correlation(&[1.0, 2.0, 4.0], &[9.0, 8.0, 1.0]).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(rank_correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
