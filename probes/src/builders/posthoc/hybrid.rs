//! The hybrid post-hoc bottleneck, PCBM-h: a linear residual on the embeddings for what the concepts miss.
//!
//! Bottleneck and predictor are fitted as [`super::Posthoc`] and then held fixed; `scores = W p(e) + b + R e + r`, and
//! only R and r are trained: cross entropy of the softmax + 1e-3 · mean(R²), Adam with learning rate 0.01, batches of
//! 64, 20 epochs (the authors' program; the *mean* of the squares makes this nearly no penalty). They start at zero
//! here, where the hybrid equals the bottleneck, not at small random weights. Embeddings are read as they are.

use super::{FittedPosthoc, PARAMETERS as BASE, Posthoc};
use crate::registry::{Entry, Needs};
use crate::{Bottleneck, Builder, ConceptData, Fitted, Head, Measure, Observer, ProbeError, best_class, softmax};
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

pub(super) const NAME: &str = "posthoc-hybrid";

/// Stream of the seed that orders the samples.
const ORDER: u64 = 0x7100_0000;

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "post-hoc bottleneck with a linear residual on the embeddings (PCBM-h, Yuksekgonul 2023)",
    parameters: &PARAMETERS,
    needs: Needs::LabelsOrVectors,
    build: |parameters| {
        let base = PosthocHybrid { posthoc: Posthoc::read(parameters)?, ..PosthocHybrid::default() };
        let above = |v: &f64| *v > 0.0 && v.is_finite();
        let l2 = parameters.value("residual-l2", "it cannot be negative", |v: &f64| *v >= 0.0 && v.is_finite())?;
        Ok(Box::new(PosthocHybrid {
            learning_rate: parameters
                .value("learning-rate", "it must be above 0", above)?
                .unwrap_or(base.learning_rate),
            epochs: parameters.value("epochs", "it must be at least 1", |v: &usize| *v > 0)?.unwrap_or(base.epochs),
            batch: parameters.value("batch", "it must be at least 1", |v: &usize| *v > 0)?.unwrap_or(base.batch),
            l2: l2.unwrap_or(base.l2),
            ..base
        }))
    },
    restore: |record| Ok(Box::new(FittedPosthoc::restore(record)?)),
};

const PARAMETERS: [ParameterDoc; 20] = {
    let mut all = [BASE[0]; 20];
    let mut i = 0;
    while i < BASE.len() {
        all[i] = BASE[i];
        i += 1;
    }
    all[16] = super::doc("learning-rate", "0.01", "Adam's learning rate for the residual");
    all[17] = super::doc("epochs", "20", "epochs of the residual");
    all[18] = super::doc("batch", "64", "samples of a batch of the residual");
    all[19] = super::doc("residual-l2", "1e-3", "penalty on the mean of the residual's squared weights");
    all
};

/// A hybrid to be fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct PosthocHybrid {
    /// Bank and predictor.
    pub posthoc: Posthoc,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Epochs.
    pub epochs: usize,
    /// Samples of a batch.
    pub batch: usize,
    /// Factor of the mean of the squared weights.
    pub l2: f64,
}

impl Default for PosthocHybrid {
    fn default() -> Self {
        Self { posthoc: Posthoc::default(), learning_rate: 0.01, epochs: 20, batch: 64, l2: 1e-3 }
    }
}

/// Adam (Kingma & Ba 2015) with its usual decay rates, for one matrix: the last row are the intercepts.
struct Adam {
    mean: Array2<f64>,
    square: Array2<f64>,
    steps: i32,
}

impl Adam {
    fn step(&mut self, parameters: &mut Array2<f64>, gradient: &Array2<f64>, rate: f64) {
        self.steps += 1;
        let (first, second) = (1.0 - 0.9f64.powi(self.steps), 1.0 - 0.999f64.powi(self.steps));
        Zip::from(parameters).and(&mut self.mean).and(&mut self.square).and(gradient).for_each(|p, m, s, &g| {
            *m = 0.9 * *m + 0.1 * g;
            *s = 0.999 * *s + 0.001 * g * g;
            *p -= rate * (*m / first) / ((*s / second).sqrt() + 1e-8);
        });
    }
}

