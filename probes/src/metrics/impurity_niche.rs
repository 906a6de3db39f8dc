//! NIS, the niche impurity score: whether a concept can be predicted from concepts that have nothing to do with it.
//!
//! "Towards robust metrics for concept representation evaluation" (Espinosa Zarlenga et al. 2023): a network learns to
//! predict all concepts from all representations. The niche of concept j at β are the representations whose correlation
//! with its label exceeds β in size; the AUC of predicting concept j when everything inside its niche is masked, averaged
//! over concepts, is integrated over β = 0, 0.05, …, 1 by the trapezoid rule. ½ everywhere, an area of ½, is chance: what
//! is outside knows nothing.
//!
//! Two traps of a peer's code for representations of several numbers a concept: it overwrites the prediction from
//! outside the niche with the one from inside, and it masks columns as if each concept's numbers stood side by side where
//! they do not. Here a column's concept is carried along with it. The correlation of a concept with several numbers is
//! the largest in size among them. Its code also stops at β = 0.95; here the area goes to 1, so that its largest value
//! is 1. Masked means: set to the training mean, or ([`Masking::Zero`], as published) to zero, which is itself a statement
//! where zero means "absent".

use super::predictor::{Goal, Learnt, Predictor};
use super::random::generator;
use super::ranking::auc;
use super::resample::mean;
use super::{Metric, check_rows};
use crate::ProbeError;
use narrows_estimators::correlation::pearson;
use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// What stands for "nothing known" of a representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Masking {
    /// The training mean.
    #[default]
    Mean,
    /// Zero, as published.
    Zero,
}

/// Choices of NIS.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NicheImpurity {
    /// The network that predicts all concepts.
    pub predictor: Predictor,
    /// What masked values become.
    pub masking: Masking,
}

/// Steps of β from 0 to 1, as published.
const STEPS: usize = 20;
/// Share of the rows that is not learnt from, as published.
const TEST_SHARE: f64 = 0.2;

/// NIS of representations [samples × concepts × width]: the mean and that of each concept. Rows with a missing label are
/// left out.
///
/// # Errors
/// When shapes differ or fewer than 20 complete rows are left.
pub fn niche_impurity(
    representation: ArrayView3<'_, f64>,
    truth: ArrayView2<'_, f64>,
    options: &NicheImpurity,
) -> Result<Vec<Metric>, ProbeError> {
    let (n, concepts, width) = representation.dim();
    check_rows("samples of the representation", n, truth.nrows())?;
    check_rows("concepts of the representation", concepts, truth.ncols())?;
    let mut rows: Vec<usize> = (0..n).filter(|&i| truth.row(i).iter().all(|t| !t.is_nan())).collect();
    if rows.len() < 20 {
        let found = rows.len();
        return Err(ProbeError::Shape { what: "rows with every concept labelled".into(), found, expected: 20 });
    }
    rows.shuffle(&mut generator(options.predictor.seed, 11));
    let (test, train) = rows.split_at((TEST_SHARE * rows.len() as f64).round() as usize);
    // Column c of the features belongs to concept c / width: the layout is made here and nowhere else.
    let features = |rows: &[usize]| {
        Array2::from_shape_fn((rows.len(), concepts * width), |(r, c)| representation[[rows[r], c / width, c % width]])
    };
    let (x_train, x_test) = (features(train), features(test));
    let hard = truth.mapv(|t| f64::from(u8::from(t >= 0.5)));
    let (c_train, c_test) = (hard.select(Axis(0), train), hard.select(Axis(0), test));
    let learnt = options.predictor.learn(x_train.view(), Goal::Concepts(c_train.view()));
    let correlations = correlations(&x_train, &c_train, width);

    let of_concept = |j: usize| -> Metric {
        let present: Vec<bool> = c_test.column(j).iter().map(|t| *t >= 0.5).collect();
        let mut areas = Vec::new();
        let mut last: Option<(Vec<bool>, f64)> = None;
        for step in 0..=STEPS {
            let beta = step as f64 / STEPS as f64;
            let inside: Vec<bool> = (0..concepts).map(|i| correlations[[i, j]] > beta).collect();
            // Niches change at few β; a niche that is the same needs no new prediction.
            let value = match &last {
                Some((same, value)) if *same == inside => *value,
                _ => match outside(&learnt, &x_test, &inside, width, options.masking, j, &present) {
                    Some(value) => value,
                    None => return Metric::undefined("nis", "constant", present.len()).concept(j),
                },
            };
            last = Some((inside, value));
            areas.push(value);
        }
        let whole: f64 = areas.iter().sum();
        let area = (whole - 0.5 * (areas[0] + areas[STEPS])) / STEPS as f64;
        Metric::new("nis", area, present.len()).chance(0.5).concept(j)
    };
    let each: Vec<Metric> = (0..concepts).into_par_iter().map(of_concept).collect();
    let values: Vec<f64> = each.iter().filter_map(|m| m.value).collect();
    let whole = match mean(&values) {
        Some(value) => Metric::new("nis", value, test.len())
            .error(super::resample::error_of_mean(&values))
            .chance(0.5)
            .flag("over_concepts")
            .flag_if(values.len() < concepts, "undefined_for_some_concepts"),
        None => Metric::undefined("nis", "undefined_for_every_concept", test.len()),
    };
    let masked = match options.masking {
        Masking::Mean => "masked=mean",
        Masking::Zero => "masked=zero",
    };
    Ok(std::iter::once(whole).chain(each).map(|m| m.parameters(masked)).collect())
}

