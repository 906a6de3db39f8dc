//! The data of a concept job: what is read, how it is split, and what is odd about it.

use super::files::{labels, labels_with_gaps, matrix, names};
use super::places::{PlaceFiles, Places};
use super::split::Split;
use super::tokens::Tokens;
use crate::run::InputFile;
use anyhow::{Context, Result, bail, ensure};
use narrows_datasets::concepts::{Ceilings, ConceptGroup};
use narrows_probes::{Bottleneck, ConceptData, Names};
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

/// Where the data of a concept job come from. Every key is an option of the command line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataSpec {
    /// Built-in data instead of files: `birds`, `xor`, `trigonometric`, `dot`, `tabular-toy`, `known-joint`, `digits`, `blob-tasks`,
    /// with settings after a colon.
    pub data: Option<String>,
    /// Embeddings [samples × features].
    pub embeddings: Option<String>,
    /// One label a sample.
    pub labels: Option<String>,
    /// Column of a CSV that holds them.
    pub label_column: Option<String>,
    /// Names of the classes, one a line, in the order of their numbers.
    pub class_names: Option<String>,
    /// Concept labels [samples × concepts].
    pub concepts: Option<String>,
    /// Names of the concepts, one a line.
    pub concept_names: Option<String>,
    /// Groups of concepts that are corrected together: a CSV of concept, group and, where it has three columns, cost.
    pub concept_groups: Option<String>,
    /// Concept vectors [concepts × features].
    pub concept_vectors: Option<String>,
    /// Class vectors [classes × features].
    pub class_vectors: Option<String>,
    /// Feature maps and the places of parts.
    pub places: PlaceFiles,
    /// Cells of feature maps or images instead of one vector a sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// Which samples train.
    pub split: Split,
}

/// Concepts that a person corrects together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Their numbers.
    pub members: Vec<usize>,
    /// What a correction of all of them costs.
    pub cost: f64,
}

/// Data, read and split.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Name for titles.
    pub name: String,
    /// All samples.
    pub data: ConceptData,
    /// Rows that train.
    pub train: Vec<usize>,
    /// Rows that test.
    pub test: Vec<usize>,
    /// Groups of concepts; each concept its own where none are given.
    pub groups: Vec<Group>,
    /// What the law that generated the data allows at most, where it is known.
    pub ceilings: Option<Ceilings>,
    /// That law as a table [patterns × classes], where it is known: bit j of a pattern's number is concept j.
    pub joint: Option<Array2<f64>>,
    /// Feature maps and the places of parts, where they are known.
    pub places: Option<Places>,
    /// The files that were read.
    pub files: Vec<InputFile>,
    /// Where the data come from, when their licence asks that it be said.
    pub attribution: Option<&'static str>,
    /// What is odd about them.
    pub warnings: Vec<String>,
}

impl DataSpec {
    /// Reads the data and splits them by `seed`.
    ///
    /// # Errors
    /// When a file cannot be read, or what stands in it does not fit together.
    pub fn load(&self, seed: u64) -> Result<Subject> {
        let subject = self.load_vectors(seed)?;
        match self.tokens {
            Some(tokens) => tokens.apply(subject),
            None => Ok(subject),
        }
    }

    fn load_vectors(&self, seed: u64) -> Result<Subject> {
        match (&self.data, &self.embeddings) {
            (Some(name), None) => {
                let mut subject = super::builtin::load(name, &self.split, seed)?;
                if let Some(path) = &self.concept_groups {
                    let (groups, file) = super::groups::read(path, &subject.data.names().concepts)?;
                    subject.groups = groups;
                    subject.files.push(file);
                }
                Ok(subject)
            }
            (None, Some(embeddings)) => self.load_files(embeddings, seed),
            (Some(name), Some(_)) => bail!("--data {name} brings its own embeddings: leave out --embeddings"),
            (None, None) => bail!("no data: give --embeddings FILE with --labels FILE, or --data NAME"),
        }
    }

