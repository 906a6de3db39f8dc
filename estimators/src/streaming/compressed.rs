//! Principal components in front of another state: a pass for the axes, and then the codes of each part.

use super::{MomentSums, Pass, State};
use crate::compression::{Lost, Pca, Projection, explained};
use crate::transform::squarable;
use crate::{EstimatorError, OwnedVariable, Variable};

/// The components of every continuous variable of more than one column.
pub(crate) struct CompressedStream {
    pca: Pca,
    inner: Box<dyn State>,
    sides: Option<Vec<Side>>,
}

enum Side {
    AsItIs,
    Moments(Box<MomentSums>),
    Axes(Box<Projection>),
}

impl CompressedStream {
    pub(crate) fn new(pca: Pca, inner: Box<dyn State>) -> Self {
        Self { pca, inner, sides: None }
    }

    fn begin(&self, rows: &[Variable<'_>]) -> Result<Vec<Side>, EstimatorError> {
        let side = |variable: &Variable<'_>| match variable.dimension() {
            1 => Ok(Side::AsItIs),
            d if !self.pca.is_exact(d)? => Err(Pca::too_wide(d)),
            d => Ok(Side::Moments(Box::new(MomentSums::new(d)))),
        };
        rows.iter().map(side).collect()
    }
}

impl State for CompressedStream {
    fn add(&mut self, rows: &[Variable<'_>], first_row: usize) -> Result<(), EstimatorError> {
        if self.sides.is_none() {
            self.sides = Some(self.begin(rows)?);
        }
        let Some(sides) = &mut self.sides else { return Ok(()) };
        if sides.iter().any(|side| matches!(side, Side::Moments(_))) {
            for (side, variable) in sides.iter_mut().zip(rows) {
                if let (Side::Moments(sums), Variable::Continuous(values)) = (side, variable) {
                    squarable(values.view(), first_row)?;
                    sums.add(&[values.view()]);
                }
            }
            return Ok(());
        }
        let codes: Vec<Option<OwnedVariable>> = sides
            .iter()
            .zip(rows)
            .map(|(side, variable)| match (side, variable) {
                (Side::Axes(axes), Variable::Continuous(values)) => {
                    Some(OwnedVariable::Continuous(axes.codes(values.view())))
                }
                _ => None,
            })
            .collect();
        let parts: Vec<Variable<'_>> = codes
            .iter()
            .zip(rows)
            .map(|(codes, as_it_is)| codes.as_ref().map_or_else(|| as_it_is.reborrow(), OwnedVariable::view))
            .collect();
        self.inner.add(&parts, first_row)
    }

    fn end_pass(&mut self, rows: usize) -> Result<Pass, EstimatorError> {
        let none = EstimatorError::TooFewSamples { found: rows, needed: 2 };
        let Some(sides) = &mut self.sides else { return Err(none) };
        let mut looked = false;
        for side in sides.iter_mut() {
            *side = match std::mem::replace(side, Side::AsItIs) {
                Side::Moments(sums) => {
                    looked = true;
                    let Some(moments) = sums.finish() else { return Err(none) };
                    Side::Axes(Box::new(self.pca.projection(moments)))
                }
                other => other,
            };
        }
        if looked {
            return Ok(Pass::Again);
        }
        Ok(match self.inner.end_pass(rows)? {
            Pass::Again => Pass::Again,
            Pass::Done(estimate) => {
                let lost: Vec<Option<Lost>> = sides
                    .iter()
                    .map(|side| match side {
                        Side::Axes(axes) => Some(axes.lost()),
                        _ => None,
                    })
                    .collect();
                Pass::Done(explained(estimate, &lost))
            }
        })
    }
}
