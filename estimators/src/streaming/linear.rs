//! Sums over linear kernels, K = XXᵀ and L = YYᵀ, which are sums over the columns: of centred X and Y,
//! tr(KHLH) = ‖XᵀY‖², with ‖·‖ the Frobenius norm ("Similarity of neural network representations revisited", Kornblith,
//! Norouzi, Lee & Hinton 2019, eq. 2). Labels are vectors of zeros with a one at their class: the kernel is 1 for equal
//! labels and 0 for others.

use super::counted::LabelNumbers;
use super::{MomentSums, Moments, Pass, State};
use crate::transform::squarable;
use crate::{Estimate, EstimatorError, Variable};
use ndarray::{Array2, ArrayView2, Axis};

/// Columns of both variables together, a class being one: their cross products are held.
const MOST_COLUMNS: usize = 8192;
/// Rows that are handed on together from an array in memory.
const PART: usize = 4096;

/// Cross products of two variables; with labels, after a pass that numbers the classes.
pub(crate) struct LinearStream {
    normalised: bool,
    labels: Vec<Option<LabelNumbers>>,
    /// Whether this pass is for the classes.
    looking: bool,
    sums: Option<MomentSums>,
    dim_x: usize,
}

impl LinearStream {
    pub(crate) fn new(normalised: bool) -> Self {
        Self { normalised, labels: vec![], looking: false, sums: None, dim_x: 0 }
    }

