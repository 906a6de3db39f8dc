//! A fitted concept-centric bottleneck.

use super::blocks::block;
use super::calibrate::probabilities;
use super::cells::standardised;
use super::network::{Network, Traced};
use super::plan::{Plan, Starts};
use super::{CHUNK, NAME};
use crate::builders::check_embeddings;
use crate::{Attention, Bottleneck, Grid, Names, ProbeError, Record, Scale};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, Slice};
use rayon::prelude::*;
use serde_json::json;

/// Cells → slots → attention of cells to slots → class scores.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SlotBottleneck {
    pub(super) names: Names,
    pub(super) network: Network,
    /// Mean and spread of each channel.
    pub(super) scaling: (Array1<f64>, Array1<f64>),
    /// Whether slots are concepts of the data, or have numbers for names.
    pub(super) named: bool,
    /// Values [concepts × 2] that stand for absent and present.
    pub(super) corrections: Array2<f64>,
    /// Intercept and slope of each concept's curve from shares to probabilities [concepts × 2].
    pub(super) curves: Array2<f64>,
}

impl SlotBottleneck {
    pub(super) fn read(record: &Record) -> Result<Self, ProbeError> {
        let (slots, classes) = (record.names.concepts.len(), record.names.classes.len());
        let plan: Plan = record.setting("network")?;
        let all = slots + usize::from(plan.background);
        let parts = plan.parts(all, classes)?;
        let grid = plan.grid;
        let features = grid.height.checked_mul(grid.width).and_then(|c| c.checked_mul(grid.channels));
        if features != Some(record.n_features) {
            let n = record.n_features;
            let text = format!("a grid of {} × {} cells of {} channels", grid.height, grid.width, grid.channels);
            return Err(ProbeError::Record(format!("{text} is no embedding of {n} features")));
        }
        let narrow = |name: &str, rows: usize, columns: usize| -> Result<Array2<f32>, ProbeError> {
            if rows == 0 {
                return Ok(Array2::zeros((0, columns)));
            }
            let found = record.matrix(name, (rows, columns))?.mapv(|v| v as f32);
            match found.iter().all(|v| v.is_finite()) {
                true => Ok(found),
                false => Err(ProbeError::Record(format!("tensor '{name}' leaves single precision"))),
            }
        };
        let matrices: Result<Vec<_>, _> = parts.iter().map(|(name, r, c, _)| narrow(name, *r, *c)).collect();
        let noise = match plan.starts {
            Starts::Learned => Array2::zeros((all, plan.width)),
            Starts::Gaussian => narrow("slots.noise", all, plan.width)?,
        };
        let spread = record.vector("scaling.spread", grid.channels)?;
        if let Some(bad) = spread.iter().find(|s| **s <= 0.0) {
            return Err(ProbeError::Record(format!("tensor 'scaling.spread' holds {bad}, which is no spread")));
        }
        Ok(Self {
            names: record.names.clone(),
            network: Network::of(plan, matrices?, noise),
            scaling: (record.vector("scaling.mean", grid.channels)?, spread),
            named: record.setting("named")?,
            corrections: record.matrix("corrections", (slots, 2))?,
            curves: record.matrix("curves", (slots, 2))?,
        })
    }

    /// What `of` makes of a few samples at a time, in their order.
    fn each<T: Send>(
        &self,
        embeddings: ArrayView2<'_, f64>,
        of: impl Fn(&Traced, std::ops::Range<usize>) -> Vec<T> + Sync,
    ) -> Result<Vec<T>, ProbeError> {
        check_embeddings(embeddings, self.n_features())?;
        let (n, channels) = (self.network.cells(), self.network.plan.grid.channels);
        let starts: Vec<usize> = (0..embeddings.nrows()).step_by(CHUNK).collect();
        let found: Vec<Vec<T>> = starts
            .into_par_iter()
            .map(|from| {
                let rows = from..(from + CHUNK).min(embeddings.nrows());
                let part = embeddings.slice_axis(Axis(0), Slice::from(rows.clone()));
                let cells = standardised(part, &self.scaling).into_shape_with_order((rows.len() * n, channels));
                let cells = cells.unwrap_or_else(|_| unreachable!("rows follow each other"));
                of(&self.network.forward(cells, None), rows)
            })
            .collect();
        Ok(found.into_iter().flatten().collect())
    }

    /// Values [concepts × D] of the concepts' slots of sample `i` among those traced.
    fn values_of(&self, traced: &Traced, i: usize) -> Array2<f64> {
        let all = block(&traced.cross.values, i, self.network.slots());
        all.slice_axis(Axis(0), Slice::from(..self.names.concepts.len())).mapv(f64::from)
    }

    /// Mean attention [samples × concepts] of those traced.
    fn means_of(&self, traced: &Traced) -> Array2<f64> {
        let slots = Slice::from(..self.names.concepts.len());
        traced.cross.means().slice_axis_move(Axis(1), slots)
    }

    /// Weights [concepts × classes] of sample `i` among those traced.
    fn weights_of(&self, traced: &Traced, i: usize) -> Array2<f64> {
        self.values_of(traced, i).dot(&self.network.cross.output.mapv(f64::from))
    }

