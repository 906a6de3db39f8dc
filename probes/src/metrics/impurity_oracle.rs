//! OIS, the oracle impurity score: whether a concept's representation predicts other concepts better (or worse) than
//! its true label does.
//!
//! "Towards robust metrics for concept representation evaluation" (Espinosa Zarlenga et al. 2023):
//! `OIS = (2/L) ‖π(ĉ, c) − π(c, c)‖_F` with π_ij the AUC, on rows not learnt from, of predicting concept j from the
//! representation (or the label) of concept i; 2/L makes 1 the largest value (each difference is at most ½). A peer's
//! code returns the norm *without* 2/L when an alignment of representations with concepts is given: here the factor is
//! always there, and the identity alignment changes nothing. π(c, c) needs no network: the best prediction from a bit is
//! its own conditional frequency.
//!
//! A representation that knows too little scores as one that knows too much does: chance is the score of one that knows
//! nothing, whose AUCs are all one half, and a value near it may mean either.

use super::predictor::{Goal, Predictor};
use super::random::generator;
use super::ranking::auc;
use super::{Metric, check_rows};
use crate::ProbeError;
use ndarray::{Array2, ArrayView2, ArrayView3};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Choices of OIS.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OracleImpurity {
    /// The network that predicts concepts from a representation.
    pub predictor: Predictor,
    /// For each concept the place of its representation, where they are not in one order.
    pub alignment: Option<Vec<usize>>,
}

/// Share of the rows that is not learnt from, as published.
const TEST_SHARE: f64 = 0.2;

/// What OIS rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Impurity {
    /// AUCs of predicting concept j from representation i [concepts × concepts], NaN where not defined.
    pub representation: Array2<f64>,
    /// AUCs of predicting concept j from the label of concept i.
    pub labels: Array2<f64>,
    /// The score.
    pub metric: Metric,
}

/// OIS of representations [samples × concepts × width]; rows with a missing label are left out.
///
/// # Errors
/// When shapes differ, an alignment names a place that is not there, or fewer than 20 complete rows are left.
pub fn oracle_impurity(
    representation: ArrayView3<'_, f64>,
    truth: ArrayView2<'_, f64>,
    options: &OracleImpurity,
) -> Result<Impurity, ProbeError> {
    let (n, places, width) = representation.dim();
    let concepts = truth.ncols();
    check_rows("samples of the representation", n, truth.nrows())?;
    let alignment: Vec<usize> = match &options.alignment {
        Some(alignment) => alignment.clone(),
        None => {
            check_rows("concepts of the representation", places, concepts)?;
            (0..concepts).collect()
        }
    };
    check_rows("places of the alignment", alignment.len(), concepts)?;
    if let Some(&beyond) = alignment.iter().find(|p| **p >= places) {
        return Err(ProbeError::Shape { what: "representations".into(), found: places, expected: beyond + 1 });
    }
    let mut rows: Vec<usize> = (0..n).filter(|&i| truth.row(i).iter().all(|t| !t.is_nan())).collect();
    if rows.len() < 20 {
        let found = rows.len();
        return Err(ProbeError::Shape { what: "rows with every concept labelled".into(), found, expected: 20 });
    }
    rows.shuffle(&mut generator(options.predictor.seed, 10));
    let (test, train) = rows.split_at((TEST_SHARE * rows.len() as f64).round() as usize);
    let hard = truth.mapv(|t| f64::from(u8::from(t >= 0.5)));
    let part = |rows: &[usize]| hard.select(ndarray::Axis(0), rows);
    let (truth_train, truth_test) = (part(train), part(test));

    let of_place = |i: &usize| -> Vec<f64> {
        let features = |rows: &[usize]| {
            Array2::from_shape_fn((rows.len(), width), |(r, w)| representation[[rows[r], alignment[*i], w]])
        };
        let learnt = options.predictor.learn(features(train).view(), Goal::Concepts(truth_train.view()));
        let predicted = learnt.predict(features(test).view());
        (0..concepts).map(|j| area(predicted.column(j).to_vec(), &truth_test, j)).collect()
    };
    let found: Vec<Vec<f64>> = (0..concepts).collect::<Vec<_>>().par_iter().map(of_place).collect();
    let of_representation = Array2::from_shape_fn((concepts, concepts), |(i, j)| found[i][j]);
    let of_labels = label_areas(&truth_train, &truth_test);
    let ignorant = Array2::from_elem(of_labels.dim(), 0.5);
    let defined = of_representation.iter().zip(&of_labels).filter(|(a, b)| a.is_finite() && b.is_finite()).count();
    let metric = match norm(&of_representation, &of_labels) {
        Some(value) => Metric::new("ois", value, rows.len())
            .chance(norm(&ignorant, &of_labels).unwrap_or(f64::NAN))
            .flag_if(defined < concepts * concepts, "undefined_for_some_concepts"),
        None => Metric::undefined("ois", "constant", rows.len()),
    };
    Ok(Impurity { representation: of_representation, labels: of_labels, metric })
}

