//! What a bottleneck is fitted to.

use crate::{ConceptPlaces, Grid, ProbeError};
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// Names of the concepts and of the classes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Names {
    /// One a concept, in the order of their columns.
    pub concepts: Vec<String>,
    /// One a class, in the order of their numbers.
    pub classes: Vec<String>,
}

/// Embeddings with labels; concept labels, concept vectors and class vectors where there are any.
#[derive(Debug, Clone, PartialEq)]
pub struct ConceptData {
    embeddings: Array2<f64>,
    labels: Vec<u32>,
    names: Names,
    concepts: Option<Array2<f64>>,
    vectors: Option<Array2<f64>>,
    class_vectors: Option<Array2<f64>>,
    grid: Option<Grid>,
    places: Option<ConceptPlaces>,
}

impl ConceptData {
    /// Embeddings [samples × features] with the class of each sample, from 0.
    ///
    /// # Errors
    /// When the lengths differ, there are fewer than two samples or classes, or a value is not finite.
    pub fn new(embeddings: Array2<f64>, labels: Vec<u32>) -> Result<Self, ProbeError> {
        let (samples, features) = embeddings.dim();
        if samples != labels.len() {
            return Err(ProbeError::LengthMismatch { embeddings: samples, other: labels.len(), what: "labels" });
        }
        if samples < 2 || features == 0 {
            return Err(ProbeError::TooSmall { samples, features });
        }
        check_finite("embeddings", embeddings.view())?;
        if labels.iter().all(|&l| l == labels[0]) {
            return Err(ProbeError::OneClass { label: labels[0] });
        }
        let n_classes = labels.iter().max().map_or(0, |&l| l as usize + 1);
        let names = Names { concepts: vec![], classes: (0..n_classes).map(|k| k.to_string()).collect() };
        Ok(Self {
            embeddings,
            labels,
            names,
            concepts: None,
            vectors: None,
            class_vectors: None,
            grid: None,
            places: None,
        })
    }

    /// Names the classes; there may be more of them than occur here.
    ///
    /// # Errors
    /// When there are fewer names than classes, or two are the same.
    pub fn with_classes(mut self, classes: Vec<String>) -> Result<Self, ProbeError> {
        let largest = self.labels.iter().max().map_or(0, |&l| l as usize + 1);
        if classes.len() < largest {
            return Err(shape("names of classes", classes.len(), largest));
        }
        check_names("class", &classes)?;
        self.names.classes = classes;
        Ok(self)
    }

    /// Adds concept labels [samples × concepts] in [0, 1], NaN where a label is missing, with their names.
    ///
    /// # Errors
    /// When the number of rows or names differs, a name is there twice, or a value is no label.
    pub fn with_concepts(mut self, concepts: Array2<f64>, names: Vec<String>) -> Result<Self, ProbeError> {
        if concepts.nrows() != self.labels.len() {
            return Err(ProbeError::LengthMismatch {
                embeddings: self.labels.len(),
                other: concepts.nrows(),
                what: "rows of concepts",
            });
        }
        self.name_concepts(names, concepts.ncols(), "columns of concepts")?;
        let bad = concepts.indexed_iter().find(|(_, v)| !(v.is_nan() || (0.0..=1.0).contains(*v)));
        if let Some(((row, column), &value)) = bad {
            let concept = self.names.concepts[column].clone();
            return Err(ProbeError::BadConcept { concept, row: row + 1, value });
        }
        self.concepts = Some(concepts);
        Ok(self)
    }

    /// Adds concept vectors [concepts × features] in the space of the embeddings, with their names.
    ///
    /// # Errors
    /// When the width is not that of the embeddings, a vector is zero or not finite, or the names do not fit.
    pub fn with_vectors(mut self, vectors: Array2<f64>, names: Vec<String>) -> Result<Self, ProbeError> {
        self.name_concepts(names, vectors.nrows(), "concept vectors")?;
        self.check_vectors("concept", "concept vectors", vectors.view(), &self.names.concepts)?;
        self.vectors = Some(vectors);
        Ok(self)
    }

    /// Adds a vector [classes × features] for each class in the space of the embeddings.
    ///
    /// # Errors
    /// When there is not one a class, the width is not that of the embeddings, or a vector is zero or not finite.
    pub fn with_class_vectors(mut self, vectors: Array2<f64>) -> Result<Self, ProbeError> {
        if vectors.nrows() != self.n_classes() {
            return Err(shape("class vectors", vectors.nrows(), self.n_classes()));
        }
        self.check_vectors("class", "class vectors", vectors.view(), &self.names.classes)?;
        self.class_vectors = Some(vectors);
        Ok(self)
    }

