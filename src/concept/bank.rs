//! Concept banks by themselves: vectors fitted to concept labels, saved, and held against new embeddings.

use super::files::{labels_with_gaps, matrix, names};
use super::{Model, numbers};
use crate::run::{InputFile, RunFolder};
use crate::table::ConceptMetricRow;
use anyhow::{Context, Result, ensure};
use narrows_probes::Measure;
use narrows_probes::bank::{Bank, cosines, separation};
use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const DESCRIPTION: &str = "bank.json";
const TENSORS: &str = "bank.safetensors";
const SCHEMA: &str = "narrows-concept-bank-1";

/// Embeddings, and what is known of the concepts in them.
#[derive(Debug, Clone)]
pub struct BankData {
    /// [samples × features]
    pub embeddings: Array2<f64>,
    /// Labels [samples × concepts], NaN where missing, with the names of the concepts; where there are any.
    pub concepts: Option<(Array2<f64>, Vec<String>)>,
    /// The files that were read.
    pub files: Vec<InputFile>,
}

impl BankData {
    /// Reads embeddings, concept labels and the names of the concepts.
    ///
    /// # Errors
    /// When a file cannot be read, or they do not fit together.
    pub fn read(embeddings: &str, concepts: Option<&str>, concept_names: Option<&str>) -> Result<Self> {
        let e = matrix(embeddings)?;
        let mut files = vec![e.file];
        let Some(path) = concepts else { return Ok(Self { embeddings: e.values, concepts: None, files }) };
        let c = labels_with_gaps(path)?;
        files.push(c.file);
        let (rows, width) = c.values.dim();
        ensure!(
            rows == e.values.nrows(),
            "{embeddings} has {} rows and {path} has {rows}: they must be the same samples",
            e.values.nrows()
        );
        let listed = match concept_names {
            Some(file) => {
                let (listed, file) = names(file)?;
                files.push(file);
                listed
            }
            None if c.names.is_empty() => (1..=width).map(|j| format!("concept {j}")).collect(),
            None => c.names,
        };
        ensure!(listed.len() == width, "{path} has {width} columns, but there are {} names of concepts", listed.len());
        if let Some(((row, column), value)) =
            c.values.indexed_iter().find(|(_, v)| !(v.is_nan() || (0.0..=1.0).contains(*v)))
        {
            let name = &listed[column];
            anyhow::bail!("{path}, row {}, concept '{name}': {value} is no label: 0, 1, between, or missing", row + 1);
        }
        Ok(Self { embeddings: e.values, concepts: Some((c.values, listed)), files })
    }
}

/// A bank in a folder: its own, or that of a fitted post-hoc bottleneck.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedBank {
    /// Names of the concepts.
    pub names: Vec<String>,
    /// Unit vectors [concepts × features].
    pub vectors: Array2<f64>,
    /// Intercepts of the margins.
    pub intercepts: Array1<f64>,
}

#[derive(Serialize, Deserialize)]
struct Description {
    schema: String,
    concepts: Vec<String>,
    n_features: usize,
}

impl SavedBank {
    /// What is kept of a fitted bank.
    pub fn of(bank: &Bank) -> Self {
        let names = bank.concepts.iter().map(|c| c.name.clone()).collect();
        Self { names, vectors: bank.vectors(), intercepts: bank.intercepts() }
    }

