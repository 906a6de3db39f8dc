//! Concepts in a dictionary: sparse probes, and the feature that fires with each.

use super::Found;
use super::rows::About;
use crate::concept::{labels_with_gaps, names};
use crate::run::InputFile;
use crate::table::DictionaryRow;
use anyhow::{Result, ensure};
use narrows_dictionaries::Codes;
use narrows_dictionaries::evaluate::firing::FiringTable;
use narrows_dictionaries::evaluate::probing::{Labelled, Probe, Scored, probe};
use ndarray::{Array2, Axis};

/// Labels of the rows.
#[derive(Debug)]
pub(super) struct Concepts {
    names: Vec<String>,
    /// [rows × concepts] of 0, 1 or NaN.
    labels: Array2<f32>,
}

impl Concepts {
    pub(super) fn read(
        place: &str,
        named: Option<&str>,
        rows: usize,
        files: &mut Vec<InputFile>,
        warnings: &mut Vec<String>,
    ) -> Result<Self> {
        let matrix = labels_with_gaps(place)?;
        ensure!(
            matrix.values.nrows() == rows,
            "{place} has {} row(s), but there are {rows} activations: concept labels are one row a row of these",
            matrix.values.nrows()
        );
        files.push(matrix.file);
        let count = matrix.values.ncols();
        let mut own = matrix.names;
        if let Some(path) = named {
            let (given, file) = names(path)?;
            ensure!(given.len() == count, "{path} names {} concepts, but {place} has {count} columns", given.len());
            files.push(file);
            own = given;
        }
        if own.is_empty() {
            own = (1..=count).map(|i| format!("concept {i}")).collect();
        }
        let soft = matrix.values.iter().filter(|v| **v > 0.0 && **v < 1.0).count();
        if soft > 0 {
            warnings.push(format!("{place}: {soft} label(s) between 0 and 1 count as present from 0.5 on"));
        }
        let hard = |v: f64| if v.is_nan() { f32::NAN } else { f32::from(u8::from(v >= 0.5)) };
        Ok(Self { names: own, labels: matrix.values.mapv(hard) })
    }

    /// Probes on the codes of the rows seen, scored on those judged on.
    pub(super) fn probe(
        &self,
        about: &About<'_>,
        (seen, judged): (&Codes, &Codes),
        ks: &[usize],
        found: &mut Found,
    ) -> Result<()> {
        let (first, last) = self.labels.view().split_at(Axis(0), seen.n_samples());
        let (train, test) = (Labelled { codes: seen, labels: first }, Labelled { codes: judged, labels: last });
        let rows = about.judged.coder.decoder();
        let length = |r: ndarray::ArrayView1<f32>| r.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        let lengths: Vec<f64> = rows.rows().into_iter().map(length).collect();
        let probing = probe(train, test, &lengths, ks)?;
        for (concept, why) in &probing.skipped {
            let warning = format!("the concept {} is left out: {why}", self.names[*concept]);
            if !found.warnings.contains(&warning) {
                found.warnings.push(warning);
            }
        }
        type Part = (&'static str, fn(&Probe) -> Scored, fn(&Probe) -> f64);
        let parts: [Part; 3] = [
            ("probe_accuracy", |p| p.accuracy, |p| p.majority),
            ("probe_balanced_accuracy", |p| p.balanced_accuracy, |_| 0.5),
            ("probe_auc", |p| p.auc, |_| 0.5),
        ];
        for &k in ks {
            let own: Vec<&Probe> = probing.probes.iter().filter(|p| p.k == k).collect();
            for (metric, of, chance) in parts {
                for p in &own {
                    let row = about.row(metric, Some(of(p).value), p.n_test);
                    found.numbers.push(DictionaryRow {
                        std_error: Some(of(p).std_error),
                        chance: Some(chance(p)),
                        concept: self.names[p.concept].clone(),
                        feature: (k == 1).then(|| p.features.first().map(|&f| f.into())).flatten(),
                        parameters: format!("k={k}"),
                        ..row
                    });
                }
                if own.is_empty() {
                    continue;
                }
                let mean = |of: &dyn Fn(&Probe) -> f64| own.iter().map(|p| of(p)).sum::<f64>() / own.len() as f64;
                let row = about.row(metric, Some(mean(&|p| of(p).value)), judged.n_samples());
                found.numbers.push(DictionaryRow {
                    // The same samples make all of them: were the concepts' errors one error, it would be their mean.
                    std_error: Some(mean(&|p| of(p).std_error)),
                    chance: Some(mean(&|p| chance(p))),
                    parameters: format!("k={k}"),
                    ..row
                });
            }
        }
        self.firing(about, (train, test), found)
    }

    /// The feature of the largest F1 on the rows seen, as it fires on those judged on.
    fn firing(&self, about: &About<'_>, (train, test): (Labelled<'_>, Labelled<'_>), found: &mut Found) -> Result<()> {
        let (seen, judged) = (FiringTable::new(train.codes, train.labels)?, FiringTable::new(test.codes, test.labels)?);
        let mut all = vec![];
        for (concept, name) in self.names.iter().enumerate() {
            let Some((feature, _)) = seen.best(concept) else { continue };
            let score = judged.score(feature, concept);
            let Some(f1) = score.f1 else { continue };
            all.push(f1);
            for (metric, value, chance) in [
                ("firing_precision", score.precision, Some(score.positives as f64 / score.n as f64)),
                ("firing_recall", score.recall, None),
                ("firing_f1", score.f1, score.f1_of_always()),
            ] {
                let row = about.row(metric, value, score.n as usize);
                let (feature, concept) = (Some(feature as u64), name.clone());
                found.numbers.push(DictionaryRow { feature, concept, chance, ..row });
            }
        }
        if !all.is_empty() {
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            found.numbers.push(about.row("firing_f1", Some(mean), test.codes.n_samples()));
        }
        Ok(())
    }
}