    fn load_files(&self, embeddings: &str, seed: u64) -> Result<Subject> {
        let mut files = Vec::new();
        let e = matrix(embeddings)?;
        files.push(e.file);
        let labels_file = self.labels.as_deref().context("labels are needed: give --labels FILE")?;
        let (labels, file) = labels(labels_file, self.label_column.as_deref())?;
        files.push(file);
        ensure!(
            labels.len() == e.values.nrows(),
            "{embeddings} has {} rows and {labels_file} has {} labels: one label a row is needed",
            e.values.nrows(),
            labels.len()
        );
        let classes = match &self.class_names {
            None => labels.classes(),
            Some(path) => {
                let (names, file) = names(path)?;
                files.push(file);
                names
            }
        };
        let numbers = labels.numbers(&classes).with_context(|| format!("cannot use {labels_file}"))?;
        let mut data = ConceptData::new(e.values, numbers).and_then(|d| d.with_classes(classes))?;
        let given = self.concept_names.as_deref().map(names).transpose()?;
        if let Some((_, file)) = &given {
            files.push(file.clone());
        }
        let given = given.map(|g| g.0);
        if let Some(path) = &self.concepts {
            let concepts = labels_with_gaps(path)?;
            files.push(concepts.file);
            let width = concepts.values.ncols();
            let own = if concepts.names.is_empty() { numbered(width) } else { concepts.names };
            data = data
                .with_concepts(concepts.values, given.clone().unwrap_or(own))
                .with_context(|| format!("cannot use {path}"))?;
        }
        if let Some(path) = &self.concept_vectors {
            let vectors = matrix(path)?;
            files.push(vectors.file);
            let known = (!data.names().concepts.is_empty()).then(|| data.names().concepts.clone());
            let names = given.or(known).unwrap_or_else(|| numbered(vectors.values.nrows()));
            data = data.with_vectors(vectors.values, names).with_context(|| format!("cannot use {path}"))?;
        }
        if let Some(path) = &self.class_vectors {
            let vectors = matrix(path)?;
            files.push(vectors.file);
            data = data.with_class_vectors(vectors.values).with_context(|| {
                format!("cannot use {path}: its rows are the classes in the order of --class-names, or of the labels")
            })?;
        }
        let (train, test) = self.split.rows(data.labels(), labels_file, seed, &mut vec![])?;
        let groups = match &self.concept_groups {
            None => singles(&data.names().concepts),
            Some(path) => {
                let (groups, file) = super::groups::read(path, &data.names().concepts)?;
                files.push(file);
                groups
            }
        };
        let name = std::path::Path::new(embeddings).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let sizes = (data.n_samples(), data.n_features());
        let places = self.places.load(sizes, &data.names().concepts, &mut files)?;
        Ok(Subject {
            name,
            data,
            train,
            test,
            groups,
            ceilings: None,
            joint: None,
            places,
            files,
            attribution: None,
            warnings: vec![],
        })
    }
}

impl Subject {
    /// A subject of a built-in set.
    pub(crate) fn built_in(
        name: String,
        data: ConceptData,
        (train, test): (Vec<usize>, Vec<usize>),
        groups: &[ConceptGroup],
        ceilings: Option<Ceilings>,
        attribution: Option<&'static str>,
    ) -> Self {
        let groups =
            groups.iter().map(|g| Group { name: g.name.clone(), members: g.members.clone(), cost: 1.0 }).collect();
        Self {
            name,
            data,
            train,
            test,
            groups,
            ceilings,
            joint: None,
            places: None,
            files: vec![],
            attribution,
            warnings: vec![],
        }
    }

    /// The samples that train.
    ///
    /// # Errors
    /// When they are fewer than two, or of one class.
    pub fn training(&self) -> Result<ConceptData> {
        self.data.rows(&self.train).context("the training samples cannot be used")
    }

    /// These samples, with the concept labels in the order of a bottleneck's concepts.
    ///
    /// # Errors
    /// When the embeddings have another width than the bottleneck's, or the classes are others.
    pub fn for_bottleneck(&self, rows: &[usize], bottleneck: &dyn Bottleneck) -> Result<Part> {
        let width = self.data.n_features();
        ensure!(
            width == bottleneck.n_features(),
            "the embeddings have {width} features, but the model was fitted on {}: give the embeddings of the same layer",
            bottleneck.n_features()
        );
        let classes = &bottleneck.names().classes;
        let number: Vec<Option<u32>> =
            self.data.names().classes.iter().map(|c| classes.iter().position(|k| k == c).map(|p| p as u32)).collect();
        let labels = rows
            .iter()
            .map(|&r| {
                let own = self.data.labels()[r] as usize;
                number[own].with_context(|| {
                    format!(
                        "row {}: the model knows no class '{}'; it knows {}",
                        r + 1,
                        self.data.names().classes[own],
                        few(classes)
                    )
                })
            })
            .collect::<Result<Vec<u32>>>()?;
        let place = |concept: &String| self.data.names().concepts.iter().position(|c| c == concept);
        let concepts = self.data.concepts().and_then(|all| {
            let columns: Vec<Option<usize>> = bottleneck.names().concepts.iter().map(place).collect();
            if columns.iter().all(Option::is_none) {
                return None;
            }
            // A concept of the model that these data have no labels of is missing everywhere.
            Some(Array2::from_shape_fn((rows.len(), columns.len()), |(i, j)| {
                columns[j].map_or(f64::NAN, |c| all[[rows[i], c]])
            }))
        });
        Ok(Part {
            rows: rows.to_vec(),
            embeddings: self.data.embeddings().select(Axis(0), rows),
            labels,
            names: bottleneck.names().clone(),
            concepts,
        })
    }
}

/// Samples as a bottleneck sees them.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Rows of the data.
    pub rows: Vec<usize>,
    /// [samples × features]
    pub embeddings: Array2<f64>,
    /// By the bottleneck's own numbers.
    pub labels: Vec<u32>,
    /// The bottleneck's.
    pub names: Names,
    /// [samples × the bottleneck's concepts], NaN where missing; `None` without any.
    pub concepts: Option<Array2<f64>>,
}

fn numbered(n: usize) -> Vec<String> {
    (1..=n).map(|i| format!("concept{i}")).collect()
}

/// Each concept a group of its own.
fn singles(names: &[String]) -> Vec<Group> {
    names.iter().enumerate().map(|(i, n)| Group { name: n.clone(), members: vec![i], cost: 1.0 }).collect()
}

/// The first of many names, for a message.
pub(crate) fn few(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
    format!("{}{}", shown.join(", "), if names.len() > 12 { ", …" } else { "" })
}
