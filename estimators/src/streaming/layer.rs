//! A layer of the information plane whose activations are read some rows at a time.

use super::passes::Passes;
use crate::binning::{Cut, Grid, Span, plane_of};
use crate::discrete::{RowNumbers, SymbolCounts};
use crate::{Estimator, EstimatorError, PlaneEstimate, UniformBinning, ValueRange};
use ndarray::ArrayView2;

/// Uniform binning of a layer in the making.
///
/// The numbers are those of [`crate::PlaneEstimator::estimate_layer`], bit for bit, for parts of any size. Memory grows with
/// the different rows of bins, not with the samples.
pub struct LayerStream {
    estimator: UniformBinning,
    spans: Vec<Span>,
    /// Whether this pass is for the spans.
    looking: bool,
    cut: Option<(Grid, RowNumbers)>,
    counts: SymbolCounts,
    passes: Passes,
}

impl LayerStream {
    /// `range` is that of the layer over its run.
    pub(crate) fn new(estimator: UniformBinning, range: Option<ValueRange>) -> Result<Self, EstimatorError> {
        let spans: Vec<Span> = match (estimator.is_over_run(), range) {
            (true, None) => return Err(EstimatorError::MissingRunRange { estimator: estimator.name() }),
            (true, Some(range)) => vec![range.into()],
            (false, _) => vec![],
        };
        let looking = estimator.needs_spans() && spans.is_empty();
        let counts = SymbolCounts::default();
        Ok(Self { estimator, spans, looking, cut: None, counts, passes: Passes::default() })
    }

    /// Takes further rows [samples × units] with the class of each.
    ///
    /// # Errors
    /// When the lengths differ, there are no units, their number changes, or a value is not finite.
    pub fn add(&mut self, activations: ArrayView2<'_, f32>, classes: &[u32]) -> Result<(), EstimatorError> {
        if activations.nrows() != classes.len() {
            return Err(EstimatorError::LengthMismatch { left: activations.nrows(), right: classes.len() });
        }
        if activations.ncols() == 0 {
            return Err(EstimatorError::NoUnits);
        }
        crate::pair::finite(&activations).map_err(|e| match e {
            EstimatorError::NotFinite { row, column, value, .. } => {
                EstimatorError::NotFiniteAt { row: self.passes.rows() + row, column, value }
            }
            other => other,
        })?;
        self.passes.add(classes.len());
        if self.looking {
            if !self.spans.is_empty() && self.spans.len() != activations.ncols() {
                return Err(EstimatorError::UnlikeParts);
            }
            Span::widen(&mut self.spans, activations);
            return Ok(());
        }
        let (grid, numbers) = self
            .cut
            .get_or_insert_with(|| (self.estimator.grid(|| self.spans.clone()), RowNumbers::new(activations.ncols())));
        if !numbers.fits(activations.ncols()) {
            return Err(EstimatorError::UnlikeParts);
        }
        self.counts.add(&grid.number(numbers, activations), classes);
        Ok(())
    }

    /// All rows have been handed over; `None` asks for them once more.
    ///
    /// # Errors
    /// When there are fewer than two rows, or another number than in the pass before.
    pub fn end_pass(&mut self) -> Result<Option<PlaneEstimate>, EstimatorError> {
        self.passes.end()?;
        if std::mem::take(&mut self.looking) {
            return Ok(None);
        }
        Ok(Some(plane_of(&self.counts, self.estimator.correction)))
    }
}

#[cfg(test)]
mod tests {
    use crate::{LayerSample, Targets, ValueRange, registry};
    use ndarray::{Array2, Axis};

    #[test]
    fn a_layer_by_parts_is_the_layer() {
        let t = Array2::from_shape_fn((1500, 3), |(i, j)| ((i * (j + 2)) as f32 * 0.37).sin() * 2.0);
        let targets = Targets::new(&(0..1500).map(|i| i * i % 4 + 5).collect::<Vec<_>>()).unwrap();
        let range = ValueRange { low: -2.5, high: 2.25 };
        for spec in [
            "binning",
            "binning:bins=7,range=epoch",
            "binning:range=neuron",
            "binning:range=-1..1",
            "binning:width=0.3",
        ] {
            let estimator = registry::plane(spec).unwrap();
            let sample = LayerSample::new(t.view(), &targets).unwrap().with_run_range(range);
            let whole = estimator.estimate_layer(&sample).unwrap();
            for chunk in [1, 400, 1500] {
                let mut stream = estimator.layer_stream(Some(range)).unwrap().unwrap();
                let found = loop {
                    let parts = t.axis_chunks_iter(Axis(0), chunk).zip(targets.classes().chunks(chunk));
                    parts.for_each(|(rows, classes)| stream.add(rows, classes).unwrap());
                    if let Some(found) = stream.end_pass().unwrap() {
                        break found;
                    }
                };
                assert_eq!(found, whole, "{spec} by {chunk}");
            }
        }
        assert!(registry::plane("binning").unwrap().layer_stream(None).unwrap().is_err());
        assert!(registry::plane("kde").unwrap().layer_stream(None).is_none());
        let mut stream = registry::plane("binning:width=1").unwrap().layer_stream(None).unwrap().unwrap();
        assert!(stream.add(t.view(), &[1]).is_err());
        stream.add(t.view(), targets.classes()).unwrap();
        assert!(stream.add(Array2::<f32>::zeros((1, 2)).view(), &[0]).is_err());
    }
}
