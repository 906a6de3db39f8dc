//! What was measured, as rows.

use super::{Found, Judged};
use crate::table::{DictionaryFeatureRow, DictionaryPairRow, DictionaryRow};
use narrows_dictionaries::evaluate::Evaluation;

/// Whose rows they are.
pub(super) struct About<'a> {
    pub(super) judged: &'a Judged,
    pub(super) layer: String,
    pub(super) split: &'a str,
}

impl About<'_> {
    /// A row; what else is measured is filled in by the caller.
    pub(super) fn row(&self, metric: &str, value: Option<f64>, n_samples: usize) -> DictionaryRow {
        DictionaryRow {
            dictionary: self.judged.name.clone(),
            variant: self.judged.variant.clone(),
            layer: self.layer.clone(),
            width: self.judged.coder.width() as u64,
            seed: self.judged.seed,
            split: self.split.into(),
            metric: metric.into(),
            value: value.filter(|v| v.is_finite()),
            n_samples: n_samples as u64,
            ..DictionaryRow::default()
        }
    }

    pub(super) fn measures(&self, evaluation: &Evaluation, found: &mut Found) {
        let rows = evaluation
            .measures
            .iter()
            .map(|m| DictionaryRow { std_error: m.std_error, ..self.row(m.name, m.value, m.n as usize) });
        found.numbers.extend(rows);
    }

    /// A row a feature, and a row a pair; rows of the activations count from the first of all, of which `first` were not
    /// judged.
    pub(super) fn features(&self, evaluation: &Evaluation, first: usize, found: &mut Found) {
        let rows = evaluation.features.iter().enumerate().map(|(feature, f)| DictionaryFeatureRow {
            dictionary: self.judged.name.clone(),
            variant: self.judged.variant.clone(),
            feature: feature as u64,
            fires: f.fires,
            density: f.density,
            density_error: f.density_error,
            n_samples: evaluation.samples,
            mean: f.mean,
            mean_active: f.mean_active,
            max: f.largest.map(|l| l.0.into()),
            max_row: f.largest.map(|l| l.1 + first as u64),
            decoder_norm: f.decoder_norm,
            encoder_norm: f.encoder_norm,
            encoder_decoder_cosine: f.encoder_decoder_cosine,
            nearest: f.nearest.map(|n| n.0.into()),
            nearest_cosine: f.nearest.map(|n| n.1),
            nearest_live: f.nearest_live.map(|n| n.0.into()),
            nearest_live_cosine: f.nearest_live.map(|n| n.1),
        });
        found.features.extend(rows);
        let pairs = evaluation.pairs.iter().filter(|p| p.exclusive).map(|p| DictionaryPairRow {
            dictionary: self.judged.name.clone(),
            frequent: p.frequent.into(),
            rare: p.rare.into(),
            cosine: p.cosine,
            together: p.together,
            expected: p.expected,
            p_value: p.p_value,
            presence: p.presence,
            kind: if p.absorption_like { "absorption-like" } else { "exclusive" }.into(),
        });
        found.pairs.extend(pairs);
    }
}
