//! The post-hoc concept bottleneck (Yuksekgonul, Wang & Zou 2023, "Post-hoc concept bottleneck models").
//!
//! Concepts are the signed distances `(c·e + b)/‖c‖` of an embedding from the hyperplanes of a concept bank
//! ([`crate::bank`]); classes are read off them by logistic regression with the elastic-net penalty ([`crate::elastic`]).
//! As in the authors' program, by default: one class against the rest, λ = 1e-5 (scikit-learn's `alpha`), α = 0.99
//! (scikit-learn's `l1_ratio`), distances as they are. Their paper divides λ by concepts × classes:
//! `lambda-scale=weights`. Differently from their program, which takes steps of stochastic gradient, the minimum is
//! reached, and weights that are zero are zero.

mod fitted;
mod hybrid;
mod path;
#[cfg(test)]
mod tests;

pub(crate) use fitted::FittedPosthoc;
pub(crate) use hybrid::ENTRY as HYBRID;
pub use hybrid::PosthocHybrid;
pub use path::{SparsityPoint, StabilityPlan};

use crate::bank::{Bank, BankPlan, LIST as BANK};
use crate::elastic::{ElasticFit, Loss, PathPlan, Penalty, Problem, Solver};
use crate::registry::{Entry, Needs};
use crate::{Builder, ConceptData, Fitted, Head, Measure, Observer, ProbeError, Scale};
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;
use ndarray::{Array1, Array2, Axis};
use serde_json::{Value, json};

const NAME: &str = "posthoc";

pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    summary: "post-hoc bottleneck: concept vectors from labels or text, then a sparse linear predictor (Yuksekgonul 2023)",
    parameters: &PARAMETERS,
    needs: Needs::LabelsOrVectors,
    build: |parameters| Ok(Box::new(Posthoc::read(parameters)?)),
    restore: |record| Ok(Box::new(FittedPosthoc::restore(record)?)),
};

const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
    ParameterDoc { name, default, meaning }
}

const PARAMETERS: [ParameterDoc; 16] = [
    doc("source", "labels where there are any", "what concept vectors come from: labels, or vectors as they are given"),
    doc("lambda", "1e-5", "strength of the elastic net"),
    doc("lambda-scale", "none", "none: lambda as it is; weights: divided by concepts × classes, as in the paper"),
    doc("alpha", "0.99", "share of the absolute penalty; the rest is quadratic"),
    doc("head", "one-vs-rest", "one-vs-rest: a logistic regression a class; multinomial: a softmax over all"),
    doc(
        "concepts-per-class",
        "0",
        "if above 0: the smallest lambda whose predictor reads at most so many, in the mean",
    ),
    doc("standardise", "no", "yes: the penalty sees distances divided by their standard deviation"),
    BANK[0],
    BANK[1],
    BANK[2],
    BANK[3],
    BANK[4],
    BANK[5],
    BANK[6],
    BANK[7],
    BANK[8],
];

/// What concept vectors come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorSource {
    /// Labels where the data have any, else given vectors.
    Either,
    /// Concept labels.
    Labels,
    /// Vectors as given.
    Vectors,
}

/// A post-hoc bottleneck to be fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Posthoc {
    /// How the bank is fitted.
    pub bank: BankPlan,
    /// What its vectors come from.
    pub source: VectorSource,
    /// λ.
    pub lambda: f64,
    /// Whether λ is divided by the number of weights.
    pub scaled: bool,
    /// α.
    pub alpha: f64,
    /// The predictor's loss.
    pub loss: Loss,
    /// Largest mean number of concepts a class, which then decides λ.
    pub target: Option<f64>,
    /// Whether the penalty sees standardised distances.
    pub standardise: bool,
}

impl Default for Posthoc {
    fn default() -> Self {
        Self {
            bank: BankPlan::default(),
            source: VectorSource::Either,
            lambda: 1e-5,
            scaled: false,
            alpha: 0.99,
            loss: Loss::OneVsRest,
            target: None,
            standardise: false,
        }
    }
}

impl Posthoc {
    /// Reads `posthoc` or `posthoc:key=value,…`, as [`crate::registry::builder`] does.
    ///
    /// # Errors
    /// When it is another builder's, or a parameter is at fault.
    pub fn of(specification: &str) -> Result<Self, ProbeError> {
        let (name, parameters) = specification.split_once(':').unwrap_or((specification, ""));
        if name.trim() != NAME {
            return Err(ProbeError::Data(format!("{name} has no path of penalties: only {NAME} has")));
        }
        Self::read(&Parameters::parse(NAME, &PARAMETERS, parameters)?)
    }

