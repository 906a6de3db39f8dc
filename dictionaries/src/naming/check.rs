//! Whether features do what their names say, checked against concepts whose truth is known.
//!
//! A feature's name is brought to the concept whose name lies nearest to it (cosine of their embeddings), where that is
//! near enough. Then the feature's activation is scored for that concept on samples that nobody trained on, and the mean
//! over features is compared with the same mean when the concepts are dealt out among the features by chance. Features of
//! one concept are no independent witnesses: the standard error is clustered by concept.

use super::{Name, unit_rows};
use crate::evaluate::firing::{FiringScore, FiringTable};
use crate::random::{Purpose, stream};
use crate::{Codes, DictionaryError};
use ndarray::ArrayView2;
use rand::seq::SliceRandom;

/// A feature with the concept that its name stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Named {
    /// Which feature.
    pub feature: usize,
    /// Which concept.
    pub concept: usize,
    /// Cosine of the embeddings of the feature's name and of the concept's.
    pub similarity: f32,
}

/// How it fares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checked {
    /// Which feature and concept.
    pub named: Named,
    /// Area under the ROC curve of the activation for the concept; `None` where the concept never varies.
    pub auc: Option<f64>,
    /// Firing against the concept.
    pub firing: FiringScore,
}

/// A mean over features.
#[derive(Debug, Clone, PartialEq)]
pub struct NamingScore {
    /// `auc`, `precision`, `recall`, or `lift`: precision over the share of samples that have the concept.
    pub metric: &'static str,
    /// The mean.
    pub value: f64,
    /// Its standard error, clustered by concept; `None` for a single concept.
    pub std_error: Option<f64>,
    /// Mean over shuffles of the concepts among the features.
    pub chance: f64,
    /// Share of shuffles (this order included) whose mean is as large.
    pub p_value: f64,
    /// Features that it rests on.
    pub features: usize,
    /// Concepts that they stand for.
    pub concepts: usize,
}

/// For each named feature, the concept whose name lies nearest to the feature's, if its cosine is at least `least`.
///
/// # Errors
/// When the widths of the vectors differ.
pub fn concepts_of_names(
    names: &[Option<Name>],
    vocabulary: ArrayView2<f32>,
    concepts: ArrayView2<f32>,
    least: f32,
) -> Result<Vec<Named>, DictionaryError> {
    if vocabulary.ncols() != concepts.ncols() {
        let what = "columns of the concept names' vectors (those of the vocabulary are expected)".into();
        return Err(DictionaryError::Shape { what, found: concepts.ncols(), expected: vocabulary.ncols() });
    }
    let cosines = unit_rows(vocabulary, false).0.dot(&unit_rows(concepts, false).0.t());
    let nearest = |(feature, name): (usize, &Option<Name>)| {
        let row = cosines.row(name.as_ref()?.word);
        let best = row.iter().copied().enumerate();
        let (concept, similarity) =
            best.fold((0, f32::NEG_INFINITY), |best, now| if now.1 > best.1 { now } else { best });
        (similarity >= least).then_some(Named { feature, concept, similarity })
    };
    Ok(names.iter().enumerate().filter_map(nearest).collect())
}

/// Scores named features on codes of samples with concept labels [samples × concepts] of 0, 1 or NaN.
///
/// # Errors
/// When labels are something else or of other samples.
pub fn check(
    codes: &Codes,
    labels: ArrayView2<f32>,
    named: &[Named],
    shuffles: usize,
    seed: u64,
) -> Result<(Vec<Checked>, Vec<NamingScore>), DictionaryError> {
    let table = FiringTable::new(codes, labels)?;
    let columns = codes.by_feature();
    let look = |named: Named| {
        let auc = sparse_auc(&columns[named.feature], labels, named.concept);
        Checked { named, auc, firing: table.score(named.feature, named.concept) }
    };
    let checked: Vec<Checked> = named.iter().map(|&n| look(n)).collect();
    let metrics = [
        ("auc", (|c: &Checked| c.auc) as fn(&Checked) -> Option<f64>),
        ("precision", |c| c.firing.precision),
        ("recall", |c| c.firing.recall),
        ("lift", |c| {
            let share = c.firing.positives as f64 / c.firing.n as f64;
            c.firing.precision.filter(|_| share > 0.0).map(|p| p / share)
        }),
    ];
    // Dealt out once for all metrics, so that they are of the same shuffles.
    let mut dealt: Vec<Vec<Checked>> = Vec::with_capacity(shuffles);
    for round in 0..shuffles {
        let mut concepts: Vec<usize> = named.iter().map(|n| n.concept).collect();
        concepts.shuffle(&mut stream(seed, Purpose::Names, 0, round as u64));
        dealt.push(named.iter().zip(concepts).map(|(n, concept)| look(Named { concept, ..*n })).collect());
    }
    let mut scores = Vec::new();
    for (metric, of) in metrics {
        let values: Vec<(usize, f64)> = checked.iter().filter_map(|c| Some((c.named.concept, of(c)?))).collect();
        let Some(value) = mean(values.iter().map(|v| v.1)) else { continue };
        let chance: Vec<f64> = dealt.iter().filter_map(|round| mean(round.iter().filter_map(of))).collect();
        let as_large = chance.iter().filter(|c| **c >= value - 1e-12).count();
        let mut concepts: Vec<usize> = values.iter().map(|v| v.0).collect();
        concepts.sort_unstable();
        concepts.dedup();
        scores.push(NamingScore {
            metric,
            value,
            std_error: clustered_error(&values, value, &concepts),
            chance: mean(chance.iter().copied()).unwrap_or(f64::NAN),
            p_value: (1 + as_large) as f64 / (1 + chance.len()) as f64,
            features: values.len(),
            concepts: concepts.len(),
        });
    }
    Ok((checked, scores))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0usize), |(sum, n), v| (sum + v, n + 1));
    (n > 0).then(|| sum / n as f64)
}

