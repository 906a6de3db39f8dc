//! Difference of entropies by density models ("Formal limitations on the measurement of mutual information", McAllester
//! & Stratos 2020, section 5).
//!
//! ```text
//! I ≈ Σ_j ⟨log q(y_j | x, y_1 … y_{j−1})⟩ − ⟨log q(y_j | y_1 … y_{j−1})⟩
//! ```
//!
//! Each factor q is a mixture of eight normal densities whose weights, means and widths a network makes of what stands
//! behind the bar (Bishop 1994, "Mixture density networks", section 3). A cross-entropy is at least the entropy, and so
//! each sum is a bound, from opposite sides: their difference is none, but nothing in it caps the estimate at the
//! logarithm of a batch. Of the two variables the one of fewer features is modelled; the information is the same.

use super::fit::fit;
use super::mlp::{Activation, Mlp};
use super::options::NeuralOptions;
use super::sample::{Part, Sample};
use crate::pair::Pair;
use crate::registry::{Build, Domain, Entry, Measure, ParameterDoc};
use crate::{Estimate, Estimator, EstimatorError, MutualInformation, Parameters, Variable, Warning};
use ndarray::{Array1, Array2, ArrayView1, Axis, Slice, concatenate};
use serde::{Deserialize, Serialize};

/// The difference of two cross-entropies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DifferenceOfEntropies {
    /// The networks and their training; every factor has networks of its own.
    pub training: NeuralOptions,
}

const NAME: &str = "doe";
const DOCS: [ParameterDoc; 8] = NeuralOptions::docs("32x32");

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "cross-entropies of two density networks, one of which sees the other variable (McAllester & Stratos 2020)",
    parameters: &DOCS,
    domain: Domain::NOT_DISCRETE,
    measure: Measure::Information,
    trained: true,
    cost: "O(D·steps·batch), D of the smaller variable",
    choose: "large information with a variable of few features; neither an upper nor a lower bound",
    build: Build {
        mutual_information: Some(|p: &Parameters| {
            let training = NeuralOptions::read(p, DifferenceOfEntropies::default().training)?;
            Ok(Box::new(DifferenceOfEntropies { training }))
        }),
        ..Build::NOTHING
    },
};

impl Default for DifferenceOfEntropies {
    fn default() -> Self {
        Self { training: NeuralOptions::new(&[32, 32]) }
    }
}

impl Estimator for DifferenceOfEntropies {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> String {
        self.training.text()
    }
}