    fn read(parameters: &Parameters) -> Result<Self, ProbeError> {
        let base = Self::default();
        let source = match parameters.text("source") {
            None => base.source,
            Some("labels") => VectorSource::Labels,
            Some("vectors") => VectorSource::Vectors,
            Some(other) => return Err(parameters.bad("source", other, "it must be labels or vectors").into()),
        };
        let scaled = match parameters.text("lambda-scale") {
            None | Some("none") => false,
            Some("weights") => true,
            Some(other) => return Err(parameters.bad("lambda-scale", other, "it must be none or weights").into()),
        };
        let loss = match parameters.text("head") {
            None | Some("one-vs-rest") => Loss::OneVsRest,
            Some("multinomial") => Loss::Multinomial,
            Some(other) => return Err(parameters.bad("head", other, "it must be one-vs-rest or multinomial").into()),
        };
        let above = |v: &f64| *v > 0.0 && v.is_finite();
        let lambda = parameters.value("lambda", "it must be above 0", above)?.unwrap_or(base.lambda);
        let alpha = parameters.value("alpha", "it must be between 0 and 1", |a: &f64| (0.0..=1.0).contains(a))?;
        let target =
            parameters.value("concepts-per-class", "it must be 0 or above", |v: &f64| *v >= 0.0 && v.is_finite())?;
        let (alpha, target) = (alpha.unwrap_or(base.alpha), target.filter(|t| *t > 0.0));
        if target.is_some() && alpha == 0.0 {
            return Err(parameters
                .bad("alpha", "0", "concepts-per-class needs one above 0: ridge has no zeros")
                .into());
        }
        let standardise = parameters.yes_or_no("standardise")?.unwrap_or(base.standardise);
        Ok(Self { bank: BankPlan::read(parameters)?, source, lambda, scaled, alpha, loss, target, standardise })
    }

    fn all_settings(&self) -> Value {
        let source = match self.source {
            VectorSource::Either => "labels where there are any",
            VectorSource::Labels => "labels",
            VectorSource::Vectors => "vectors",
        };
        let mut settings = json!({
            "source": source, "lambda": self.lambda, "lambda-scale": if self.scaled { "weights" } else { "none" },
            "alpha": self.alpha, "head": self.loss, "concepts-per-class": self.target.unwrap_or(0.0),
            "standardise": self.standardise,
        });
        if let (Value::Object(all), Value::Object(bank)) = (&mut settings, self.bank.settings()) {
            all.extend(bank);
        }
        settings
    }

    fn bank(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<(Bank, Scale), ProbeError> {
        let labelled = match self.source {
            VectorSource::Labels => true,
            VectorSource::Vectors => false,
            VectorSource::Either => data.concepts().is_some(),
        };
        if labelled {
            Ok((Bank::fit(&self.bank, data, seed, observer)?, Scale::Margin))
        } else {
            Ok((Bank::given(&self.bank, data)?, Scale::Similarity))
        }
    }

    /// The predictor's problem over the margins of a bank.
    fn problem(&self, margins: Array2<f64>, data: &ConceptData) -> Result<(Problem, Array1<f64>), ProbeError> {
        let spread = if self.standardise {
            margins.std_axis(Axis(0), 0.0).mapv(|s| if s > 0.0 { s } else { 1.0 })
        } else {
            Array1::ones(margins.ncols())
        };
        let scaled = margins / &spread;
        Ok((Problem::new(scaled.view(), data.labels(), data.n_classes(), self.loss)?, spread))
    }

    fn predictor(&self, problem: &Problem, weights: usize) -> Result<(f64, ElasticFit), ProbeError> {
        if let Some(target) = self.target {
            let plan = PathPlan { alpha: self.alpha, ratio: 1e-5, ..PathPlan::default() };
            let point = plan.reach(problem, target)?;
            return Ok((point.lambda, point.fit));
        }
        let lambda = if self.scaled { self.lambda / weights as f64 } else { self.lambda };
        let penalty = Penalty::new(lambda, self.alpha)?;
        Ok((lambda, problem.solve(penalty, Solver::default(), &mut problem.start())))
    }

    /// Fits bank and predictor.
    fn fit_posthoc(
        &self,
        data: &ConceptData,
        seed: u64,
        observer: &mut dyn Observer,
    ) -> Result<(FittedPosthoc, Vec<Measure>, Vec<String>), ProbeError> {
        let (bank, scale) = self.bank(data, seed, observer)?;
        let (problem, spread) = self.problem(bank.margins(data.embeddings())?, data)?;
        let (lambda, fit) = self.predictor(&problem, bank.concepts.len() * data.n_classes())?;
        let (mut measures, mut warnings) = (bank.measures(), bank.warnings());
        measures.push(Measure::whole("lambda", lambda));
        measures.push(Measure::whole("head_objective", fit.objectives.iter().sum()));
        measures.push(Measure::whole("head_duality_gap", fit.gaps.iter().sum()));
        measures.push(Measure::whole("head_subgradient", fit.violation));
        for (class, weights) in fit.head.weights.columns().into_iter().enumerate() {
            let count = weights.iter().filter(|w| **w != 0.0).count() as f64;
            measures.push(Measure { class: Some(class as u32), ..Measure::whole("concepts_of_class", count) });
        }
        if !fit.converged {
            let gap = fit.gaps.iter().sum::<f64>();
            warnings.push(format!(
                "the predictor was left with a duality gap of {gap:.1e}: a larger lambda converges faster"
            ));
        }
        if fit.head.weights.iter().all(|&w| w == 0.0) {
            warnings.push(format!("lambda {lambda:.1e} leaves no weight: every prediction is the most frequent class"));
        }
        // Weights for distances as they are: the bottleneck shows distances, whatever the penalty saw.
        let weights = fit.head.weights / &spread.insert_axis(Axis(1));
        let head = Head { weights, intercepts: fit.head.intercepts };
        Ok((FittedPosthoc::new(&bank, scale, data, head), measures, warnings))
    }
}

impl Builder for Posthoc {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> Value {
        self.all_settings()
    }

    fn fit(&self, data: &ConceptData, seed: u64, observer: &mut dyn Observer) -> Result<Fitted, ProbeError> {
        let (bottleneck, measures, warnings) = self.fit_posthoc(data, seed, observer)?;
        Ok(Fitted { bottleneck: Box::new(bottleneck), measures, warnings })
    }
}