    /// Other embeddings [samples × features] of the same samples; what lies in the space of the old ones (vectors, grids)
    /// is dropped.
    ///
    /// # Errors
    /// As [`ConceptData::new`].
    pub fn with_embeddings(self, embeddings: Array2<f64>) -> Result<Self, ProbeError> {
        let new = Self::new(embeddings, self.labels)?;
        Ok(Self { names: self.names, concepts: self.concepts, ..new })
    }

    /// Says that each embedding is a grid of cells.
    ///
    /// # Errors
    /// When the cells do not have as many numbers as an embedding.
    pub fn with_grid(mut self, grid: Grid) -> Result<Self, ProbeError> {
        if grid.features() != self.n_features() || grid.cells() == 0 {
            return Err(shape("numbers in the cells of the grid", grid.features(), self.n_features()));
        }
        self.grid = Some(grid);
        Ok(self)
    }

    /// Says where concepts lie in the cells.
    ///
    /// # Errors
    /// When there is no grid, or the numbers of samples, cells, concepts or parts do not fit, or a share is none.
    pub fn with_places(mut self, places: ConceptPlaces) -> Result<Self, ProbeError> {
        let cells = self.grid.map_or(0, |g| g.cells());
        let (samples, parts, found) = places.shares.dim();
        for (what, found, expected) in [
            ("samples of the places", samples, self.n_samples()),
            ("cells of the places", found, cells),
            ("concepts of the places", places.parts.len(), self.n_concepts()),
        ] {
            if found != expected {
                return Err(shape(what, found, expected));
            }
        }
        if let Some(part) = places.parts.iter().flatten().find(|p| **p >= parts) {
            return Err(shape("number of a concept's part", *part, parts));
        }
        if let Some(bad) = places.shares.iter().find(|s| !(0.0..=1.0).contains(*s)) {
            return Err(ProbeError::Data(format!(
                "a part covers {bad} of a cell, but a share from 0 to 1 is expected"
            )));
        }
        self.places = Some(places);
        Ok(self)
    }

    fn name_concepts(&mut self, names: Vec<String>, expected: usize, what: &str) -> Result<(), ProbeError> {
        if names.len() != expected {
            return Err(shape(&format!("names for {expected} {what}"), names.len(), expected));
        }
        check_names("concept", &names)?;
        if !self.names.concepts.is_empty() && self.names.concepts != names {
            return Err(ProbeError::Data(
                "concept labels and concept vectors name different concepts: give them in one order".into(),
            ));
        }
        self.names.concepts = names;
        Ok(())
    }

    fn check_vectors(
        &self,
        kind: &'static str,
        what: &'static str,
        vectors: ArrayView2<'_, f64>,
        names: &[String],
    ) -> Result<(), ProbeError> {
        if vectors.ncols() != self.embeddings.ncols() {
            return Err(shape(&format!("features of the {what}"), vectors.ncols(), self.embeddings.ncols()));
        }
        check_finite(what, vectors)?;
        match vectors.outer_iter().position(|v| v.iter().all(|&x| x == 0.0)) {
            Some(zero) => Err(ProbeError::ZeroVector { kind, name: names[zero].clone() }),
            None => Ok(()),
        }
    }

    /// These samples alone, in this order; classes, concepts and vectors stay.
    ///
    /// # Errors
    /// When fewer than two samples or classes are left.
    pub fn rows(&self, rows: &[usize]) -> Result<Self, ProbeError> {
        let labels: Vec<u32> = rows.iter().map(|&r| self.labels[r]).collect();
        let part = Self::new(self.embeddings.select(Axis(0), rows), labels)?;
        Ok(Self {
            names: self.names.clone(),
            concepts: self.concepts.as_ref().map(|c| c.select(Axis(0), rows)),
            vectors: self.vectors.clone(),
            class_vectors: self.class_vectors.clone(),
            grid: self.grid,
            places: self.places.as_ref().map(|p| p.rows(rows)),
            ..part
        })
    }

    /// These concepts alone, in this order.
    pub fn columns(&self, columns: &[usize]) -> Self {
        let mut part = self.clone();
        part.names.concepts = columns.iter().map(|&c| self.names.concepts[c].clone()).collect();
        part.concepts = self.concepts.as_ref().map(|c| c.select(Axis(1), columns));
        part.vectors = self.vectors.as_ref().map(|v| v.select(Axis(0), columns));
        part.places = self.places.as_ref().map(|p| p.columns(columns));
        part
    }

