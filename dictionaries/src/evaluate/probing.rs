//! Sparse probing: how well a concept can be told from a few features (SAEBench, Karvonen et al. 2025; Gurnee et al.
//! 2023, "Finding Neurons in a Haystack").
//!
//! For each concept the k features of the largest |mean among present − mean among absent| on the training samples are
//! taken, a logistic regression is fitted to them there, and it is scored on the test samples. Activations are counted
//! in the length that they add (activation times the norm of the decoder row), so that scaling a feature up and its row
//! down changes nothing; for the fit each is divided by its standard deviation.

use super::auc::auc;
use super::firing::check_labels;
use super::logistic::{fit, score};
use crate::{Codes, DictionaryError};
use ndarray::{Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;

/// A number and its standard error over the test samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The number.
    pub value: f64,
    /// Its standard error.
    pub std_error: f64,
}

/// A probe of a concept on k features.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Concept, from 0.
    pub concept: usize,
    /// Features that it was given.
    pub k: usize,
    /// Which, from the largest difference on (fewer than k where fewer differ at all).
    pub features: Vec<u32>,
    /// Log odds for a unit of each feature's activation.
    pub weights: Vec<f64>,
    /// Log odds where none is active.
    pub bias: f64,
    /// Share of test samples on the right side of a chance of ½ (error √(p(1 − p)/n)).
    pub accuracy: Scored,
    /// Mean of the shares among present and absent that are on the right side of the concept's prevalence in training:
    /// at ½ a rare concept would never be told.
    pub balanced_accuracy: Scored,
    /// Area under the ROC curve (DeLong's error).
    pub auc: Scored,
    /// Accuracy of always saying what is more frequent in training.
    pub majority: f64,
    /// Training and test samples of known label.
    pub n_train: usize,
    /// Test samples of known label.
    pub n_test: usize,
}

/// All probes, and concepts that could not be probed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Probing {
    /// By concept, then as the numbers of features were given.
    pub probes: Vec<Probe>,
    /// Concept (from 0) and why it has no probe.
    pub skipped: Vec<(usize, String)>,
}

/// Samples with their codes and labels [samples × concepts] of 0, 1 or NaN (not known).
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// Codes.
    pub codes: &'a Codes,
    /// Labels.
    pub labels: ArrayView2<'a, f32>,
}

/// Probes each concept by the best `ks` features. `lengths` are the norms of the decoder rows \[width\].
///
/// # Errors
/// When sizes differ, a label is neither 0, 1 nor NaN, or a number of features is 0.
pub fn probe(
    train: Labelled<'_>,
    test: Labelled<'_>,
    lengths: &[f64],
    ks: &[usize],
) -> Result<Probing, DictionaryError> {
    check_labels(train.codes, train.labels)?;
    check_labels(test.codes, test.labels)?;
    let same = |what: &str, found: usize, expected: usize| {
        if found == expected { Ok(()) } else { Err(DictionaryError::Shape { what: what.into(), found, expected }) }
    };
    same("concepts of the test labels", test.labels.ncols(), train.labels.ncols())?;
    same("features of the test codes", test.codes.width(), train.codes.width())?;
    same("lengths of the features", lengths.len(), train.codes.width())?;
    if ks.contains(&0) {
        let rule = "a probe needs at least one feature";
        return Err(DictionaryError::BadParameter { name: "k", value: 0.0, rule });
    }
    let columns = (train.codes.by_feature(), test.codes.by_feature());
    let found: Vec<Result<Vec<Probe>, String>> = (0..train.labels.ncols())
        .into_par_iter()
        .map(|concept| {
            let of = |part: Labelled<'_>, name| known(part.labels.column(concept), name);
            let (train, test) = (of(train, "training")?, of(test, "test")?);
            let order = by_difference(&columns.0, &train, lengths, ks.iter().copied().max().unwrap_or(0));
            let one = |&k: &usize| {
                let chosen = &order[..k.min(order.len())];
                Probe { concept, k, ..one_probe(chosen, &columns, &train, &test) }
            };
            Ok(ks.iter().map(one).collect())
        })
        .collect();
    let mut probing = Probing::default();
    for (concept, found) in found.into_iter().enumerate() {
        match found {
            Ok(probes) => probing.probes.extend(probes),
            Err(why) => probing.skipped.push((concept, why)),
        }
    }
    Ok(probing)
}

/// Samples of known label.
struct Known {
    /// For each sample its place among the known.
    place: Vec<Option<u32>>,
    present: Vec<bool>,
}