/// √(G/(G − 1) Σ_g (Σ_{i∈g} (x_i − x̄))²) / n over the G concepts.
fn clustered_error(values: &[(usize, f64)], mean: f64, concepts: &[usize]) -> Option<f64> {
    let groups = concepts.len();
    if groups < 2 {
        return None;
    }
    let sum = |concept: usize| values.iter().filter(|v| v.0 == concept).map(|v| v.1 - mean).sum::<f64>();
    let squares: f64 = concepts.iter().map(|&c| sum(c).powi(2)).sum();
    Some((groups as f64 / (groups - 1) as f64 * squares).sqrt() / values.len() as f64)
}

/// Area under the ROC curve of an activation that is zero but for `active`, in time of the active samples alone: the
/// zeros are one tie.
fn sparse_auc(active: &[(u32, f32)], labels: ArrayView2<f32>, concept: usize) -> Option<f64> {
    let labels = labels.column(concept);
    let (mut positives, mut negatives) = (0usize, 0usize);
    labels.iter().filter(|l| !l.is_nan()).for_each(|l| if *l == 1.0 { positives += 1 } else { negatives += 1 });
    if positives == 0 || negatives == 0 {
        return None;
    }
    let mut sorted: Vec<(f32, bool)> = (active.iter())
        .map(|&(sample, value)| (value, labels[sample as usize]))
        .filter(|(_, l)| !l.is_nan())
        .map(|(value, l)| (value, l == 1.0))
        .collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut above, mut below, mut area) = (0usize, 0usize, 0.0);
    for tie in sorted.chunk_by(|a, b| a.0 == b.0) {
        let (p, n) = (tie.iter().filter(|t| t.1).count(), tie.iter().filter(|t| !t.1).count());
        area += n as f64 * (above as f64 + p as f64 / 2.0);
        above += p;
        below += n;
    }
    area += (negatives - below) as f64 * (above + positives) as f64 / 2.0;
    Some(area / (positives as f64 * negatives as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Features 0…3 fire on the concepts of the same number, and a little elsewhere; 4 on everything.
    fn data() -> (Codes, Array2<f32>) {
        let labels = Array2::from_shape_fn((400, 4), |(i, c)| if i % 5 == c { 1.0 } else { 0.0 });
        let mut codes = Codes::new(5);
        for i in 0..400usize {
            let own = i % 5;
            let mut active: Vec<(u32, f32)> = (0..4u32)
                .filter(|&f| (f as usize == own && i % 3 > 0) || i % 17 == f as usize)
                .map(|f| (f, if f as usize == own { 2.0 + (i % 7) as f32 } else { 1.0 + (i % 4) as f32 }))
                .collect();
            active.push((4, 1.0));
            codes.push(active);
        }
        (codes, labels)
    }

    #[test]
    fn true_names_beat_chance_and_dealt_ones_do_not() {
        let (codes, labels) = data();
        let of = |concept: &dyn Fn(usize) -> usize| -> Vec<Named> {
            (0..4).map(|feature| Named { feature, concept: concept(feature), similarity: 1.0 }).collect()
        };
        let (checked, scores) = check(&codes, labels.view(), &of(&|f| f), 200, 0).unwrap();
        let table = FiringTable::new(&codes, labels.view()).unwrap();
        for c in &checked {
            let (slow, _) = table.auc(c.named.feature, c.named.concept).unwrap();
            assert!((c.auc.unwrap() - slow).abs() < 1e-12, "{:?} {slow}", c.auc);
        }
        let auc = &scores[0];
        assert!(auc.value > 0.8 && (auc.chance - 0.6).abs() < 0.1 && auc.p_value < 0.1, "{auc:?}");
        assert_eq!((auc.metric, auc.features, auc.concepts), ("auc", 4, 4));
        let lift = scores.iter().find(|s| s.metric == "lift").unwrap();
        assert!(lift.value > 3.0 && lift.chance < 2.5, "{lift:?}");
        let (_, scores) = check(&codes, labels.view(), &of(&|f| (f + 1) % 4), 200, 0).unwrap();
        assert!(scores[0].value < 0.5 && scores[0].p_value > 0.5, "{:?}", scores[0]);
    }

    #[test]
    fn features_of_one_concept_are_one_witness() {
        // Two concepts with means 1 and 0: the error is that of two numbers, however many features each has.
        let values: Vec<(usize, f64)> = (0..10).map(|i| (i / 5, if i < 5 { 1.0 } else { 0.0 })).collect();
        let error = clustered_error(&values, 0.5, &[0, 1]).unwrap();
        assert!((error - (2.0 * (2.5f64.powi(2) * 2.0)).sqrt() / 10.0).abs() < 1e-12);
        assert_eq!(clustered_error(&values[..5], 1.0, &[0]), None);
    }

    #[test]
    fn names_go_to_the_nearest_concept_or_to_none() {
        let vocabulary = ndarray::array![[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]];
        let concepts = ndarray::array![[0.0, 1.0], [3.0, 0.0]];
        let name = |word| Some(Name { word, score: 1.0, best: vec![], margin: 0.0, shared: 1 });
        let names = [name(0), None, name(2), name(1)];
        let found = concepts_of_names(&names, vocabulary.view(), concepts.view(), 0.8).unwrap();
        let pairs: Vec<(usize, usize)> = found.iter().map(|n| (n.feature, n.concept)).collect();
        assert_eq!(pairs, [(0, 1), (3, 0)]);
        let wide = Array2::ones((2, 3));
        assert!(concepts_of_names(&names, vocabulary.view(), wide.view(), 0.8).is_err());
    }
}