/// `(2/L)‖A − O‖_F` over the entries that both define; L is that of the concepts that are defined.
fn norm(a: &Array2<f64>, o: &Array2<f64>) -> Option<f64> {
    let squares: Vec<f64> = a.iter().zip(o).map(|(a, o)| (a - o).powi(2)).filter(|v| v.is_finite()).collect();
    // With all defined this is 2/L; otherwise as if the undefined ones were like the rest.
    (!squares.is_empty()).then(|| 2.0 * (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
}

fn area(scores: Vec<f64>, truth: &Array2<f64>, j: usize) -> f64 {
    let present: Vec<bool> = truth.column(j).iter().map(|t| *t >= 0.5).collect();
    auc(&scores, &present).map_or(f64::NAN, |a| a.value)
}

/// AUCs of predicting each concept from each one's label: the label itself, with the sign that the learnt rows give it.
fn label_areas(learn: &Array2<f64>, test: &Array2<f64>) -> Array2<f64> {
    let concepts = learn.ncols();
    let rate = |i: usize, j: usize, value: f64| {
        let of: Vec<f64> = (0..learn.nrows()).filter(|&r| learn[[r, i]] == value).map(|r| learn[[r, j]]).collect();
        super::resample::mean(&of)
    };
    Array2::from_shape_fn((concepts, concepts), |(i, j)| {
        let sign = match (rate(i, j, 1.0), rate(i, j, 0.0)) {
            (Some(with), Some(without)) if with != without => (with - without).signum(),
            _ => 0.0,
        };
        area(test.column(i).iter().map(|t| sign * t).collect(), test, j)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::scalar_representation;
    use rand::RngExt;

    fn truth(n: usize) -> Array2<f64> {
        let rng = &mut generator(12, 0);
        let mut truth = Array2::from_shape_fn((n, 3), |_| f64::from(u8::from(rng.random::<f64>() < 0.5)));
        for i in 0..n {
            // The third follows the first four times in five.
            if rng.random::<f64>() < 0.8 {
                truth[[i, 2]] = truth[[i, 0]];
            }
        }
        truth
    }

    #[test]
    fn labels_themselves_are_pure_and_mixtures_are_not() {
        let truth = truth(1000);
        let options = OracleImpurity::default();
        let pure = oracle_impurity(scalar_representation(truth.view()).view(), truth.view(), &options).unwrap();
        assert!(pure.metric.value.unwrap() < 1e-9, "{:?}", pure.metric);
        assert!(pure.labels[[0, 2]] > 0.85 && (pure.labels[[0, 1]] - 0.5).abs() < 0.1);
        // Every representation carries all the concepts: every AUC is 1.
        let mixed = ndarray::Array3::from_shape_fn((1000, 3, 3), |(i, _, w)| truth[[i, w]]);
        let impure = oracle_impurity(mixed.view(), truth.view(), &options).unwrap();
        let expected = {
            let gaps: f64 = impure.labels.iter().map(|o| (1.0 - o).powi(2)).sum();
            2.0 / 3.0 * gaps.sqrt()
        };
        assert!((impure.metric.value.unwrap() - expected).abs() < 1e-6 && expected > 0.5);
        let rng = &mut generator(13, 0);
        let noise = Array2::from_shape_fn((1000, 3), |_| rng.random::<f64>());
        let ignorant = oracle_impurity(scalar_representation(noise.view()).view(), truth.view(), &options).unwrap();
        let (value, chance) = (ignorant.metric.value.unwrap(), ignorant.metric.chance.unwrap());
        assert!((value / chance - 1.0).abs() < 0.15 && value > 0.6, "{value} {chance}");
    }

    #[test]
    fn an_alignment_keeps_the_factor() {
        let truth = truth(400);
        let noisy = Array2::from_shape_fn((400, 3), |(i, j)| truth[[i, j]] + 0.7 * truth[[i, (j + 1) % 3]]);
        let straight = scalar_representation(noisy.view());
        let options = OracleImpurity::default();
        let plain = oracle_impurity(straight.view(), truth.view(), &options).unwrap();
        let identity = OracleImpurity { alignment: Some(vec![0, 1, 2]), ..options.clone() };
        assert_eq!(oracle_impurity(straight.view(), truth.view(), &identity).unwrap(), plain);
        // Representations in another order, with the order said.
        let turned = scalar_representation(noisy.select(ndarray::Axis(1), &[2, 0, 1]).view());
        let told = OracleImpurity { alignment: Some(vec![1, 2, 0]), ..options };
        assert_eq!(oracle_impurity(turned.view(), truth.view(), &told).unwrap().metric, plain.metric);
        let beyond = OracleImpurity { alignment: Some(vec![0, 1, 9]), ..OracleImpurity::default() };
        assert!(oracle_impurity(straight.view(), truth.view(), &beyond).is_err());
    }

    #[test]
    fn the_norm_is_two_over_l_times_frobenius() {
        let a = ndarray::array![[1.0, 0.9], [0.6, 1.0]];
        let o = ndarray::array![[1.0, 0.5], [0.5, 1.0]];
        assert!((norm(&a, &o).unwrap() - (0.16f64 + 0.01).sqrt()).abs() < 1e-12);
    }
}
