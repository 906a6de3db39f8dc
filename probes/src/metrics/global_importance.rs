//! CGIM: whether the head's weights agree with where concepts truly occur, over classes.
//!
//! Reconstruction of the definitions of "Concept-based explainable artificial intelligence: metrics and benchmarks"
//! (Aysel, Cai & Prügel-Bennett 2025), whose authors' code was not found. V [concepts × classes] is the frequency of
//! concept j among the images of class k; Û* the mean concept score of the correctly classified images of class k;
//! θ the head's weights. With φ the cosine, for each concept j over classes:
//!
//! ```text
//! CGIM1 φ(θ_j·, V_j·)     CGIM2 φ(Û*_j·, V_j·)     CGIM3 φ((θ∘Û*)_j·, V_j·)
//! ```
//!
//! and the same by columns for each class. V is never negative, so that a cosine with it has a floor: chance is its mean
//! over random orders of the entries, `n·mean(a)·mean(b)/(|a||b|)` exactly. The centred cosine (Pearson's correlation)
//! has chance 0 and is given beside it. Over two entries a centred cosine is ±1 whatever the numbers: flagged.

use super::resample::Bootstrap;
use super::{Metric, check_rows};
use crate::{Head, ProbeError};
use ndarray::{Array2, ArrayView1, ArrayView2};

/// What CGIM looks at.
#[derive(Debug, Clone, Copy)]
pub struct GlobalImportance<'a> {
    /// The head: θ.
    pub head: &'a Head,
    /// Concept scores of the images [images × concepts].
    pub concepts: ArrayView2<'a, f64>,
    /// Concept labels [images × concepts], NaN where missing.
    pub truth: ArrayView2<'a, f64>,
    /// Class of each image.
    pub labels: &'a [u32],
    /// Predicted class of each image.
    pub predicted: &'a [u32],
    /// V [concepts × classes], when it was taken from other images (those of training, as published); from `truth`
    /// where `None`.
    pub frequencies: Option<ArrayView2<'a, f64>>,
}

/// V [concepts × classes]: frequency of each concept in each class, NaN where a class has no labelled image of it.
pub fn concept_frequencies(truth: ArrayView2<'_, f64>, labels: &[u32], n_classes: usize) -> Array2<f64> {
    let rows: Vec<usize> = (0..labels.len()).collect();
    class_means(&rows, truth, labels, n_classes, |_| true)
}

/// Means [columns × classes] of the rows that pass, missing values left out.
fn class_means(
    rows: &[usize],
    values: ArrayView2<'_, f64>,
    labels: &[u32],
    n_classes: usize,
    passes: impl Fn(usize) -> bool,
) -> Array2<f64> {
    let mut sums = Array2::<f64>::zeros((values.ncols(), n_classes));
    let mut counts = Array2::<f64>::zeros((values.ncols(), n_classes));
    for &i in rows.iter().filter(|i| passes(**i)) {
        let k = labels[i] as usize;
        for (j, &v) in values.row(i).iter().enumerate().filter(|(_, v)| !v.is_nan()) {
            sums[[j, k]] += v;
            counts[[j, k]] += 1.0;
        }
    }
    sums / counts
}

