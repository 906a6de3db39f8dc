//! The linear probe: multinomial logistic regression on the embeddings as they are.
//!
//! Minimises the mean cross entropy plus λ/2 ‖W‖² over weights [features × classes], intercepts unpenalised (Alain &
//! Bengio 2016, "Understanding intermediate layers using linear classifier probes"). Features are standardised for the
//! fit and the weights folded back, so that λ means the same whatever the units. A probe says what is linearly
//! readable, not what the network uses.

use super::check_embeddings;
use crate::cholesky::Cholesky;
use crate::lbfgs::minimise;
use crate::registry::{Entry, Needs};
use crate::{Bottleneck, Builder, ConceptData, Fitted, Head, Names, Observer, ProbeError, Record, Scale};
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde_json::json;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "multinomial logistic regression on the embeddings: what is linearly readable, without concepts",
    parameters: &[ParameterDoc {
        name: "lambda",
        default: "1e-2",
        meaning: "L2 penalty on the weights of standardised features",
    }],
    needs: Needs::Nothing,
    build: |parameters| {
        let lambda = parameters.value("lambda", "it cannot be negative", |l: &f64| *l >= 0.0 && l.is_finite())?;
        Ok(Box::new(LinearProbe::new(lambda.unwrap_or(1e-2))?))
    },
    restore: |record| {
        let shape = (record.n_features, record.names.classes.len());
        Ok(Box::new(FittedLinear {
            names: record.names.clone(),
            weights: record.matrix("head.weights", shape)?,
            intercepts: record.vector("head.intercepts", shape.1)?,
            converged: record.setting("converged")?,
        }))
    },
};

const NAME: &str = "linear-probe";

/// Rows of a block of the sums over samples.
const ROWS: usize = 2048;

/// A linear probe to be fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearProbe {
    lambda: f64,
    max_iterations: usize,
}

impl LinearProbe {
    /// A probe with L2 penalty λ ≥ 0.
    ///
    /// # Errors
    /// When λ is negative or not finite.
    pub fn new(lambda: f64) -> Result<Self, ProbeError> {
        if !(lambda >= 0.0 && lambda.is_finite()) {
            return Err(ProbeError::BadParameter { name: "lambda", value: lambda, rule: "it cannot be negative" });
        }
        Ok(Self { lambda, max_iterations: 500 })
    }

    /// Fits the probe to embeddings and labels.
    pub fn fit_linear(&self, data: &ConceptData) -> FittedLinear {
        let (n, d) = data.embeddings().dim();
        let k = data.n_classes();
        let mean = data.embeddings().sum_axis(Axis(0)) / n as f64;
        // A constant column carries nothing: it is left at zero instead of being divided by it.
        let spread = data.embeddings().std_axis(Axis(0), 0.0).mapv(|s| if s > 0.0 { s } else { 1.0 });
        let x = (&data.embeddings() - &mean) / &spread;
        // In coordinates in which the features are uncorrelated the descent takes a tenth of the steps: W = P V.
        let whitening = whitening(x.view());
        let objective = |parameters: &[f64]| {
            let (v, intercepts) = parameters.split_at(d * k);
            let v = ArrayView2::from_shape((d, k), v).unwrap_or_else(|_| unreachable!("split at d × k"));
            let at: Vec<f64> = whitening.dot(&v).iter().chain(intercepts).copied().collect();
            let (value, gradient) = cross_entropy(&at, x.view(), data.labels(), k, self.lambda);
            let (weights, intercepts) = gradient.split_at(d * k);
            let weights = ArrayView2::from_shape((d, k), weights).unwrap_or_else(|_| unreachable!("split at d × k"));
            (value, whitening.t().dot(&weights).iter().chain(intercepts).copied().collect())
        };
        let (best, converged) = minimise(objective, vec![0.0; (d + 1) * k], 1e-6, self.max_iterations);
        let mut weights = whitening.dot(&Array2::from_shape_fn((d, k), |(feature, class)| best[feature * k + class]));
        weights.outer_iter_mut().zip(&spread).for_each(|(mut row, s)| row /= *s);
        let intercepts = Array1::from(best[d * k..].to_vec()) - mean.dot(&weights);
        let concepts = (1..=d).map(|f| format!("feature{f}")).collect();
        let names = Names { concepts, classes: data.names().classes.clone() };
        FittedLinear { names, weights, intercepts, converged }
    }
}

