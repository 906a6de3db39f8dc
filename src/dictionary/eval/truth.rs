//! What of a planted dictionary was recovered.

use super::Found;
use super::rows::About;
use crate::table::DictionaryRow;
use anyhow::Result;
use narrows_datasets::{Planted, PlantedData};
use narrows_dictionaries::Codes;
use narrows_dictionaries::evaluate::Evaluation;
use narrows_dictionaries::evaluate::recovery::{Recovery, mean};
use ndarray::Array2;

/// The planted directions and codes.
#[derive(Debug)]
pub(super) struct Truth {
    directions: Array2<f32>,
    codes: Vec<Vec<(u32, f32)>>,
}

impl Truth {
    /// Of activations that are planted.
    pub(super) fn of(place: &str) -> Result<Option<Self>> {
        let Some(planted) = Planted::parse(place) else { return Ok(None) };
        let PlantedData { directions, codes, .. } = planted?.draw(0)?;
        Ok(Some(Self { directions, codes }))
    }

    pub(super) fn compare(
        &self,
        about: &About<'_>,
        evaluation: &Evaluation,
        codes: &Codes,
        first: usize,
        found: &mut Found,
    ) -> Result<()> {
        let alive: Vec<bool> = evaluation.features.iter().map(|f| f.fires > 0).collect();
        if !alive.contains(&true) {
            found.warnings.push(format!("{}: no feature is alive: there is nothing to compare", about.judged.name));
            return Ok(());
        }
        let recovery = Recovery::new(self.directions.view(), about.judged.coder.decoder(), &alive)?;
        let mut truth = Codes::new(self.directions.nrows());
        self.codes[first..].iter().for_each(|code| truth.push(code.iter().copied()));
        let firing: Vec<f64> = recovery.firing(&truth, codes)?.into_iter().flatten().collect();
        let cosines: Vec<f64> = recovery.matches.iter().map(|m| m.cosine).collect();
        let mut tell = |metric: &str, values: &[f64]| {
            if !values.is_empty() {
                let (value, error) = mean(values);
                let row = about.row(metric, Some(value), values.len());
                found.numbers.push(DictionaryRow { std_error: Some(error).filter(|_| values.len() > 1), ..row });
            }
        };
        tell("true_to_learned_cosine", &recovery.of_true);
        tell("learned_to_true_cosine", &recovery.of_learned);
        tell("matched_cosine", &cosines);
        tell("matched_firing_f1", &firing);
        let (share, n) = (recovery.share(), recovery.of_true.len());
        let row = about.row("recovered_share", Some(share), n);
        found.numbers.push(DictionaryRow { std_error: Some((share * (1.0 - share) / n as f64).sqrt()), ..row });
        Ok(())
    }
}