impl MutualInformation for DifferenceOfEntropies {
    fn estimate(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimatorError> {
        if let Pair::Discrete(..) = Pair::new(&x, &y)? {
            return Err(EstimatorError::WrongKind { estimator: NAME, expected: "one or two continuous" });
        }
        let model_x = match (&x, &y) {
            (_, Variable::Discrete(_)) => true,
            (Variable::Discrete(_), _) => false,
            _ => x.dimension() < y.dimension(),
        };
        let sample = match model_x {
            true => Sample::new(NAME, &y, &x, &self.training)?,
            false => Sample::new(NAME, &x, &y, &self.training)?,
        };
        let mut contributions = Array1::zeros(sample.test.len());
        let (mut on_train, mut converged) = (0.0, true);
        for j in 0..sample.test.y.ncols() {
            for (sees_x, sign) in [(true, 1.0), (false, -1.0)] {
                let factor = self.factor(&sample, j, sees_x);
                contributions = contributions + factor.test * sign;
                on_train += sign * factor.train;
                converged &= factor.converged;
            }
        }
        let mut found = Estimate::mean_of(&contributions.to_vec()).with_detail("train_nats", on_train);
        if !converged {
            found = found.warned(Warning::NotConverged);
        }
        Ok(found.judged(sample.ceiling))
    }
}

/// Log densities by one trained factor.
struct Factor {
    /// Of each test sample.
    test: Array1<f64>,
    /// The mean over the training samples.
    train: f64,
    converged: bool,
}

impl DifferenceOfEntropies {
    fn factor(&self, sample: &Sample, j: usize, sees_x: bool) -> Factor {
        let [train, validation, test] =
            [&sample.train, &sample.validation, &sample.test].map(|part| (context(part, j, sees_x), part.y.column(j)));
        let widths = [&[train.0.ncols()], &self.training.hidden[..], &[3 * COMPONENTS]].concat();
        let random = &mut crate::random::generator(self.training.seed, 10 + 2 * j as u64 + u64::from(sees_x));
        let network = Mlp::new(&widths, Activation::Tanh, random);
        let fitted = fit(
            network,
            train.0.nrows(),
            &self.training.schedule(),
            |network, batch, gradient| {
                let trace = network.trace(train.0.select(Axis(0), batch));
                let slope = slope(trace.output(), train.1.select(Axis(0), batch).view());
                network.backward_to_first(&trace, slope, gradient);
            },
            |network| log_densities(&network.forward(validation.0.view()), validation.1).sum(),
        );
        let of = |(input, values): &(Array2<f32>, ArrayView1<'_, f32>)| {
            log_densities(&fitted.model.forward(input.view()), *values)
        };
        Factor { test: of(&test), train: of(&train).mean().unwrap_or(0.0), converged: fitted.converged() }
    }
}

/// What the j-th feature's density is given: x or a constant, and the features before it.
fn context(part: &Part, j: usize, sees_x: bool) -> Array2<f32> {
    let before = part.y.slice_axis(Axis(1), Slice::from(..j));
    match sees_x {
        true => concatenate![Axis(1), part.x, before],
        false => concatenate![Axis(1), Array2::ones((part.len(), 1)), before],
    }
}

/// Densities in a mixture.
const COMPONENTS: usize = 8;

/// Limits of the logarithm of a width, of variables with a standard deviation of about 1.
const LOG_WIDTH: std::ops::RangeInclusive<f32> = -8.0..=3.0;

/// One mixture's parts at a value: by component, the log of weight times density and the standardised distance.
struct Parts {
    log_joint: [f32; COMPONENTS],
    log_weight: [f32; COMPONENTS],
    distance: [f32; COMPONENTS],
    log_width: [f32; COMPONENTS],
}

impl Parts {
    /// `outputs` are logits, means and log widths, in this order.
    fn new(outputs: ArrayView1<'_, f32>, value: f32) -> Self {
        // ½ log 2π.
        const HALF_LOG_TAU: f32 = 0.918_938_5;
        let logits: [f32; COMPONENTS] = std::array::from_fn(|k| outputs[k]);
        let total = log_sum(&logits);
        let log_width: [f32; COMPONENTS] =
            std::array::from_fn(|k| outputs[2 * COMPONENTS + k].clamp(*LOG_WIDTH.start(), *LOG_WIDTH.end()));
        let distance: [f32; COMPONENTS] =
            std::array::from_fn(|k| (value - outputs[COMPONENTS + k]) * (-log_width[k]).exp());
        let log_weight: [f32; COMPONENTS] = std::array::from_fn(|k| logits[k] - total);
        let log_joint =
            std::array::from_fn(|k| log_weight[k] - distance[k] * distance[k] / 2.0 - log_width[k] - HALF_LOG_TAU);
        Self { log_joint, log_weight, distance, log_width }
    }
}

fn log_sum(values: &[f32; COMPONENTS]) -> f32 {
    let largest = values.iter().fold(f32::NEG_INFINITY, |m, &v| m.max(v));
    largest + values.iter().map(|v| (v - largest).exp()).sum::<f32>().ln()
}

fn log_densities(outputs: &Array2<f32>, values: ArrayView1<'_, f32>) -> Array1<f64> {
    outputs.rows().into_iter().zip(values).map(|(o, &v)| f64::from(log_sum(&Parts::new(o, v).log_joint))).collect()
}

/// The derivatives of the mean of minus the log densities by the outputs.
fn slope(outputs: &Array2<f32>, values: ArrayView1<'_, f32>) -> Array2<f32> {
    let mut slope = Array2::zeros(outputs.dim());
    let share = 1.0 / outputs.nrows() as f32;
    for ((outputs, &value), mut slope) in outputs.rows().into_iter().zip(values).zip(slope.rows_mut()) {
        let parts = Parts::new(outputs, value);
        let total = log_sum(&parts.log_joint);
        for k in 0..COMPONENTS {
            let posterior = (parts.log_joint[k] - total).exp();
            let distance = parts.distance[k];
            slope[k] = share * (parts.log_weight[k].exp() - posterior);
            slope[COMPONENTS + k] = -share * posterior * distance * (-parts.log_width[k]).exp();
            if LOG_WIDTH.contains(&outputs[2 * COMPONENTS + k]) {
                slope[2 * COMPONENTS + k] = share * posterior * (1.0 - distance * distance);
            }
        }
    }
    slope
}

#[cfg(test)]
mod tests {
    use super::super::tests::normals;
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_cross_entropy() {
        let outputs = Array2::from_shape_fn((3, 3 * COMPONENTS), |(i, j)| ((i * 24 + j) as f32 * 1.3).sin());
        let values = ndarray::array![0.3f32, -0.7, 1.4];
        let found = slope(&outputs, values.view());
        let loss = |o: &Array2<f32>| -log_densities(o, values.view()).sum() / 3.0;
        for at in outputs.indexed_iter().map(|(at, _)| at) {
            let (mut up, mut down) = (outputs.clone(), outputs.clone());
            up[at] += 1e-2;
            down[at] -= 1e-2;
            let expected = (loss(&up) - loss(&down)) / 2e-2;
            assert!((expected - f64::from(found[at])).abs() < 1e-3, "{at:?}: {} for {expected}", found[at]);
        }
    }

    #[test]
    fn correlated_normals_and_labels() {
        let (x, y) = normals(3000, 1, 2.0, 1);
        let estimator = DifferenceOfEntropies::default();
        let found = estimator.estimate(Variable::Continuous(x.view()), Variable::Continuous(y.view())).unwrap();
        assert!((found.value.0 - 2.0).abs() < 0.15, "{found:?}");
        let labels: Vec<u32> = (0..3000).map(|i| i % 2).collect();
        let found = estimator.estimate(Variable::Continuous(x.view()), Variable::Discrete(&labels)).unwrap();
        assert!(found.value.0.abs() < 0.03, "{found:?}");
    }
}