/// A fitted linear probe. Its concepts are the features themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedLinear {
    names: Names,
    /// Weights [features × classes].
    weights: Array2<f64>,
    intercepts: Array1<f64>,
    /// Whether the fit ended at a minimum rather than at the iteration limit.
    pub converged: bool,
}

impl Builder for LinearProbe {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> serde_json::Value {
        json!({ "lambda": self.lambda })
    }

    fn fit(&self, data: &ConceptData, _seed: u64, _observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let fitted = self.fit_linear(data);
        let warnings = if fitted.converged {
            vec![]
        } else {
            vec!["linear-probe: no minimum was found within 500 iterations; a larger lambda converges faster".into()]
        };
        Ok(Fitted { bottleneck: Box::new(fitted), measures: vec![], warnings })
    }
}

/// P with Pᵀ C P = I for the covariance C of standardised features, C with a small ridge: the transposed inverse of its
/// Cholesky factor.
fn whitening(x: ArrayView2<'_, f64>) -> Array2<f64> {
    let (n, d) = x.dim();
    let mut covariance = Array2::<f64>::zeros((d, d));
    for block in blocks(x, |_, block| block.t().dot(&block)) {
        covariance += &block;
    }
    covariance /= n as f64;
    covariance.diag_mut().mapv_inplace(|v| v + 1e-3);
    let mut inverse = Array2::<f64>::eye(d);
    if let Some(factor) = Cholesky::new(covariance.view()) {
        let rows: Vec<_> = inverse.outer_iter_mut().collect();
        rows.into_par_iter().for_each(|row| factor.forward(row));
    }
    // Row i holds L⁻¹ eᵢ, column i of L⁻¹: these rows are L⁻ᵀ.
    inverse
}

/// What `of` makes of each block of rows (with the number of its first row), in order: blocks are fixed, so that sums
/// do not depend on the number of threads.
fn blocks<T: Send>(x: ArrayView2<'_, f64>, of: impl Fn(usize, ArrayView2<'_, f64>) -> T + Sync) -> Vec<T> {
    let blocks: Vec<_> = x.axis_chunks_iter(Axis(0), ROWS).collect();
    blocks.into_par_iter().enumerate().map(|(i, block)| of(i * ROWS, block)).collect()
}

/// Mean cross entropy with penalty, and its gradient; parameters are weights [d × k], then intercepts [k].
fn cross_entropy(parameters: &[f64], x: ArrayView2<'_, f64>, labels: &[u32], k: usize, lambda: f64) -> (f64, Vec<f64>) {
    let (n, d) = x.dim();
    let (weights, intercepts) = parameters.split_at(d * k);
    let view = ArrayView2::from_shape((d, k), weights).unwrap_or_else(|_| unreachable!("split at d × k"));
    let parts = blocks(x, |first, block| {
        let mut scores = block.dot(&view) + ArrayView1::from(intercepts);
        let mut loss = 0.0;
        for (mut row, &label) in scores.outer_iter_mut().zip(&labels[first..]) {
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let score = row[label as usize];
            row.mapv_inplace(|s| (s - largest).exp());
            let total = row.sum();
            loss += total.ln() + largest - score;
            row.mapv_inplace(|e| e / total);
            row[label as usize] -= 1.0;
        }
        (loss, block.t().dot(&scores), scores.sum_axis(Axis(0)))
    });
    let (mut loss, mut slope) = (0.0, Array1::<f64>::zeros(k));
    let mut gradient = &view * (lambda * n as f64);
    for (part, weights, intercepts) in &parts {
        loss += part;
        gradient += weights;
        slope += intercepts;
    }
    let penalty = 0.5 * lambda * weights.iter().map(|w| w * w).sum::<f64>();
    (loss / n as f64 + penalty, gradient.iter().chain(&slope).map(|g| g / n as f64).collect())
}