    /// Writes bank.json and bank.safetensors.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &RunFolder) -> Result<()> {
        let tensors = BTreeMap::from([
            ("bank.vectors".to_string(), self.vectors.clone().into_dyn()),
            ("bank.intercepts".to_string(), self.intercepts.clone().into_dyn()),
        ]);
        folder.write(TENSORS, &numbers::encode(&tensors)?)?;
        let description =
            Description { schema: SCHEMA.into(), concepts: self.names.clone(), n_features: self.vectors.ncols() };
        folder.write(DESCRIPTION, &serde_json::to_vec_pretty(&description)?)
    }

    /// Reads a bank, with the files that it came from.
    ///
    /// # Errors
    /// When the folder holds neither a bank nor a post-hoc bottleneck, or a file is damaged.
    pub fn load(folder: &Path) -> Result<(Self, Vec<InputFile>)> {
        let described = folder.join(DESCRIPTION);
        if !described.exists() {
            let model = Model::load(folder).with_context(|| {
                format!(
                    "{} holds neither {DESCRIPTION} nor a bottleneck: `narrows concept bank` makes one",
                    folder.display()
                )
            })?;
            let record = model.bottleneck.record();
            ensure!(
                record.tensors.contains_key("bank.vectors"),
                "{} holds a bottleneck by {}, which has no concept bank: posthoc and posthoc-hybrid have",
                folder.display(),
                record.builder
            );
            let bank = Self::from_tensors(record.names.concepts, record.n_features, record.tensors)?;
            return Ok((bank, Model::files(folder)?));
        }
        let read = || -> Result<Self> {
            let description: Description = serde_json::from_slice(&std::fs::read(&described)?)?;
            ensure!(description.schema == SCHEMA, "it is of the kind '{}', not '{SCHEMA}'", description.schema);
            let tensors = numbers::decode_all(&std::fs::read(folder.join(TENSORS))?)?;
            Self::from_tensors(description.concepts, description.n_features, tensors)
        };
        let bank = read().with_context(|| format!("cannot load the bank in {}", folder.display()))?;
        Ok((bank, vec![InputFile::of(&described)?, InputFile::of(&folder.join(TENSORS))?]))
    }

    fn from_tensors(names: Vec<String>, features: usize, mut tensors: BTreeMap<String, ArrayD<f64>>) -> Result<Self> {
        let mut take = |name: &str| tensors.remove(name).with_context(|| format!("it has no tensor '{name}'"));
        let vectors = take("bank.vectors")?.into_dimensionality::<Ix2>().context("bank.vectors is no matrix")?;
        let intercepts =
            take("bank.intercepts")?.into_dimensionality::<Ix1>().context("bank.intercepts is no vector")?;
        ensure!(
            vectors.dim() == (names.len(), features) && intercepts.len() == names.len(),
            "vectors of shape {:?} and {} intercepts do not fit {} concepts of {features} features",
            vectors.dim(),
            intercepts.len(),
            names.len()
        );
        ensure!(vectors.iter().chain(&intercepts).all(|v| v.is_finite()), "its numbers are not all finite");
        Ok(Self { names, vectors, intercepts })
    }

    /// Margins [samples × concepts].
    ///
    /// # Errors
    /// When the embeddings have another width, or hold what is no number.
    pub fn margins(&self, embeddings: &Array2<f64>) -> Result<Array2<f64>> {
        let (found, expected) = (embeddings.ncols(), self.vectors.ncols());
        ensure!(found == expected, "the embeddings have {found} features, but the bank's vectors have {expected}");
        if let Some(((row, column), value)) = embeddings.indexed_iter().find(|(_, v)| !v.is_finite()) {
            anyhow::bail!("the embedding in row {}, column {} is {value}", row + 1, column + 1);
        }
        Ok(embeddings.dot(&self.vectors.t()) + &self.intercepts)
    }

    /// How well the margins tell who has each concept, by name; and the concepts that cannot be judged, with why.
    pub fn scores(&self, margins: &Array2<f64>, data: &BankData) -> (Vec<ConceptMetricRow>, Vec<String>) {
        let (mut rows, mut warnings) = (vec![], vec![]);
        let Some((labels, names)) = &data.concepts else { return (rows, warnings) };
        for (place, name) in self.names.iter().enumerate() {
            let Some(column) = names.iter().position(|n| n == name) else {
                warnings.push(format!("the labels have no concept '{name}': its vector is not judged"));
                continue;
            };
            let known: Vec<usize> = (0..margins.nrows()).filter(|&i| !labels[[i, column]].is_nan()).collect();
            let scores: Vec<f64> = known.iter().map(|&i| margins[[i, place]]).collect();
            let positive: Vec<bool> = known.iter().map(|&i| labels[[i, column]] >= 0.5).collect();
            let Some(found) = separation(&scores, &positive) else {
                warnings
                    .push(format!("the concept '{name}' is never or always present here: its vector is not judged"));
                continue;
            };
            let base = ConceptMetricRow { n_samples: known.len() as u64, ..row("test", name, "", 0.0) };
            let present = positive.iter().filter(|p| **p).count() as f64;
            rows.push(ConceptMetricRow {
                std_error: Some(found.std_error),
                chance: Some(0.5),
                ..ConceptMetricRow { metric: "bank_auc".into(), value: Some(found.auc), ..base.clone() }
            });
            for (metric, value) in [
                ("bank_p_value", found.p_value),
                ("bank_balanced_accuracy", found.balanced_accuracy),
                ("bank_positives", present),
            ] {
                rows.push(ConceptMetricRow { metric: metric.into(), value: Some(value), ..base.clone() });
            }
        }
        (rows, warnings)
    }
}