/// Size of the correlation of representation i with label j [concepts × concepts]; 0 where either never varies.
fn correlations(x: &Array2<f64>, truth: &Array2<f64>, width: usize) -> Array2<f64> {
    let columns = |m: &Array2<f64>| -> Vec<Vec<f64>> { m.columns().into_iter().map(|c| c.to_vec()).collect() };
    let (x, truth) = (columns(x), columns(truth));
    let concepts = truth.len();
    Array2::from_shape_fn((concepts, concepts), |(i, j)| {
        let own = &x[i * width..(i + 1) * width];
        own.iter().filter_map(|c| pearson(c, &truth[j])).map(f64::abs).fold(0.0, f64::max)
    })
}

/// AUC of predicting concept j with everything inside its niche masked.
fn outside(
    learnt: &Learnt,
    x: &Array2<f64>,
    inside: &[bool],
    width: usize,
    masking: Masking,
    j: usize,
    present: &[bool],
) -> Option<f64> {
    let mut masked = x.clone();
    for (c, mut column) in masked.axis_iter_mut(Axis(1)).enumerate() {
        if inside[c / width] {
            column.fill(if masking == Masking::Mean { learnt.mean()[c] } else { 0.0 });
        }
    }
    auc(&learnt.predict(masked.view()).column(j).to_vec(), present).map(|a| a.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use rand::RngExt;

    fn truth(n: usize, concepts: usize) -> Array2<f64> {
        let rng = &mut generator(20, 0);
        Array2::from_shape_fn((n, concepts), |_| f64::from(u8::from(rng.random::<f64>() < 0.5)))
    }

    /// Three numbers a concept: noise, the label itself, noise. With columns laid out in another way than it is masked,
    /// the label would stay visible and the score would be near 1.
    fn embeddings(truth: &Array2<f64>) -> Array3<f64> {
        let rng = &mut generator(21, 0);
        let (n, concepts) = truth.dim();
        Array3::from_shape_fn(
            (n, concepts, 3),
            |(i, j, w)| {
                if w == 1 { 4.0 * truth[[i, j]] } else { rng.random::<f64>() }
            },
        )
    }

    #[test]
    fn pure_embeddings_know_nothing_outside_their_niche() {
        let truth = truth(1500, 4);
        let all = niche_impurity(embeddings(&truth).view(), truth.view(), &NicheImpurity::default()).unwrap();
        // Above β = 1 nothing is inside: correlations of 1 do not exceed it, and the last step sees all. One half of a
        // twentieth at most.
        assert!((all[0].value.unwrap() - 0.5).abs() < 0.06, "{:?}", all[0]);
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn what_leaks_to_several_others_is_found() {
        // Each concept's label is the exclusive or of two numbers in the other representations: neither correlates.
        let truth = truth(1500, 3);
        let rng = &mut generator(22, 0);
        let mut leaking = embeddings(&truth);
        for i in 0..1500 {
            let coin = f64::from(u8::from(rng.random::<f64>() < 0.5));
            leaking[[i, 1, 0]] = 4.0 * coin;
            leaking[[i, 2, 0]] = 4.0 * (coin - truth[[i, 0]]).abs();
            // Its own representation says nothing.
            leaking[[i, 0, 1]] = rng.random::<f64>();
        }
        let all = niche_impurity(leaking.view(), truth.view(), &NicheImpurity::default()).unwrap();
        assert!(all[1].value.unwrap() > 0.85, "{:?}", all[1]);
        let zero = NicheImpurity { masking: Masking::Zero, ..NicheImpurity::default() };
        assert!(niche_impurity(leaking.view(), truth.view(), &zero).unwrap()[1].value.unwrap() > 0.85);
    }

    #[test]
    fn constant_concepts_are_left_out() {
        let mut truth = truth(100, 2);
        truth.column_mut(1).fill(1.0);
        let all = niche_impurity(embeddings(&truth).view(), truth.view(), &NicheImpurity::default()).unwrap();
        assert_eq!(all[2].flags, ["constant"]);
        assert!(all[0].flags.contains(&"undefined_for_some_concepts"));
        assert!(
            niche_impurity(embeddings(&truth).view(), Array2::zeros((90, 2)).view(), &NicheImpurity::default())
                .is_err()
        );
    }
}
