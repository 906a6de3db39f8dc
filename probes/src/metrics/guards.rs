//! What to know of the data before any metric is believed: majority rate, class balance, concepts that never vary or
//! are another one's copy, and the most that hard concepts can tell of these very labels.

use super::{Metric, check_rows};
use crate::ProbeError;
use ndarray::ArrayView2;
use std::collections::BTreeMap;

/// Guards of labels among `n_classes` classes: majority rate, H(Y) in bits, balance, and each class's share.
pub fn class_balance(labels: &[u32], n_classes: usize) -> Vec<Metric> {
    let n = labels.len();
    let mut counts = vec![0usize; n_classes.max(labels.iter().max().map_or(0, |&l| l as usize + 1))];
    labels.iter().for_each(|&l| counts[l as usize] += 1);
    let occurring: Vec<usize> = counts.iter().copied().filter(|c| *c > 0).collect();
    let entropy: f64 = occurring.iter().map(|&c| c as f64 / n as f64).map(|p| -p * p.log2()).sum();
    let absent = occurring.len() < counts.len();
    let mut out = vec![
        Metric::share("majority_rate", occurring.iter().max().copied().unwrap_or(0), n),
        Metric::new("label_entropy_bits", entropy, n)
            .chance((counts.len() as f64).log2())
            .flag_if(absent, "classes_absent"),
        // 1 where all classes are equally frequent; entropy over its largest value.
        Metric::new("class_balance", entropy / (counts.len() as f64).log2(), n).flag_if(absent, "classes_absent"),
        Metric::new("classes_absent", (counts.len() - occurring.len()) as f64, n),
    ];
    out.extend(counts.iter().enumerate().map(|(c, &count)| Metric::share("class_share", count, n).class(c)));
    out
}

/// Guards of concept labels [samples × concepts]: share present, share missing, constants, copies and complements.
pub fn concept_balance(truth: ArrayView2<'_, f64>) -> Vec<Metric> {
    let (n, width) = truth.dim();
    let mut out = Vec::new();
    let mut constants = 0;
    for (j, column) in truth.columns().into_iter().enumerate() {
        let labelled = column.iter().filter(|v| !v.is_nan()).count();
        let present = column.iter().filter(|v| **v >= 0.5).count();
        let constant = labelled == 0 || present == 0 || present == labelled;
        constants += usize::from(constant);
        out.push(Metric::share("concept_share", present, labelled).concept(j).flag_if(constant, "constant"));
        if labelled < n {
            out.push(Metric::share("concept_missing", n - labelled, n).concept(j));
        }
    }
    // Copies are looked for by the pattern of hard labels; a complement is a copy of the negation.
    let mut seen: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for (j, column) in truth.columns().into_iter().enumerate() {
        let code = |v: &f64, flip: bool| if v.is_nan() { 2 } else { u8::from((*v >= 0.5) != flip) };
        let pattern: Vec<u8> = column.iter().map(|v| code(v, false)).collect();
        let negation: Vec<u8> = column.iter().map(|v| code(v, true)).collect();
        if pattern.iter().any(|v| *v != 2) {
            for (other, flag) in [(seen.get(&pattern), "copy"), (seen.get(&negation), "complement")] {
                if let Some(&first) = other {
                    out.push(Metric::new("concept_duplicate", 1.0, n).pair(j, first).flag(flag));
                }
            }
            seen.entry(pattern).or_insert(j);
        }
    }
    out.insert(0, Metric::new("constant_concepts", constants as f64, width));
    out
}

/// Columns of the embeddings that never vary.
pub fn constant_features(embeddings: ArrayView2<'_, f64>) -> Metric {
    let constant = embeddings.columns().into_iter().filter(|c| c.iter().all(|v| *v == c[0])).count();
    Metric::new("constant_features", constant as f64, embeddings.nrows())
}

/// The most that any function of the hard concepts gets right on *these* samples: Σ over patterns of the count of its
/// commonest class, over n.
///
/// No test is needed to compare with it: whoever gets more of these very samples right has used more than the hard
/// concepts, whatever the law. Of many concepts nearly every pattern occurs once, and it reads 1: then nothing follows.
///
/// # Errors
/// When the lengths differ.
pub fn hard_concept_ceiling(truth: ArrayView2<'_, f64>, labels: &[u32]) -> Result<Metric, ProbeError> {
    check_rows("rows of concepts", truth.nrows(), labels.len())?;
    let mut patterns: BTreeMap<Vec<u8>, BTreeMap<u32, usize>> = BTreeMap::new();
    for (row, &label) in truth.outer_iter().zip(labels) {
        let code = row.iter().map(|v| if v.is_nan() { 2 } else { u8::from(*v >= 0.5) }).collect();
        *patterns.entry(code).or_default().entry(label).or_default() += 1;
    }
    let best: usize = patterns.values().map(|classes| classes.values().max().copied().unwrap_or(0)).sum();
    let n = labels.len();
    let metric = Metric::new("hard_concept_ceiling", best as f64 / n.max(1) as f64, n);
    Ok(metric
        .parameters(format!("patterns={}", patterns.len()))
        .flag_if(2 * patterns.len() > n, "patterns_mostly_unique"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn balance_of_classes() {
        let all = class_balance(&[0, 0, 0, 1], 3);
        assert_eq!(all[0].value, Some(0.75));
        assert!((all[1].value.unwrap() - 0.811_278).abs() < 1e-6);
        assert_eq!((all[3].value, all[1].flags.as_slice()), (Some(1.0), ["classes_absent"].as_slice()));
        assert_eq!(all.len(), 4 + 3);
    }

    #[test]
    fn concepts_that_say_nothing_new_are_found() {
        // As in a peer's broken generator: the second is the complement of the first; the third is constant.
        let truth = array![[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0]];
        let all = concept_balance(truth.view());
        assert_eq!(all[0].value, Some(1.0));
        let pairs: Vec<_> = all.iter().filter(|m| m.name == "concept_duplicate").collect();
        assert_eq!(pairs.len(), 3);
        assert_eq!((pairs[0].concept, pairs[0].second_concept, pairs[0].flags[0]), (Some(1), Some(0), "complement"));
        assert!(pairs[1..].iter().any(|m| m.concept == Some(3) && m.flags == ["copy"]));
    }

    #[test]
    fn the_ceiling_is_the_best_table() {
        let truth = array![[0.0], [0.0], [0.0], [1.0], [1.0]];
        let found = hard_concept_ceiling(truth.view(), &[0, 0, 1, 1, 1]).unwrap();
        assert_eq!(found.value, Some(0.8));
        let all_apart = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]];
        let unique = hard_concept_ceiling(all_apart.view(), &[0, 0, 1]).unwrap();
        assert_eq!((unique.value, unique.flags[0]), (Some(1.0), "patterns_mostly_unique"));
    }
}