    /// The estimate of samples in memory, which have been checked.
    pub(crate) fn at_once(normalised: bool, variables: &[Variable<'_>]) -> Result<Estimate, EstimatorError> {
        let mut state = Self::new(normalised);
        let n = variables.first().map_or(0, Variable::len);
        loop {
            for from in (0..n).step_by(PART) {
                let to = (from + PART).min(n);
                let part = |v: &Variable<'_>| v.select(&(from..to).collect::<Vec<_>>());
                let parts: Vec<_> = variables.iter().map(part).collect();
                state.add(&parts.iter().map(|p| p.view()).collect::<Vec<_>>(), from)?;
            }
            if let Pass::Done(estimate) = state.end_pass(n)? {
                return Ok(estimate);
            }
        }
    }

    fn begin(&mut self, rows: &[Variable<'_>]) {
        let side = |variable: &Variable<'_>| match variable {
            Variable::Continuous(_) => None,
            Variable::Discrete(_) => Some(LabelNumbers::default()),
        };
        self.labels = rows.iter().map(side).collect();
        self.looking = self.labels.iter().any(Option::is_some);
    }

    fn estimate(&self, moments: &Moments) -> Estimate {
        let products = moments.cross_products();
        let (of_x, of_y) = products.view().split_at(Axis(1), self.dim_x);
        let ((xx, _), (xy, yy)) = (of_x.split_at(Axis(0), self.dim_x), of_y.split_at(Axis(0), self.dim_x));
        let n = moments.samples();
        let value = if self.normalised {
            let scale = norm(xx) * norm(yy);
            // A variable without spread has no dependence on itself, and the other none on it.
            if scale > 0.0 { norm(xy) / norm(xx) * (norm(xy) / norm(yy)) } else { 0.0 }
        } else {
            (norm(xy) / (n as f64 - 1.0)).powi(2)
        };
        Estimate::plain(value, n)
    }
}

/// Frobenius norm, of numbers whose squares may be out of range.
fn norm(block: ArrayView2<'_, f64>) -> f64 {
    let largest = block.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    if largest == 0.0 { 0.0 } else { largest * block.iter().map(|v| (v / largest).powi(2)).sum::<f64>().sqrt() }
}

impl State for LinearStream {
    fn add(&mut self, rows: &[Variable<'_>], first_row: usize) -> Result<(), EstimatorError> {
        if self.labels.is_empty() {
            self.begin(rows);
        }
        if self.looking {
            for (numbers, variable) in self.labels.iter_mut().zip(rows) {
                if let (Some(numbers), Variable::Discrete(labels)) = (numbers, variable) {
                    numbers.number(labels);
                }
            }
            return Ok(());
        }
        let mut sides: Vec<Array2<f64>> = Vec::with_capacity(2);
        for (numbers, variable) in self.labels.iter_mut().zip(rows) {
            match (numbers, variable) {
                (_, Variable::Continuous(values)) => {
                    squarable(values.view(), first_row)?;
                    sides.push(values.to_owned());
                }
                (Some(numbers), Variable::Discrete(labels)) => {
                    let classes = numbers.distinct();
                    if classes > MOST_COLUMNS {
                        let (found, most) = (classes, MOST_COLUMNS);
                        return Err(EstimatorError::TooManyClasses { estimator: "hsic", found, most });
                    }
                    let mut ones = Array2::zeros((labels.len(), classes));
                    for (row, class) in numbers.number(labels).into_iter().enumerate() {
                        // A class that the first pass has not seen: the data changed, and the count of rows may not.
                        let place = ones.get_mut((row, class as usize));
                        *place.ok_or(EstimatorError::UnlikeParts)? = 1.0;
                    }
                    sides.push(ones);
                }
                // A variable's kind stays what it is.
                (None, _) => {}
            }
        }
        let views: Vec<ArrayView2<'_, f64>> = sides.iter().map(|side| side.view()).collect();
        let width: usize = views.iter().map(ArrayView2::ncols).sum();
        if width > MOST_COLUMNS {
            return Err(EstimatorError::TooWide { encoder: "hsic:kernel=linear", found: width, most: MOST_COLUMNS });
        }
        self.dim_x = views[0].ncols();
        self.sums.get_or_insert_with(|| MomentSums::new(width)).add(&views);
        Ok(())
    }

    fn end_pass(&mut self, rows: usize) -> Result<Pass, EstimatorError> {
        if std::mem::take(&mut self.looking) {
            return Ok(Pass::Again);
        }
        let moments = self.sums.take().and_then(MomentSums::finish);
        let moments = moments.ok_or(EstimatorError::TooFewSamples { found: rows, needed: 2 })?;
        Ok(Pass::Done(self.estimate(&moments)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_trace_of_centred_matrices() {
        let x = Array2::from_shape_fn((40, 3), |(i, j)| 5.0 + ((i * 7 + j * 3) as f64 * 0.37).sin());
        let y = Array2::from_shape_fn((40, 2), |(i, j)| ((i * 5 + j) as f64 * 0.61).cos() + x[[i, 0]]);
        let labels: Vec<u32> = (0..40).map(|i| 3 + i * i % 3).collect();
        let ones = Array2::from_shape_fn((40, 5), |(i, j)| f64::from(u8::from(labels[i] as usize == j)));
        let h = Array2::from_shape_fn((40, 40), |(i, j)| f64::from(u8::from(i == j)) - 1.0 / 40.0);
        let trace = |a: &Array2<f64>, b: &Array2<f64>| a.dot(&a.t()).dot(&h).dot(&b.dot(&b.t())).dot(&h).diag().sum();
        let (vx, vy) = (Variable::Continuous(x.view()), Variable::Continuous(y.view()));
        for (other, matrix) in [(vy, &y), (Variable::Discrete(&labels), &ones)] {
            let of = |normalised| LinearStream::at_once(normalised, &[vx, other]).unwrap().value.0;
            let truth = trace(&x, matrix);
            assert!((of(false) / (truth / 39.0f64.powi(2)) - 1.0).abs() < 1e-12);
            let alignment = truth / (trace(&x, &x) * trace(matrix, matrix)).sqrt();
            assert!((of(true) - alignment).abs() < 1e-12 && alignment > 0.001);
        }
        let constant = Array2::from_elem((40, 2), 0.1);
        assert_eq!(LinearStream::at_once(true, &[vx, Variable::Continuous(constant.view())]).unwrap().value.0, 0.0);
    }
}
