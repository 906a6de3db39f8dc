//! Samples with a class and named binary concepts each.

use super::Ceilings;
use crate::DatasetError;
use ndarray::{Array2, Axis};

/// Samples with their classes and concepts; checked when it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct ConceptSet {
    /// Name in tables and manifests.
    pub name: String,
    /// Inputs [samples × features], all finite; images are laid out channels first.
    pub inputs: Array2<f32>,
    /// Class of each sample, from 0.
    pub labels: Vec<u32>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Whether a concept is present [samples × concepts]: 0 or 1.
    pub concepts: Array2<f64>,
    /// Names of the concepts.
    pub concept_names: Vec<String>,
    /// Concepts that a person would tell in one go: the values of one attribute. They are disjoint.
    pub groups: Vec<ConceptGroup>,
    /// What the generating law says of concepts and class, where it is known.
    pub ceilings: Option<Ceilings>,
    /// The generating law itself, where it is known as a table [patterns × classes]: bit j of a pattern's number says
    /// whether concept j is present.
    pub joint: Option<Array2<f64>>,
    /// Where the data come from, where that must be said.
    pub attribution: Option<&'static str>,
}

/// Concepts that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConceptGroup {
    /// Name of the attribute.
    pub name: String,
    /// Columns of its concepts, ascending.
    pub members: Vec<usize>,
}

impl ConceptSet {
    /// Samples with classes and concepts of these names; every concept is a group of its own.
    ///
    /// # Errors
    /// When there are fewer than two samples, lengths differ, a label has no name, an input is not finite, or a concept
    /// is neither 0 nor 1.
    pub fn new(
        name: &str,
        inputs: Array2<f32>,
        (labels, classes): (Vec<u32>, Vec<String>),
        (concepts, concept_names): (Array2<f64>, Vec<String>),
    ) -> Result<Self, DatasetError> {
        let (samples, features) = inputs.dim();
        if samples != labels.len() {
            return Err(DatasetError::LabelCount { inputs: samples, labels: labels.len() });
        }
        if samples < 2 || features == 0 {
            return Err(DatasetError::TooSmall { samples, features });
        }
        let mismatch = |what, found, expected| Err(DatasetError::ConceptShape { what, found, expected });
        if concepts.nrows() != samples {
            return mismatch("rows of concepts", concepts.nrows(), samples);
        }
        if concepts.ncols() != concept_names.len() {
            return mismatch("names of concepts", concept_names.len(), concepts.ncols());
        }
        let largest = labels.iter().max().map_or(0, |&l| l as usize + 1);
        if largest > classes.len() {
            return mismatch("names of classes", classes.len(), largest);
        }
        let mut bad = inputs.indexed_iter().filter(|(_, v)| !v.is_finite());
        if let Some(((row, column), &value)) = bad.next() {
            return Err(DatasetError::NotFinite { count: 1 + bad.count(), row: row + 1, column: column + 1, value });
        }
        if let Some(((row, column), &value)) = concepts.indexed_iter().find(|(_, v)| **v != 0.0 && **v != 1.0) {
            return Err(DatasetError::ConceptValue { row: row + 1, concept: concept_names[column].clone(), value });
        }
        let alone = |(j, name): (usize, &String)| ConceptGroup { name: name.clone(), members: vec![j] };
        let groups = concept_names.iter().enumerate().map(alone).collect();
        let name = name.into();
        let (ceilings, joint, attribution) = (None, None, None);
        Ok(Self { name, inputs, labels, classes, concepts, concept_names, groups, ceilings, joint, attribution })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no samples; never true of a value that exists.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The samples of these rows, in this order. Classes and concepts keep their numbers, the law its ceilings and table.
    ///
    /// # Errors
    /// When a row does not exist, or fewer than two remain.
    pub fn subset(&self, rows: &[usize]) -> Result<Self, DatasetError> {
        if let Some(&row) = rows.iter().find(|&&r| r >= self.len()) {
            return Err(DatasetError::NoSuchRow { row, samples: self.len() });
        }
        if rows.len() < 2 {
            return Err(DatasetError::TooSmall { samples: rows.len(), features: self.inputs.ncols() });
        }
        Ok(Self {
            inputs: self.inputs.select(Axis(0), rows),
            labels: rows.iter().map(|&r| self.labels[r]).collect(),
            concepts: self.concepts.select(Axis(0), rows),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_string()).collect()
    }

    fn make(inputs: Array2<f32>, labels: &[u32], concepts: Array2<f64>, named: &[&str]) -> Result<ConceptSet, String> {
        let classes = names(&["a", "b"]);
        ConceptSet::new("s", inputs, (labels.to_vec(), classes), (concepts, names(named))).map_err(|e| e.to_string())
    }

    #[test]
    fn a_subset_keeps_everything_together() {
        let set = make(array![[1.0], [2.0], [3.0]], &[0, 1, 1], array![[0.0], [1.0], [0.0]], &["c"]).unwrap();
        let part = set.subset(&[2, 0]).unwrap();
        assert_eq!((part.inputs, part.labels), (array![[3.0], [1.0]], vec![1, 0]));
        assert_eq!(part.concepts, array![[0.0], [0.0]]);
        assert!(set.subset(&[3, 1]).unwrap_err().to_string().contains("row 3"));
    }

    #[test]
    fn each_fault_says_what_was_found() {
        let x = || array![[1.0], [2.0]];
        let fault = |labels: &[u32], concepts, named: &[&str]| make(x(), labels, concepts, named).unwrap_err();
        assert!(fault(&[0], array![[0.0], [1.0]], &["c"]).contains("2 inputs but 1 labels"));
        assert!(fault(&[0, 2], array![[0.0], [1.0]], &["c"]).contains("names of classes: 2, but 3"));
        assert!(fault(&[0, 1], array![[0.0], [1.0]], &["c", "d"]).contains("names of concepts: 2, but 1"));
        assert!(fault(&[0, 1], array![[0.0]], &["c"]).contains("rows of concepts: 1, but 2"));
        assert!(fault(&[0, 1], array![[0.0], [0.5]], &["c"]).contains("concept \"c\" is 0.5 in row 2"));
        assert!(make(array![[1.0], [f32::NAN]], &[0, 1], array![[0.0], [1.0]], &["c"]).unwrap_err().contains("NaN"));
    }
}