/// CGIM 1–3, plain and centred, for each concept, each class, and their means, with bootstrap intervals over images.
///
/// # Errors
/// When shapes differ or a label has no class.
pub fn global_importance(data: &GlobalImportance<'_>, bootstrap: Bootstrap) -> Result<Vec<Metric>, ProbeError> {
    let (concepts, classes) = data.head.weights.dim();
    check_rows("concepts", data.concepts.ncols(), concepts)?;
    check_rows("labelled concepts", data.truth.ncols(), concepts)?;
    check_rows("labels of images", data.labels.len(), data.concepts.nrows())?;
    check_rows("predictions", data.predicted.len(), data.labels.len())?;
    check_rows("rows of concept labels", data.truth.nrows(), data.labels.len())?;
    if let Some(&label) = data.labels.iter().find(|l| **l as usize >= classes) {
        return Err(ProbeError::Shape { what: "classes".into(), found: classes, expected: label as usize + 1 });
    }
    if let Some(v) = data.frequencies {
        check_rows("concepts of the frequencies", v.nrows(), concepts)?;
        check_rows("classes of the frequencies", v.ncols(), classes)?;
    }
    let rows: Vec<usize> = (0..data.labels.len()).collect();
    let mut out = Vec::new();
    for form in Form::ALL {
        let [theirs, truth] = data.sides(form, &rows);
        // Weights against frequencies from elsewhere do not depend on these images: there is nothing to resample.
        let fixed = matches!(form, Form::Weights) && data.frequencies.is_some();
        for centred in [false, true] {
            let names = form.names(centred);
            for (by_class, axis) in [(false, 0), (true, 1)] {
                let each = vectors(&theirs, &truth, axis);
                let mean_of = |rows: &[usize]| {
                    let [theirs, truth] = data.sides(form, rows);
                    let found: Vec<f64> =
                        vectors(&theirs, &truth, axis).iter().filter_map(|(a, b)| cosine(a, b, centred)).collect();
                    super::resample::mean(&found)
                };
                let n = rows.len();
                let found: Vec<f64> = each.iter().filter_map(|(a, b)| cosine(a, b, centred)).collect();
                let chances: Vec<f64> = each.iter().filter_map(|(a, b)| floor(a, b, centred)).collect();
                let name = if by_class { names.1 } else { names.0 };
                let whole = match super::resample::mean(&found) {
                    Some(value) => Metric::new(name, value, n)
                        .spread(if fixed { None } else { bootstrap.spread(n, mean_of) })
                        .chance(super::resample::mean(&chances).unwrap_or(f64::NAN))
                        .flag_if(found.len() < each.len(), "undefined_for_some"),
                    None => Metric::undefined(name, "undefined_for_all", n),
                };
                let short = centred && each.iter().any(|(a, _)| a.len() <= 2);
                out.push(whole.flag_if(short, "two_entries"));
                for (i, (a, b)) in each.iter().enumerate() {
                    let metric = match (cosine(a, b, centred), floor(a, b, centred)) {
                        (Some(value), Some(chance)) => Metric::new(name, value, n).chance(chance),
                        _ => Metric::undefined(name, "constant_or_zero", n),
                    };
                    let metric = metric.flag_if(centred && a.len() <= 2, "two_entries");
                    out.push(if by_class { metric.class(i) } else { metric.concept(i) });
                }
            }
        }
    }
    Ok(out)
}

/// Which of the three.
#[derive(Debug, Clone, Copy)]
enum Form {
    Weights,
    Scores,
    Both,
}

impl Form {
    const ALL: [Form; 3] = [Form::Weights, Form::Scores, Form::Both];

    /// Names by concept and by class.
    fn names(self, centred: bool) -> (&'static str, &'static str) {
        match (self, centred) {
            (Form::Weights, false) => ("cgim1", "cgim1_class"),
            (Form::Scores, false) => ("cgim2", "cgim2_class"),
            (Form::Both, false) => ("cgim3", "cgim3_class"),
            (Form::Weights, true) => ("cgim1_centred", "cgim1_centred_class"),
            (Form::Scores, true) => ("cgim2_centred", "cgim2_centred_class"),
            (Form::Both, true) => ("cgim3_centred", "cgim3_centred_class"),
        }
    }
}

impl GlobalImportance<'_> {
    /// What is compared, and V, from these images.
    fn sides(&self, form: Form, rows: &[usize]) -> [Array2<f64>; 2] {
        let classes = self.head.weights.ncols();
        let correct = |i: usize| self.labels[i] == self.predicted[i];
        let scores = || class_means(rows, self.concepts, self.labels, classes, correct);
        let theirs = match form {
            Form::Weights => self.head.weights.clone(),
            Form::Scores => scores(),
            Form::Both => scores() * &self.head.weights,
        };
        let truth = match self.frequencies {
            Some(v) => v.to_owned(),
            None => class_means(rows, self.truth, self.labels, classes, |_| true),
        };
        [theirs, truth]
    }
}

/// Pairs of rows (axis 0) or columns, without entries that are missing on either side: a class without images, or
/// without a correctly classified one.
fn vectors(a: &Array2<f64>, b: &Array2<f64>, axis: usize) -> Vec<(Vec<f64>, Vec<f64>)> {
    let pair = |(x, y): (ArrayView1<'_, f64>, ArrayView1<'_, f64>)| {
        x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite()).map(|(x, y)| (*x, *y)).unzip()
    };
    if axis == 0 {
        a.rows().into_iter().zip(b.rows()).map(pair).collect()
    } else {
        a.columns().into_iter().zip(b.columns()).map(pair).collect()
    }
}