fn known(labels: ArrayView1<f32>, part: &str) -> Result<Known, String> {
    let (mut place, mut present) = (vec![], vec![]);
    for label in labels {
        place.push((!label.is_nan()).then_some(present.len() as u32));
        if !label.is_nan() {
            present.push(*label == 1.0);
        }
    }
    let positives = present.iter().filter(|p| **p).count();
    if positives == 0 || positives == present.len() {
        return Err(format!("it is {} on all {part} samples", if positives == 0 { "absent" } else { "present" }));
    }
    Ok(Known { place, present })
}

/// The `most` features of the largest difference of means that is not nought, from the largest on.
fn by_difference(columns: &[Vec<(u32, f32)>], known: &Known, lengths: &[f64], most: usize) -> Vec<u32> {
    let positives = known.present.iter().filter(|p| **p).count() as f64;
    let negatives = known.present.len() as f64 - positives;
    let mut differences: Vec<(f64, u32)> = (columns.iter().zip(lengths).enumerate())
        .map(|(feature, (column, length))| {
            let (mut up, mut down) = (0.0, 0.0);
            for &(sample, value) in column {
                if let Some(place) = known.place[sample as usize] {
                    let side = if known.present[place as usize] { &mut up } else { &mut down };
                    *side += f64::from(value);
                }
            }
            (length * (up / positives - down / negatives).abs(), feature as u32)
        })
        .filter(|d| d.0 > 0.0)
        .collect();
    differences.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    differences.into_iter().take(most).map(|d| d.1).collect()
}

/// The activations of some features on the known samples [known × features].
fn gather(features: &[u32], columns: &[Vec<(u32, f32)>], known: &Known) -> Array2<f64> {
    let mut dense = Array2::zeros((known.present.len(), features.len()));
    for (i, &feature) in features.iter().enumerate() {
        for &(sample, value) in &columns[feature as usize] {
            if let Some(place) = known.place[sample as usize] {
                dense[[place as usize, i]] = f64::from(value);
            }
        }
    }
    dense
}

/// The samples on which some feature is active, and those on which none is as one row of each side that counts so many
/// times: nearly all samples are such, and alike.
fn gathered(x: &Array2<f64>, present: &[bool]) -> (Array2<f64>, Vec<bool>, Vec<f64>) {
    let active: Vec<bool> = x.rows().into_iter().map(|r| r.iter().any(|v| *v != 0.0)).collect();
    let some: Vec<usize> = (0..active.len()).filter(|&i| active[i]).collect();
    let silent = |side: bool| active.iter().zip(present).filter(|(a, p)| !**a && **p == side).count() as f64;
    let mut rows = Array2::zeros((some.len() + 2, x.ncols()));
    for (mut row, &i) in rows.rows_mut().into_iter().zip(&some) {
        row.assign(&x.row(i));
    }
    let sides = some.iter().map(|&i| present[i]).chain([true, false]).collect();
    let counts = some.iter().map(|_| 1.0).chain([silent(true), silent(false)]).collect();
    (rows, sides, counts)
}

type Columns = Vec<Vec<(u32, f32)>>;