impl PosthocHybrid {
    /// Trains the residual: embeddings with a column of ones appended, and the scores that stay fixed.
    fn residual(
        &self,
        data: &ConceptData,
        fixed: ArrayView2<'_, f64>,
        bottleneck: &FittedPosthoc,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Head, ProbeError> {
        let (n, d) = data.embeddings().dim();
        let k = fixed.ncols();
        let mut parameters = Array2::<f64>::zeros((d + 1, k));
        let mut adam = Adam { mean: parameters.clone(), square: parameters.clone(), steps: 0 };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(ORDER);
        let mut order: Vec<usize> = (0..n).collect();
        let decay = 2.0 * self.l2 / (d * k) as f64;
        let head = |p: &Array2<f64>| Head {
            weights: Array2::from_shape_fn((d, k), |at| p[at]),
            intercepts: p.row(d).to_owned(),
        };
        for epoch in 1..=self.epochs {
            order.shuffle(&mut rng);
            for batch in order.chunks(self.batch) {
                let mut x = Array2::<f64>::ones((batch.len(), d + 1));
                for (mut row, &i) in x.outer_iter_mut().zip(batch) {
                    Zip::from(data.embeddings().row(i))
                        .and(row.slice_axis_mut(Axis(0), (..d).into()))
                        .for_each(|&e, x| *x = e);
                }
                let mut residual = softmax((x.dot(&parameters) + fixed.select(Axis(0), batch)).view());
                for (mut row, &i) in residual.outer_iter_mut().zip(batch) {
                    row[data.labels()[i] as usize] -= 1.0;
                }
                let mut gradient = x.t().dot(&residual) / batch.len() as f64;
                let mut weights = gradient.slice_axis_mut(Axis(0), (..d).into());
                weights.scaled_add(decay, &parameters.slice_axis(Axis(0), (..d).into()));
                adam.step(&mut parameters, &gradient, self.learning_rate);
            }
            if let Some(&loss) = parameters.iter().find(|p| !p.is_finite()) {
                return Err(ProbeError::Diverged { builder: NAME, epoch, loss });
            }
            observer.progress(epoch, self.epochs);
            if observer.wants(epoch) {
                observer.snapshot(epoch, &bottleneck.clone().with_residual(head(&parameters)));
            }
        }
        Ok(head(&parameters))
    }
}

impl Builder for PosthocHybrid {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> Value {
        let mut settings = self.posthoc.all_settings();
        let own = json!({
            "learning-rate": self.learning_rate, "epochs": self.epochs, "batch": self.batch, "residual-l2": self.l2,
        });
        if let (Value::Object(all), Value::Object(own)) = (&mut settings, own) {
            all.extend(own);
        }
        settings
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let (bottleneck, mut measures, warnings) = self.posthoc.fit_posthoc(data, seed, observer)?;
        let fixed = bottleneck.predict(data.embeddings())?;
        if observer.wants(0) {
            let nothing = Head {
                weights: Array2::zeros((data.n_features(), data.n_classes())),
                intercepts: Array1::zeros(data.n_classes()),
            };
            observer.snapshot(0, &bottleneck.clone().with_residual(nothing));
        }
        let residual = self.residual(data, fixed.view(), &bottleneck, seed, observer)?;
        let added = residual.scores(data.embeddings());
        measures.extend(shares(fixed.view(), added.view()));
        Ok(Fitted { bottleneck: Box::new(bottleneck.with_residual(residual)), measures, warnings })
    }
}

/// How much of the scores is the residual's: its share of their squares around each sample's mean over classes (what
/// is the same for all classes predicts nothing), and the share of samples whose prediction it changes.
fn shares(fixed: ArrayView2<'_, f64>, added: ArrayView2<'_, f64>) -> [Measure; 2] {
    let power = |scores: ArrayView2<'_, f64>| scores.var_axis(Axis(1), 0.0).sum();
    let (own, other) = (power(added), power(fixed));
    let both = &fixed + &added;
    let (before, after) = (best_class(fixed), best_class(both.view()));
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count() as f64 / before.len() as f64;
    let share = if own + other > 0.0 { own / (own + other) } else { 0.0 };
    [Measure::whole("residual_share", share), Measure::whole("residual_changes", changed)]
}