fn row(split: &str, concept: &str, metric: &str, value: f64) -> ConceptMetricRow {
    ConceptMetricRow {
        probe: "bank".into(),
        split: split.into(),
        metric: metric.into(),
        concept: concept.into(),
        value: Some(value).filter(|v| v.is_finite()),
        ..ConceptMetricRow::default()
    }
}

/// What is known of a fitted bank, and the cosine of every pair of its vectors.
pub fn bank_rows(bank: &Bank, n_samples: usize, seed: u64) -> Vec<ConceptMetricRow> {
    let of = |m: &Measure| ConceptMetricRow {
        std_error: m.std_error,
        ..row("fit", m.concept.as_deref().unwrap_or_default(), m.metric, m.value)
    };
    let mut rows: Vec<ConceptMetricRow> = bank.measures().iter().map(of).collect();
    let map = cosines(bank.vectors().view());
    for (i, a) in bank.concepts.iter().enumerate() {
        for (j, b) in bank.concepts.iter().enumerate().skip(i + 1) {
            let second_concept = b.name.clone();
            rows.push(ConceptMetricRow { second_concept, ..row("fit", &a.name, "bank_cosine", map[[i, j]]) });
        }
    }
    rows.iter_mut().for_each(|r| (r.n_samples, r.seed) = (n_samples as u64, seed));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use narrows_probes::Unwatched;
    use narrows_probes::bank::BankPlan;

    fn data() -> BankData {
        let embeddings = Array2::from_shape_fn((60, 3), |(i, j)| ((i * (j + 3) * 7) % 13) as f64 - 6.0);
        let concepts = Array2::from_shape_fn((60, 2), |(i, j)| f64::from(u8::from(embeddings[[i, j]] > 0.0)));
        BankData { embeddings, concepts: Some((concepts, vec!["left".into(), "up".into()])), files: vec![] }
    }

    #[test]
    fn a_fitted_bank_judges_new_data_by_name() {
        let data = data();
        let (labels, names) = data.concepts.as_ref().unwrap();
        let fitted =
            Bank::fit_labels(&BankPlan::default(), data.embeddings.view(), labels.view(), names, 0, &mut Unwatched)
                .unwrap();
        let rows = bank_rows(&fitted, 60, 0);
        assert!(rows.iter().any(|r| r.metric == "bank_cosine" && r.concept == "left" && r.second_concept == "up"));
        let bank = SavedBank::of(&fitted);
        let margins = bank.margins(&data.embeddings).unwrap();
        // The columns of the new labels come in another order, and one is missing.
        let other =
            BankData { concepts: Some((labels.select(ndarray::Axis(1), &[1]), vec!["up".into()])), ..data.clone() };
        let (rows, warnings) = bank.scores(&margins, &other);
        assert!(rows.iter().all(|r| r.concept == "up") && rows[0].value.unwrap() > 0.95, "{rows:?}");
        assert!(warnings[0].contains("no concept 'left'"), "{warnings:?}");
        assert!(
            bank.margins(&data.embeddings.select(ndarray::Axis(1), &[0]))
                .unwrap_err()
                .to_string()
                .contains("1 features")
        );
    }
}