fn centre(v: &[f64]) -> Vec<f64> {
    let mean = v.iter().sum::<f64>() / v.len().max(1) as f64;
    v.iter().map(|x| x - mean).collect()
}

/// Cosine; `None` when a side is zero (or constant, when centred).
fn cosine(a: &[f64], b: &[f64], centred: bool) -> Option<f64> {
    let (a, b) = if centred { (centre(a), centre(b)) } else { (a.to_vec(), b.to_vec()) };
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let norms = product(&a, &a).sqrt() * product(&b, &b).sqrt();
    // Rounding leaves about 1e-16 of a constant's size after centring.
    (norms > 1e-24).then(|| (product(&a, &b) / norms).clamp(-1.0, 1.0))
}

/// Mean cosine over random orders of the entries of one side.
fn floor(a: &[f64], b: &[f64], centred: bool) -> Option<f64> {
    cosine(a, b, centred)?;
    if centred {
        return Some(0.0);
    }
    let n = a.len() as f64;
    let square = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
    Some(a.iter().sum::<f64>() * b.iter().sum::<f64>() / n / (square(a).sqrt() * square(b).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn value(all: &[Metric], name: &str, concept: Option<usize>, class: Option<usize>) -> Metric {
        all.iter().find(|m| m.name == name && m.concept == concept && m.class == class).unwrap().clone()
    }

    #[test]
    fn by_hand() {
        // Two images of class 0 with the first concept, one of class 1 with the second; the last is predicted wrongly.
        let head = Head { weights: array![[1.0, -1.0, 0.0], [0.0, 2.0, 1.0]], intercepts: array![0.0, 0.0, 0.0] };
        let truth = array![[1.0, 0.0], [1.0, f64::NAN], [0.0, 1.0], [1.0, 1.0]];
        let concepts = array![[0.9, 0.1], [0.7, 0.3], [0.2, 0.6], [0.5, 0.5]];
        let data = GlobalImportance {
            head: &head,
            concepts: concepts.view(),
            truth: truth.view(),
            labels: &[0, 0, 1, 2],
            predicted: &[0, 0, 1, 0],
            frequencies: None,
        };
        let v = concept_frequencies(truth.view(), &[0, 0, 1, 2], 3);
        assert_eq!(v, array![[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]);
        let all = global_importance(&data, Bootstrap { resamples: 0, seed: 0 }).unwrap();
        // θ_0 = (1, −1, 0), V_0 = (1, 0, 1): 1/(√2 √2).
        assert!((value(&all, "cgim1", Some(0), None).value.unwrap() - 0.5).abs() < 1e-12);
        // Û*_0 = (0.8, 0.2, —): class 2 has no correct image and is left out, so V_0 = (1, 0).
        let cgim2 = value(&all, "cgim2", Some(0), None).value.unwrap();
        assert!((cgim2 - 0.8 / 0.68f64.sqrt()).abs() < 1e-12);
        let cgim3 = value(&all, "cgim3", Some(0), None).value.unwrap();
        assert!((cgim3 - 0.8 / (0.64f64 + 0.04).sqrt()).abs() < 1e-12);
        // By class 0: θ = (1, 0), V = (1, 0).
        assert_eq!(value(&all, "cgim1_class", None, Some(0)).value, Some(1.0));
        assert!(value(&all, "cgim2_class", None, Some(2)).value.is_none());
        assert!(value(&all, "cgim2_centred", Some(0), None).flags.contains(&"two_entries"));
    }

    #[test]
    fn chance_is_the_mean_over_all_orders() {
        let (a, b) = ([0.3, 1.0, -0.2], [0.1, 0.9, 0.4]);
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let mean =
            orders.iter().map(|o| cosine(&o.map(|i| a[i]), &b, false).unwrap()).sum::<f64>() / orders.len() as f64;
        assert!((mean - floor(&a, &b, false).unwrap()).abs() < 1e-12);
        let centred =
            orders.iter().map(|o| cosine(&o.map(|i| a[i]), &b, true).unwrap()).sum::<f64>() / orders.len() as f64;
        assert!(centred.abs() < 1e-12);
        assert_eq!(cosine(&[2.0, 2.0], &b[..2], true), None);
    }
}
