//! Variables as networks take them, and their parts.

use super::options::NeuralOptions;
use crate::pair::{Classes, check};
use crate::random::{generator, permutation};
use crate::{EstimatorError, Variable};
use ndarray::{Array2, Axis};

/// Most values of a discrete variable: each is an input of its own.
const MOST_CLASSES: usize = 1024;

/// Fewest samples for training, early stopping and the estimate each.
const FEWEST: usize = 10;

/// The two variables in one part of the samples, each [samples × inputs].
pub(super) struct Part {
    pub(super) x: Array2<f32>,
    pub(super) y: Array2<f32>,
}

impl Part {
    fn new(x: &Array2<f32>, y: &Array2<f32>, rows: &[usize]) -> Self {
        Self { x: x.select(Axis(0), rows), y: y.select(Axis(0), rows) }
    }

    pub(super) fn len(&self) -> usize {
        self.x.nrows()
    }
}

/// The samples in three parts, drawn without replacement by seed.
///
/// Weights are fitted to the first; when to stop is chosen by the second; the estimate is of the third, which neither
/// has seen. An estimate of the second would be biased upwards, as the largest of many noisy values is. The transform
/// is of all samples, and of each variable by itself: it cannot tell one of the other.
pub(super) struct Sample {
    pub(super) train: Part,
    pub(super) validation: Part,
    pub(super) test: Part,
    /// The least of the entropies of the discrete variables, in nats; infinite when there are none.
    pub(super) ceiling: f64,
}

impl Sample {
    pub(super) fn new(
        estimator: &'static str,
        x: &Variable<'_>,
        y: &Variable<'_>,
        options: &NeuralOptions,
    ) -> Result<Self, EstimatorError> {
        check(&[x.reborrow(), y.reborrow()])?;
        let n = x.len();
        let (x, most_x) = inputs(estimator, x, options)?;
        let (y, most_y) = inputs(estimator, y, options)?;
        let held = ((n as f64 * options.holdout) as usize / 2).max(FEWEST);
        if n < 2 * held + FEWEST {
            return Err(EstimatorError::TooFewSamples { found: n, needed: 2 * held + FEWEST });
        }
        let order = permutation(n, &mut generator(options.seed, 0));
        let part = |rows: &[usize]| Part::new(&x, &y, rows);
        Ok(Self {
            test: part(&order[..held]),
            validation: part(&order[held..2 * held]),
            train: part(&order[2 * held..]),
            ceiling: most_x.min(most_y),
        })
    }
}

/// A continuous variable transformed; of a discrete one, an input for each value, 1 where the sample has it.
fn inputs(
    estimator: &'static str,
    variable: &Variable<'_>,
    options: &NeuralOptions,
) -> Result<(Array2<f32>, f64), EstimatorError> {
    Ok(match variable {
        Variable::Continuous(values) => (options.transform.apply(values.view())?.mapv(|v| v as f32), f64::INFINITY),
        Variable::Discrete(labels) => {
            let classes = Classes::new(labels);
            let found = classes.counts().len();
            if found > MOST_CLASSES {
                return Err(EstimatorError::TooManyClasses { estimator, found, most: MOST_CLASSES });
            }
            let mut hot = Array2::zeros((labels.len(), found));
            for (row, &class) in classes.of_sample().iter().enumerate() {
                hot[[row, class as usize]] = 1.0;
            }
            (hot, classes.entropy())
        }
    })
}
