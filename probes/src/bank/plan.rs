//! How a bank is fitted.

use super::Method;
use crate::ProbeError;
use narrows_estimators::Parameters;
use narrows_estimators::registry::ParameterDoc;
use serde_json::{Value, json};

/// The parameters of a concept bank.
#[derive(Debug, Clone, PartialEq)]
pub struct BankPlan {
    /// How vectors are found.
    pub method: Method,
    /// Costs C among which validation chooses, ascending.
    pub costs: Vec<f64>,
    /// Samples of each side at most, in training and in validation each; 0: all there are.
    pub per_side: usize,
    /// Share of each side that is held out to choose C and to judge the vector.
    pub validation: f64,
    /// Folds of a cross-validation that takes the place of the hold-out; 0: none.
    pub folds: usize,
    /// Fits to shuffled labels for the permutation test; 0: no test.
    pub permutations: usize,
    /// Cosine from which two vectors count as one; above 1: never.
    pub merge: f64,
    /// Concepts whose validation AUC is below are dropped.
    pub min_auc: f64,
    /// Concepts with fewer samples on a side are dropped.
    pub min_positives: usize,
}

impl Default for BankPlan {
    fn default() -> Self {
        Self {
            method: Method::Svm,
            costs: vec![0.001, 0.01, 0.1, 1.0, 10.0],
            per_side: 1000,
            validation: 0.2,
            folds: 0,
            permutations: 0,
            merge: 2.0,
            min_auc: 0.0,
            min_positives: 5,
        }
    }
}

/// The parameters of a bank, as every builder that makes one lists them.
static PARAMETERS: [ParameterDoc; 9] = LIST;

/// The same, to make other lists of.
pub(crate) const LIST: [ParameterDoc; 9] = [
    doc("vectors", "svm", "how a concept's vector is found: svm, logistic or mean-difference"),
    doc("c", "0.001/0.01/0.1/1/10", "costs among which validation chooses, separated by /"),
    doc("per-side", "1000", "positives and negatives of a concept at most, in training and validation each; 0: all"),
    doc("validation", "0.2", "share of a concept's samples held out to choose C and judge the vector"),
    doc("folds", "0", "folds of a cross-validation instead of the hold-out; 0: none"),
    doc("permutations", "0", "fits to shuffled labels for a p-value of each vector; 0: none"),
    doc("merge", "2", "cosine from which the worse of two vectors is dropped as a duplicate; above 1: never"),
    doc("min-auc", "0", "concepts whose validation AUC is below are dropped"),
    doc("min-positives", "5", "concepts with fewer positives, or negatives, are dropped"),
];

const fn doc(name: &'static str, default: &'static str, meaning: &'static str) -> ParameterDoc {
    ParameterDoc { name, default, meaning }
}

impl BankPlan {
    /// Reads `key=value,…`; an empty text is the default.
    ///
    /// # Errors
    /// When there is no such parameter, or a value is outside its domain.
    pub fn parse(text: &str) -> Result<Self, ProbeError> {
        Self::read(&Parameters::parse("bank", &PARAMETERS, text)?)
    }

    /// The parameters with their defaults, for help texts.
    pub fn parameters() -> &'static [ParameterDoc] {
        &PARAMETERS
    }

    /// Reads the parameters that stand in [`PARAMETERS`].
    pub(crate) fn read(parameters: &Parameters) -> Result<Self, ProbeError> {
        let base = Self::default();
        let method = match parameters.text("vectors") {
            None => base.method,
            Some(name) => Method::by_name(name)
                .ok_or_else(|| parameters.bad("vectors", name, "it must be svm, logistic or mean-difference"))?,
        };
        let costs = match parameters.text("c") {
            None => base.costs,
            Some(text) => {
                let read = |c: &str| c.trim().parse().ok().filter(|c: &f64| *c > 0.0 && c.is_finite());
                let mut costs: Vec<f64> = text
                    .split('/')
                    .map(read)
                    .collect::<Option<_>>()
                    .ok_or_else(|| parameters.bad("c", text, "it must be numbers above 0, separated by /"))?;
                costs.sort_by(f64::total_cmp);
                costs
            }
        };
        let number = |key, default: usize| {
            parameters.value(key, "it must be a whole number", |_: &usize| true).map(|v| v.unwrap_or(default))
        };
        let folds = parameters.value("folds", "it must be 0 or at least 2", |f: &usize| *f != 1)?.unwrap_or(0);
        let share = |v: &f64| *v > 0.0 && *v < 1.0;
        Ok(Self {
            method,
            costs,
            per_side: number("per-side", base.per_side)?,
            validation: parameters.value("validation", "it must be between 0 and 1", share)?.unwrap_or(base.validation),
            folds,
            permutations: number("permutations", base.permutations)?,
            merge: parameters.value("merge", "it must be above 0", |v: &f64| *v > 0.0)?.unwrap_or(base.merge),
            min_auc: parameters
                .value("min-auc", "it must be between 0 and 1", |v: &f64| (0.0..1.0).contains(v))?
                .unwrap_or(base.min_auc),
            min_positives: parameters
                .value("min-positives", "it must be at least 2: one to fit, one to judge", |v: &usize| *v >= 2)?
                .unwrap_or(base.min_positives),
        })
    }

    /// For the manifest.
    pub fn settings(&self) -> Value {
        json!({
            "vectors": self.method.name(), "c": self.costs, "per-side": self.per_side,
            "validation": self.validation, "folds": self.folds, "permutations": self.permutations,
            "merge": self.merge, "min-auc": self.min_auc, "min-positives": self.min_positives,
        })
    }
}