fn one_probe(chosen: &[u32], columns: &(Columns, Columns), train: &Known, test: &Known) -> Probe {
    let mut x = gather(chosen, &columns.0, train);
    let scales: Vec<f64> = x.columns().into_iter().map(|c| c.std(0.0)).map(|s| if s > 0.0 { s } else { 1.0 }).collect();
    for (mut column, scale) in x.columns_mut().into_iter().zip(&scales) {
        column /= *scale;
    }
    let (rows, present, counts) = gathered(&x, &train.present);
    let fitted = fit(rows.view(), &present, &counts);
    let weights: Vec<f64> = fitted.weights.iter().zip(&scales).map(|(w, s)| w / s).collect();
    let scores: Vec<f64> =
        gather(chosen, &columns.1, test).rows().into_iter().map(|r| score(&weights, fitted.bias, r)).collect();
    let share = |train: &[bool]| train.iter().filter(|p| **p).count() as f64 / train.len() as f64;
    let prevalence = share(&train.present);
    let threshold = (prevalence / (1.0 - prevalence)).ln();
    let right = |wanted: bool, threshold: f64| {
        let side: Vec<bool> = (scores.iter().zip(&test.present))
            .filter(|(_, p)| **p == wanted)
            .map(|(s, p)| (*s > threshold) == *p)
            .collect();
        (share(&side), side.len() as f64)
    };
    let binomial = |(p, n): (f64, f64)| p * (1.0 - p) / n;
    let n = test.present.len() as f64;
    let ((up, ups), (down, downs)) = (right(true, 0.0), right(false, 0.0));
    let accuracy = (up * ups + down * downs) / n;
    let sides = (right(true, threshold), right(false, threshold));
    // Both classes occur in the test samples, so that the area is defined.
    let (area, error) = auc(&scores, &test.present).unwrap_or((0.5, 0.0));
    let majority = if prevalence > 0.5 { share(&test.present) } else { 1.0 - share(&test.present) };
    Probe {
        concept: 0,
        k: 0,
        features: chosen.to_vec(),
        bias: fitted.bias,
        weights,
        accuracy: Scored { value: accuracy, std_error: binomial((accuracy, n)).sqrt() },
        balanced_accuracy: Scored {
            value: 0.5 * (sides.0.0 + sides.1.0),
            std_error: 0.5 * (binomial(sides.0) + binomial(sides.1)).sqrt(),
        },
        auc: Scored { value: area, std_error: error },
        majority,
        n_train: train.present.len(),
        n_test: test.present.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feature 0 is the concept but for every tenth sample, feature 1 fires on half of either, feature 2 tells the
    /// tenths.
    fn data(n: usize) -> (Codes, Array2<f32>) {
        let (mut codes, mut labels) = (Codes::new(4), Array2::zeros((n, 3)));
        for i in 0..n {
            let (present, odd) = (i % 4 == 0, i % 10 == 7);
            labels[[i, 0]] = f32::from(u8::from(present));
            labels[[i, 1]] = if i % 5 == 0 { f32::NAN } else { f32::from(u8::from(present)) };
            let mut active = vec![];
            if present != odd {
                active.push((0, 2.0));
            }
            if i % 3 == 0 {
                active.push((1, 1.0));
            }
            if odd && !present {
                active.push((2, 0.5));
            }
            codes.push(active);
        }
        (codes, labels)
    }

    #[test]
    fn the_telling_features_are_found_and_scored() {
        let ((train, train_labels), (test, test_labels)) = (data(400), data(200));
        let (train, test) = (
            Labelled { codes: &train, labels: train_labels.view() },
            Labelled { codes: &test, labels: test_labels.view() },
        );
        let found = probe(train, test, &[1.0; 4], &[1, 2]).unwrap();
        // 7 mod 10 is odd and never a multiple of 4: each tenth sample fires feature 0 in vain.
        let one = &found.probes[0];
        assert_eq!((one.concept, one.k, one.features.as_slice()), (0, 1, &[0][..]));
        assert!((one.accuracy.value - 0.9).abs() < 1e-12 && one.majority == 0.75);
        assert!((one.accuracy.std_error - (0.09f64 / 200.0).sqrt()).abs() < 1e-12);
        assert!((one.balanced_accuracy.value - 0.5 * (1.0 + 130.0 / 150.0)).abs() < 1e-12);
        assert!((one.auc.value - (1.0 - 0.5 * 20.0 / 150.0)).abs() < 1e-12);
        let two = &found.probes[1];
        assert_eq!(two.features, [0, 2]);
        assert_eq!((two.accuracy.value, two.auc.value), (1.0, 1.0));
        assert_eq!((found.probes[2].concept, found.probes[2].n_test), (1, 160));
        assert_eq!(found.skipped, [(2, "it is absent on all training samples".to_owned())]);
    }

    #[test]
    fn a_feature_s_scale_is_a_matter_of_its_decoder_row() {
        let (codes, labels) = data(400);
        let mut scaled = Codes::new(4);
        for (features, values) in codes.rows() {
            scaled.push(features.iter().zip(values).map(|(&f, &v)| (f, if f == 0 { v * 8.0 } else { v })));
        }
        let of = |codes: &Codes, lengths: [f64; 4]| {
            let part = Labelled { codes, labels: labels.view() };
            probe(part, part, &lengths, &[1, 2, 5]).unwrap().probes
        };
        let (plain, rescaled) = (of(&codes, [1.0; 4]), of(&scaled, [0.125, 1.0, 1.0, 1.0]));
        for (a, b) in plain.iter().zip(&rescaled) {
            assert_eq!((&a.features, a.accuracy, a.auc), (&b.features, b.accuracy, b.auc));
            assert!((a.weights[0] - 8.0 * b.weights[0]).abs() < 1e-6);
        }
    }

    #[test]
    fn sizes_are_checked() {
        let (codes, labels) = data(40);
        let part = Labelled { codes: &codes, labels: labels.view() };
        assert!(probe(part, part, &[1.0; 3], &[1]).is_err());
        assert!(probe(part, part, &[1.0; 4], &[0]).is_err());
        let (short, short_labels) = data(20);
        assert!(probe(part, Labelled { codes: &short, labels: labels.view() }, &[1.0; 4], &[1]).is_err());
        assert!(probe(part, Labelled { codes: &short, labels: short_labels.view() }, &[1.0; 4], &[1]).is_ok());
    }
}