impl Bottleneck for FittedLinear {
    fn builder(&self) -> &'static str {
        NAME
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.weights.nrows()
    }

    fn scale(&self) -> Scale {
        Scale::Feature
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        Ok(embeddings.to_owned())
    }

    fn scores(&self, concepts: ArrayView2<'_, f64>, _: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        if concepts.ncols() != self.n_features() {
            return Err(ProbeError::WrongWidth { found: concepts.ncols(), expected: self.n_features() });
        }
        Ok(concepts.dot(&self.weights) + &self.intercepts)
    }

    fn record(&self) -> Record {
        Record::new(NAME, &self.names, self.n_features(), json!({ "converged": self.converged }))
            .with_matrix("head.weights", self.weights.view())
            .with_vector("head.intercepts", self.intercepts.view())
    }

    fn head(&self) -> Option<Head> {
        Some(Head { weights: self.weights.clone(), intercepts: self.intercepts.clone() })
    }

    fn with_head(&self, head: Head) -> Option<Box<dyn Bottleneck>> {
        Some(Box::new(Self { weights: head.weights, intercepts: head.intercepts, ..self.clone() }))
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Three clusters on a line of three directions, with a constant column.
    fn clusters() -> ConceptData {
        let x = Array2::from_shape_fn((90, 3), |(i, j)| {
            let wobble = ((i * 37 + j * 11) % 19) as f64 / 19.0 - 0.5;
            if j == 2 { 4.0 } else { 100.0 * (f64::from((i % 3 == j) as u8) + 0.4 * wobble) }
        });
        ConceptData::new(x, (0..90).map(|i| i % 3).collect()).unwrap()
    }

    #[test]
    fn separable_clusters_are_read_without_fault() {
        let data = clusters();
        let fitted = LinearProbe::new(1e-3).unwrap().fit_linear(&data);
        assert!(fitted.converged);
        assert_eq!(fitted.accuracy(data.embeddings(), data.labels()).unwrap(), 1.0);
        assert_eq!(fitted.weights.dim(), (3, 3));
    }

    #[test]
    fn the_gradient_is_that_of_the_value() {
        let x = array![[0.3, -1.0], [1.2, 0.4], [-0.7, 0.9]];
        let at: Vec<f64> = (0..9).map(|i| (f64::from(i) * 0.7).sin()).collect();
        let of = |p: &[f64]| cross_entropy(p, x.view(), &[0, 2, 1], 3, 0.1);
        let (_, gradient) = of(&at);
        for i in 0..9 {
            let (mut up, mut down) = (at.clone(), at.clone());
            up[i] += 1e-6;
            down[i] -= 1e-6;
            assert!(((of(&up).0 - of(&down).0) / 2e-6 - gradient[i]).abs() < 1e-8);
        }
    }

    #[test]
    fn unpenalised_one_feature_fit_reads_the_empirical_log_odds() {
        // With one binary feature the maximum-likelihood logistic regression reproduces the observed frequencies.
        let x = Array2::from_shape_fn((100, 1), |(i, _)| f64::from((i >= 50) as u8));
        let labels: Vec<u32> = (0..100).map(|i| u32::from(if i < 50 { i < 10 } else { i < 90 })).collect();
        let fitted = LinearProbe::new(0.0).unwrap().fit_linear(&ConceptData::new(x, labels).unwrap());
        let scores = fitted.predict(array![[0.0], [1.0]].view()).unwrap();
        let odds = |row: usize| scores[[row, 1]] - scores[[row, 0]];
        assert!((odds(0) - (0.2f64 / 0.8).ln()).abs() < 1e-4 && (odds(1) - (0.8f64 / 0.2).ln()).abs() < 1e-4);
    }

    #[test]
    fn a_probe_survives_being_written_down() {
        let fitted = LinearProbe::new(0.1).unwrap().fit_linear(&clusters());
        let restored = crate::registry::restore(&fitted.record()).unwrap();
        assert_eq!(restored.record(), fitted.record());
        assert_eq!(restored.head(), fitted.head());
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        assert!(matches!(ConceptData::new(array![[1.0], [2.0]], vec![1, 1]), Err(ProbeError::OneClass { label: 1 })));
        assert!(matches!(
            ConceptData::new(array![[1.0], [f64::NAN]], vec![0, 1]),
            Err(ProbeError::NotFinite { row: 2, .. })
        ));
        assert!(LinearProbe::new(-1.0).unwrap_err().to_string().contains("negative"));
        let fitted = LinearProbe::new(0.1).unwrap().fit_linear(&clusters());
        assert!(matches!(fitted.concepts(array![[1.0]].view()), Err(ProbeError::WrongWidth { found: 1, expected: 3 })));
    }
}
