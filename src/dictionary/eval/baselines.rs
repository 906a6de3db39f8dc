//! Baselines of the size of the dictionaries.

use super::Judged;
use anyhow::Result;
use narrows_dictionaries::baselines::{BASELINES, fit};
use ndarray::ArrayView2;

/// Rows that a baseline is fitted to at most: the first ones.
pub(super) const ROWS: usize = 32_768;

/// A baseline to be fitted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    name: String,
    k: Option<usize>,
}

/// Each baseline once for every number of active features that a dictionary has (in the mean, rounded), so that each
/// dictionary has its equal; those without such a number once.
pub(super) fn plans(names: &[String], active: &[f64]) -> Vec<Plan> {
    let mut ks: Vec<usize> = active.iter().map(|l| (l.round() as usize).max(1)).collect();
    ks.sort_unstable();
    ks.dedup();
    let mut plans = vec![];
    for name in names {
        if BASELINES.iter().any(|b| b.name == name && !b.takes_k) {
            plans.push(Plan { name: name.clone(), k: None });
        } else {
            plans.extend(ks.iter().map(|&k| Plan { name: name.clone(), k: Some(k) }));
        }
    }
    plans
}

impl Plan {
    pub(super) fn label(&self) -> String {
        self.k.map_or(self.name.clone(), |k| format!("{}:k={k}", self.name))
    }

    pub(super) fn fit(
        &self,
        rows: ArrayView2<f32>,
        width: usize,
        seed: u64,
        warnings: &mut Vec<String>,
    ) -> Result<Judged> {
        let fitted = fit(&self.name, rows, width, self.k.unwrap_or(1), seed)?;
        warnings.extend(fitted.note.filter(|note| !warnings.contains(note)));
        Ok(Judged { name: self.label(), variant: self.label(), seed, coder: fitted.coder, layer: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dictionary_has_its_equal() {
        let names = ["pca".to_string(), "k-means".to_string()];
        let labels: Vec<String> = plans(&names, &[15.6, 16.2, 0.2, 32.0]).iter().map(Plan::label).collect();
        assert_eq!(labels, ["pca:k=1", "pca:k=16", "pca:k=32", "k-means"]);
    }
}
