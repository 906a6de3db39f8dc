//! Accuracy against concepts a class: the whole path of a post-hoc predictor, and how stable its choices are.

use super::Posthoc;
use crate::elastic::{PathPlan, Penalty, Solver};
use crate::{ConceptData, Head, Observer, ProbeError, best_class};
use ndarray::{Array2, ArrayView2};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Stream of the seed that draws halves of the samples.
const HALVES: u64 = 0x7200_0000;

/// One penalty of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct SparsityPoint {
    /// λ.
    pub lambda: f64,
    /// Mean number of weights that are not zero a class.
    pub concepts_per_class: f64,
    /// That number for each class.
    pub support: Vec<usize>,
    /// Accuracy on the data of the fit.
    pub train_accuracy: f64,
    /// Accuracy on the other data, where there are any.
    pub test_accuracy: Option<f64>,
}

/// How often a predictor of half of the samples chooses a concept (Meinshausen & Bühlmann 2010).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StabilityPlan {
    /// Halves that are drawn.
    pub halves: usize,
    /// λ of every fit.
    pub lambda: f64,
}

impl Posthoc {
    /// Fits the bank once and the predictor along a falling path of λ; `test` is scored at each of its points.
    ///
    /// # Errors
    /// As the fit; also when α = 0, or `test` has embeddings of another width.
    pub fn path(
        &self,
        plan: PathPlan,
        data: &ConceptData,
        test: Option<(ArrayView2<'_, f64>, &[u32])>,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Vec<SparsityPoint>, ProbeError> {
        let (bank, _) = self.bank(data, seed, observer)?;
        let margins = bank.margins(data.embeddings())?;
        let (problem, spread) = self.problem(margins.clone(), data)?;
        let train = margins / &spread;
        let test = test.map(|(x, y)| Ok::<_, ProbeError>((bank.margins(x)? / &spread, y))).transpose()?;
        let mut points = vec![];
        plan.walk(&problem, |point| {
            let head = &point.fit.head;
            let support = |column: ndarray::ArrayView1<'_, f64>| column.iter().filter(|w| **w != 0.0).count();
            points.push(SparsityPoint {
                lambda: point.lambda,
                concepts_per_class: head.concepts_per_class(),
                support: head.weights.columns().into_iter().map(support).collect(),
                train_accuracy: accuracy(head, train.view(), data.labels()),
                test_accuracy: test.as_ref().map(|(x, y)| accuracy(head, x.view(), y)),
            });
            observer.progress(points.len(), plan.points);
            true
        })?;
        Ok(points)
    }

    /// Share of halves of the samples [concepts × classes] whose predictor gives the weight another value than zero.
    ///
    /// The bank is fitted once, to all samples: what is asked is whether the predictor's choice of concepts would have
    /// been another with other samples.
    ///
    /// # Errors
    /// As the fit.
    pub fn stability(
        &self,
        plan: StabilityPlan,
        data: &ConceptData,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<Array2<f64>, ProbeError> {
        let (bank, _) = self.bank(data, seed, observer)?;
        let mut chosen = Array2::zeros((bank.concepts.len(), data.n_classes()));
        let penalty = Penalty::new(plan.lambda, self.alpha)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(HALVES);
        let mut order: Vec<usize> = (0..data.n_samples()).collect();
        for half in 0..plan.halves {
            order.shuffle(&mut rng);
            let part = data.rows(&order[..order.len() / 2])?;
            let (problem, _) = self.problem(bank.margins(part.embeddings())?, &part)?;
            let fit = problem.solve(penalty, Solver::default(), &mut problem.start());
            chosen += &fit.head.weights.mapv(|w| f64::from(u8::from(w != 0.0)));
            observer.progress(half + 1, plan.halves);
        }
        Ok(chosen / plan.halves.max(1) as f64)
    }
}

fn accuracy(head: &Head, x: ArrayView2<'_, f64>, labels: &[u32]) -> f64 {
    let found = best_class(head.scores(x).view());
    found.iter().zip(labels).filter(|(a, b)| a == b).count() as f64 / labels.len() as f64
}