    /// Embeddings [samples × features].
    pub fn embeddings(&self) -> ArrayView2<'_, f64> {
        self.embeddings.view()
    }

    /// Class of each sample.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Names of concepts and classes.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.labels.len()
    }

    /// Number of features of an embedding.
    pub fn n_features(&self) -> usize {
        self.embeddings.ncols()
    }

    /// Number of classes, those that do not occur among them.
    pub fn n_classes(&self) -> usize {
        self.names.classes.len()
    }

    /// Number of concepts; 0 where there are none.
    pub fn n_concepts(&self) -> usize {
        self.names.concepts.len()
    }

    /// Concept labels [samples × concepts], NaN where missing; where there are any.
    pub fn concepts(&self) -> Option<ArrayView2<'_, f64>> {
        self.concepts.as_ref().map(|c| c.view())
    }

    /// Concept vectors [concepts × features], where there are any.
    pub fn vectors(&self) -> Option<ArrayView2<'_, f64>> {
        self.vectors.as_ref().map(|v| v.view())
    }

    /// Class vectors [classes × features], where there are any.
    pub fn class_vectors(&self) -> Option<ArrayView2<'_, f64>> {
        self.class_vectors.as_ref().map(|v| v.view())
    }

    /// The grid of cells that each embedding is, where it is one.
    pub fn grid(&self) -> Option<Grid> {
        self.grid
    }

    /// Where concepts lie in the cells, where that is known.
    pub fn places(&self) -> Option<&ConceptPlaces> {
        self.places.as_ref()
    }

    /// Samples of each class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0usize; self.n_classes()];
        for &l in &self.labels {
            counts[l as usize] += 1;
        }
        counts
    }

    /// Share of the most frequent class: what guessing achieves.
    pub fn majority_share(&self) -> f64 {
        self.class_counts().iter().max().map_or(0.0, |&c| c as f64 / self.labels.len() as f64)
    }
}

fn shape(what: &str, found: usize, expected: usize) -> ProbeError {
    ProbeError::Shape { what: what.into(), found, expected }
}

fn check_names(kind: &'static str, names: &[String]) -> Result<(), ProbeError> {
    for (second, name) in names.iter().enumerate() {
        if let Some(first) = names[..second].iter().position(|n| n == name) {
            return Err(ProbeError::DuplicateName { kind, name: name.clone(), first: first + 1, second: second + 1 });
        }
    }
    Ok(())
}

pub(crate) fn check_finite(what: &'static str, values: ArrayView2<'_, f64>) -> Result<(), ProbeError> {
    match values.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), &value)) => Err(ProbeError::NotFinite { what, row: row + 1, column: column + 1, value }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn data() -> ConceptData {
        ConceptData::new(array![[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], vec![0, 1, 0]).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn bad_concepts_are_refused_by_name_and_place() {
        let twice = data().with_concepts(array![[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], names(&["red", "red"]));
        assert!(twice.unwrap_err().to_string().contains("'red' is there twice (numbers 1 and 2"));
        let two = data().with_concepts(array![[0.0], [2.0], [f64::NAN]], names(&["red"])).unwrap_err();
        assert!(two.to_string().contains("'red', row 2"), "{two}");
        let rows = data().with_concepts(array![[0.0], [1.0]], names(&["red"])).unwrap_err();
        assert!(rows.to_string().contains("3 embeddings and 2 rows of concepts"), "{rows}");
    }

    #[test]
    fn bad_vectors_are_refused() {
        let zero = data().with_vectors(array![[1.0, 0.0], [0.0, 0.0]], names(&["a", "b"])).unwrap_err();
        assert!(zero.to_string().contains("concept 'b' is zero"), "{zero}");
        let wide = data().with_vectors(array![[1.0, 0.0, 3.0]], names(&["a"])).unwrap_err();
        assert_eq!(wide.to_string(), "features of the concept vectors: 3 found, 2 expected");
        assert!(data().with_class_vectors(array![[1.0, 1.0]]).is_err());
    }

    #[test]
    fn parts_keep_what_belongs_together() {
        let whole = data().with_concepts(array![[0.0, 1.0], [1.0, 0.5], [f64::NAN, 1.0]], names(&["a", "b"])).unwrap();
        let part = whole.rows(&[2, 1]).unwrap().columns(&[1]);
        assert_eq!(part.labels(), [0, 1]);
        assert_eq!(part.concepts().unwrap(), array![[1.0], [0.5]]);
        assert_eq!(part.names().concepts, ["b"]);
    }
}
