//! The concept information plane: what a bottleneck's concepts tell of input and class while it is trained.

use crate::plane::Snapshots;
use crate::table::PlaneRow;
use anyhow::{Context, Result, anyhow};
use narrows_estimators::{Targets, registry};
use narrows_probes::metrics::DEFAULT_PLANE;
use narrows_probes::{Bottleneck, Observer, Scale};
use ndarray::{Array2, Axis};

/// Samples from which pairwise bounds take longer than the training.
const MOST_SAMPLES: usize = 2000;

/// An observer that keeps the plane of every epoch that it asks for, and passes progress on.
pub struct Trace<'a> {
    snapshots: Snapshots,
    embeddings: Array2<f64>,
    rows: Vec<PlaneRow>,
    failed: Option<anyhow::Error>,
    progress: &'a mut dyn Observer,
}

impl<'a> Trace<'a> {
    /// Traces on samples with their classes, the first 2000 of them.
    ///
    /// Concepts are taken as probabilities where the bottleneck has them, so that the estimator's noise means the same
    /// through training; otherwise in units of their standard deviation over all samples and concepts. The layer
    /// `classes` are the class probabilities.
    ///
    /// # Errors
    /// When an estimator is unknown or is none of the information plane.
    pub fn new(
        run: &str,
        seed: u64,
        (embeddings, labels): (Array2<f64>, Vec<u32>),
        specifications: &[String],
        progress: &'a mut dyn Observer,
    ) -> Result<Self> {
        let defaults = [DEFAULT_PLANE.to_string()];
        let given = if specifications.is_empty() { &defaults[..] } else { specifications };
        let estimators = given.iter().map(|s| Ok(registry::plane(s)?)).collect::<Result<_>>()?;
        let n = labels.len().min(MOST_SAMPLES);
        let snapshots = Snapshots { run: run.into(), seed, estimators, targets: Targets::new(&labels[..n])? };
        let embeddings = embeddings.slice_axis(Axis(0), (..n).into()).to_owned();
        Ok(Self { snapshots, embeddings, rows: vec![], failed: None, progress })
    }

    /// The rows; empty where the builder does not train in epochs.
    ///
    /// # Errors
    /// What went wrong at an epoch.
    pub fn finish(self) -> Result<Vec<PlaneRow>> {
        match self.failed {
            Some(e) => Err(e).context("the concept information plane cannot be traced (leave out --trace)"),
            None => Ok(self.rows),
        }
    }

    fn at(&self, epoch: usize, bottleneck: &dyn Bottleneck) -> Result<Vec<PlaneRow>> {
        let concepts = bottleneck.concepts(self.embeddings.view())?;
        let scores = bottleneck.scores(concepts.view(), self.embeddings.view())?;
        let classes = bottleneck.class_probabilities(scores.view()).mapv(|v| v as f32);
        let mut layers = Vec::new();
        if bottleneck.scale() != Scale::Feature {
            let beliefs = bottleneck.concept_probabilities(concepts.view()).unwrap_or_else(|| {
                let std = concepts.std(0.0);
                if std > 0.0 { concepts / std } else { concepts }
            });
            layers.push(("concepts", 1, beliefs.mapv(|v| v as f32)));
        }
        layers.push(("classes", 2, classes));
        self.snapshots.rows(epoch as u64, layers)
    }
}

impl Observer for Trace<'_> {
    fn progress(&mut self, done: usize, total: usize) {
        self.progress.progress(done, total);
    }

    /// All of the first sixteen epochs, then eight to an octave.
    fn wants(&self, epoch: usize) -> bool {
        let step = (epoch.checked_ilog2().map_or(1, |octave| 1usize << octave) / 8).max(1);
        epoch.is_multiple_of(step)
    }

    fn snapshot(&mut self, epoch: usize, bottleneck: &dyn Bottleneck) {
        if self.failed.is_some() {
            return;
        }
        match self.at(epoch, bottleneck) {
            Ok(rows) => self.rows.extend(rows),
            Err(e) => self.failed = Some(anyhow!("epoch {epoch}: {e:#}")),
        }
    }
}