    fn check(&self, concepts: ArrayView2<'_, f64>, embeddings: ArrayView2<'_, f64>) -> Result<(), ProbeError> {
        check_embeddings(concepts, self.names.concepts.len())?;
        let (embeddings, other) = (embeddings.nrows(), concepts.nrows());
        match embeddings == other {
            true => Ok(()),
            false => Err(ProbeError::LengthMismatch { embeddings, other, what: "rows of concepts" }),
        }
    }
}

/// Rows of one length as a matrix.
fn matrix(rows: Vec<Array1<f64>>, columns: usize) -> Array2<f64> {
    let mut out = Array2::zeros((rows.len(), columns));
    out.outer_iter_mut().zip(rows).for_each(|(mut to, row)| to.assign(&row));
    out
}

impl Bottleneck for SlotBottleneck {
    fn builder(&self) -> &'static str {
        NAME
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn n_features(&self) -> usize {
        self.network.plan.grid.features()
    }

    fn scale(&self) -> Scale {
        if self.named { Scale::Similarity } else { Scale::Feature }
    }

    fn concepts(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array2<f64>, ProbeError> {
        let means = self.each(embeddings, |traced, rows| {
            let means = self.means_of(traced);
            rows.enumerate().map(|(i, _)| means.row(i).to_owned()).collect()
        })?;
        Ok(matrix(means, self.names.concepts.len()))
    }

    /// The sample's own scores, moved by what its own slots say of every change of a share; with several heads the change
    /// is every head's alike.
    fn scores(
        &self,
        concepts: ArrayView2<'_, f64>,
        embeddings: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>, ProbeError> {
        self.check(concepts, embeddings)?;
        let scores = self.each(embeddings, |traced, rows| {
            let means = self.means_of(traced);
            let of = |(i, row): (usize, usize)| {
                let own = traced.cross.scores.row(i).mapv(f64::from);
                own + (&concepts.row(row) - &means.row(i)).dot(&self.weights_of(traced, i))
            };
            rows.enumerate().map(of).collect()
        })?;
        Ok(matrix(scores, self.names.classes.len()))
    }

    fn record(&self) -> Record {
        let network = &self.network;
        let settings = json!({ "network": network.plan, "named": self.named });
        let mut record = Record::new(NAME, &self.names, self.n_features(), settings)
            .with_vector("scaling.mean", self.scaling.0.view())
            .with_vector("scaling.spread", self.scaling.1.view())
            .with_matrix("corrections", self.corrections.view())
            .with_matrix("curves", self.curves.view());
        if network.plan.starts == Starts::Gaussian {
            record = record.with_matrix("slots.noise", network.noise.mapv(f64::from).view());
        }
        for (name, values) in network.matrices().into_iter().filter(|(_, values)| !values.is_empty()) {
            record = record.with_matrix(&name, values.mapv(f64::from).view());
        }
        record
    }

    fn bypasses(&self) -> bool {
        true
    }

    fn corrections(&self) -> Option<Array2<f64>> {
        self.named.then(|| self.corrections.clone())
    }

    fn concept_probabilities(&self, concepts: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
        self.named.then(|| probabilities(concepts, &self.curves))
    }

    /// Each slot's value times its share [samples × slots × D]: the head reads their sum.
    fn representation(
        &self,
        concepts: ArrayView2<'_, f64>,
        embeddings: ArrayView2<'_, f64>,
    ) -> Result<Option<Array3<f64>>, ProbeError> {
        self.check(concepts, embeddings)?;
        let concepts_of = self.names.concepts.len();
        let parts = self.each(embeddings, |traced, rows| {
            let of = |(i, row): (usize, usize)| {
                let shares = concepts.row(row).insert_axis(Axis(1));
                self.values_of(traced, i) * shares
            };
            rows.enumerate().map(of).collect()
        })?;
        let mut out = Array3::zeros((parts.len(), concepts_of, self.network.plan.width));
        out.outer_iter_mut().zip(parts).for_each(|(mut to, part)| to.assign(&part));
        Ok(Some(out))
    }

    fn attention(&self) -> Option<&dyn Attention> {
        Some(self)
    }
}

impl Attention for SlotBottleneck {
    fn grid(&self) -> Grid {
        self.network.plan.grid
    }

    fn attention(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array3<f32>, ProbeError> {
        let (n, slots) = (self.network.cells(), self.names.concepts.len());
        let parts = self.each(embeddings, |traced, rows| {
            let all = traced.cross.attention();
            let own = Slice::from(..slots);
            rows.enumerate().map(|(i, _)| block(&all, i, n).slice_axis(Axis(1), own).to_owned()).collect()
        })?;
        let mut out = Array3::zeros((parts.len(), n, slots));
        out.outer_iter_mut().zip(parts).for_each(|(mut to, part)| to.assign(&part));
        Ok(out)
    }

    fn weights(&self, embeddings: ArrayView2<'_, f64>) -> Result<Array3<f64>, ProbeError> {
        let parts =
            self.each(embeddings, |traced, rows| rows.enumerate().map(|(i, _)| self.weights_of(traced, i)).collect())?;
        let mut out = Array3::zeros((parts.len(), self.names.concepts.len(), self.names.classes.len()));
        out.outer_iter_mut().zip(parts).for_each(|(mut to, part)| to.assign(&part));
        Ok(out)
    }
}
